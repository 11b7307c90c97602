/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/error.h"
#include "model/cost.h"

#include <math.h>

/*
 * The cost, and for each row the factor that turns y - t into dC/dy (for BCE: into dC/du, u being
 * the sigmoid's argument).
 *
 *     L2   C = sum_r |d_r| / n           dC/dy = d / (|d_r| n), and 0 where |d_r| = 0
 *     SSE  C = sum_r |d_r|^2 / n         dC/dy = 2 d / n
 *     MSE  the same over F features      dC/dy = 2 d / (n F)
 *     BCE  C = sum_r bce_r / (n F)       dC/du = d / (n F)
 */
double aei_cost_of_batch(ae_cost kind, size_t row_count, size_t features, size_t panels,
                         const float *sums, float *factor)
{
    const double rows = (double)row_count, width = (double)features;
    double cost = 0;
    for (size_t r = 0; r < row_count; r++) {
        double sum = 0;
        for (size_t p = 0; p < panels; p++)
            sum += (double)sums[p * row_count + r];
        switch (kind) {
        case AE_COST_SSE:
            factor[r] = (float)(2 / rows);
            break;
        case AE_COST_MSE:
            sum /= width;
            factor[r] = (float)(2 / (rows * width));
            break;
        case AE_COST_BCE:
            sum /= width;
            factor[r] = (float)(1 / (rows * width));
            break;
        default:
            sum = sqrt(sum);
            factor[r] = sum > 0 ? (float)(1 / (sum * rows)) : 0;
        }
        cost += sum;
    }
    return cost / rows;
}

ae_status aei_network_check_cost(const ae_network *network, ae_cost cost)
{
    if ((int)cost < AE_COST_DEFAULT || (int)cost > AE_COST_BCE)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "cost %d is not an ae_cost", (int)cost);
    if (cost == AE_COST_BCE && network->layers[network->depth - 1].f.kind != AE_ACTIVATION_SIGMOID)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "binary cross-entropy needs a sigmoid output");
    return AE_OK;
}
