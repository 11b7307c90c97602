/* SPDX-License-Identifier: BSD-3-Clause */
/* Batches in an order known beforehand, and that it does not matter where the rows are. */
#include "base/input.h"
#include "data/reader.h"
#include "data/storage.h"

#include "far_rows.h"
#include "sanitized.h"
#include "suites.h"

#include <libae/experimental.h>
#include <fcntl.h>
#include <limits.h>

enum { ROWS = 230, WIDTH = 13, BATCH = 32 };

typedef struct world {
    float *values, *others;
    far_source *source, *other_source;
    ae_dataset *rows, *other_rows;
} world;

static world make(int kind)
{
    world w = {.values = fixture_values(ROWS * WIDTH, 0, 1, 5),
               .others = fixture_values(50 * WIDTH, 0, 1, 6)};
    w.source = far_source_of(w.values, ROWS, WIDTH);
    w.other_source = far_source_of(w.others, 50, WIDTH);
    w.rows = far_rows(kind, w.values, ROWS, WIDTH, w.source);
    w.other_rows = far_rows(kind, w.others, 50, WIDTH, w.other_source);
    return w;
}

static void drop(world *w)
{
    ae_dataset_free(w->rows);
    ae_dataset_free(w->other_rows);
    ck_assert_int_eq(atomic_load(&w->source->twice), 0);
    free(w->source);
    free(w->other_source);
    free(w->values);
    free(w->others);
}

static void assert_batch(const world *w, aei_reader *reader, const uint32_t *order, size_t number)
{
    float row[WIDTH];
    aei_batch batch;
    ck_assert_ok(aei_reader_take(reader, number, &batch));
    const size_t first = number * BATCH, left = ROWS - first;
    ck_assert_uint_eq(batch.count, left < BATCH ? left : BATCH);
    for (size_t r = 0; r < batch.count; r++) {
        const size_t there = order == NULL ? first + r : order[first + r];
        aei_dataset_gather(batch.dataset, batch.rows + r, 1, 0, WIDTH, row, WIDTH);
        ck_assert_mem_eq(row, w->values + there * WIDTH, sizeof row);
    }
}

START_TEST(batches_come_in_any_order_from_anywhere)
{
    world w = make(_i);
    aei_reader *reader = NULL;
    uint32_t order[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        order[i] = (uint32_t)((i * 77 + 5) % ROWS);
    ck_assert_ok(aei_reader_create(&reader, w.rows, BATCH, NULL, NULL));
    ck_assert_uint_eq(aei_reader_count(reader), 8);
    for (size_t k = 0; k < 8; k++)
        assert_batch(&w, reader, NULL, k);
    aei_reader_begin(reader, order);
    const size_t numbers[] = {0, 1, 2, 2, 1, 7, 0, 1, 6, 7, 7, 3, 5, 4};
    for (size_t i = 0; i < COUNT(numbers); i++)
        assert_batch(&w, reader, order, numbers[i]);
    aei_reader_begin(reader, order);
    for (size_t i = 0; i < ROWS; i++)
        order[i] = (uint32_t)(ROWS - 1 - i);
    for (size_t k = 0; k < 8; k++)
        assert_batch(&w, reader, order, k);
    float row[WIDTH];
    for (size_t r = 0; r < ROWS; r += 3) {
        ck_assert_ok(aei_reader_row(reader, r, row));
        ck_assert_mem_eq(row, w.values + (ROWS - 1 - r) * WIDTH, sizeof row);
    }
    aei_reader_free(reader);
    drop(&w);
}
END_TEST

/* Of 230 rows in batches of 32 the last has 6. The second share has none of it. */
START_TEST(a_share_is_these_places_of_each_batch_and_no_others)
{
    const aei_reader_share shares[] = {
        {.batches = 8, .first = 10, .count = 7, .last_first = 2, .last_count = 4},
        {.batches = 8, .first = 0, .count = 3},
        {.batches = 7, .first = 31, .count = 1},
    };
    uint32_t order[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        order[i] = (uint32_t)((i * 77 + 5) % ROWS);
    for (size_t s = 0; s < COUNT(shares); s++) {
        const aei_reader_share *share = &shares[s];
        world w = make(_i);
        aei_reader *reader = NULL;
        size_t asked = 0;
        ck_assert_ok(aei_reader_create_share(&reader, w.rows, BATCH, share, NULL, NULL));
        ck_assert_uint_eq(aei_reader_count(reader), share->batches);
        aei_reader_begin(reader, order);
        for (size_t k = 0; k < share->batches; k++) {
            const bool last = k == ROWS / BATCH;
            const size_t first = k * BATCH + (last ? share->last_first : share->first);
            aei_batch batch;
            ck_assert_ok(aei_reader_take(reader, k, &batch));
            ck_assert_uint_eq(batch.count, last ? share->last_count : share->count);
            for (size_t r = 0; r < batch.count; r++) {
                float row[WIDTH];
                aei_dataset_gather(batch.dataset, batch.rows + r, 1, 0, WIDTH, row, WIDTH);
                ck_assert_mem_eq(row, w.values + order[first + r] * (size_t)WIDTH, sizeof row);
            }
            asked += batch.count;
        }
        aei_reader_rest(reader);
        if (_i == FAR_SOURCE)
            ck_assert_uint_eq(atomic_load(&w.source->asked), asked);
        aei_reader_free(reader);
        drop(&w);
    }
}
END_TEST

typedef struct watched {
    aei_reader *reader;
    const uint32_t *promise;
    size_t calls, firsts, last;
    bool in_turn; /* each batch after the one before it, where it was not called a first */
} watched;

static void watch(void *context, size_t number, bool first)
{
    watched *w = context;
    w->in_turn &= first || number == w->last + 1 || (number == 0 && w->last == 7);
    w->calls++;
    w->firsts += first;
    w->last = number;
    if (number >= 5)
        aei_reader_promise(w->reader, w->promise);
}

/* Two epochs with the promise kept, then one with it broken. */
START_TEST(a_promise_is_kept_or_broken_without_a_wrong_row)
{
    world w = make(_i);
    uint32_t orders[3][ROWS];
    static const uint32_t steps[] = {77, 51, 3};
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < ROWS; i++)
            orders[k][i] = (uint32_t)((i * steps[k] + k) % ROWS);
    watched seen = {.promise = orders[1], .in_turn = true};
    ck_assert_ok(aei_reader_create(&seen.reader, w.rows, BATCH, NULL, NULL));
    aei_reader_watch(seen.reader, watch, &seen);
    for (size_t k = 0; k < 3; k++) {
        aei_reader_begin(seen.reader, orders[k]);
        for (size_t n = 0; n < 8; n++)
            assert_batch(&w, seen.reader, orders[k], n);
    }
    aei_reader_rest(seen.reader);
    const bool far = _i != FAR_MEMORY;
    ck_assert(seen.in_turn);
    ck_assert_uint_eq(seen.calls, far ? 24 : 0);
    ck_assert_uint_eq(seen.firsts, far ? 2 : 0);
    assert_batch(&w, seen.reader, orders[2], 3);
    aei_reader_rest(seen.reader);
    ck_assert_uint_eq(seen.firsts, far ? 3 : 0);
    aei_reader_free(seen.reader);
    drop(&w);
}
END_TEST

/* A program may have no descriptor left for a file, or may have closed it: it is opened again. */
START_TEST(rows_come_from_the_file_even_if_it_is_closed)
{
    enum { WIDE = 300, COUNT_OF_ROWS = 20 };
    const uint32_t rows[] = {7, 3, 4, 5, 19, 0, 0};
    float *values = fixture_values(COUNT_OF_ROWS * WIDE, 0, 1, 5), read[COUNT(rows) * WIDE];
    ae_dataset *dataset = far_mapped("wide.npy", values, COUNT_OF_ROWS, WIDE);
    const aei_kept file = dataset->storage->file;
    const int descriptors[] = {file.descriptor, 0, INT_MAX}; /* the last of which nobody has */
    ck_assert_int_gt(file.descriptor, 0);
    for (size_t i = 0; i < COUNT(descriptors); i++) {
        memset(read, 0, sizeof read);
        dataset->storage->file.descriptor = descriptors[i];
        ck_assert_ok(aei_dataset_fetch(dataset, rows, COUNT(rows), read));
        for (size_t r = 0; r < COUNT(rows); r++)
            ck_assert_mem_eq(read + r * WIDE, values + rows[r] * WIDE, WIDE * sizeof *read);
    }
    ck_assert_ok(ae_npy_write(support_path("wide.npy"), values, COUNT_OF_ROWS, WIDE));
    ck_assert_status(aei_dataset_fetch(dataset, rows, 1, read), AE_ERROR_IO,
                     "wide.npy: another file is there now");
    dataset->storage->file = file;
    ck_assert_ok(aei_dataset_fetch(dataset, rows, 1, read)); /* the one that was opened */
    ae_dataset_free(dataset);
    ck_assert_int_eq(fcntl(file.descriptor, F_GETFD), -1); /* closed with the dataset */
    free(values);
}
END_TEST

typedef struct outcome {
    ae_evaluation evaluation, mean_evaluation;
    float mean[WIDTH], offset[WIDTH], scale[WIDTH];
    ae_threshold threshold;
    ae_diagnosis diagnosis;
    ae_epoch_info epochs[3];
} outcome;

static void look(outcome *o, ae_network *network, const world *w)
{
    o->evaluation.size = o->mean_evaluation.size = sizeof o->evaluation;
    o->threshold.size = sizeof o->threshold;
    o->diagnosis.size = sizeof o->diagnosis;
    ck_assert_ok(ae_dataset_mean(w->rows, o->mean));
    ck_assert_ok(ae_network_evaluate(network, w->other_rows, &o->evaluation, NULL));
    ck_assert_ok(ae_dataset_evaluate_mean(w->rows, w->other_rows, &o->mean_evaluation));
    ck_assert_ok(ae_network_get_scaling(network, o->offset, o->scale));
    ck_assert_ok(ae_network_fit_threshold(network, w->other_rows, NULL));
    ck_assert_ok(ae_network_get_threshold(network, &o->threshold));
    ck_assert_ok(ae_network_diagnose(network, w->rows, w->other_rows, &o->diagnosis, NULL));
}

/* Everything that takes a dataset, in one life. */
static ae_network *live(int kind, size_t threads, outcome *o)
{
    memset(o, 0, sizeof *o);
    world w = make(kind);
    ae_dataset *shuffled = NULL;
    ae_network *network = FIXTURE_NETWORK(WIDTH, 9, 3, 9, WIDTH);
    ae_optimizer *optimizer = fixture_adam(0.01f);
    ck_assert_ok(ae_dataset_shuffle(&shuffled, w.rows, 9));
    ck_assert_ok(
        ae_network_fit_scaling(network, shuffled, AE_SCALING_OPTIONS(.kind = AE_SCALING_MIN_MAX)));
    ae_trainer *trainer = fixture_trainer(network, optimizer, shuffled,
                                          AE_TRAINER_OPTIONS(.batch = BATCH, .threads = threads,
                                                             .seed = 3,
                                                             .validation = w.other_rows));
    ae_dataset_free(shuffled);
    for (size_t e = 0; e < 3; e++) {
        o->epochs[e].size = sizeof o->epochs[e];
        ck_assert_ok(ae_trainer_run_epoch(trainer, &o->epochs[e]));
        o->epochs[e].seconds = 0;
    }
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    look(o, network, &w);
    drop(&w);
    return network;
}

START_TEST(it_does_not_matter_where_rows_are)
{
    outcome near, far;
    ae_network *a = live(FAR_MEMORY, 1, &near), *b = live(_i, 2, &far);
    ck_assert(fixture_same_state(a, b));
    ck_assert_mem_eq(&near, &far, sizeof near);
    ae_network_free(a);
    ae_network_free(b);
}
END_TEST

START_TEST(a_value_in_a_file_that_is_not_finite_stops_the_step)
{
    world w = make(FAR_MEMORY);
    w.values[100 * WIDTH + 7] = _i == 0 ? NAN : -INFINITY;
    ae_dataset *mapped = far_mapped("damaged.npy", w.values, ROWS, WIDTH), *view = NULL;
    float row[WIDTH];
    ck_assert_ok(ae_dataset_view(&view, mapped, 50, 100));
    ae_network *network = FIXTURE_NETWORK(WIDTH, 4, WIDTH);
    ae_optimizer *sgd = fixture_sgd(0.1f);
    ae_trainer *trainer = fixture_trainer(network, sgd, view, AE_TRAINER_OPTIONS(.batch = 10));
    size_t count;
    ae_status status;
    float *before, *after;
    do {
        before = fixture_state(network, &count);
        status = ae_trainer_run_step(trainer, NULL);
        after = fixture_state(network, &count);
        const bool same = memcmp(before, after, count * sizeof *after) == 0;
        ck_assert(same == (status != AE_OK));
        free(before);
        free(after);
    } while (status == AE_OK);
    ck_assert_status(status, AE_ERROR_DATA, "training set: row 50, column 7: ");
    ck_assert(support_contains(ae_last_error(), "(row 100 of "));
    ck_assert(support_contains(ae_last_error(), "damaged.npy)"));
    ck_assert_status(ae_dataset_check(view), AE_ERROR_DATA, "row 50, column 7: ");
    ck_assert_status(ae_dataset_check(mapped), AE_ERROR_DATA, "row 100, column 7: ");
    ck_assert_status(ae_dataset_read(mapped, 100, 1, row), AE_ERROR_DATA, "row 100, column 7: ");
    ck_assert_ok(ae_dataset_read(mapped, 99, 1, row));
    ck_assert_status(ae_network_fit_scaling(network, mapped, NULL), AE_ERROR_DATA, "row 100");
    ae_trainer_free(trainer);
    ae_optimizer_free(sgd);
    ae_network_free(network);
    ae_dataset_free(view);
    ae_dataset_free(mapped);
    drop(&w);
}
END_TEST

START_TEST(parts_keep_labels_and_name_the_part_that_fails)
{
    world w = make(FAR_SOURCE);
    int32_t labels[ROWS];
    float row[WIDTH];
    for (int32_t i = 0; i < ROWS; i++)
        labels[i] = 3 * i;
    ae_dataset *labelled = NULL, *all = NULL, *more = NULL, *shuffled = NULL;
    ck_assert_ok(ae_dataset_create_labelled(&labelled, w.rows, labels, ROWS));
    const ae_dataset *const parts[] = {labelled, labelled}, *const again[] = {labelled, NULL};
    ck_assert_status(ae_dataset_concat(&all, again, 2), AE_ERROR_INVALID_ARGUMENT,
                     "parts[1] is NULL");
    for (size_t n = 1;; n++) {
        support_fail_allocation(n);
        const ae_status status = ae_dataset_concat(&all, parts, 2);
        support_fail_allocation(0);
        if (status == AE_OK)
            break;
        ck_assert_int_eq(status, AE_ERROR_OUT_OF_MEMORY);
        ck_assert_ptr_null(all);
    }
    ck_assert_uint_eq(atomic_load(&w.source->asked), 0);
    ck_assert_uint_eq(ae_dataset_row_count(all), 2 * ROWS);
    ck_assert_int_eq(ae_dataset_label(all, ROWS + 5), 15);
    ae_dataset_free(labelled);
    ck_assert_ok(ae_dataset_concat(&more, (const ae_dataset *const[]){all, w.other_rows}, 2));
    ae_dataset_free(all);
    ck_assert_ok(ae_dataset_shuffle(&shuffled, more, 1));
    for (size_t r = 0; r < 2 * ROWS + 50; r += 7) {
        const uint32_t there = shuffled->index[r];
        const float *wanted = there < 2 * ROWS ? w.values + there % ROWS * WIDTH
                                               : w.others + (there - 2 * ROWS) * WIDTH;
        ck_assert_ok(ae_dataset_read(shuffled, r, 1, row));
        ck_assert_mem_eq(row, wanted, sizeof row);
    }
    w.source->stop_row = 7;
    ck_assert_status(ae_dataset_read(more, ROWS + 7, 1, row), AE_ERROR_CANCELLED,
                     "part 0: part 1: 1 rows from row 7 on");
    ae_dataset_free(shuffled);
    ae_dataset_free(more);
    drop(&w);
}
END_TEST

static int three_more_steps(void *argument)
{
    ae_trainer *trainer = argument;
    double cost = 0;
    for (int i = 0; i < 3; i++)
        if (ae_trainer_run_step(trainer, &cost) != AE_OK)
            return 1;
    ae_trainer_free(trainer);
    return (int)(fmod(cost * 1e6, 200)) + 2;
}

START_TEST(a_child_of_fork_reads_on)
{
    world w = make(FAR_SOURCE);
    ae_network *network = FIXTURE_NETWORK(WIDTH, 4, WIDTH);
    ae_optimizer *sgd = fixture_sgd(0.1f);
    ae_trainer *trainer = fixture_trainer(network, sgd, w.rows,
                                          AE_TRAINER_OPTIONS(.batch = 10, .threads = 1));
    ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    const int child = THREAD_SANITIZER ? 0 : support_in_child(three_more_steps, trainer);
    const int parent = three_more_steps(trainer);
    ck_assert(THREAD_SANITIZER || (child >= 2 && child == parent));
    ae_optimizer_free(sgd);
    ae_network_free(network);
    drop(&w);
}
END_TEST

START_TEST(failing_allocations_leave_nothing_behind)
{
    world w = make(_i);
    aei_reader *reader = NULL;
    for (size_t n = 1;; n++) {
        support_fail_allocation(n);
        const ae_status status = aei_reader_create(&reader, w.rows, BATCH, NULL, NULL);
        support_fail_allocation(0);
        if (status == AE_OK)
            break;
        ck_assert_int_eq(status, AE_ERROR_OUT_OF_MEMORY);
        ck_assert_ptr_null(reader);
    }
    const size_t before = support_allocations();
    for (size_t k = 0; k < 8; k++)
        assert_batch(&w, reader, NULL, k);
    ck_assert_uint_eq(support_allocations(), before);
    aei_reader_free(reader);
    drop(&w);
}
END_TEST

Suite *reader_suite(void)
{
    Suite *suite = suite_create("reader");
    TCase *tcase = tcase_create("reader");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_loop_test(tcase, batches_come_in_any_order_from_anywhere, 0, FAR_KINDS);
    tcase_add_loop_test(tcase, a_share_is_these_places_of_each_batch_and_no_others, 0, FAR_KINDS);
    tcase_add_loop_test(tcase, a_promise_is_kept_or_broken_without_a_wrong_row, 0, FAR_KINDS);
    tcase_add_test(tcase, rows_come_from_the_file_even_if_it_is_closed);
    tcase_add_loop_test(tcase, it_does_not_matter_where_rows_are, 0, FAR_KINDS);
    tcase_add_loop_test(tcase, a_value_in_a_file_that_is_not_finite_stops_the_step, 0, 2);
    tcase_add_test(tcase, parts_keep_labels_and_name_the_part_that_fails);
    /* What only the parent's thread points to is lost in the child, and valgrind says so. */
    const char *slow = getenv("AE_TEST_SLOW");
    support_add_test(tcase, a_child_of_fork_reads_on,
                     slow != NULL && strcmp(slow, "valgrind") == 0
                         ? "a child whose threads valgrind knows of"
                         : NULL);
    tcase_add_loop_test(tcase, failing_allocations_leave_nothing_behind, 0, FAR_KINDS);
    suite_add_tcase(suite, tcase);
    return suite;
}
