/* SPDX-License-Identifier: BSD-3-Clause */
/* The way back through a step: the gradient of each layer's input, then of its weights, which go
 * into the optimizer, or where the whole gradient is kept, while they are in cache. */
#include "model/dropout.h"
#include "model/squares.h"
#include "model/step_ranks.h"
#include "model/weighted.h"

#include <string.h>

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

static aei_tree_node node_of(const aei_step_block *b)
{
    return (aei_tree_node){b->number, 1, b->rows};
}

/* Panel p of layer l has dC/dy of a block in its delta: go back through non-linearity and
 * normalisation. The gradients of gamma and beta become the next part of the thread's sum. */
static void backward_block(aei_step *s, const aei_step_block *b, size_t l, size_t p,
                           aei_nonlinearity f, size_t thread)
{
    const ae_network *n = s->network;
    const aei_kernels *kernels = n->kernels;
    const aei_layer *layer = &n->layers[l];
    const aei_activations *a = &b->layers[l];
    aei_step_scratch *mine = &s->scratch[thread];
    const size_t panel = kernels->panel, at = p * b->rows * panel;
    const size_t count = aei_columns(panel, layer->out, p);
    float *dgamma = aei_tree_next(&mine->norms), *dbeta = dgamma + panel;
    if (layer->batch_norm)
        kernels->norm_backward(b->rows, count, a->delta + at, a->y + at, a->xhat + at,
                               n->parameters + layer->gamma + p * panel, a->inverse + p * panel, f,
                               dgamma, dbeta);
    else
        kernels->bias_backward(b->rows, count, a->delta + at, a->y + at, f, dbeta);
    aei_tree_push(&mine->norms, node_of(b), 2 * panel);
    aei_matrix_form_store(&a->delta_form, &s->mode, b->rows, p, a->delta + at);
}

static void push_statistics(aei_step *s, size_t l, size_t p, size_t thread)
{
    const size_t panel = s->network->kernels->panel, at = p * panel, size = panel * sizeof(float);
    aei_tree *tree = &s->scratch[thread].statistics;
    for (size_t i = 0; i < s->block_count; i++) {
        const aei_activations *a = &s->blocks[i].layers[l];
        memcpy(aei_tree_next(tree), a->mean + at, size);
        memcpy(aei_tree_next(tree) + panel, a->variance + at, size);
        aei_tree_push(tree, node_of(&s->blocks[i]), 2 * panel);
    }
}

/* The statistics of the batch from those of its blocks; one block's are the batch's already. */
static void add_statistics(aei_step *s, size_t l, size_t p, size_t thread)
{
    const size_t panel = s->network->kernels->panel, at = p * panel, size = panel * sizeof(float);
    aei_tree *tree = &s->scratch[thread].statistics;
    if (s->block_count == 1)
        return;
    push_statistics(s, l, p, thread);
    const float *sum = aei_tree_finish(tree, 2 * panel);
    memcpy(s->statistics[l].mean + at, sum, size);
    memcpy(s->statistics[l].variance + at, sum + panel, size);
}

/* All blocks of panel p are through: step gamma and beta. */
static void finish_panel(aei_step *s, size_t l, size_t p, size_t thread)
{
    const aei_layer *layer = &s->network->layers[l];
    const size_t panel = s->network->kernels->panel;
    aei_step_scratch *mine = &s->scratch[thread];
    if (s->ranks != NULL) {
        if (layer->batch_norm)
            push_statistics(s, l, p, thread);
        aei_ranks_take_norms(s, l, p, &mine->norms, &mine->statistics);
        mine->norms.height = mine->statistics.height = 0;
        return;
    }
    const float *gradient = aei_tree_finish(&mine->norms, 2 * panel);
    if (layer->batch_norm) {
        apply_or_store(s, &s->job->no_decay, layer->gamma + p * panel, panel, gradient);
        add_statistics(s, l, p, thread);
        if (!s->stored)
            aei_step_blend_statistics(s, l, p);
    }
    apply_or_store(s, &s->job->no_decay, layer->beta + p * panel, panel, gradient + panel);
}

void aei_step_output_gradient(aei_step *s, size_t thread)
{
    const ae_network *n = s->network;
    const size_t l = n->depth - 1, panel = n->kernels->panel;
    const aei_layer *layer = &n->layers[l];
    aei_nonlinearity f = layer->f;
    if (s->job->cost == AE_COST_BCE)
        f.kind = AE_ACTIVATION_LINEAR; /* the factors are already those of dC/du */
    for (size_t p; aei_step_pop_panel(s, AEI_PHASE_OUTPUT, thread, &p);) {
        const size_t count = aei_columns(panel, layer->out, p);
        for (size_t i = 0; i < s->block_count; i++) {
            const aei_step_block *b = &s->blocks[i];
            const size_t at = p * b->rows * panel;
            const float *y = s->missing ? b->compared : b->layers[l].y;
            float *delta = b->layers[l].delta + at;
            n->kernels->cost_gradient(b->rows, count, y + at, b->target + at,
                                      s->scratch[thread].factor + b->local, delta);
            if (s->job->feature_weights != NULL)
                aei_weigh_gradient(n->kernels, b->rows, count, s->job->feature_weights + p * panel,
                                   delta);
            backward_block(s, b, l, p, f, thread);
        }
        finish_panel(s, l, p, thread);
    }
}

/* dC/dy of panel q of layer l's input, from the weights' rows of that panel transposed to
 * [out][P]. */
static void backward_input(aei_step *s, size_t l, size_t q, size_t thread)
{
    const ae_network *n = s->network;
    const aei_kernels *kernels = n->kernels;
    const aei_layer *layer = &n->layers[l];
    const aei_step_scratch *mine = &s->scratch[thread];
    const size_t panel = kernels->panel, count = aei_columns(panel, layer->in, q);
    float *transposed = mine->transposed;
    const float *weights = n->parameters + layer->weight + q * panel * panel;
    for (size_t p = 0; p < layer->panels; p++)
        kernels->transpose(count, aei_columns(panel, layer->out, p),
                           weights + p * layer->in * panel, transposed + p * panel * panel);
    const void *form = aei_matrix_form_weights(&s->mode, layer->out, transposed, mine->rounded);
    for (size_t i = 0; i < s->block_count; i++) {
        const aei_step_block *b = &s->blocks[i];
        const aei_activations *a = &b->layers[l - 1];
        const size_t at = q * b->rows * panel;
        aei_multiply_nn(&s->mode, b->rows, layer->out, count, &mine->operands[i], form,
                        a->delta + at, NULL);
        if (a->dropped != NULL)
            aei_dropout_apply(b->rows * panel, a->factors + at, a->delta + at, a->delta + at);
        if (l - 1 == s->penalised) {
            const aei_penalty penalty = aei_step_penalty_of_block(s, b);
            aei_penalty_add_gradient(&penalty, b->rows, count, panel, a->y + at, a->delta + at);
        }
        backward_block(s, b, l - 1, q, n->layers[l - 1].f, thread);
    }
    finish_panel(s, l - 1, q, thread);
}

/* The gradient of a tile of layer l's weights, rows of panel q, columns of panel p, as parts of the
 * thread's tree. `prefetch` is what its update will touch; NULL: nothing. */
static void push_tiles(aei_step *s, size_t l, size_t q, size_t p, const float *const prefetch[3],
                       size_t thread)
{
    const aei_layer *layer = &s->network->layers[l];
    const size_t panel = s->network->kernels->panel, rows = aei_columns(panel, layer->in, q);
    const size_t columns = aei_columns(panel, layer->out, p);
    aei_tree *tiles = &s->scratch[thread].tiles;
    /* A kernel always fetches something: what is in the cache costs nothing. */
    const float *const nothing[3] = {tiles->parts, tiles->parts, tiles->parts};
    for (size_t i = 0; i < s->block_count; i++) {
        const aei_step_block *b = &s->blocks[i];
        aei_multiply_tn(&s->mode, b->rows, rows, columns, aei_step_layer_input(b, l), q,
                        aei_step_layer_delta(b, l), p, aei_tree_next(tiles),
                        prefetch != NULL && i + 1 == s->block_count ? prefetch : nothing);
        aei_tree_push(tiles, node_of(b), rows * panel);
    }
}

/* Over several ranks: gradients of panels of weights, those first that go to the next rank. */
static void backward_weights(aei_step *s, size_t l, size_t thread)
{
    const aei_layer *layer = &s->network->layers[l];
    const size_t start = aei_ranks_first_panel(s, l, (s->ranks->rank + 1) % s->ranks->count);
    aei_tree *tiles = &s->scratch[thread].tiles;
    for (size_t k; aei_step_pop_panel(s, aei_step_phase(l, AEI_WEIGHTS), thread, &k);) {
        const size_t p = (start + k) % layer->panels;
        for (size_t q = 0; q < aei_step_panels(s, layer->in); q++) {
            push_tiles(s, l, q, p, NULL, thread);
            aei_ranks_take_tile(s, l, q, p, tiles);
            tiles->height = 0;
        }
        aei_ranks_panel_is_there(s, l, p);
        (void)aei_ranks_tend(s, thread);
    }
}

/* The gradient of a tile is kept until the norm is known. One block's goes straight there. */
static void store_tile(aei_step *s, size_t l, size_t q, size_t p, size_t thread)
{
    const ae_network *n = s->network;
    const aei_layer *layer = &n->layers[l];
    const size_t panel = n->kernels->panel, count = aei_columns(panel, layer->in, q);
    float *to = s->gradient + layer->weight + (p * layer->in + q * panel) * panel;
    const size_t ahead = l > 0 && q + 1 < aei_step_panels(s, layer->in) ? panel * panel : 0;
    const float *const prefetch[3] = {to, to, n->parameters + (to - s->gradient) + ahead};
    aei_tree *tiles = &s->scratch[thread].tiles;
    float *const scratch = tiles->parts;
    if (s->block_count == 1)
        tiles->parts = to;
    push_tiles(s, l, q, p, prefetch, thread);
    const float *sum = aei_tree_finish(tiles, count * panel);
    tiles->parts = scratch;
    if (sum != to)
        memcpy(to, sum, count * panel * sizeof *to);
    aei_squares_of_rows(n->kernels, count, to,
                        s->squares + aei_squares_before(n, l) + p * aei_squares_of_panel(layer) +
                            q * panel / AEI_SQUARE_ROWS);
}

/* The gradient of a tile steps its weights while it is in the cache. */
static void step_tile(aei_step *s, size_t l, size_t q, size_t p, size_t thread)
{
    const ae_network *n = s->network;
    const aei_step_job *job = s->job;
    const aei_layer *layer = &n->layers[l];
    const size_t panel = n->kernels->panel, count = aei_columns(panel, layer->in, q);
    const size_t offset = layer->weight + (p * layer->in + q * panel) * panel;
    /* How far it is to the rows of the weights that this thread is likely to transpose next. */
    const size_t ahead = l > 0 && q + 1 < aei_step_panels(s, layer->in) ? panel * panel : 0;
    /* The update needs the moments next; its weights are in cache, those of the next transposition
     * are not. The parameters stand in for moments that there are not. */
    const float *const prefetch[3] = {(job->first == NULL ? n->parameters : job->first) + offset,
                                      (job->second == NULL ? n->parameters : job->second) + offset,
                                      n->parameters + offset + ahead};
    push_tiles(s, l, q, p, prefetch, thread);
    apply_or_store(s, &job->weights, offset, count * panel,
                   aei_tree_finish(&s->scratch[thread].tiles, count * panel));
}

void aei_step_backward(aei_step *s, size_t l, size_t thread)
{
    const aei_layer *layer = &s->network->layers[l];
    if (s->ranks != NULL) /* first: they travel while the rest is computed */
        backward_weights(s, l, thread);
    for (size_t q, taken = 0; aei_step_pop_panel(s, aei_step_phase(l, AEI_BACKWARD), thread, &q);
         taken++) {
        if (l > 0 && taken == 0)
            aei_step_operands(s, thread, layer->out, aei_step_layer_delta, l);
        if (l > 0)
            backward_input(s, l, q, thread);
        if (s->ranks != NULL) {
            (void)aei_ranks_tend(s, thread);
            continue;
        }
        for (size_t p = 0; p < layer->panels; p++)
            if (s->stored)
                store_tile(s, l, q, p, thread);
            else
                step_tile(s, l, q, p, thread);
    }
}
