/* SPDX-License-Identifier: BSD-3-Clause */
/* A run: what it reports, how it stops. */
#define _POSIX_C_SOURCE 200809L /* sigaction, nanosleep, mkdir */
#include "small_run.h"
#include "suites.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

START_TEST(steps_per_epoch_leave_out_what_must_be)
{
    static const struct {
        size_t rows, batch;
        ae_toggle drop_last;
        size_t steps, trained;
    } cases[] = {
        {10, 4, AE_TOGGLE_OFF, 3, 10},   {10, 4, AE_TOGGLE_ON, 2, 8},
        {9, 4, AE_TOGGLE_OFF, 2, 8},     {8, 4, AE_TOGGLE_OFF, 2, 8},
        {10, 20, AE_TOGGLE_OFF, 1, 10},  {3, 2, AE_TOGGLE_OFF, 1, 2},
        {2, 2, AE_TOGGLE_DEFAULT, 1, 2}, {11, 4, AE_TOGGLE_OFF, 3, 11},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        run r = prepare(fixture_adam(0.01f));
        ae_dataset *dataset = fixture_dataset(cases[i].rows, FEATURES, 1);
        record kept = {.step_count = 0};
        r.trainer = fixture_trainer(r.network, r.optimizer, dataset,
                                    AE_TRAINER_OPTIONS(.batch = cases[i].batch,
                                                       .drop_last = cases[i].drop_last,
                                                       .on_step = on_step, .user = &kept));
        ck_assert_uint_eq(ae_trainer_steps_per_epoch(r.trainer), cases[i].steps);
        ae_epoch_info info = {.size = sizeof info};
        ck_assert_ok(ae_trainer_run_epoch(r.trainer, &info));
        ck_assert_uint_eq(info.rows, cases[i].trained);
        ck_assert_uint_eq(kept.step_count, cases[i].steps);
        ck_assert_uint_ge(kept.steps[kept.step_count - 1].rows, 2);
        finish(&r);
        ae_dataset_free(dataset);
    }
}
END_TEST

START_TEST(callbacks_and_history_tell_what_happened)
{
    run r = prepare(fixture_adam(0.01f));
    record kept = {.step_count = 0};
    start(&r, (ae_trainer_options){.epochs = 3,
                                   .validation = r.validation,
                                   .on_step = on_step,
                                   .on_epoch = on_epoch,
                                   .user = &kept,
                                   .seed = 4});
    ck_assert_uint_eq(ae_trainer_thread_count(r.trainer), 2);
    ck_assert_uint_gt(ae_trainer_memory(r.trainer),
                      ae_network_parameter_count(r.network) * sizeof(float));
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_uint_eq(kept.step_count, 3 * EPOCH_STEPS);
    ck_assert_uint_eq(kept.epoch_count, 3);
    ck_assert_uint_eq(ae_trainer_history_count(r.trainer), 3);
    for (size_t e = 0; e < 3; e++) {
        double sum = 0, least = INFINITY, greatest = 0;
        for (size_t s = 0; s < EPOCH_STEPS; s++) {
            const ae_step_info *step = &kept.steps[e * EPOCH_STEPS + s];
            ck_assert_uint_eq(step->size, sizeof *step);
            ck_assert_uint_eq(step->step, e * EPOCH_STEPS + s + 1);
            ck_assert_uint_eq(step->epoch, e + 1);
            ck_assert_uint_eq(step->epoch_step, s + 1);
            ck_assert_uint_eq(step->steps_per_epoch, EPOCH_STEPS);
            ck_assert_uint_eq(step->rows, s + 1 == EPOCH_STEPS ? 2 : BATCH);
            ck_assert_double_eq(step->learning_rate, (double)0.01f);
            ck_assert_double_eq(step->gradient_norm, 0);
            sum += step->cost;
            least = fmin(least, step->cost);
            greatest = fmax(greatest, step->cost);
        }
        const ae_epoch_info info = history(&r, e);
        ck_assert_mem_eq(&info, &kept.epochs[e], sizeof info);
        ck_assert_uint_eq(info.epoch, e + 1);
        ck_assert_uint_eq(info.step, (e + 1) * EPOCH_STEPS);
        ck_assert_double_eq_tol(info.train_cost, sum / EPOCH_STEPS, 1e-12);
        ck_assert_double_eq(info.train_cost_min, least);
        ck_assert_double_eq(info.train_cost_max, greatest);
        ck_assert_double_eq(info.learning_rate, (double)0.01f);
        ck_assert_double_ge(info.seconds, 0);
        ck_assert_uint_eq(info.rows, ROWS);
    }
    ae_evaluation result = {.size = sizeof result};
    ck_assert_ok(ae_network_evaluate(r.network, r.validation, &result, NULL));
    ck_assert_double_eq(history(&r, 2).validation_cost, result.l2);
    ck_assert_int_eq(history(&r, 0).best, 1);
    finish(&r);
}
END_TEST

START_TEST(validation_is_judged_by_the_cost_trained_with)
{
    const ae_cost cost = (ae_cost)(_i + 1);
    run r = prepare(fixture_adam(0.01f));
    start(&r, (ae_trainer_options){.epochs = 1, .validation = r.validation, .cost = cost});
    ck_assert_ok(ae_trainer_run(r.trainer));
    ae_evaluation result = {.size = sizeof result};
    ck_assert_ok(ae_network_evaluate(r.network, r.validation, &result, NULL));
    const double costs[] = {result.l2, result.sse, result.mse, result.bce};
    ck_assert_double_eq(history(&r, 0).validation_cost, costs[_i]);
    finish(&r);
}
END_TEST

START_TEST(without_a_validation_set_its_cost_is_nan)
{
    run r = prepare(fixture_adam(0.01f));
    start(&r, (ae_trainer_options){.epochs = 1});
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert(isnan(history(&r, 0).validation_cost));
    finish(&r);
}
END_TEST

START_TEST(a_finished_run_does_nothing_more)
{
    run r = prepare(fixture_adam(0.01f));
    start(&r, (ae_trainer_options){.epochs = 2});
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 2);
    ck_assert_uint_eq(ae_trainer_step_count(r.trainer), 2 * EPOCH_STEPS);
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 3);
    ck_assert_uint_eq(ae_optimizer_step_count(r.optimizer), 3 * EPOCH_STEPS);
    finish(&r);
}
END_TEST

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

START_TEST(history_is_written_as_csv_and_jsonl)
{
    run r = prepare(fixture_adam(0.01f));
    start(&r, (ae_trainer_options){.epochs = 2});
    ck_assert_ok(ae_trainer_run(r.trainer));
    const char *path = support_path("history");
    ck_assert_ok(ae_trainer_save_history(r.trainer, path, AE_HISTORY_CSV));
    char *text = (char *)support_read(path, NULL);
    ck_assert_uint_eq(count_lines(text), 3);
    ck_assert_int_eq(strncmp(text,
                             "epoch,step,train_cost,train_cost_min,train_cost_max,validation_cost,"
                             "learning_rate,seconds,rows,best,penalty\n",
                             107),
                     0);
    const char *second = strchr(text, '\n') + 1;
    second = strchr(second, '\n') + 1;
    double cost = 0, least = 0, greatest = 0;
    /* The empty field is the validation cost that there is none of. */
    ck_assert_int_eq(sscanf(second, "2,6,%lf,%lf,%lf,,", &cost, &least, &greatest), 3);
    ck_assert_double_eq_tol(cost, history(&r, 1).train_cost, 1e-8);
    ck_assert_double_eq_tol(greatest, history(&r, 1).train_cost_max, 1e-8);
    ck_assert_ok(ae_trainer_save_history(r.trainer, path, AE_HISTORY_DEFAULT));
    char *usual = (char *)support_read(path, NULL);
    ck_assert_str_eq(usual, text);
    free(usual), free(text);

    ck_assert_ok(ae_trainer_save_history(r.trainer, path, AE_HISTORY_JSONL));
    text = (char *)support_read(path, NULL);
    ck_assert_uint_eq(count_lines(text), 2);
    ck_assert_int_eq(sscanf(text, "{\"epoch\": 1, \"step\": 3, \"train_cost\": %lf", &cost), 1);
    ck_assert_double_eq_tol(cost, history(&r, 0).train_cost, 1e-8);
    ck_assert(support_contains(text, "\"validation_cost\": null"));
    free(text);
    ck_assert_status(
        ae_trainer_save_history(r.trainer, support_path("no/such/folder"), AE_HISTORY_CSV),
        AE_ERROR_NOT_FOUND, "no/such/folder");
    finish(&r);
    support_dir_remove();
}
END_TEST

/* How it stops. */

START_TEST(on_step_stops_after_the_step_and_the_run_goes_on_where_it_was)
{
    run r = prepare(fixture_adam(0.01f)), whole = prepare(fixture_adam(0.01f));
    record kept = {.stop_step = 4};
    start(&r, (ae_trainer_options){
                  .epochs = 3, .on_step = on_step, .on_epoch = on_epoch, .user = &kept});
    start(&whole, (ae_trainer_options){.epochs = 3});
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_CANCELLED, "on_step at step 4");
    ck_assert_uint_eq(ae_trainer_step_count(r.trainer), 4);
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 1);
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_ok(ae_trainer_run(whole.trainer));
    ck_assert_uint_eq(kept.step_count, 9);
    ck_assert_uint_eq(kept.epoch_count, 3);
    ck_assert_double_eq(history(&r, 1).train_cost, history(&whole, 1).train_cost);
    ck_assert(fixture_same_state(r.network, whole.network));
    finish(&r);
    finish(&whole);
}
END_TEST

START_TEST(on_step_stopping_at_the_last_step_of_an_epoch_still_closes_it)
{
    run r = prepare(fixture_adam(0.01f));
    record kept = {.stop_step = EPOCH_STEPS};
    start(&r, (ae_trainer_options){
                  .epochs = 3, .on_step = on_step, .on_epoch = on_epoch, .user = &kept});
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_CANCELLED, "on_step");
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 1);
    ck_assert_uint_eq(kept.epoch_count, 1);
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 3);
    finish(&r);
}
END_TEST

START_TEST(on_epoch_stops_after_the_epoch)
{
    run r = prepare(fixture_adam(0.01f));
    record kept = {.stop_epoch = 2};
    start(&r, (ae_trainer_options){.epochs = 4, .on_epoch = on_epoch, .user = &kept});
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_CANCELLED, "on_epoch after epoch 2");
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 2);
    ck_assert_uint_eq(ae_trainer_history_count(r.trainer), 2);
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 4);
    finish(&r);
}
END_TEST

START_TEST(cancel_within_a_step_stops_after_it_once)
{
    run r = prepare(fixture_adam(0.01f));
    record kept = {.cancel_step = 5, .trainer = &r.trainer};
    start(&r, (ae_trainer_options){.epochs = 4, .on_step = on_step, .user = &kept});
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_CANCELLED, "cancelled at step 5");
    ck_assert_uint_eq(ae_trainer_step_count(r.trainer), 5);
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_uint_eq(ae_trainer_step_count(r.trainer), 4 * EPOCH_STEPS);
    finish(&r);
}
END_TEST

typedef struct canceller {
    ae_trainer *trainer;
    atomic_int started;
} canceller;

static int tell_started(void *user, const ae_step_info *info)
{
    canceller *c = user;
    (void)info;
    atomic_store(&c->started, 1);
    return 0;
}

static void *cancel_when_started(void *argument)
{
    canceller *c = argument;
    while (!atomic_load(&c->started))
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    ae_trainer_cancel(c->trainer);
    return NULL;
}

START_TEST(cancel_from_another_thread_stops_the_run)
{
    run r = prepare(fixture_adam(0.001f));
    canceller c = {.trainer = NULL};
    start(&r, (ae_trainer_options){.epochs = UINT64_MAX, .on_step = tell_started, .user = &c});
    c.trainer = r.trainer;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_when_started, &c), 0);
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_CANCELLED, "cancelled");
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_gt(ae_trainer_step_count(r.trainer), 0);
    finish(&r);
}
END_TEST

static ae_trainer *volatile interrupted;

static void cancel_on_signal(int number)
{
    (void)number;
    ae_trainer_cancel(interrupted);
}

static int raise_at_step_7(void *user, const ae_step_info *info)
{
    (void)user;
    return info->step == 7 ? raise(SIGUSR1) : 0;
}

START_TEST(cancel_from_a_signal_handler_stops_the_run)
{
    run r = prepare(fixture_adam(0.001f));
    start(&r, (ae_trainer_options){.epochs = 1000, .on_step = raise_at_step_7});
    interrupted = r.trainer;
    struct sigaction action = {.sa_handler = cancel_on_signal}, before;
    ck_assert_int_eq(sigaction(SIGUSR1, &action, &before), 0);
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_CANCELLED, "cancelled");
    ck_assert_int_eq(sigaction(SIGUSR1, &before, NULL), 0);
    ck_assert_uint_eq(ae_trainer_step_count(r.trainer), 7);
    finish(&r);
}
END_TEST

START_TEST(a_cancel_that_comes_too_late_does_not_stop_the_next_call)
{
    run r = prepare(fixture_adam(0.01f));
    start(&r, (ae_trainer_options){.epochs = 1});
    ck_assert_ok(ae_trainer_run(r.trainer));
    ae_trainer_cancel(r.trainer);
    ck_assert_ok(ae_trainer_run(r.trainer)); /* nothing left to do, nothing to stop */
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    finish(&r);
}
END_TEST

/* The folder is not there when the run ends; once it is, the run that has nothing left to do saves
 * what it could not. */
START_TEST(a_checkpoint_that_could_not_be_written_is_written_by_the_next_run)
{
    run r = prepare(fixture_adam(0.01f));
    const char *path = support_path("later/run");
    start(&r, (ae_trainer_options){
                  .epochs = 2, .checkpoint_path = path, .checkpoint_every = 1 + (uint64_t)_i});
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_NOT_FOUND, "later/run");
    ck_assert(!support_contains(ae_last_error(), "and no checkpoint"));
    while (ae_trainer_epoch_count(r.trainer) < 2)
        ck_assert_int_eq(ae_trainer_run(r.trainer), AE_ERROR_NOT_FOUND);
    ck_assert_int_eq(mkdir(support_path("later"), 0700), 0);
    ck_assert_ok(ae_trainer_run(r.trainer));
    size_t size, wanted;
    free(support_read(path, &size));
    ck_assert_ok(ae_trainer_save_checkpoint_memory(r.trainer, NULL, 0, &wanted));
    ck_assert_uint_eq(size, wanted);
    ck_assert_int_eq(remove(path), 0);
    ck_assert_ok(ae_trainer_run(r.trainer)); /* it is written: nothing is behind */
    ck_assert_int_ne(remove(path), 0);
    finish(&r);
    support_dir_remove();
}
END_TEST

START_TEST(a_run_that_fails_says_so_and_whether_its_checkpoint_was_written)
{
    run r = prepare(fixture_adam(0.01f));
    record kept = {.stop_step = 2};
    start(&r, (ae_trainer_options){.epochs = 2,
                                   .checkpoint_path = support_path("later/run"),
                                   .on_step = on_step,
                                   .user = &kept});
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_CANCELLED,
                     "stopped by on_step at step 2; and no checkpoint: ");
    ck_assert(support_contains(ae_last_error(), "later/run"));
    ck_assert_int_eq(mkdir(support_path("later"), 0700), 0);
    kept.stop_step = 4;
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_CANCELLED, "stopped by on_step at step 4");
    ck_assert(!support_contains(ae_last_error(), "checkpoint"));
    free(support_read(support_path("later/run"), NULL));
    finish(&r);
    support_dir_remove();
}
END_TEST

Suite *run_suite(void)
{
    Suite *suite = suite_create("run");
    TCase *tcase = tcase_create("run");
    tcase_add_test(tcase, steps_per_epoch_leave_out_what_must_be);
    tcase_add_test(tcase, callbacks_and_history_tell_what_happened);
    tcase_add_loop_test(tcase, validation_is_judged_by_the_cost_trained_with, 0, AE_COST_BCE);
    tcase_add_test(tcase, without_a_validation_set_its_cost_is_nan);
    tcase_add_test(tcase, a_finished_run_does_nothing_more);
    tcase_add_test(tcase, history_is_written_as_csv_and_jsonl);
    tcase_add_test(tcase, on_step_stops_after_the_step_and_the_run_goes_on_where_it_was);
    tcase_add_test(tcase, on_step_stopping_at_the_last_step_of_an_epoch_still_closes_it);
    tcase_add_test(tcase, on_epoch_stops_after_the_epoch);
    tcase_add_test(tcase, cancel_within_a_step_stops_after_it_once);
    tcase_add_test(tcase, cancel_from_another_thread_stops_the_run);
    tcase_add_test(tcase, cancel_from_a_signal_handler_stops_the_run);
    tcase_add_test(tcase, a_cancel_that_comes_too_late_does_not_stop_the_next_call);
    tcase_add_loop_test(tcase, a_checkpoint_that_could_not_be_written_is_written_by_the_next_run, 0,
                        2);
    tcase_add_test(tcase, a_run_that_fails_says_so_and_whether_its_checkpoint_was_written);
    suite_add_tcase(suite, tcase);
    return suite;
}
