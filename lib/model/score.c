/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A score is the sum of its contributions as they are given out, float32 values added in float64 in
 * the order of the features: exact for whoever adds them up again. That one sum cannot be split, so
 * a few rows are taken side by side, and the processor works on their sums at once.
 */
#include "model/score.h"

#include <math.h>
#include <string.h>

/* Rows side by side; features at a time, a divisor of every panel. */
enum { LANES = 8, CHUNK = 16 };

/* A chunk's place in its row: the first feature, how many, and the offset in panels of the batch's
 * first row. */
typedef struct chunk {
    size_t first, count, offset;
} chunk;

static chunk chunk_at(const aei_score_job *job, size_t first)
{
    const size_t panel = job->kernels->panel, left = job->features - first;
    return (chunk){first, left < CHUNK ? left : CHUNK,
                   first / panel * job->rows * panel + first % panel};
}

/* |d|^2, in float64 since the squares of unscaled data leave float32; four sums, in any
 * order. */
static inline double sum_of_squares(const aei_score_job *job, size_t row, bool missing)
{
    double sums[4] = {0};
    for (size_t first = 0; first < job->features; first += CHUNK) {
        const chunk c = chunk_at(job, first);
        const size_t at = c.offset + row * job->kernels->panel;
        for (size_t j = 0; j < c.count; j++) {
            const double d = (double)job->output[at + j] - (double)job->input[at + j];
            sums[j % 4] += missing && isnan(job->input[at + j]) ? 0 : d * d;
        }
    }
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* As aei_missing_weight, for a row of the job: what makes scores of rows compare. Of a row without
 * any value nothing is known: NaN, which ae_session_detect flags. */
static double weight_of(const aei_score_job *job, size_t row)
{
    double there = 0;
    if (!job->missing)
        return 1;
    for (size_t first = 0; first < job->features; first += CHUNK) {
        const chunk c = chunk_at(job, first);
        for (size_t j = 0; j < c.count; j++)
            there += isnan(job->input[c.offset + row * job->kernels->panel + j]) ? 0 : 1;
    }
    return there > 0 ? (double)job->features / there : (double)NAN;
}

/* What a feature's squared error, or cross-entropy, is multiplied by to become its contribution. */
static double factor_of(const aei_score_job *job, size_t row)
{
    const double weight = weight_of(job, row);
    if (job->cost == AE_COST_SSE || isnan(weight))
        return weight;
    if (job->cost != AE_COST_L2)
        return weight / (double)job->features;
    /* Two calls, so that rows without missing values run through a loop without branches. */
    const double squares = job->missing ? sum_of_squares(job, row, true)
                                        : sum_of_squares(job, row, false);
    const double distance = sqrt(weight * squares);
    if (isinf(distance))
        return 1; /* an infinite difference stays one, and so does the score */
    return distance > 0 ? weight / distance : 0;
}

static void leave_out_missing(size_t count, const float *t, float *values)
{
    for (size_t j = 0; j < count; j++)
        values[j] = isnan(t[j]) ? 0 : values[j];
}

/*
 * A NaN that is no missing value makes the whole reconstruction NaN, and with it every
 * contribution.
 * Only the features that are NaN themselves keep it, so that the caller learns which sensor it was.
 */
static void name_nan(const aei_score_job *job, size_t row)
{
    const size_t panel = job->kernels->panel;
    for (size_t j = 0; j < job->features; j++) {
        const float t = job->input[(j / panel * job->rows + row) * panel + j % panel];
        float *value = &job->contributions[row * job->features + j];
        *value = isnan(t) ? t : isnan(*value) ? 0 : *value;
    }
}

static bool has_nan(const aei_score_job *job, size_t row)
{
    const size_t panel = job->kernels->panel;
    for (size_t j = 0; j < job->features; j++)
        if (isnan(job->input[(j / panel * job->rows + row) * panel + j % panel]))
            return true;
    return false;
}

static void square_contributions(size_t count, const float *y, const float *t, double factor,
                                 float *values)
{
    for (size_t j = 0; j < count; j++) {
        const double d = (double)y[j] - (double)t[j];
        values[j] = (float)(d * d * factor);
    }
}

void aei_entropies(const aei_kernels *kernels, size_t count, const float *y, const float *t,
                   double factor, float *values)
{
    float logs[2 * CHUNK] = {0};
    for (size_t j = 0; j < count; j++) {
        logs[j] = y[j] < AEI_LEAST_OUTPUT ? AEI_LEAST_OUTPUT : y[j];
        logs[count + j] = 1 - y[j] < AEI_LEAST_REST ? AEI_LEAST_REST : 1 - y[j];
    }
    kernels->map_elementwise(AEI_MAP_LOG, 2 * count, logs, logs);
    for (size_t j = 0; j < count; j++) {
        const double target = (double)t[j];
        values[j] = (float)(-(target * (double)logs[j] + (1 - target) * (double)logs[count + j]) *
                            factor);
    }
}

static void score_lanes(const aei_score_job *job, size_t row, size_t rows)
{
    const size_t panel = job->kernels->panel;
    double factors[LANES] = {0}, sums[LANES] = {0};
    float values[LANES][CHUNK] = {{0}};
    for (size_t r = 0; r < rows; r++)
        factors[r] = factor_of(job, row + r);
    for (size_t first = 0; first < job->features; first += CHUNK) {
        const chunk c = chunk_at(job, first);
        for (size_t r = 0; r < rows; r++) {
            const size_t at = c.offset + (row + r) * panel;
            if (job->cost == AE_COST_BCE)
                aei_entropies(job->kernels, c.count, job->output + at, job->input + at, factors[r],
                              values[r]);
            else
                square_contributions(c.count, job->output + at, job->input + at, factors[r],
                                     values[r]);
            if (job->missing)
                leave_out_missing(c.count, job->input + at, values[r]);
            if (job->contributions != NULL)
                memcpy(job->contributions + (row + r) * job->features + first, values[r],
                       c.count * sizeof values[r][0]);
        }
        for (size_t j = 0; j < c.count; j++)
            for (size_t r = 0; r < LANES; r++)
                sums[r] += (double)values[r][j];
    }
    for (size_t r = 0; r < rows; r++) {
        const double score = isnan(factors[r]) ? factors[r] : sums[r];
        job->scores[row + r] = (float)score;
        if (isnan(score) && job->contributions != NULL && has_nan(job, row + r))
            name_nan(job, row + r);
    }
}

void aei_score_rows(const aei_score_job *job, aei_range rows)
{
    for (size_t row = rows.first; row < rows.last; row += LANES)
        score_lanes(job, row, rows.last - row < LANES ? rows.last - row : LANES);
}
