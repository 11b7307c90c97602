/* SPDX-License-Identifier: BSD-3-Clause */
#include "model/squares.h"

#include <math.h>

size_t aei_squares_of_weights(const aei_layer *layer)
{
    return (layer->panels * layer->in + AEI_SQUARE_ROWS - 1) / AEI_SQUARE_ROWS;
}

size_t aei_squares_before(const ae_network *network, size_t layer)
{
    size_t count = 0;
    for (size_t l = 0; l < layer; l++)
        count += aei_squares_of_weights(&network->layers[l]) + network->layers[l].panels;
    return count;
}

/* A sum for each column, so that no addition waits for the one before it. */
double aei_square_sum(const float *values, size_t rows, size_t panel)
{
    enum { LANES = 16 };
    double lanes[LANES] = {0}, sum = 0;
    for (size_t i = 0; i < rows * panel; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            lanes[j] += (double)values[i + j] * (double)values[i + j];
    for (size_t j = 0; j < LANES; j++)
        sum += lanes[j];
    return sum;
}

double aei_squares_norm(const double *sums, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += sums[i];
    return sqrt(sum);
}
