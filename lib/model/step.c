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
 */
#include "base/error.h"
#include "model/cost.h"
#include "model/dropout.h"
#include "model/fill.h"
#include "model/step_internal.h"
#include "model/weighted.h"

#include <math.h>
#include <string.h>

enum { FORWARD, BACKWARD };

static size_t phase_of(size_t l, size_t direction)
{
    return AEI_PHASE_LAYERS + 2 * l + direction;
}

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
        reset_queue(step, phase_of(l, FORWARD), widths[l + 1]);
        reset_queue(step, phase_of(l, BACKWARD), widths[l]);
    }
}

static bool pop_panel(aei_step *step, size_t phase, size_t thread, size_t *panel)
{
    return aei_work_queue_pop(&step->queues[phase * step->threads], step->threads, thread, panel);
}

/* What products over features read: the operand, or the thread's repacked copy. */
static aei_matrix_form operand(const aei_step *s, size_t thread, const aei_matrix_form *whole,
                               size_t features)
{
    const aei_kernels *kernels = s->network->kernels;
    if (kernels->pack == NULL)
        return *whole;
    kernels->pack(s->rows, features, whole->values, s->scratch[thread].packed);
    return (aei_matrix_form){.values = s->scratch[thread].packed};
}

static const aei_matrix_form *layer_input(const aei_step *s, size_t l)
{
    return l == 0 ? &s->input_form : &s->layers[l - 1].y_form;
}

static void gather_input(aei_step *s, size_t thread)
{
    const aei_scaling *scaling = s->network->scaling;
    const size_t panel = s->network->kernels->panel, features = s->network->widths[0];
    for (size_t p; pop_panel(s, AEI_PHASE_INPUT, thread, &p);) {
        const size_t count = aei_columns(panel, features, p), at = p * s->rows * panel;
        s->job->gather(s->job->source, s->job->rows, s->rows, p * panel, count, s->target + at,
                       panel);
        if (scaling != NULL)
            aei_scaling_apply(scaling, p * panel, count, s->rows, s->target + at, panel);
        const float *clean = s->target + at;
        if (s->missing) {
            const float *weights = s->job->feature_weights;
            aei_sum_there(count, s->rows, clean, panel,
                          weights == NULL ? NULL : weights + p * panel, s->present + p * s->rows);
            aei_fill_apply(s->network, p * panel, count, s->rows, clean, s->input + at, panel);
            clean = s->input + at;
        }
        if (s->noisy)
            aei_noise_apply(&s->job->noise, s->network->kernels, features, p * panel, count,
                            s->rows, clean, s->input + at, panel);
        aei_matrix_form_store(&s->input_form, &s->mode, s->rows, p, s->input + at);
    }
}

/* Panel p of layer l's output, at y, with units dropped, for the next layer. */
static float *drop_units(const aei_step *s, size_t l, size_t p, const float *y)
{
    const aei_activations *a = &s->layers[l];
    const size_t panel = s->network->kernels->panel, tile = s->rows * panel;
    const aei_dropout dropout = {.chance = s->job->dropouts[l],
                                 .layer = (uint32_t)l,
                                 .seed = s->job->noise.seed,
                                 .step = s->job->noise.step};
    aei_dropout_draw(&dropout, p * panel, aei_columns(panel, s->network->layers[l].out, p), s->rows,
                     panel, a->factors + p * tile);
    aei_dropout_apply(tile, a->factors + p * tile, y, a->dropped + p * tile);
    return a->dropped + p * tile;
}

/* Panel p of the output is at y: each row's share of its cost. */
static void panel_costs(aei_step *s, size_t p, const float *y)
{
    const aei_kernels *kernels = s->network->kernels;
    const aei_step_job *job = s->job;
    const bool bce = job->cost == AE_COST_BCE;
    const size_t panel = kernels->panel, at = p * s->rows * panel;
    const size_t count = aei_columns(panel, s->network->widths[0], p);
    float *target = s->target + at, *costs = s->costs + p * s->rows;
    if (s->missing) {
        aei_mask_missing(count, s->rows, y, target, s->compared + at, target, panel);
        y = s->compared + at;
    }
    if (job->feature_weights == NULL)
        kernels->row_costs(s->rows, count, y, target, bce, costs);
    else
        aei_weighted_costs(kernels, s->rows, count, job->feature_weights + p * panel, y, target,
                           bce, costs);
}

static void forward_layer(aei_step *s, size_t l, size_t thread)
{
    const ae_network *n = s->network;
    const aei_kernels *kernels = n->kernels;
    const aei_layer *layer = &n->layers[l];
    const aei_activations *a = &s->layers[l];
    const size_t panel = kernels->panel, tile = s->rows * panel;
    aei_matrix_form x = {0};
    for (size_t p, taken = 0; pop_panel(s, phase_of(l, FORWARD), thread, &p); taken++) {
        if (taken == 0)
            x = operand(s, thread, layer_input(s, l), layer->in);
        const size_t count = aei_columns(panel, layer->out, p);
        float *z = a->xhat + p * tile, *y = a->y + p * tile;
        const float *beta = n->parameters + layer->beta + p * panel;
        const float *weights = n->parameters + layer->weight + p * layer->in * panel;
        /* The panel that this thread is likely to take next. */
        const float *prefetch = p + 1 < layer->panels ? weights + layer->in * panel : NULL;
        aei_multiply_nn(&s->mode, s->rows, layer->in, count, &x, weights,
                        s->scratch[thread].rounded, z, prefetch);
        if (layer->batch_norm)
            kernels->norm_forward(s->rows, count, z, y, n->parameters + layer->gamma + p * panel,
                                  beta, n->bn_epsilon, layer->f, a->mean + p * panel,
                                  a->variance + p * panel, a->inverse + p * panel);
        else
            kernels->affine_forward(s->rows, count, z, y, s->ones, beta, layer->f);
        if (l == s->penalised)
            s->penalties[p] = aei_penalty_of_panel(&s->job->penalty, s->rows, count, panel, y);
        aei_matrix_form_store(&a->y_form, &s->mode, s->rows, p,
                              a->dropped == NULL ? y : drop_units(s, l, p, y));
        if (l + 1 == n->depth)
            panel_costs(s, p, y);
    }
}

/* Step or store n parameters at `offset`, whose gradient is at hand. */
static void apply_or_store(aei_step *s, const aei_update *rule, size_t offset, size_t count,
                           const float *gradient)
{
    if (s->stored) {
        memcpy(s->gradient + offset, gradient, count * sizeof *gradient);
        return;
    }
    const aei_step_job *job = s->job;
    s->network->kernels->update(rule, count, s->network->parameters + offset, gradient,
                                job->first == NULL ? NULL : job->first + offset,
                                job->second == NULL ? NULL : job->second + offset);
}

/* Panel p of layer l has dC/dy in delta: go back through non-linearity and normalisation, and step
 * gamma and beta. */
static void backward_panel(aei_step *s, size_t l, size_t p, aei_nonlinearity f, size_t thread)
{
    ae_network *n = s->network;
    const aei_kernels *kernels = n->kernels;
    const aei_layer *layer = &n->layers[l];
    const aei_activations *a = &s->layers[l];
    const aei_step_scratch *mine = &s->scratch[thread];
    const size_t panel = kernels->panel, at = p * s->rows * panel;
    const size_t count = aei_columns(panel, layer->out, p);
    if (!layer->batch_norm) {
        kernels->bias_backward(s->rows, count, a->delta + at, a->y + at, f, mine->dbeta);
    } else {
        kernels->norm_backward(s->rows, count, a->delta + at, a->y + at, a->xhat + at,
                               n->parameters + layer->gamma + p * panel, a->inverse + p * panel, f,
                               mine->dgamma, mine->dbeta);
        apply_or_store(s, &s->job->no_decay, layer->gamma + p * panel, panel, mine->dgamma);
        if (!s->stored)
            aei_step_blend_statistics(s, l, p);
    }
    apply_or_store(s, &s->job->no_decay, layer->beta + p * panel, panel, mine->dbeta);
    aei_matrix_form_store(&a->delta_form, &s->mode, s->rows, p, a->delta + at);
}

static void output_gradient(aei_step *s, size_t thread)
{
    const ae_network *n = s->network;
    const size_t l = n->depth - 1, panel = n->kernels->panel, tile = s->rows * panel;
    const aei_layer *layer = &n->layers[l];
    const float *y = s->missing ? s->compared : s->layers[l].y;
    aei_nonlinearity f = layer->f;
    if (s->job->cost == AE_COST_BCE)
        f.kind = AE_ACTIVATION_LINEAR; /* the factors are already those of dC/du */
    for (size_t p; pop_panel(s, AEI_PHASE_OUTPUT, thread, &p);) {
        const size_t count = aei_columns(panel, layer->out, p);
        float *delta = s->layers[l].delta + p * tile;
        n->kernels->cost_gradient(s->rows, count, y + p * tile, s->target + p * tile,
                                  s->scratch[thread].factor, delta);
        if (s->job->feature_weights != NULL)
            aei_weigh_gradient(n->kernels, s->rows, count, s->job->feature_weights + p * panel,
                               delta);
        backward_panel(s, l, p, f, thread);
    }
}

/* dC/dy of panel q of layer l's input, from the weights' rows of that panel transposed to
 * [out][P]. */
static void backward_input(aei_step *s, size_t l, size_t q, const aei_matrix_form *delta,
                           size_t thread)
{
    const ae_network *n = s->network;
    const aei_kernels *kernels = n->kernels;
    const aei_layer *layer = &n->layers[l];
    const size_t panel = kernels->panel, count = aei_columns(panel, layer->in, q);
    const aei_activations *a = &s->layers[l - 1];
    const size_t at = q * s->rows * panel;
    float *transposed = s->scratch[thread].transposed;
    const float *weights = n->parameters + layer->weight + q * panel * panel;
    for (size_t p = 0; p < layer->panels; p++)
        kernels->transpose(count, aei_columns(panel, layer->out, p),
                           weights + p * layer->in * panel, transposed + p * panel * panel);
    aei_multiply_nn(&s->mode, s->rows, layer->out, count, delta, transposed,
                    s->scratch[thread].rounded, a->delta + at, NULL);
    if (a->dropped != NULL)
        aei_dropout_apply(s->rows * panel, a->factors + at, a->delta + at, a->delta + at);
    if (l - 1 == s->penalised)
        aei_penalty_add_gradient(&s->job->penalty, s->rows, count, panel, a->y + at, a->delta + at);
    backward_panel(s, l - 1, q, n->layers[l - 1].f, thread);
}

static void backward_layer(aei_step *s, size_t l, size_t thread)
{
    const ae_network *n = s->network;
    const aei_layer *layer = &n->layers[l];
    const size_t panel = n->kernels->panel, panels_in = aei_step_panels(s, layer->in);
    const aei_matrix_form *x = layer_input(s, l), *delta = &s->layers[l].delta_form;
    /* What the update will touch, to be fetched ahead; the parameters stand in for moments that
     * there are not. */
    const float *first = s->job->first == NULL ? n->parameters : s->job->first;
    const float *second = s->job->second == NULL ? n->parameters : s->job->second;
    aei_matrix_form delta_operand = {0};
    for (size_t q, taken = 0; pop_panel(s, phase_of(l, BACKWARD), thread, &q); taken++) {
        if (l > 0 && taken == 0)
            delta_operand = operand(s, thread, delta, layer->out);
        /* How far it is to the rows of the weights that this thread is likely to transpose next. */
        const size_t ahead = l > 0 && q + 1 < panels_in ? panel * panel : 0;
        const size_t count = aei_columns(panel, layer->in, q);
        if (l > 0)
            backward_input(s, l, q, &delta_operand, thread);
        for (size_t p = 0; p < layer->panels; p++) {
            float *gradient = s->scratch[thread].tile;
            const size_t offset = layer->weight + (p * layer->in + q * panel) * panel;
            /* The update needs the moments next; its weights are in cache, those of the next
             * transposition are not. */
            const float *const prefetch[3] = {first + offset, second + offset,
                                              n->parameters + offset + ahead};
            aei_multiply_tn(&s->mode, s->rows, count, aei_columns(panel, layer->out, p), x, q,
                            delta, p, gradient, prefetch);
            apply_or_store(s, &s->job->weights, offset, count * panel, gradient);
        }
    }
}

/* The penalty of the batch from the shares of its panels. */
static double add_penalties(const aei_step *s)
{
    double sum = 0;
    if (s->penalised < s->network->depth)
        for (size_t p = 0; p < s->network->layers[s->penalised].panels; p++)
            sum += s->penalties[p];
    return sum;
}

/* Every thread works it out for itself, in the same order; it is cheaper than a barrier. */
static double batch_cost(const aei_step *s, float *factor)
{
    const size_t features = s->network->widths[0], panels = aei_step_panels(s, features);
    const aei_there there = {s->present, panels, s->whole};
    return aei_cost_of_batch(s->job->cost, s->rows, features, panels, s->costs,
                             s->missing ? &there : NULL, s->job->row_weights, factor);
}

static void take_step(void *context, size_t thread)
{
    aei_step *s = context;
    const size_t depth = s->network->depth;
    gather_input(s, thread);
    aei_team_barrier(s->team);
    for (size_t l = 0; l < depth; l++) {
        forward_layer(s, l, thread);
        aei_team_barrier(s->team);
    }
    const double cost = batch_cost(s, s->scratch[thread].factor);
    const double penalty = add_penalties(s);
    if (thread == 0) {
        s->cost = cost;
        s->penalty = penalty;
    }
    if (!isfinite(cost) || !isfinite(penalty)) {
        if (thread == 0)
            s->diverged = true;
        return;
    }
    output_gradient(s, thread);
    for (size_t l = depth; l-- > 0;) {
        aei_team_barrier(s->team);
        backward_layer(s, l, thread);
    }
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

ae_status aei_step_run(aei_step *step, const aei_step_job *job, double *cost, double *gradient_norm)
{
    step->job = job;
    step->rows = job->row_count;
    step->diverged = step->complete = false;
    step->cost = step->penalty = step->gradient_norm = 0;
    const ae_network *n = step->network;
    step->penalised = aei_penalty_is_on(&job->penalty) ? n->encoder_layers - 1 : n->depth;
    step->whole = aei_sum_weights(n->widths[0], n->kernels->panel, job->feature_weights);
    queue_panels(step);
    const ae_status status = aei_team_run(step->team, take_step, step);
    *cost = step->cost;
    *gradient_norm = step->gradient_norm;
    if (status != AE_OK)
        return status;
    if (step->diverged)
        return fail_diverged(step);
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
    for (size_t r = 0; r < step->rows; r++)
        for (size_t j = 0; j < out; j++)
            values[r * out + j] =
                step->layers[layer].y[(j / panel * step->rows + r) * panel + j % panel];
}
