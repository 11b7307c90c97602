/* SPDX-License-Identifier: BSD-3-Clause */
/* Weights of features and rows in the cost: against float64, also of rows with missing values,
 * saved and resumed, in validation and not in scores. */
#include "model/weighted.h"

#include "reference_steps.h"
#include "suites.h"
#include "trained.h"

static const size_t widths[] = {37, 33, 5, 40, 37};
enum { STEP_ROWS = 6 };

/* Some are 0, some large; more than a panel of either size. */
static float feature_weight(size_t j)
{
    return j % 5 == 0 ? 0 : 0.25f * (float)(j % 7) + (j == 36 ? 8 : 0);
}

/* A test number is a cost, whether there is batch normalisation, and whether values are missing;
 * features have weights, rows have, or both. */
START_TEST(steps_are_those_of_the_reference)
{
    if (support_slow() && _i % 3 != 0)
        return; /* each cost, with batch norm or without, and holes or none */
    static const float of_rows[STEP_ROWS] = {1, 0, 2.5f, 0.5f, 3, 1};
    float of_features[37];
    for (size_t j = 0; j < COUNT(of_features); j++)
        of_features[j] = feature_weight(j);
    const ae_cost cost = (ae_cost)(_i % 8 / 2 + 1);
    for (int which = support_slow_arithmetic() ? 3 : 1; which < 4; which++) {
        reference n = {.widths = widths,
                       .depth = COUNT(widths) - 1,
                       .batch_norm = _i % 2 == 1,
                       .hidden = AE_ACTIVATION_TANH,
                       .output = AE_ACTIVATION_SIGMOID,
                       .slope = (double)0.2f,
                       .epsilon = (double)1e-3f,
                       .encoder_layers = 2,
                       .holes = _i >= 8,
                       .feature_weights = which & 1 ? of_features : NULL,
                       .row_weights = which & 2 ? of_rows : NULL};
        const ae_trainer_options o = {.size = sizeof o,
                                      .cost = cost,
                                      .feature_weights = n.feature_weights,
                                      .feature_weight_count = which & 1 ? COUNT(of_features) : 0,
                                      .row_weights = n.row_weights,
                                      .row_weight_count = which & 2 ? COUNT(of_rows) : 0};
        reference_agrees(&n, &o, STEP_ROWS, NULL);
    }
}
END_TEST

enum { FEATURES = 21, ROWS = 61 };

static ae_network *make(void)
{
    return FIXTURE_NETWORK(FEATURES, 35, 3, 35, FEATURES);
}

/* Weights that the caller changes once a trainer has them. */
typedef struct weights {
    float features[FEATURES], rows[ROWS];
} weights;

static weights usual_weights(void)
{
    weights w;
    for (size_t j = 0; j < FEATURES; j++)
        w.features[j] = feature_weight(j);
    for (size_t r = 0; r < ROWS; r++)
        w.rows[r] = (float)(r % 4);
    return w;
}

static ae_trainer *start(ae_network *network, ae_optimizer *adam, const ae_dataset *dataset,
                         const ae_trainer_options *options, weights w)
{
    ae_trainer_options o = *options;
    o.feature_weights = w.features, o.feature_weight_count = FEATURES;
    o.row_weights = w.rows, o.row_weight_count = ROWS;
    ae_trainer *trainer = fixture_trainer(network, adam, dataset, &o);
    memset(&w, 0xff, sizeof w);
    return trainer;
}

static ae_trainer *start_usual(ae_network *network, ae_optimizer *adam, const ae_dataset *dataset,
                               const ae_trainer_options *options)
{
    return start(network, adam, dataset, options, usual_weights());
}

static const trained_recipe usual_run = {.network = make, .start = start_usual};

static ae_network *run(const ae_dataset *dataset, const ae_trainer_options *options)
{
    return trained_network(trained_run(&usual_run, dataset, options, 0));
}

/* float32, bfloat16, clipped, BCE; the rows are shuffled, and their weights with them. */
START_TEST(any_number_of_threads_and_resuming_give_the_same_bits)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_trainer_options options = {.size = sizeof options,
                                  .batch = 16,
                                  .epochs = 3,
                                  .seed = 3,
                                  .threads = 1,
                                  .precision = _i == 1 ? AE_PRECISION_BF16 : AE_PRECISION_F32,
                                  .clip_norm = _i == 2 ? 0.1f : 0,
                                  .cost = _i == 3 ? AE_COST_BCE : AE_COST_L2};
    /* Stopped within the first epoch of four steps, at its end, and within the second. */
    ae_network *whole = trained_alike(&usual_run, dataset, options, 4);
    ae_network_free(whole);
    ae_dataset_free(dataset);
}
END_TEST

/* Rows with weights in {0, 1, 2} and rows that are left out, once or twice there: the same cost of
 * a whole batch but for n, and the same direction. Without batch normalisation, which sees all. */
START_TEST(a_weight_of_two_counts_a_row_twice)
{
    static const float doubled[] = {1, 2, 0, 1};
    float *values = fixture_values(4 * FEATURES, 0, 1, 1), repeated[4 * FEATURES];
    static const size_t rows[] = {0, 1, 1, 3};
    for (size_t r = 0; r < COUNT(rows); r++)
        memcpy(repeated + r * FEATURES, values + rows[r] * FEATURES, FEATURES * sizeof *repeated);
    double costs[2];
    float gradients[2][FEATURES * 3];
    for (int i = 0; i < 2; i++) {
        ae_network *network = fixture_network_with(
            AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 3, FEATURES}, .width_count = 3,
                               .seed = 7, .batch_norm = AE_TOGGLE_OFF));
        ae_dataset *dataset = fixture_dataset_of(i == 0 ? values : repeated, 4, FEATURES);
        ae_trainer *trainer = fixture_trainer(
            network, NULL, dataset,
            AE_TRAINER_OPTIONS(.batch = 4, .row_weights = i == 0 ? doubled : NULL,
                               .row_weight_count = i == 0 ? 4 : 0));
        ck_assert_ok(ae_trainer_run_step(trainer, &costs[i]));
        ck_assert_ok(ae_trainer_get_gradient(trainer, "encoder.0.weight", gradients[i],
                                             COUNT(gradients[i])));
        ae_trainer_free(trainer), ae_dataset_free(dataset), ae_network_free(network);
    }
    ck_assert_double_eq_tol(costs[0], costs[1], 1e-6);
    ck_assert(fixture_distance(gradients[0], gradients[1], COUNT(gradients[0])) < 1e-5);
    free(values);
}
END_TEST

/* Rows with missing values or without; the first lacks all that has a weight, and costs 0. */
static ae_dataset *rows_to_validate(bool holes)
{
    float *values = fixture_values(ROWS * FEATURES, 0, 1, 1);
    ae_dataset *dataset = NULL;
    for (size_t i = 0; holes && i < ROWS * FEATURES; i++)
        if (i < FEATURES ? feature_weight(i) > 0 : i % 8 == 3)
            values[i] = NAN;
    ck_assert_ok(ae_dataset_create_f32(&dataset, values, ROWS, FEATURES,
                                       AE_DATASET_OPTIONS(.missing = AE_MISSING_KEEP)));
    free(values);
    return dataset;
}

/* The validation cost of a run against one worked out from reconstructions. Test numbers from 4 on
 * have missing values. */
START_TEST(validation_has_the_weights_of_the_features_and_scores_have_none)
{
    const weights w = usual_weights();
    const ae_cost cost = (ae_cost)(_i % 4 + 1);
    ae_dataset *dataset = rows_to_validate(_i >= 4);
    float rows[ROWS * FEATURES], output[ROWS * FEATURES];
    ae_network *network = make();
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer_options options = {
        .size = sizeof options, .batch = 16, .threads = 2, .cost = cost, .validation = dataset};
    ae_trainer *trainer = start(network, adam, dataset, &options, w);
    ae_epoch_info info = {.size = sizeof info};
    ck_assert_ok(ae_trainer_run_epoch(trainer, &info));
    ae_session *session = NULL;
    ck_assert_ok(ae_dataset_read(dataset, 0, ROWS, rows));
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, output));
    double expected = 0, plain = 0;
    for (size_t r = 0; r < ROWS; r++) {
        double y[FEATURES], t[FEATURES];
        for (size_t j = 0; j < FEATURES; j++) {
            y[j] = (double)output[r * FEATURES + j];
            t[j] = (double)rows[r * FEATURES + j];
        }
        expected += reference_row_cost(cost, w.features, y, t, FEATURES) / ROWS;
        plain += reference_row_cost(cost, NULL, y, t, FEATURES) / ROWS;
    }
    ck_assert_double_eq_tol(info.validation_cost, expected, 1e-5 * expected);
    ae_evaluation result = {.size = sizeof result};
    ck_assert_ok(ae_network_evaluate(network, dataset, &result, NULL));
    const double found[] = {result.l2, result.sse, result.mse, result.bce};
    ck_assert_double_eq_tol(found[_i % 4], plain, 1e-5 * plain);
    ae_session_free(session);
    ae_trainer_free(trainer), ae_optimizer_free(adam);
    ae_network_free(network), ae_dataset_free(dataset);
}
END_TEST

static ae_epoch_info validate(const ae_dataset *dataset, const float *of_rows, ae_cost cost)
{
    ae_network *network = make();
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(
        network, adam, dataset,
        AE_TRAINER_OPTIONS(.batch = 16, .threads = 2, .cost = cost, .validation = dataset,
                           .validation_row_weights = of_rows,
                           .validation_row_weight_count = of_rows == NULL ? 0 : ROWS));
    ae_epoch_info info = {.size = sizeof info};
    ck_assert_ok(ae_trainer_run_epoch(trainer, &info));
    ae_trainer_free(trainer), ae_optimizer_free(adam), ae_network_free(network);
    return info;
}

/* The validation cost is a sum over the rows, so weights that add up to the same for every row add
 * up to that many costs without weights; training does not see them. */
START_TEST(validation_has_weights_of_its_own_rows)
{
    const ae_cost cost = (ae_cost)(_i + 1);
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    float some[ROWS], others[ROWS], last[ROWS] = {[ROWS - 1] = 1};
    for (size_t r = 0; r < ROWS; r++) {
        some[r] = (float)(r % 4);
        others[r] = 3 - some[r];
    }
    const ae_epoch_info plain = validate(dataset, NULL, cost), a = validate(dataset, some, cost),
                        b = validate(dataset, others, cost), one = validate(dataset, last, cost);
    ck_assert_double_eq_tol(a.validation_cost + b.validation_cost, 3 * plain.validation_cost,
                            1e-12 * plain.validation_cost);
    ck_assert_mem_eq(&a.train_cost, &plain.train_cost, sizeof a.train_cost);
    ck_assert_double_gt(fabs(a.validation_cost - b.validation_cost), 1e-3 * a.validation_cost);
    ae_dataset *rest = NULL;
    ck_assert_ok(ae_dataset_view(&rest, dataset, ROWS - 1, 1));
    ae_network *network = make();
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(
        network, adam, dataset,
        AE_TRAINER_OPTIONS(.batch = 16, .threads = 2, .cost = cost, .validation = rest));
    ae_epoch_info alone = {.size = sizeof alone};
    ck_assert_ok(ae_trainer_run_epoch(trainer, &alone));
    ck_assert_double_eq_tol(one.validation_cost * ROWS, alone.validation_cost,
                            1e-6 * alone.validation_cost);
    ae_trainer_free(trainer), ae_optimizer_free(adam), ae_network_free(network);
    ae_dataset_free(rest), ae_dataset_free(dataset);
}
END_TEST

/* The best epoch is forgotten where another cost decides from now on. */
START_TEST(a_best_epoch_is_of_its_validation_weights)
{
    float of_rows[ROWS];
    for (size_t r = 0; r < ROWS; r++)
        of_rows[r] = (float)(r % 3);
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    const char *path = support_path("checkpoint");
    ae_trainer_options o = {.size = sizeof o,
                            .batch = 16,
                            .validation = dataset,
                            .validation_row_weights = of_rows,
                            .validation_row_weight_count = ROWS};
    for (int i = 0; i < 3; i++) {
        ae_network *network = make();
        ae_optimizer *adam = fixture_adam(0.01f);
        of_rows[1] += i == 2 ? 1 : 0;
        ae_trainer *trainer = fixture_trainer(network, adam, dataset, &o);
        if (i == 0) {
            ck_assert_ok(ae_trainer_run_epoch(trainer, NULL));
            ck_assert_ok(ae_trainer_save_checkpoint(trainer, path));
        } else {
            ck_assert_ok(ae_trainer_resume(trainer, path));
        }
        ck_assert_uint_eq(trainer->progress.best_epoch, i == 2 ? 0 : 1);
        ae_trainer_free(trainer), ae_optimizer_free(adam), ae_network_free(network);
    }
    ae_dataset_free(dataset);
}
END_TEST

/* A feature of weight 0 has no say: what is in it changes no cost. */
START_TEST(a_feature_without_weight_has_no_error)
{
    enum { N = 3, USED = 5 };
    const float of[USED] = {1, 0, 2, 0, 1};
    for (size_t k = 0; k < ae_kernels_count(); k++) {
        const aei_kernels *kernels = aei_kernels_at(k);
        float y[N * 64], t[N * 64], costs[2][N];
        for (size_t i = 0; i < COUNT(y); i++)
            y[i] = (float)(i % 9) / 10 + 0.05f, t[i] = (float)(i % 4) / 4;
        for (int bce = 0; bce < 2; bce++) {
            aei_weighted_costs(kernels, N, USED, of, y, t, bce, costs[0]);
            for (size_t r = 0; r < N; r++)
                y[r * kernels->panel + 1] = 0.5f, t[r * kernels->panel + 3] = 1;
            aei_weighted_costs(kernels, N, USED, of, y, t, bce, costs[1]);
            ck_assert_mem_eq(costs[0], costs[1], sizeof costs[0]);
        }
    }
}
END_TEST

/* Rows of a file come in batches that are numbered anew; the weights keep to the rows. */
START_TEST(it_does_not_matter_where_rows_are)
{
    const ae_trainer_options options = {
        .size = sizeof options, .batch = 16, .epochs = 2, .seed = 3, .threads = 2};
    float *values = fixture_values(ROWS * FEATURES, 0, 1, 1);
    const char *path = support_path("rows.npy");
    ck_assert_ok(ae_npy_write(path, values, ROWS, FEATURES));
    ae_dataset *memory = fixture_dataset_of(values, ROWS, FEATURES), *file = NULL;
    ck_assert_ok(ae_dataset_open_npy(&file, path, AE_DATASET_OPTIONS(.map = AE_TOGGLE_ON)));
    ae_network *a = run(memory, &options), *b = run(file, &options);
    ck_assert(fixture_same_state(a, b));
    ae_network_free(a), ae_network_free(b);
    ae_dataset_free(memory), ae_dataset_free(file);
    free(values);
}
END_TEST

/* Of rows that come one by one, shuffled, only the one with a weight has a cost. */
START_TEST(a_weight_keeps_to_its_row_in_any_order)
{
    const float of_rows[] = {0, 0, 0, 2, 0};
    ae_dataset *dataset = fixture_dataset(COUNT(of_rows), FEATURES, 1);
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 3, FEATURES}, .width_count = 3,
                           .batch_norm = AE_TOGGLE_OFF));
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(network, adam, dataset,
                                          AE_TRAINER_OPTIONS(.batch = 1, .seed = 5, .threads = 1,
                                                             .row_weights = of_rows,
                                                             .row_weight_count = COUNT(of_rows)));
    for (size_t s = 0; s < COUNT(of_rows); s++) {
        double cost = NAN;
        ck_assert_ok(ae_trainer_run_step(trainer, &cost));
        ck_assert_int_eq(cost > 0, trainer->order[s] == 3);
    }
    ae_trainer_free(trainer), ae_optimizer_free(adam);
    ae_network_free(network), ae_dataset_free(dataset);
}
END_TEST

START_TEST(other_weights_are_another_run)
{
    const ae_trainer_options options = {.size = sizeof options, .batch = 16, .seed = 3};
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_network *network = make();
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *one = start(network, adam, dataset, &options, usual_weights());
    ae_trainer *plain = fixture_trainer(network, adam, dataset, &options);
    const char *path = support_path("checkpoint");
    ck_assert_ok(ae_trainer_save_checkpoint(one, path));
    ck_assert_status(ae_trainer_resume(plain, path), AE_ERROR_SHAPE,
                     "feature_weights is in the checkpoint, absent in this trainer");
    weights w = usual_weights();
    w.features[20] += 1;
    ae_trainer *other = start(network, adam, dataset, &options, w);
    ck_assert_status(ae_trainer_resume(other, path), AE_ERROR_SHAPE, "feature_weights is 21 of");
    ae_trainer_free(other);
    w = usual_weights();
    w.rows[60] += 1;
    other = start(network, adam, dataset, &options, w);
    ck_assert_status(ae_trainer_resume(other, path), AE_ERROR_SHAPE, "row_weights is 61 of");
    ae_trainer_free(other), ae_trainer_free(plain), ae_trainer_free(one);
    ae_optimizer_free(adam), ae_network_free(network), ae_dataset_free(dataset);
}
END_TEST

START_TEST(weights_outside_their_range_are_refused)
{
    float of[FEATURES] = {0}, of_rows[ROWS] = {0};
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_network *network = make();
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = NULL;
#define REFUSED(status, part, ...)                                                            \
    ck_assert_status(                                                                         \
        ae_trainer_create(&trainer, network, adam, dataset, AE_TRAINER_OPTIONS(__VA_ARGS__)), \
        status, part)
    const ae_status argument = AE_ERROR_INVALID_ARGUMENT, shape = AE_ERROR_SHAPE;
    REFUSED(argument, "feature_weights is NULL", .feature_weight_count = 3);
    REFUSED(argument, "row_weights is NULL", .row_weight_count = 3);
    REFUSED(argument, "feature_weights are all 0", .feature_weights = of,
            .feature_weight_count = FEATURES);
    REFUSED(argument, "row_weights are all 0", .row_weights = of_rows, .row_weight_count = ROWS);
    REFUSED(shape, "feature_weight_count is 20, but there are 21 features", .feature_weights = of,
            .feature_weight_count = FEATURES - 1);
    REFUSED(shape, "row_weight_count is 60, but there are 61 rows", .row_weights = of_rows,
            .row_weight_count = ROWS - 1);
    REFUSED(argument, "validation_row_weights are given, but no validation set",
            .validation_row_weights = of_rows, .validation_row_weight_count = ROWS);
    REFUSED(argument, "validation_row_weights is NULL", .validation = dataset,
            .validation_row_weight_count = 3);
    REFUSED(argument, "validation_row_weights are all 0", .validation = dataset,
            .validation_row_weights = of_rows, .validation_row_weight_count = ROWS);
    REFUSED(shape, "validation_row_weight_count is 60, but there are 61 validation rows",
            .validation = dataset, .validation_row_weights = of_rows,
            .validation_row_weight_count = ROWS - 1);
    of[4] = -1, of_rows[5] = INFINITY;
    REFUSED(argument, "feature_weights[4] is -1", .feature_weights = of,
            .feature_weight_count = FEATURES);
    REFUSED(argument, "row_weights[5] is inf", .row_weights = of_rows, .row_weight_count = ROWS);
    of[4] = fabsf(NAN);
    REFUSED(argument, "feature_weights[4] is nan", .feature_weights = of,
            .feature_weight_count = FEATURES);
#undef REFUSED
    ck_assert_ptr_null(trainer);
    ae_optimizer_free(adam), ae_network_free(network), ae_dataset_free(dataset);
}
END_TEST

Suite *weighted_suite(void)
{
    Suite *suite = suite_create("weighted");
    TCase *cost = tcase_create("weighted");
    tcase_set_timeout(cost, 60);
    tcase_add_loop_test(cost, steps_are_those_of_the_reference, 0, 16);
    tcase_add_test(cost, a_weight_of_two_counts_a_row_twice);
    tcase_add_test(cost, a_weight_keeps_to_its_row_in_any_order);
    tcase_add_loop_test(cost, validation_has_the_weights_of_the_features_and_scores_have_none, 0,
                        8);
    tcase_add_loop_test(cost, validation_has_weights_of_its_own_rows, 0, 4);
    tcase_add_test(cost, a_feature_without_weight_has_no_error);
    tcase_add_test(cost, weights_outside_their_range_are_refused);
    suite_add_tcase(suite, cost);
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, NULL, support_dir_remove);
    tcase_add_loop_test(files, any_number_of_threads_and_resuming_give_the_same_bits, 0, 4);
    tcase_add_test(files, a_best_epoch_is_of_its_validation_weights);
    tcase_add_test(files, it_does_not_matter_where_rows_are);
    tcase_add_test(files, other_weights_are_another_run);
    suite_add_tcase(suite, files);
    return suite;
}
