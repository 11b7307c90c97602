/* SPDX-License-Identifier: BSD-3-Clause */
/* Fitting a network's threshold: score all held-out rows, sort, apply the rule, and add what
 * rounding may move a score by. */
#include <libae/threshold.h>

#include "base/error.h"
#include "base/options.h"
#include "data/dataset_internal.h"
#include "model/cost.h"
#include "model/score_f64.h"
#include "model/session_internal.h"
#include "train/check_dataset.h"
#include "train/evaluate_internal.h"
#include "train/fit_error_spread.h"
#include "train/quantile.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

AEI_OPTIONS_INIT(ae_threshold_options)

/* Rows whose scores are computed in other ways, at most; one pass of a session takes as many. */
enum { WITNESSES = AEI_PASS_ROWS };

/*
 * How much more than the greatest difference that was seen. Another order of the sums is as far
 * from float64 as this one, on either side, so two such distances lie between them; the rest is for
 * the few rows that were looked at. In bfloat16 the session itself was looked at, but processors
 * with instructions for bfloat16 round the rows too.
 */
static const double margin_factor = 8, bf16_factor = 2;

static ae_status resolve(ae_threshold_options *o, aei_score_form *form,
                         const ae_threshold_options *options, const ae_network *network)
{
    AE_TRY(aei_options_read(o, sizeof *o, options, "ae_threshold_options"));
    AE_TRY(aei_check_enum((int)o->rule, AE_THRESHOLD_MEDIAN_MAD, "rule",
                          "ae_threshold_rule to fit by"));
    AE_TRY(aei_check_reserved(o->reserved, "ae_threshold_options"));
    AE_TRY(aei_score_form_resolve(form, network, o->cost, o->units));
    o->rule = o->rule == AE_THRESHOLD_DEFAULT ? AE_THRESHOLD_QUANTILE : o->rule;
    /* An option without effect would leave its caller with another threshold than meant. */
    if (o->rule == AE_THRESHOLD_QUANTILE && o->k != 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "k is %g, but AE_THRESHOLD_QUANTILE has no k: set rule", o->k);
    if (o->rule != AE_THRESHOLD_QUANTILE && o->quantile != 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "quantile is %g, but only AE_THRESHOLD_QUANTILE has one", o->quantile);
    o->quantile = o->quantile == 0 ? 0.99 : o->quantile;
    o->k = o->k == 0 ? 3 : o->k;
    if (!(o->quantile > 0 && o->quantile <= 1))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "quantile %g is not in (0, 1]", o->quantile);
    if (!(o->k > 0 && o->k < (double)INFINITY))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "k %g is not positive and finite", o->k);
    return AE_OK;
}

static ae_score_options options_of(aei_score_form form)
{
    return (ae_score_options){
        .size = sizeof(ae_score_options), .cost = form.cost, .units = form.units};
}

static ae_status score_all(float *scores, ae_session *session, const ae_dataset *dataset,
                           aei_score_form form)
{
    const ae_score_options options = options_of(form);
    const size_t rows = ae_dataset_row_count(dataset), batch = aei_session_max_batch(session),
                 bytes = batch * ae_dataset_feature_count(dataset) * sizeof(float);
    float *values = malloc(bytes);
    if (values == NULL)
        return aei_fail_memory(bytes);
    ae_status status = AE_OK;
    for (size_t done = 0; done < rows; done += batch) {
        const size_t count = rows - done < batch ? rows - done : batch;
        AE_CHECK(ae_dataset_read(dataset, done, count, values));
        AE_CHECK(ae_session_score(session, values, count, scores + done, NULL, &options));
        for (size_t r = done; r < done + count; r++)
            if (!isfinite(scores[r]))
                AE_CHECK(aei_fail(AE_ERROR_DATA, "held-out row %zu: its score %g is not finite%s",
                                  r, (double)scores[r],
                                  isnan(scores[r]) && ae_dataset_has_missing(dataset)
                                      ? ": all of its values may be missing: leave the row out"
                                      : ""));
    }
cleanup:
    free(values);
    return status;
}

/* Around the mean, in a second loop, so that nothing cancels where scores are large and close. */
static void mean_and_deviation(const float *scores, size_t count, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)scores[i];
    *mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += ((double)scores[i] - *mean) * ((double)scores[i] - *mean);
    *deviation = sqrt(squares / (double)(count - 1));
}

/* The k-th smallest distance from the centre can be found without another array: the distances of
 * sorted values fall, then rise, so two fingers walk outwards from the middle. */
static double median_deviation(const float *sorted, size_t count, double centre)
{
    size_t right = 0;
    while (right < count && (double)sorted[right] < centre)
        right++;
    size_t left = right; /* the next on the left is left - 1 */
    double last = 0, before = 0;
    for (size_t taken = 0; taken < count / 2 + 1; taken++) {
        const double above = right < count ? (double)sorted[right] - centre : (double)INFINITY;
        const double below = left > 0 ? centre - (double)sorted[left - 1] : (double)INFINITY;
        before = last;
        last = fmin(above, below);
        if (above <= below)
            right++;
        else
            left--;
    }
    return count % 2 == 1 ? last : (before + last) / 2;
}

/* Scores are sorted here. */
static ae_threshold apply_rule(const ae_threshold_options *o, aei_score_form form, float *scores,
                               size_t count)
{
    ae_threshold t = {
        .size = sizeof t, .cost = form.cost, .units = form.units, .rule = o->rule, .rows = count};
    if (o->rule == AE_THRESHOLD_MEAN_SD)
        mean_and_deviation(scores, count, &t.centre, &t.spread); /* in the order of the rows */
    aei_sort(scores, count);
    if (o->rule != AE_THRESHOLD_MEAN_SD) {
        t.centre = aei_quantile(scores, count, 0.5);
        t.spread = AEI_MAD_SCALE * median_deviation(scores, count, t.centre);
    }
    if (o->rule == AE_THRESHOLD_QUANTILE) {
        t.quantile = o->quantile;
        t.value = aei_quantile(scores, count, o->quantile);
    } else {
        t.k = o->k;
        t.value = t.centre + t.k * t.spread;
    }
    return t;
}

/* Held-out rows next to the threshold, on or below it: those that rounding might lift over it. */
typedef struct witnesses {
    size_t count;
    float *rows, scores[WITNESSES]; /* rows: [count][features] */
} witnesses;

static ae_status find_witnesses(witnesses *w, const ae_dataset *dataset, const float *scores,
                                const float *sorted, double value)
{
    const size_t all = ae_dataset_row_count(dataset), features = ae_dataset_feature_count(dataset);
    size_t below = 0;
    while (below < all && (double)sorted[below] <= value)
        below++;
    const float least = below > WITNESSES ? sorted[below - WITNESSES] : sorted[0];
    for (size_t r = 0; r < all && w->count < WITNESSES; r++) {
        if (scores[r] < least || (double)scores[r] > value)
            continue;
        AE_TRY(ae_dataset_read(dataset, r, 1, w->rows + w->count * features));
        w->scores[w->count++] = scores[r];
    }
    return AE_OK;
}

static ae_status score_in_bf16(float *scores, const witnesses *w, const ae_network *network,
                               aei_score_form form)
{
    const ae_score_options options = options_of(form);
    ae_session *session;
    AE_TRY(
        ae_session_create(&session, network, AE_SESSION_OPTIONS(.precision = AE_PRECISION_BF16)));
    const ae_status status = ae_session_score(session, w->rows, w->count, scores, NULL, &options);
    ae_session_free(session);
    return status;
}

/* The threshold's margins; its value is still what the rule gave. */
static ae_status fit_margins(ae_threshold *t, const ae_network *network, const ae_dataset *dataset,
                             const float *scores, const float *sorted)
{
    const aei_score_form form = {t->cost, t->units};
    const size_t features = network->widths[0], floats = WITNESSES * features;
    witnesses w = {.rows = malloc(floats * sizeof *w.rows)};
    double *room = malloc(aei_score_f64_room(network) * sizeof *room), most = 0, bf16 = 0;
    float in_bf16[WITNESSES] = {0};
    ae_status status = AE_OK;
    if (w.rows == NULL || room == NULL)
        AE_CHECK(aei_fail_memory(floats * sizeof *w.rows));
    AE_CHECK(find_witnesses(&w, dataset, scores, sorted, t->value));
    AE_CHECK(score_in_bf16(in_bf16, &w, network, form));
    for (size_t i = 0; i < w.count; i++) {
        const double score = (double)w.scores[i];
        /* fmax passes over NaN, where bfloat16 or float64 left the numbers */
        most = fmax(most, fabs(aei_score_f64(network, form, w.rows + i * features, room) - score));
        bf16 = fmax(bf16, fabs((double)in_bf16[i] - score));
    }
    /* One row that happens to be exact says nothing of the next. */
    t->margin = fmax(margin_factor * most, 8 * (double)FLT_EPSILON * fabs(t->value));
    t->margin_bf16 = isfinite(bf16) ? bf16_factor * bf16 : 0;
cleanup:
    free(room);
    free(w.rows);
    return status;
}

static ae_status fit(ae_network *network, ae_session *session, const ae_dataset *held_out,
                     const ae_threshold_options *o, aei_score_form form)
{
    const size_t rows = ae_dataset_row_count(held_out);
    float *scores = malloc(2 * rows * sizeof *scores);
    if (scores == NULL)
        return aei_fail_memory(2 * rows * sizeof *scores);
    float *sorted = scores + rows;
    ae_status status = AE_OK;
    AE_CHECK(score_all(scores, session, held_out, form));
    memcpy(sorted, scores, rows * sizeof *scores);
    ae_threshold threshold = apply_rule(o, form, sorted, rows);
    AE_CHECK(fit_margins(&threshold, network, held_out, scores, sorted));
    threshold.value += threshold.margin;
    if (!isfinite(threshold.value))
        AE_CHECK(aei_fail(AE_ERROR_DATA, "held-out set: the threshold %g is not finite",
                          threshold.value));
    aei_network_keep_threshold(network, &threshold);
cleanup:
    free(scores);
    return status;
}

ae_status ae_network_fit_threshold(ae_network *network, const ae_dataset *held_out,
                                   const ae_threshold_options *options)
{
    AE_REQUIRE(network);
    AE_REQUIRE(held_out);
    ae_threshold_options o;
    aei_score_form form;
    AE_TRY(resolve(&o, &form, options, network));
    const size_t rows = ae_dataset_row_count(held_out);
    AE_TRY(aei_network_check_dataset(network, held_out, "held-out set"));
    AE_TRY(aei_dataset_check_missing(held_out, network->fill != NULL, "held-out set"));
    if (o.rule == AE_THRESHOLD_MEAN_SD && rows < 2)
        return aei_fail(AE_ERROR_SHAPE, "held-out set: %zu row, but a standard deviation needs 2",
                        rows);
    const bool wants_spread = form.units == AE_SCORE_UNITS_SPREAD &&
                              aei_network_error_spread(network) == NULL;
    ae_session *session;
    AE_TRY(aei_session_for_dataset(&session, network, o.threads));
    ae_status status = AE_OK;
    if (wants_spread)
        AE_CHECK(aei_error_spread_fit(network, session, held_out));
    status = fit(network, session, held_out, &o, form);
    if (status != AE_OK && wants_spread)
        ae_network_clear_error_spread(network);
cleanup:
    ae_session_free(session);
    return status;
}
