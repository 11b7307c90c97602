/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that become shorter while they are read: a status that names the file, never a signal. */
#define _POSIX_C_SOURCE 200809L /* truncate */
#include "far_rows.h"
#include "suites.h"

#include <unistd.h>

enum { ROWS = 4096, WIDTH = 33 };

static const char message[] = "rows.npy: it ends at byte ";

static float *make_values(void)
{
    return fixture_values((size_t)ROWS * WIDTH, 0, 1, 3);
}

/* The header and no more than a few rows are left. */
static void shorten(void)
{
    ck_assert_int_eq(truncate(support_path("rows.npy"), 1000), 0);
}

START_TEST(a_file_that_shrinks_stops_training_before_the_step)
{
    float *values = make_values();
    ae_dataset *dataset = far_mapped("rows.npy", values, ROWS, WIDTH);
    ae_network *network = FIXTURE_NETWORK(WIDTH, 9, 3, 9, WIDTH);
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(network, adam, dataset,
                                          AE_TRAINER_OPTIONS(.batch = 16, .epochs = 2));
    for (int i = 0; i < 3; i++)
        ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    shorten();
    /* Batches that were read ahead may still come. */
    ae_network *before = NULL;
    ae_status status = AE_OK;
    for (int i = 0; i < 8 && status == AE_OK; i++) {
        ae_network_free(before);
        ck_assert_ok(ae_network_clone(&before, network));
        status = ae_trainer_run_step(trainer, NULL);
    }
    ck_assert_status(status, AE_ERROR_IO, message);
    ck_assert(fixture_same_state(before, network));
    /* The whole file again: the run goes on. */
    FILE *file = fopen(support_path("rows.npy"), "r+b");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, 128, SEEK_SET), 0);
    ck_assert_uint_eq(fwrite(values, WIDTH * sizeof *values, ROWS, file), ROWS);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_ok(ae_trainer_run(trainer));
    ae_trainer_free(trainer);
    ae_optimizer_free(adam);
    ae_network_free(network);
    ae_network_free(before);
    ae_dataset_free(dataset);
    free(values);
}
END_TEST

START_TEST(a_file_that_shrinks_is_an_error_of_every_reading)
{
    float *values = make_values(), row[WIDTH], mean[WIDTH];
    ae_dataset *dataset = far_mapped("rows.npy", values, ROWS, WIDTH), *view = NULL, *joined = NULL;
    ae_network *network = FIXTURE_NETWORK(WIDTH, 9, 3, 9, WIDTH);
    ae_session *session = NULL;
    ae_evaluation result = {.size = sizeof result};
    float *out = fixture_allocate((size_t)ROWS * WIDTH, sizeof *out);
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_dataset_view(&view, dataset, 100, 50));
    ck_assert_ok(ae_dataset_concat(&joined, (const ae_dataset *const[]){view, dataset}, 2));
    shorten();
    ck_assert_ok(ae_dataset_read(dataset, 0, 1, row)); /* is still there */
    ck_assert_status(ae_dataset_read(dataset, ROWS - 1, 1, row), AE_ERROR_IO, message);
    ck_assert_status(ae_dataset_read(view, 0, 1, row), AE_ERROR_IO, message);
    ck_assert_status(ae_dataset_read(joined, 60, 20, out), AE_ERROR_IO, message);
    ck_assert_status(ae_dataset_check(dataset), AE_ERROR_IO, message);
    ck_assert_status(ae_dataset_mean(dataset, mean), AE_ERROR_IO, message);
    ck_assert_status(ae_network_evaluate(network, dataset, &result, NULL), AE_ERROR_IO, message);
    ck_assert_status(ae_network_fit_scaling(network, dataset, NULL), AE_ERROR_IO, message);
    ck_assert_status(ae_session_reconstruct_dataset(session, dataset, out), AE_ERROR_IO, message);
    ae_session_free(session);
    ae_network_free(network);
    ae_dataset_free(joined);
    ae_dataset_free(view);
    ae_dataset_free(dataset);
    free(out);
    free(values);
}
END_TEST

/* The choice to look at narrow rows in place reads the same, as long as the file is whole. */
START_TEST(rows_looked_at_in_place_are_the_same)
{
    float *values = make_values(), *read = fixture_allocate((size_t)ROWS * WIDTH, sizeof *read);
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_npy_write(support_path("rows.npy"), values, ROWS, WIDTH));
    ck_assert_ok(
        ae_dataset_open_npy(&dataset, support_path("rows.npy"),
                            AE_DATASET_OPTIONS(.map = AE_TOGGLE_ON, .map_in_place = AE_TOGGLE_ON)));
    for (size_t r = 0; r < ROWS; r++)
        ck_assert_ok(ae_dataset_read(dataset, r, 1, read + r * WIDTH));
    ck_assert_mem_eq(read, values, (size_t)ROWS * WIDTH * sizeof *read);
    ae_dataset_free(dataset);
    dataset = NULL;
    ck_assert_status(ae_dataset_open_npy(&dataset, support_path("rows.npy"),
                                         AE_DATASET_OPTIONS(.map_in_place = AE_TOGGLE_ON)),
                     AE_ERROR_INVALID_ARGUMENT, "map is off");
    free(read);
    free(values);
}
END_TEST

/* Where NaN are kept views are looked through: what cannot be read may be missing. */
START_TEST(missing_values_of_a_file_that_shrinks_may_be_anywhere)
{
    float *values = make_values(), row[WIDTH];
    ae_dataset *dataset = NULL, *whole = NULL, *lost = NULL;
    values[5 * WIDTH + 7] = NAN;
    ck_assert_ok(ae_npy_write(support_path("rows.npy"), values, ROWS, WIDTH));
    ck_assert_ok(
        ae_dataset_open_npy(&dataset, support_path("rows.npy"),
                            AE_DATASET_OPTIONS(.map = AE_TOGGLE_ON, .missing = AE_MISSING_KEEP)));
    ck_assert_int_eq(ae_dataset_has_missing(dataset), 1);
    ck_assert_ok(ae_dataset_view(&whole, dataset, 100, 50));
    ck_assert_int_eq(ae_dataset_has_missing(whole), 0);
    shorten();
    ck_assert_ok(ae_dataset_view(&lost, dataset, 100, 50));
    ck_assert_int_eq(ae_dataset_has_missing(lost), 1);
    ck_assert_status(ae_dataset_read(lost, 0, 1, row), AE_ERROR_IO, message);
    ae_dataset_free(whole);
    ae_dataset_free(lost);
    ae_dataset_free(dataset);
    free(values);
}
END_TEST

Suite *shrunk_suite(void)
{
    Suite *suite = suite_create("shrunk");
    TCase *tcase = tcase_create("files");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_test(tcase, a_file_that_shrinks_stops_training_before_the_step);
    tcase_add_test(tcase, a_file_that_shrinks_is_an_error_of_every_reading);
    tcase_add_test(tcase, rows_looked_at_in_place_are_the_same);
    tcase_add_test(tcase, missing_values_of_a_file_that_shrinks_may_be_anywhere);
    suite_add_tcase(suite, tcase);
    return suite;
}
