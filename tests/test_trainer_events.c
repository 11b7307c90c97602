/* SPDX-License-Identifier: BSD-3-Clause */
/* A trainer's log. 10 rows in batches of 4: 3 steps an epoch. */
#include "event_file.h"
#include "python.h"
#include "suites.h"

#include <stdio.h>

#ifdef AEI_HAVE_PROTOBUF

typedef struct seen {
    double costs[6], validation[2];
    size_t steps, epochs;
} seen;

static int see_step(void *user, const ae_step_info *info)
{
    seen *s = user;
    s->costs[s->steps++] = info->cost;
    return 0;
}

static int see_epoch(void *user, const ae_epoch_info *info)
{
    seen *s = user;
    s->validation[s->epochs++] = info->validation_cost;
    return 0;
}

typedef struct penalised {
    double costs[3], penalties[3];
    size_t steps;
} penalised;

static int see_penalty(void *user, const ae_step_info *info)
{
    penalised *s = user;
    s->costs[s->steps] = info->cost;
    s->penalties[s->steps++] = info->penalty;
    return 0;
}

static void compare_value(const Aei__Event__Event *event, const char *tag, int64_t step,
                          double value)
{
    ck_assert_uint_eq(event->summary->n_value, 1);
    ck_assert_str_eq(event->summary->value[0]->tag, tag);
    ck_assert_int_eq(event->step, step);
    ck_assert(event->summary->value[0]->simple_value == (float)value);
}

static void compare_start(const Aei__Event__Event *event, int64_t step)
{
    ck_assert_ptr_nonnull(event->session_log);
    ck_assert_int_eq(event->session_log->status, AEI__EVENT__SESSION_LOG__STATUS__START);
    ck_assert_int_eq(event->step, step);
    ck_assert_ptr_null(event->summary);
}

START_TEST(a_trainer_logs_each_steps_and_each_epochs_cost)
{
    const double now = 3;
    char tag[] = "mine";
    seen s = {0};
    ae_event_writer *writer = open_writer(&now);
    ae_dataset *training = fixture_dataset(10, 6, 1), *validation = fixture_dataset(5, 6, 2);
    ae_network *network = FIXTURE_NETWORK(6, 8, 3, 8, 6);
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(
        network, adam, training,
        AE_TRAINER_OPTIONS(.batch = 4, .epochs = 2, .threads = 1,
                           .validation = _i == 0 ? validation : NULL, .on_step = see_step,
                           .on_epoch = see_epoch, .user = &s, .events = writer,
                           .train_tag = _i == 0 ? NULL : tag));
    tag[0] = 'X'; /* the trainer has its own copy */
    ck_assert_ok(ae_trainer_run(trainer));
    records r = read_records(ae_event_writer_path(writer));
    ck_assert_uint_eq(s.steps, 6);
    ck_assert_uint_eq(r.count, _i == 0 ? 10 : 8);
    compare_start(r.events[1], 1);
    size_t at = 2;
    for (int64_t step = 1; step <= 6; step++) {
        compare_value(r.events[at++], _i == 0 ? "train/cost" : "mine", step, s.costs[step - 1]);
        if (step % 3 == 0 && _i == 0)
            compare_value(r.events[at++], "validation/cost", step, s.validation[step / 3 - 1]);
    }
    free_records(&r);
    ae_trainer_free(trainer);
    ae_optimizer_free(adam);
    ae_network_free(network);
    ae_dataset_free(validation);
    ae_dataset_free(training);
    ae_event_writer_free(writer);
}
END_TEST

START_TEST(rates_are_logged_where_asked_for)
{
    const double now = 3;
    ae_event_writer *writer = open_writer(&now);
    ae_dataset *training = fixture_dataset(10, 6, 1);
    ae_network *network = FIXTURE_NETWORK(6, 8, 3, 8, 6);
    ae_optimizer *adam = fixture_adam(0.01f);
    ck_assert_ok(ae_optimizer_set_schedule(
        adam, AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_COSINE, .warmup_steps = 2)));
    ae_trainer *trainer = fixture_trainer(
        network, adam, training,
        AE_TRAINER_OPTIONS(.batch = 4, .epochs = 1, .events = writer, .rate_tag = "rate"));
    for (int64_t step = 1; step <= 3; step++) {
        const float rate = ae_optimizer_learning_rate(adam);
        ck_assert_ok(ae_trainer_run_step(trainer, NULL));
        records r = read_records(ae_event_writer_path(writer));
        ck_assert_uint_eq(r.count, 2 + 2 * (size_t)step); /* version and start of the run first */
        compare_value(r.events[r.count - 1], "rate", step, (double)rate);
        free_records(&r);
    }
    ae_trainer_free(trainer);
    ck_assert_status(
        ae_trainer_create(&trainer, network, adam, training, AE_TRAINER_OPTIONS(.rate_tag = "")),
        AE_ERROR_INVALID_ARGUMENT, "rate_tag is empty");
    ae_optimizer_free(adam), ae_network_free(network), ae_dataset_free(training);
    ae_event_writer_free(writer);
}
END_TEST

/* A clock that goes wrong stands in for a full disk. The step counts, and so does the epoch that it
 * completes. */
START_TEST(a_log_that_cannot_be_written_stops_the_run_with_the_step_taken)
{
    double now = 3;
    ae_event_writer *writer = open_writer(&now);
    ae_dataset *training = fixture_dataset(10, 6, 1);
    ae_network *network = FIXTURE_NETWORK(6, 8, 3, 8, 6);
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(
        network, adam, training,
        AE_TRAINER_OPTIONS(.batch = 4, .epochs = 2, .threads = 1, .events = writer));
    ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    now = NAN;
    ck_assert_status(ae_trainer_run(trainer), AE_ERROR_INVALID_ARGUMENT, "clock");
    ck_assert_uint_eq(ae_trainer_step_count(trainer), 2);
    ck_assert_status(ae_trainer_run_step(trainer, NULL), AE_ERROR_INVALID_ARGUMENT, "clock");
    ck_assert_uint_eq(ae_trainer_step_count(trainer), 3);
    ck_assert_uint_eq(ae_trainer_epoch_count(trainer), 1);
    now = 4;
    ck_assert_ok(ae_trainer_run(trainer));
    ck_assert_uint_eq(ae_trainer_step_count(trainer), 6);
    records r = read_records(ae_event_writer_path(writer));
    ck_assert_uint_eq(r.count, 6);
    free_records(&r);
    ae_trainer_free(trainer);
    ae_optimizer_free(adam);
    ae_network_free(network);
    ae_dataset_free(training);
    ae_event_writer_free(writer);
}
END_TEST

/* A run in batches of 10 of 100 rows, with a picture an epoch, in a new file of the test's
 * folder. */
typedef struct run {
    ae_event_writer *writer;
    ae_trainer *trainer;
    uint64_t save; /* the epoch whose end is saved */
} run;

static int end_epoch(void *user, const ae_epoch_info *info)
{
    static const uint8_t pixels[4];
    const run *r = user;
    ck_assert_ok(ae_event_writer_add_image(r->writer, "picture", info->step, 2, 2, 1, pixels));
    if (info->epoch == r->save)
        ck_assert_ok(ae_trainer_save_checkpoint(r->trainer, support_path("checkpoint")));
    return 0;
}

static void log_run(double seconds, uint64_t epochs, uint64_t save, bool resume)
{
    run r = {.writer = open_writer(&seconds), .save = save};
    ae_dataset *training = fixture_dataset(100, 6, 1), *validation = fixture_dataset(5, 6, 2);
    ae_network *network = FIXTURE_NETWORK(6, 8, 3, 8, 6);
    ae_optimizer *adam = fixture_adam(0.01f);
    r.trainer = fixture_trainer(network, adam, training,
                                AE_TRAINER_OPTIONS(.batch = 10, .epochs = epochs, .threads = 1,
                                                   .validation = validation, .events = r.writer,
                                                   .on_epoch = end_epoch, .user = &r));
    if (resume)
        ck_assert_ok(ae_trainer_resume(r.trainer, support_path("checkpoint")));
    ck_assert_ok(ae_trainer_run(r.trainer));
    ae_trainer_free(r.trainer);
    ae_optimizer_free(adam);
    ae_network_free(network);
    ae_dataset_free(validation);
    ae_dataset_free(training);
    ae_event_writer_free(r.writer);
}

/* Stopped at step 100, resumed from step 50; then begun anew in the same folder. */
START_TEST(tensorboard_sees_no_step_twice_after_a_resume)
{
    log_run(100, 10, 5, false);
    log_run(200, 10, 0, true);
    support_put(support_path("steps"), "train/cost\t1\t100\t1\nvalidation/cost\t10\t100\t10\n"
                                       "picture\t10\t100\t10\n");
    const char *const arguments[] = {"steps", support_dir(), NULL};
    ck_assert_int_eq(python_run("tensorboard_reads.py", arguments), 0);
    log_run(300, 3, 0, false);
    support_put(support_path("steps"), "train/cost\t1\t30\t1\nvalidation/cost\t10\t30\t10\n"
                                       "picture\t10\t30\t10\n");
    ck_assert_int_eq(python_run("tensorboard_reads.py", arguments), 0);
}
END_TEST

/* A second run in one file keeps the first one's points. */
START_TEST(a_run_that_begins_behind_points_leaves_them)
{
    const double now = 3;
    ae_event_writer *writer = open_writer(&now);
    ae_dataset *training = fixture_dataset(10, 6, 1);
    ck_assert_ok(ae_event_writer_add_scalar(writer, "mine", 2, 1));
    ck_assert_status(ae_event_writer_resume(NULL, 1), AE_ERROR_INVALID_ARGUMENT, "writer");
    ck_assert_status(ae_event_writer_resume(writer, (uint64_t)1 << 63), AE_ERROR_INVALID_ARGUMENT,
                     "step");
    for (int i = 0; i < 2; i++) {
        ae_network *network = FIXTURE_NETWORK(6, 8, 3, 8, 6);
        ae_optimizer *adam = fixture_adam(0.01f);
        ae_trainer *trainer = fixture_trainer(
            network, adam, training,
            AE_TRAINER_OPTIONS(.batch = 4, .epochs = 2, .threads = 1, .events = writer));
        for (int step = 0; step < 4; step++)
            ck_assert_ok(ae_trainer_run_step(trainer, NULL));
        ae_trainer_free(trainer);
        ae_optimizer_free(adam);
        ae_network_free(network);
    }
    records r = read_records(ae_event_writer_path(writer));
    ck_assert_uint_eq(r.count, 10);
    for (size_t i = 1; i < r.count; i++)
        ck_assert_ptr_null(r.events[i]->session_log);
    free_records(&r);
    ae_dataset_free(training);
    ae_event_writer_free(writer);
}
END_TEST

/* Steps 4 and on are taken twice: the epoch of 3 steps that diverges begins with step 4. */
START_TEST(steps_that_divergence_took_back_are_void)
{
    const double now = 3;
    ae_event_writer *writer = open_writer(&now);
    ae_dataset *training = fixture_dataset(10, 6, 1);
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){6, 3, 6}, .width_count = 3,
                           .batch_norm = AE_TOGGLE_OFF, .hidden_activation = AE_ACTIVATION_LINEAR,
                           .output_activation = AE_ACTIVATION_LINEAR));
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(
        network, adam, training,
        AE_TRAINER_OPTIONS(.batch = 4, .epochs = 3, .threads = 1, .events = writer));
    for (int step = 0; step < 4; step++)
        ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    ck_assert_ok(ae_optimizer_set_learning_rate(adam, 1e30f));
    ck_assert_int_eq(ae_trainer_run(trainer), AE_ERROR_DIVERGED);
    ck_assert_ok(ae_optimizer_set_learning_rate(adam, 0.01f));
    ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    records r = read_records(ae_event_writer_path(writer));
    ck_assert_uint_gt(r.count, 7);
    compare_start(r.events[r.count - 2], 4);
    ck_assert_int_eq(r.events[r.count - 1]->step, 4);
    free_records(&r);
    ae_trainer_free(trainer);
    ae_optimizer_free(adam);
    ae_network_free(network);
    ae_dataset_free(training);
    ae_event_writer_free(writer);
}
END_TEST

START_TEST(a_penalty_is_logged_beside_the_cost)
{
    const double now = 3;
    penalised s = {0};
    ae_event_writer *writer = open_writer(&now);
    ae_dataset *training = fixture_dataset(10, 6, 1);
    ae_network *network = FIXTURE_NETWORK(6, 8, 3, 8, 6);
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(
        network, adam, training,
        AE_TRAINER_OPTIONS(.batch = 4, .epochs = 1, .threads = 1, .on_step = see_penalty,
                           .user = &s, .events = writer, .code_l1 = 0.5f,
                           .penalty_tag = _i == 0 ? NULL : "sparsity"));
    ck_assert_ok(ae_trainer_run(trainer));
    records r = read_records(ae_event_writer_path(writer));
    ck_assert_uint_eq(r.count, 8);
    for (size_t step = 0; step < 3; step++) {
        const int64_t number = (int64_t)step + 1;
        compare_value(r.events[2 + 2 * step], "train/cost", number, s.costs[step]);
        ck_assert_double_gt(s.penalties[step], 0);
        compare_value(r.events[3 + 2 * step], _i == 0 ? "train/penalty" : "sparsity", number,
                      s.penalties[step]);
    }
    free_records(&r);
    ae_trainer_free(trainer), ae_optimizer_free(adam), ae_network_free(network);
    ae_dataset_free(training);
    ae_event_writer_free(writer);
}
END_TEST

#endif

Suite *trainer_events_suite(void)
{
    Suite *suite = suite_create("trainer_events");
    TCase *tcase = tcase_create("trainer_events");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
#ifdef AEI_HAVE_PROTOBUF
    tcase_add_loop_test(tcase, a_trainer_logs_each_steps_and_each_epochs_cost, 0, 2);
    tcase_add_loop_test(tcase, a_penalty_is_logged_beside_the_cost, 0, 2);
    tcase_add_test(tcase, rates_are_logged_where_asked_for);
    tcase_add_test(tcase, a_log_that_cannot_be_written_stops_the_run_with_the_step_taken);
    tcase_add_test(tcase, a_run_that_begins_behind_points_leaves_them);
    tcase_add_test(tcase, steps_that_divergence_took_back_are_void);
    support_add_test(
        tcase, tensorboard_sees_no_step_twice_after_a_resume,
        python_lacks("tensorboard_reads.py", "$AE_PYTHON or python3 has no tensorboard or PIL"));
#endif
    suite_add_tcase(suite, tcase);
    return suite;
}
