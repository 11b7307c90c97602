/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Missing values in a network. They travel as NaN through gathering and scaling, so that no mask
 * has to be kept beside the values. Only two places look at them: the network's input, which reads
 * the fill value, and the cost, which leaves the feature out.
 */
#include "model/fill.h"

#include "base/error.h"

#include <libae/missing.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The fill values are kept in the caller's units and scaled here: a scaling may be set later. */
void aei_fill_apply(const ae_network *network, size_t first, size_t count, size_t rows,
                    const float *values, float *filled, size_t stride)
{
    float fill[AEI_FILL_COLUMNS];
    memcpy(fill, network->fill + first, count * sizeof *fill);
    if (network->scaling != NULL)
        aei_scaling_apply(network->scaling, first, count, 1, fill, AEI_FILL_COLUMNS);
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < count; j++) {
            const float value = values[r * stride + j];
            filled[r * stride + j] = isnan(value) ? fill[j] : value;
        }
}

void aei_sum_there(size_t count, size_t rows, const float *values, size_t stride,
                   const float *weights, float *there)
{
    for (size_t r = 0; r < rows; r++) {
        float sum = 0;
        for (size_t j = 0; j < count; j++)
            sum += isnan(values[r * stride + j]) ? 0 : weights == NULL ? 1 : weights[j];
        there[r] = sum;
    }
}

/* Added up as aei_sum_there does it, panel by panel in float32: a row that lacks nothing is then
 * multiplied by 1 and not by nearly 1. */
double aei_sum_weights(size_t features, size_t panel, const float *weights)
{
    double whole = 0;
    if (weights == NULL)
        return (double)features;
    for (size_t first = 0; first < features; first += panel) {
        float sum = 0;
        for (size_t j = first; j < features && j < first + panel; j++)
            sum += weights[j];
        whole += (double)sum;
    }
    return whole;
}

/* 0 and 0, and not the output twice: the cross-entropy of an output with itself is not 0. */
void aei_mask_missing(size_t count, size_t rows, const float *output, const float *target,
                      float *masked_output, float *masked_target, size_t stride)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < count; j++) {
            const size_t at = r * stride + j;
            const bool missing = isnan(target[at]);
            masked_output[at] = missing ? 0 : output[at];
            masked_target[at] = missing ? 0 : target[at];
        }
}

double aei_missing_weight(const aei_there *there, size_t rows, size_t row)
{
    double sum = 0;
    for (size_t p = 0; p < there->panels; p++)
        sum += (double)there->sums[p * rows + row];
    return sum > 0 ? there->whole / sum : 0;
}

/* What rows with missing values give depends on the fill values: a threshold no longer holds. */
static void replace(ae_network *network, float *fill)
{
    free(network->fill);
    network->fill = fill;
    network->generation++;
}

ae_status ae_network_set_fill(ae_network *network, const float *values)
{
    AE_REQUIRE(network);
    AE_REQUIRE(values);
    const size_t width = network->widths[0];
    for (size_t j = 0; j < width; j++)
        if (!isfinite(values[j]))
            return aei_fail(AE_ERROR_DATA, "values[%zu] is %s: a fill value must be finite", j,
                            isnan(values[j]) ? "nan" : "inf");
    float *fill = malloc(width * sizeof *fill);
    if (fill == NULL)
        return aei_fail_memory(width * sizeof *fill);
    memcpy(fill, values, width * sizeof *fill);
    replace(network, fill);
    return AE_OK;
}

ae_status ae_network_get_fill(const ae_network *network, float *values)
{
    AE_REQUIRE(network);
    AE_REQUIRE(values);
    if (network->fill == NULL)
        return aei_fail(AE_ERROR_NOT_SET, "the network has no fill values");
    memcpy(values, network->fill, network->widths[0] * sizeof *values);
    return AE_OK;
}

int ae_network_has_fill(const ae_network *network)
{
    return network != NULL && network->fill != NULL;
}

void ae_network_clear_fill(ae_network *network)
{
    if (network != NULL && network->fill != NULL)
        replace(network, NULL);
}
