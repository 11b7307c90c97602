/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Only the last layer has a cost, so this is a small part of a step, and no work for a kernel of
 * its own: plain loops, and the kernels' logarithm. The sums are in float64, in the order of the
 * features.
 */
#include "model/weighted.h"

#include "model/score.h"

/* Features whose logarithms are taken at once. */
enum { CHUNK = 16 };

static double weighted_squares(size_t n, const float *weights, const float *y, const float *t)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++) {
        const double d = (double)y[j] - (double)t[j];
        sum += (double)weights[j] * d * d;
    }
    return sum;
}

static double weighted_entropies(const aei_kernels *kernels, size_t n, const float *weights,
                                 const float *y, const float *t)
{
    float entropies[CHUNK];
    double sum = 0;
    for (size_t first = 0; first < n; first += CHUNK) {
        const size_t count = n - first < CHUNK ? n - first : CHUNK;
        aei_entropies(kernels, count, y + first, t + first, 1, entropies);
        for (size_t j = 0; j < count; j++)
            sum += (double)weights[first + j] * (double)entropies[j];
    }
    return sum;
}

void aei_weighted_costs(const aei_kernels *kernels, size_t rows, size_t n, const float *weights,
                        const float *y, const float *t, bool bce, float *costs)
{
    for (size_t r = 0; r < rows; r++) {
        const size_t at = r * kernels->panel;
        costs[r] = (float)(bce ? weighted_entropies(kernels, n, weights, y + at, t + at)
                               : weighted_squares(n, weights, y + at, t + at));
    }
}

void aei_weigh_gradient(const aei_kernels *kernels, size_t rows, size_t n, const float *weights,
                        float *g)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < n; j++)
            g[r * kernels->panel + j] *= weights[j];
}
