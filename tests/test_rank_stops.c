/* SPDX-License-Identifier: BSD-3-Clause */
/* What stops one rank of a run stops all, after the same step, and all can go on from there. */
#include "far_rows.h"
#include "rank_run.h"
#include "suites.h"

#include <libae/events.h>
#include <stdio.h>

enum { RANKS = 3 };

#ifdef AEI_HAVE_PROTOBUF
enum { HAS_EVENTS = 1 };
#else
enum { HAS_EVENTS = 0 };
#endif

struct culprit;

/* What goes wrong on one rank, and what all of them report. */
typedef struct trouble {
    const char *name;
    void (*strike)(struct culprit *c);
    ae_status status;
    const char *text;
    uint64_t steps, epochs; /* that are done by then */
    uint64_t at;            /* the step, from 1, after which it strikes */
} trouble;

/* One rank, on which all troubles are prepared, but only one's strikes. */
typedef struct culprit {
    const trouble *trouble;
    rank_plan plan;
    rank_run run;
    far_source *rows, *checked;
    double clock;
    float rate;
    bool stop_step, stop_epoch, guilty;
} culprit;

static double read_clock(void *user)
{
    return ((const culprit *)user)->clock;
}

static float give_rate(void *user, uint64_t step, float base)
{
    (void)step;
    (void)base;
    return ((const culprit *)user)->rate;
}

static int after_step(void *user, const ae_step_info *info)
{
    culprit *c = user;
    if (!c->guilty || info->step != c->trouble->at)
        return 0;
    c->trouble->strike(c);
    return c->stop_step;
}

static int after_epoch(void *user, const ae_epoch_info *info)
{
    (void)info;
    return ((const culprit *)user)->stop_epoch;
}

static void cancel(culprit *c)
{
    ae_trainer_cancel(c->run.trainer);
}

static void stop_step(culprit *c)
{
    c->stop_step = true;
}

static void stop_epoch(culprit *c)
{
    c->stop_epoch = true;
}

static void wrong_clock(culprit *c)
{
    c->clock = NAN;
}

static void wrong_rate(culprit *c)
{
    c->rate = NAN;
}

/* A row of the next batch, which is read again. */
static void bad_row(culprit *c)
{
    const ae_trainer *t = c->run.trainer;
    aei_reader_rest(t->reader);
    aei_reader_begin(t->reader, t->order);
    c->rows->lazy_row = t->order[(size_t)t->progress.epoch_step * BATCH + t->rows.first];
}

static void bad_validation(culprit *c)
{
    c->checked->lazy_row = VALIDATION_ROWS / RANKS + 1; /* the middle rank's */
}

static void taken_optimizer(culprit *c)
{
    c->run.optimizer->share.block++;
}

static const trouble troubles[] = {
    {"cancel", cancel, AE_ERROR_CANCELLED, "rank 1: cancelled at step 4", 4, 1, 4},
    {"cancel at the border", cancel, AE_ERROR_CANCELLED, "rank 1: cancelled at step 3", 3, 1, 3},
    {"on_step", stop_step, AE_ERROR_CANCELLED, "rank 1: stopped by on_step at step 4", 4, 1, 4},
    {"on_step, an epoch's last", stop_step, AE_ERROR_CANCELLED,
     "rank 1: stopped by on_step at step 6", 6, 2, 6},
    {"on_epoch", stop_epoch, AE_ERROR_CANCELLED, "rank 1: stopped by on_epoch after epoch 2", 6, 2,
     5},
    {"events", wrong_clock, AE_ERROR_INVALID_ARGUMENT, "clock", 5, 1, 4},
    {"events, an epoch's last", wrong_clock, AE_ERROR_INVALID_ARGUMENT, "clock", 6, 2, 5},
    {"schedule", wrong_rate, AE_ERROR_INVALID_ARGUMENT,
     "rank 1: step 5: the schedule's callback gave a learning rate of nan", 4, 1, 4},
    {"row", bad_row, AE_ERROR_DATA, "rank 1: training set: ", 4, 1, 4},
    {"validation", bad_validation, AE_ERROR_DATA, "rank 1: validation set: ", 6, 1, 5},
    {"optimizer", taken_optimizer, AE_ERROR_STATE, "rank 1: the optimizer was taken", 4, 1, 4},
};

static void mend(culprit *c)
{
    c->clock = 1;
    c->rate = 0.01f;
    if (c->guilty && c->trouble->strike == taken_optimizer)
        c->run.optimizer->share.block--;
    c->stop_step = c->stop_epoch = c->guilty = false;
    c->rows->lazy_row = c->checked->lazy_row = SIZE_MAX;
}

/* Rows from a source, a rate from a callback, a log where there are any: anything can go wrong. */
static void prepare(culprit *c, const float *values, const float *others)
{
    c->clock = 1;
    c->rate = 0.01f;
    c->plan = (rank_plan){.validated = true,
                          .options = {.on_step = after_step, .on_epoch = after_epoch, .user = c}};
    c->run = rank_run_prepare(&c->plan);
    c->rows = far_source_of(values, ROWS, FEATURES);
    c->checked = far_source_of(others, VALIDATION_ROWS, FEATURES);
    ae_dataset_free(c->run.training);
    ae_dataset_free(c->run.validation);
    c->run.training = far_dataset(c->rows);
    c->run.validation = far_dataset(c->checked);
    ck_assert_ok(ae_optimizer_set_schedule(
        c->run.optimizer,
        AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_CALLBACK, .callback = give_rate, .user = c)));
}

static void finish(culprit *c)
{
    rank_run_finish(&c->run);
    free(c->rows);
    free(c->checked);
}

typedef struct scene {
    const trouble *trouble;
    float *values, *others;
    rank_file model;
} scene;

static void go_wrong(ae_transport *transport, void *context)
{
    const scene *s = context;
    const trouble *t = s->trouble;
    culprit c = {.trouble = t, .guilty = transport->rank == 1};
    ae_event_writer *events = NULL;
    prepare(&c, s->values, s->others);
    if (c.guilty && t->strike == wrong_clock)
        ck_assert_ok(ae_event_writer_create(
            &events, support_dir(), AE_EVENT_WRITER_OPTIONS(.clock = read_clock, .user = &c)));
    c.plan.options.events = events;
    ck_assert_ok(rank_run_create(&c.run, &c.plan, transport));
    ck_assert_status(ae_trainer_run(c.run.trainer), t->status, t->text);
    ck_assert_ptr_nonnull(strstr(ae_last_error(), "rank 1: "));
    ck_assert_uint_eq(ae_trainer_step_count(c.run.trainer), t->steps);
    ck_assert_uint_eq(ae_trainer_epoch_count(c.run.trainer), t->epochs);
    mend(&c);
    ck_assert_ok(ae_trainer_run(c.run.trainer));
    rank_file model = rank_run_model(c.run.network);
    ck_assert(rank_file_same(&model, &s->model));
    rank_file_free(&model);
    finish(&c);
    ae_event_writer_free(events);
}

static scene set(const trouble *t)
{
    scene s = {.trouble = t,
               .values = fixture_values(ROWS * FEATURES, 0, 1, 1),
               .others = fixture_values(VALIDATION_ROWS * FEATURES, 0, 1, 2)};
    culprit c = {.trouble = t};
    prepare(&c, s.values, s.others);
    ck_assert_ok(rank_run_create(&c.run, &c.plan, NULL));
    ck_assert_ok(ae_trainer_run(c.run.trainer));
    s.model = rank_run_model(c.run.network);
    finish(&c);
    return s;
}

static void strike_set(scene *s)
{
    rank_file_free(&s->model);
    free(s->values);
    free(s->others);
}

START_TEST(what_stops_one_rank_stops_all_after_the_same_step)
{
    if (troubles[_i].strike == wrong_clock && !HAS_EVENTS)
        return;
    scene s = set(&troubles[_i]);
    rank_threads_run(RANKS, go_wrong, &s);
    strike_set(&s);
}
END_TEST

/* A program's own loop of steps: what stops a rank in one call stops all in the next. */
static void step_by_step(ae_transport *transport, void *context)
{
    const scene *s = context;
    culprit c = {.trouble = s->trouble, .guilty = transport->rank == 1};
    prepare(&c, s->values, s->others);
    ck_assert_ok(rank_run_create(&c.run, &c.plan, transport));
    for (uint64_t step = 1; step <= s->trouble->at; step++)
        ck_assert_ok(ae_trainer_run_step(c.run.trainer, NULL));
    for (int again = 0; again < 2; again++) {
        ck_assert_status(ae_trainer_run_step(c.run.trainer, NULL), s->trouble->status,
                         s->trouble->text);
        ck_assert_uint_eq(ae_trainer_step_count(c.run.trainer), s->trouble->steps);
        if (s->trouble->strike != bad_row)
            break;
    }
    mend(&c);
    while (!ae_trainer_should_stop(c.run.trainer))
        ck_assert_ok(ae_trainer_run_step(c.run.trainer, NULL));
    rank_file model = rank_run_model(c.run.network);
    ck_assert(rank_file_same(&model, &s->model));
    rank_file_free(&model);
    finish(&c);
}

START_TEST(a_loop_of_steps_stops_with_the_next_step)
{
    for (size_t i = 0; i < COUNT(troubles); i++) {
        if (troubles[i].at != 4 || troubles[i].strike == wrong_clock)
            continue;
        scene s = set(&troubles[i]);
        rank_threads_run(RANKS, step_by_step, &s);
        strike_set(&s);
    }
}
END_TEST

/* The worse word wins, and of two alike the lower rank. */
static void two_at_once(ae_transport *transport, void *context)
{
    (void)context;
    const rank_plan plan = {0};
    rank_run r = rank_run_start(&plan, transport);
    if (transport->rank != 1)
        ae_trainer_cancel(r.trainer);
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_CANCELLED, "rank 0: cancelled at step 0");
    if (transport->rank == 0)
        ae_trainer_cancel(r.trainer);
    if (transport->rank == 2)
        r.optimizer->share.block++;
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_STATE, "rank 2: the optimizer was taken");
    if (transport->rank == 2)
        r.optimizer->share.block--;
    ck_assert_ok(ae_trainer_run(r.trainer));
    rank_run_finish(&r);
}

START_TEST(the_worse_of_two_is_told)
{
    rank_threads_run(RANKS, two_at_once, NULL);
}
END_TEST

/* A rate at which weights leave all bounds: all are back at the beginning of the epoch. */
static void diverge(ae_transport *transport, void *context)
{
    (void)context;
    const rank_plan plan = {.batch_norm = AE_TOGGLE_OFF, .options = {.cost = AE_COST_SSE}};
    rank_run r = rank_run_start(&plan, transport);
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    rank_file before = rank_run_checkpoint(r.trainer);
    ck_assert_ok(ae_optimizer_set_learning_rate(r.optimizer, 3e38f));
    ck_assert_status(ae_trainer_run_epoch(r.trainer, NULL), AE_ERROR_DIVERGED,
                     "state put back to step 3");
    ck_assert_ok(ae_optimizer_set_learning_rate(r.optimizer, 0.01f));
    rank_file after = rank_run_checkpoint(r.trainer);
    ck_assert(rank_file_same(&before, &after));
    rank_file_free(&before);
    rank_file_free(&after);
    ck_assert_ok(ae_trainer_run(r.trainer));
    rank_run_finish(&r);
}

START_TEST(a_divergence_puts_all_ranks_back)
{
    rank_threads_run(RANKS, diverge, NULL);
}
END_TEST

/* A moment that only its owner has. */
static void one_moment(ae_transport *transport, void *context)
{
    (void)context;
    const rank_plan plan = {0};
    rank_run r = rank_run_start(&plan, transport);
    for (size_t i = 0; i < EPOCH_STEPS - 1; i++)
        ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    rank_file before = rank_run_model(r.network);
    if (transport->rank == 2)
        r.optimizer->second[0] = INFINITY;
    ck_assert_status(ae_trainer_run_step(r.trainer, NULL), AE_ERROR_DIVERGED,
                     "state put back to step 0");
    ck_assert_uint_eq(ae_trainer_step_count(r.trainer), 0);
    for (size_t i = 0; i < EPOCH_STEPS - 1; i++)
        ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    rank_file after = rank_run_model(r.network);
    ck_assert(rank_file_same(&before, &after));
    rank_file_free(&before);
    rank_file_free(&after);
    rank_run_finish(&r);
}

START_TEST(a_moment_that_is_not_finite_puts_all_ranks_back)
{
    rank_threads_run(RANKS, one_moment, NULL);
}
END_TEST

/* The disk is rank 0's. */
static void no_disk(ae_transport *transport, void *context)
{
    const char *path = context;
    const rank_plan plan = {.options = {.checkpoint_path = path}};
    rank_run r = rank_run_start(&plan, transport);
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_NOT_FOUND, "rank 0: ");
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 1);
    ck_assert_status(ae_trainer_resume(r.trainer, path), AE_ERROR_NOT_FOUND, "rank 0: ");
    ck_assert_status(ae_trainer_resume(r.trainer, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "rank 0: ae_trainer_resume: path is NULL");
    ck_assert_status(ae_trainer_save_checkpoint(r.trainer, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "rank 0: ae_trainer_save_checkpoint: path is NULL");
    ck_assert_status(ae_trainer_resume_memory(r.trainer, NULL, 0), AE_ERROR_INVALID_ARGUMENT,
                     "rank 0: ae_trainer_resume_memory: data is NULL");
    ck_assert_status(ae_trainer_resume_memory(r.trainer, "nonsense", 8), AE_ERROR_FORMAT, "rank 0");
    ae_epoch_info info = {.size = transport->rank == 1 ? 0 : sizeof info};
    ck_assert_status(ae_trainer_run_epoch(r.trainer, &info), AE_ERROR_INVALID_ARGUMENT,
                     "rank 1: ae_epoch_info.size is 0");
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    rank_run_finish(&r);
}

START_TEST(a_failed_file_reaches_all_ranks)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/nowhere/a.safetensors", support_dir());
    rank_threads_run(RANKS, no_disk, path);
}
END_TEST

/* Buffers are each rank's own. */
static void small_buffer(ae_transport *transport, void *context)
{
    (void)context;
    const rank_plan plan = {0};
    rank_run r = rank_run_start(&plan, transport);
    ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    rank_file f = rank_run_checkpoint(r.trainer);
    const bool small = transport->rank == 1;
    size_t size = 0;
    const ae_status status = ae_trainer_save_checkpoint_memory(r.trainer, f.data,
                                                               small ? 9 : f.size, &size);
    ck_assert_int_eq(status, small ? AE_ERROR_BUFFER_SIZE : AE_OK);
    ck_assert_uint_eq(size, f.size);
    ck_assert_status(ae_trainer_save_checkpoint_memory(r.trainer, NULL, 0, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "both NULL");
    ck_assert_ok(ae_trainer_resume_memory(r.trainer, transport->rank == 0 ? f.data : NULL,
                                          transport->rank == 0 ? f.size : 0));
    ck_assert_ok(ae_trainer_run(r.trainer));
    rank_file_free(&f);
    rank_run_finish(&r);
}

START_TEST(a_checkpoint_in_memory_is_for_all_ranks)
{
    rank_threads_run(RANKS, small_buffer, NULL);
}
END_TEST

Suite *rank_stops_suite(void)
{
    Suite *suite = suite_create("rank_stops");
    TCase *cases = tcase_create("rank_stops");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, what_stops_one_rank_stops_all_after_the_same_step, 0,
                        (int)COUNT(troubles));
    tcase_add_test(cases, a_loop_of_steps_stops_with_the_next_step);
    tcase_add_test(cases, the_worse_of_two_is_told);
    tcase_add_test(cases, a_divergence_puts_all_ranks_back);
    tcase_add_test(cases, a_moment_that_is_not_finite_puts_all_ranks_back);
    tcase_add_test(cases, a_failed_file_reaches_all_ranks);
    tcase_add_test(cases, a_checkpoint_in_memory_is_for_all_ranks);
    suite_add_tcase(suite, cases);
    return suite;
}
