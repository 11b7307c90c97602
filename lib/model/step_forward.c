/* SPDX-License-Identifier: BSD-3-Clause */
/* The way forward through a step: rows into panels, layer by layer to the output, and each row's
 * share of its cost. */
#include "model/dropout.h"
#include "model/fill.h"
#include "model/step_ranks.h"
#include "model/weighted.h"

/* Panel p of a block's rows: scaled, filled, corrupted. */
static void gather_panel(aei_step *s, aei_step_block *b, size_t p)
{
    const aei_scaling *scaling = s->network->scaling;
    const size_t panel = s->network->kernels->panel, features = s->network->widths[0];
    const size_t count = aei_columns(panel, features, p), at = p * b->rows * panel;
    s->job->gather(s->job->source, s->job->rows + b->local, b->rows, p * panel, count,
                   b->target + at, panel);
    if (scaling != NULL)
        aei_scaling_apply(scaling, p * panel, count, b->rows, b->target + at, panel);
    const float *clean = b->target + at;
    if (s->missing) {
        const float *weights = s->job->feature_weights;
        aei_sum_there(count, b->rows, clean, panel, weights == NULL ? NULL : weights + p * panel,
                      b->present + p * b->rows);
        aei_fill_apply(s->network, p * panel, count, b->rows, clean, b->input + at, panel);
        clean = b->input + at;
    }
    if (s->noisy)
        aei_noise_apply(&s->job->noise, s->network->kernels, features, p * panel, count, b->first,
                        b->rows, clean, b->input + at, panel);
    aei_matrix_form_store(&b->input_form, &s->mode, b->rows, p, b->input + at);
}

void aei_step_gather(aei_step *s, size_t thread)
{
    for (size_t p; aei_step_pop_panel(s, AEI_PHASE_INPUT, thread, &p);)
        for (size_t b = 0; b < s->block_count; b++)
            gather_panel(s, &s->blocks[b], p);
}

/* Panel p of layer l's output, at y, with units dropped, for the next layer. */
static float *drop_units(const aei_step *s, const aei_step_block *b, size_t l, size_t p,
                         const float *y)
{
    const aei_activations *a = &b->layers[l];
    const size_t panel = s->network->kernels->panel, tile = b->rows * panel;
    const aei_dropout dropout = {.chance = s->job->dropouts[l],
                                 .layer = (uint32_t)l,
                                 .seed = s->job->noise.seed,
                                 .step = s->job->noise.step};
    aei_dropout_draw(&dropout, p * panel, aei_columns(panel, s->network->layers[l].out, p),
                     b->first, b->rows, panel, a->factors + p * tile);
    aei_dropout_apply(tile, a->factors + p * tile, y, a->dropped + p * tile);
    return a->dropped + p * tile;
}

/* Panel p of the output is at y: each row's share of its cost. */
static void panel_costs(aei_step *s, aei_step_block *b, size_t p, const float *y)
{
    const aei_kernels *kernels = s->network->kernels;
    const aei_step_job *job = s->job;
    const bool bce = job->cost == AE_COST_BCE;
    const size_t panel = kernels->panel, at = p * b->rows * panel;
    const size_t count = aei_columns(panel, s->network->widths[0], p);
    float *target = b->target + at, *costs = b->costs + p * b->rows;
    if (s->missing) {
        aei_mask_missing(count, b->rows, y, target, b->compared + at, target, panel);
        y = b->compared + at;
    }
    if (job->feature_weights == NULL)
        kernels->row_costs(b->rows, count, y, target, bce, costs);
    else
        aei_weighted_costs(kernels, b->rows, count, job->feature_weights + p * panel, y, target,
                           bce, costs);
}

/* What follows the product of panel p, whose sums are in the block's x^. */
static void finish_panel(aei_step *s, aei_step_block *b, size_t l, size_t p)
{
    const ae_network *n = s->network;
    const aei_kernels *kernels = n->kernels;
    const aei_layer *layer = &n->layers[l];
    const aei_activations *a = &b->layers[l];
    const size_t panel = kernels->panel, at = p * b->rows * panel;
    const size_t count = aei_columns(panel, layer->out, p);
    const float *beta = n->parameters + layer->beta + p * panel;
    float *z = a->xhat + at, *y = a->y + at;
    if (layer->batch_norm)
        kernels->norm_forward(b->rows, count, z, y, n->parameters + layer->gamma + p * panel, beta,
                              n->bn_epsilon, layer->f, a->mean + p * panel, a->variance + p * panel,
                              a->inverse + p * panel);
    else
        kernels->affine_forward(b->rows, count, z, y, s->ones, beta, layer->f);
    if (l == s->penalised) {
        const aei_penalty penalty = aei_step_penalty_of_block(s, b);
        b->penalties[p] = aei_penalty_of_panel(&penalty, b->rows, count, panel, y);
    }
    aei_matrix_form_store(&a->y_form, &s->mode, b->rows, p,
                          a->dropped == NULL ? y : drop_units(s, b, l, p, y));
    if (l + 1 == n->depth)
        panel_costs(s, b, p, y);
}

void aei_step_forward(aei_step *s, size_t l, size_t thread)
{
    const ae_network *n = s->network;
    const aei_layer *layer = &n->layers[l];
    const aei_step_scratch *mine = &s->scratch[thread];
    const size_t panel = n->kernels->panel;
    const size_t start = s->ranks == NULL ? 0 : aei_ranks_first_panel(s, l, s->ranks->rank);
    for (size_t k, taken = 0; aei_step_pop_panel(s, aei_step_phase(l, AEI_FORWARD), thread, &k);
         taken++) {
        const size_t p = (start + k) % layer->panels;
        if (taken == 0)
            aei_step_operands(s, thread, layer->in, aei_step_layer_input, l);
        if (s->ranks != NULL)
            aei_ranks_await_panel(s, l, p, thread);
        const size_t count = aei_columns(panel, layer->out, p);
        const float *weights = n->parameters + layer->weight + p * layer->in * panel;
        /* The panel that this thread is likely to take next. */
        const float *next = p + 1 < layer->panels ? weights + layer->in * panel : NULL;
        const void *form = aei_matrix_form_weights(&s->mode, layer->in, weights, mine->rounded);
        for (size_t i = 0; i < s->block_count; i++) {
            aei_step_block *b = &s->blocks[i];
            aei_multiply_nn(&s->mode, b->rows, layer->in, count, &mine->operands[i], form,
                            b->layers[l].xhat + p * b->rows * panel,
                            i + 1 == s->block_count ? next : NULL);
            finish_panel(s, b, l, p);
        }
        if (s->ranks != NULL)
            (void)aei_ranks_tend(s, thread);
    }
    if (s->ranks != NULL && thread == 0)
        aei_ranks_await_layer(s, l);
}
