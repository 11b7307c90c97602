/* SPDX-License-Identifier: BSD-3-Clause */
/* The units of scores: the same everywhere, and what the definition says. */
#include "c_compiler.h"
#include "fixtures.h"
#include "suites.h"

enum { ROWS = 40, WIDTH = 37, CONSTANT = 5, LARGE = 11, COSTS = 3 };

static const ae_cost costs[COSTS] = {AE_COST_L2, AE_COST_SSE, AE_COST_MSE};

typedef struct setting {
    float *rows, spread[WIDTH], offset[WIDTH], scale[WIDTH];
    ae_dataset *dataset;
    ae_network *network;
    ae_session *session;
} setting;

/* Columns of very different size: one constant, one far from 0. */
static setting make(const char *kernels, size_t threads)
{
    setting s = {.rows = fixture_values(ROWS * WIDTH, 0, 1, 3)};
    for (size_t i = 0; i < ROWS * WIDTH; i++) {
        const size_t j = i % WIDTH;
        s.rows[i] = j == CONSTANT ? -3.7f
                    : j == LARGE  ? 1e4f + 100 * s.rows[i]
                                  : ldexpf(s.rows[i] - 0.3f, (int)j % 9 - 4);
        s.spread[j] = ldexpf(1 + (float)j / WIDTH, (int)j % 5 - 2);
    }
    s.dataset = fixture_dataset_of(s.rows, ROWS, WIDTH);
    s.network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){WIDTH, 20, 6, 20, WIDTH}, .width_count = 5,
                           .kernels = kernels));
    ck_assert_ok(ae_network_fit_scaling(s.network, s.dataset, NULL));
    ck_assert_ok(ae_network_get_scaling(s.network, s.offset, s.scale));
    ck_assert_ok(ae_network_set_error_spread(s.network, s.spread));
    ck_assert_ok(ae_session_create(&s.session, s.network,
                                   AE_SESSION_OPTIONS(.max_batch = 16, .threads = threads)));
    return s;
}

static void drop(setting *s)
{
    ae_session_free(s->session);
    ae_network_free(s->network);
    ae_dataset_free(s->dataset);
    free(s->rows);
}

/* |y - t| of feature i of all, from the reconstruction and the documented formula. */
static double error_of(const setting *s, ae_score_units units, const float *y, size_t i)
{
    const size_t j = i % WIDTH;
    const double d = (double)y[i] - (double)s->rows[i];
    if (units == AE_SCORE_UNITS_SPREAD)
        return d / (double)s->spread[j];
    return units == AE_SCORE_UNITS_CALLER ? d : d / (double)s->scale[j];
}

/* Test number: kernels, units. The error of a scaled value is found through the reconstruction,
 * which was rounded in the caller's units: to an ulp of the value over its scale. */
START_TEST(contributions_are_of_the_units_and_add_up_exactly)
{
    const ae_score_units units = (ae_score_units)(_i % 3 + 1);
    setting s = make(ae_kernels_name((size_t)_i / 3), (size_t)_i % 2 + 1);
    float y[ROWS * WIDTH], scores[ROWS], alone[ROWS], parts[ROWS * WIDTH];
    ck_assert_ok(ae_session_reconstruct(s.session, s.rows, ROWS, y));
    for (size_t c = 0; c < COSTS; c++) {
        const ae_score_options options = {.size = sizeof options, .cost = costs[c], .units = units};
        ck_assert_ok(ae_session_score(s.session, s.rows, ROWS, scores, parts, &options));
        ck_assert_ok(ae_session_score(s.session, s.rows, ROWS, alone, NULL, &options));
        ck_assert_mem_eq(scores, alone, sizeof scores);
        for (size_t r = 0; r < ROWS; r++) {
            double sum = 0;
            for (size_t j = 0; j < WIDTH; j++)
                sum += (double)parts[r * WIDTH + j];
            ck_assert_float_eq((float)sum, scores[r]);
            for (size_t i = r * WIDTH; costs[c] == AE_COST_SSE && i < (r + 1) * WIDTH; i++) {
                const double d = error_of(&s, units, y, i),
                             ulp = fabs((double)s.rows[i]) * 0x1p-22 /
                                   (units == AE_SCORE_UNITS_SCALED ? (double)s.scale[i % WIDTH]
                                                                   : 1);
                if (units != AE_SCORE_UNITS_SCALED || i % WIDTH != CONSTANT)
                    ck_assert_double_eq_tol(sqrt((double)parts[i]), fabs(d),
                                            1e-6 * fabs(d) + ulp + 1e-7);
            }
        }
    }
    drop(&s);
}
END_TEST

/* To the bit: what scaled units give is what a network without scaling gives for scaled rows. */
START_TEST(scaled_units_are_those_of_training)
{
    setting s = make(NULL, 1);
    ae_network *bare = NULL;
    ae_session *session = NULL;
    float scaled[ROWS * WIDTH], scores[ROWS], theirs[ROWS], plain[ROWS];
    for (size_t i = 0; i < ROWS * WIDTH; i++) {
        const size_t j = i % WIDTH;
        scaled[i] = s.scale[j] > 0 ? (s.rows[i] - s.offset[j]) / s.scale[j] : 0;
    }
    ck_assert_ok(ae_network_clone(&bare, s.network));
    ae_network_clear_scaling(bare);
    ck_assert_ok(ae_session_create(&session, bare, NULL));
    ck_assert_ok(ae_session_score(session, scaled, ROWS, theirs, NULL, NULL));
    ck_assert_ok(ae_session_score(s.session, s.rows, ROWS, scores, NULL,
                                  AE_SCORE_OPTIONS(.units = AE_SCORE_UNITS_SCALED)));
    ck_assert_mem_eq(scores, theirs, sizeof scores);
    ck_assert_ok(ae_session_score(s.session, s.rows, ROWS, plain, NULL, NULL));
    ck_assert_mem_eq(scores, plain, sizeof scores); /* the default, here and without a scaling: */
    ck_assert_ok(ae_session_score(session, scaled, ROWS, plain, NULL,
                                  AE_SCORE_OPTIONS(.units = AE_SCORE_UNITS_CALLER)));
    ck_assert_mem_eq(theirs, plain, sizeof scores);
    ae_session_free(session);
    ae_network_free(bare);
    drop(&s);
}
END_TEST

/* Test number: units, 0 being the default. */
START_TEST(thresholds_evaluations_and_files_have_the_same_units)
{
    const ae_score_units units = (ae_score_units)_i;
    setting s = make(NULL, 1);
    const ae_score_options options = {.size = sizeof options, .units = units};
    float scores[ROWS], judged[ROWS], *read = NULL;
    double mean = 0, most = 0;
    ck_assert_ok(ae_session_score_dataset(s.session, s.dataset, scores, NULL, &options));
    for (size_t r = 0; r < ROWS; r++) {
        mean += (double)scores[r] / ROWS;
        most = fmax(most, (double)scores[r]);
    }
    ae_evaluation result = {.size = sizeof result};
    ck_assert_ok(
        ae_network_evaluate(s.network, s.dataset, &result, AE_EVALUATE_OPTIONS(.units = units)));
    ck_assert_double_eq_tol(result.l2, mean, 1e-5 * mean);
    ck_assert_int_eq(result.units, _i == 0 ? AE_SCORE_UNITS_SCALED : units);
    ck_assert_ok(ae_network_fit_threshold(s.network, s.dataset,
                                          AE_THRESHOLD_OPTIONS(.quantile = 1, .units = units)));
    ae_threshold threshold = {.size = sizeof threshold};
    ck_assert_ok(ae_network_get_threshold(s.network, &threshold));
    ck_assert_int_eq(threshold.units, result.units);
    ck_assert_double_eq_tol(threshold.value - threshold.margin, most, 1e-12 * most);
    unsigned char flags[ROWS];
    ck_assert_ok(ae_session_detect(s.session, s.rows, ROWS, flags, judged));
    ck_assert_mem_eq(judged, scores, sizeof scores);
    ck_assert_ok(
        ae_session_save_npy(s.session, s.dataset, support_path("scores.npy"),
                            AE_OUTPUT_OPTIONS(.output = AE_OUTPUT_SCORES, .units = units)));
    ae_dataset *saved = NULL;
    read = fixture_allocate(ROWS, sizeof *read);
    ck_assert_ok(ae_dataset_open_npy(&saved, support_path("scores.npy"), NULL));
    ck_assert_ok(ae_dataset_read(saved, 0, ae_dataset_row_count(saved), read));
    ck_assert_mem_eq(read, scores, sizeof scores);
    free(read);
    ae_dataset_free(saved);
    drop(&s);
}
END_TEST

START_TEST(the_validation_cost_is_that_of_an_evaluation)
{
    setting s = make(NULL, 1);
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(
        s.network, adam, s.dataset,
        AE_TRAINER_OPTIONS(.batch = 10, .validation = s.dataset, .cost = AE_COST_MSE));
    ae_epoch_info info = {.size = sizeof info};
    ck_assert_ok(ae_trainer_run_epoch(trainer, &info));
    ae_evaluation result = {.size = sizeof result};
    ck_assert_ok(ae_network_evaluate(s.network, s.dataset, &result, NULL));
    ck_assert_double_eq(result.mse, info.validation_cost);
    ae_trainer_free(trainer);
    ae_optimizer_free(adam);
    drop(&s);
}
END_TEST

/* Every call that takes units, with a cost where it takes one. */
static void refused(setting *s, ae_cost cost, ae_score_units units, ae_status status,
                    const char *why)
{
    float scores[ROWS];
    const ae_score_options options = {.size = sizeof options, .cost = cost, .units = units};
    ae_evaluation result = {.size = sizeof result};
    ck_assert_status(ae_session_score(s->session, s->rows, 1, scores, NULL, &options), status, why);
    ck_assert_status(ae_network_set_threshold(s->network, 1, &options), status, why);
    ck_assert_status(ae_session_save_csv(s->session, s->dataset, support_path("none.csv"),
                                         AE_OUTPUT_OPTIONS(.output = AE_OUTPUT_SCORES, .cost = cost,
                                                           .units = units)),
                     status, why);
    if (cost != AE_COST_BCE)
        ck_assert_status(ae_network_evaluate(s->network, s->dataset, &result,
                                             AE_EVALUATE_OPTIONS(.units = units)),
                         status, why);
    if (cost == AE_COST_BCE || units != AE_SCORE_UNITS_SPREAD) /* else it fits the spread */
        ck_assert_status(
            ae_network_fit_threshold(s->network, s->dataset,
                                     AE_THRESHOLD_OPTIONS(.cost = cost, .units = units)),
            status, why);
    ck_assert_int_eq(ae_network_has_threshold(s->network), 0);
}

START_TEST(units_that_are_not_there_are_refused)
{
    setting s = make(NULL, 1);
    refused(&s, AE_COST_L2, (ae_score_units)4, AE_ERROR_INVALID_ARGUMENT, "units is 4");
    refused(&s, AE_COST_BCE, AE_SCORE_UNITS_CALLER, AE_ERROR_INVALID_ARGUMENT, "cross-entropy");
    refused(&s, AE_COST_BCE, AE_SCORE_UNITS_SPREAD, AE_ERROR_INVALID_ARGUMENT, "cross-entropy");
    ae_network_clear_error_spread(s.network);
    refused(&s, AE_COST_L2, AE_SCORE_UNITS_SPREAD, AE_ERROR_NOT_SET, "ae_network_fit_error_spread");
    ae_network_clear_scaling(s.network);
    refused(&s, AE_COST_MSE, AE_SCORE_UNITS_SCALED, AE_ERROR_NOT_SET, "no scaling");
    /* Without a scaling cross-entropy is of the caller's values. */
    ck_assert_ok(ae_network_set_threshold(
        s.network, 1, AE_SCORE_OPTIONS(.cost = AE_COST_BCE, .units = AE_SCORE_UNITS_CALLER)));
    drop(&s);
}
END_TEST

typedef float measure(const float *row);

/* Test number: units. Sums of some 20 products in another order. */
START_TEST(exported_c_has_the_units_asked_for)
{
    const ae_score_options form = {.size = sizeof form, .units = (ae_score_units)(_i + 1)};
    setting s = make(NULL, 1);
    float scores[ROWS];
    ck_assert_ok(ae_session_score(s.session, s.rows, ROWS, scores, NULL, &form));
    ck_assert_ok(ae_network_export_c(s.network, support_path("net"), NULL,
                                     AE_EXPORT_C_OPTIONS(.units = form.units)));
    void *library = c_load(0, "net.c");
    C_FUNCTION(measure, score, library, "net_score");
    for (size_t r = 0; r < ROWS; r++)
        ck_assert_float_eq_tol(score(s.rows + r * WIDTH), scores[r], 1e-4f * scores[r]);
    ck_assert_int_eq(dlclose(library), 0);
    drop(&s);
}
END_TEST

static void c_refused(const setting *s, ae_export_part part, ae_score_units units, ae_status status,
                      const char *why)
{
    ck_assert_status(ae_network_export_c(s->network, support_path("none"), NULL,
                                         AE_EXPORT_C_OPTIONS(.part = part, .units = units)),
                     status, why);
}

START_TEST(units_that_exported_c_cannot_have_are_refused)
{
    setting s = make(NULL, 1);
    c_refused(&s, AE_EXPORT_PART_ENCODER, AE_SCORE_UNITS_CALLER, AE_ERROR_INVALID_ARGUMENT,
              "only AE_EXPORT_PART_ALL");
    ck_assert_ok(ae_network_set_threshold(s.network, 1, NULL));
    c_refused(&s, AE_EXPORT_PART_ALL, AE_SCORE_UNITS_CALLER, AE_ERROR_INVALID_ARGUMENT,
              "of scaled units");
    ae_network_clear_scaling(s.network);
    c_refused(&s, AE_EXPORT_PART_ALL, AE_SCORE_UNITS_SCALED, AE_ERROR_NOT_SET, "no scaling");
    c_refused(&s, AE_EXPORT_PART_ALL, AE_SCORE_UNITS_SPREAD, AE_ERROR_NOT_SET, "has changed");
    drop(&s);
}
END_TEST

START_TEST(the_greatest_contributions_come_first)
{
    static const float parts[] = {3, -1, 7, NAN, 7, 0, INFINITY, 2, NAN};
    static const size_t order[] = {3, 8, 6, 2, 4, 0, 7, 5, 1};
    for (size_t count = 0; count <= COUNT(parts); count++) {
        size_t found[COUNT(parts) + 1];
        memset(found, 0x77, sizeof found);
        ck_assert_ok(ae_contributions_top(parts, COUNT(parts), count, found));
        ck_assert_mem_eq(found, order, count * sizeof *found);
        for (size_t i = count; i < COUNT(found); i++)
            ck_assert_uint_eq(found[i], 0x7777777777777777u);
    }
    size_t one;
    ck_assert_status(ae_contributions_top(parts, 3, 4, &one), AE_ERROR_INVALID_ARGUMENT,
                     "count is 4, but there are 3 features");
    ck_assert_status(ae_contributions_top(NULL, 3, 1, &one), AE_ERROR_INVALID_ARGUMENT,
                     "contributions is NULL");
    ck_assert_status(ae_contributions_top(parts, 3, 1, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "indices is NULL");
}
END_TEST

Suite *units_suite(void)
{
    Suite *suite = suite_create("units");
    TCase *scores = tcase_create("scores");
    tcase_add_checked_fixture(scores, NULL, support_dir_remove);
    tcase_add_loop_test(scores, contributions_are_of_the_units_and_add_up_exactly, 0,
                        3 * (int)ae_kernels_count());
    tcase_add_test(scores, scaled_units_are_those_of_training);
    tcase_add_loop_test(scores, thresholds_evaluations_and_files_have_the_same_units, 0, 4);
    tcase_add_test(scores, the_validation_cost_is_that_of_an_evaluation);
    tcase_add_test(scores, units_that_are_not_there_are_refused);
    tcase_add_loop_test(scores, exported_c_has_the_units_asked_for, 0, 3);
    tcase_add_test(scores, units_that_exported_c_cannot_have_are_refused);
    tcase_add_test(scores, the_greatest_contributions_come_first);
    suite_add_tcase(suite, scores);
    return suite;
}
