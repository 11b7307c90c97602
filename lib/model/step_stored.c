/* SPDX-License-Identifier: BSD-3-Clause */
/* What a step does beside forward and backward: running statistics, and the update from a stored
 * gradient, whose norm has to be known before any parameter moves. */
#include "model/squares.h"
#include "model/step_internal.h"
#include "model/tied.h"

#include <math.h>

/* Exponential moving averages of the batches, as PyTorch keeps them, but with the biased
 * variance. */
void aei_step_blend(float *running, const float *batch, float decay, size_t count)
{
    for (size_t i = 0; i < count; i++)
        running[i] = decay * running[i] + (1 - decay) * batch[i];
}

void aei_step_blend_statistics(aei_step *s, size_t l, size_t p)
{
    ae_network *n = s->network;
    const size_t panel = n->kernels->panel;
    const aei_activations *only = &s->blocks[0].layers[l];
    const bool whole = s->block_count == 1;
    const float *mean = whole ? only->mean : s->statistics[l].mean;
    const float *variance = whole ? only->variance : s->statistics[l].variance;
    aei_step_blend(n->running + n->layers[l].mean + p * panel, mean + p * panel, n->bn_decay,
                   panel);
    aei_step_blend(n->running + n->layers[l].variance + p * panel, variance + p * panel,
                   n->bn_decay, panel);
}

/* Where weights are tied, gradients were added after their tiles were computed. */
static void sum_weights(aei_step *s, size_t thread)
{
    const ae_network *n = s->network;
    for (size_t l = 0; l < n->depth; l++) {
        const aei_layer *layer = &n->layers[l];
        const aei_range mine = aei_share(layer->panels, thread, s->threads);
        double *sums = s->squares + aei_squares_before(n, l);
        for (size_t p = mine.first; p < mine.last; p++)
            aei_squares_of_rows(n->kernels, layer->in,
                                s->gradient + layer->weight + p * layer->in * n->kernels->panel,
                                sums + p * aei_squares_of_panel(layer));
    }
}

static void sum_norms(aei_step *s)
{
    const ae_network *n = s->network;
    const size_t panel = n->kernels->panel;
    for (size_t l = 0; l < n->depth; l++) {
        const aei_layer *layer = &n->layers[l];
        double *sums = s->squares + aei_squares_before(n, l) +
                       layer->panels * aei_squares_of_panel(layer);
        for (size_t p = 0; p < layer->panels; p++) {
            const float *gamma = s->gradient + layer->gamma + p * panel;
            sums[p] = layer->batch_norm ? n->kernels->square_sum(panel, gamma) : 0;
            sums[p] += n->kernels->square_sum(panel, s->gradient + layer->beta + p * panel);
        }
    }
}

/* The global norm of the stored gradient, the same in every thread. The squares of weights were
 * added up tile by tile, while these were in the cache. */
static double stored_norm(aei_step *s, size_t thread)
{
    if (s->network->tied)
        sum_weights(s, thread);
    if (thread == 0)
        sum_norms(s);
    aei_team_barrier(s->team);
    return aei_squares_norm(s->squares, aei_squares_before(s->network, s->network->depth));
}

/* Of each tied pair one gradient, in the encoder's place. */
static void add_tied(aei_step *s, size_t thread)
{
    const ae_network *n = s->network;
    for (size_t l = 0; l < n->encoder_layers; l++) {
        const aei_range mine = aei_share(n->layers[l].panels, thread, s->threads);
        for (size_t p = mine.first; p < mine.last; p++)
            aei_tied_add_gradient(n, l, p, s->gradient, aei_tree_next(&s->scratch[thread].tiles));
    }
    aei_team_barrier(s->team);
}

/* Update the parameters, unless they are the caller's, and the running statistics, each thread its
 * panels. Shares are fixed here, without a work queue: the product is done, and all panels of a
 * layer cost the same. */
static void apply_stored(aei_step *s, float scale, size_t thread)
{
    ae_network *n = s->network;
    const aei_step_job *job = s->job;
    aei_update weights = job->weights, no_decay = job->no_decay;
    weights.gradient_scale = no_decay.gradient_scale = scale;
    const size_t panel = n->kernels->panel;
    for (size_t l = 0; l < n->depth; l++) {
        const aei_layer *layer = &n->layers[l];
        const aei_range mine = aei_share(layer->panels, thread, s->threads);
        const bool follows = n->tied && l >= n->encoder_layers; /* its weight is the encoder's */
        for (size_t p = mine.first; p < mine.last; p++) {
            const size_t offsets[] = {layer->weight + p * layer->in * panel,
                                      layer->gamma + p * panel, layer->beta + p * panel};
            const size_t counts[] = {layer->in * panel, panel, panel};
            for (size_t i = follows ? 1 : 0; i < 3 && !job->keep_parameters; i++)
                n->kernels->update(i == 0 ? &weights : &no_decay, counts[i],
                                   n->parameters + offsets[i], s->gradient + offsets[i],
                                   job->first == NULL ? NULL : job->first + offsets[i],
                                   job->second == NULL ? NULL : job->second + offsets[i]);
            if (n->tied && !follows && !job->keep_parameters)
                aei_tied_copy_panel(n, l, p, n->parameters);
            if (layer->batch_norm)
                aei_step_blend_statistics(s, l, p);
        }
    }
}

/* Every thread has the same norm, so all take the same way without a barrier. Scaled down as a
 * whole, the gradient keeps its direction (Pascanu et al. 2013, algorithm 1). */
void aei_step_finish_stored(aei_step *s, size_t thread)
{
    if (s->network->tied)
        add_tied(s, thread);
    const double norm = stored_norm(s, thread), most = (double)s->job->clip_norm;
    if (thread == 0) {
        s->gradient_norm = norm;
        s->diverged = !isfinite(norm);
    }
    if (isfinite(norm))
        apply_stored(s, most > 0 && norm > most ? (float)(most / norm) : 1, thread);
}
