/* SPDX-License-Identifier: BSD-3-Clause */
/* Diagnoses: costs, units and codes that were killed by hand, warnings, text. */
#include "fixtures.h"
#include "suites.h"

#include "train/pca.h"

#include <locale.h>

static ae_diagnosis diagnose(const ae_network *network, const ae_dataset *train,
                             const ae_dataset *test, const ae_diagnose_options *options)
{
    ae_diagnosis diagnosis = {.size = sizeof diagnosis};
    ck_assert_ok(ae_network_diagnose(network, train, test, &diagnosis, options));
    return diagnosis;
}

/* Each warning follows from the numbers beside it, as the header says. */
static void check_warnings(const ae_diagnosis *v)
{
    ck_assert_int_eq((v->warnings & AE_WARNING_WORSE_THAN_MEAN) != 0, v->test_cost >= v->mean_cost);
    ck_assert_int_eq((v->warnings & AE_WARNING_WORSE_THAN_PCA) != 0, v->test_cost >= v->pca_cost);
    ck_assert_int_eq((v->warnings & AE_WARNING_OVERFIT) != 0, v->gap > 0.1);
    ck_assert_int_eq((v->warnings & AE_WARNING_COLLAPSED_CODE) != 0,
                     v->inactive_codes + v->redundant_codes > 0);
    ck_assert_double_eq_tol(v->gap, (v->test_cost - v->train_cost) / v->train_cost, 1e-12);
}

/* Test number: the cost. */
START_TEST(costs_are_those_of_evaluation)
{
    enum { F = 40 };
    const ae_cost cost = (ae_cost)(_i + 1);
    ae_dataset *train = fixture_dataset(300, F, 1), *test = fixture_dataset(100, F, 2);
    ae_network *network = FIXTURE_NETWORK(F, 20, 4, 20, F), *linear = NULL;
    const ae_diagnosis v = diagnose(network, train, test, AE_DIAGNOSE_OPTIONS(.cost = cost)),
                       again = diagnose(network, train, test,
                                        AE_DIAGNOSE_OPTIONS(.cost = cost, .threads = 3));
    ae_evaluation results[4];
    for (size_t i = 0; i < 4; i++)
        results[i] = (ae_evaluation){.size = sizeof results[i]};
    ck_assert_ok(aei_pca_network(&linear, train, 4, 1, NULL, NULL));
    ck_assert_ok(ae_network_evaluate(network, train, &results[0], NULL));
    ck_assert_ok(ae_network_evaluate(network, test, &results[1], NULL));
    ck_assert_ok(ae_dataset_evaluate_mean(train, test, &results[2]));
    ck_assert_ok(ae_network_evaluate(linear, test, &results[3], NULL));
    double costs[4];
    for (size_t i = 0; i < 4; i++)
        costs[i] = cost == AE_COST_L2    ? results[i].l2
                   : cost == AE_COST_SSE ? results[i].sse
                   : cost == AE_COST_MSE ? results[i].mse
                                         : results[i].bce;
    ck_assert_double_eq(v.train_cost, costs[0]);
    ck_assert_double_eq(v.test_cost, costs[1]);
    ck_assert_double_eq(v.mean_cost, costs[2]);
    if (cost == AE_COST_BCE)
        ck_assert(isnan(v.pca_cost));
    else
        ck_assert_double_eq(v.pca_cost, costs[3]);
    ck_assert_int_eq(v.cost, cost);
    ck_assert_uint_eq(v.train_rows, 300);
    ck_assert_uint_eq(v.test_rows, 100);
    ck_assert_uint_eq(v.pca_components, 4);
    ck_assert_uint_eq(v.units, 20 + 4 + 20 + F);
    check_warnings(&v);
    ck_assert_uint_eq(again.warnings, v.warnings);
    ck_assert_double_eq(again.test_cost, v.test_cost);
    ck_assert(cost == AE_COST_BCE || again.pca_cost == v.pca_cost);
    ae_network_free(linear), ae_network_free(network);
    ae_dataset_free(test), ae_dataset_free(train);
}
END_TEST

/* Columns of very different sizes: as for the same network on the same values scaled beforehand. */
START_TEST(a_scaled_network_is_diagnosed_on_scaled_values)
{
    enum { F = 12, N = 200 };
    const ae_cost cost = (ae_cost)(_i + 1);
    float *raw = fixture_values(N * F, 0, 1, 1), *scaled = fixture_allocate(N * F, sizeof *scaled);
    for (size_t i = 0; i < N * F; i++)
        raw[i] = ldexpf(raw[i], (int)(i % F)) + 5000 * (float)(i % F == 3);
    ae_dataset *rows = fixture_dataset_of(raw, N, F);
    ae_network *network = FIXTURE_NETWORK(F, 9, 3, 9, F), *plain = NULL;
    ck_assert_ok(ae_network_clone(&plain, network));
    ck_assert_ok(ae_network_fit_scaling(network, rows, NULL));
    memcpy(scaled, raw, N * F * sizeof *raw);
    aei_scaling_apply(network->scaling, 0, F, N, scaled, F);
    ae_dataset *others = fixture_dataset_of(scaled, N, F);
    const ae_diagnosis v = diagnose(network, rows, rows, AE_DIAGNOSE_OPTIONS(.cost = cost)),
                       w = diagnose(plain, others, others, AE_DIAGNOSE_OPTIONS(.cost = cost));
    ck_assert_double_eq(v.test_cost, w.test_cost);
    ck_assert_double_eq(v.train_cost, w.train_cost);
    ck_assert_double_eq_tol(v.mean_cost, w.mean_cost,
                            1e-5 * w.mean_cost); /* the mean is rounded once more */
    ck_assert(cost == AE_COST_BCE || fabs(v.pca_cost - w.pca_cost) < 1e-4 * w.pca_cost);
    ck_assert_uint_eq(v.dead_units, w.dead_units);
    ck_assert_uint_eq(v.inactive_codes, w.inactive_codes);
    ck_assert_uint_eq(v.warnings, w.warnings);
    ae_dataset_free(others), ae_dataset_free(rows);
    ae_network_free(plain), ae_network_free(network);
    free(scaled), free(raw);
}
END_TEST

static void set(ae_network *network, const char *name, size_t index, float value)
{
    float values[2000];
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        if (strcmp(info.name, name) != 0)
            continue;
        ck_assert_uint_le(info.count, COUNT(values));
        ck_assert_ok(ae_network_get_tensor(network, name, values, info.count));
        values[index] = value;
        ck_assert_ok(ae_network_set_tensor(network, name, values, info.count));
        return;
    }
    ck_abort_msg("no tensor %s", name);
}

/* Test number: the hidden layers' activation. */
START_TEST(dead_units_and_collapsed_codes_are_counted)
{
    enum { F = 30, HIDDEN = 20, CODE = 5 };
    static const ae_activation kinds[] = {AE_ACTIVATION_SIGMOID, AE_ACTIVATION_TANH,
                                          AE_ACTIVATION_RELU};
    ae_dataset *train = fixture_dataset(200, F, 1), *test = fixture_dataset(300, F, 2);
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){F, HIDDEN, CODE, HIDDEN, F}, .width_count = 5,
                           .seed = 4, .batch_norm = AE_TOGGLE_OFF,
                           .activations = (const ae_activation[]){kinds[_i], AE_ACTIVATION_LINEAR,
                                                                  AE_ACTIVATION_TANH,
                                                                  AE_ACTIVATION_SIGMOID},
                           .activation_count = 4));
    for (size_t j = 0; j < HIDDEN; j++) /* in the middle of what they can do, relu's too */
        set(network, "encoder.0.bias", j, kinds[_i] == AE_ACTIVATION_RELU ? 1 : 0);
    size_t dead[4];
    ae_diagnosis v = diagnose(network, train, test, NULL);
    ck_assert_uint_eq(v.dead_units, 0);
    ck_assert_uint_eq(v.inactive_codes + v.redundant_codes, 0);
    check_warnings(&v);
    ck_assert_uint_eq(v.warnings & AE_WARNING_DEAD_UNITS, 0);

    for (size_t j = 3; j < 6; j++) /* far out: 0, -1 or 0 for every row */
        set(network, "encoder.0.bias", j, -100);
    for (size_t j = 0; j < HIDDEN; j++) {
        set(network, "encoder.1.weight", 2 * HIDDEN + j,
            0); /* code 2 is inactive, 4 is the opposite of half of code 1 */
        float w[CODE * HIDDEN];
        ck_assert_ok(ae_network_get_tensor(network, "encoder.1.weight", w, CODE * HIDDEN));
        set(network, "encoder.1.weight", 4 * HIDDEN + j, -0.5f * w[1 * HIDDEN + j]);
    }
    v = diagnose(network, train, test, NULL);
    ck_assert_ok(ae_network_dead_units(network, test, dead, COUNT(dead)));
    ck_assert_uint_eq(dead[0], 3);
    ck_assert_uint_eq(dead[1], 1);
    ck_assert_uint_eq(dead[2], 0);
    ck_assert_uint_eq(dead[3], 0);
    ck_assert_uint_eq(v.dead_units, 4);
    ck_assert_uint_eq(v.dead_layer, 1); /* 1 of 5 is a greater share than 3 of 20 */
    ck_assert_uint_eq(v.dead_layer_units, 1);
    ck_assert_uint_eq(v.inactive_codes, 1);
    ck_assert_uint_eq(v.redundant_codes, 1);
    ck_assert_uint_ne(v.warnings & AE_WARNING_DEAD_UNITS, 0);
    check_warnings(&v);
    ae_network_free(network);
    ae_dataset_free(test), ae_dataset_free(train);
}
END_TEST

/* Rows (+-1, +-1): two features of equal size without correlation. */
static ae_dataset *square(void)
{
    return fixture_dataset_of((const float[]){1, 1, 1, -1, -1, 1, -1, -1}, 4, 2);
}

static ae_network *linear_network(size_t code)
{
    return fixture_network_with(AE_NETWORK_OPTIONS(.widths = (const size_t[]){2, code, 2},
                                                   .width_count = 3, .batch_norm = AE_TOGGLE_OFF,
                                                   .hidden_activation = AE_ACTIVATION_LINEAR,
                                                   .output_activation = AE_ACTIVATION_LINEAR));
}

/* The documented bounds, from both sides: a correlation of 0.999, of either sign, and a standard
 * deviation of a thousandth. */
START_TEST(redundant_and_dead_units_have_the_documented_bounds)
{
    ae_dataset *rows = square();
    ae_network *two = linear_network(2), *one = linear_network(1);
    const double correlations[] = {0.9988, 0.9992, -0.9988, -0.9992};
    for (size_t i = 0; i < COUNT(correlations); i++) {
        const double r = correlations[i];
        const float weights[] = {1, 0, (float)r, (float)sqrt(1 - r * r)};
        ck_assert_ok(ae_network_set_tensor(two, "encoder.0.weight", weights, 4));
        ck_assert_uint_eq(diagnose(two, rows, rows, NULL).redundant_codes, fabs(r) > 0.999);
    }
    ck_assert_ok(ae_network_set_tensor(one, "encoder.0.bias", (const float[]){1}, 1));
    for (size_t i = 0; i < 2; i++) {
        const float weights[] = {i == 0 ? 0.99e-3f : 1.01e-3f, 0};
        ck_assert_ok(ae_network_set_tensor(one, "encoder.0.weight", weights, 2));
        ck_assert_uint_eq(diagnose(one, rows, rows, NULL).inactive_codes, 1 - i);
    }
    ae_network_free(one), ae_network_free(two);
    ae_dataset_free(rows);
}
END_TEST

/* A pixel that is always 0 needs an output that is; a pixel that is not does not get away with
 * one. */
START_TEST(constant_outputs_of_constant_features_are_in_their_right)
{
    enum { F = 4, N = 50 };
    float *values = fixture_values(N * F, 0.2f, 0.8f, 1);
    for (size_t r = 0; r < N; r++)
        values[r * F] = 0;
    ae_dataset *dataset = fixture_dataset_of(values, N, F);
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){F, 3, F}, .width_count = 3,
                           .batch_norm = AE_TOGGLE_OFF));
    set(network, "decoder.0.bias", 0, -100);
    ck_assert_uint_eq(diagnose(network, dataset, dataset, NULL).dead_units, 0);
    set(network, "decoder.0.bias", 1, -100);
    ck_assert_uint_eq(diagnose(network, dataset, dataset, NULL).dead_units, 1);
    ae_network_free(network);
    ae_dataset_free(dataset);
    free(values);
}
END_TEST

/* Forty rows of chance learnt by heart; and a network that has learnt what there is to learn. */
START_TEST(over_fitting_is_found_and_good_training_is_not_blamed)
{
    enum { F = 20 };
    ae_dataset *few = fixture_dataset(40, F, 1), *others = fixture_dataset(200, F, 2);
    ae_network *network = FIXTURE_NETWORK(F, 60, 12, 60, F);
    ae_optimizer *optimizer = fixture_adam(0.005f);
    ae_trainer *trainer = fixture_trainer(network, optimizer, few,
                                          AE_TRAINER_OPTIONS(.batch = 20, .epochs = 400));
    ck_assert_ok(ae_trainer_run(trainer));
    ae_diagnosis v = diagnose(network, few, others, NULL);
    ck_assert_uint_ne(v.warnings & AE_WARNING_OVERFIT, 0);
    check_warnings(&v);
    ae_trainer_free(trainer), ae_optimizer_free(optimizer), ae_network_free(network);
    ae_dataset_free(others), ae_dataset_free(few);

    ae_dataset *train = NULL, *test = NULL;
    ck_assert_ok(ae_dataset_create_digits(&train, 2000, 1));
    ck_assert_ok(ae_dataset_create_digits(&test, 500, 2));
    network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){784, 128, 32, 4, 32, 128, 784},
                           .width_count = 7, .hidden_activation = AE_ACTIVATION_TANH));
    optimizer = fixture_adam(0.005f);
    trainer = fixture_trainer(network, optimizer, train,
                              AE_TRAINER_OPTIONS(.batch = 50, .epochs = 30));
    const unsigned untrained = diagnose(network, train, test, NULL).warnings;
    ck_assert_uint_ne(untrained & AE_WARNING_WORSE_THAN_MEAN, 0);
    ck_assert_uint_ne(untrained & AE_WARNING_WORSE_THAN_PCA, 0);
    ck_assert_ok(ae_trainer_run(trainer));
    v = diagnose(network, train, test, NULL);
    check_warnings(&v);
    ck_assert_double_lt(v.pca_cost, v.mean_cost);
    ck_assert_double_lt(v.test_cost, v.pca_cost);
    ck_assert_uint_eq(v.warnings & (AE_WARNING_OVERFIT | AE_WARNING_COLLAPSED_CODE), 0);
    ae_trainer_free(trainer), ae_optimizer_free(optimizer), ae_network_free(network);
    ae_dataset_free(test), ae_dataset_free(train);
}
END_TEST

static size_t lines(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static const ae_diagnosis good = {.size = sizeof good,
                                  .cost = AE_COST_L2,
                                  .train_cost = 4,
                                  .test_cost = 4.0123456,
                                  .gap = 0.0030864,
                                  .mean_cost = 7.2,
                                  .pca_cost = 5.5,
                                  .pca_components = 4,
                                  .units = 4288};

START_TEST(the_text_says_it_in_three_lines)
{
    ae_diagnosis v = good;
    char text[AE_DIAGNOSIS_TEXT_SIZE], comma[AE_DIAGNOSIS_TEXT_SIZE];
    ck_assert_ok(ae_diagnosis_text(&v, text, sizeof text));
    ck_assert_str_eq(
        text,
        "Cost on test rows 4.012; mean baseline 7.2, PCA with 4 components 5.5: better than both.\n"
        "Units: no unit is dead; all 4 units of the code are in use.\n"
        "Fit: the cost on test rows is 0.3086 % above that on training rows, 4: no "
        "over-fitting.\n");
    if (setlocale(LC_ALL, "de_DE.UTF-8") != NULL) {
        ck_assert_ok(ae_diagnosis_text(&v, comma, sizeof comma));
        ck_assert_str_eq(text, comma);
        setlocale(LC_ALL, "C");
    }
    v.warnings = ~0u;
    ck_assert_ok(ae_diagnosis_text(&v, text, sizeof text));
    ck_assert(support_contains(text, "learnt nothing") && support_contains(text, "over-fits"));
    v.warnings = AE_WARNING_WORSE_THAN_PCA | AE_WARNING_DEAD_UNITS;
    v.dead_units = 7, v.dead_layer = 2, v.dead_layer_units = 6, v.inactive_codes = 1,
    v.redundant_codes = 2, v.gap = -0.25;
    ck_assert_ok(ae_diagnosis_text(&v, text, sizeof text));
    ck_assert(support_contains(text, "PCA does as well"));
    ck_assert(support_contains(text, "7 of 4288 units are dead, 6 of them in layer 2"));
    ck_assert(support_contains(text, "of 4 units of the code 1 are inactive and 2 redundant"));
    ck_assert(support_contains(text, "25 % below"));
    v.pca_cost = (double)NAN, v.warnings = 0;
    ck_assert_ok(ae_diagnosis_text(&v, text, sizeof text));
    ck_assert(!support_contains(text, "PCA"));
    ck_assert_uint_eq(lines(text), 3);
}
END_TEST

START_TEST(any_text_fits_the_documented_size)
{
    /* The longest numbers there are. */
    const ae_diagnosis longest = {.size = sizeof longest,
                                  .warnings = AE_WARNING_OVERFIT,
                                  .train_cost = -1.2345e-308,
                                  .test_cost = -1.2345e-308,
                                  .gap = 1e300,
                                  .mean_cost = -1.2345e-308,
                                  .pca_cost = -1.2345e-308,
                                  .pca_components = SIZE_MAX,
                                  .units = SIZE_MAX,
                                  .dead_units = SIZE_MAX,
                                  .dead_layer = SIZE_MAX - 1,
                                  .dead_layer_units = SIZE_MAX,
                                  .inactive_codes = SIZE_MAX,
                                  .redundant_codes = 1};
    char text[AE_DIAGNOSIS_TEXT_SIZE], kept[8] = "kept";
    ck_assert_ok(ae_diagnosis_text(&longest, text, sizeof text));
    ck_assert_uint_eq(lines(text), 3);
    ae_diagnosis v = good;
    ck_assert_status(ae_diagnosis_text(&v, kept, sizeof kept), AE_ERROR_BUFFER_SIZE,
                     "bytes are needed");
    ck_assert_str_eq(kept, "kept");
    ck_assert_status(ae_diagnosis_text(NULL, text, sizeof text), AE_ERROR_INVALID_ARGUMENT,
                     "diagnosis is NULL");
    ck_assert_status(ae_diagnosis_text(&v, NULL, 0), AE_ERROR_INVALID_ARGUMENT, "buffer is NULL");
    v.size = 0;
    ck_assert_status(ae_diagnosis_text(&v, text, sizeof text), AE_ERROR_INVALID_ARGUMENT, "size");
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
    ae_dataset *dataset = fixture_dataset(10, 4, 1), *wide = fixture_dataset(10, 5, 1);
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){4, 2, 4}, .width_count = 3,
                           .output_activation = AE_ACTIVATION_LINEAR));
    ae_diagnosis v = {.size = sizeof v, .units = 42};
    ck_assert_status(ae_network_diagnose(network, dataset, dataset, NULL, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "NULL");
    ck_assert_status(ae_network_diagnose(NULL, dataset, dataset, &v, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "NULL");
    ck_assert_status(ae_network_diagnose(network, NULL, dataset, &v, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "NULL");
    ck_assert_status(ae_network_diagnose(network, dataset, NULL, &v, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "NULL");
    ck_assert_status(ae_network_diagnose(network, wide, dataset, &v, NULL), AE_ERROR_SHAPE,
                     "training set");
    ck_assert_status(ae_network_diagnose(network, dataset, wide, &v, NULL), AE_ERROR_SHAPE,
                     "test set");
    ck_assert_status(
        ae_network_diagnose(network, dataset, dataset, &v, AE_DIAGNOSE_OPTIONS(.cost = (ae_cost)7)),
        AE_ERROR_INVALID_ARGUMENT, "cost is 7");
    ck_assert_status(ae_network_diagnose(network, dataset, dataset, &v,
                                         AE_DIAGNOSE_OPTIONS(.cost = AE_COST_BCE)),
                     AE_ERROR_INVALID_ARGUMENT, "sigmoid");
    ck_assert_status(
        ae_network_diagnose(network, dataset, dataset, &v, AE_DIAGNOSE_OPTIONS(.threads = 1025)),
        AE_ERROR_INVALID_ARGUMENT, "threads 1025");
    ck_assert_status(
        ae_network_diagnose(network, dataset, dataset, &v, AE_DIAGNOSE_OPTIONS(.reserved = 1)),
        AE_ERROR_UNSUPPORTED, "ae_diagnose_options.reserved");
    size_t counts[3] = {42, 42, 42};
    ck_assert_status(ae_network_dead_units(NULL, dataset, counts, 2), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_dead_units(network, NULL, counts, 2), AE_ERROR_INVALID_ARGUMENT,
                     "dataset is NULL");
    ck_assert_status(ae_network_dead_units(network, dataset, NULL, 2), AE_ERROR_INVALID_ARGUMENT,
                     "counts is NULL");
    ck_assert_status(ae_network_dead_units(network, wide, counts, 2), AE_ERROR_SHAPE, "5 features");
    ck_assert_status(ae_network_dead_units(network, dataset, counts, 3), AE_ERROR_SHAPE,
                     "count is 3, but the network has 2 layers");
    ck_assert_uint_eq(counts[0], 42);
    ck_assert_uint_eq(v.units, 42);
    v.size = 0;
    ck_assert_status(ae_network_diagnose(network, dataset, dataset, &v, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "size");
    ae_diagnose_options_init(NULL);
    ae_network_free(network);
    ae_dataset_free(wide), ae_dataset_free(dataset);
}
END_TEST

Suite *diagnose_suite(void)
{
    Suite *suite = suite_create("diagnose");
    TCase *diagnosis = tcase_create("diagnosis");
    tcase_set_timeout(diagnosis, 60);
    tcase_add_loop_test(diagnosis, costs_are_those_of_evaluation, 0, AE_COST_BCE);
    tcase_add_loop_test(diagnosis, a_scaled_network_is_diagnosed_on_scaled_values, 0, AE_COST_BCE);
    tcase_add_loop_test(diagnosis, dead_units_and_collapsed_codes_are_counted, 0, 3);
    tcase_add_test(diagnosis, redundant_and_dead_units_have_the_documented_bounds);
    tcase_add_test(diagnosis, constant_outputs_of_constant_features_are_in_their_right);
    if (!support_slow())
        tcase_add_test(diagnosis, over_fitting_is_found_and_good_training_is_not_blamed);
    tcase_add_test(diagnosis, the_text_says_it_in_three_lines);
    tcase_add_test(diagnosis, any_text_fits_the_documented_size);
    tcase_add_test(diagnosis, wrong_arguments_are_refused);
    suite_add_tcase(suite, diagnosis);
    return suite;
}
