/* SPDX-License-Identifier: BSD-3-Clause */
/* Verdicts: PCA against cases with known axes, units and codes that were killed by hand, flags,
 * text. */
#include "train/pca.h"

#include "fixtures.h"
#include "suites.h"

#include <locale.h>

enum { AXES = 8, ROWS = 2 * AXES };

/* Orthonormal: a Hadamard matrix over sqrt(8). */
static double axis(size_t i, size_t j)
{
    size_t bits = i & j, parity = 0;
    for (; bits != 0; bits >>= 1)
        parity ^= bits & 1;
    return (parity != 0 ? -1 : 1) / sqrt(AXES);
}

/* Size of the rows along an axis; the last two have none, so that the data do not fill the
 * space. */
static double size_along(size_t i)
{
    return i < 6 ? (double)(6 - i) : 0;
}

/* Rows offset + size * axis and offset - size * axis, for each axis: covariance eigenvalues 2
 * size^2 / ROWS. */
static ae_dataset *known_axes(void)
{
    float values[ROWS * AXES];
    for (size_t r = 0; r < ROWS; r++)
        for (size_t j = 0; j < AXES; j++)
            values[r * AXES + j] = (float)(10 + (double)j +
                                           (r % 2 == 0 ? 1 : -1) * size_along(r / 2) *
                                               axis(r / 2, j));
    return fixture_dataset_of(values, ROWS, AXES);
}

START_TEST(components_are_the_known_axes)
{
    ae_dataset *dataset = known_axes();
    for (size_t k = 1; k <= AXES; k++) {
        ae_network *linear = NULL;
        ck_assert_ok(aei_pca_network(&linear, dataset, k, 2, ae_kernels_name((size_t)_i), NULL));
        float weights[AXES * AXES];
        ck_assert_ok(ae_network_get_tensor(linear, "encoder.0.weight", weights, k * AXES));
        for (size_t i = 0; i < k && size_along(i) > 0; i++) {
            double along = 0;
            for (size_t j = 0; j < AXES; j++)
                along += (double)weights[i * AXES + j] * axis(i, j);
            ck_assert_double_eq_tol(fabs(along), 1, 1e-6);
        }
        ae_evaluation result = {.size = sizeof result};
        ck_assert_ok(ae_network_evaluate(linear, dataset, &result, NULL));
        double left = 0;
        for (size_t i = k; i < AXES; i++)
            left += 2 * size_along(i) * size_along(i) / ROWS;
        /* The rows are rounded to float32, and so is the way there and back: 1e-6 of values up to
         * 20, squared. */
        ck_assert_double_eq_tol(result.sse, left, 1e-5 * left + 1e-8);
        ae_network_free(linear);
    }
    ae_dataset_free(dataset);
}
END_TEST

/* C w = lambda w, on digits: the covariance by the definition, in float64. */
START_TEST(components_of_digits_are_eigenvectors)
{
    enum { N = 300, PIXELS = 784, K = 6 };
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_digits(&dataset, N, 3));
    ae_network *linear = NULL;
    ck_assert_ok(aei_pca_network(&linear, dataset, K, 1, NULL, NULL));
    float *values = fixture_allocate(N * PIXELS, sizeof *values),
          *w = fixture_allocate(K * PIXELS, sizeof *w);
    float mean[PIXELS];
    ck_assert_ok(ae_dataset_read(dataset, 0, N, values));
    ck_assert_ok(ae_dataset_mean(dataset, mean));
    ck_assert_ok(ae_network_get_tensor(linear, "encoder.0.weight", w, K * PIXELS));
    double before = INFINITY;
    for (size_t k = 0; k < K; k++) {
        double image[PIXELS] = {0}, lambda = 0, size = 0, off = 0;
        for (size_t r = 0; r < N; r++) {
            double along = 0;
            for (size_t j = 0; j < PIXELS; j++)
                along += ((double)values[r * PIXELS + j] - (double)mean[j]) *
                         (double)w[k * PIXELS + j];
            for (size_t j = 0; j < PIXELS; j++)
                image[j] += along * ((double)values[r * PIXELS + j] - (double)mean[j]) / N;
        }
        for (size_t j = 0; j < PIXELS; j++) {
            lambda += image[j] * (double)w[k * PIXELS + j];
            size += (double)w[k * PIXELS + j] * (double)w[k * PIXELS + j];
        }
        for (size_t j = 0; j < PIXELS; j++) {
            const double d = image[j] - lambda * (double)w[k * PIXELS + j];
            off += d * d;
        }
        ck_assert_double_eq_tol(size, 1, 1e-6);
        ck_assert_double_le(sqrt(off), 1e-3 * lambda);
        ck_assert_double_lt(lambda, before);
        before = lambda;
    }
    free(w), free(values);
    ae_network_free(linear);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(components_do_not_depend_on_threads)
{
    ae_dataset *dataset = fixture_dataset(600, 70, 1);
    ae_network *one = NULL;
    ck_assert_ok(aei_pca_network(&one, dataset, 5, 1, NULL, NULL));
    static const size_t teams[] = {2, 3, 4, 7};
    for (size_t i = 0; i < COUNT(teams); i++) {
        ae_network *many = NULL;
        ck_assert_ok(aei_pca_network(&many, dataset, 5, teams[i], NULL, NULL));
        ck_assert(fixture_same_state(one, many));
        ae_network_free(many);
    }
    ae_network_free(one);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(odd_data_have_components_too)
{
    const float same[12] = {1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3};
    ae_dataset *constant = fixture_dataset_of(same, 4, 3), *single = fixture_dataset_of(same, 1, 3);
    ae_evaluation result = {.size = sizeof result};
    ae_network *linear = NULL;
    ck_assert_ok(aei_pca_network(&linear, constant, 2, 1, NULL, NULL));
    ck_assert_ok(ae_network_evaluate(linear, constant, &result, NULL));
    ck_assert_double_le(result.sse, 1e-12);
    ae_network_free(linear);
    ck_assert_ok(aei_pca_network(&linear, single, 5, 3, NULL,
                                 NULL)); /* more components than features, more threads than work */
    ck_assert_ok(ae_network_evaluate(linear, single, &result, NULL));
    ck_assert_double_le(result.sse, 1e-12);
    ae_network_free(linear);
    const float far[] = {1e25f, 0, -1e25f, 0};
    ae_dataset *huge = fixture_dataset_of(far, 2, 2);
    linear = NULL;
    ck_assert_status(aei_pca_network(&linear, huge, 1, 1, NULL, NULL), AE_ERROR_DATA, "column 0");
    ck_assert_ptr_null(linear);
    ae_dataset_free(huge), ae_dataset_free(single), ae_dataset_free(constant);
}
END_TEST

static ae_diagnosis judge(const ae_network *network, const ae_dataset *train,
                          const ae_dataset *test, const ae_diagnose_options *options)
{
    ae_diagnosis verdict = {.size = sizeof verdict};
    ck_assert_ok(ae_network_diagnose(&verdict, network, train, test, options));
    return verdict;
}

/* Each finding follows from the numbers beside it, as the header says. */
static void check_findings(const ae_diagnosis *v)
{
    ck_assert_int_eq((v->warnings & AE_WARNING_WORSE_THAN_MEAN) != 0, v->test_cost >= v->mean_cost);
    ck_assert_int_eq((v->warnings & AE_WARNING_WORSE_THAN_PCA) != 0, v->test_cost >= v->pca_cost);
    ck_assert_int_eq((v->warnings & AE_WARNING_OVERFIT) != 0, v->gap > 0.1);
    ck_assert_int_eq((v->warnings & AE_WARNING_COLLAPSED_CODE) != 0,
                     v->flat_codes + v->duplicate_codes > 0);
    ck_assert_double_eq_tol(v->gap, (v->test_cost - v->train_cost) / v->train_cost, 1e-12);
}

/* Test number: the cost. */
START_TEST(costs_are_those_of_evaluation)
{
    enum { F = 40 };
    const ae_cost cost = (ae_cost)(_i + 1);
    ae_dataset *train = fixture_dataset(300, F, 1), *test = fixture_dataset(100, F, 2);
    ae_network *network = FIXTURE_NETWORK(F, 20, 4, 20, F), *linear = NULL;
    const ae_diagnosis v = judge(network, train, test, AE_DIAGNOSE_OPTIONS(.cost = cost)),
                       again = judge(network, train, test,
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
    check_findings(&v);
    ck_assert_uint_eq(again.warnings, v.warnings);
    ck_assert_double_eq(again.test_cost, v.test_cost);
    ck_assert(cost == AE_COST_BCE || again.pca_cost == v.pca_cost);
    ae_network_free(linear), ae_network_free(network);
    ae_dataset_free(test), ae_dataset_free(train);
}
END_TEST

/* Columns of very different sizes: as the same network judges the same values scaled beforehand. */
START_TEST(a_scaled_network_is_judged_on_scaled_values)
{
    enum { F = 12, N = 200 };
    const ae_cost cost = (ae_cost)(_i + 1);
    float *raw = fixture_values(N * F, 0, 1, 1), *scaled = fixture_allocate(N * F, sizeof *scaled);
    for (size_t i = 0; i < N * F; i++)
        raw[i] = ldexpf(raw[i], (int)(i % F)) + 5000 * (float)(i % F == 3);
    ae_dataset *rows = fixture_dataset_of(raw, N, F);
    ae_network *network = FIXTURE_NETWORK(F, 9, 3, 9, F), *plain = NULL;
    ck_assert_ok(ae_network_clone(&plain, network));
    ck_assert_ok(ae_network_fit_scaling(network, AE_SCALING_MIN_MAX, rows));
    memcpy(scaled, raw, N * F * sizeof *raw);
    aei_scaling_apply(network->scaling, 0, F, N, scaled, F);
    ae_dataset *others = fixture_dataset_of(scaled, N, F);
    const ae_diagnosis v = judge(network, rows, rows, AE_DIAGNOSE_OPTIONS(.cost = cost)),
                       w = judge(plain, others, others, AE_DIAGNOSE_OPTIONS(.cost = cost));
    ck_assert_double_eq(v.test_cost, w.test_cost);
    ck_assert_double_eq(v.train_cost, w.train_cost);
    ck_assert_double_eq_tol(v.mean_cost, w.mean_cost,
                            1e-5 * w.mean_cost); /* the mean is rounded once more */
    ck_assert(cost == AE_COST_BCE || fabs(v.pca_cost - w.pca_cost) < 1e-4 * w.pca_cost);
    ck_assert_uint_eq(v.dead_units, w.dead_units);
    ck_assert_uint_eq(v.flat_codes, w.flat_codes);
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
                                                                  AE_ACTIVATION_SIGMOID}));
    for (size_t j = 0; j < HIDDEN; j++) /* in the middle of what they can do, relu's too */
        set(network, "encoder.0.bias", j, kinds[_i] == AE_ACTIVATION_RELU ? 1 : 0);
    size_t dead[4];
    ae_diagnosis v = judge(network, train, test, AE_DIAGNOSE_OPTIONS(.dead_by_layer = dead));
    ck_assert_uint_eq(v.dead_units, 0);
    ck_assert_uint_eq(v.flat_codes + v.duplicate_codes, 0);
    check_findings(&v);
    ck_assert_uint_eq(v.warnings & AE_WARNING_DEAD_UNITS, 0);

    for (size_t j = 3; j < 6; j++) /* far out: 0, -1 or 0 for every row */
        set(network, "encoder.0.bias", j, -100);
    for (size_t j = 0; j < HIDDEN; j++) {
        set(network, "encoder.1.weight", 2 * HIDDEN + j,
            0); /* code 2 is flat, 4 is the opposite of half of code 1 */
        float w[CODE * HIDDEN];
        ck_assert_ok(ae_network_get_tensor(network, "encoder.1.weight", w, CODE * HIDDEN));
        set(network, "encoder.1.weight", 4 * HIDDEN + j, -0.5f * w[1 * HIDDEN + j]);
    }
    v = judge(network, train, test, AE_DIAGNOSE_OPTIONS(.dead_by_layer = dead));
    ck_assert_uint_eq(dead[0], 3);
    ck_assert_uint_eq(dead[1], 1);
    ck_assert_uint_eq(dead[2], 0);
    ck_assert_uint_eq(dead[3], 0);
    ck_assert_uint_eq(v.dead_units, 4);
    ck_assert_uint_eq(v.dead_layer, 1); /* 1 of 5 is a greater share than 3 of 20 */
    ck_assert_uint_eq(v.dead_layer_units, 1);
    ck_assert_uint_eq(v.flat_codes, 1);
    ck_assert_uint_eq(v.duplicate_codes, 1);
    ck_assert_uint_ne(v.warnings & AE_WARNING_DEAD_UNITS, 0);
    check_findings(&v);
    ae_network_free(network);
    ae_dataset_free(test), ae_dataset_free(train);
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
    ck_assert_uint_eq(judge(network, dataset, dataset, NULL).dead_units, 0);
    set(network, "decoder.0.bias", 1, -100);
    ck_assert_uint_eq(judge(network, dataset, dataset, NULL).dead_units, 1);
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
    ae_diagnosis v = judge(network, few, others, NULL);
    ck_assert_uint_ne(v.warnings & AE_WARNING_OVERFIT, 0);
    check_findings(&v);
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
    const unsigned untrained = judge(network, train, test, NULL).warnings;
    ck_assert_uint_ne(untrained & AE_WARNING_WORSE_THAN_MEAN, 0);
    ck_assert_uint_ne(untrained & AE_WARNING_WORSE_THAN_PCA, 0);
    ck_assert_ok(ae_trainer_run(trainer));
    v = judge(network, train, test, NULL);
    check_findings(&v);
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

START_TEST(the_text_says_it_in_three_lines)
{
    ae_diagnosis v = {.size = sizeof v,
                      .cost = AE_COST_L2,
                      .train_cost = 4,
                      .test_cost = 4.0123456,
                      .gap = 0.0030864,
                      .mean_cost = 7.2,
                      .pca_cost = 5.5,
                      .pca_components = 4,
                      .units = 4288};
    char text[AE_DIAGNOSIS_TEXT_SIZE], comma[AE_DIAGNOSIS_TEXT_SIZE];
    ck_assert_ok(ae_diagnosis_text(&v, text, sizeof text));
    ck_assert_str_eq(
        text,
        "Cost on test rows 4.012; the mean row 7.2, PCA with 4 components 5.5: better than both.\n"
        "Units: no unit is dead; all 4 features of the code are in use.\n"
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
    v.dead_units = 7, v.dead_layer = 2, v.dead_layer_units = 6, v.flat_codes = 1,
    v.duplicate_codes = 2, v.gap = -0.25;
    ck_assert_ok(ae_diagnosis_text(&v, text, sizeof text));
    ck_assert(support_contains(text, "PCA does as well"));
    ck_assert(support_contains(text, "7 of 4288 units are dead, 6 of them in layer 3"));
    ck_assert(support_contains(text, "1 do not vary and 2 repeat"));
    ck_assert(support_contains(text, "25 % below"));
    v.pca_cost = (double)NAN, v.warnings = 0;
    ck_assert_ok(ae_diagnosis_text(&v, text, sizeof text));
    ck_assert(!support_contains(text, "PCA"));
    ck_assert_uint_eq(lines(text), 3);
    /* The longest numbers there are fit. */
    const ae_diagnosis longest = {.size = sizeof v,
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
                                  .flat_codes = SIZE_MAX,
                                  .duplicate_codes = 1};
    ck_assert_ok(ae_diagnosis_text(&longest, text, sizeof text));
    ck_assert_uint_eq(lines(text), 3);
    char kept[8] = "kept";
    ck_assert_status(ae_diagnosis_text(&v, kept, sizeof kept), AE_ERROR_INVALID_ARGUMENT,
                     "bytes are needed");
    ck_assert_str_eq(kept, "kept");
    ck_assert_status(ae_diagnosis_text(NULL, text, sizeof text), AE_ERROR_INVALID_ARGUMENT,
                     "verdict is NULL");
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
    ck_assert_status(ae_network_diagnose(NULL, network, dataset, dataset, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "NULL");
    ck_assert_status(ae_network_diagnose(&v, NULL, dataset, dataset, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "NULL");
    ck_assert_status(ae_network_diagnose(&v, network, NULL, dataset, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "NULL");
    ck_assert_status(ae_network_diagnose(&v, network, dataset, NULL, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "NULL");
    ck_assert_status(ae_network_diagnose(&v, network, wide, dataset, NULL), AE_ERROR_SHAPE,
                     "training set");
    ck_assert_status(ae_network_diagnose(&v, network, dataset, wide, NULL), AE_ERROR_SHAPE,
                     "test set");
    ck_assert_status(
        ae_network_diagnose(&v, network, dataset, dataset, AE_DIAGNOSE_OPTIONS(.cost = (ae_cost)7)),
        AE_ERROR_INVALID_ARGUMENT, "cost is 7");
    ck_assert_status(ae_network_diagnose(&v, network, dataset, dataset,
                                         AE_DIAGNOSE_OPTIONS(.cost = AE_COST_BCE)),
                     AE_ERROR_INVALID_ARGUMENT, "sigmoid");
    ck_assert_status(
        ae_network_diagnose(&v, network, dataset, dataset, AE_DIAGNOSE_OPTIONS(.threads = 1025)),
        AE_ERROR_INVALID_ARGUMENT, "threads 1025");
    ck_assert_uint_eq(v.units, 42);
    v.size = 0;
    ck_assert_status(ae_network_diagnose(&v, network, dataset, dataset, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "size");
    ae_diagnose_options_init(NULL);
    ae_network_free(network);
    ae_dataset_free(wide), ae_dataset_free(dataset);
}
END_TEST

Suite *diagnose_suite(void)
{
    Suite *suite = suite_create("diagnose");
    TCase *pca = tcase_create("pca");
    tcase_add_loop_test(pca, components_are_the_known_axes, 0, (int)ae_kernels_count());
    tcase_add_test(pca, components_of_digits_are_eigenvectors);
    tcase_add_test(pca, components_do_not_depend_on_threads);
    tcase_add_test(pca, odd_data_have_components_too);
    suite_add_tcase(suite, pca);
    TCase *verdict = tcase_create("verdict");
    tcase_set_timeout(verdict, 60);
    tcase_add_loop_test(verdict, costs_are_those_of_evaluation, 0, AE_COST_BCE);
    tcase_add_loop_test(verdict, a_scaled_network_is_judged_on_scaled_values, 0, AE_COST_BCE);
    tcase_add_loop_test(verdict, dead_units_and_collapsed_codes_are_counted, 0, 3);
    tcase_add_test(verdict, constant_outputs_of_constant_features_are_in_their_right);
    if (!support_slow())
        tcase_add_test(verdict, over_fitting_is_found_and_good_training_is_not_blamed);
    tcase_add_test(verdict, the_text_says_it_in_three_lines);
    tcase_add_test(verdict, wrong_arguments_are_refused);
    suite_add_tcase(suite, verdict);
    return suite;
}
