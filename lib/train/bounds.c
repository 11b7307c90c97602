/* SPDX-License-Identifier: BSD-3-Clause */
#include "train/bounds.h"

#include "base/error.h"
#include "train/check_dataset.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Features at a time, on the stack. */
enum { CHUNK = 256 };

static ae_status outside(const aei_bounds *b, size_t row, size_t column, float value, float scaled)
{
    if (!isfinite(scaled))
        return aei_fail(AE_ERROR_DATA,
                        "row %zu, column %zu: %g is too far from the network's scaling", row,
                        column, (double)value);
    return aei_fail(AE_ERROR_DATA,
                    "row %zu, column %zu: %g, scaled to %g, is outside [%g, %g]: fit a min-max "
                    "scaling on this set or set another output_activation, such as "
                    "AE_ACTIVATION_LINEAR",
                    row, column, (double)value, (double)scaled, (double)b->range.low,
                    (double)(b->range.high < FLT_MAX ? b->range.high : INFINITY));
}

static bool is_outside(const aei_bounds *b, float scaled)
{
    return !(scaled >= b->range.low && scaled <= b->range.high) &&
           !(b->range.missing && isnan(scaled));
}

/* Some columns of a row, at most CHUNK. */
static ae_status check_chunk(const aei_bounds *b, const float *values, size_t row, size_t first,
                             size_t count)
{
    float scaled[CHUNK];
    if (b->scaling == NULL)
        return aei_check_row(values, row, first, count, &b->range);
    memcpy(scaled, values, count * sizeof *scaled);
    aei_scaling_apply(b->scaling, first, count, 1, scaled, CHUNK);
    bool bad = false;
    for (size_t j = 0; j < count; j++)
        bad |= is_outside(b, scaled[j]);
    if (!bad)
        return AE_OK;
    size_t j = 0;
    while (!is_outside(b, scaled[j]))
        j++;
    return outside(b, row, first + j, values[j], scaled[j]);
}

/* A scaling can turn a finite value into infinity. With one, every row is therefore looked at, even
 * where the output has no limits. */
static ae_status check_resident(const aei_bounds *b, const ae_dataset *dataset)
{
    const size_t features = ae_dataset_feature_count(dataset);
    if (b->scaling == NULL)
        return b->range.low > -FLT_MAX
                   ? aei_dataset_check_range(dataset, b->range.low, b->range.high)
                   : AE_OK; /* finite since it was made */
    for (size_t r = 0; r < ae_dataset_row_count(dataset); r++) {
        for (size_t first = 0; first < features; first += CHUNK) {
            const size_t count = features - first < CHUNK ? features - first : CHUNK;
            float row[CHUNK] = {0};
            aei_dataset_gather(dataset, &(uint32_t){(uint32_t)r}, 1, first, count, row, CHUNK);
            AE_TRY(check_chunk(b, row, r, first, count));
        }
    }
    return AE_OK;
}

ae_status aei_bounds_check(const void *context, const uint32_t *rows, size_t count,
                           const float *values)
{
    const aei_bounds *b = context;
    if (b->scaling == NULL && b->range.low <= -FLT_MAX)
        return AE_OK; /* the reader itself refuses what is not finite */
    for (size_t r = 0; r < count; r++) {
        const float *row = values + r * b->features;
        for (size_t first = 0; first < b->features; first += CHUNK) {
            const size_t columns = b->features - first < CHUNK ? b->features - first : CHUNK;
            AE_TRY(check_chunk(b, row + first, rows[r], first, columns));
        }
    }
    return AE_OK;
}

ae_status aei_bounds_create(aei_bounds *bounds, const char *name, const ae_network *network,
                            const ae_dataset *dataset, ae_cost cost, bool fitted)
{
    AE_TRY(aei_network_check_dataset(network, dataset, name));
    const ae_activation output = network->layers[network->depth - 1].f.kind;
    aei_bounds b = {.range = {-FLT_MAX, FLT_MAX, ae_dataset_has_missing(dataset) != 0},
                    .features = network->widths[0]};
    if (network->scaling != NULL && !fitted)
        ; /* any value */
    else if (output == AE_ACTIVATION_SIGMOID || cost == AE_COST_BCE)
        b.range.low = 0, b.range.high = 1;
    else if (output == AE_ACTIVATION_TANH)
        b.range.low = -1, b.range.high = 1;
    else if (output == AE_ACTIVATION_RELU)
        b.range.low = 0;
    const aei_scaling *scaling = network->scaling;
    if (scaling != NULL)
        AE_TRY(aei_scaling_create(&b.scaling, scaling->features, scaling->offset, scaling->scale));
    const ae_status status = aei_dataset_is_resident(dataset) ? check_resident(&b, dataset) : AE_OK;
    if (status != AE_OK) {
        aei_bounds_free(&b);
        return aei_fail_within(status, "%s", name);
    }
    *bounds = b;
    return AE_OK;
}

void aei_bounds_free(aei_bounds *bounds)
{
    aei_scaling_free(bounds->scaling);
    bounds->scaling = NULL;
}
