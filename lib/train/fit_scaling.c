/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/arena.h"
#include "base/error.h"
#include "base/options.h"
#include "data/dataset_internal.h"
#include "data/reader.h"
#include "model/network_internal.h"

#include <libae/scaling.h>
#include <math.h>
#include <stdlib.h>

/* What is known of each feature after a reading of all rows: features elements each. */
typedef struct summary {
    float *low, *high, *row;
    double *mean, *squares; /* squares: of the distances from the mean */
    double *present;        /* values that are not missing */
} summary;

static void lay_out(summary *s, aei_arena *arena, size_t features)
{
    s->low = aei_arena_take(arena, features, sizeof *s->low);
    s->high = aei_arena_take(arena, features, sizeof *s->high);
    s->row = aei_arena_take(arena, features, sizeof *s->row);
    s->mean = aei_arena_take(arena, features, sizeof *s->mean);
    s->squares = aei_arena_take(arena, features, sizeof *s->squares);
    s->present = aei_arena_take(arena, features, sizeof *s->present);
}

static ae_status add_rows(summary *s, aei_reader *reader, size_t rows, size_t features)
{
    for (size_t j = 0; j < features; j++) {
        s->low[j] = INFINITY;
        s->high[j] = -INFINITY;
    }
    for (size_t r = 0; r < rows; r++) {
        const float *row = s->row;
        AE_TRY(aei_reader_row(reader, r, s->row));
        for (size_t j = 0; j < features; j++) {
            s->low[j] = row[j] < s->low[j] ? row[j] : s->low[j];
            s->high[j] = row[j] > s->high[j] ? row[j] : s->high[j];
            s->mean[j] += isnan(row[j]) ? 0 : (double)row[j];
            s->present[j] += isnan(row[j]) ? 0 : 1;
        }
    }
    for (size_t j = 0; j < features; j++)
        s->mean[j] /= s->present[j];
    return AE_OK;
}

/* A reading of its own: the sum of squares around a known mean loses nothing where the mean is
 * large (Chan, Golub, LeVeque 1983). */
static ae_status add_squares(summary *s, aei_reader *reader, size_t rows, size_t features)
{
    for (size_t r = 0; r < rows; r++) {
        AE_TRY(aei_reader_row(reader, r, s->row));
        for (size_t j = 0; j < features; j++) {
            const double d = (double)s->row[j] - s->mean[j];
            s->squares[j] += isnan(s->row[j]) ? 0 : d * d;
        }
    }
    return AE_OK;
}

static ae_status conclude(float *offset, float *scale, const summary *s, size_t features,
                          ae_scaling kind)
{
    for (size_t j = 0; j < features; j++) {
        if (!(s->present[j] > 0))
            return aei_fail(AE_ERROR_DATA,
                            "column %zu: every value is missing: leave the column out", j);
        const bool constant = !(s->low[j] < s->high[j]);
        const bool centred = kind == AE_SCALING_Z_SCORE && !constant;
        offset[j] = centred ? (float)s->mean[j] : s->low[j];
        scale[j] = constant  ? 0
                   : centred ? (float)sqrt(s->squares[j] / s->present[j])
                             : s->high[j] - s->low[j];
        if (!isfinite(scale[j]))
            return aei_fail(AE_ERROR_DATA,
                            "column %zu: values from %g to %g are too far apart to be scaled", j,
                            (double)s->low[j], (double)s->high[j]);
    }
    return AE_OK;
}

/* A constant feature has a scale of 0 and its own value as its offset: it scales to 0, and is
 * restored exactly. */
static ae_status fit(float *offset, float *scale, const ae_dataset *dataset, ae_scaling kind)
{
    const size_t features = ae_dataset_feature_count(dataset), rows = ae_dataset_row_count(dataset);
    summary s;
    aei_arena arena = {0};
    aei_reader *reader = NULL;
    ae_status status = AE_OK;
    lay_out(&s, &arena, features);
    AE_CHECK(aei_arena_allocate(&arena));
    lay_out(&s, &arena, features);
    AE_CHECK(aei_reader_create(&reader, dataset, 0, NULL, NULL));
    AE_CHECK(add_rows(&s, reader, rows, features));
    if (kind == AE_SCALING_Z_SCORE)
        AE_CHECK(add_squares(&s, reader, rows, features));
    AE_CHECK(conclude(offset, scale, &s, features, kind));
cleanup:
    aei_reader_free(reader);
    aei_arena_free(&arena);
    return status;
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
    const aei_columns_info columns = aei_dataset_columns(dataset);
    AE_TRY(aei_network_check_columns(network, &columns, "dataset"));
    char **names = NULL;
    ae_status status = AE_OK;
    float *offset = malloc(2 * features * sizeof *offset);
    if (offset == NULL)
        return aei_fail_memory(2 * features * sizeof *offset);
    float *scale = offset + features;
    AE_CHECK(fit(offset, scale, dataset, o.kind));
    AE_CHECK(aei_network_copy_names(&names, network, &columns));
    AE_CHECK(ae_network_set_scaling(network, offset, scale));
    aei_network_take_columns(network, &columns, names);
    names = NULL;
cleanup:
    free(names);
    free(offset);
    return status;
}
