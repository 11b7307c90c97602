/* SPDX-License-Identifier: BSD-3-Clause */
#include "data/dataset_internal.h"
#include "rows.h"
#include "suites.h"

#include <math.h>

START_TEST(the_mean_is_each_columns)
{
    ae_dataset *dataset = make_u8(), *view = NULL;
    float mean[FEATURES];
    ck_assert_ok(ae_dataset_mean(dataset, mean));
    for (size_t j = 0; j < FEATURES; j++)
        ck_assert_float_eq(mean[j], 30 + (float)j);
    ck_assert_ok(ae_dataset_select(&view, dataset, (const size_t[]){1, 1, 1, 5}, 4));
    ck_assert_ok(ae_dataset_mean(view, mean));
    for (size_t j = 0; j < FEATURES; j++)
        ck_assert_float_eq(mean[j], 20 + (float)j);
    ae_dataset_free(dataset);
    ae_dataset_free(view);
}
END_TEST

START_TEST(the_mean_is_summed_in_double)
{
    /* In float32, 2^24 + 1 + 1 + ... stays 2^24. */
    enum { COUNT = 65, WIDE = 700 };
    float *values = malloc(COUNT * WIDE * sizeof *values), mean[WIDE];
    ck_assert_ptr_nonnull(values);
    for (size_t i = 0; i < COUNT * WIDE; i++)
        values[i] = i < WIDE ? 16777216.0f : 1.0f;
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_f32(&dataset, values, COUNT, WIDE, NULL));
    ck_assert_ok(ae_dataset_mean(dataset, mean));
    for (size_t j = 0; j < WIDE; j++)
        ck_assert_float_eq(mean[j], (float)((16777216.0 + 64) / COUNT));
    ae_dataset_free(dataset);
    free(values);
}
END_TEST

/* Gather against read, for one dataset of any size. */
static void assert_gather(const ae_dataset *dataset, size_t features, size_t first, size_t count)
{
    enum { MARK = -7, BATCH = 9 };
    const uint32_t rows[BATCH] = {3, 0, 12, 5, 5, 11, 1, 7, 12};
    const size_t stride = count + 3;
    float *all = malloc(13 * features * sizeof *all), *out = malloc(BATCH * stride * sizeof *out);
    ck_assert_ptr_nonnull(all);
    ck_assert_ptr_nonnull(out);
    ck_assert_ok(ae_dataset_read(dataset, 0, 13, all));
    for (size_t i = 0; i < BATCH * stride; i++)
        out[i] = MARK;
    aei_dataset_gather(dataset, rows, BATCH, first, count, out, stride);
    for (size_t r = 0; r < BATCH; r++) {
        for (size_t j = 0; j < count; j++)
            ck_assert_float_eq(out[r * stride + j], all[rows[r] * features + first + j]);
        for (size_t j = count; j < stride; j++)
            ck_assert_float_eq(out[r * stride + j], MARK);
    }
    free(all);
    free(out);
}

START_TEST(gather_takes_any_columns_of_any_rows_and_leaves_the_rest_alone)
{
    static const size_t firsts[] = {0, 1, 16, 32, 61};
    static const size_t counts[] = {1, 2, 7, 15, 16, 17, 31, 32, 33, 39};
    enum { MANY = 14, WIDE = 100 };
    /* On the heap at their exact size, so that a sanitizer sees a read beyond. */
    uint8_t *bytes = malloc(MANY * WIDE);
    float *floats = malloc(MANY * WIDE * sizeof *floats);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_ptr_nonnull(floats);
    for (size_t i = 0; i < MANY * WIDE; i++)
        floats[i] = (float)(bytes[i] = (uint8_t)(i * 37 % 251)) * 3;
    const ae_dataset_options options = {.size = sizeof options, .no_copy = AE_TOGGLE_ON};
    for (int kind = 0; kind < 4; kind++) {
        ae_dataset *dataset = NULL, *view = NULL;
        if (kind % 2 == 0)
            ck_assert_ok(ae_dataset_create_u8(&dataset, bytes, MANY, WIDE, &options));
        else
            ck_assert_ok(ae_dataset_create_f32(&dataset, floats, MANY, WIDE, &options));
        if (kind / 2 == 0)
            ck_assert_ok(ae_dataset_view(&view, dataset, 1, MANY - 1));
        else
            ck_assert_ok(ae_dataset_shuffle(&view, dataset, 3));
        for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++)
            for (size_t j = 0; j < sizeof counts / sizeof counts[0]; j++)
                assert_gather(view, WIDE, firsts[i], counts[j]);
        ae_dataset_free(dataset);
        ae_dataset_free(view);
    }
    free(bytes);
    free(floats);
}
END_TEST

START_TEST(values_outside_a_range_are_refused_by_row_column_and_value)
{
    enum { MANY = 20, WIDE = 784 };
    float *values = calloc(MANY * WIDE, sizeof *values);
    ck_assert_ptr_nonnull(values);
    values[0] = 1;
    ae_dataset *dataset = NULL, *view = NULL;
    ck_assert_ok(ae_dataset_create_f32(&dataset, values, MANY, WIDE,
                                       AE_DATASET_OPTIONS(.no_copy = AE_TOGGLE_ON)));
    ck_assert_ok(aei_dataset_check_range(dataset, 0, 1));
    values[17 * WIDE + 301] = 1.5f;
    ck_assert_status(aei_dataset_check_range(dataset, 0, 1), AE_ERROR_DATA,
                     "row 17, column 301: 1.5 is outside [0, 1]: call ae_network_fit_scaling");
    ck_assert_status(aei_dataset_check_range(dataset, -1, 1), AE_ERROR_DATA, "[-1, 1]");
    ck_assert_ok(aei_dataset_check_range(dataset, 0, 2));
    values[17 * WIDE + 301] = -0.25f;
    ck_assert_status(aei_dataset_check_range(dataset, 0, 1), AE_ERROR_DATA, "-0.25 is outside");
    ck_assert_ok(aei_dataset_check_range(dataset, -1, 1));

    /* Rows are numbered as in the dataset asked, and only its own count. */
    ck_assert_ok(ae_dataset_view(&view, dataset, 10, 10));
    ck_assert_status(aei_dataset_check_range(view, 0, 1), AE_ERROR_DATA, "row 7, column 301");
    ae_dataset_free(view);
    ck_assert_ok(ae_dataset_view(&view, dataset, 0, 17));
    ck_assert_ok(aei_dataset_check_range(view, 0, 1));
    ae_dataset_free(view);

    /* Memory that is not copied and went bad after it was checked. */
    values[17 * WIDE + 301] = NAN;
    ck_assert_status(aei_dataset_check_range(dataset, 0, 1), AE_ERROR_DATA, "nan");
    ae_dataset_free(dataset);
    free(values);
}
END_TEST

START_TEST(bytes_are_checked_against_a_range_through_their_scale)
{
    const uint8_t bytes[] = {0, 2, 9, 1};
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_u8(&dataset, bytes, 2, 2, NULL));
    ck_assert_ok(aei_dataset_check_range(dataset, 0, 1));
    ck_assert_ok(aei_dataset_check_range(dataset, -1, 1));
    ck_assert_status(aei_dataset_check_range(dataset, 0.001f, 1), AE_ERROR_DATA,
                     "row 0, column 0: 0 is outside");
    ae_dataset_free(dataset);
    /* 255 would not fit, but there is no 255. */
    ck_assert_ok(ae_dataset_create_u8(&dataset, bytes, 2, 2, AE_DATASET_OPTIONS(.scale = 0.1f)));
    ck_assert_ok(aei_dataset_check_range(dataset, 0, 1));
    ae_dataset_free(dataset);
    ck_assert_ok(ae_dataset_create_u8(&dataset, bytes, 2, 2, AE_DATASET_OPTIONS(.scale = 0.25f)));
    ck_assert_status(aei_dataset_check_range(dataset, 0, 1), AE_ERROR_DATA,
                     "row 1, column 0: 2.25 is outside [0, 1]");
    ae_dataset_free(dataset);
}
END_TEST

Suite *gather_suite(void)
{
    Suite *suite = suite_create("gather");
    TCase *tcase = tcase_create("gather");
    tcase_add_test(tcase, the_mean_is_each_columns);
    tcase_add_test(tcase, the_mean_is_summed_in_double);
    tcase_add_test(tcase, gather_takes_any_columns_of_any_rows_and_leaves_the_rest_alone);
    tcase_add_test(tcase, values_outside_a_range_are_refused_by_row_column_and_value);
    tcase_add_test(tcase, bytes_are_checked_against_a_range_through_their_scale);
    suite_add_tcase(suite, tcase);
    return suite;
}
