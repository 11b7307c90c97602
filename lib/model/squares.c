/* SPDX-License-Identifier: BSD-3-Clause */
#include "model/squares.h"

#include <math.h>

size_t aei_squares_before(const ae_network *network, size_t layer)
{
    size_t count = 0;
    for (size_t l = 0; l < layer; l++)
        count += network->layers[l].panels * (aei_squares_of_panel(&network->layers[l]) + 1);
    return count;
}

void aei_squares_of_rows(const aei_kernels *kernels, size_t rows, const float *values, double *sums)
{
    for (size_t first = 0; first < rows; first += AEI_SQUARE_ROWS) {
        const size_t count = rows - first < AEI_SQUARE_ROWS ? rows - first : AEI_SQUARE_ROWS;
        *sums++ = kernels->square_sum(count * kernels->panel, values + first * kernels->panel);
    }
}

double aei_squares_norm(const double *sums, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += sums[i];
    return sqrt(sum);
}
