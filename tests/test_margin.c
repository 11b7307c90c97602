/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A threshold flags none of the rows that it was fitted on, whoever computes their scores: other
 * kernels, a session in bfloat16, exported C. With a quantile of 1 the threshold without its margin
 * is a score itself, so that an ulp would decide.
 */
#include "c_compiler.h"
#include "fixtures.h"
#include "suites.h"

#include <stdio.h>

enum { ROWS = 300, MOST = 64, SEEDS = 6 };

static const size_t widths[] = {3, 4, 6, 9, 16, 17, 31, 48, 64};

enum { NETS = COUNT(widths) * SEEDS };

typedef int judge(const float *row);

/* Rows that follow one factor, in units of their own from the third kind of network on. */
static float *make_rows(size_t width, size_t seed)
{
    float *rows = fixture_values(ROWS * width, 0, 1, seed + 40), factor = 0;
    for (size_t i = 0; i < ROWS * width; i++) {
        const size_t j = i % width;
        factor = j == 0 ? rows[i] : factor;
        rows[i] = factor * (float)(j + 1) + rows[i];
        if (seed >= 2)
            rows[i] = ldexpf(rows[i], (int)(j * 7 % 19) - 9) + (j % 3 == 0 ? 1000 : 0);
    }
    return rows;
}

/* Test number: width, seed. Units and activations go round with the seed. */
static ae_network *make_network(size_t number, const ae_dataset *dataset)
{
    const size_t width = widths[number / SEEDS], seed = number % SEEDS;
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){width, width + 2, 2, width + 2, width},
                           .width_count = 5, .seed = seed + 1,
                           .hidden_activation = (ae_activation)(seed % 4 + 1),
                           .batch_norm = seed % 2 == 0 ? AE_TOGGLE_ON : AE_TOGGLE_OFF,
                           .output_activation = AE_ACTIVATION_LINEAR));
    if (seed >= 2)
        ck_assert_ok(ae_network_fit_scaling(network, dataset,
                                            AE_SCALING_OPTIONS(.kind = AE_SCALING_Z_SCORE)));
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(network, adam, dataset, AE_TRAINER_OPTIONS(.batch = 50));
    if (seed >= 2)
        for (int epoch = 0; epoch < 5; epoch++)
            ck_assert_ok(ae_trainer_run_epoch(trainer, NULL));
    ae_trainer_free(trainer);
    ae_optimizer_free(adam);
    ck_assert_ok(ae_network_fit_threshold(
        network, dataset,
        AE_THRESHOLD_OPTIONS(.quantile = 1, .cost = (ae_cost)(seed % 3 + 1),
                             .units = seed < 2 ? AE_SCORE_UNITS_DEFAULT
                                               : (ae_score_units)(seed % 3 + 1))));
    return network;
}

typedef struct subject {
    float *rows;
    ae_dataset *dataset;
    ae_network *network;
    ae_threshold threshold;
} subject;

static subject make(size_t number)
{
    const size_t width = widths[number / SEEDS];
    subject s = {.rows = make_rows(width, number % SEEDS),
                 .threshold = {.size = sizeof s.threshold}};
    s.dataset = fixture_dataset_of(s.rows, ROWS, width);
    s.network = make_network(number, s.dataset);
    ck_assert_ok(ae_network_get_threshold(s.network, &s.threshold));
    return s;
}

static void drop(subject *s)
{
    ae_network_free(s->network);
    ae_dataset_free(s->dataset);
    free(s->rows);
}

static void flags_none(const ae_network *network, const subject *s, ae_precision precision,
                       const char *what)
{
    unsigned char flags[ROWS];
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, AE_SESSION_OPTIONS(.precision = precision)));
    ck_assert_ok(ae_session_detect(session, s->rows, ROWS, flags, NULL));
    for (size_t r = 0; r < ROWS; r++)
        ck_assert_msg(flags[r] == 0, "%s flag row %zu", what, r);
    ae_session_free(session);
}

START_TEST(no_row_is_flagged_by_other_kernels_or_in_bfloat16)
{
    subject s = make((size_t)_i);
    ck_assert_ok(ae_network_save(s.network, support_path("model")));
    for (size_t k = 0; k < ae_kernels_count(); k++) {
        ae_network *loaded = NULL;
        ck_assert_ok(ae_network_load(&loaded, support_path("model"),
                                     AE_LOAD_OPTIONS(.kernels = ae_kernels_name(k))));
        flags_none(loaded, &s, AE_PRECISION_F32, ae_kernels_name(k));
        flags_none(loaded, &s, AE_PRECISION_BF16, "sessions in bfloat16");
        ae_network_free(loaded);
    }
    /* Rounding, and not more. In spreads a column of 1000 +- 0.002 has a share that shows. */
    ck_assert_double_gt(s.threshold.margin, 0);
    ck_assert_double_lt(s.threshold.margin, 0.02 * s.threshold.value);
    ck_assert_double_lt(s.threshold.margin_bf16, 0.5 * s.threshold.value);
    drop(&s);
}
END_TEST

/* Test number: build, network; a compiler for each seed and each other width. */
START_TEST(no_row_is_flagged_by_exported_c)
{
    for (size_t number = (size_t)_i; number < NETS; number += C_BUILDS) {
        subject s = make(number);
        ck_assert_ok(ae_network_export_c(s.network, support_path("net"), NULL, NULL));
        void *library = c_load((size_t)_i, "net.c");
        C_FUNCTION(judge, is_anomaly, library, "net_is_anomaly");
        for (size_t r = 0; r < ROWS; r++)
            ck_assert_msg(!is_anomaly(s.rows + r * widths[number / SEEDS]),
                          "network %zu: row %zu is flagged", number, r);
        ck_assert_int_eq(dlclose(library), 0);
        drop(&s);
    }
}
END_TEST

/* The value is what the rule gives, plus the margin; a given one stays as it was given. */
START_TEST(a_given_threshold_has_no_margin)
{
    subject s = make(0);
    ck_assert_ok(ae_network_set_threshold(s.network, 3, NULL));
    ck_assert_ok(ae_network_get_threshold(s.network, &s.threshold));
    ck_assert_double_eq(s.threshold.value, 3);
    ck_assert_double_eq(s.threshold.margin, 0);
    ck_assert_double_eq(s.threshold.margin_bf16, 0);
    drop(&s);
}
END_TEST

Suite *margin_suite(void)
{
    Suite *suite = suite_create("margin");
    TCase *margin = tcase_create("margin");
    tcase_add_checked_fixture(margin, NULL, support_dir_remove);
    tcase_set_timeout(margin, 120);
    tcase_add_loop_test(margin, no_row_is_flagged_by_other_kernels_or_in_bfloat16, 0, NETS);
    for (int build = 0; build < C_BUILDS; build++)
        support_add_loop_test(margin, no_row_is_flagged_by_exported_c, build, build + 1,
                              c_missing((size_t)build));
    tcase_add_test(margin, a_given_threshold_has_no_margin);
    suite_add_tcase(suite, margin);
    return suite;
}
