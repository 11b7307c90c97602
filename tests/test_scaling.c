/* SPDX-License-Identifier: BSD-3-Clause */
/* Per-feature scaling: fitting, and that callers stay in their own units everywhere. */
#include "fixtures.h"
#include "suites.h"

#include <float.h>

enum { ROWS = 90, WIDTH = 37, CONSTANT = 5, LARGE = 11 };

/* Columns of very different size and place: one constant, one far from 0. */
static float *make_rows(uint64_t seed)
{
    float *rows = fixture_values(ROWS * WIDTH, 0, 1, seed);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t j = 0; j < WIDTH; j++) {
            float *v = &rows[r * WIDTH + j];
            *v = j == CONSTANT ? -3.7f
                 : j == LARGE  ? 1e6f + 100 * *v
                               : ldexpf(*v - 0.3f, (int)j % 9 - 4);
        }
    return rows;
}

typedef struct setting {
    float *rows;
    ae_dataset *dataset;
    ae_network *network;
    float offset[WIDTH], scale[WIDTH];
} setting;

static setting make(ae_scaling kind, ae_activation output)
{
    setting s = {.rows = make_rows(3)};
    s.dataset = fixture_dataset_of(s.rows, ROWS, WIDTH);
    s.network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){WIDTH, 20, 6, 20, WIDTH}, .width_count = 5,
                           .output_activation = output, .seed = 7));
    ck_assert_ok(ae_network_fit_scaling(s.network, s.dataset, AE_SCALING_OPTIONS(.kind = kind)));
    ck_assert_ok(ae_network_get_scaling(s.network, s.offset, s.scale));
    return s;
}

static void drop(setting *s)
{
    ae_network_free(s->network);
    ae_dataset_free(s->dataset);
    free(s->rows);
}

static void train(setting *s, int steps)
{
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(s->network, adam, s->dataset,
                                          AE_TRAINER_OPTIONS(.batch = 30, .threads = 2));
    for (int i = 0; i < steps; i++)
        ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    ae_trainer_free(trainer);
    ae_optimizer_free(adam);
}

static ae_session *session_of(const ae_network *network, size_t threads)
{
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network,
                                   AE_SESSION_OPTIONS(.max_batch = 16, .threads = threads)));
    return session;
}

/* The rows as the network should see them, by the documented formula. */
static float *scaled_rows(const setting *s)
{
    float *scaled = fixture_allocate(ROWS * WIDTH, sizeof *scaled);
    for (size_t i = 0; i < ROWS * WIDTH; i++) {
        const size_t j = i % WIDTH;
        scaled[i] = s->scale[j] > 0 ? (s->rows[i] - s->offset[j]) / s->scale[j] : 0;
    }
    return scaled;
}

START_TEST(min_max_maps_each_column_onto_0_to_1)
{
    setting s = make(AE_SCALING_DEFAULT, AE_ACTIVATION_SIGMOID);
    float *scaled = scaled_rows(&s);
    for (size_t j = 0; j < WIDTH; j++) {
        float low = INFINITY, high = -INFINITY;
        for (size_t r = 0; r < ROWS; r++) {
            low = fminf(low, scaled[r * WIDTH + j]);
            high = fmaxf(high, scaled[r * WIDTH + j]);
        }
        ck_assert_msg(low >= 0 && low <= 0, "column %zu starts at %g", j, (double)low);
        ck_assert_msg(j == CONSTANT ? high <= 0 : high >= 1 && high <= 1, "column %zu ends at %g",
                      j, (double)high);
    }
    ck_assert_msg(s.offset[CONSTANT] <= -3.7f && s.offset[CONSTANT] >= -3.7f, "%g",
                  (double)s.offset[CONSTANT]);
    ck_assert_int_eq(ae_network_has_scaling(s.network), 1);
    free(scaled);
    drop(&s);
}
END_TEST

/* Against sums of our own in double; offsets and scales are rounded to float32 once, 6e-8 of the
 * value. */
START_TEST(z_score_takes_mean_and_population_deviation)
{
    setting s = make(AE_SCALING_Z_SCORE, AE_ACTIVATION_LINEAR);
    for (size_t j = 0; j < WIDTH; j++) {
        long double mean = 0, squares = 0;
        for (size_t r = 0; r < ROWS; r++)
            mean += (long double)s.rows[r * WIDTH + j] / ROWS;
        for (size_t r = 0; r < ROWS; r++)
            squares += powl((long double)s.rows[r * WIDTH + j] - mean, 2) / ROWS;
        const double deviation = (double)sqrtl(squares);
        if (j == CONSTANT) {
            ck_assert_msg(s.scale[j] <= 0 && s.offset[j] <= -3.7f && s.offset[j] >= -3.7f, "%g",
                          (double)s.scale[j]);
            continue;
        }
        ck_assert_double_eq_tol((double)s.offset[j], (double)mean, 1e-7 * fabs((double)mean));
        ck_assert_double_eq_tol((double)s.scale[j], deviation, 1e-7 * deviation);
    }
    drop(&s);
}
END_TEST

/* A twin without scaling that is given scaled rows by hand does the same, bit for bit. */
START_TEST(training_is_that_of_a_network_on_scaled_rows)
{
    setting s = make(_i == 0 ? AE_SCALING_MIN_MAX : AE_SCALING_Z_SCORE,
                     _i == 0 ? AE_ACTIVATION_SIGMOID : AE_ACTIVATION_LINEAR);
    float *scaled = scaled_rows(&s);
    setting twin = {.rows = scaled, .dataset = fixture_dataset_of(scaled, ROWS, WIDTH)};
    ck_assert_ok(ae_network_clone(&twin.network, s.network));
    ck_assert_int_eq(ae_network_has_scaling(twin.network), 1);
    ae_network_clear_scaling(twin.network);
    ck_assert_int_eq(ae_network_has_scaling(twin.network), 0);
    ae_optimizer *adams[2] = {fixture_adam(0.01f), fixture_adam(0.01f)};
    ae_trainer *runs[2];
    for (int i = 0; i < 2; i++) {
        setting *of = i == 0 ? &s : &twin;
        runs[i] = fixture_trainer(
            of->network, adams[i], of->dataset,
            AE_TRAINER_OPTIONS(.batch = 30, .epochs = 4, .validation = of->dataset));
        ck_assert_ok(ae_trainer_run(runs[i]));
    }
    ck_assert(fixture_same_state(s.network, twin.network));
    ae_epoch_info ours = {.size = sizeof ours}, theirs = {.size = sizeof theirs};
    ck_assert_ok(ae_trainer_get_epoch(runs[0], 3, &ours));
    ck_assert_ok(ae_trainer_get_epoch(runs[1], 3, &theirs));
    ck_assert(!(ours.train_cost < theirs.train_cost || ours.train_cost > theirs.train_cost));
    ck_assert(!(ours.validation_cost < theirs.validation_cost ||
                ours.validation_cost > theirs.validation_cost));
    for (int i = 0; i < 2; i++) {
        ae_trainer_free(runs[i]);
        ae_optimizer_free(adams[i]);
    }
    drop(&s);
    drop(&twin);
}
END_TEST

/* offset + scale * y is rounded twice; nothing else may differ from doing it by hand. */
START_TEST(sessions_take_and_give_the_callers_units)
{
    setting s = make(AE_SCALING_MIN_MAX, AE_ACTIVATION_SIGMOID);
    train(&s, 30);
    ae_network *bare = NULL;
    ck_assert_ok(ae_network_clone(&bare, s.network));
    ae_network_clear_scaling(bare);
    ae_session *ours = session_of(s.network, (size_t)_i), *theirs = session_of(bare, 1);
    float *scaled = scaled_rows(&s), *a = fixture_allocate(ROWS * WIDTH, sizeof *a),
          *b = fixture_allocate(ROWS * WIDTH, sizeof *b);
    float codes[ROWS * 6], their_codes[ROWS * 6];
    ck_assert_ok(ae_session_encode(ours, s.rows, ROWS, codes));
    ck_assert_ok(ae_session_encode(theirs, scaled, ROWS, their_codes));
    ck_assert_mem_eq(codes, their_codes, sizeof codes);
    ck_assert_ok(ae_session_reconstruct(theirs, scaled, ROWS, b));
    for (size_t i = 0; i < ROWS * WIDTH; i++)
        b[i] = s.offset[i % WIDTH] + s.scale[i % WIDTH] * b[i];
    ck_assert_ok(ae_session_reconstruct(ours, s.rows, ROWS, a));
    ck_assert_mem_eq(a, b, ROWS * WIDTH * sizeof *a);
    ck_assert_ok(ae_session_decode(ours, codes, ROWS, a));
    ck_assert_mem_eq(a, b, ROWS * WIDTH * sizeof *a);
    for (size_t r = 0; r < ROWS; r++)
        ck_assert_mem_eq(&a[r * WIDTH + CONSTANT], &s.rows[CONSTANT], sizeof *a);
    ae_session_free(ours);
    ae_session_free(theirs);
    ae_network_free(bare);
    free(scaled);
    free(a);
    free(b);
    drop(&s);
}
END_TEST

/* Squares from ae_session_reconstruct's own answer; sums of 37 float32 products agree to 1e-5. */
START_TEST(scores_and_parts_are_in_the_callers_units_if_asked)
{
    setting s = make(AE_SCALING_MIN_MAX, AE_ACTIVATION_SIGMOID);
    train(&s, 30);
    ae_session *session = session_of(s.network, (size_t)_i);
    float before[WIDTH], after[WIDTH];
    ck_assert_ok(ae_session_reconstruct(session, s.rows, 1, before));
    s.rows[CONSTANT] =
        /* row 0 breaks the rule of the constant column: the network does not see it, the score
         * does */
        10;
    ck_assert_ok(ae_session_reconstruct(session, s.rows, 1, after));
    ck_assert_mem_eq(after, before, sizeof after);
    const size_t count = ROWS * WIDTH;
    float *y = fixture_allocate(count, sizeof *y), *parts = fixture_allocate(count, sizeof *parts),
          scores[ROWS];
    ck_assert_ok(ae_session_reconstruct(session, s.rows, ROWS, y));
    ck_assert_ok(
        ae_session_score(session, s.rows, ROWS, scores, parts,
                         AE_SCORE_OPTIONS(.cost = AE_COST_SSE, .units = AE_SCORE_UNITS_CALLER)));
    for (size_t r = 0; r < ROWS; r++) {
        double sum = 0;
        for (size_t i = r * WIDTH; i < (r + 1) * WIDTH; i++) {
            const double d = (double)y[i] - (double)s.rows[i];
            ck_assert_double_eq_tol((double)parts[i], d * d, 1e-6 * d * d + 1e-30);
            sum += d * d;
        }
        ck_assert_double_eq_tol((double)scores[r], sum, 1e-5 * sum);
    }
    ck_assert_double_eq_tol((double)parts[CONSTANT], 13.7 * 13.7, 1e-3);
    ae_session_free(session);
    free(y);
    free(parts);
    drop(&s);
}
END_TEST

START_TEST(cross_entropy_is_of_scaled_values)
{
    setting s = make(AE_SCALING_MIN_MAX, AE_ACTIVATION_SIGMOID);
    ae_network *bare = NULL;
    ck_assert_ok(ae_network_clone(&bare, s.network));
    ae_network_clear_scaling(bare);
    ae_session *ours = session_of(s.network, 1), *theirs = session_of(bare, 1);
    float *scaled = scaled_rows(&s), scores[ROWS], their_scores[ROWS];
    float *parts = fixture_allocate(ROWS * WIDTH, sizeof *parts),
          *their_parts = fixture_allocate(ROWS * WIDTH, 4);
    ck_assert_ok(
        ae_session_score(ours, s.rows, ROWS, scores, parts, AE_SCORE_OPTIONS(.cost = AE_COST_BCE)));
    ck_assert_ok(ae_session_score(theirs, scaled, ROWS, their_scores, their_parts,
                                  AE_SCORE_OPTIONS(.cost = AE_COST_BCE)));
    ck_assert_mem_eq(scores, their_scores, sizeof scores);
    ck_assert_mem_eq(parts, their_parts, ROWS * WIDTH * sizeof *parts);
    ae_session_free(ours);
    ae_session_free(theirs);
    ae_network_free(bare);
    free(scaled);
    free(parts);
    free(their_parts);
    drop(&s);
}
END_TEST

START_TEST(evaluation_is_the_mean_of_the_scores)
{
    setting s = make(AE_SCALING_MIN_MAX, AE_ACTIVATION_SIGMOID);
    train(&s, 10);
    ae_session *session = session_of(s.network, 1);
    ae_evaluation result = {.size = sizeof result};
    ck_assert_ok(
        ae_network_evaluate(s.network, s.dataset, &result, AE_EVALUATE_OPTIONS(.threads = 2)));
    const ae_cost costs[] = {AE_COST_L2, AE_COST_SSE, AE_COST_MSE, AE_COST_BCE};
    const double found[] = {result.l2, result.sse, result.mse, result.bce};
    for (size_t c = 0; c < COUNT(costs); c++) {
        float scores[ROWS];
        double mean = 0;
        ck_assert_ok(ae_session_score(session, s.rows, ROWS, scores, NULL,
                                      AE_SCORE_OPTIONS(.cost = costs[c])));
        for (size_t r = 0; r < ROWS; r++)
            mean += (double)scores[r] / ROWS;
        ck_assert_double_eq_tol(found[c], mean, 1e-6 * mean);
    }
    ae_session_free(session);
    drop(&s);
}
END_TEST

START_TEST(nan_stays_in_its_row)
{
    setting s = make(AE_SCALING_MIN_MAX, AE_ACTIVATION_SIGMOID);
    ae_session *session = session_of(s.network, 1);
    float *y = fixture_allocate(3 * WIDTH, sizeof *y);
    s.rows[WIDTH + CONSTANT] = NAN;
    ck_assert_ok(ae_session_reconstruct(session, s.rows, 3, y));
    for (size_t i = 0; i < 3 * WIDTH; i++)
        ck_assert_msg(isnan(y[i]) == (i / WIDTH == 1), "element %zu is %g", i, (double)y[i]);
    ae_session_free(session);
    free(y);
    drop(&s);
}
END_TEST

START_TEST(a_validation_set_may_leave_the_range_and_a_training_set_may_not)
{
    setting s = make(AE_SCALING_MIN_MAX, AE_ACTIVATION_SIGMOID);
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = NULL;
    s.rows[3 * WIDTH + 2] = 50;
    ae_dataset *wide = fixture_dataset_of(s.rows, ROWS, WIDTH);
    ck_assert_status(ae_trainer_create(&trainer, s.network, adam, wide, NULL), AE_ERROR_DATA,
                     "training set: row 3, column 2: 50, scaled to");
    ck_assert_ptr_null(trainer);
    trainer = fixture_trainer(s.network, adam, s.dataset,
                              AE_TRAINER_OPTIONS(.validation = wide, .epochs = 1));
    ck_assert_ok(ae_trainer_run(trainer));
    ae_trainer_free(trainer);
    ae_dataset_free(wide);
    s.rows[3 * WIDTH + 2] = FLT_MAX;
    wide = fixture_dataset_of(s.rows, ROWS, WIDTH);
    ck_assert_status(ae_trainer_create(&trainer, s.network, adam, s.dataset,
                                       AE_TRAINER_OPTIONS(.validation = wide)),
                     AE_ERROR_DATA, "validation set: row 3, column 2");
    ae_dataset_free(wide);
    ae_optimizer_free(adam);
    drop(&s);
}
END_TEST

START_TEST(what_cannot_be_a_scaling_is_refused_and_nothing_changes)
{
    setting s = make(AE_SCALING_MIN_MAX, AE_ACTIVATION_SIGMOID);
    float offset[WIDTH], scale[WIDTH];
    ck_assert_status(ae_network_fit_scaling(NULL, s.dataset, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_fit_scaling(s.network, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "dataset is NULL");
    ck_assert_status(
        ae_network_fit_scaling(s.network, s.dataset, AE_SCALING_OPTIONS(.kind = (ae_scaling)3)),
        AE_ERROR_INVALID_ARGUMENT, "kind is 3");
    ck_assert_status(
        ae_network_fit_scaling(s.network, s.dataset, AE_SCALING_OPTIONS(.reserved = 1)),
        AE_ERROR_UNSUPPORTED, "ae_scaling_options.reserved");
    ck_assert_status(ae_network_fit_scaling(s.network, s.dataset, &(ae_scaling_options){0}),
                     AE_ERROR_INVALID_ARGUMENT, "ae_scaling_options.size");
    ck_assert_status(ae_network_set_scaling(NULL, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_set_scaling(s.network, s.offset, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "scale is NULL");
    ck_assert_status(ae_network_set_scaling(s.network, NULL, s.scale), AE_ERROR_INVALID_ARGUMENT,
                     "offset is NULL");
    ae_dataset *narrow = fixture_dataset(4, WIDTH - 1, 1);
    ck_assert_status(ae_network_fit_scaling(s.network, narrow, NULL), AE_ERROR_SHAPE,
                     "36 features");
    ae_dataset_free(narrow);
    const float bad[] = {NAN, INFINITY, -1};
    for (size_t i = 0; i < COUNT(bad); i++) {
        memcpy(scale, s.scale, sizeof scale);
        scale[30] = bad[i];
        ck_assert_status(ae_network_set_scaling(s.network, s.offset, scale), AE_ERROR_DATA,
                         "scale[30]");
        memcpy(offset, s.offset, sizeof offset);
        offset[36] = i < 2 ? bad[i] : -INFINITY;
        ck_assert_status(ae_network_set_scaling(s.network, offset, s.scale), AE_ERROR_DATA,
                         "offset[36]");
    }
    s.rows[WIDTH + 4] = FLT_MAX;
    s.rows[2 * WIDTH + 4] = -FLT_MAX;
    ae_dataset *wide = fixture_dataset_of(s.rows, ROWS, WIDTH);
    ck_assert_status(ae_network_fit_scaling(s.network, wide, NULL), AE_ERROR_DATA, "column 4");
    ae_dataset_free(wide);
    ck_assert_ok(ae_network_get_scaling(s.network, offset, scale));
    ck_assert_mem_eq(offset, s.offset, sizeof offset);
    ck_assert_mem_eq(scale, s.scale, sizeof scale);
    drop(&s);
}
END_TEST

START_TEST(a_network_without_scaling_says_so)
{
    float offset[4];
    ae_network *none = FIXTURE_NETWORK(4, 2, 4);
    ck_assert_status(ae_network_get_scaling(none, offset, NULL), AE_ERROR_NOT_SET, "no scaling");
    ck_assert_int_eq(ae_network_has_scaling(none) + ae_network_has_scaling(NULL), 0);
    ae_network_clear_scaling(none), ae_network_clear_scaling(NULL);
    ae_network_free(none);
}
END_TEST

START_TEST(failing_allocations_change_nothing)
{
    setting s = make(AE_SCALING_MIN_MAX, AE_ACTIVATION_SIGMOID);
    ae_network *copy = NULL;
    size_t n = 1;
    for (;; n++) {
        support_fail_allocation(n);
        const ae_status status = ae_network_fit_scaling(
            s.network, s.dataset, AE_SCALING_OPTIONS(.kind = AE_SCALING_Z_SCORE));
        support_fail_allocation(0);
        if (status == AE_OK)
            break;
        ck_assert_int_eq(status, AE_ERROR_OUT_OF_MEMORY);
        float offset[WIDTH];
        ck_assert_ok(ae_network_get_scaling(s.network, offset, NULL));
        ck_assert_mem_eq(offset, s.offset, sizeof offset);
    }
    ck_assert_uint_eq(n, 6);
    for (n = 1;; n++) {
        support_fail_allocation(n);
        const ae_status status = ae_network_clone(&copy, s.network);
        support_fail_allocation(0);
        if (status == AE_OK)
            break;
        ck_assert_int_eq(status, AE_ERROR_OUT_OF_MEMORY);
        ck_assert_ptr_null(copy);
    }
    ck_assert_uint_ge(n, 4);
    ae_network_free(copy);
    drop(&s);
}
END_TEST

START_TEST(model_files_keep_it)
{
    setting s = make(AE_SCALING_Z_SCORE, AE_ACTIVATION_LINEAR);
    const char *path = support_path("scaled.safetensors");
    ck_assert_ok(ae_network_save(s.network, path));
    ae_network *loaded = NULL;
    ck_assert_ok(ae_network_load(&loaded, path, NULL));
    float offset[WIDTH], scale[WIDTH];
    ck_assert_ok(ae_network_get_scaling(loaded, offset, scale));
    ck_assert_mem_eq(offset, s.offset, sizeof offset);
    ck_assert_mem_eq(scale, s.scale, sizeof scale);
    ck_assert(fixture_same_state(loaded, s.network));
    ae_network_free(loaded);
    ae_network_clear_scaling(s.network);
    ck_assert_ok(ae_network_save(s.network, path));
    ck_assert_ok(ae_network_load(&loaded, path, NULL));
    ck_assert_int_eq(ae_network_has_scaling(loaded), 0);
    ae_network_free(loaded);
    drop(&s);
}
END_TEST

START_TEST(a_resumed_run_needs_the_same_scaling_and_goes_on_bit_for_bit)
{
    setting s = make(AE_SCALING_MIN_MAX, AE_ACTIVATION_SIGMOID);
    ae_network *again = NULL;
    ck_assert_ok(ae_network_clone(&again, s.network));
    ae_optimizer *adams[2] = {fixture_adam(0.01f), fixture_adam(0.01f)};
    const ae_trainer_options *options = AE_TRAINER_OPTIONS(.batch = 30, .epochs = 4);
    ae_trainer *runs[2] = {fixture_trainer(s.network, adams[0], s.dataset, options),
                           fixture_trainer(again, adams[1], s.dataset, options)};
    const char *path = support_path("run.safetensors");
    for (int i = 0; i < 4; i++)
        ck_assert_ok(ae_trainer_run_step(runs[0], NULL));
    ck_assert_ok(ae_trainer_save_checkpoint(runs[0], path));
    ae_network_clear_scaling(again);
    ck_assert_status(ae_trainer_resume(runs[1], path), AE_ERROR_SHAPE, "scaling");
    s.scale[3] *= 2;
    ck_assert_ok(ae_network_set_scaling(again, s.offset, s.scale));
    ck_assert_status(ae_trainer_resume(runs[1], path), AE_ERROR_SHAPE, "scaling");
    ck_assert_ok(ae_network_fit_scaling(again, s.dataset, NULL));
    ck_assert_ok(ae_trainer_resume(runs[1], path));
    for (int i = 0; i < 2; i++)
        ck_assert_ok(ae_trainer_run(runs[i]));
    ck_assert(fixture_same_state(s.network, again));
    for (int i = 0; i < 2; i++) {
        ae_trainer_free(runs[i]);
        ae_optimizer_free(adams[i]);
    }
    ae_network_free(again);
    drop(&s);
}
END_TEST

Suite *scaling_suite(void)
{
    Suite *suite = suite_create("scaling");
    TCase *tcase = tcase_create("fit");
    tcase_add_test(tcase, min_max_maps_each_column_onto_0_to_1);
    tcase_add_test(tcase, z_score_takes_mean_and_population_deviation);
    tcase_add_test(tcase, what_cannot_be_a_scaling_is_refused_and_nothing_changes);
    tcase_add_test(tcase, a_network_without_scaling_says_so);
    tcase_add_test(tcase, failing_allocations_change_nothing);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("units");
    tcase_add_loop_test(tcase, training_is_that_of_a_network_on_scaled_rows, 0, 2);
    tcase_add_loop_test(tcase, sessions_take_and_give_the_callers_units, 1, 4);
    tcase_add_loop_test(tcase, scores_and_parts_are_in_the_callers_units_if_asked, 1, 4);
    tcase_add_test(tcase, cross_entropy_is_of_scaled_values);
    tcase_add_test(tcase, evaluation_is_the_mean_of_the_scores);
    tcase_add_test(tcase, nan_stays_in_its_row);
    tcase_add_test(tcase, a_validation_set_may_leave_the_range_and_a_training_set_may_not);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("files");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_test(tcase, model_files_keep_it);
    tcase_add_test(tcase, a_resumed_run_needs_the_same_scaling_and_goes_on_bit_for_bit);
    suite_add_tcase(suite, tcase);
    return suite;
}
