/* SPDX-License-Identifier: BSD-3-Clause */
/* Scores are the sum of their contributions, to the bit, whoever asks and however. */
#include "fixtures.h"
#include "suites.h"

enum { ROWS = 21 };

static const size_t features[] = {1, 2, 15, 16, 17, 31, 32, 33, 48, 63, 65, 100, 784};

/* What the header tells users to do. */
static float add_up(const float *contributions, size_t count)
{
    double sum = 0;
    for (size_t j = 0; j < count; j++)
        sum += (double)contributions[j];
    return (float)sum;
}

static ae_network *network_of(size_t width, ae_activation output, const char *kernels)
{
    return fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){width, 20, 3, 20, width}, .width_count = 5,
                           .seed = 5, .output_activation = output, .kernels = kernels));
}

static void score(const ae_network *network, size_t max_batch, size_t threads, ae_cost cost,
                  const float *rows, size_t count, float *scores, float *contributions)
{
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network,
                                   AE_SESSION_OPTIONS(.max_batch = max_batch, .threads = threads)));
    ck_assert_ok(ae_session_score(session, rows, count, scores, contributions,
                                  AE_SCORE_OPTIONS(.cost = cost)));
    ae_session_free(session);
}

/* Test number: kernels, cost. */
START_TEST(contributions_add_up_to_the_score_exactly)
{
    const char *kernels = ae_kernels_name((size_t)_i / AE_COST_BCE);
    const ae_cost cost = (ae_cost)(_i % AE_COST_BCE + 1);
    for (size_t w = 0; w < COUNT(features); w++) {
        const size_t width = features[w];
        ae_network *network = network_of(width, AE_ACTIVATION_SIGMOID, kernels);
        float *rows = fixture_values(ROWS * width, 0, 1, w), scores[ROWS], again[ROWS];
        float *contributions = fixture_allocate(ROWS * width, sizeof *contributions);
        float *others = fixture_allocate(ROWS * width, sizeof *others);
        score(network, 128, 1, cost, rows, ROWS, scores, contributions);
        for (size_t r = 0; r < ROWS; r++) {
            ck_assert_float_gt(scores[r], 0);
            ck_assert_float_eq(scores[r], add_up(contributions + r * width, width));
        }
        static const size_t batches[] = {1, 2, 7, 8, 9, ROWS}, teams[] = {1, 2, 3, 4, 7};
        /* Slow machines take each batch once, and each number of threads once. */
        const size_t stride = support_slow() ? COUNT(batches) + 1 : 1;
        for (size_t i = 0; i < COUNT(batches) * COUNT(teams); i += stride) {
            const size_t batch = batches[i % COUNT(batches)], threads = teams[i / COUNT(batches)];
            score(network, batch, threads, cost, rows, ROWS, again, NULL);
            ck_assert_mem_eq(again, scores, sizeof scores);
            score(network, batch, threads, cost, rows + 3 * width, ROWS - 3, again, others);
            ck_assert_mem_eq(again, scores + 3, (ROWS - 3) * sizeof *scores);
            ck_assert_mem_eq(others, contributions + 3 * width,
                             (ROWS - 3) * width * sizeof *contributions);
        }
        free(others), free(contributions), free(rows);
        ae_network_free(network);
    }
}
END_TEST

static double reference_contribution(ae_cost cost, double y, double t)
{
    return cost == AE_COST_BCE ? -(t * log(y) + (1 - t) * log(1 - y)) : (y - t) * (y - t);
}

/* Test number: kernels, cost. The reconstruction is the library's, the cost float64's. */
START_TEST(scores_and_their_contributions_match_the_definition)
{
    const ae_cost cost = (ae_cost)(_i % AE_COST_BCE + 1);
    enum { WIDTH = 37 };
    ae_network *network = network_of(WIDTH, AE_ACTIVATION_SIGMOID,
                                     ae_kernels_name((size_t)_i / AE_COST_BCE));
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, AE_SESSION_OPTIONS(.max_batch = 16)));
    float *rows = fixture_values(ROWS * WIDTH, 0, 1, 1);
    rows[0] = 0;
    rows[1] = 1;
    float output[ROWS * WIDTH], scores[ROWS], without[ROWS], contributions[ROWS * WIDTH];
    ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, output));
    ck_assert_ok(ae_session_score(session, rows, ROWS, scores, contributions,
                                  AE_SCORE_OPTIONS(.cost = cost)));
    ck_assert_ok(
        ae_session_score(session, rows, ROWS, without, NULL, AE_SCORE_OPTIONS(.cost = cost)));
    ck_assert_mem_eq(scores, without, sizeof scores);
    for (size_t r = 0; r < ROWS; r++) {
        double sum = 0, total = 0;
        for (size_t j = 0; j < WIDTH; j++)
            sum += reference_contribution(cost, (double)output[r * WIDTH + j],
                                          (double)rows[r * WIDTH + j]);
        const double score = cost == AE_COST_L2    ? sqrt(sum)
                             : cost == AE_COST_SSE ? sum
                                                   : sum / WIDTH;
        /* A float32 sum of 37 terms, each rounded once or twice. */
        ck_assert_double_eq_tol((double)scores[r], score, 2e-6 * score);
        for (size_t j = 0; j < WIDTH; j++) {
            const double part = reference_contribution(cost, (double)output[r * WIDTH + j],
                                                       (double)rows[r * WIDTH + j]);
            const double share = cost == AE_COST_L2    ? part / score
                                 : cost == AE_COST_SSE ? part
                                                       : part / WIDTH;
            ck_assert_double_eq_tol((double)contributions[r * WIDTH + j], share,
                                    1e-5 * share + 1e-7 * score);
            total += (double)contributions[r * WIDTH + j];
        }
        ck_assert_double_eq_tol(total, (double)scores[r], 1e-5 * score);
    }
    if (cost == AE_COST_L2) {
        ck_assert_ok(ae_session_score(session, rows, ROWS, without, NULL, NULL));
        ck_assert_mem_eq(scores, without, sizeof scores);
    }
    free(rows);
    ae_session_free(session);
    ae_network_free(network);
}
END_TEST

/* A sigmoid that float32 rounds to 0 or 1 exactly still has a finite cost, and the contributions
 * say the same as the score. */
START_TEST(certain_and_wrong_is_expensive_but_finite)
{
    const float biases[] = {200, -200}, zeros[] = {0, 0}, rows[] = {0, 1, 1, 0};
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){2, 1, 2}, .width_count = 3,
                           .batch_norm = AE_TOGGLE_OFF, .kernels = ae_kernels_name((size_t)_i)));
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.weight", zeros, 2));
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.bias", biases, 2));
    float scores[2], contributions[4];
    score(network, 4, 1, AE_COST_BCE, rows, 2, scores, contributions);
    ck_assert(isfinite(scores[0]));
    ck_assert_float_gt(scores[0], 10);
    ck_assert_double_eq_tol((double)contributions[0] + (double)contributions[1], (double)scores[0],
                            1e-5 * (double)scores[0]);
    ck_assert_float_ge(scores[1], 0);
    ck_assert_float_lt(scores[1], 1e-6f);
    ae_network_free(network);
}
END_TEST

/* Data that nobody has scaled: squares that leave float32's range, above and below. */
START_TEST(extreme_rows_have_scores_that_say_so)
{
    enum { WIDTH = 40 };
    ae_network *network = network_of(WIDTH, AE_ACTIVATION_LINEAR, NULL);
    float rows[4 * WIDTH] = {0}, scores[4], contributions[4 * WIDTH];
    rows[5] = 1e25f;
    rows[WIDTH + 7] = INFINITY;
    rows[2 * WIDTH + 9] = NAN;
    score(network, 4, 1, AE_COST_L2, rows, 4, scores, contributions);
    ck_assert_double_eq_tol((double)scores[0], 1e25, 1e19);
    ck_assert_float_eq(scores[0], add_up(contributions, WIDTH));
    ck_assert_float_eq(contributions[5], scores[0]);
    ck_assert(
        !(scores[1] <
          1e30f)); /* infinite, or not a number where the network made the infinity into one */
    ck_assert(isnan(scores[2]));
    ck_assert(isfinite(scores[3]));
    score(network, 4, 1, AE_COST_SSE, rows, 1, scores, contributions);
    ck_assert(isinf(scores[0]));
    ae_network_free(network);
}
END_TEST

/* A perfect reconstruction: 0 and not 0 / 0. */
START_TEST(no_error_is_a_score_of_zero)
{
    const float zeros[2] = {0};
    ae_network *network = fixture_silent_network();
    float scores[1] = {-1}, contributions[2] = {-1, -1};
    score(network, 1, 1, AE_COST_L2, zeros, 1, scores, contributions);
    ck_assert_float_eq(scores[0], 0);
    ck_assert_float_eq(contributions[0], 0);
    ck_assert_float_eq(contributions[1], 0);
    ae_network_free(network);
}
END_TEST

Suite *score_suite(void)
{
    Suite *suite = suite_create("score");
    TCase *exact = tcase_create("exact");
    tcase_set_timeout(exact, 60);
    tcase_add_loop_test(exact, contributions_add_up_to_the_score_exactly, 0,
                        (int)ae_kernels_count() * AE_COST_BCE);
    tcase_add_loop_test(exact, scores_and_their_contributions_match_the_definition, 0,
                        (int)ae_kernels_count() * AE_COST_BCE);
    tcase_add_loop_test(exact, certain_and_wrong_is_expensive_but_finite, 0,
                        (int)ae_kernels_count());
    tcase_add_test(exact, extreme_rows_have_scores_that_say_so);
    tcase_add_test(exact, no_error_is_a_score_of_zero);
    suite_add_tcase(suite, exact);
    return suite;
}
