/* SPDX-License-Identifier: BSD-3-Clause */
/* The spread of each feature's error: fitted by its definition, kept with the parameters it was
 * fitted for, saved. */
#include "base/unconst.h"
#include "fixtures.h"
#include "suites.h"

enum { ROWS = 301, WIDTH = 19, CONSTANT = 4, ZERO = 7 };

static ae_network *small_network(void)
{
    return FIXTURE_NETWORK(WIDTH, 12, 3, 12, WIDTH);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The documented median of feature j, from a session's own reconstructions. */
static double median_error(const float *rows, const float *y, size_t j)
{
    double errors[ROWS];
    for (size_t r = 0; r < ROWS; r++)
        errors[r] = fabs((double)(y[r * WIDTH + j] - rows[r * WIDTH + j]));
    qsort(errors, ROWS, sizeof *errors, by_size);
    return 1.482602218505602 * errors[ROWS / 2];
}

START_TEST(it_is_the_scaled_median_of_the_errors)
{
    ae_network *network = small_network();
    float *rows = fixture_values(ROWS * WIDTH, -2, 2, 5), y[ROWS * WIDTH], spread[WIDTH];
    for (size_t r = 0; r < 10; r++)
        rows[r * WIDTH + 1] = 1e9f; /* outliers leave the median where it is */
    ae_dataset *dataset = fixture_dataset_of(rows, ROWS, WIDTH);
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, y));
    for (size_t threads = 1; threads < 4; threads++) {
        ck_assert_ok(ae_network_fit_error_spread(network, dataset,
                                                 AE_ERROR_SPREAD_OPTIONS(.threads = threads)));
        ck_assert_ok(ae_network_get_error_spread(network, spread));
        for (size_t j = 0; j < WIDTH; j++)
            if (j != 1)
                ck_assert_double_eq_tol((double)spread[j], median_error(rows, y, j), 1e-6);
        ck_assert_double_eq_tol((double)spread[1], 1e9 * 0x1p-19, 1e-3); /* the rounding of 1e9 */
    }
    ae_session_free(session);
    ae_dataset_free(dataset);
    free(rows);
    ae_network_free(network);
}
END_TEST

/* With a scaling constant features are reconstructed exactly. */
/* A missing value has no error, so the others decide. */
START_TEST(missing_values_are_left_out)
{
    ae_network *network = small_network();
    float *rows = fixture_values(ROWS * WIDTH, 0, 1, 5), all[WIDTH], some[WIDTH], fill[WIDTH] = {0};
    ae_dataset *whole = fixture_dataset_of(rows, ROWS, WIDTH), *holed = NULL;
    ck_assert_ok(ae_network_set_fill(network, fill));
    ck_assert_ok(ae_network_fit_error_spread(network, whole, NULL));
    ck_assert_ok(ae_network_get_error_spread(network, all));
    for (size_t r = 0; r < 20; r++)
        rows[r * WIDTH + 2] = NAN;
    ck_assert_ok(ae_dataset_create_f32(&holed, rows, ROWS, WIDTH,
                                       AE_DATASET_OPTIONS(.missing = AE_MISSING_KEEP)));
    ck_assert_ok(ae_network_fit_error_spread(network, holed, NULL));
    ck_assert_ok(ae_network_get_error_spread(network, some));
    for (size_t j = 0; j < WIDTH; j++) /* 7 % of the rows are gone, or have another input */
        ck_assert_float_eq_tol(some[j], all[j], 0.2f * all[j]);
    ck_assert_ok(ae_network_fit_threshold(
        network, holed, AE_THRESHOLD_OPTIONS(.quantile = 1, .units = AE_SCORE_UNITS_SPREAD)));
    ae_threshold threshold = {.size = sizeof threshold};
    ck_assert_ok(ae_network_get_threshold(network, &threshold));
    ck_assert_double_lt(threshold.margin, 1e-3 * threshold.value);
    ae_dataset_free(holed), ae_dataset_free(whole);
    free(rows);
    ae_network_free(network);
}
END_TEST

START_TEST(a_constant_feature_has_a_floor)
{
    ae_network *network = small_network();
    float *rows = fixture_values(ROWS * WIDTH, 0, 1, 5), spread[WIDTH], score[2], parts[2 * WIDTH];
    for (size_t r = 0; r < ROWS; r++) {
        rows[r * WIDTH + CONSTANT] = -8;
        rows[r * WIDTH + ZERO] = 0;
    }
    ae_dataset *dataset = fixture_dataset_of(rows, ROWS, WIDTH);
    ck_assert_ok(ae_network_fit_scaling(network, dataset, NULL));
    ck_assert_ok(ae_network_fit_error_spread(network, dataset, NULL));
    ck_assert_ok(ae_network_get_error_spread(network, spread));
    ck_assert_float_eq(spread[CONSTANT], 8 * 0x1p-19f);
    ck_assert_float_eq(spread[ZERO], 1);
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    const ae_score_options options = {
        .size = sizeof options, .cost = AE_COST_SSE, .units = AE_SCORE_UNITS_SPREAD};
    rows[WIDTH + CONSTANT] = -8.5f;
    rows[WIDTH + ZERO] = 0.5f;
    ck_assert_ok(ae_session_score(session, rows, 2, score, parts, &options));
    ck_assert_float_eq(parts[CONSTANT], 0);
    ck_assert_float_eq(parts[WIDTH + CONSTANT], 0x1p30f); /* 2^-1 in units of 2^-16, squared */
    ck_assert_float_eq(parts[WIDTH + ZERO], 0.25f);
    ae_session_free(session);
    ae_dataset_free(dataset);
    free(rows);
    ae_network_free(network);
}
END_TEST

static void none(const ae_network *network, const char *why)
{
    float spread[WIDTH] = {42};
    ck_assert_int_eq(ae_network_has_error_spread(network), 0);
    ck_assert_status(ae_network_get_error_spread(network, spread), AE_ERROR_NOT_SET, why);
    ck_assert_float_eq(spread[0], 42);
}

static void set_all(ae_network *network, float value)
{
    float spread[WIDTH];
    for (size_t j = 0; j < WIDTH; j++)
        spread[j] = value + (float)j;
    ck_assert_ok(ae_network_set_error_spread(network, spread));
}

static float first_of(const ae_network *network)
{
    float spread[WIDTH];
    ck_assert_ok(ae_network_get_error_spread(network, spread));
    ck_assert_float_eq(spread[WIDTH - 1], spread[0] + WIDTH - 1);
    return spread[0];
}

static const ae_score_options in_spreads = {.size = sizeof in_spreads,
                                            .units = AE_SCORE_UNITS_SPREAD};

START_TEST(it_holds_for_its_parameters_and_takes_its_threshold_along)
{
    ae_network *network = small_network();
    const float bias[3] = {1, 2, 3};
    none(network, "has no spread");
    set_all(network, 2);
    ck_assert_float_eq(first_of(network), 2);
    ck_assert_ok(ae_network_set_threshold(network, 1, &in_spreads));
    set_all(network, 3);
    ck_assert_int_eq(ae_network_has_threshold(network), 0);
    ck_assert_ok(ae_network_set_threshold(network, 1, &in_spreads));
    ae_network_clear_error_spread(network);
    ck_assert_int_eq(ae_network_has_threshold(network), 0);
    none(network, "has no spread");
    ck_assert_ok(ae_network_set_threshold(network, 1, NULL));
    set_all(network, 4);
    ck_assert_int_eq(ae_network_has_threshold(network), 1); /* of other units */
    ck_assert_ok(ae_network_set_tensor(network, "encoder.1.bn.bias", bias, 3));
    none(network, "has changed");
    ae_network_clear_error_spread(NULL);
    ck_assert_int_eq(ae_network_has_error_spread(NULL), 0);
    ae_network_free(network);
}
END_TEST

START_TEST(a_threshold_fits_it_where_there_is_none)
{
    ae_network *network = small_network();
    ae_dataset *dataset = fixture_dataset(ROWS, WIDTH, 3);
    float fitted[WIDTH], spread[WIDTH];
    const ae_threshold_options options = {.size = sizeof options, .units = AE_SCORE_UNITS_SPREAD};
    ck_assert_ok(ae_network_fit_error_spread(network, dataset, NULL));
    ck_assert_ok(ae_network_get_error_spread(network, fitted));
    ae_network_clear_error_spread(network);
    ck_assert_ok(ae_network_fit_threshold(network, dataset, &options));
    ck_assert_ok(ae_network_get_error_spread(network, spread));
    ck_assert_mem_eq(spread, fitted, sizeof spread);
    set_all(network, 7);
    ck_assert_ok(ae_network_fit_threshold(network, dataset, &options));
    ck_assert_float_eq(first_of(network), 7); /* kept */
    ae_dataset_free(dataset);
    ae_network_free(network);
}
END_TEST

START_TEST(copies_files_and_checkpoints_keep_it)
{
    ae_network *network = small_network(), *other = small_network(), *copy = NULL, *loaded = NULL;
    ae_dataset *dataset = fixture_dataset(40, WIDTH, 3);
    ae_optimizer *adam = fixture_adam(0.01f), *other_adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(network, adam, dataset, AE_TRAINER_OPTIONS(.batch = 10)),
               *resumed = fixture_trainer(other, other_adam, dataset,
                                          AE_TRAINER_OPTIONS(.batch = 10));
    ck_assert_ok(ae_trainer_run_epoch(trainer, NULL));
    set_all(network, 5);
    ck_assert_ok(ae_network_set_threshold(network, 1, &in_spreads));
    ck_assert_ok(ae_network_clone(&copy, network));
    ck_assert_float_eq(first_of(copy), 5);
    ck_assert_int_eq(ae_network_has_threshold(copy), 1);
    ck_assert_ok(ae_network_save(network, support_path("model")));
    ck_assert_ok(ae_network_load(&loaded, support_path("model"), NULL));
    ck_assert_float_eq(first_of(loaded), 5);
    ck_assert_int_eq(ae_network_has_threshold(loaded), 1);
    ck_assert_ok(ae_trainer_save_checkpoint(trainer, support_path("checkpoint")));
    set_all(other, 9);
    ck_assert_ok(ae_trainer_resume(resumed, support_path("checkpoint")));
    ck_assert_float_eq(first_of(other), 5);
    ck_assert_int_eq(ae_network_has_threshold(other), 1);
    ck_assert_ok(ae_trainer_run_step(resumed, NULL));
    none(other, "has changed");
    /* What does not hold is not saved. */
    ck_assert_ok(ae_network_save(other, support_path("model")));
    ae_network_free(loaded);
    ck_assert_ok(ae_network_load(&loaded, support_path("model"), NULL));
    none(loaded, "has no spread");
    ae_trainer_free(resumed), ae_trainer_free(trainer);
    ae_optimizer_free(other_adam), ae_optimizer_free(adam);
    ae_dataset_free(dataset);
    ae_network_free(loaded), ae_network_free(copy);
    ae_network_free(other), ae_network_free(network);
}
END_TEST

/* Where the tensor's bytes are: the values are found by their bits. */
static float *find_values(unsigned char *bytes, size_t size, const float *spread)
{
    float values[WIDTH];
    memcpy(values, spread, sizeof values);
    fixture_little_endian(values, WIDTH, sizeof *values);
    for (size_t i = 0; i + WIDTH * sizeof *values <= size; i += sizeof *values)
        if (memcmp(bytes + i, values, WIDTH * sizeof *values) == 0)
            return (float *)(void *)(bytes + i);
    ck_abort_msg("no spread in the file");
}

START_TEST(damaged_files_are_refused)
{
    ae_network *network = small_network(), *untouched = aei_unconst(&in_spreads),
               *loaded = untouched;
    size_t size = 0;
    float spread[WIDTH];
    set_all(network, 5);
    ck_assert_ok(ae_network_get_error_spread(network, spread));
    ck_assert_ok(ae_network_save_memory(network, NULL, 0, &size));
    unsigned char *bytes = fixture_allocate(size, 1);
    static const float bad[] = {0, -1, NAN, INFINITY};
    for (size_t i = 0; i < COUNT(bad); i++) {
        ck_assert_ok(ae_network_save_memory(network, bytes, size, NULL));
        float *at = find_values(bytes, size, spread) + 3;
        memcpy(at, &bad[i], sizeof bad[i]);
        fixture_little_endian(at, 1, sizeof *at);
        ck_assert_status(ae_network_load_memory(&loaded, bytes, size, NULL), AE_ERROR_FORMAT,
                         "libae.error_spread");
        ck_assert_ptr_eq(loaded, untouched);
    }
    free(bytes);
    ae_network_free(network);
}
END_TEST

START_TEST(wrong_arguments_are_refused_and_nothing_changes)
{
    ae_network *network = small_network();
    ae_dataset *dataset = fixture_dataset(4, WIDTH, 1), *wide = fixture_dataset(4, 3, 1);
    float spread[WIDTH];
    set_all(network, 1);
    ck_assert_ok(ae_network_get_error_spread(network, spread));
    static const float bad[] = {0, -0.5f, NAN, INFINITY};
    for (size_t i = 0; i < COUNT(bad); i++) {
        spread[2] = bad[i];
        ck_assert_status(ae_network_set_error_spread(network, spread), AE_ERROR_DATA, "spread[2]");
    }
    ck_assert_status(ae_network_set_error_spread(NULL, spread), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_set_error_spread(network, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "spread is NULL");
    ck_assert_status(ae_network_get_error_spread(NULL, spread), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_get_error_spread(network, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "spread is NULL");
    ck_assert_status(ae_network_fit_error_spread(NULL, dataset, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_fit_error_spread(network, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "held_out is NULL");
    ck_assert_status(ae_network_fit_error_spread(network, wide, NULL), AE_ERROR_SHAPE,
                     "3 features");
    ck_assert_status(
        ae_network_fit_error_spread(network, dataset, AE_ERROR_SPREAD_OPTIONS(.threads = 1025)),
        AE_ERROR_INVALID_ARGUMENT, "threads");
    float far[2 * WIDTH] = {[WIDTH + 6] = 3e38f};
    ae_dataset *infinite = fixture_dataset_of(far, 2, WIDTH);
    ck_assert_ok(ae_network_set_scaling(network, far + WIDTH, far + WIDTH));
    ck_assert_status(ae_network_fit_error_spread(network, infinite, NULL), AE_ERROR_DATA,
                     "row 0, column 6");
    ck_assert_status(ae_network_fit_threshold(network, infinite,
                                              AE_THRESHOLD_OPTIONS(.units = AE_SCORE_UNITS_SPREAD)),
                     AE_ERROR_DATA, "row 0, column 6");
    ae_network_clear_scaling(network);
    none(network, "has changed");
    ae_dataset_free(infinite), ae_dataset_free(wide), ae_dataset_free(dataset);
    ae_network_free(network);
}
END_TEST

START_TEST(failing_allocations_change_nothing)
{
    ae_network *network = small_network();
    ae_dataset *dataset = fixture_dataset(40, WIDTH, 3);
    const ae_threshold_options options = {
        .size = sizeof options, .units = AE_SCORE_UNITS_SPREAD, .threads = 1};
    size_t n = 1;
    for (;; n++) {
        support_fail_allocation(n);
        const ae_status status = ae_network_fit_threshold(network, dataset, &options);
        support_fail_allocation(0);
        if (status == AE_OK)
            break;
        ck_assert_int_eq(status, AE_ERROR_OUT_OF_MEMORY);
        none(network, "has no spread");
        ck_assert_int_eq(ae_network_has_threshold(network), 0);
    }
    ck_assert_uint_ge(n, 8);
    ae_dataset_free(dataset);
    ae_network_free(network);
}
END_TEST

Suite *error_spread_suite(void)
{
    Suite *suite = suite_create("error_spread");
    TCase *spread = tcase_create("spread");
    tcase_add_checked_fixture(spread, NULL, support_dir_remove);
    tcase_add_test(spread, it_is_the_scaled_median_of_the_errors);
    tcase_add_test(spread, missing_values_are_left_out);
    tcase_add_test(spread, a_constant_feature_has_a_floor);
    tcase_add_test(spread, it_holds_for_its_parameters_and_takes_its_threshold_along);
    tcase_add_test(spread, a_threshold_fits_it_where_there_is_none);
    tcase_add_test(spread, copies_files_and_checkpoints_keep_it);
    tcase_add_test(spread, damaged_files_are_refused);
    tcase_add_test(spread, wrong_arguments_are_refused_and_nothing_changes);
    tcase_add_test(spread, failing_allocations_change_nothing);
    suite_add_tcase(suite, spread);
    return suite;
}
