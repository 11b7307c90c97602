/* SPDX-License-Identifier: BSD-3-Clause */
/* What a trainer refuses. */
#include "small_run.h"
#include "suites.h"

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
        {{.shuffle = (ae_shuffle)5}, AE_ERROR_INVALID_ARGUMENT, "shuffle is 5"},
        {{.drop_last = (ae_toggle)3}, AE_ERROR_INVALID_ARGUMENT, "drop_last is 3"},
        {{.restore_best = (ae_toggle)3}, AE_ERROR_INVALID_ARGUMENT, "restore_best is 3"},
        {{.precision = (ae_precision)3}, AE_ERROR_INVALID_ARGUMENT, "precision is 3"},
        {{.keep_gradients = (ae_toggle)3}, AE_ERROR_INVALID_ARGUMENT, "keep_gradients is 3"},
        {{.clip_norm = -1}, AE_ERROR_INVALID_ARGUMENT, "clip_norm -1"},
        {{.clip_norm = NAN}, AE_ERROR_INVALID_ARGUMENT, "clip_norm nan"},
        {{.clip_norm = INFINITY}, AE_ERROR_INVALID_ARGUMENT, "clip_norm inf"},
        {{.min_delta = -1}, AE_ERROR_INVALID_ARGUMENT, "min_delta -1"},
        {{.min_delta = (double)NAN}, AE_ERROR_INVALID_ARGUMENT, "min_delta nan"},
        {{.train_tag = ""}, AE_ERROR_INVALID_ARGUMENT, "train_tag is empty"},
        {{.validation_tag = "a\xff"},
         AE_ERROR_INVALID_ARGUMENT,
         "validation_tag is not UTF-8 at byte 1"},
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
    ck_assert_status(ae_trainer_get_best(NULL, &info), AE_ERROR_INVALID_ARGUMENT,
                     "trainer is NULL");
    ck_assert_status(ae_trainer_get_best(r.trainer, &info), AE_ERROR_NOT_SET, "no best epoch");
    ck_assert_status(ae_trainer_save_history(NULL, "x", AE_HISTORY_CSV), AE_ERROR_INVALID_ARGUMENT,
                     "trainer");
    ck_assert_status(ae_trainer_save_history(r.trainer, NULL, AE_HISTORY_CSV),
                     AE_ERROR_INVALID_ARGUMENT, "path");
    ck_assert_status(ae_trainer_save_history(r.trainer, "x", (ae_history_format)3),
                     AE_ERROR_INVALID_ARGUMENT, "format is 3, not an ae_history_format");
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    ck_assert_status(ae_trainer_get_epoch(r.trainer, 0, &(ae_epoch_info){0}),
                     AE_ERROR_INVALID_ARGUMENT, "size is 0");
    ck_assert_status(ae_trainer_get_best(r.trainer, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "info is NULL");
    ck_assert_status(ae_trainer_get_epoch(r.trainer, 1, &info), AE_ERROR_INVALID_ARGUMENT,
                     "history entry 1: there are 1");
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
    ck_assert_ok(create_with(-1000, AE_ACTIVATION_LEAKY_RELU, false));
    ck_assert_ok(create_with(1000, AE_ACTIVATION_RELU, false));
    ck_assert_ok(create_with(0, AE_ACTIVATION_RELU, false));
    ck_assert_status(create_with(-0.5f, AE_ACTIVATION_RELU, false), AE_ERROR_DATA,
                     "row 3, column 2: -0.5 is outside [0, inf]");
    ck_assert_status(create_with(-0.5f, AE_ACTIVATION_RELU, true), AE_ERROR_DATA,
                     "validation set: row 3");
}
END_TEST

static ae_status create_relu_scaled(ae_scaling kind)
{
    run r = prepare(fixture_adam(0.01f));
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 3, FEATURES}, .width_count = 3,
                           .output_activation = AE_ACTIVATION_RELU));
    ck_assert_ok(ae_network_fit_scaling(network, r.training, AE_SCALING_OPTIONS(.kind = kind)));
    const ae_status status = ae_trainer_create(&r.trainer, network, r.optimizer, r.training, NULL);
    finish(&r);
    ae_network_free(network);
    return status;
}

/* A z-score of a column that is not constant is below 0 somewhere; min-max never is. */
START_TEST(a_relu_output_is_for_min_max_and_not_for_z_scores)
{
    ck_assert_status(create_relu_scaled(AE_SCALING_Z_SCORE), AE_ERROR_DATA,
                     "is outside [0, inf]: fit a min-max scaling");
    ck_assert_ok(create_relu_scaled(AE_SCALING_MIN_MAX));
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

/* A struct whose last field is followed by padding could not grow: a new field would lie where an
 * older program's garbage is. */
START_TEST(no_struct_ends_in_padding)
{
#define ENDS(type, last) \
    ck_assert_uint_eq(sizeof(type), offsetof(type, last) + sizeof(((type *)0)->last))
    ENDS(ae_trainer_options, bf16_parts);
    ENDS(ae_epoch_info, penalty);
    ENDS(ae_step_info, penalty);
    ENDS(ae_adam_options, reserved);
    ENDS(ae_sgd_options, weight_decay);
    ENDS(ae_schedule_options, user);
    ENDS(ae_event_writer_options, user);
#undef ENDS
}
END_TEST

/* A shuffled view has an index of its own, which the trainer must hold as well as the values. */
START_TEST(a_trainer_keeps_its_datasets_alive)
{
    run r = prepare(fixture_adam(0.01f)), twin = prepare(fixture_adam(0.01f));
    ae_dataset *shuffled = NULL;
    ck_assert_ok(ae_dataset_shuffle(&shuffled, r.training, 5));
    ae_dataset_free(r.training);
    r.training = shuffled;
    ck_assert_ok(ae_dataset_shuffle(&shuffled, twin.training, 5));
    ae_dataset_free(twin.training);
    twin.training = shuffled;
    start(&r, (ae_trainer_options){.epochs = 2, .validation = r.validation});
    start(&twin, (ae_trainer_options){.epochs = 2, .validation = twin.validation});
    ae_dataset_free(r.training), ae_dataset_free(r.validation);
    r.training = r.validation = NULL;
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_ok(ae_trainer_run(twin.trainer));
    ck_assert(fixture_same_state(r.network, twin.network));
    ck_assert_double_eq(history(&r, 1).validation_cost, history(&twin, 1).validation_cost);
    finish(&r), finish(&twin);
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
    tcase_add_test(tcase, a_relu_output_is_for_min_max_and_not_for_z_scores);
    tcase_add_test(tcase, widths_that_differ_are_refused);
    tcase_add_test(tcase, cross_entropy_needs_a_sigmoid_output);
    tcase_add_test(tcase, one_row_cannot_be_normalised);
    tcase_add_test(tcase, an_optimizer_taken_by_another_trainer_is_refused);
    tcase_add_test(tcase, a_result_without_its_size_is_refused_before_the_work);
    tcase_add_test(tcase, no_struct_ends_in_padding);
    tcase_add_test(tcase, a_trainer_keeps_its_datasets_alive);
    suite_add_tcase(suite, tcase);
    return suite;
}
