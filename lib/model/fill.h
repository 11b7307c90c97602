/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_FILL_H
#define AEI_FILL_H

#include "model/network_internal.h"

/*
 * Features [first, first + count) of rows in the network's units, values[r * stride + j]: NaN
 * becomes the feature's fill value, scaled. filled has the same shape and may be the same memory.
 * count is at most AEI_FILL_COLUMNS.
 */
enum { AEI_FILL_COLUMNS = 64 };
void aei_fill_apply(const ae_network *network, size_t first, size_t count, size_t rows,
                    const float *values, float *filled, size_t stride);

/* Counts the NaN among count columns of each row. */
void aei_count_missing(size_t count, size_t rows, const float *values, size_t stride,
                       float *missing);

/*
 * Copies of output and target that are both 0 where the target is NaN, so that neither a cost nor
 * its gradient sees the feature; [rows][stride] each. A copy may be the same memory.
 */
void aei_mask_missing(size_t count, size_t rows, const float *output, const float *target,
                      float *masked_output, float *masked_target, size_t stride);

/*
 * By what a row's sum over the features that are there is multiplied: features / those there, and 0
 * for none. `missing` has [panels][rows] counts.
 */
double aei_missing_weight(const float *missing, size_t panels, size_t rows, size_t row,
                          size_t features);

#endif
