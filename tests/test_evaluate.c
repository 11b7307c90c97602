/* SPDX-License-Identifier: BSD-3-Clause */
/* Costs over a data set: the mean of the rows' scores, whatever the threads; the mean
 * image's costs. */
#include "fixtures.h"
#include "suites.h"

enum { ROWS = 1300, FEATURES = 37 };

static ae_network *network_of(const char *kernels, ae_activation output)
{
    return fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 20, 5, 20, FEATURES},
                           .width_count = 5, .seed = 3, .output_activation = output,
                           .kernels = kernels));
}

static double mean_score(ae_session *session, ae_cost cost, const float *rows)
{
    float *scores = fixture_allocate(ROWS, sizeof *scores);
    ck_assert_ok(
        ae_session_score(session, rows, ROWS, scores, NULL, AE_SCORE_OPTIONS(.cost = cost)));
    double sum = 0;
    for (size_t r = 0; r < ROWS; r++)
        sum += (double)scores[r];
    free(scores);
    return sum / ROWS;
}

START_TEST(each_cost_is_the_mean_of_the_rows_scores)
{
    float *rows = fixture_values(ROWS * FEATURES, 0, 1, 1);
    ae_dataset *dataset = fixture_dataset_of(rows, ROWS, FEATURES);
    ae_network *network = network_of(ae_kernels_name((size_t)_i), AE_ACTIVATION_SIGMOID);
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ae_evaluation result = {.size = sizeof result};
    ck_assert_ok(ae_network_evaluate(network, dataset, &result, NULL));
    ck_assert_uint_eq(result.size, sizeof result);
    ck_assert_uint_eq(result.rows, ROWS);
    /* Scores are rounded to float32 once each; their mean is better than one of them. */
    ck_assert_double_eq_tol(result.l2, mean_score(session, AE_COST_L2, rows), 6e-8 * result.l2);
    ck_assert_double_eq_tol(result.sse, mean_score(session, AE_COST_SSE, rows), 6e-8 * result.sse);
    ck_assert_double_eq_tol(result.mse, mean_score(session, AE_COST_MSE, rows), 6e-8 * result.mse);
    ck_assert_double_eq_tol(result.bce, mean_score(session, AE_COST_BCE, rows), 6e-8 * result.bce);
    ck_assert_double_eq_tol(result.mse, result.sse / FEATURES, 1e-15);
    ae_session_free(session);
    ae_network_free(network);
    ae_dataset_free(dataset);
    free(rows);
}
END_TEST

START_TEST(threads_leave_no_trace)
{
    static const size_t threads[] = {1, 2, 3, 4, 0};
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_network *network = network_of(ae_kernels_name((size_t)_i), AE_ACTIVATION_SIGMOID);
    ae_evaluation first = {.size = sizeof first};
    for (size_t i = 0; i < COUNT(threads); i++) {
        ae_evaluation result = {.size = sizeof result};
        ck_assert_ok(ae_network_evaluate(network, dataset, &result,
                                         AE_EVALUATE_OPTIONS(.threads = threads[i])));
        if (i == 0)
            first = result;
        ck_assert_mem_eq(&first, &result, sizeof result);
    }
    ae_network_free(network);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(cross_entropy_is_nan_without_a_sigmoid_output)
{
    ae_dataset *dataset = fixture_dataset(10, FEATURES, 1);
    ae_network *network = network_of(NULL, AE_ACTIVATION_LINEAR);
    ae_evaluation result = {.size = sizeof result};
    ck_assert_ok(ae_network_evaluate(network, dataset, &result, NULL));
    ck_assert(isnan(result.bce));
    ck_assert(isfinite(result.l2) && isfinite(result.sse) && isfinite(result.mse));
    ae_network_free(network);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(a_view_is_evaluated_like_a_copy_of_its_rows)
{
    float *rows = fixture_values(ROWS * FEATURES, 0, 1, 1);
    ae_dataset *dataset = fixture_dataset_of(rows, ROWS, FEATURES), *view = NULL;
    ae_dataset *part = fixture_dataset_of(rows + 100 * FEATURES, 50, FEATURES);
    ck_assert_ok(ae_dataset_view(&view, dataset, 100, 50));
    ae_network *network = network_of(NULL, AE_ACTIVATION_SIGMOID);
    ae_evaluation of_view = {.size = sizeof of_view}, of_part = {.size = sizeof of_part};
    ck_assert_ok(ae_network_evaluate(network, view, &of_view, NULL));
    ck_assert_ok(ae_network_evaluate(network, part, &of_part, NULL));
    ck_assert_mem_eq(&of_view, &of_part, sizeof of_view);
    ae_network_free(network);
    ae_dataset_free(part);
    ae_dataset_free(view);
    ae_dataset_free(dataset);
    free(rows);
}
END_TEST

START_TEST(the_mean_rows_costs_match_float64)
{
    enum { REFERENCE = 40, JUDGED = 25 };
    float *reference = fixture_values(REFERENCE * FEATURES, 0, 1, 1),
          *rows = fixture_values(JUDGED * FEATURES, 0, 1, 2);
    ae_dataset *a = fixture_dataset_of(reference, REFERENCE, FEATURES),
               *b = fixture_dataset_of(rows, JUDGED, FEATURES);
    double mean[FEATURES] = {0}, l2 = 0, sse = 0, bce = 0;
    for (size_t i = 0; i < REFERENCE * FEATURES; i++)
        mean[i % FEATURES] += (double)reference[i] / REFERENCE;
    for (size_t r = 0; r < JUDGED; r++) {
        double squares = 0;
        for (size_t j = 0; j < FEATURES; j++) {
            const double y = mean[j], t = (double)rows[r * FEATURES + j];
            squares += (y - t) * (y - t);
            bce -= (t * log(y) + (1 - t) * log(1 - y)) / FEATURES / JUDGED;
        }
        l2 += sqrt(squares) / JUDGED;
        sse += squares / JUDGED;
    }
    ae_evaluation result = {.size = sizeof result};
    ck_assert_ok(ae_dataset_evaluate_mean(a, b, &result));
    /* The mean is kept in float32. */
    ck_assert_uint_eq(result.rows, JUDGED);
    ck_assert_double_eq_tol(result.l2, l2, 1e-7 * l2);
    ck_assert_double_eq_tol(result.sse, sse, 1e-7 * sse);
    ck_assert_double_eq_tol(result.mse, sse / FEATURES, 1e-7 * sse / FEATURES);
    ck_assert_double_eq_tol(result.bce, bce, 1e-7 * bce);
    ae_dataset_free(a);
    ae_dataset_free(b);
    free(reference);
    free(rows);
}
END_TEST

START_TEST(a_feature_that_never_varies_has_finite_costs)
{
    const float constant[] = {0, 1, 0, 1}, other[] = {1, 0};
    ae_dataset *a = fixture_dataset_of(constant, 2, 2), *b = fixture_dataset_of(other, 1, 2);
    ae_evaluation same = {.size = sizeof same}, unlike = {.size = sizeof unlike};
    ck_assert_ok(ae_dataset_evaluate_mean(a, a, &same));
    ck_assert_double_eq(same.l2, 0);
    ck_assert_double_eq_tol(same.bce, 0, 1e-6);
    ck_assert_ok(ae_dataset_evaluate_mean(a, b, &unlike));
    ck_assert_double_eq_tol(unlike.l2, sqrt(2), 1e-15);
    ck_assert(isfinite(unlike.bce));
    ck_assert_double_gt(unlike.bce, 10);
    ae_dataset_free(a);
    ae_dataset_free(b);
}
END_TEST

START_TEST(wrong_arguments_are_refused_and_the_result_is_untouched)
{
    ae_dataset *dataset = fixture_dataset(10, FEATURES, 1),
               *wide = fixture_dataset(10, FEATURES + 1, 1);
    ae_network *network = network_of(NULL, AE_ACTIVATION_SIGMOID);
    ae_evaluation result = {.size = sizeof result, .l2 = -7};
    const ae_evaluation before = result;
    ck_assert_status(ae_network_evaluate(network, dataset, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "evaluation is NULL");
    ck_assert_status(ae_network_evaluate(NULL, dataset, &result, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_evaluate(network, NULL, &result, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "dataset is NULL");
    ck_assert_status(ae_network_evaluate(network, wide, &result, NULL), AE_ERROR_SHAPE,
                     "rows of 38 features");
    ck_assert_status(
        ae_network_evaluate(network, dataset, &result, AE_EVALUATE_OPTIONS(.threads = 1025)),
        AE_ERROR_INVALID_ARGUMENT, "threads 1025");
    ck_assert_status(ae_network_evaluate(network, dataset, &result, &(ae_evaluate_options){0}),
                     AE_ERROR_INVALID_ARGUMENT, "ae_evaluate_options.size is 0");
    ck_assert_status(ae_network_evaluate(network, dataset, &(ae_evaluation){0}, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "ae_evaluation.size is 0");
    ck_assert_status(ae_dataset_evaluate_mean(dataset, dataset, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "evaluation is NULL");
    ck_assert_status(ae_dataset_evaluate_mean(NULL, dataset, &result), AE_ERROR_INVALID_ARGUMENT,
                     "reference is NULL");
    ck_assert_status(ae_dataset_evaluate_mean(dataset, NULL, &result), AE_ERROR_INVALID_ARGUMENT,
                     "dataset is NULL");
    ck_assert_status(ae_dataset_evaluate_mean(dataset, wide, &result), AE_ERROR_SHAPE, "38");
    ck_assert_status(ae_dataset_evaluate_mean(dataset, dataset, &(ae_evaluation){0}),
                     AE_ERROR_INVALID_ARGUMENT, "size is 0");
    ck_assert_mem_eq(&result, &before, sizeof result);
    ae_evaluate_options_init(NULL);
    ae_evaluate_options options;
    ae_evaluate_options_init(&options);
    ck_assert_uint_eq(options.size, sizeof options);
    ae_network_free(network);
    ae_dataset_free(wide);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(a_shorter_result_struct_gets_what_it_has_room_for)
{
    ae_dataset *dataset = fixture_dataset(10, FEATURES, 1);
    ae_network *network = network_of(NULL, AE_ACTIVATION_SIGMOID);
    ae_evaluation whole = {.size = sizeof whole},
                  part = {.size = offsetof(ae_evaluation, sse), .sse = -7};
    ck_assert_ok(ae_network_evaluate(network, dataset, &whole, NULL));
    ck_assert_ok(ae_network_evaluate(network, dataset, &part, NULL));
    ck_assert_double_eq(part.l2, whole.l2);
    ck_assert_double_eq(part.sse, -7);
    ck_assert_uint_eq(part.size, offsetof(ae_evaluation, sse));
    ae_network_free(network);
    ae_dataset_free(dataset);
}
END_TEST

Suite *evaluate_suite(void)
{
    Suite *suite = suite_create("evaluate");
    TCase *tcase = tcase_create("evaluate");
    const int kernels = (int)ae_kernels_count();
    tcase_add_loop_test(tcase, each_cost_is_the_mean_of_the_rows_scores, 0, kernels);
    tcase_add_loop_test(tcase, threads_leave_no_trace, 0, kernels);
    tcase_add_test(tcase, cross_entropy_is_nan_without_a_sigmoid_output);
    tcase_add_test(tcase, a_view_is_evaluated_like_a_copy_of_its_rows);
    tcase_add_test(tcase, the_mean_rows_costs_match_float64);
    tcase_add_test(tcase, a_feature_that_never_varies_has_finite_costs);
    tcase_add_test(tcase, wrong_arguments_are_refused_and_the_result_is_untouched);
    tcase_add_test(tcase, a_shorter_result_struct_gets_what_it_has_room_for);
    suite_add_tcase(suite, tcase);
    return suite;
}
