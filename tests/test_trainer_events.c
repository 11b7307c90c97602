/* SPDX-License-Identifier: BSD-3-Clause */
/* A trainer's log. 10 rows in batches of 4: 3 steps an epoch. */
#include "event_file.h"
#include "suites.h"

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
    ck_assert_uint_eq(r.count, _i == 0 ? 9 : 7);
    size_t at = 1;
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
    ck_assert_uint_eq(r.count, 5);
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
    ck_assert_uint_eq(r.count, 7);
    for (size_t step = 0; step < 3; step++) {
        const int64_t number = (int64_t)step + 1;
        compare_value(r.events[1 + 2 * step], "train/cost", number, s.costs[step]);
        ck_assert_double_gt(s.penalties[step], 0);
        compare_value(r.events[2 + 2 * step], _i == 0 ? "train/penalty" : "sparsity", number,
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
    tcase_add_test(tcase, a_log_that_cannot_be_written_stops_the_run_with_the_step_taken);
#endif
    suite_add_tcase(suite, tcase);
    return suite;
}
