/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Penalties on the code. The weights l1 and l2 and their division by the rows are those of Keras's
 * activity regularisers; the divergence is that of sparse autoencoders (Ng, "Sparse autoencoder",
 * CS294A lecture notes 2011), whose derivative for each row is
 *
 *     kl (-t / h_j + (1 - t) / (1 - h_j)) / n
 *
 * A thread has all rows of a panel, and so the means of its units, without waiting for others.
 */
#include "model/penalty.h"

#include "base/elementary.h"

#include <math.h>

/* A unit that is 0 or 1 for all rows has a mean whose logarithm, or whose rest's, does not exist.
 * Beyond this the penalty grows no more; its slope stays, so that the unit can come back. */
static const double least_mean = 1e-7;

bool aei_penalty_is_on(const aei_penalty *penalty)
{
    return penalty->l1 > 0 || penalty->l2 > 0 || penalty->kl > 0;
}

/* Mean of a column, kept away from 0 and 1. */
static double mean_of(size_t rows, size_t panel, const float *column)
{
    double sum = 0;
    for (size_t r = 0; r < rows; r++)
        sum += (double)column[r * panel];
    return fmin(fmax(sum / (double)rows, least_mean), 1 - least_mean);
}

double aei_penalty_of_panel(const aei_penalty *penalty, size_t rows, size_t count, size_t panel,
                            const float *y)
{
    const double t = (double)penalty->target;
    double absolute = 0, squares = 0, divergence = 0;
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < count; j++) {
            const double h = (double)y[r * panel + j];
            absolute += fabs(h);
            squares += h * h;
        }
    for (size_t j = 0; penalty->kl > 0 && j < count; j++) {
        const double mean = mean_of(rows, panel, y + j);
        divergence += t * aei_log(t / mean) + (1 - t) * aei_log((1 - t) / (1 - mean));
    }
    return ((double)penalty->l1 * absolute + (double)penalty->l2 * squares) / (double)rows +
           (double)penalty->kl * divergence;
}

void aei_penalty_add_gradient(const aei_penalty *penalty, size_t rows, size_t count, size_t panel,
                              const float *y, float *delta)
{
    const double t = (double)penalty->target, n = (double)rows;
    const double l1 = (double)penalty->l1 / n, l2 = 2 * (double)penalty->l2 / n;
    for (size_t j = 0; j < count; j++) {
        double pull = 0;
        if (penalty->kl > 0) {
            const double mean = mean_of(rows, panel, y + j);
            pull = (double)penalty->kl * ((1 - t) / (1 - mean) - t / mean) / n;
        }
        for (size_t r = 0; r < rows; r++) {
            const double h = (double)y[r * panel + j];
            /* |h| has no derivative at 0, where a ReLU often is; 0 is one of its subgradients. */
            const double sign = (h > 0) - (h < 0);
            delta[r * panel + j] += (float)(l1 * sign + l2 * h + pull);
        }
    }
}
