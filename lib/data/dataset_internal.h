/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_DATASET_INTERNAL_H
#define AEI_DATASET_INTERNAL_H

#include <libae/dataset.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What training and evaluation need of a dataset beside the public calls. Arguments are not
 * checked here: rows and features must be inside the dataset.
 */

/*
 * Copy features [first, first + count) of row_count rows, named by their number in the dataset, as
 * float32: out[r * stride + j]. Elements past count are left alone. Hot: called once a batch for
 * each panel of features. Thread-safe, allocates nothing. The dataset is a pointer to void because
 * steps and sessions gather from other sources too.
 */
void aei_dataset_gather(const void *dataset, const uint32_t *rows, size_t row_count, size_t first,
                        size_t count, float *out, size_t stride);

/*
 * Refuse values that are not finite or outside [low, high]: AE_ERROR_DATA naming row, column and
 * value. uint8 data whose whole range fits are not scanned.
 */
ae_status aei_dataset_check_range(const ae_dataset *dataset, float low, float high);

/* Refuse a dataset with missing values, for those who cannot do without: AE_ERROR_DATA, which
 * begins with the name. */
ae_status aei_dataset_check_complete(const ae_dataset *dataset, const char *name);

#endif
