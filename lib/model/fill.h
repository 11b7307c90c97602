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

/* For each row the sum of the weights of those among count columns that are there; NULL: all
 * weights are 1. */
void aei_sum_there(size_t count, size_t rows, const float *values, size_t stride,
                   const float *weights, float *there);

/* The sum that a row has which lacks nothing. */
double aei_sum_weights(size_t features, size_t panel, const float *weights);

/*
 * Copies of output and target that are both 0 where the target is NaN, so that neither a cost nor
 * its gradient sees the feature; [rows][stride] each. A copy may be the same memory.
 */
void aei_mask_missing(size_t count, size_t rows, const float *output, const float *target,
                      float *masked_output, float *masked_target, size_t stride);

/* What rows have of the weights of all features. */
typedef struct aei_there {
    const float *sums; /* [panels][rows], of the features that are there */
    size_t panels;
    double whole; /* of all features */
} aei_there;

/* By what a row's sum over the features that are there is multiplied: the weights of all features /
 * the weights of those there, and 0 where those are 0. */
double aei_missing_weight(const aei_there *there, size_t rows, size_t row);

#endif
