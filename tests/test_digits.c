/* SPDX-License-Identifier: BSD-3-Clause */
#include "suites.h"
#include "support.h"

#include <libae/experimental.h>
#include <libae/libae.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE };

static ae_dataset *draw(size_t rows, uint64_t seed)
{
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_digits(&dataset, rows, seed));
    return dataset;
}

static float *read_all(const ae_dataset *dataset)
{
    size_t rows = ae_dataset_row_count(dataset);
    float *values = malloc(rows * PIXELS * sizeof *values);
    ck_assert_ptr_nonnull(values);
    ck_assert_ok(ae_dataset_read(dataset, 0, rows, values));
    return values;
}

START_TEST(digits_are_labelled_pictures_of_28_by_28)
{
    ae_dataset *digits = draw(23, 1);
    ck_assert_uint_eq(ae_dataset_row_count(digits), 23);
    ck_assert_uint_eq(ae_dataset_feature_count(digits), PIXELS);
    ck_assert_uint_eq(ae_dataset_image_height(digits), SIDE);
    ck_assert_uint_eq(ae_dataset_image_width(digits), SIDE);
    for (size_t r = 0; r < 23; r++)
        ck_assert_int_eq(ae_dataset_label(digits, r), (int)(r % 10));
    ck_assert_int_eq(ae_dataset_label(digits, 23), AE_LABEL_NONE);
    ae_dataset_free(digits);
}
END_TEST

START_TEST(a_digit_depends_on_seed_and_row_alone)
{
    ae_dataset *few = draw(30, 9), *many = draw(120, 9), *other = draw(30, 10);
    float *a = read_all(few), *b = read_all(many), *c = read_all(other);
    ck_assert_mem_eq(a, b, 30 * PIXELS * sizeof *a);
    for (size_t r = 0; r < 30; r++)
        ck_assert_int_ne(memcmp(a + r * PIXELS, c + r * PIXELS, PIXELS * sizeof *a), 0);
    /* The same digit comes out otherwise in each row. */
    for (size_t r = 10; r < 120; r++)
        ck_assert_int_ne(memcmp(b + r * PIXELS, b + (r - 10) * PIXELS, PIXELS * sizeof *b), 0);
    free(a), free(b), free(c);
    ae_dataset_free(few), ae_dataset_free(many), ae_dataset_free(other);
}
END_TEST

START_TEST(every_picture_has_ink_in_the_middle_and_an_empty_border)
{
    enum { ROWS = 3000 };
    ae_dataset *digits = draw(ROWS, 2);
    float *values = read_all(digits);
    double total = 0;
    for (size_t r = 0; r < ROWS; r++) {
        const float *picture = values + r * PIXELS;
        double ink = 0, x = 0, y = 0;
        for (size_t i = 0; i < PIXELS; i++) {
            const size_t row = i / SIDE, column = i % SIDE;
            ink += (double)picture[i];
            x += (double)picture[i] * ((double)column + 0.5);
            y += (double)picture[i] * ((double)row + 0.5);
            if (row == 0 || row == SIDE - 1 || column == 0 || column == SIDE - 1)
                ck_assert_msg(picture[i] == 0, "row %zu: pixel %zu, %zu is %g", r, row, column,
                              (double)picture[i]);
        }
        /* MNIST's own range from 19 (a thin 1) to 312. */
        ck_assert_msg(ink > 15 && ink < 330, "row %zu: ink %g", r, ink);
        /* Centred on the ink, less an offset below one and what keeps slanted digits inside. */
        ck_assert_double_eq_tol(x / ink, SIDE / 2.0, 3.0);
        ck_assert_double_eq_tol(y / ink, SIDE / 2.0, 3.0);
        total += ink;
    }
    /* MNIST's mean pixel is 0.1307. */
    ck_assert_double_eq_tol(total / ROWS / PIXELS, 0.13, 0.015);
    free(values);
    ae_dataset_free(digits);
}
END_TEST

static double squared_distance(const float *a, const float *b)
{
    double sum = 0;
    for (size_t i = 0; i < PIXELS; i++)
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sum;
}

/*
 * The label is what the picture shows: a nearest neighbour among 2,000 other digits reads at least
 * 95 % of them right (it reads 97 % of MNIST with 60,000). And the pictures differ: the mean image
 * explains at most two thirds of the squared error that a blank one leaves.
 */
START_TEST(digits_can_be_told_apart_and_vary)
{
    enum { KNOWN = 2000, ASKED = 200 };
    ae_dataset *digits = draw(KNOWN + ASKED, 3);
    float *values = read_all(digits), mean[PIXELS];
    size_t right = 0;
    for (size_t q = KNOWN; q < KNOWN + ASKED; q++) {
        size_t nearest = 0;
        double least = 1e30;
        for (size_t k = 0; k < KNOWN; k++) {
            double distance = squared_distance(values + q * PIXELS, values + k * PIXELS);
            if (distance < least) {
                least = distance;
                nearest = k;
            }
        }
        right += nearest % 10 == q % 10;
    }
    ck_assert_uint_ge(right, ASKED * 95 / 100);

    const float blank[PIXELS] = {0};
    double from_mean = 0, from_blank = 0;
    ck_assert_ok(ae_dataset_mean(digits, mean));
    for (size_t r = 0; r < KNOWN + ASKED; r++) {
        from_mean += squared_distance(values + r * PIXELS, mean);
        from_blank += squared_distance(values + r * PIXELS, blank);
    }
    ck_assert_double_gt(from_mean, from_blank / 3);
    free(values);
    ae_dataset_free(digits);
}
END_TEST

/* FNV-1a over the pixels as bytes. Nothing but correctly rounded operations makes them, so that
 * they are the same on every machine. */
START_TEST(the_pixels_of_a_seed_never_change)
{
    ae_dataset *digits = draw(1000, 7);
    float *values = read_all(digits);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < 1000 * PIXELS; i++)
        hash = (hash ^ (uint64_t)(values[i] * 255 + 0.5f)) * UINT64_C(0x100000001b3);
    ck_assert_uint_eq(hash, UINT64_C(13150491260555013723));
    free(values);
    ae_dataset_free(digits);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    ae_dataset *digits = NULL;
    ck_assert_status(ae_dataset_create_digits(NULL, 1, 1), AE_ERROR_INVALID_ARGUMENT,
                     "dataset is NULL");
    ck_assert_status(ae_dataset_create_digits(&digits, 0, 1), AE_ERROR_INVALID_ARGUMENT, "0 rows");
    ck_assert_status(ae_dataset_create_digits(&digits, SIZE_MAX, 1), AE_ERROR_INVALID_ARGUMENT,
                     "rows");
    ck_assert_ptr_null(digits);
}
END_TEST

Suite *digits_suite(void)
{
    Suite *suite = suite_create("digits");
    TCase *digits = tcase_create("digits");
    tcase_add_test(digits, digits_are_labelled_pictures_of_28_by_28);
    tcase_add_test(digits, a_digit_depends_on_seed_and_row_alone);
    tcase_add_test(digits, every_picture_has_ink_in_the_middle_and_an_empty_border);
    if (!support_slow())
        tcase_add_test(digits, digits_can_be_told_apart_and_vary);
    tcase_add_test(digits, the_pixels_of_a_seed_never_change);
    tcase_add_test(digits, bad_arguments_are_refused);
    suite_add_tcase(suite, digits);
    return suite;
}
