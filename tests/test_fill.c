/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Missing values. What they mean is written down once more in float64, forward only: the library's
 * costs and scores are compared with that, its gradients with differences of it.
 */
#include "c_compiler.h"
#include "fixtures.h"
#include "suites.h"

#include <libae/missing.h>
#include <stdio.h>

enum { WIDTH = 37, CODE = 5, ROWS = 11, EMPTY = 2 };

/* float32 rounding in batch normalisation over a few rows, as in the suite gradient. */
static const double gradient_tolerance = 1e-4, cost_tolerance = 2e-6, step_of_difference = 1e-6;

/* A network WIDTH-CODE-WIDTH: tanh, then sigmoid. */
static ae_network *make_network(ae_toggle batch_norm, const char *kernels)
{
    return fixture_network_with(AE_NETWORK_OPTIONS(.widths = (const size_t[]){WIDTH, CODE, WIDTH},
                                                   .width_count = 3, .batch_norm = batch_norm,
                                                   .hidden_activation = AE_ACTIVATION_TANH,
                                                   .output_activation = AE_ACTIVATION_SIGMOID,
                                                   .seed = 3, .kernels = kernels));
}

/* Rows in (0, 1) of which about a third of the values is missing; row 2 lacks all, row 3 none. */
static float *make_rows(void)
{
    float *values = fixture_values(ROWS * WIDTH, 0.05f, 0.95f, 5);
    uint64_t state = 9;
    for (size_t i = 0; i < ROWS * WIDTH; i++)
        if ((fixture_uniform(&state) < 0.3f && i / WIDTH != 3) || i / WIDTH == EMPTY)
            values[i] = NAN;
    return values;
}

static ae_dataset *keep(const float *values, size_t rows)
{
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_f32(&dataset, values, rows, WIDTH,
                                       AE_DATASET_OPTIONS(.missing = AE_MISSING_KEEP)));
    return dataset;
}

/* Mean of the values that are there. */
static void means(const float *values, double mean[WIDTH])
{
    for (size_t j = 0; j < WIDTH; j++) {
        double sum = 0, count = 0;
        for (size_t r = 0; r < ROWS; r++)
            if (!isnan(values[r * WIDTH + j])) {
                sum += (double)values[r * WIDTH + j];
                count++;
            }
        mean[j] = sum / count;
    }
}

/* One layer of the restatement, over all rows: parameters advance past what it used. */
static void layer(const double *in, size_t width_in, size_t width, bool batch_norm, bool sigmoid,
                  const double **parameters, double *out)
{
    const double *weight = *parameters, *gamma = weight + width * width_in;
    const double *beta = batch_norm ? gamma + width : gamma;
    for (size_t j = 0; j < width; j++) {
        double mean = 0, variance = 0;
        for (size_t r = 0; r < ROWS; r++) {
            double sum = 0;
            for (size_t i = 0; i < width_in; i++)
                sum += in[r * width_in + i] * weight[j * width_in + i];
            out[r * width + j] = sum;
            mean += sum / ROWS;
        }
        for (size_t r = 0; r < ROWS; r++)
            variance += pow(out[r * width + j] - mean, 2) / ROWS;
        for (size_t r = 0; r < ROWS; r++) {
            double u = out[r * width + j];
            u = batch_norm ? gamma[j] * (u - mean) / sqrt(variance + (double)1e-3f) + beta[j]
                           : u + beta[j];
            out[r * width + j] = sigmoid ? 1 / (1 + exp(-u)) : tanh(u);
        }
    }
    *parameters = beta + width;
}

/* The cost of a row over the features that are there, as if it had all. */
static double row_cost(ae_cost cost, const double *y, const float *t)
{
    double sum = 0, there = 0;
    for (size_t j = 0; j < WIDTH; j++) {
        if (isnan(t[j]))
            continue;
        const double v = (double)t[j];
        sum += cost == AE_COST_BCE ? -(v * log(y[j]) + (1 - v) * log(1 - y[j]))
                                   : (y[j] - v) * (y[j] - v);
        there++;
    }
    sum *= there > 0 ? WIDTH / there : 0;
    return cost == AE_COST_L2 ? sqrt(sum) : cost == AE_COST_SSE ? sum : sum / WIDTH;
}

static double restated_cost(const float *values, const double *parameters, bool batch_norm,
                            ae_cost cost)
{
    double in[ROWS * WIDTH], code[ROWS * CODE], out[ROWS * WIDTH], mean[WIDTH], total = 0;
    means(values, mean);
    for (size_t i = 0; i < ROWS * WIDTH; i++)
        in[i] = isnan(values[i]) ? (double)(float)mean[i % WIDTH] : (double)values[i];
    layer(in, WIDTH, CODE, batch_norm, false, &parameters, code);
    layer(code, CODE, WIDTH, batch_norm, true, &parameters, out);
    for (size_t r = 0; r < ROWS; r++)
        total += row_cost(cost, out + r * WIDTH, values + r * WIDTH) / ROWS;
    return total;
}

/* The trainable tensors one after another, or the gradient of the step that a trainer took. */
static size_t collect(const ae_network *network, const ae_trainer *trainer, double *to)
{
    size_t at = 0;
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        if (!info.trainable)
            continue;
        float *values = fixture_allocate(info.count, sizeof *values);
        if (trainer == NULL)
            ck_assert_ok(ae_network_get_tensor(network, info.name, values, info.count));
        else
            ck_assert_ok(ae_trainer_get_gradient(trainer, info.name, values, info.count));
        for (size_t j = 0; j < info.count; j++)
            to[at++] = (double)values[j];
        free(values);
    }
    return at;
}

static void compare_with_differences(ae_toggle batch_norm, ae_cost cost, const char *kernels)
{
    float *values = make_rows();
    ae_dataset *dataset = keep(values, ROWS);
    ae_network *network = make_network(batch_norm, kernels);
    ae_trainer *trainer = fixture_trainer(
        network, NULL, dataset,
        AE_TRAINER_OPTIONS(.batch = ROWS, .cost = cost, .shuffle = AE_SHUFFLE_NONE, .threads = 2));
    double parameters[4096], gradient[4096], found = 0, off = 0, size = 0;
    const size_t count = collect(network, NULL, parameters);
    const bool normalised = batch_norm == AE_TOGGLE_ON;
    ck_assert_ok(ae_trainer_run_step(trainer, &found));
    collect(network, trainer, gradient);
    const double expected = restated_cost(values, parameters, normalised, cost);
    ck_assert_double_le(fabs(found - expected), cost_tolerance * expected);
    for (size_t i = 0; i < count; i++) {
        const double kept = parameters[i];
        parameters[i] = kept + step_of_difference;
        const double above = restated_cost(values, parameters, normalised, cost);
        parameters[i] = kept - step_of_difference;
        const double below = restated_cost(values, parameters, normalised, cost);
        parameters[i] = kept;
        off += pow((above - below) / (2 * step_of_difference) - gradient[i], 2);
        size += gradient[i] * gradient[i];
    }
    ck_assert_double_gt(size, 1e-8);
    ck_assert_double_le(sqrt(off / size), gradient_tolerance);
    ae_trainer_free(trainer);
    ae_network_free(network);
    ae_dataset_free(dataset);
    free(values);
}

START_TEST(gradients_are_those_that_differences_give)
{
    for (size_t k = 0; k < ae_kernels_count(); k++)
        for (ae_cost cost = AE_COST_L2; cost <= AE_COST_BCE;
             cost = (ae_cost)(cost + (support_slow() ? 3 : 1)))
            compare_with_differences(_i == 0 ? AE_TOGGLE_OFF : AE_TOGGLE_ON, cost,
                                     ae_kernels_name(k));
}
END_TEST

/* A trainer for a set with missing values, one batch of 4 rows at a time. */
static ae_network *train(const ae_dataset *dataset, size_t threads, float noise)
{
    ae_network *network = make_network(AE_TOGGLE_ON, NULL);
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(
        network, adam, dataset,
        AE_TRAINER_OPTIONS(.batch = 4, .epochs = 3, .threads = threads, .input_noise = noise,
                           .validation = dataset));
    ck_assert_ok(ae_trainer_run(trainer));
    ae_trainer_free(trainer);
    ae_optimizer_free(adam);
    return network;
}

START_TEST(threads_do_not_change_the_weights)
{
    float *values = make_rows();
    ae_dataset *dataset = keep(values, ROWS);
    ae_network *one = train(dataset, 1, _i == 0 ? 0 : 0.1f);
    ae_network *three = train(dataset, 3, _i == 0 ? 0 : 0.1f);
    ck_assert(fixture_same_state(one, three));
    ae_network_free(one);
    ae_network_free(three);
    ae_dataset_free(dataset);
    free(values);
}
END_TEST

/* KEEP alone changes nothing: a set that lacks no value trains to the same bits as before. */
START_TEST(a_set_that_lacks_nothing_trains_as_ever)
{
    float *values = fixture_values(ROWS * WIDTH, 0, 1, 8);
    ae_dataset *kept = keep(values, ROWS), *plain = fixture_dataset_of(values, ROWS, WIDTH);
    ae_network *a = train(kept, 1, 0), *b = train(plain, 1, 0);
    ck_assert(!ae_dataset_has_missing(kept));
    ck_assert(fixture_same_state(a, b));
    ck_assert(!ae_network_has_fill(a));
    ae_network_free(a);
    ae_network_free(b);
    ae_dataset_free(kept);
    ae_dataset_free(plain);
    free(values);
}
END_TEST

START_TEST(a_trainer_fits_the_means_of_what_is_there)
{
    float *values = make_rows(), fill[WIDTH];
    double mean[WIDTH];
    ae_dataset *dataset = keep(values, ROWS);
    ae_network *network = train(dataset, 1, 0);
    means(values, mean);
    ck_assert(ae_network_has_fill(network));
    ck_assert_ok(ae_network_get_fill(network, fill));
    for (size_t j = 0; j < WIDTH; j++)
        ck_assert_float_eq_tol(fill[j], (float)mean[j], 1e-7f);
    ae_network_free(network);
    ae_dataset_free(dataset);
    free(values);
}
END_TEST

/* A network with fill values, and its float64 restatement of one row with running statistics. */
static ae_network *trained(const float *values)
{
    ae_dataset *dataset = keep(values, ROWS);
    ae_network *network = train(dataset, 1, 0);
    ae_dataset_free(dataset);
    return network;
}

/* What the row's score is when the fill values stand in the row, and the errors at them are left
 * out. */
static double restated_score(const ae_network *network, const float *row, ae_cost cost)
{
    float filled[WIDTH], fill[WIDTH], y[WIDTH];
    double output[WIDTH];
    ae_session *session = NULL;
    ae_network *plain = NULL;
    ck_assert_ok(ae_network_get_fill(network, fill));
    for (size_t j = 0; j < WIDTH; j++)
        filled[j] = isnan(row[j]) ? fill[j] : row[j];
    ck_assert_ok(ae_network_clone(&plain, network));
    ae_network_clear_fill(plain);
    ck_assert_ok(ae_session_create(&session, plain, NULL));
    ck_assert_ok(ae_session_reconstruct(session, filled, 1, y));
    for (size_t j = 0; j < WIDTH; j++)
        output[j] = (double)y[j];
    ae_session_free(session);
    ae_network_free(plain);
    return row_cost(cost, output, row);
}

START_TEST(scores_leave_missing_values_out)
{
    float *values = make_rows(), scores[ROWS], contributions[ROWS * WIDTH];
    ae_network *network = trained(values);
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, AE_SESSION_OPTIONS(.threads = 2)));
    for (ae_cost cost = AE_COST_L2; cost <= AE_COST_BCE; cost = (ae_cost)(cost + 1)) {
        ck_assert_ok(ae_session_score(session, values, ROWS, scores, contributions,
                                      AE_SCORE_OPTIONS(.cost = cost)));
        for (size_t r = 0; r < ROWS; r++) {
            const double expected = restated_score(network, values + r * WIDTH, cost);
            double sum = 0;
            for (size_t j = 0; j < WIDTH; j++) {
                if (isnan(values[r * WIDTH + j]) && r != EMPTY)
                    ck_assert(contributions[r * WIDTH + j] == 0);
                sum += (double)contributions[r * WIDTH + j];
            }
            ck_assert(r == EMPTY ? isnan(scores[r]) : scores[r] == (float)sum);
            if (r == EMPTY)
                continue;
            ck_assert_double_le(fabs((double)scores[r] - expected), 1e-5 * expected);
        }
    }
    ae_session_free(session);
    ae_network_free(network);
    free(values);
}
END_TEST

START_TEST(an_evaluation_is_the_mean_of_the_scores)
{
    float *values = make_rows(), scores[ROWS];
    ae_dataset *dataset = keep(values, ROWS);
    ae_network *network = trained(values);
    ae_session *session = NULL;
    ae_evaluation found = {.size = sizeof found};
    ck_assert_ok(ae_network_evaluate(network, dataset, &found, NULL));
    ck_assert_ok(ae_session_create(&session, network, NULL));
    const double costs[] = {found.l2, found.sse, found.mse, found.bce};
    for (ae_cost cost = AE_COST_L2; cost <= AE_COST_BCE; cost = (ae_cost)(cost + 1)) {
        double mean = 0;
        ck_assert_ok(ae_session_score_dataset(session, dataset, scores, NULL,
                                              AE_SCORE_OPTIONS(.cost = cost)));
        for (size_t r = 0; r < ROWS; r++) /* a row without any value costs 0 */
            mean += r == EMPTY ? 0 : (double)scores[r] / ROWS;
        ck_assert_double_eq_tol(costs[cost - AE_COST_L2], mean, 2e-6 * mean);
    }
    ae_session_free(session);
    ae_network_free(network);
    ae_dataset_free(dataset);
    free(values);
}
END_TEST

/* The same errors everywhere: a row scores the same whatever it lacks. */
START_TEST(scores_compare_however_many_values_are_missing)
{
    ae_network *network = fixture_silent_network();
    const float zeros[2] = {0}, rows[] = {3, 3, NAN, 3, 3, NAN, NAN, NAN};
    float scores[4];
    ae_session *session = NULL;
    ck_assert_ok(ae_network_set_fill(network, zeros));
    ck_assert_ok(ae_session_create(&session, network, NULL));
    for (ae_cost cost = AE_COST_L2; cost <= AE_COST_MSE; cost = (ae_cost)(cost + 1)) {
        ck_assert_ok(
            ae_session_score(session, rows, 4, scores, NULL, AE_SCORE_OPTIONS(.cost = cost)));
        ck_assert_float_eq_tol(scores[1], scores[0], 1e-6f);
        ck_assert_float_eq_tol(scores[2], scores[0], 1e-6f);
        ck_assert(isnan(scores[3]));
    }
    ae_session_free(session);
    ae_network_free(network);
}
END_TEST

START_TEST(without_fill_values_a_nan_names_its_feature)
{
    ae_network *network = make_network(AE_TOGGLE_ON, NULL);
    float *row = fixture_values(WIDTH, 0, 1, 4), score, contributions[WIDTH];
    ae_session *session = NULL;
    row[20] = NAN;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_session_score(session, row, 1, &score, contributions, NULL));
    ck_assert(isnan(score));
    for (size_t j = 0; j < WIDTH; j++)
        ck_assert(j == 20 ? isnan(contributions[j]) : contributions[j] == 0);
    ae_session_free(session);
    ae_network_free(network);
    free(row);
}
END_TEST

START_TEST(a_reconstruction_has_a_value_for_every_feature)
{
    float *values = make_rows(), y[ROWS * WIDTH];
    ae_network *network = trained(values);
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(
        &session, network,
        AE_SESSION_OPTIONS(.precision = _i == 0 ? AE_PRECISION_F32 : AE_PRECISION_BF16)));
    ck_assert_ok(ae_session_reconstruct(session, values, ROWS, y));
    for (size_t i = 0; i < ROWS * WIDTH; i++)
        ck_assert(isfinite(y[i]));
    ae_session_free(session);
    ae_network_free(network);
    free(values);
}
END_TEST

typedef void map(const float *in, float *out);
typedef float measure(const float *row);

/* A test number is without and with a scaling. */
START_TEST(exported_c_takes_missing_values_as_a_session_does)
{
    float *values = make_rows(), y[WIDTH], exported[WIDTH], score;
    ae_network *network = trained(values);
    ae_session *session = NULL;
    if (_i == 1) {
        float *offset = fixture_values(WIDTH, -5, 5, 21),
              *scale = fixture_values(WIDTH, 0.5f, 4, 2);
        ck_assert_ok(ae_network_set_scaling(network, offset, scale));
        free(offset), free(scale);
    }
    ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
    void *library = c_load(0, "net.c");
    C_FUNCTION(map, reconstruct, library, "net_reconstruct");
    C_FUNCTION(measure, net_score, library, "net_score");
    ck_assert_ok(ae_session_create(&session, network, NULL));
    for (size_t r = 0; r < ROWS; r++) {
        const float *row = values + r * WIDTH;
        ck_assert_ok(ae_session_reconstruct(session, row, 1, y));
        ck_assert_ok(ae_session_score(session, row, 1, &score, NULL, NULL));
        reconstruct(row, exported);
        for (size_t j = 0; j < WIDTH; j++)
            ck_assert_float_le(fabsf(exported[j] - y[j]), 1e-5f * fmaxf(1, fabsf(y[j])));
        if (r == EMPTY)
            ck_assert(isnan(score) && isnan(net_score(row)));
        else
            ck_assert_float_le(fabsf(net_score(row) - score), 1e-5f * fmaxf(1, score));
    }
    ck_assert_int_eq(dlclose(library), 0);
    ae_session_free(session);
    ae_network_free(network);
    free(values);
}
END_TEST

START_TEST(fill_values_are_saved_cloned_and_resumed)
{
    float *values = make_rows(), fill[WIDTH], again[WIDTH];
    ae_network *network = trained(values), *loaded = NULL, *clone = NULL;
    const char *path = support_path("m");
    ck_assert_ok(ae_network_save(network, path));
    ck_assert_ok(ae_network_load(&loaded, path, NULL));
    ck_assert_ok(ae_network_clone(&clone, network));
    ck_assert_ok(ae_network_get_fill(network, fill));
    ck_assert_ok(ae_network_get_fill(loaded, again));
    ck_assert(memcmp(fill, again, sizeof fill) == 0);
    ck_assert_ok(ae_network_get_fill(clone, again));
    ck_assert(memcmp(fill, again, sizeof fill) == 0);
    ae_network_clear_fill(clone);
    ck_assert(!ae_network_has_fill(clone));
    ae_network_free(network);
    ae_network_free(loaded);
    ae_network_free(clone);
    free(values);
}
END_TEST

Suite *fill_suite(void)
{
    Suite *suite = suite_create("fill");
    TCase *training = tcase_create("training");
    tcase_set_timeout(training, 60);
    tcase_add_loop_test(training, gradients_are_those_that_differences_give, 0, 2);
    tcase_add_loop_test(training, threads_do_not_change_the_weights, 0, 2);
    tcase_add_test(training, a_set_that_lacks_nothing_trains_as_ever);
    tcase_add_test(training, a_trainer_fits_the_means_of_what_is_there);
    suite_add_tcase(suite, training);
    TCase *scoring = tcase_create("scoring");
    tcase_add_checked_fixture(scoring, NULL, support_dir_remove);
    tcase_add_test(scoring, scores_leave_missing_values_out);
    tcase_add_test(scoring, an_evaluation_is_the_mean_of_the_scores);
    tcase_add_test(scoring, scores_compare_however_many_values_are_missing);
    tcase_add_test(scoring, without_fill_values_a_nan_names_its_feature);
    tcase_add_loop_test(scoring, a_reconstruction_has_a_value_for_every_feature, 0, 2);
    tcase_add_loop_test(scoring, exported_c_takes_missing_values_as_a_session_does, 0, 2);
    tcase_add_test(scoring, fill_values_are_saved_cloned_and_resumed);
    suite_add_tcase(suite, scoring);
    return suite;
}
