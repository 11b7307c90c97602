/* SPDX-License-Identifier: BSD-3-Clause */
/* Scores and verdicts of an ONNX model are a session's, in every cost and unit. */
#include "fixtures.h"
#include "python.h"
#include "suites.h"

#include <stdio.h>

enum { ROWS = 300, WIDTH = 23, COSTS = 3, FORMS = 4 * COSTS };

typedef struct subject {
    float *rows;
    ae_dataset *dataset;
    ae_network *network;
} subject;

/* Columns in units of their own; test numbers from FORMS on have a threshold. */
static subject make(ae_score_units units)
{
    subject s = {.rows = fixture_values((ROWS + 20) * WIDTH, 0, 1, 8)};
    for (size_t i = 0; i < (ROWS + 20) * WIDTH; i++)
        s.rows[i] = ldexpf(s.rows[i], (int)(i % WIDTH % 7) - 3) + (i >= ROWS * WIDTH ? 3 : 0);
    s.dataset = fixture_dataset_of(s.rows, ROWS, WIDTH);
    s.network = FIXTURE_NETWORK(WIDTH, 12, 3, 12, WIDTH);
    if (units != AE_SCORE_UNITS_CALLER)
        ck_assert_ok(ae_network_fit_scaling(s.network, s.dataset, NULL));
    return s;
}

static void drop(subject *s)
{
    ae_network_free(s->network);
    ae_dataset_free(s->dataset);
    free(s->rows);
}

/* Test number: threshold or not, units, cost. With a quantile of 1 an ulp would decide but for the
 * margin. The rows after those that it was fitted on lie far off. */
START_TEST(onnxruntime_gives_a_sessions_scores_and_verdicts)
{
    const bool judged = _i >= FORMS;
    const ae_score_options form = {.size = sizeof form,
                                   .cost = (ae_cost)(_i % COSTS + 1),
                                   .units = (ae_score_units)(_i % FORMS / COSTS)};
    subject s = make(form.units);
    float scores[ROWS + 20];
    unsigned char flags[ROWS + 20];
    if (form.units == AE_SCORE_UNITS_SPREAD)
        ck_assert_ok(ae_network_fit_error_spread(s.network, s.dataset, NULL));
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, s.network, NULL));
    ck_assert_ok(ae_session_score(session, s.rows, ROWS + 20, scores, NULL, &form));
    support_write(support_path("rows.f32"), s.rows, (ROWS + 20) * WIDTH * sizeof *s.rows);
    support_write(support_path("score.f32"), scores, sizeof scores);
    ae_export_onnx_options options = {.size = sizeof options, .score = AE_TOGGLE_ON};
    if (judged) { /* whose form is then the default */
        ck_assert_ok(ae_network_fit_threshold(
            s.network, s.dataset,
            AE_THRESHOLD_OPTIONS(.quantile = 1, .cost = form.cost, .units = form.units)));
        ck_assert_ok(ae_session_detect(session, s.rows, ROWS + 20, flags, NULL));
        ck_assert_int_eq(flags[ROWS + 1], 1);
        support_write(support_path("flags.u8"), flags, sizeof flags);
    } else {
        options.cost = form.cost;
        options.units = form.units;
    }
    ck_assert_ok(ae_network_export_onnx(s.network, support_path("model.onnx"), &options));
    char width[8];
    (void)snprintf(width, sizeof width, "%d", WIDTH);
    ck_assert_int_eq(
        python_run("onnx_runs.py", (const char *const[]){"score", support_dir(), width, NULL}), 0);
    ae_session_free(session);
    drop(&s);
}
END_TEST

/* Test number: scaled or not, cost. Every third value is missing, one row lacks all but one. */
START_TEST(onnxruntime_leaves_missing_values_out)
{
    const ae_cost cost = (ae_cost)(_i % COSTS + 1);
    subject s = make(_i < COSTS ? AE_SCORE_UNITS_CALLER : AE_SCORE_UNITS_SCALED);
    float fill[WIDTH], scores[ROWS];
    ck_assert_ok(ae_dataset_mean(s.dataset, fill));
    ck_assert_ok(ae_network_set_fill(s.network, fill));
    for (size_t i = 0; i < ROWS * WIDTH; i++)
        s.rows[i] = i % 3 == 1 || (i > 0 && i < WIDTH) ? NAN : s.rows[i];
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, s.network, NULL));
    ck_assert_ok(
        ae_session_score(session, s.rows, ROWS, scores, NULL, AE_SCORE_OPTIONS(.cost = cost)));
    support_write(support_path("rows.f32"), s.rows, ROWS * WIDTH * sizeof *s.rows);
    support_write(support_path("score.f32"), scores, sizeof scores);
    ck_assert_ok(
        ae_network_export_onnx(s.network, support_path("model.onnx"),
                               AE_EXPORT_ONNX_OPTIONS(.score = AE_TOGGLE_ON, .cost = cost)));
    char width[8];
    (void)snprintf(width, sizeof width, "%d", WIDTH);
    ck_assert_int_eq(
        python_run("onnx_runs.py", (const char *const[]){"score", support_dir(), width, NULL}), 0);
    ae_session_free(session);
    drop(&s);
}
END_TEST

static void refused(const subject *s, const ae_export_onnx_options *options, ae_status status,
                    const char *why)
{
    ck_assert_status(ae_network_export_onnx(s->network, support_path("none.onnx"), options), status,
                     why);
    ck_assert_int_ne(access(support_path("none.onnx"), F_OK), 0);
}

START_TEST(scores_that_cannot_be_are_refused)
{
    subject s = make(AE_SCORE_UNITS_CALLER);
    refused(&s, AE_EXPORT_ONNX_OPTIONS(.cost = AE_COST_MSE), AE_ERROR_INVALID_ARGUMENT,
            "set score to AE_TOGGLE_ON");
    refused(&s, AE_EXPORT_ONNX_OPTIONS(.units = AE_SCORE_UNITS_CALLER), AE_ERROR_INVALID_ARGUMENT,
            "set score to AE_TOGGLE_ON");
    refused(&s, AE_EXPORT_ONNX_OPTIONS(.score = AE_TOGGLE_ON, .units = (ae_score_units)4),
            AE_ERROR_INVALID_ARGUMENT, "units is 4");
    refused(&s, AE_EXPORT_ONNX_OPTIONS(.score = AE_TOGGLE_ON, .units = AE_SCORE_UNITS_SCALED),
            AE_ERROR_NOT_SET, "no scaling");
    refused(&s, AE_EXPORT_ONNX_OPTIONS(.score = AE_TOGGLE_ON, .units = AE_SCORE_UNITS_SPREAD),
            AE_ERROR_NOT_SET, "no spread");
    refused(&s, AE_EXPORT_ONNX_OPTIONS(.score = AE_TOGGLE_ON, .cost = AE_COST_BCE),
            AE_ERROR_UNSUPPORTED, "cross-entropy");
    ck_assert_ok(ae_network_fit_scaling(s.network, s.dataset, NULL));
    ck_assert_ok(ae_network_set_threshold(s.network, 1, NULL));
    refused(&s, AE_EXPORT_ONNX_OPTIONS(.score = AE_TOGGLE_ON, .cost = AE_COST_MSE),
            AE_ERROR_INVALID_ARGUMENT, "of cost l2 in scaled units");
    refused(&s, AE_EXPORT_ONNX_OPTIONS(.score = AE_TOGGLE_ON, .units = AE_SCORE_UNITS_CALLER),
            AE_ERROR_INVALID_ARGUMENT, "of cost l2 in scaled units");
    drop(&s);
}
END_TEST

Suite *onnx_score_suite(void)
{
    Suite *suite = suite_create("onnx_score");
    TCase *scores = tcase_create("scores");
    tcase_add_checked_fixture(scores, NULL, support_dir_remove);
    tcase_set_timeout(scores, 120);
#ifdef AEI_HAVE_PROTOBUF
    const char *missing = NULL;
#else
    const char *missing = "a build with protobuf-c";
#endif
    support_add_test(scores, scores_that_cannot_be_are_refused, missing);
    if (missing == NULL)
        missing = python_lacks("onnx_runs.py", "onnx and onnxruntime");
    support_add_loop_test(scores, onnxruntime_gives_a_sessions_scores_and_verdicts, 0, 2 * FORMS,
                          missing);
    support_add_loop_test(scores, onnxruntime_leaves_missing_values_out, 0, 2 * COSTS, missing);
    suite_add_tcase(suite, scores);
    return suite;
}
