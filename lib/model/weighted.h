/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_WEIGHTED_H
#define AEI_WEIGHTED_H

#include <stdbool.h>

#include "compute/kernels.h"

/* Costs whose features have weights of their own. */

/* As kernels->row_costs, over n features of one panel, with each feature's share times its
 * weight. */
void aei_weighted_costs(const aei_kernels *kernels, size_t rows, size_t n, const float *weights,
                        const float *y, const float *t, bool bce, float *costs);

/* The derivatives of those costs from the derivatives without weights, g[rows][P]. */
void aei_weigh_gradient(const aei_kernels *kernels, size_t rows, size_t n, const float *weights,
                        float *g);

#endif
