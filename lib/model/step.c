/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The training step. Every thread of the team runs `take_step`; in each phase it takes one of the
 * layer's panels after another, and with it all rows of the batch for those features, so that a
 * matrix product is followed at once, in cache and without waiting, by its batch statistics,
 * normalisation and non-linearity. The phases, with a barrier between any two:
 *
 *     input      gather a panel of the batch, scale it, corrupt it             1 barrier
 *     forward    for each layer: product, normalise, non-linearity             1 each
 *     output     cost of every row, gradient at the output layer               1
 *     backward   for each layer from the last: gradient of its input with the
 *                old weights, then gradient of its weights, which go straight
 *                into the optimizer while they are in cache                    1 each but the last
 *     stored     where the gradient is kept: its norm, then the optimizer      2 more
 *
 * In the backward phase the panels are of the layer's *input* features: those rows of the
 * weights are read by nobody else, so updating them needs no barrier.
 *
 * A batch may be cut into blocks, which have batch statistics and gradients of their own. A thread
 * takes a panel of all blocks, one after another, while the panel's weights are in its cache, and
 * adds their gradients in the order of a tree (tree.h).
 */
#include "base/error.h"
#include "model/cost.h"
#include "model/step_ranks.h"

#include <math.h>
#include <string.h>

static void reset_queue(aei_step *step, size_t phase, size_t features)
{
    aei_work_queue_reset(&step->queues[phase * step->threads], step->threads,
                         (uint32_t)aei_step_panels(step, features));
}

static void queue_panels(aei_step *step)
{
    const size_t *widths = step->network->widths, depth = step->network->depth;
    reset_queue(step, AEI_PHASE_INPUT, widths[0]);
    reset_queue(step, AEI_PHASE_OUTPUT, widths[depth]);
    for (size_t l = 0; l < depth; l++) {
        reset_queue(step, aei_step_phase(l, AEI_FORWARD), widths[l + 1]);
        /* The first layer's input has no gradient, and over several ranks its weights have a phase
         * of their own. */
        reset_queue(step, aei_step_phase(l, AEI_BACKWARD),
                    step->ranks != NULL && l == 0 ? 0 : widths[l]);
        reset_queue(step, aei_step_phase(l, AEI_WEIGHTS), widths[l + 1]);
    }
}

/*
 * Every thread works out the costs of all blocks for itself, in the same order; it is cheaper than
 * a barrier. What it sees in `finite` is the same in every thread.
 */
static double cost_of_batch(aei_step *s, size_t thread, bool *finite)
{
    float *factor = s->scratch[thread].factor;
    const aei_step_job *job = s->job;
    const size_t features = s->network->widths[0];
    const size_t panels = aei_step_panels(s, features);
    double sum = 0;
    for (size_t b = 0; b < s->block_count; b++) {
        aei_step_block *block = &s->blocks[b];
        const aei_there there = {block->present, panels, s->whole};
        const float *weights = job->row_weights == NULL ? NULL : job->row_weights + block->local;
        const double cost = aei_cost_of_rows(job->cost, block->rows, s->batch_rows, features,
                                             panels, block->costs, s->missing ? &there : NULL,
                                             weights, factor + block->local);
        sum += cost;
        *finite = *finite && isfinite(cost);
        if (thread == 0)
            block->cost = cost;
    }
    return sum / (double)s->batch_rows;
}

/* The penalty of the batch from the shares of its panels. */
static double add_penalties(aei_step *s, size_t thread, bool *finite)
{
    double sum = 0;
    for (size_t b = 0; b < s->block_count; b++) {
        double share = 0;
        for (size_t p = 0;
             s->penalised < s->network->depth && p < s->network->layers[s->penalised].panels; p++)
            share += s->blocks[b].penalties[p];
        sum += share;
        *finite = *finite && isfinite(share);
        if (thread == 0)
            s->blocks[b].penalty = share;
    }
    return sum;
}

/* Backward over several ranks: a layer's weights are its owners' as soon as all threads are through
 * with it. */
static void go_back(aei_step *s, size_t thread)
{
    for (size_t l = s->network->depth; l-- > 0;) {
        aei_team_barrier(s->team);
        if (s->ranks != NULL && thread == 0)
            aei_ranks_layer_is_done(s, l + 1);
        aei_step_backward(s, l, thread);
    }
}

/* The end of a step of several ranks. A rank whose cost is not finite has nothing to add; the
 * others see that in its report. */
static void take_ranks_step(aei_step *s, bool finite, size_t thread)
{
    if (thread == 0)
        aei_ranks_report(s, finite ? AEI_WORD_GO : AEI_WORD_DIVERGED,
                         finite ? AE_OK : AE_ERROR_DIVERGED);
    if (finite) {
        aei_step_output_gradient(s, thread);
        go_back(s, thread);
    }
    aei_team_barrier(s->team);
    if (thread == 0)
        aei_ranks_layer_is_done(s, 0);
    aei_ranks_end(s, thread);
}

static void take_step(void *context, size_t thread)
{
    aei_step *s = context;
    const size_t depth = s->network->depth;
    bool finite = true;
    aei_step_gather(s, thread);
    for (size_t l = 0; l < depth; l++) {
        aei_team_barrier(s->team);
        aei_step_forward(s, l, thread);
    }
    if (s->ranks != NULL && thread == 0) /* every thread writes to their memory from here on */
        aei_ranks_await_all(s);
    aei_team_barrier(s->team);
    const double cost = cost_of_batch(s, thread, &finite);
    const double penalty = add_penalties(s, thread, &finite);
    if (s->ranks != NULL) {
        take_ranks_step(s, finite, thread);
        return;
    }
    if (thread == 0) {
        s->cost = cost;
        s->penalty = penalty;
    }
    if (!isfinite(cost) || !isfinite(penalty)) {
        if (thread == 0)
            s->diverged = true;
        return;
    }
    aei_step_output_gradient(s, thread);
    go_back(s, thread);
    if (!s->stored)
        return;
    aei_team_barrier(s->team);
    aei_step_finish_stored(s, thread);
}

/* Only what is not finite is named: without clipping the norm is never computed. */
static ae_status fail_diverged(const aei_step *step)
{
    const bool cost = !isfinite(step->cost), penalty = !isfinite(step->penalty);
    const double value = cost ? step->cost : penalty ? step->penalty : step->gradient_norm;
    return aei_fail(AE_ERROR_DIVERGED, "%s is %s: not finite",
                    cost      ? "the cost of the batch"
                    : penalty ? "the penalty of the batch"
                              : "the gradient's norm",
                    isnan(value) ? "nan"
                    : value > 0  ? "inf"
                                 : "-inf");
}

static void cut_into_blocks(aei_step *step)
{
    const aei_blocks blocks = {step->batch_rows, step->block_size,
                               aei_network_norms(step->network) > 0};
    aei_range mine = {0, aei_block_count(&blocks)};
    if (step->ranks != NULL) {
        aei_ranks_begin(step, step->job->clip_norm);
        mine = step->ranks->blocks[step->ranks->rank].blocks;
    }
    const size_t first_row = aei_step_own_rows(step, step->batch_rows).first;
    step->block_count = mine.last - mine.first;
    for (size_t b = 0; b < step->block_count; b++) {
        const aei_range rows = aei_block_rows(&blocks, mine.first + b);
        step->blocks[b].number = mine.first + b;
        step->blocks[b].first = rows.first;
        step->blocks[b].local = rows.first - first_row;
        step->blocks[b].rows = rows.last - rows.first;
    }
}

/* Divergence by clipping's norm is seen by every rank alike. */
static ae_status outcome(const aei_step *step)
{
    if (step->ranks != NULL)
        AE_TRY(aei_ranks_outcome(step));
    return step->diverged ? fail_diverged(step) : AE_OK;
}

ae_status aei_step_run(aei_step *step, const aei_step_job *job, double *cost, double *gradient_norm)
{
    step->job = job;
    step->number = job->number;
    step->batch_rows = job->batch_rows == 0 ? job->row_count : job->batch_rows;
    cut_into_blocks(step);
    step->diverged = step->complete = false;
    step->cost = step->penalty = step->gradient_norm = 0;
    const ae_network *n = step->network;
    step->penalised = aei_penalty_is_on(&job->penalty) ? n->encoder_layers - 1 : n->depth;
    step->whole = aei_sum_weights(n->widths[0], n->kernels->panel, job->feature_weights);
    queue_panels(step);
    const ae_status status = aei_team_run(step->team, take_step, step);
    step->job = NULL; /* the caller's */
    *cost = step->cost;
    *gradient_norm = step->gradient_norm;
    if (status != AE_OK)
        return status;
    AE_TRY(outcome(step));
    step->complete = true;
    step->network->generation++;
    step->network->batches_tracked += aei_network_norms(step->network) > 0 ? 1 : 0;
    return AE_OK;
}

void aei_step_forget_gradient(aei_step *step)
{
    step->complete = false;
}

double aei_step_penalty(const aei_step *step)
{
    return step->penalty;
}

const float *aei_step_gradient(const aei_step *step)
{
    return step->complete ? step->gradient : NULL;
}

void aei_step_output(const aei_step *step, size_t layer, float *values)
{
    const size_t panel = step->network->kernels->panel, out = step->network->layers[layer].out;
    for (size_t b = 0; b < step->block_count; b++) {
        const aei_step_block *block = &step->blocks[b];
        for (size_t r = 0; r < block->rows; r++)
            for (size_t j = 0; j < out; j++)
                values[(block->first + r) * out + j] =
                    block->layers[layer].y[(j / panel * block->rows + r) * panel + j % panel];
    }
}
