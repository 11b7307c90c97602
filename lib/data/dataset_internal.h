/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_DATASET_INTERNAL_H
#define AEI_DATASET_INTERNAL_H

#include <libae/dataset.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/columns.h"

/*
 * What training and evaluation need of a dataset beside the public calls. Arguments are not
 * checked here: rows and features must be inside the dataset.
 */

/*
 * Copy features [first, first + count) of row_count rows, named by their number in the dataset, as
 * float32: out[r * stride + j]. Elements past count are left alone. Hot: called once a batch for
 * each panel of features. Thread-safe, allocates nothing. The dataset is a pointer to void because
 * steps and sessions gather from other sources too. It must be in memory: of others an aei_reader
 * makes such ones, batch by batch.
 */
void aei_dataset_gather(const void *dataset, const uint32_t *rows, size_t row_count, size_t first,
                        size_t count, float *out, size_t stride);

/* Whether all values are in memory, known to be finite. */
bool aei_dataset_is_resident(const ae_dataset *dataset);

/*
 * Copy whole rows of any dataset, row-major. Thread-safe, allocates nothing; waits for a disk.
 * AE_ERROR_DATA (a value not finite, by row and column), AE_ERROR_CANCELLED (by a source).
 */
ae_status aei_dataset_fetch(const ae_dataset *dataset, const uint32_t *rows, size_t count,
                            float *values);

/* These rows will be fetched soon: pages of a mapped file are asked for, without waiting. */
void aei_dataset_will_need(const ae_dataset *dataset, const uint32_t *rows, size_t count);

/* What values may be; a NaN only where values may be missing. */
typedef struct aei_range_check {
    float low, high;
    bool missing;
} aei_range_check;

/*
 * Refuse values that are not finite or outside [low, high]: AE_ERROR_DATA naming row, column and
 * value. uint8 data whose whole range fits are not scanned. The dataset must be in memory; of
 * others the second looks at some columns, from `first` on, of a row that was read.
 */
ae_status aei_dataset_check_range(const ae_dataset *dataset, float low, float high);
ae_status aei_check_row(const float *row, size_t number, size_t first, size_t count,
                        const aei_range_check *range);

/* Refuse a dataset with missing values, unless the network is filled: it has fill values.
 * AE_ERROR_DATA, which begins with the name. */
ae_status aei_dataset_check_missing(const ae_dataset *dataset, bool filled, const char *name);

/* What the dataset knows of its columns; the names are the storage's. */
aei_columns_info aei_dataset_columns(const ae_dataset *dataset);

#endif
