/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_CSV_TEXT_H
#define TESTS_CSV_TEXT_H

/* CSV texts as datasets, for the suites of the CSV reader. */

#include "fixtures.h"

static inline ae_dataset *csv_open(const char *text, const ae_csv_options *options)
{
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_open_csv_memory(&dataset, text, strlen(text), options));
    return dataset;
}

/* The text is refused, and the error text has this part. */
#define csv_refuse(text, options, status, part)                                                    \
    do {                                                                                           \
        ae_dataset *refused_dataset = NULL;                                                        \
        ck_assert_status(                                                                          \
            ae_dataset_open_csv_memory(&refused_dataset, (text), strlen(text), (options)), status, \
            part);                                                                                 \
        ck_assert_ptr_null(refused_dataset);                                                       \
    } while (0)

/* The dataset's values are these, row by row; it is freed. */
#define csv_check(dataset, rows, features, ...)                         \
    csv_check_of(dataset, rows, features, (const float[]){__VA_ARGS__}, \
                 COUNT(((const float[]){__VA_ARGS__})))

static inline void csv_check_of(ae_dataset *dataset, size_t rows, size_t features,
                                const float *wanted, size_t count)
{
    float values[64];
    ck_assert_uint_eq(count, rows * features);
    ck_assert_uint_eq(ae_dataset_row_count(dataset), rows);
    ck_assert_uint_eq(ae_dataset_feature_count(dataset), features);
    ck_assert_ok(ae_dataset_read(dataset, 0, rows, values));
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(isnan(wanted[i]) ? isnan(values[i])
                                       : !(values[i] < wanted[i] || values[i] > wanted[i]),
                      "value %zu is %g, not %g", i, (double)values[i], (double)wanted[i]);
    ae_dataset_free(dataset);
}

#endif
