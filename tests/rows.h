/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_ROWS_H
#define TESTS_ROWS_H

/* Small datasets whose rows are known by their values, for the suites of datasets and views. */

#include "support.h"

#include <libae/libae.h>
#include <stdlib.h>

enum { ROWS = 7, FEATURES = 5 };

/* Value 10 r + j in row r, column j: a row is known by any of its values. */
static inline float value_at(size_t row, size_t column)
{
    return (float)(10 * row + column);
}

static inline ae_dataset *make_f32(void)
{
    float values[ROWS * FEATURES];
    for (size_t i = 0; i < ROWS * FEATURES; i++)
        values[i] = value_at(i / FEATURES, i % FEATURES);
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_f32(&dataset, values, ROWS, FEATURES, NULL));
    return dataset;
}

static inline ae_dataset *make_u8(void)
{
    uint8_t values[ROWS * FEATURES];
    for (size_t i = 0; i < ROWS * FEATURES; i++)
        values[i] = (uint8_t)value_at(i / FEATURES, i % FEATURES);
    ae_dataset *dataset = NULL;
    ck_assert_ok(
        ae_dataset_create_u8(&dataset, values, ROWS, FEATURES, AE_DATASET_OPTIONS(.scale = 1)));
    return dataset;
}

/* The dataset's rows are these rows of the ones that make_f32 and make_u8 make. */
static inline void assert_rows(const ae_dataset *dataset, const size_t *expected, size_t count)
{
    ck_assert_uint_eq(ae_dataset_row_count(dataset), count);
    ck_assert_uint_eq(ae_dataset_feature_count(dataset), FEATURES);
    float *values = malloc(count * FEATURES * sizeof *values);
    ck_assert_ptr_nonnull(values);
    ck_assert_ok(ae_dataset_read(dataset, 0, count, values));
    for (size_t r = 0; r < count; r++)
        for (size_t j = 0; j < FEATURES; j++)
            ck_assert_float_eq(values[r * FEATURES + j], value_at(expected[r], j));
    free(values);
}

static const size_t in_order[] = {0, 1, 2, 3, 4, 5, 6};

#endif
