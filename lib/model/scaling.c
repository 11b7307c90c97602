/* SPDX-License-Identifier: BSD-3-Clause */
/* How do the caller's units become the network's and back? Each feature has an offset and a scale.
 * The pair belongs to the network, so that a model file is complete without a description of how
 * its data were prepared. */
#include "model/scaling_internal.h"

#include "base/error.h"
#include "model/network_internal.h"

#include <libae/scaling.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static ae_status check(size_t features, const float *offset, const float *scale)
{
    for (size_t j = 0; j < features; j++) {
        if (!isfinite(offset[j]))
            return aei_fail(AE_ERROR_DATA, "offset[%zu] is %g, not finite", j, (double)offset[j]);
        if (!(scale[j] >= 0 && scale[j] < INFINITY))
            return aei_fail(AE_ERROR_DATA, "scale[%zu] is %g: it must be finite and not negative",
                            j, (double)scale[j]);
    }
    return AE_OK;
}

ae_status aei_scaling_create(aei_scaling **scaling, size_t features, const float *offset,
                             const float *scale)
{
    AE_TRY(check(features, offset, scale));
    const size_t size = sizeof **scaling + 3 * features * sizeof(float);
    aei_scaling *made = malloc(size);
    if (made == NULL)
        return aei_fail_memory(size);
    made->features = features;
    made->offset = (float *)(void *)(made + 1);
    made->scale = made->offset + features;
    made->divisor = made->scale + features;
    for (size_t j = 0; j < features; j++) {
        made->offset[j] = offset[j];
        made->scale[j] = fabsf(scale[j]); /* -0 is 0 */
        /* Divided by infinity a constant feature becomes 0, without a branch in the loop over
         * values. */
        made->divisor[j] = scale[j] > 0 ? scale[j] : INFINITY;
    }
    *scaling = made;
    return AE_OK;
}

void aei_scaling_free(aei_scaling *scaling)
{
    free(scaling);
}

/* Bit for bit, which a checkpoint keeps: any difference means another scaling. */
bool aei_scaling_same(const aei_scaling *a, const aei_scaling *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    const size_t bytes = a->features * sizeof(float);
    return memcmp(a->offset, b->offset, bytes) == 0 && memcmp(a->scale, b->scale, bytes) == 0;
}

/*
 * Divided, not multiplied by a reciprocal: rounding is monotone, so that with an offset of min and
 * a scale of max - min no value between the two leaves [0, 1].
 */
void aei_scaling_apply(const aei_scaling *scaling, size_t first, size_t count, size_t rows,
                       float *values, size_t stride)
{
    const float *restrict offset = scaling->offset + first, *restrict divisor = scaling->divisor +
                                                                                first;
    for (size_t r = 0; r < rows; r++) {
        float *restrict row = values + r * stride;
        for (size_t j = 0; j < count; j++)
            row[j] = (row[j] - offset[j]) / divisor[j];
    }
}

/* Multiplied here: the exact maximum matters on the way in, where a range is checked. */
void aei_scaling_restore(const aei_scaling *scaling, size_t first, size_t count, size_t rows,
                         float *values, size_t stride)
{
    const float *restrict offset = scaling->offset + first, *restrict scale = scaling->scale +
                                                                              first;
    for (size_t r = 0; r < rows; r++) {
        float *restrict row = values + r * stride;
        for (size_t j = 0; j < count; j++)
            row[j] = offset[j] + scale[j] * row[j];
    }
}

/* Outputs and scores change with the scaling: sessions must notice, a threshold no longer holds. */
static void replace(ae_network *network, aei_scaling *scaling)
{
    aei_scaling_free(network->scaling);
    network->scaling = scaling;
    network->generation++;
}

ae_status ae_network_set_scaling(ae_network *network, const float *offset, const float *scale)
{
    AE_REQUIRE(network);
    AE_REQUIRE(offset);
    AE_REQUIRE(scale);
    aei_scaling *made;
    AE_TRY(aei_scaling_create(&made, network->widths[0], offset, scale));
    replace(network, made);
    return AE_OK;
}

void ae_network_clear_scaling(ae_network *network)
{
    if (network != NULL && network->scaling != NULL)
        replace(network, NULL);
}

ae_status ae_network_get_scaling(const ae_network *network, float *offset, float *scale)
{
    AE_REQUIRE(network);
    const aei_scaling *scaling = network->scaling;
    if (scaling == NULL)
        return aei_fail(AE_ERROR_NOT_SET, "the network has no scaling");
    if (offset != NULL)
        memcpy(offset, scaling->offset, scaling->features * sizeof *offset);
    if (scale != NULL)
        memcpy(scale, scaling->scale, scaling->features * sizeof *scale);
    return AE_OK;
}

int ae_network_has_scaling(const ae_network *network)
{
    return network != NULL && network->scaling != NULL;
}
