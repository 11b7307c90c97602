/* SPDX-License-Identifier: BSD-3-Clause */
/* Thresholds: fitted by the rule, kept with the parameters and no longer, saved, and used on the
 * right side. */
#include "base/unconst.h"
#include "fixtures.h"
#include "suites.h"

enum { WIDTH = 9, MOST = 1500 };

/* Rows (v, 0) for each score wanted. */
static ae_dataset *rows_scoring(const float *scores, size_t count)
{
    float values[2 * 64] = {0};
    ck_assert_uint_le(count, 64);
    for (size_t i = 0; i < count; i++)
        values[2 * i] = scores[i];
    return fixture_dataset_of(values, count, 2);
}

static ae_threshold threshold_of(const ae_network *network)
{
    ae_threshold threshold = {.size = sizeof threshold};
    ck_assert_ok(ae_network_get_threshold(network, &threshold));
    return threshold;
}

static void no_threshold(const ae_network *network, const char *why)
{
    ae_threshold threshold = {.size = sizeof threshold, .value = 42};
    ck_assert_status(ae_network_get_threshold(network, &threshold), AE_ERROR_NOT_SET, why);
    ck_assert_double_eq(threshold.value, 42);
}

static ae_threshold fit(const float *scores, size_t count, const ae_threshold_options *options)
{
    ae_network *network = fixture_silent_network();
    ae_dataset *dataset = rows_scoring(scores, count);
    ck_assert_ok(ae_network_fit_threshold(network, dataset, options));
    const ae_threshold threshold = threshold_of(network);
    ck_assert_uint_eq(threshold.rows, count);
    ae_dataset_free(dataset);
    ae_network_free(network);
    return threshold;
}

static const float ten[] = {7, 3, 10, 1, 5, 8, 2, 9, 6, 4};

/* Type 7 puts the quantile q of 1, 2, ..., n at 1 + (n - 1) q. */
START_TEST(quantiles_are_interpolated_between_order_statistics)
{
    static const double quantiles[] = {1e-9, 0.1, 0.25, 0.5, 0.77, 0.9, 0.99, 1};
    for (size_t i = 0; i < COUNT(quantiles); i++) {
        const ae_threshold t = fit(ten, 10, AE_THRESHOLD_OPTIONS(.quantile = quantiles[i]));
        ck_assert_double_eq_tol(t.value - t.margin, 1 + 9 * quantiles[i], 1e-12);
        ck_assert_double_eq(t.quantile, quantiles[i]);
        ck_assert_int_eq(t.rule, AE_THRESHOLD_QUANTILE);
        ck_assert_int_eq(t.cost, AE_COST_L2);
        ck_assert_double_eq(t.k, 0);
    }
    const ae_threshold t = fit(ten, 10, NULL), one = fit(ten, 1, NULL);
    ck_assert_double_eq_tol(t.value - t.margin, 1 + 9 * 0.99, 1e-12);
    /* Scores of the silent network are exact: eight ulp are the least margin. */
    ck_assert_double_eq_tol(one.margin, 7 * 0x1p-20, 1e-12);
    ck_assert_double_eq(one.value, 7 + one.margin);
}
END_TEST

/* 1 to 10: mean and median 5.5, sum of squares 82.5, median distance 2.5. */
START_TEST(deviations_are_the_samples_and_the_scaled_median)
{
    ae_threshold t = fit(ten, 10, AE_THRESHOLD_OPTIONS(.rule = AE_THRESHOLD_MEAN_SD));
    ck_assert_double_eq_tol(t.centre, 5.5, 1e-12);
    ck_assert_double_eq_tol(t.spread, sqrt(82.5 / 9), 1e-12);
    ck_assert_double_eq_tol(t.value - t.margin, 5.5 + 3 * sqrt(82.5 / 9), 1e-12);
    ck_assert_double_eq(t.k, 3);
    ck_assert_double_eq(t.quantile, 0);
    t = fit(ten, 10, AE_THRESHOLD_OPTIONS(.rule = AE_THRESHOLD_MEDIAN_MAD, .k = 2));
    ck_assert_double_eq_tol(t.centre, 5.5, 1e-12);
    ck_assert_double_eq_tol(t.spread, 1.482602218505602 * 2.5, 1e-12);
    ck_assert_double_eq_tol(t.value - t.margin, 5.5 + 2 * 1.482602218505602 * 2.5, 1e-12);
    /* Distances from 3: 2, 1, 0, 1, 97. */
    static const float outlier[] = {1, 100, 2, 4, 3};
    t = fit(outlier, 5, AE_THRESHOLD_OPTIONS(.rule = AE_THRESHOLD_MEDIAN_MAD));
    ck_assert_double_eq(t.centre, 3);
    ck_assert_double_eq_tol(t.spread, 1.482602218505602, 1e-12);
    t = fit(ten, 1, AE_THRESHOLD_OPTIONS(.rule = AE_THRESHOLD_MEDIAN_MAD));
    ck_assert_double_eq(t.value - t.margin, 7);
    /* All on one side of the median but for its own: distances 0, 0, 0, 5, 5, 5. */
    static const float steps[] = {1, 1, 1, 1, 6, 6, 6};
    t = fit(steps, 7, AE_THRESHOLD_OPTIONS(.rule = AE_THRESHOLD_MEDIAN_MAD));
    ck_assert_double_eq(t.spread, 0);
}
END_TEST

/* The third quartile of a normal distribution is where the scale comes from: both rules agree on
 * normal scores. */
START_TEST(the_two_deviations_agree_on_normal_scores)
{
    enum { N = 60 };
    float scores[N];
    for (size_t i = 0; i < N; i++) { /* normal order statistics, by bisection on erf */
        double low = -6, high = 6;
        for (int step = 0; step < 60; step++) {
            const double middle = (low + high) / 2;
            if (0.5 * (1 + erf(middle / sqrt(2))) < ((double)i + 0.5) / N)
                low = middle;
            else
                high = middle;
        }
        scores[i] = (float)(10 + low);
    }
    const ae_threshold sd = fit(scores, N, AE_THRESHOLD_OPTIONS(.rule = AE_THRESHOLD_MEAN_SD));
    const ae_threshold mad = fit(scores, N, AE_THRESHOLD_OPTIONS(.rule = AE_THRESHOLD_MEDIAN_MAD));
    ck_assert_double_eq_tol(sd.spread, 1, 0.02);
    ck_assert_double_eq_tol(mad.spread, 1, 0.03);
}
END_TEST

START_TEST(rows_above_the_threshold_are_anomalous_and_those_on_it_are_not)
{
    ae_network *network = fixture_silent_network();
    ae_dataset *dataset = rows_scoring(ten, 10);
    ck_assert_ok(ae_network_fit_threshold(network, dataset, AE_THRESHOLD_OPTIONS(.quantile = 1)));
    const float rows[] = {
        10,       0, nextafterf((float)threshold_of(network).value, 11), 0, -11, 0, 0, 0, NAN, 0,
        INFINITY, 0};
    const unsigned char expected[] = {0, 1, 1, 0, 1, 1};
    unsigned char flags[6];
    float scores[6], separate[6];
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_session_detect(session, rows, 6, flags, scores));
    ck_assert_mem_eq(flags, expected, sizeof flags);
    ck_assert_ok(ae_session_score(session, rows, 6, separate, NULL, NULL));
    ck_assert_mem_eq(scores, separate, sizeof scores);
    memset(flags, 9, sizeof flags);
    ck_assert_ok(ae_session_detect(session, rows, 6, flags, NULL));
    ck_assert_mem_eq(flags, expected, sizeof flags);
    ck_assert_ok(ae_network_set_threshold(network, 99, AE_SCORE_OPTIONS(.cost = AE_COST_SSE)));
    ck_assert_ok(ae_session_detect(session, rows, 6, flags, scores));
    ck_assert_int_eq(flags[0], 1);
    ck_assert_float_eq(scores[0], 100);
    ae_session_free(session);
    ae_dataset_free(dataset);
    ae_network_free(network);
}
END_TEST

START_TEST(a_threshold_can_be_cleared)
{
    ae_network *network = fixture_silent_network();
    ae_session *session = NULL;
    const float row[2] = {0};
    unsigned char flag = 7;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_int_eq(ae_network_has_threshold(network), 0);
    ck_assert_ok(ae_network_set_threshold(network, 3, AE_SCORE_OPTIONS(.cost = AE_COST_MSE)));
    ck_assert_int_eq(ae_network_has_threshold(network), 1);
    ck_assert_int_eq(threshold_of(network).cost, AE_COST_MSE);
    ae_network_clear_threshold(network);
    ck_assert_int_eq(ae_network_has_threshold(network), 0);
    no_threshold(network, "has no threshold");
    ck_assert_status(ae_session_detect(session, row, 1, &flag, NULL), AE_ERROR_NOT_SET,
                     "has no threshold");
    ck_assert_int_eq(flag, 7);
    ck_assert_ok(ae_network_set_threshold(network, 3, NULL));
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.weight", row, 2));
    ck_assert_int_eq(ae_network_has_threshold(network), 0); /* another network now */
    ae_network_clear_threshold(network);
    no_threshold(network, "has no threshold");
    ae_network_clear_threshold(NULL);
    ck_assert_int_eq(ae_network_has_threshold(NULL), 0);
    ae_session_free(session);
    ae_network_free(network);
}
END_TEST

static ae_network *small_network(void)
{
    return FIXTURE_NETWORK(WIDTH, 12, 3, 12, WIDTH);
}

START_TEST(the_threshold_does_not_depend_on_threads)
{
    ae_network *network = small_network();
    ae_dataset *dataset = fixture_dataset(MOST, WIDTH, 3);
    static const ae_threshold_rule rules[] = {AE_THRESHOLD_QUANTILE, AE_THRESHOLD_MEAN_SD,
                                              AE_THRESHOLD_MEDIAN_MAD};
    for (size_t i = 0; i < COUNT(rules); i++) {
        const ae_threshold_options plain = {.size = sizeof plain, .rule = rules[i], .threads = 1};
        ck_assert_ok(ae_network_fit_threshold(network, dataset, &plain));
        const ae_threshold first = threshold_of(network);
        ck_assert_double_gt(first.value, 0);
        for (size_t threads = 2; threads < 5; threads++) {
            const ae_threshold_options other = {
                .size = sizeof other, .rule = rules[i], .threads = threads};
            ck_assert_ok(ae_network_fit_threshold(network, dataset, &other));
            ck_assert_double_eq(threshold_of(network).value, first.value);
            ck_assert_double_eq(threshold_of(network).spread, first.spread);
        }
    }
    /* And flags from a few rows at a time are those of all at once, without allocating. */
    float *rows = fixture_values(MOST * WIDTH, 0, 1, 4), scores[MOST];
    unsigned char flags[2][MOST];
    ae_session *session = NULL;
    ck_assert_ok(ae_network_fit_threshold(network, dataset, AE_THRESHOLD_OPTIONS(.quantile = 0.7)));
    ck_assert_ok(ae_session_create(&session, network, AE_SESSION_OPTIONS(.max_batch = 100)));
    const size_t allocations = support_allocations();
    ck_assert_ok(ae_session_detect(session, rows, MOST, flags[0], NULL));
    ck_assert_ok(ae_session_detect(session, rows, MOST, flags[1], scores));
    ck_assert_uint_eq(support_allocations(), allocations);
    ck_assert_mem_eq(flags[0], flags[1], MOST);
    size_t flagged = 0;
    for (size_t r = 0; r < MOST; r++)
        flagged += flags[0][r];
    /* Rows of the same distribution as those it was fitted on: 30 %, give or take 5 deviations of
     * sqrt(1500 p q). */
    ck_assert_uint_gt(flagged, 350);
    ck_assert_uint_lt(flagged, 550);
    ae_session_free(session);
    free(rows);
    ae_dataset_free(dataset);
    ae_network_free(network);
}
END_TEST

START_TEST(a_change_of_the_parameters_makes_the_threshold_void)
{
    ae_network *network = small_network();
    ae_dataset *dataset = fixture_dataset(40, WIDTH, 3);
    float row[WIDTH] = {0};
    unsigned char flag = 7;
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    no_threshold(network, "has no threshold");
    ck_assert_status(ae_session_detect(session, row, 1, &flag, NULL), AE_ERROR_NOT_SET,
                     "has no threshold");
    ck_assert_ok(ae_network_fit_threshold(network, dataset, NULL));
    ck_assert_ok(ae_session_detect(session, row, 1, &flag, NULL));

    float bias[3] = {0.25f, 0, 0};
    ck_assert_ok(ae_network_set_tensor(network, "encoder.1.bn.bias", bias, 3));
    no_threshold(network, "changed");
    flag = 7;
    ck_assert_status(ae_session_detect(session, row, 1, &flag, NULL), AE_ERROR_NOT_SET,
                     "fit it again");
    ck_assert_int_eq(flag, 7);
    ck_assert_ok(ae_network_set_threshold(network, 0.5, AE_SCORE_OPTIONS(.cost = AE_COST_MSE)));
    ck_assert_int_eq(threshold_of(network).rule, AE_THRESHOLD_GIVEN);

    ck_assert_ok(ae_network_fit_scaling(network, dataset, NULL));
    no_threshold(network, "changed");
    ck_assert_ok(ae_network_set_threshold(network, 0.5, AE_SCORE_OPTIONS(.cost = AE_COST_MSE)));

    ae_optimizer *optimizer = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(network, optimizer, dataset,
                                          AE_TRAINER_OPTIONS(.batch = 10));
    ck_assert_double_eq(threshold_of(network).value, 0.5);
    ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    no_threshold(network, "changed");
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    ae_session_free(session);
    ae_dataset_free(dataset);
    ae_network_free(network);
}
END_TEST

static void check_same(const ae_network *a, const ae_network *b)
{
    const ae_threshold x = threshold_of(a), y = threshold_of(b);
    ck_assert_mem_eq(&x, &y, sizeof x);
}

START_TEST(copies_and_files_keep_the_threshold)
{
    ae_network *network = small_network(), *copy = NULL, *loaded = NULL;
    ae_dataset *dataset = fixture_dataset(40, WIDTH, 3);
    const ae_threshold_options options = {.size = sizeof options,
                                          .rule = (ae_threshold_rule)(_i + 1),
                                          .cost = (ae_cost)(_i + 2),
                                          .quantile = _i == 0 ? 0.123456789012345 : 0,
                                          .k = _i == 0 ? 0 : 2.000000000000001};
    ck_assert_ok(ae_network_fit_threshold(network, dataset, &options));
    ck_assert_ok(ae_network_clone(&copy, network));
    check_same(network, copy);
    ck_assert_ok(ae_network_save(network, support_path("model")));
    ck_assert_ok(ae_network_load(&loaded, support_path("model"), NULL));
    check_same(network, loaded);
    ae_network_free(loaded);
    /* A void one is not saved. */
    const float bias[3] = {1, 2, 3};
    ck_assert_ok(ae_network_set_tensor(network, "encoder.1.bn.bias", bias, 3));
    ck_assert_ok(ae_network_save(network, support_path("model")));
    ck_assert_ok(ae_network_load(&loaded, support_path("model"), NULL));
    no_threshold(loaded, "has no threshold");
    ae_network_free(loaded);
    ae_network_free(copy);
    ae_dataset_free(dataset);
    ae_network_free(network);
}
END_TEST

START_TEST(checkpoints_keep_it_with_the_weights_it_was_fitted_for)
{
    ae_network *network = small_network(), *loaded = NULL, *other = small_network();
    ae_dataset *dataset = fixture_dataset(40, WIDTH, 3);
    ae_optimizer *optimizer = fixture_adam(0.01f), *other_optimizer = fixture_adam(0.01f);
    const ae_trainer_options options = {.size = sizeof options,
                                        .batch = 10,
                                        .epochs = 2,
                                        .restore_best = _i == 0 ? AE_TOGGLE_OFF : AE_TOGGLE_ON};
    ae_trainer *trainer = fixture_trainer(network, optimizer, dataset, &options);
    ae_trainer *resumed = fixture_trainer(other, other_optimizer, dataset, &options);
    ck_assert_ok(ae_trainer_run(trainer));
    ck_assert_ok(ae_network_fit_threshold(network, dataset, NULL));
    ck_assert_ok(ae_trainer_save_checkpoint(trainer, support_path("checkpoint")));
    ck_assert_ok(ae_network_load(&loaded, support_path("checkpoint"), NULL));
    ck_assert_ok(ae_network_set_threshold(other, 1, NULL));
    ck_assert_ok(ae_trainer_resume(resumed, support_path("checkpoint")));
    if (_i == 0) {
        check_same(network, loaded);
        check_same(network, other);
        ck_assert_ok(ae_trainer_run_step(resumed, NULL));
        no_threshold(other, "changed");
    } else { /* the network held the best weights, the checkpoint's are the latest */
        no_threshold(loaded, "has no threshold");
        no_threshold(other, "has no threshold");
    }
    ae_trainer_free(resumed), ae_trainer_free(trainer);
    ae_optimizer_free(other_optimizer), ae_optimizer_free(optimizer);
    ae_dataset_free(dataset);
    ae_network_free(other), ae_network_free(loaded), ae_network_free(network);
}
END_TEST

START_TEST(damaged_thresholds_are_refused)
{
    static const struct {
        const char *from, *to, *why;
    } cases[] = {
        {"\\\"rule\\\":\\\"given\\\"", "\\\"rule\\\":\\\"gives\\\"", "rule"},
        {"\\\"cost\\\":\\\"sse\\\"", "\\\"cost\\\":\\\"ssf\\\"", "cost"},
        {"\\\"cost\\\":\\\"sse\\\"", "\\\"cost\\\":\\\"bce\\\"", "cost"},
        {"\\\"rows\\\":\\\"0\\\"", "\\\"rows\\\":\\\"x\\\"", "rows"},
        {"\\\"value\\\":1.25", "\\\"value\\\":null", "value"},
        {"\\\"value\\\":1.25", "\\\"value\\\":true", "value"},
        {"\\\"value\\\":1.25", "\\\"Value\\\":1.25", "value"},
        {"\\\"value\\\":1.25", "\\\"value\\\":1e9,", "libae.threshold"},
        {"\\\"units\\\":\\\"caller\\\"", "\\\"units\\\":\\\"callar\\\"", "units"},
        {"\\\"units\\\":\\\"caller\\\"", "\\\"units\\\":\\\"scaled\\\"", "units"},
        {"\\\"units\\\":\\\"caller\\\"", "\\\"units\\\":\\\"spread\\\"", "units"},
        {"\\\"margin\\\":0", "\\\"margin\\\":{", "libae.threshold"},
        {"\\\"margin_bf16\\\":0}", "\\\"margin_bf16\\\":0,", "libae.threshold"},
    };
    ae_network *network = fixture_silent_network(), *untouched = aei_unconst(cases),
               *loaded = untouched;
    size_t size = 0;
    ck_assert_ok(ae_network_set_threshold(network, 1.25, AE_SCORE_OPTIONS(.cost = AE_COST_SSE)));
    ck_assert_ok(ae_network_save_memory(network, NULL, 0, &size));
    unsigned char *bytes = fixture_allocate(size, 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        ck_assert_ok(ae_network_save_memory(network, bytes, size, NULL));
        support_replace(bytes, size, cases[i].from, cases[i].to);
        ck_assert_status(ae_network_load_memory(&loaded, bytes, size, NULL), AE_ERROR_FORMAT,
                         cases[i].why);
        ck_assert_status(ae_network_load_memory(&loaded, bytes, size, NULL), AE_ERROR_FORMAT,
                         "libae.threshold");
        ck_assert_ptr_eq(loaded, untouched);
    }
    free(bytes);
    ae_network_free(network);
}
END_TEST

START_TEST(fitting_refuses_wrong_arguments)
{
    ae_network *network = fixture_silent_network();
    ae_dataset *dataset = rows_scoring(ten, 10), *one = rows_scoring(ten, 1),
               *wide = fixture_dataset(4, 3, 1);
    ck_assert_ok(ae_network_set_threshold(network, -4, NULL));
#define REFUSED(status, part, ...)                                                             \
    ck_assert_status(                                                                          \
        ae_network_fit_threshold(network, dataset, AE_THRESHOLD_OPTIONS(__VA_ARGS__)), status, \
        part)
    REFUSED(AE_ERROR_INVALID_ARGUMENT, "rule is 4", .rule = AE_THRESHOLD_GIVEN);
    REFUSED(AE_ERROR_INVALID_ARGUMENT, "rule is -1", .rule = (ae_threshold_rule)-1);
    REFUSED(AE_ERROR_INVALID_ARGUMENT, "quantile 1.5", .quantile = 1.5);
    REFUSED(AE_ERROR_INVALID_ARGUMENT, "quantile -0.5", .quantile = -0.5);
    REFUSED(AE_ERROR_INVALID_ARGUMENT, "quantile nan", .quantile = fabs((double)NAN));
    REFUSED(AE_ERROR_INVALID_ARGUMENT, "k -1", .rule = AE_THRESHOLD_MEAN_SD, .k = -1);
    REFUSED(AE_ERROR_INVALID_ARGUMENT, "k inf", .rule = AE_THRESHOLD_MEDIAN_MAD,
            .k = (double)INFINITY);
    REFUSED(AE_ERROR_INVALID_ARGUMENT, "QUANTILE has no k", .k = 2);
    REFUSED(AE_ERROR_INVALID_ARGUMENT, "quantile is 0.9", .rule = AE_THRESHOLD_MEAN_SD,
            .quantile = 0.9);
    REFUSED(AE_ERROR_INVALID_ARGUMENT, "cost is 5", .cost = (ae_cost)5);
    REFUSED(AE_ERROR_INVALID_ARGUMENT, "sigmoid", .cost = AE_COST_BCE);
    REFUSED(AE_ERROR_INVALID_ARGUMENT, "threads", .threads = 1025);
    ck_assert_status(ae_network_fit_threshold(network, dataset, &(ae_threshold_options){0}),
                     AE_ERROR_INVALID_ARGUMENT, "size is 0");
    ck_assert_status(ae_network_fit_threshold(NULL, dataset, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_fit_threshold(network, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "held_out is NULL");
    ck_assert_status(ae_network_fit_threshold(network, wide, NULL), AE_ERROR_SHAPE, "3 features");
    ck_assert_status(
        ae_network_fit_threshold(network, one, AE_THRESHOLD_OPTIONS(.rule = AE_THRESHOLD_MEAN_SD)),
        AE_ERROR_SHAPE, "needs 2");
    const float huge = 1e30f;
    ae_dataset *far = rows_scoring(&huge, 1);
    ck_assert_status(
        ae_network_fit_threshold(network, far, AE_THRESHOLD_OPTIONS(.cost = AE_COST_SSE)),
        AE_ERROR_DATA, "row 0");
    ae_dataset_free(far);
    /* None of these did away with the threshold that there was. */
    ck_assert_double_eq(threshold_of(network).value, -4);
    ck_assert_int_eq(threshold_of(network).cost, AE_COST_L2);
    ae_dataset_free(wide), ae_dataset_free(one), ae_dataset_free(dataset);
    ae_network_free(network);
}
END_TEST

START_TEST(setting_and_detecting_refuse_wrong_arguments)
{
    ae_network *network = fixture_silent_network();
    ck_assert_ok(ae_network_set_threshold(network, -4, NULL));
    ck_assert_status(ae_network_set_threshold(NULL, 1, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_set_threshold(network, (double)NAN, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "finite");
    ck_assert_status(ae_network_set_threshold(network, 1, AE_SCORE_OPTIONS(.cost = (ae_cost)9)),
                     AE_ERROR_INVALID_ARGUMENT, "cost is 9");
    ck_assert_status(ae_network_set_threshold(network, 1, AE_SCORE_OPTIONS(.cost = AE_COST_BCE)),
                     AE_ERROR_INVALID_ARGUMENT, "sigmoid");
    ck_assert_status(
        ae_network_set_threshold(network, 1, AE_SCORE_OPTIONS(.units = (ae_score_units)-1)),
        AE_ERROR_INVALID_ARGUMENT, "units is -1");
    /* None of these did away with the threshold that there was. */
    ck_assert_double_eq(threshold_of(network).value, -4);
    ck_assert_int_eq(threshold_of(network).cost, AE_COST_L2);
    ae_threshold threshold = {.size = 0};
    ck_assert_status(ae_network_get_threshold(NULL, &threshold), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_get_threshold(network, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "threshold is NULL");
    ck_assert_status(ae_network_get_threshold(network, &threshold), AE_ERROR_INVALID_ARGUMENT,
                     "size");
    ae_session *session = NULL;
    const float row[2] = {0};
    unsigned char flag;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_status(ae_session_detect(NULL, row, 1, &flag, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "session is NULL");
    ck_assert_status(ae_session_detect(session, NULL, 1, &flag, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "rows is NULL");
    ck_assert_status(ae_session_detect(session, row, 1, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "flags is NULL");
    ck_assert_ok(ae_session_detect(session, NULL, 0, NULL, NULL));
    ae_threshold_options_init(NULL);
    ae_session_free(session);
    ae_network_free(network);
}
END_TEST

Suite *threshold_suite(void)
{
    Suite *suite = suite_create("threshold");
    TCase *rules = tcase_create("threshold");
    tcase_add_test(rules, quantiles_are_interpolated_between_order_statistics);
    tcase_add_test(rules, deviations_are_the_samples_and_the_scaled_median);
    tcase_add_test(rules, the_two_deviations_agree_on_normal_scores);
    tcase_add_test(rules, rows_above_the_threshold_are_anomalous_and_those_on_it_are_not);
    tcase_add_test(rules, the_threshold_does_not_depend_on_threads);
    tcase_add_test(rules, a_threshold_can_be_cleared);
    tcase_add_test(rules, a_change_of_the_parameters_makes_the_threshold_void);
    tcase_add_test(rules, fitting_refuses_wrong_arguments);
    tcase_add_test(rules, setting_and_detecting_refuse_wrong_arguments);
    suite_add_tcase(suite, rules);
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, NULL, support_dir_remove);
    tcase_add_loop_test(files, copies_and_files_keep_the_threshold, 0, 3);
    tcase_add_loop_test(files, checkpoints_keep_it_with_the_weights_it_was_fitted_for, 0, 2);
    tcase_add_test(files, damaged_thresholds_are_refused);
    suite_add_tcase(suite, files);
    return suite;
}
