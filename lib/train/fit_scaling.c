/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a network and a dataset meet: column names, scaling. */
#include "train/fit_scaling.h"

#include "base/error.h"
#include "base/options.h"
#include "data/dataset_internal.h"
#include "model/network_internal.h"

#include <libae/scaling.h>
#include <math.h>
#include <stdlib.h>

/* Features at a time, on the stack. */
enum { CHUNK = 256 };

ae_status aei_take_column_names(ae_network *network, const ae_dataset *dataset)
{
    const size_t width = network->widths[0];
    if (network->columns != NULL || ae_dataset_column_name(dataset, 0) == NULL)
        return AE_OK;
    const char **names = calloc(width, sizeof *names);
    if (names == NULL)
        return aei_fail_memory(width * sizeof *names);
    for (size_t j = 0; j < width; j++)
        names[j] = ae_dataset_column_name(dataset, j);
    const ae_status status = ae_network_set_column_names(network, names, width);
    free(names);
    return status;
}

static ae_status outside(const ae_dataset *dataset, size_t row, size_t column, float scaled,
                         float low, float high)
{
    float value = 0;
    aei_dataset_gather(dataset, &(uint32_t){(uint32_t)row}, 1, column, 1, &value, 1);
    if (!isfinite(scaled))
        return aei_fail(AE_ERROR_DATA,
                        "row %zu, column %zu: %g is too far from the network's scaling", row,
                        column, (double)value);
    return aei_fail(AE_ERROR_DATA,
                    "row %zu, column %zu: %g, scaled to %g, is outside [%g, %g]: fit the scaling "
                    "on this set or set "
                    "another output_activation, such as AE_ACTIVATION_LINEAR",
                    row, column, (double)value, (double)scaled, (double)low, (double)high);
}

ae_status aei_scaling_check_range(const aei_scaling *scaling, const ae_dataset *dataset, float low,
                                  float high)
{
    const size_t features = ae_dataset_feature_count(dataset);
    for (size_t r = 0; r < ae_dataset_row_count(dataset); r++) {
        for (size_t first = 0; first < features; first += CHUNK) {
            const size_t count = features - first < CHUNK ? features - first : CHUNK;
            float row[CHUNK];
            aei_dataset_gather(dataset, &(uint32_t){(uint32_t)r}, 1, first, count, row, CHUNK);
            aei_scaling_apply(scaling, first, count, 1, row, CHUNK);
            for (size_t j = 0; j < count; j++)
                if (!(row[j] >= low && row[j] <= high))
                    return outside(dataset, r, first + j, row[j], low, high);
        }
    }
    return AE_OK;
}

/* What is known of some features after a pass over all rows. */
typedef struct summary {
    float low[CHUNK], high[CHUNK];
    double mean[CHUNK], squares[CHUNK]; /* squares: of the distances from the mean */
    double present[CHUNK];              /* values that are not missing */
} summary;

static void read_chunk(float row[CHUNK], const ae_dataset *dataset, size_t r, size_t first,
                       size_t count)
{
    aei_dataset_gather(dataset, &(uint32_t){(uint32_t)r}, 1, first, count, row, CHUNK);
}

/* Two passes: the sum of squares around a known mean loses nothing where the mean is large (Chan,
 * Golub, LeVeque 1983).
 */
static void summarise(summary *s, const ae_dataset *dataset, size_t first, size_t count,
                      bool squares)
{
    const size_t rows = ae_dataset_row_count(dataset);
    float row[CHUNK];
    for (size_t j = 0; j < count; j++) {
        s->low[j] = INFINITY;
        s->high[j] = -INFINITY;
        s->mean[j] = s->squares[j] = s->present[j] = 0;
    }
    for (size_t r = 0; r < rows; r++) {
        read_chunk(row, dataset, r, first, count);
        for (size_t j = 0; j < count; j++) {
            s->low[j] = row[j] < s->low[j] ? row[j] : s->low[j];
            s->high[j] = row[j] > s->high[j] ? row[j] : s->high[j];
            s->mean[j] += isnan(row[j]) ? 0 : (double)row[j];
            s->present[j] += isnan(row[j]) ? 0 : 1;
        }
    }
    for (size_t j = 0; j < count; j++)
        s->mean[j] /= s->present[j];
    for (size_t r = 0; r < rows && squares; r++) {
        read_chunk(row, dataset, r, first, count);
        for (size_t j = 0; j < count; j++) {
            const double d = (double)row[j] - s->mean[j];
            s->squares[j] += isnan(row[j]) ? 0 : d * d;
        }
    }
}

static ae_status fit(float *offset, float *scale, const ae_dataset *dataset, ae_scaling kind)
{
    const size_t features = ae_dataset_feature_count(dataset);
    for (size_t first = 0; first < features; first += CHUNK) {
        const size_t count = features - first < CHUNK ? features - first : CHUNK;
        summary s;
        summarise(&s, dataset, first, count, kind == AE_SCALING_Z_SCORE);
        for (size_t j = 0; j < count; j++) {
            if (!(s.present[j] > 0))
                return aei_fail(AE_ERROR_DATA,
                                "column %zu: every value is missing: leave the column out",
                                first + j);
            const bool constant = !(s.low[j] < s.high[j]);
            const bool centred = kind == AE_SCALING_Z_SCORE && !constant;
            offset[first + j] = centred ? (float)s.mean[j] : s.low[j];
            scale[first + j] = constant  ? 0
                               : centred ? (float)sqrt(s.squares[j] / s.present[j])
                                         : s.high[j] - s.low[j];
            if (!isfinite(scale[first + j]))
                return aei_fail(AE_ERROR_DATA,
                                "column %zu: values from %g to %g are too far apart to be scaled",
                                first + j, (double)s.low[j], (double)s.high[j]);
        }
    }
    return AE_OK;
}

AEI_OPTIONS_INIT(ae_scaling_options)

ae_status ae_network_fit_scaling(ae_network *network, const ae_dataset *dataset,
                                 const ae_scaling_options *options)
{
    AE_REQUIRE(network);
    AE_REQUIRE(dataset);
    ae_scaling_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_scaling_options"));
    AE_TRY(aei_check_reserved(o.reserved, "ae_scaling_options"));
    AE_TRY(aei_check_enum((int)o.kind, AE_SCALING_Z_SCORE, "kind", "ae_scaling"));
    const size_t features = network->widths[0];
    AE_TRY(aei_network_check_width(network, ae_dataset_feature_count(dataset), "dataset"));
    float *offset = malloc(2 * features * sizeof *offset);
    if (offset == NULL)
        return aei_fail_memory(2 * features * sizeof *offset);
    float *scale = offset + features;
    ae_status status = fit(offset, scale, dataset, o.kind);
    if (status == AE_OK)
        status = ae_network_set_scaling(network, offset, scale);
    free(offset);
    return status;
}
