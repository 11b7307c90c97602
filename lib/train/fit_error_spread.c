/* SPDX-License-Identifier: BSD-3-Clause */
/* Fitting the spread of each feature's error: reconstruct held-out rows, take medians. */
#include "train/fit_error_spread.h"

#include "base/error.h"
#include "base/options.h"
#include "data/dataset_internal.h"
#include "model/network_internal.h"
#include "train/check_dataset.h"
#include "train/evaluate_internal.h"
#include "train/quantile.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* The most errors that are kept at once. A median of that many over some thousand features is still
 * one of thousands of rows. */
enum { MOST_ERRORS = 1 << 24 };

static const float least_share = 0x1p-19f; /* of a feature's magnitude: 16 ulp */

AEI_OPTIONS_INIT(ae_error_spread_options)

/* What a fit works with. */
typedef struct fitting {
    const ae_dataset *dataset;
    size_t features, rows;    /* rows that are looked at, evenly spaced */
    float *errors;            /* [features][rows], without sign; counts[j] of each are there */
    size_t *counts;           /* [features] */
    bool missing;             /* a NaN is a missing value, which has no error */
    float *greatest, *spread; /* [features] */
    float *values, *outputs;  /* [batch][features] */
} fitting;

/* The row of the dataset that is looked at i-th; the product stays below 2^64, as rows < 2^32. */
static size_t row_number(const fitting *f, size_t i)
{
    return (size_t)((uint64_t)i * ae_dataset_row_count(f->dataset) / f->rows);
}

static ae_status keep_errors(fitting *f, size_t i, const float *row, const float *output)
{
    for (size_t j = 0; j < f->features; j++) {
        const float error = fabsf(output[j] - row[j]);
        if (f->missing && isnan(row[j]))
            continue;
        if (!isfinite(error))
            return aei_fail(AE_ERROR_DATA,
                            "held-out row %zu, column %zu: its reconstruction error %g is not "
                            "finite",
                            row_number(f, i), j, (double)error);
        f->errors[j * f->rows + f->counts[j]++] = error;
        f->greatest[j] = fmaxf(f->greatest[j], fabsf(row[j]));
    }
    return AE_OK;
}

static ae_status collect(fitting *f, ae_session *session)
{
    const size_t batch = aei_session_max_batch(session);
    for (size_t done = 0; done < f->rows; done += batch) {
        const size_t count = f->rows - done < batch ? f->rows - done : batch;
        for (size_t r = 0; r < count; r++)
            AE_TRY(ae_dataset_read(f->dataset, row_number(f, done + r), 1,
                                   f->values + r * f->features));
        AE_TRY(ae_session_reconstruct(session, f->values, count, f->outputs));
        for (size_t r = 0; r < count; r++)
            AE_TRY(keep_errors(f, done + r, f->values + r * f->features,
                               f->outputs + r * f->features));
    }
    return AE_OK;
}

static ae_status take_medians(fitting *f)
{
    for (size_t j = 0; j < f->features; j++) {
        float *errors = f->errors + j * f->rows;
        const size_t count = f->counts[j];
        if (count == 0)
            return aei_fail(AE_ERROR_DATA, "held-out set, column %zu: every value is missing", j);
        aei_sort(errors, count);
        const float spread = (float)(AEI_MAD_SCALE * aei_quantile(errors, count, 0.5)),
                    least = fmaxf(f->greatest[j] * least_share, errors[count - 1] * least_share);
        f->spread[j] = fmaxf(spread, least);
        if (!(f->spread[j] > 0))
            f->spread[j] = 1; /* 0 throughout: nothing tells what is much */
    }
    return AE_OK;
}

ae_status aei_error_spread_fit(ae_network *network, ae_session *session, const ae_dataset *held_out)
{
    const size_t features = network->widths[0], all = ae_dataset_row_count(held_out),
                 most = MOST_ERRORS / features > 0 ? MOST_ERRORS / features : 1,
                 batch = aei_session_max_batch(session), rows = all < most ? all : most,
                 floats = features * (rows + 2 + 2 * batch);
    float *room = calloc(floats, sizeof *room);
    size_t *counts = calloc(features, sizeof *counts);
    fitting f = {.dataset = held_out,
                 .features = features,
                 .rows = rows,
                 .errors = room,
                 .counts = counts,
                 .missing = network->fill != NULL};
    ae_status status = AE_OK;
    if (room == NULL || counts == NULL)
        AE_CHECK(aei_fail_memory(floats * sizeof *room));
    f.greatest = f.errors + features * rows;
    f.spread = f.greatest + features;
    f.values = f.spread + features;
    f.outputs = f.values + features * batch;
    AE_CHECK(collect(&f, session));
    AE_CHECK(take_medians(&f));
    status = ae_network_set_error_spread(network, f.spread);
cleanup:
    free(counts);
    free(room);
    return status;
}

ae_status ae_network_fit_error_spread(ae_network *network, const ae_dataset *held_out,
                                      const ae_error_spread_options *options)
{
    AE_REQUIRE(network);
    AE_REQUIRE(held_out);
    ae_error_spread_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_error_spread_options"));
    AE_TRY(aei_network_check_dataset(network, held_out, "held-out set"));
    AE_TRY(aei_dataset_check_missing(held_out, network->fill != NULL, "held-out set"));
    ae_session *session;
    AE_TRY(aei_session_for_dataset(&session, network, o.threads));
    const ae_status status = aei_error_spread_fit(network, session, held_out);
    ae_session_free(session);
    return status;
}
