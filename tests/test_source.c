/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows that a program supplies: what it is asked, how it stops, when it is let go; missing values
 * among them. */
#include "far_rows.h"
#include "suites.h"

#include <libae/missing.h>

enum { ROWS = 300, WIDTH = 11 };

typedef struct world {
    float *values;
    far_source *source;
    ae_dataset *dataset;
} world;

static world make(void)
{
    world w = {.values = fixture_values(ROWS * WIDTH, 0, 1, 5)};
    w.source = far_source_of(w.values, ROWS, WIDTH);
    w.dataset = far_dataset(w.source);
    return w;
}

static void drop(world *w)
{
    ae_dataset_free(w->dataset);
    ck_assert_int_eq(atomic_load(&w->source->twice), 0);
    ck_assert_int_eq(atomic_load(&w->source->released), 1);
    free(w->source);
    free(w->values);
}

START_TEST(nothing_is_read_until_it_is_wanted)
{
    world w = make();
    ae_dataset *shuffled = NULL, *first = NULL, *rest = NULL;
    ck_assert_ok(ae_dataset_shuffle(&shuffled, w.dataset, 3));
    ck_assert_ok(ae_dataset_split(&first, &rest, shuffled, 200));
    ck_assert_uint_eq(ae_dataset_row_count(rest), 100);
    ck_assert_uint_eq(ae_dataset_feature_count(rest), WIDTH);
    ck_assert_uint_eq(atomic_load(&w.source->asked), 0);
    ae_dataset_free(shuffled);
    ae_dataset_free(first);
    ck_assert_int_eq(atomic_load(&w.source->released), 0);
    float row[WIDTH];
    ck_assert_ok(ae_dataset_read(rest, 7, 1, row));
    ck_assert_uint_eq(atomic_load(&w.source->asked), 1);
    ae_dataset_free(rest);
    drop(&w);
}
END_TEST

START_TEST(a_scaling_a_mean_and_a_check_read_as_often_as_they_must)
{
    enum { MANY = 14000 }; /* more than a reader holds at once */
    world w = {.values = fixture_values(MANY * WIDTH, 0, 1, 5)};
    w.source = far_source_of(w.values, MANY, WIDTH);
    w.dataset = far_dataset(w.source);
    float mean[WIDTH];
    ae_network *network = FIXTURE_NETWORK(WIDTH, 4, WIDTH);
    ck_assert_ok(ae_dataset_check(w.dataset));
    ck_assert_uint_eq(atomic_load(&w.source->asked), MANY);
    ck_assert_ok(ae_dataset_mean(w.dataset, mean));
    ck_assert_uint_eq(atomic_load(&w.source->asked), 2 * MANY);
    ck_assert_ok(ae_network_fit_scaling(network, w.dataset, NULL));
    ck_assert_uint_eq(atomic_load(&w.source->asked), 3 * MANY);
    ck_assert_ok(
        ae_network_fit_scaling(network, w.dataset, AE_SCALING_OPTIONS(.kind = AE_SCALING_Z_SCORE)));
    ck_assert_uint_eq(atomic_load(&w.source->asked), 5 * MANY);
    ae_network_free(network);
    drop(&w);
}
END_TEST

typedef struct training {
    ae_network *network;
    ae_optimizer *optimizer;
    ae_trainer *trainer;
} training;

static training start(const world *w)
{
    training t = {.network = FIXTURE_NETWORK(WIDTH, 6, 3, 6, WIDTH),
                  .optimizer = fixture_adam(0.01f)};
    t.trainer = fixture_trainer(t.network, t.optimizer, w->dataset,
                                AE_TRAINER_OPTIONS(.batch = 20, .threads = 2, .seed = 4));
    return t;
}

static void end(training *t)
{
    ae_trainer_free(t->trainer);
    ae_optimizer_free(t->optimizer);
    ae_network_free(t->network);
}

START_TEST(a_trainer_reads_two_batches_ahead_and_no_row_twice)
{
    world w = make();
    training t = start(&w);
    ck_assert_uint_eq(atomic_load(&w.source->asked), 0);
    ck_assert_ok(ae_trainer_run_step(t.trainer, NULL));
    const size_t asked = atomic_load(&w.source->asked);
    ck_assert(asked >= 20 && asked <= 60);
    ck_assert_ok(ae_trainer_run_epoch(t.trainer, NULL));
    ck_assert_uint_eq(atomic_load(&w.source->asked), ROWS);
    end(&t);
    drop(&w);
}
END_TEST

START_TEST(a_source_lives_until_its_last_reader_is_freed)
{
    world w = make();
    training t = start(&w);
    ck_assert_ok(ae_trainer_run_step(t.trainer, NULL));
    ae_dataset_free(w.dataset);
    w.dataset = NULL;
    ck_assert_int_eq(atomic_load(&w.source->released), 0);
    ck_assert_ok(ae_trainer_run_epoch(t.trainer, NULL));
    end(&t);
    ck_assert_int_eq(atomic_load(&w.source->released), 1);
    const size_t asked = atomic_load(&w.source->asked);
    drop(&(world){w.values, w.source, NULL});
    ck_assert_uint_eq(asked, ROWS);
}
END_TEST

/* The run stops before the step that wants the row, and goes on when the row can be had. */
static void stop_and_go_on(ae_status wanted, const char *text, size_t far_source_field)
{
    world w = make(), twin = make();
    training t = start(&w), calm = start(&twin);
    atomic_size_t *row = (atomic_size_t *)(void *)((char *)w.source + far_source_field);
    atomic_store(row, 42);
    ae_status status = AE_OK;
    while ((status = ae_trainer_run_step(t.trainer, NULL)) == AE_OK)
        ck_assert_ok(ae_trainer_run_step(calm.trainer, NULL));
    ck_assert_status(status, wanted, text);
    ck_assert(support_contains(ae_last_error(), "training set: "));
    ck_assert_uint_eq(ae_trainer_step_count(t.trainer), ae_trainer_step_count(calm.trainer));
    ck_assert(fixture_same_state(t.network, calm.network));
    ck_assert_status(ae_trainer_run_step(t.trainer, NULL), wanted, text);
    atomic_store(row, SIZE_MAX);
    for (int i = 0; i < 20; i++) {
        ck_assert_ok(ae_trainer_run_step(t.trainer, NULL));
        ck_assert_ok(ae_trainer_run_step(calm.trainer, NULL));
    }
    ck_assert(fixture_same_state(t.network, calm.network));
    end(&t);
    end(&calm);
    drop(&w);
    drop(&twin);
}

START_TEST(a_source_that_stops_is_named_by_row_and_asked_again)
{
    stop_and_go_on(AE_ERROR_CANCELLED, "the source returned 7", offsetof(far_source, stop_row));
}
END_TEST

START_TEST(a_row_that_is_not_filled_in_is_refused)
{
    stop_and_go_on(AE_ERROR_DATA, "(row 42 of the source)", offsetof(far_source, lazy_row));
}
END_TEST

START_TEST(every_call_that_reads_says_that_the_source_stopped)
{
    world w = make();
    float mean[WIDTH], *rows = fixture_allocate(ROWS * WIDTH, sizeof *rows);
    ae_evaluation evaluation = {.size = sizeof evaluation};
    ae_network *network = FIXTURE_NETWORK(WIDTH, 4, WIDTH);
    w.source->stop_row = 299;
    const char *text = "the source returned 7";
    ck_assert_status(ae_dataset_read(w.dataset, 0, ROWS, rows), AE_ERROR_CANCELLED, text);
    ck_assert_status(ae_dataset_mean(w.dataset, mean), AE_ERROR_CANCELLED, text);
    ck_assert_status(ae_dataset_check(w.dataset), AE_ERROR_CANCELLED, text);
    ck_assert_status(ae_network_fit_scaling(network, w.dataset, NULL), AE_ERROR_CANCELLED, text);
    ck_assert_int_eq(ae_network_has_scaling(network), 0);
    ck_assert_status(ae_network_evaluate(network, w.dataset, &evaluation, NULL), AE_ERROR_CANCELLED,
                     text);
    ck_assert_status(ae_network_fit_threshold(network, w.dataset, NULL), AE_ERROR_CANCELLED, text);
    ck_assert_status(ae_dataset_evaluate_mean(w.dataset, w.dataset, &evaluation),
                     AE_ERROR_CANCELLED, text);
    ae_network_free(network);
    free(rows);
    drop(&w);
}
END_TEST

START_TEST(values_that_the_output_cannot_reach_stop_the_step)
{
    world w = make();
    training t = start(&w);
    w.values[77 * WIDTH + 3] = 1.5f;
    ae_status status;
    while ((status = ae_trainer_run_step(t.trainer, NULL)) == AE_OK)
        ck_assert_uint_lt(ae_trainer_step_count(t.trainer), 15);
    ck_assert_status(status, AE_ERROR_DATA,
                     "training set: row 77, column 3: 1.5 is outside [0, 1]");
    end(&t);
    drop(&w);
}
END_TEST

/* A world of rows with missing values: about a tenth of all, the first of row 17 among them. */
static world make_with_holes(void)
{
    world w = {.values = fixture_values(ROWS * WIDTH, 0, 1, 5)};
    uint64_t state = 4;
    for (size_t i = 0; i < ROWS * WIDTH; i++)
        if (fixture_uniform(&state) < 0.1f || i == 17 * WIDTH)
            w.values[i] = NAN;
    w.source = far_source_of(w.values, ROWS, WIDTH);
    w.dataset = far_dataset_with_holes(w.source);
    return w;
}

static ae_dataset *in_memory(const float *values, size_t rows)
{
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_f32(&dataset, values, rows, WIDTH,
                                       AE_DATASET_OPTIONS(.missing = AE_MISSING_KEEP)));
    return dataset;
}

/* Two epochs, validated on the same rows, which are scored too. */
static ae_network *train_and_score(const ae_dataset *dataset, double *validation, float *scores)
{
    ae_network *network = FIXTURE_NETWORK(WIDTH, 6, 3, 6, WIDTH);
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_session *session = NULL;
    ae_epoch_info info = {.size = sizeof info};
    ck_assert_ok(ae_network_fit_scaling(network, dataset, NULL));
    ae_trainer *trainer = fixture_trainer(
        network, adam, dataset,
        AE_TRAINER_OPTIONS(.batch = 20, .threads = 2, .seed = 4, .validation = dataset));
    for (int i = 0; i < 2; i++)
        ck_assert_ok(ae_trainer_run_epoch(trainer, &info));
    *validation = info.validation_cost;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_session_score_dataset(session, dataset, scores, NULL, NULL));
    ck_assert_ok(ae_network_fit_threshold(network, dataset, NULL));
    ae_session_free(session);
    ae_trainer_free(trainer);
    ae_optimizer_free(adam);
    return network;
}

static void same_as_memory(const ae_dataset *far, const ae_dataset *memory)
{
    double costs[2];
    float scores[2][ROWS];
    ae_network *a = train_and_score(far, &costs[0], scores[0]),
               *b = train_and_score(memory, &costs[1], scores[1]);
    ck_assert(fixture_same_state(a, b));
    ck_assert_mem_eq(costs, costs + 1, sizeof *costs);
    ck_assert_mem_eq(scores[0], scores[1], sizeof scores[0]);
    float fill[2][WIDTH];
    ck_assert_ok(ae_network_get_fill(a, fill[0]));
    ck_assert_ok(ae_network_get_fill(b, fill[1]));
    ck_assert_mem_eq(fill[0], fill[1], sizeof fill[0]);
    ae_threshold thresholds[2] = {{.size = sizeof *thresholds}, {.size = sizeof *thresholds}};
    ck_assert_ok(ae_network_get_threshold(a, &thresholds[0]));
    ck_assert_ok(ae_network_get_threshold(b, &thresholds[1]));
    ck_assert_mem_eq(&thresholds[0].value, &thresholds[1].value, sizeof thresholds[0].value);
    ae_network_free(a);
    ae_network_free(b);
}

START_TEST(missing_values_give_the_same_bits_as_in_memory)
{
    world w = make_with_holes();
    ae_dataset *memory = in_memory(w.values, ROWS), *first = NULL, *rest = NULL, *all = NULL;
    ck_assert_uint_eq(atomic_load(&w.source->asked), 0);
    ck_assert_int_eq(ae_dataset_has_missing(w.dataset), 1);
    same_as_memory(w.dataset, memory);
    /* The second half from the source, the first in memory; parts keep what they have. */
    ck_assert_ok(ae_dataset_view(&first, memory, 0, ROWS / 2));
    ck_assert_ok(ae_dataset_view(&rest, w.dataset, ROWS / 2, ROWS - ROWS / 2));
    const size_t asked = atomic_load(&w.source->asked);
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const[]){first, rest}, 2));
    ck_assert_uint_eq(atomic_load(&w.source->asked), asked);
    ck_assert_int_eq(ae_dataset_has_missing(all), 1);
    same_as_memory(all, memory);
    ae_dataset_free(all);
    ae_dataset_free(first);
    ae_dataset_free(rest);
    ae_dataset_free(memory);
    drop(&w);
}
END_TEST

/* Which of the rows of a dataset of parts lack a value is known of parts in memory. */
START_TEST(parts_answer_for_their_own_rows)
{
    enum { HALF = 2 };
    const float whole[HALF * WIDTH] = {1}, hole[WIDTH] = {0, 0, NAN};
    ae_dataset *full = in_memory(whole, HALF), *holed = in_memory(hole, 1);
    world w = make();
    ae_dataset *all = NULL, *view = NULL;
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const[]){full, w.dataset, holed}, 3));
    ck_assert_int_eq(ae_dataset_has_missing(all), 1);
    ck_assert_ok(ae_dataset_view(&view, all, 0, HALF + ROWS));
    ck_assert_int_eq(ae_dataset_has_missing(view), 0);
    ae_dataset_free(view);
    ck_assert_ok(ae_dataset_view(&view, all, HALF + ROWS - 1, 2));
    ck_assert_int_eq(ae_dataset_has_missing(view), 1);
    ae_network *network = FIXTURE_NETWORK(WIDTH, 4, WIDTH);
    ae_evaluation evaluation = {.size = sizeof evaluation};
    ck_assert_status(ae_network_evaluate(network, view, &evaluation, NULL), AE_ERROR_DATA,
                     "dataset: row 1, column 2: a missing value");
    ck_assert_uint_eq(atomic_load(&w.source->asked), 0);
    ae_network_free(network);
    ae_dataset_free(view);
    ae_dataset_free(all);
    ae_dataset_free(full);
    ae_dataset_free(holed);
    drop(&w);
}
END_TEST

START_TEST(missing_values_are_refused_where_nobody_keeps_them)
{
    world w = make_with_holes();
    ae_dataset *strict = far_dataset(w.source), *view = NULL;
    float row[WIDTH];
    ck_assert_ok(ae_dataset_view(&view, strict, 10, 20));
    ck_assert_status(ae_dataset_read(view, 7, 1, row), AE_ERROR_DATA,
                     "row 7, column 0: nan is not finite (row 17 of the source)");
    ck_assert(support_contains(ae_last_error(), "by the option missing"));
    ae_dataset_free(view);
    ae_dataset_free(strict);
    atomic_store(&w.source->released, 0); /* by the second dataset of the same source */
    /* Kept, but no network can do without fill values; infinity is no missing value. */
    ae_network *network = FIXTURE_NETWORK(WIDTH, 4, WIDTH);
    ae_evaluation evaluation = {.size = sizeof evaluation};
    ck_assert_status(ae_network_evaluate(network, w.dataset, &evaluation, NULL), AE_ERROR_DATA,
                     "dataset: its source may give missing values");
    ck_assert_uint_eq(atomic_load(&w.source->asked), 1);
    ck_assert_ok(ae_network_fit_fill(network, w.dataset));
    ck_assert_ok(ae_network_evaluate(network, w.dataset, &evaluation, NULL));
    w.values[40 * WIDTH + 2] = INFINITY;
    ck_assert_status(ae_network_evaluate(network, w.dataset, &evaluation, NULL), AE_ERROR_DATA,
                     "row 40, column 2: inf is not finite (row 40 of the source)");
    ae_network_free(network);
    drop(&w);
}
END_TEST

START_TEST(what_cannot_be_a_source_is_refused)
{
    world w = make();
    ae_dataset *dataset = NULL;
    ae_row_source s = far_described(w.source);
    ck_assert_status(ae_dataset_create_from_source(NULL, &s, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "dataset is NULL");
    ck_assert_status(ae_dataset_create_from_source(&dataset, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "source is NULL");
    s.read = NULL;
    ck_assert_status(ae_dataset_create_from_source(&dataset, &s, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "read is NULL");
    s = far_described(w.source);
    s.rows = 0;
    ck_assert_status(ae_dataset_create_from_source(&dataset, &s, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "0 rows");
    s.rows = (size_t)UINT32_MAX + 1;
    ck_assert_status(ae_dataset_create_from_source(&dataset, &s, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "at most 4294967295");
    s = far_described(w.source);
    s.size = 0;
    ck_assert_status(ae_dataset_create_from_source(&dataset, &s, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "ae_row_source.size");
    s = far_described(w.source);
    ck_assert_status(
        ae_dataset_create_from_source(&dataset, &s, AE_DATASET_OPTIONS(.map = AE_TOGGLE_ON)),
        AE_ERROR_INVALID_ARGUMENT, "map is for");
    for (size_t n = 1;; n++) {
        support_fail_allocation(n);
        const ae_status status = ae_dataset_create_from_source(&dataset, &s, NULL);
        support_fail_allocation(0);
        if (status == AE_OK)
            break;
        ck_assert_int_eq(status, AE_ERROR_OUT_OF_MEMORY);
    }
    ck_assert_int_eq(atomic_load(&w.source->released), 0);
    ae_dataset_free(dataset);
    ck_assert_int_eq(atomic_load(&w.source->released), 1);
    atomic_store(&w.source->released, 0);
    drop(&w);
}
END_TEST

Suite *source_suite(void)
{
    Suite *suite = suite_create("source");
    TCase *tcase = tcase_create("source");
    tcase_add_test(tcase, nothing_is_read_until_it_is_wanted);
    tcase_add_test(tcase, a_scaling_a_mean_and_a_check_read_as_often_as_they_must);
    tcase_add_test(tcase, a_trainer_reads_two_batches_ahead_and_no_row_twice);
    tcase_add_test(tcase, a_source_lives_until_its_last_reader_is_freed);
    tcase_add_test(tcase, a_source_that_stops_is_named_by_row_and_asked_again);
    tcase_add_test(tcase, a_row_that_is_not_filled_in_is_refused);
    tcase_add_test(tcase, every_call_that_reads_says_that_the_source_stopped);
    tcase_add_test(tcase, values_that_the_output_cannot_reach_stop_the_step);
    tcase_add_test(tcase, missing_values_give_the_same_bits_as_in_memory);
    tcase_add_test(tcase, parts_answer_for_their_own_rows);
    tcase_add_test(tcase, missing_values_are_refused_where_nobody_keeps_them);
    tcase_add_test(tcase, what_cannot_be_a_source_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
