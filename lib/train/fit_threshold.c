/* SPDX-License-Identifier: BSD-3-Clause */
/* Fitting a network's threshold: score all held-out rows, sort, apply the rule. */
#include <libae/threshold.h>

#include "base/cpu_internal.h"
#include "base/error.h"
#include "base/options.h"
#include "data/dataset_internal.h"
#include "model/cost.h"
#include "model/session_internal.h"

#include <math.h>
#include <stdlib.h>

/* 1 over the normal distribution's third quartile: makes the median absolute deviation of normal
 * scores their standard deviation. */
static const double mad_scale = 1.482602218505602;

AEI_OPTIONS_INIT(ae_threshold_options)

static ae_status resolve(ae_threshold_options *o, const ae_threshold_options *options,
                         const ae_network *network)
{
    AE_TRY(aei_options_read(o, sizeof *o, options, "ae_threshold_options"));
    AE_TRY(aei_check_enum((int)o->rule, AE_THRESHOLD_MEDIAN_MAD, "rule",
                          "ae_threshold_rule to fit by"));
    AE_TRY(aei_network_check_cost(network, o->cost));
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
    o->cost = o->cost == AE_COST_DEFAULT ? AE_COST_L2 : o->cost;
    o->threads = o->threads == 0 ? aei_cpu_cores() : o->threads;
    if (!(o->quantile > 0 && o->quantile <= 1))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "quantile %g is not in (0, 1]", o->quantile);
    if (!(o->k > 0 && o->k < (double)INFINITY))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "k %g is not positive and finite", o->k);
    return AE_OK;
}

static ae_status score_all(float *scores, ae_session *session, const ae_dataset *dataset,
                           ae_cost cost)
{
    const ae_score_options options = {.size = sizeof options, .cost = cost};
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
                AE_CHECK(aei_fail(AE_ERROR_DATA, "held-out row %zu: its score %g is not finite", r,
                                  (double)scores[r]));
    }
cleanup:
    free(values);
    return status;
}

static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Of sorted values, by Hyndman and Fan 1996, type 7. */
static double quantile(const float *sorted, size_t count, double q)
{
    const double at = (double)(count - 1) * q;
    const size_t below = (size_t)at;
    if (below + 1 >= count)
        return (double)sorted[count - 1];
    const double low = (double)sorted[below], high = (double)sorted[below + 1];
    return low + (at - (double)below) * (high - low);
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
static ae_threshold apply_rule(const ae_threshold_options *o, float *scores, size_t count)
{
    ae_threshold t = {.size = sizeof t, .cost = o->cost, .rule = o->rule, .rows = count};
    if (o->rule == AE_THRESHOLD_MEAN_SD) {
        mean_and_deviation(scores, count, &t.centre, &t.spread); /* in the order of the rows */
    } else {
        qsort(scores, count, sizeof *scores, by_size);
        t.centre = quantile(scores, count, 0.5);
        t.spread = mad_scale * median_deviation(scores, count, t.centre);
    }
    if (o->rule == AE_THRESHOLD_QUANTILE) {
        t.quantile = o->quantile;
        t.value = quantile(scores, count, o->quantile);
    } else {
        t.k = o->k;
        t.value = t.centre + t.k * t.spread;
    }
    return t;
}

ae_status ae_network_fit_threshold(ae_network *network, const ae_dataset *held_out,
                                   const ae_threshold_options *options)
{
    AE_REQUIRE(network);
    AE_REQUIRE(held_out);
    ae_threshold_options o;
    AE_TRY(resolve(&o, options, network));
    const size_t rows = ae_dataset_row_count(held_out);
    AE_TRY(aei_network_check_width(network, ae_dataset_feature_count(held_out), "held-out set"));
    AE_TRY(aei_dataset_check_missing(held_out, network->fill != NULL, "held-out set"));
    if (o.rule == AE_THRESHOLD_MEAN_SD && rows < 2)
        return aei_fail(AE_ERROR_SHAPE, "held-out set: %zu row, but a standard deviation needs 2",
                        rows);
    ae_session *session = NULL;
    float *scores = malloc(rows * sizeof *scores);
    ae_status status = AE_OK;
    if (scores == NULL)
        return aei_fail_memory(rows * sizeof *scores);
    AE_CHECK(ae_session_create(
        &session, network,
        &(ae_session_options){.size = sizeof(ae_session_options), .threads = o.threads}));
    AE_CHECK(score_all(scores, session, held_out, o.cost));
    const ae_threshold threshold = apply_rule(&o, scores, rows);
    if (!isfinite(threshold.value))
        AE_CHECK(aei_fail(AE_ERROR_DATA, "held-out set: the threshold %g is not finite",
                          threshold.value));
    aei_network_keep_threshold(network, &threshold);
cleanup:
    ae_session_free(session);
    free(scores);
    return status;
}
