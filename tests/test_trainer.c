/* SPDX-License-Identifier: BSD-3-Clause */
/* A run: what it refuses, what it reports, how it stops, what it keeps. */
#define _POSIX_C_SOURCE 200809L /* sigaction, nanosleep */
#include "train/trainer_internal.h"

#include "fixtures.h"
#include "suites.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

/* The pieces of a small run: 10 rows of 6 features in batches of 4, so 3 steps an epoch, the last
 * of 2 rows. */
enum { ROWS = 10, FEATURES = 6, BATCH = 4, EPOCH_STEPS = 3 };

typedef struct run {
    ae_dataset *training, *validation;
    ae_network *network;
    ae_optimizer *optimizer;
    ae_trainer *trainer;
} run;

static run prepare(ae_optimizer *optimizer)
{
    return (run){.training = fixture_dataset(ROWS, FEATURES, 1),
                 .validation = fixture_dataset(5, FEATURES, 2),
                 .network = FIXTURE_NETWORK(FEATURES, 8, 3, 8, FEATURES),
                 .optimizer = optimizer};
}

static void start(run *r, ae_trainer_options options)
{
    options.size = sizeof options;
    options.batch = options.batch == 0 ? BATCH : options.batch;
    options.threads = 2;
    r->trainer = fixture_trainer(r->network, r->optimizer, r->training, &options);
}

static void finish(run *r)
{
    ae_trainer_free(r->trainer);
    ae_optimizer_free(r->optimizer);
    ae_network_free(r->network);
    ae_dataset_free(r->training);
    ae_dataset_free(r->validation);
}

static ae_epoch_info history(const run *r, size_t index)
{
    ae_epoch_info info = {.size = sizeof info};
    ck_assert_ok(ae_trainer_get_epoch(r->trainer, index, &info));
    return info;
}

/* What is refused. */

START_TEST(options_out_of_range_are_refused)
{
    run r = prepare(fixture_adam(0.01f));
    const struct {
        ae_trainer_options options;
        ae_status status;
        const char *part;
    } wrong[] = {
        {{.batch = 1}, AE_ERROR_INVALID_ARGUMENT, "batch 1"},
        {{.batch = ((size_t)1 << 20) + 1}, AE_ERROR_INVALID_ARGUMENT, "batch 1048577"},
        {{.threads = 1025}, AE_ERROR_INVALID_ARGUMENT, "threads 1025"},
        {{.cost = (ae_cost)5}, AE_ERROR_INVALID_ARGUMENT, "cost is 5"},
        {{.cost = (ae_cost)-1}, AE_ERROR_INVALID_ARGUMENT, "cost is -1"},
        {{.shuffle = (ae_shuffle)4}, AE_ERROR_INVALID_ARGUMENT, "shuffle is 4"},
        {{.drop_last = (ae_toggle)3}, AE_ERROR_INVALID_ARGUMENT, "drop_last is 3"},
        {{.restore_best = (ae_toggle)3}, AE_ERROR_INVALID_ARGUMENT, "restore_best is 3"},
        {{.precision = (ae_precision)3}, AE_ERROR_INVALID_ARGUMENT, "precision is 3"},
        {{.clip_norm = -1}, AE_ERROR_INVALID_ARGUMENT, "clip_norm -1"},
        {{.clip_norm = NAN}, AE_ERROR_INVALID_ARGUMENT, "clip_norm nan"},
        {{.clip_norm = INFINITY}, AE_ERROR_INVALID_ARGUMENT, "clip_norm inf"},
        {{.min_delta = -1}, AE_ERROR_INVALID_ARGUMENT, "min_delta -1"},
        {{.min_delta = (double)NAN}, AE_ERROR_INVALID_ARGUMENT, "min_delta nan"},
        {{.batch = 11, .drop_last = AE_TOGGLE_ON}, AE_ERROR_SHAPE, "drop_last"},
    };
    ae_trainer *untouched = (ae_trainer *)&r, *trainer = untouched;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ae_trainer_options options = wrong[i].options;
        options.size = sizeof options;
        ck_assert_status(ae_trainer_create(&trainer, r.network, r.optimizer, r.training, &options),
                         wrong[i].status, wrong[i].part);
    }
    ck_assert_status(
        ae_trainer_create(&trainer, r.network, r.optimizer, r.training, &(ae_trainer_options){0}),
        AE_ERROR_INVALID_ARGUMENT, "ae_trainer_options.size is 0");
    ck_assert_ptr_eq(trainer, untouched);
    finish(&r);
}
END_TEST

START_TEST(null_arguments_are_named)
{
    run r = prepare(fixture_adam(0.01f));
    ae_trainer *trainer = NULL;
    ck_assert_status(ae_trainer_create(NULL, r.network, r.optimizer, r.training, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "trainer is NULL");
    ck_assert_status(ae_trainer_create(&trainer, NULL, r.optimizer, r.training, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "network is NULL");
    ck_assert_status(ae_trainer_create(&trainer, r.network, r.optimizer, NULL, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "train_set is NULL");
    ck_assert_ptr_null(trainer);
    ck_assert_status(ae_trainer_run_step(NULL, NULL), AE_ERROR_INVALID_ARGUMENT, "trainer is NULL");
    ck_assert_status(ae_trainer_run_epoch(NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "trainer is NULL");
    ck_assert_status(ae_trainer_run(NULL), AE_ERROR_INVALID_ARGUMENT, "trainer is NULL");
    start(&r, (ae_trainer_options){0});
    ae_epoch_info info = {.size = sizeof info};
    ck_assert_status(ae_trainer_get_epoch(NULL, 0, &info), AE_ERROR_INVALID_ARGUMENT,
                     "trainer is NULL");
    ck_assert_status(ae_trainer_get_epoch(r.trainer, 0, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "info is NULL");
    ck_assert_status(ae_trainer_get_epoch(r.trainer, 0, &info), AE_ERROR_INVALID_ARGUMENT,
                     "history entry 0");
    ck_assert_status(ae_trainer_save_history(NULL, "x", AE_HISTORY_CSV), AE_ERROR_INVALID_ARGUMENT,
                     "trainer");
    ck_assert_status(ae_trainer_save_history(r.trainer, NULL, AE_HISTORY_CSV),
                     AE_ERROR_INVALID_ARGUMENT, "path");
    ck_assert_status(ae_trainer_save_history(r.trainer, "x", (ae_history_format)3),
                     AE_ERROR_INVALID_ARGUMENT, "format is 3, not an ae_history_format");
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    ck_assert_status(ae_trainer_get_epoch(r.trainer, 0, &(ae_epoch_info){0}),
                     AE_ERROR_INVALID_ARGUMENT, "size is 0");
    finish(&r);
}
END_TEST

START_TEST(null_is_allowed_where_it_is_promised)
{
    ae_trainer_options_init(NULL);
    ae_trainer_free(NULL);
    ae_trainer_cancel(NULL);
    ck_assert_uint_eq(ae_trainer_epoch_count(NULL), 0);
    ck_assert_uint_eq(ae_trainer_step_count(NULL), 0);
    ck_assert_uint_eq(ae_trainer_steps_per_epoch(NULL), 0);
    ck_assert_uint_eq(ae_trainer_thread_count(NULL), 0);
    ck_assert_uint_eq(ae_trainer_memory(NULL), 0);
    ck_assert_uint_eq(ae_trainer_history_count(NULL), 0);
    ae_trainer_options options;
    ae_trainer_options_init(&options);
    ck_assert_uint_eq(options.size, sizeof options);
    ck_assert_uint_eq(options.batch, 0);
}
END_TEST

/* A trainer on a data set of one altered value, at row 3, column 2. */
static ae_status create_with(float value, ae_activation output, bool as_validation)
{
    run r = prepare(fixture_adam(0.01f));
    float *values = fixture_values(ROWS * FEATURES, 0, 1, 1);
    values[3 * FEATURES + 2] = value;
    ae_dataset *altered = fixture_dataset_of(values, ROWS, FEATURES);
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 3, FEATURES}, .width_count = 3,
                           .output_activation = output));
    const ae_status status = ae_trainer_create(
        &r.trainer, network, r.optimizer, as_validation ? r.training : altered,
        AE_TRAINER_OPTIONS(.batch = BATCH, .validation = as_validation ? altered : NULL));
    finish(&r);
    ae_network_free(network);
    ae_dataset_free(altered);
    free(values);
    return status;
}

START_TEST(values_the_output_cannot_reach_are_refused_by_row_column_and_value)
{
    ck_assert_ok(create_with(1, AE_ACTIVATION_SIGMOID, false));
    ck_assert_ok(create_with(0, AE_ACTIVATION_SIGMOID, false));
    ck_assert_status(create_with(1.5f, AE_ACTIVATION_SIGMOID, false), AE_ERROR_DATA, "row 3");
    ck_assert(support_contains(ae_last_error(), "column 2"));
    ck_assert(support_contains(ae_last_error(), "1.5"));
    ck_assert(support_contains(ae_last_error(), "training set"));
    ck_assert_status(create_with(-0.25f, AE_ACTIVATION_SIGMOID, true), AE_ERROR_DATA, "-0.25");
    ck_assert(support_contains(ae_last_error(), "validation set"));
    ck_assert_ok(create_with(-1, AE_ACTIVATION_TANH, false));
    ck_assert_status(create_with(-1.5f, AE_ACTIVATION_TANH, false), AE_ERROR_DATA, "-1.5");
    ck_assert_ok(create_with(-1000, AE_ACTIVATION_LINEAR, false));
    ck_assert_ok(create_with(1000, AE_ACTIVATION_RELU, false));
}
END_TEST

START_TEST(widths_that_differ_are_refused)
{
    run r = prepare(fixture_adam(0.01f));
    ae_dataset *wide = fixture_dataset(ROWS, FEATURES + 1, 1);
    ck_assert_status(ae_trainer_create(&r.trainer, r.network, r.optimizer, wide, NULL),
                     AE_ERROR_SHAPE, "rows of 7 features, but the network takes 6");
    ck_assert_status(ae_trainer_create(&r.trainer, r.network, r.optimizer, r.training,
                                       AE_TRAINER_OPTIONS(.validation = wide)),
                     AE_ERROR_SHAPE, "validation set: rows of 7");
    ae_dataset_free(wide);
    finish(&r);
}
END_TEST

START_TEST(cross_entropy_needs_a_sigmoid_output)
{
    run r = prepare(fixture_adam(0.01f));
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 3, FEATURES}, .width_count = 3,
                           .output_activation = AE_ACTIVATION_TANH));
    ck_assert_status(ae_trainer_create(&r.trainer, network, r.optimizer, r.training,
                                       AE_TRAINER_OPTIONS(.cost = AE_COST_BCE)),
                     AE_ERROR_INVALID_ARGUMENT, "sigmoid");
    ae_network_free(network);
    finish(&r);
}
END_TEST

START_TEST(one_row_cannot_be_normalised)
{
    run r = prepare(fixture_adam(0.01f));
    ae_dataset *one = fixture_dataset(1, FEATURES, 1);
    ck_assert_status(ae_trainer_create(&r.trainer, r.network, r.optimizer, one, NULL),
                     AE_ERROR_SHAPE, "1 row");
    ae_network *plain = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 3, FEATURES}, .width_count = 3,
                           .batch_norm = AE_TOGGLE_OFF));
    ck_assert_ok(
        ae_trainer_create(&r.trainer, plain, r.optimizer, one, AE_TRAINER_OPTIONS(.batch = 1)));
    ck_assert_uint_eq(ae_trainer_steps_per_epoch(r.trainer), 1);
    ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    ae_trainer_free(r.trainer);
    r.trainer = NULL;
    ae_network_free(plain);
    ae_dataset_free(one);
    finish(&r);
}
END_TEST

/* What is reported. */

typedef struct record {
    ae_step_info steps[64];
    ae_epoch_info epochs[16];
    size_t step_count, epoch_count;
    size_t stop_step, stop_epoch; /* stop at the callback with this number; 0: never */
    ae_trainer **trainer;
    size_t cancel_step;
} record;

static int on_step(void *user, const ae_step_info *info)
{
    record *kept = user;
    ck_assert_uint_lt(kept->step_count, COUNT(kept->steps));
    kept->steps[kept->step_count++] = *info;
    if (kept->step_count == kept->cancel_step)
        ae_trainer_cancel(*kept->trainer);
    return kept->step_count == kept->stop_step;
}

static int on_epoch(void *user, const ae_epoch_info *info)
{
    record *kept = user;
    ck_assert_uint_lt(kept->epoch_count, COUNT(kept->epochs));
    kept->epochs[kept->epoch_count++] = *info;
    return kept->epoch_count == kept->stop_epoch;
}

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
    ck_assert_int_eq(strncmp(text, "epoch,step,train_cost,", 22), 0);
    const char *second = strchr(text, '\n') + 1;
    second = strchr(second, '\n') + 1;
    double cost = 0, least = 0, greatest = 0;
    /* The empty field is the validation cost that there is none of. */
    ck_assert_int_eq(sscanf(second, "2,6,%lf,%lf,%lf,,", &cost, &least, &greatest), 3);
    ck_assert_double_eq_tol(cost, history(&r, 1).train_cost, 1e-8);
    ck_assert_double_eq_tol(greatest, history(&r, 1).train_cost_max, 1e-8);
    free(text);

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

START_TEST(patience_ends_a_run_without_improvement)
{
    /* min_delta is more than the cost itself: only the first epoch, with nothing before it, is an
     * improvement. */
    run r = prepare(fixture_adam(0.01f));
    start(&r, (ae_trainer_options){
                  .epochs = 50, .validation = r.validation, .patience = 3, .min_delta = 100});
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 4);
    for (size_t e = 0; e < 4; e++)
        ck_assert_int_eq(history(&r, e).best, e == 0);
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 4);
    finish(&r);
}
END_TEST

START_TEST(patience_counts_from_the_last_improvement)
{
    run r = prepare(fixture_adam(0.05f));
    enum { PATIENCE = 4 };
    start(&r,
          (ae_trainer_options){.epochs = 500, .validation = r.validation, .patience = PATIENCE});
    ck_assert_ok(ae_trainer_run(r.trainer));
    const size_t epochs = ae_trainer_history_count(r.trainer);
    ck_assert_uint_lt(epochs, 500);
    double best = INFINITY;
    size_t best_epoch = 0;
    for (size_t e = 0; e < epochs; e++) {
        const ae_epoch_info info = history(&r, e);
        ck_assert_int_eq(info.best, info.validation_cost < best);
        if (info.validation_cost < best) {
            best = info.validation_cost;
            best_epoch = e;
        }
        ck_assert_uint_le(e - best_epoch, PATIENCE);
    }
    ck_assert_uint_eq(epochs - 1 - best_epoch, PATIENCE);
    finish(&r);
}
END_TEST

/* What it keeps. */

static double least_validation_cost(const run *r)
{
    double least = INFINITY;
    for (size_t e = 0; e < ae_trainer_history_count(r->trainer); e++)
        least = fmin(least, history(r, e).validation_cost);
    return least;
}

static double validation_cost(const run *r)
{
    ae_evaluation result = {.size = sizeof result};
    ck_assert_ok(ae_network_evaluate(r->network, r->validation, &result, NULL));
    return result.l2;
}

/* Large steps, so that the best epoch is not the last. */
START_TEST(restore_best_leaves_the_weights_of_the_best_epoch)
{
    run r = prepare(fixture_adam(0.2f));
    start(&r, (ae_trainer_options){
                  .epochs = 12, .validation = r.validation, .restore_best = AE_TOGGLE_ON});
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 12);
    ck_assert_int_eq(history(&r, 11).best, 0);
    ck_assert_double_ne(history(&r, 11).validation_cost, least_validation_cost(&r));
    ck_assert_double_eq(validation_cost(&r), least_validation_cost(&r));
    finish(&r);
}
END_TEST

START_TEST(after_restore_best_training_goes_on_from_the_latest_weights)
{
    run restored = prepare(fixture_adam(0.2f)), plain = prepare(fixture_adam(0.2f));
    start(&restored, (ae_trainer_options){.epochs = 12,
                                          .validation = restored.validation,
                                          .restore_best = AE_TOGGLE_ON});
    start(&plain, (ae_trainer_options){.epochs = 12, .validation = plain.validation});
    ck_assert_ok(ae_trainer_run(restored.trainer));
    ck_assert_ok(ae_trainer_run(plain.trainer));
    ck_assert(!fixture_same_state(restored.network, plain.network));
    /* A run with nothing left to do puts the best weights back once more. */
    ck_assert_ok(ae_trainer_run(restored.trainer));
    ck_assert_double_eq(validation_cost(&restored), least_validation_cost(&restored));
    ck_assert_ok(ae_trainer_run_step(restored.trainer, NULL));
    ck_assert_ok(ae_trainer_run_step(plain.trainer, NULL));
    ck_assert(fixture_same_state(restored.network, plain.network));
    finish(&restored);
    finish(&plain);
}
END_TEST

START_TEST(weights_set_after_restore_best_are_those_that_training_goes_on_from)
{
    run r = prepare(fixture_sgd(1e-6f));
    start(&r, (ae_trainer_options){
                  .epochs = 4, .validation = r.validation, .restore_best = AE_TOGGLE_ON});
    ck_assert_ok(ae_trainer_run(r.trainer));
    const float mine[8] = {7, 7, 7, 7, 7, 7, 7, 7};
    ck_assert_ok(ae_network_set_tensor(r.network, "encoder.0.bn.weight", mine, 8));
    ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    float after[8];
    ck_assert_ok(ae_network_get_tensor(r.network, "encoder.0.bn.weight", after, 8));
    ck_assert_float_eq_tol(after[0], 7, 1e-3f); /* one step at a rate of 1e-6 */
    finish(&r);
}
END_TEST

START_TEST(an_optimizer_taken_by_another_trainer_is_refused)
{
    run first = prepare(fixture_adam(0.01f));
    start(&first, (ae_trainer_options){.epochs = 4});
    ck_assert_ok(ae_trainer_run_step(first.trainer, NULL));
    ae_network *other = FIXTURE_NETWORK(FEATURES, 2, FEATURES);
    ae_trainer *second = fixture_trainer(other, first.optimizer, first.training,
                                         AE_TRAINER_OPTIONS(.batch = BATCH));
    ck_assert_status(ae_trainer_run_step(first.trainer, NULL), AE_ERROR_STATE, "another trainer");
    ck_assert_status(ae_trainer_save_checkpoint(first.trainer, support_path("state")),
                     AE_ERROR_STATE, "another trainer");
    ck_assert_ok(ae_trainer_run_step(second, NULL));
    ae_trainer_free(second);
    ae_network_free(other);
    finish(&first);
}
END_TEST

START_TEST(a_result_without_its_size_is_refused_before_the_work)
{
    run r = prepare(fixture_adam(0.01f));
    start(&r, (ae_trainer_options){.epochs = 4});
    ae_epoch_info info = {0};
    ck_assert_status(ae_trainer_run_epoch(r.trainer, &info), AE_ERROR_INVALID_ARGUMENT,
                     "size is 0");
    ck_assert_uint_eq(ae_trainer_step_count(r.trainer), 0);
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

START_TEST(restore_best_happens_when_a_callback_stops_the_run)
{
    run r = prepare(fixture_adam(0.2f));
    record kept = {.stop_epoch = 12};
    start(&r, (ae_trainer_options){.epochs = 50,
                                   .validation = r.validation,
                                   .restore_best = AE_TOGGLE_ON,
                                   .on_epoch = on_epoch,
                                   .user = &kept});
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_CANCELLED, "on_epoch");
    ck_assert_double_eq(validation_cost(&r), least_validation_cost(&r));
    finish(&r);
}
END_TEST

START_TEST(restore_best_without_a_validation_set_goes_by_training_cost)
{
    run r = prepare(fixture_adam(0.01f));
    record kept = {.epoch_count = 0};
    start(&r, (ae_trainer_options){
                  .epochs = 12, .restore_best = AE_TOGGLE_ON, .on_epoch = on_epoch, .user = &kept});
    ck_assert_ok(ae_trainer_run(r.trainer));
    double least = INFINITY;
    for (size_t e = 0; e < kept.epoch_count; e++) {
        ck_assert_int_eq(kept.epochs[e].best, kept.epochs[e].train_cost < least);
        least = fmin(least, kept.epochs[e].train_cost);
    }
    finish(&r);
}
END_TEST

/* Parameters, statistics and moments of a run, to see that nothing has changed. */
typedef struct snapshot {
    float *state, *first, *second;
    size_t count, floats;
    uint64_t steps, epochs, optimizer_steps;
} snapshot;

static float *copy(const float *values, size_t count)
{
    float *kept = fixture_allocate(count, sizeof *kept);
    if (values != NULL)
        memcpy(kept, values, count * sizeof *kept);
    return kept;
}

static snapshot take(const run *r)
{
    snapshot s = {.floats = r->optimizer->state_floats,
                  .steps = ae_trainer_step_count(r->trainer),
                  .epochs = ae_trainer_epoch_count(r->trainer),
                  .optimizer_steps = ae_optimizer_step_count(r->optimizer)};
    s.state = fixture_state(r->network, &s.count);
    s.first = copy(r->optimizer->first, s.floats);
    s.second = copy(r->optimizer->second, s.floats);
    return s;
}

static void drop(snapshot *s)
{
    free(s->state);
    free(s->first);
    free(s->second);
}

static void check_same(const snapshot *a, const snapshot *b)
{
    ck_assert_uint_eq(a->steps, b->steps);
    ck_assert_uint_eq(a->epochs, b->epochs);
    ck_assert_uint_eq(a->optimizer_steps, b->optimizer_steps);
    ck_assert_mem_eq(a->state, b->state, a->count * sizeof *a->state);
    ck_assert_mem_eq(a->first, b->first, a->floats * sizeof *a->first);
    ck_assert_mem_eq(a->second, b->second, a->floats * sizeof *a->second);
}

static void check_finite(const snapshot *s)
{
    for (size_t i = 0; i < s->count; i++)
        ck_assert_msg(isfinite(s->state[i]), "element %zu is %g", i, (double)s->state[i]);
    for (size_t i = 0; i < s->floats; i++)
        ck_assert(isfinite(s->first[i]) && isfinite(s->second[i]));
}

/* Linear outputs, so that a huge rate does blow up. */
static run prepare_fragile(ae_optimizer *optimizer, ae_toggle batch_norm)
{
    run r = prepare(optimizer);
    ae_network_free(r.network);
    r.network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 8, 3, 8, FEATURES},
                           .width_count = 5, .batch_norm = batch_norm,
                           .hidden_activation = AE_ACTIVATION_LINEAR,
                           .output_activation = AE_ACTIVATION_LINEAR));
    return r;
}

/* Test number: Adam or momentum, clipping on or off, with batch normalisation or without. */
START_TEST(divergence_puts_everything_back_to_the_beginning_of_the_epoch)
{
    ae_optimizer *momentum = NULL;
    ck_assert_ok(ae_optimizer_create_sgd(
        &momentum, AE_SGD_OPTIONS(.learning_rate = 0.001f, .momentum = 0.9f)));
    run r = prepare_fragile(_i & 1 ? fixture_adam(0.001f) : momentum,
                            _i & 4 ? AE_TOGGLE_ON : AE_TOGGLE_OFF);
    if (_i & 1)
        ae_optimizer_free(momentum);
    start(&r, (ae_trainer_options){
                  .epochs = 100, .cost = AE_COST_SSE, .clip_norm = _i & 2 ? 1e30f : 0});
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    snapshot before = take(&r);
    ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    ck_assert_ok(ae_optimizer_set_learning_rate(r.optimizer, 1e25f));
    ae_status status = AE_OK;
    double cost = -1;
    for (size_t s = 1; s < EPOCH_STEPS && status == AE_OK; s++)
        status = ae_trainer_run_step(r.trainer, &cost);
    ck_assert_status(status, AE_ERROR_DIVERGED, "epoch 3");
    snapshot after = take(&r);
    check_same(&before, &after);
    check_finite(&after);
    ck_assert_uint_eq(ae_trainer_history_count(r.trainer), 2);

    /* With a sane rate it goes on from there as if nothing had been. */
    ck_assert_ok(ae_optimizer_set_learning_rate(r.optimizer, 0.001f));
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 3);
    ck_assert_uint_eq(ae_trainer_history_count(r.trainer), 3);
    drop(&before);
    drop(&after);
    finish(&r);
}
END_TEST

/* The update of the last step ruins the weights: no later cost of this epoch can show it. */
START_TEST(divergence_in_the_last_step_of_an_epoch_is_noticed_before_the_epoch_counts)
{
    run r = prepare_fragile(fixture_sgd(0.001f), AE_TOGGLE_OFF);
    start(&r, (ae_trainer_options){.epochs = 100, .batch = ROWS, .cost = AE_COST_SSE});
    ck_assert_uint_eq(ae_trainer_steps_per_epoch(r.trainer), 1);
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    snapshot before = take(&r);
    ck_assert_ok(ae_optimizer_set_learning_rate(r.optimizer, 3e38f));
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_DIVERGED, "epoch 2");
    snapshot after = take(&r);
    check_same(&before, &after);
    check_finite(&after);
    ck_assert_uint_eq(ae_trainer_history_count(r.trainer), 1);
    drop(&before);
    drop(&after);
    finish(&r);
}
END_TEST

START_TEST(divergence_still_restores_the_best_weights)
{
    run r = prepare_fragile(fixture_sgd(0.01f), AE_TOGGLE_OFF);
    start(&r, (ae_trainer_options){
                  .epochs = 100, .validation = r.validation, .restore_best = AE_TOGGLE_ON});
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    ck_assert_ok(ae_optimizer_set_learning_rate(r.optimizer, 1e30f));
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_DIVERGED, "not finite");
    ck_assert_double_eq(validation_cost(&r), least_validation_cost(&r));
    finish(&r);
}
END_TEST

Suite *trainer_suite(void)
{
    Suite *suite = suite_create("trainer");
    TCase *tcase = tcase_create("trainer");
    tcase_add_test(tcase, options_out_of_range_are_refused);
    tcase_add_test(tcase, null_arguments_are_named);
    tcase_add_test(tcase, null_is_allowed_where_it_is_promised);
    tcase_add_test(tcase, values_the_output_cannot_reach_are_refused_by_row_column_and_value);
    tcase_add_test(tcase, widths_that_differ_are_refused);
    tcase_add_test(tcase, cross_entropy_needs_a_sigmoid_output);
    tcase_add_test(tcase, one_row_cannot_be_normalised);
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
    tcase_add_test(tcase, patience_ends_a_run_without_improvement);
    tcase_add_test(tcase, patience_counts_from_the_last_improvement);
    tcase_add_test(tcase, restore_best_leaves_the_weights_of_the_best_epoch);
    tcase_add_test(tcase, after_restore_best_training_goes_on_from_the_latest_weights);
    tcase_add_test(tcase, weights_set_after_restore_best_are_those_that_training_goes_on_from);
    tcase_add_test(tcase, an_optimizer_taken_by_another_trainer_is_refused);
    tcase_add_test(tcase, a_result_without_its_size_is_refused_before_the_work);
    tcase_add_test(tcase, a_cancel_that_comes_too_late_does_not_stop_the_next_call);
    tcase_add_test(tcase, restore_best_happens_when_a_callback_stops_the_run);
    tcase_add_test(tcase, restore_best_without_a_validation_set_goes_by_training_cost);
    tcase_add_loop_test(tcase, divergence_puts_everything_back_to_the_beginning_of_the_epoch, 0, 8);
    tcase_add_test(tcase,
                   divergence_in_the_last_step_of_an_epoch_is_noticed_before_the_epoch_counts);
    tcase_add_test(tcase, divergence_still_restores_the_best_weights);
    suite_add_tcase(suite, tcase);
    return suite;
}
