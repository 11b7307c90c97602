/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_BOUNDS_H
#define AEI_BOUNDS_H

#include <libae/dataset.h>
#include <libae/types.h>

#include "data/dataset_internal.h"
#include "model/network_internal.h"

/*
 * Which values a run can learn from: those that the output layer can reach, scaled where the
 * network has a scaling. A dataset in memory is looked through when the trainer is created, another
 * one batch by batch as it is read.
 */
typedef struct aei_bounds {
    aei_range_check range;
    size_t features;
    aei_scaling *scaling; /* a copy, because another thread reads it; or NULL */
} aei_bounds;

/*
 * The bounds of a dataset and, where it is in memory, whether it keeps to them. A scaling is fitted
 * on a training set (`fitted`); that other sets go beyond it is in the nature of things.
 * AE_ERROR_SHAPE for another width, AE_ERROR_DATA, AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_bounds_create(aei_bounds *bounds, const char *name, const ae_network *network,
                            const ae_dataset *dataset, ae_cost cost, bool fitted);
void aei_bounds_free(aei_bounds *bounds);

/* An aei_reader_check of rows as wide as the network; the context is an aei_bounds. AE_ERROR_DATA
 * by row, column and value. */
ae_status aei_bounds_check(const void *context, const uint32_t *rows, size_t count,
                           const float *values);

#endif
