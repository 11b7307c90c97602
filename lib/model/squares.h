/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_SQUARES_H
#define AEI_SQUARES_H

#include "model/network_internal.h"

/*
 * The norm of a gradient, from sums of squares over pieces of the parameter block that are cut by
 * place: whoever computes which sum, the norm has the same bits. Of a layer first come its weights,
 * AEI_SQUARE_ROWS rows of [panels][in] at a time, then gamma and beta of one panel after another.
 */
enum { AEI_SQUARE_ROWS = 16 };

/* Sums of a layer's weights, and the number of the layer's first sum; that of `depth` is the
 * number of all. */
size_t aei_squares_of_weights(const aei_layer *layer);
size_t aei_squares_before(const ae_network *network, size_t layer);

/* The sum over rows [rows][P] of floats. */
double aei_square_sum(const float *values, size_t rows, size_t panel);

/* The norm from all sums. */
double aei_squares_norm(const double *sums, size_t count);

#endif
