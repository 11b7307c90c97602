/* SPDX-License-Identifier: BSD-3-Clause */
/* Data that are cut into shards: whoever has which rows, the bits are those of one place. */
#include "far_rows.h"
#include "rank_run.h"
#include "suites.h"

static const rank_plan variants[] = {
    {.name = "plain"},
    {.name = "validated, weighted", .validated = true, .weighted = true},
    {.name = "noise, clipped", .options = {.input_noise = 0.1f, .clip_norm = 0.05f}},
    {.name = "bfloat16, best weights",
     .options = {.precision = AE_PRECISION_BF16, .restore_best = AE_TOGGLE_ON},
     .validated = true},
    {.name = "the dataset's order, one block each",
     .options = {.batch_block = 2, .shuffle = AE_SHUFFLE_NONE, .drop_last = AE_TOGGLE_ON},
     .batch_norm = AE_TOGGLE_OFF},
};

/* The rows of a rank: the later, the more; the first has one row. */
static aei_range shard_of(const ae_transport *transport, size_t rows)
{
    const size_t r = transport->rank, n = transport->rank_count;
    const size_t spread = rows - n; /* a row for each, and more */
    return (aei_range){r + spread * r * r / (n * n), r + 1 + spread * (r + 1) * (r + 1) / (n * n)};
}

static void cut(ae_dataset **dataset, aei_range rows)
{
    ae_dataset *whole = *dataset;
    ck_assert_ok(ae_dataset_view(dataset, whole, rows.first, rows.last - rows.first));
    ae_dataset_free(whole);
}

static rank_run prepare(const rank_plan *plan, const ae_transport *transport)
{
    rank_run r = rank_run_prepare(plan);
    if (transport != NULL) {
        cut(&r.training, shard_of(transport, ROWS));
        cut(&r.validation, shard_of(transport, VALIDATION_ROWS));
    }
    return r;
}

static rank_run start(const rank_plan *plan, const ae_transport *transport)
{
    rank_plan sharded = *plan;
    rank_run r = prepare(plan, transport);
    sharded.options.sharded_data = AE_TOGGLE_ON;
    ck_assert_ok(rank_run_create(&r, &sharded, transport));
    return r;
}

typedef struct result {
    const rank_plan *plan;
    size_t threads;
    rank_file model, checkpoint;
} result;

static void whole_run(ae_transport *transport, void *context)
{
    const result *w = context;
    rank_plan plan = *w->plan;
    plan.options.threads = w->threads;
    rank_run r = start(&plan, transport);
    ck_assert_uint_gt(ae_trainer_memory(r.trainer), aei_ranks_memory(r.trainer->ranks));
    ck_assert_ok(ae_trainer_run(r.trainer));
    rank_file model = rank_run_model(r.network), checkpoint = rank_run_checkpoint(r.trainer);
    ck_assert_msg(rank_file_same(&model, &w->model), "%s, rank %zu of %zu: another model",
                  plan.name, transport->rank, transport->rank_count);
    ck_assert_msg(rank_file_same(&checkpoint, &w->checkpoint),
                  "%s, rank %zu of %zu: another checkpoint", plan.name, transport->rank,
                  transport->rank_count);
    rank_file_free(&model);
    rank_file_free(&checkpoint);
    rank_run_finish(&r);
}

/* Without a transport a run with the option is one without it. */
START_TEST(any_cut_gives_the_bits_of_one_place)
{
    result w = {.plan = &variants[_i]};
    rank_run alone = rank_run_start(w.plan, NULL), same = start(w.plan, NULL);
    ck_assert_ok(ae_trainer_run(alone.trainer));
    ck_assert_ok(ae_trainer_run(same.trainer));
    w.model = rank_run_model(alone.network);
    w.checkpoint = rank_run_checkpoint(alone.trainer);
    rank_file other = rank_run_checkpoint(same.trainer);
    ck_assert(rank_file_same(&other, &w.checkpoint));
    rank_run_finish(&alone);
    rank_run_finish(&same);
    for (size_t ranks = 2; ranks <= 8; ranks += ranks == 2 ? 1 : 5)
        for (w.threads = 1; w.threads <= 2; w.threads++)
            rank_threads_run(ranks, whole_run, &w);
    rank_file_free(&other);
    rank_file_free(&w.model);
    rank_file_free(&w.checkpoint);
}
END_TEST

/* Saved with one cut, taken up with another. */
static void run_leg(ae_transport *transport, void *context)
{
    const char *path = transport->rank == 0 ? context : NULL;
    rank_run r = start(&variants[1], transport);
    if (transport->rank_count == 2)
        ck_assert_ok(ae_trainer_resume(r.trainer, path));
    for (size_t step = 0; step < 4; step++)
        ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    rank_run_forget_times(r.trainer);
    ck_assert_ok(ae_trainer_save_checkpoint(r.trainer, path));
    rank_run_finish(&r);
}

START_TEST(another_cut_resumes)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s", support_path("shards.safetensors"));
    rank_threads_run(5, run_leg, path);
    rank_threads_run(2, run_leg, path);
    rank_run alone = rank_run_start(&variants[1], NULL);
    for (size_t step = 0; step < 8; step++)
        ck_assert_ok(ae_trainer_run_step(alone.trainer, NULL));
    rank_file whole = rank_run_checkpoint(alone.trainer), found = {0};
    found.data = support_read(path, &found.size);
    ck_assert(rank_file_same(&whole, &found));
    rank_file_free(&found);
    rank_file_free(&whole);
    rank_run_finish(&alone);
}
END_TEST

/* Rank 1's rows come from a source with one row that is not there. */
typedef struct damage {
    float *values;
    uint64_t steps; /* that all ranks took */
} damage;

static void meet_a_bad_row(ae_transport *transport, void *context)
{
    damage *d = context;
    const rank_plan plan = {.options = {.sharded_data = AE_TOGGLE_ON}};
    rank_run r = prepare(&plan, transport);
    const aei_range mine = shard_of(transport, ROWS);
    far_source *source = far_source_of(d->values + mine.first * FEATURES, mine.last - mine.first,
                                       FEATURES);
    ae_dataset_free(r.training);
    r.training = far_dataset(source);
    ck_assert_ok(rank_run_create(&r, &plan, transport));
    if (transport->rank == 1)
        atomic_store(&source->lazy_row, 3);
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_DATA, "rank 1: training set: row 3");
    const uint64_t steps = ae_trainer_step_count(r.trainer);
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_DATA, "column 0");
    ck_assert_uint_eq(ae_trainer_step_count(r.trainer), steps);
    atomic_store(&source->lazy_row, SIZE_MAX);
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 3);
    rank_run_finish(&r);
    free(source);
}

START_TEST(a_bad_row_of_one_shard_stops_all_by_rank_and_row)
{
    damage d = {.values = fixture_values(ROWS * FEATURES, 0, 1, 1)};
    rank_threads_run(3, meet_a_bad_row, &d);
    free(d.values);
}
END_TEST

/* A rank that does not want the next step still brings its rows. */
static void stop_one(ae_transport *transport, void *context)
{
    (void)context;
    rank_run r = start(&variants[0], transport);
    ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    if (transport->rank == 2)
        ae_trainer_cancel(r.trainer);
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_CANCELLED, "rank 2: cancelled at step 1");
    ck_assert_ok(ae_trainer_run(r.trainer));
    rank_run_finish(&r);
}

START_TEST(a_cancelled_rank_leaves_nobody_waiting)
{
    rank_threads_run(4, stop_one, NULL);
}
END_TEST

/* What one rank has otherwise than the others is refused by all. */
static void disagree(ae_transport *transport, void *context)
{
    const int which = *(const int *)context;
    const bool odd = transport->rank == 1;
    rank_plan plan = {.options = {.sharded_data = AE_TOGGLE_ON}, .validated = true};
    rank_run r = prepare(&plan, transport);
    if (odd && which == 0)
        plan.options.sharded_data = AE_TOGGLE_OFF;
    if (odd && which == 1)
        plan.validated = false;
    if (which == 2)
        plan.options.sharded_data = (ae_toggle)3;
    static const char *const texts[] = {"rank 0 has sharded_data on, rank 1 off",
                                        "rank 0 has a validation set, rank 1 has none",
                                        "sharded_data is 3"};
    ck_assert_status(rank_run_create(&r, &plan, transport), AE_ERROR_INVALID_ARGUMENT,
                     texts[which]);
    rank_run_finish(&r);
}

START_TEST(ranks_that_disagree_are_refused)
{
    int which = _i;
    rank_threads_run(3, disagree, &which);
}
END_TEST

/* Fill values of one shard would not be those of another. */
static void miss_values(ae_transport *transport, void *context)
{
    (void)context;
    const rank_plan plan = {.options = {.sharded_data = AE_TOGGLE_ON}};
    rank_run r = prepare(&plan, transport);
    float values[4 * FEATURES] = {0};
    values[5] = NAN;
    if (transport->rank == 1) {
        ae_dataset_free(r.training);
        ck_assert_ok(ae_dataset_create_f32(&r.training, values, 4, FEATURES,
                                           AE_DATASET_OPTIONS(.missing = AE_MISSING_KEEP)));
    }
    ck_assert_status(rank_run_create(&r, &plan, transport), AE_ERROR_DATA,
                     "a shard has missing values");
    ck_assert_ok(ae_network_set_fill(r.network, (const float[FEATURES]){0.5f}));
    ck_assert_ok(rank_run_create(&r, &plan, transport));
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    rank_run_finish(&r);
}

START_TEST(missing_values_want_fill_values_first)
{
    rank_threads_run(2, miss_values, NULL);
}
END_TEST

Suite *shards_suite(void)
{
    Suite *suite = suite_create("shards");
    TCase *cases = tcase_create("shards");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, NULL, support_dir_remove);
    tcase_add_loop_test(cases, any_cut_gives_the_bits_of_one_place, 0, (int)COUNT(variants));
    tcase_add_test(cases, another_cut_resumes);
    tcase_add_test(cases, a_bad_row_of_one_shard_stops_all_by_rank_and_row);
    tcase_add_test(cases, a_cancelled_rank_leaves_nobody_waiting);
    tcase_add_loop_test(cases, ranks_that_disagree_are_refused, 0, 3);
    tcase_add_test(cases, missing_values_want_fill_values_first);
    suite_add_tcase(suite, cases);
    return suite;
}
