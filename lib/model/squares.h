/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_SQUARES_H
#define AEI_SQUARES_H

#include "model/network_internal.h"

/*
 * The norm of a gradient, from sums of squares over pieces of the parameter block that are cut by
 * place: whoever computes which sum, the norm has the same bits. Of a layer first come its weights,
 * AEI_SQUARE_ROWS rows of a panel at a time, panel by panel, then gamma and beta of one panel after
 * another. AEI_SQUARE_ROWS divides each panel's width, so a tile has whole sums.
 */
enum { AEI_SQUARE_ROWS = 16 };

/* Sums of one panel of a layer's weights. */
static inline size_t aei_squares_of_panel(const aei_layer *layer)
{
    return (layer->in + AEI_SQUARE_ROWS - 1) / AEI_SQUARE_ROWS;
}

/* The number of the layer's first sum; that of `depth` is the number of all. */
size_t aei_squares_before(const ae_network *network, size_t layer);

/* The sums of rows [rows][P] of a panel, the first of which begins one. */
void aei_squares_of_rows(const aei_kernels *kernels, size_t rows, const float *values,
                         double *sums);

/* The norm from all sums. */
double aei_squares_norm(const double *sums, size_t count);

#endif
