/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pass of inference. All threads read the input into panels, then compute one layer after
 * another with a barrier between; within a layer each thread takes one panel of outputs after
 * another and finishes it while it is in the cache: product, batch normalisation (fold.c),
 * activation, and after the last layer costs and the caller's copy.
 */
#include "model/pass.h"

#include "model/fill.h"
#include "model/fold.h"
#include "model/panels.h"
#include "model/score.h"
#include "model/weighted.h"

#include <math.h>
#include <string.h>

/* What follows from the network's parameters is worked out again only when they have changed. */
static void refresh(ae_session *s)
{
    const ae_network *n = s->network;
    if (s->generation == n->generation + 1)
        return;
    for (size_t l = 0; l < n->depth; l++) {
        const aei_layer *layer = &n->layers[l];
        for (size_t j = 0; j < layer->out; j++) {
            const aei_affine map = aei_layer_affine(n, layer, j);
            s->scale[s->offsets[l] + j] = (float)map.scale;
            s->shift[s->offsets[l] + j] = (float)map.shift;
        }
    }
    if (s->bf16)
        aei_bf16_weights_copy(&s->bf16_weights, n);
    s->generation = n->generation + 1;
}

/* The caller's features of panel p. */
static void load_panel(const ae_session *s, size_t p, float *to)
{
    const aei_pass *now = &s->now;
    const size_t panel = s->network->kernels->panel, features = s->network->widths[now->first];
    now->gather(now->source, now->numbers, now->rows, p * panel, aei_columns(panel, features, p),
                to, panel);
}

/* The pass's input into panels. Where it is a row it is scaled, and fill values stand for what is
 * missing; codes are neither. */
static void load_input(ae_session *s, size_t thread)
{
    const aei_scaling *scaling = s->now.first == 0 ? s->network->scaling : NULL;
    const bool filled = s->now.first == 0 && s->network->fill != NULL;
    const size_t panel = s->network->kernels->panel, features = s->network->widths[s->now.first];
    for (size_t p; aei_work_queue_pop(s->queues, s->threads, thread, &p);) {
        float *to = s->input + p * s->now.rows * panel;
        load_panel(s, p, to);
        if (scaling != NULL)
            aei_scaling_apply(scaling, p * panel, aei_columns(panel, features, p), s->now.rows, to,
                              panel);
        if (filled)
            aei_fill_apply(s->network, p * panel, aei_columns(panel, features, p), s->now.rows, to,
                           to, panel);
        if (s->bf16_weights.pairs != NULL)
            s->network->kernels->to_bf16(s->now.rows * panel, to,
                                         s->bf16_input + p * s->now.rows * panel);
    }
}

/*
 * Panel p of the reconstruction, and of the input that it is compared with, in the caller's units.
 * The input is read again: a constant feature scales to 0, so its error could not be recovered. By
 * the last layer, which is never the first, all threads are done with the scaled one.
 */
static void unscale_panel(ae_session *s, float *tile, size_t p)
{
    const ae_network *n = s->network;
    const size_t panel = n->kernels->panel;
    aei_scaling_restore(n->scaling, p * panel, aei_columns(panel, n->widths[0], p), s->now.rows,
                        tile, panel);
    if (s->now.squares || s->now.scores != NULL)
        load_panel(s, p, s->input + p * s->now.rows * panel);
}

/*
 * Panel p of the input once more, in the network's units, with NaN where a value is missing: the
 * layers have read fill values there. By the last layer all threads are done with those.
 */
static void load_target(ae_session *s, size_t p)
{
    const ae_network *n = s->network;
    const size_t panel = n->kernels->panel, count = aei_columns(panel, n->widths[0], p);
    float *to = s->input + p * s->now.rows * panel;
    load_panel(s, p, to);
    if (n->scaling != NULL)
        aei_scaling_apply(n->scaling, p * panel, count, s->now.rows, to, panel);
    aei_sum_there(count, s->now.rows, to, panel,
                  s->feature_weights == NULL ? NULL : s->feature_weights + p * panel,
                  s->present + p * s->now.rows);
}

/* Each row's share of its cost in panel p. The copies keep output and input for the scores. */
static void panel_costs(ae_session *s, size_t p, const float *y, int bce, float *costs,
                        size_t thread)
{
    const aei_kernels *kernels = s->network->kernels;
    const size_t rows = s->now.rows, tile = rows * kernels->panel;
    const size_t count = aei_columns(kernels->panel, s->network->widths[0], p);
    const float *target = s->input + p * tile;
    if (s->network->fill != NULL) {
        float *masked = s->masked + thread * 2 * s->max_batch * kernels->panel;
        aei_mask_missing(count, rows, y, target, masked, masked + tile, kernels->panel);
        y = masked;
        target = masked + tile;
    }
    if (s->feature_weights == NULL)
        kernels->row_costs(rows, count, y, target, bce, costs + p * rows);
    else
        aei_weighted_costs(kernels, rows, count, s->feature_weights + p * kernels->panel, y, target,
                           bce != 0, costs + p * rows);
}

/* Panel p in spreads: the reconstruction gives way to its error, and the input to 0, so that what
 * follows need not know. */
static void divide_panel(ae_session *s, float *tile, size_t p)
{
    const size_t panel = s->network->kernels->panel,
                 count = aei_columns(panel, s->network->widths[0], p);
    const float *spread = s->now.spread + p * panel;
    float *input = s->input + p * s->now.rows * panel;
    for (size_t r = 0; r < s->now.rows; r++)
        for (size_t j = r * panel; j < r * panel + count; j++) {
            tile[j] = (float)(((double)tile[j] - (double)input[j]) / (double)spread[j - r * panel]);
            if (!isnan(input[j])) /* where it is missing it stays so */
                input[j] = 0;
        }
}

static void store_output(ae_session *s, const float *tile, size_t p, size_t features)
{
    const size_t panel = s->network->kernels->panel, count = aei_columns(panel, features, p);
    for (size_t r = 0; r < s->now.rows; r++)
        memcpy(s->now.out + r * features + p * panel, tile + r * panel, count * sizeof *tile);
}

/* One row alone waits for its sums: those of a second panel fill the time. */
static size_t panels_per_task(const ae_session *s)
{
    const aei_kernels *kernels = s->network->kernels;
    return s->now.rows == 1 && s->bf16_weights.pairs == NULL && kernels->pack == NULL &&
                   kernels->gemm_row != NULL
               ? 2
               : 1;
}

/* z = panel p of the layer's product, or of one row panels p and p + 1. */
static void multiply(const ae_session *s, size_t l, size_t p, size_t panels, const float *x,
                     float *z, size_t thread)
{
    const ae_network *n = s->network;
    const aei_kernels *kernels = n->kernels;
    const aei_layer *layer = &n->layers[l];
    const size_t panel = kernels->panel, rows = s->now.rows,
                 count = aei_columns(panel, layer->out, p);
    if (s->bf16_weights.pairs != NULL) {
        const uint16_t *rounded = l == s->now.first ? s->bf16_input : s->bf16_buffers[(l - 1) % 2];
        aei_bf16_weights_multiply_pairs(&s->bf16_weights, n, l, p, rows, rounded, z);
        return;
    }
    if (s->bf16) {
        aei_bf16_weights_multiply(&s->bf16_weights, n, l, p, panels, rows, x, z, thread);
        return;
    }
    const float *weights = n->parameters + layer->weight + p * layer->in * panel;
    if (panels == 2) {
        kernels->gemm_row(layer->in, x, weights, z);
        return;
    }
    /* The panel that this thread is likely to take next. */
    const float *next = p + 1 < layer->panels ? weights + layer->in * panel : NULL;
    kernels->gemm_nn(rows, layer->in, count, x, weights, z, next);
}

/* From panel p of the layer's sums to its output, and to what the caller wants of that. */
static void epilogue(ae_session *s, size_t l, size_t p, float *y, size_t thread)
{
    const aei_kernels *kernels = s->network->kernels;
    const aei_layer *layer = &s->network->layers[l];
    const size_t panel = kernels->panel, rows = s->now.rows;
    const size_t count = aei_columns(panel, layer->out, p), at = p * rows * panel;
    kernels->affine_forward(rows, count, y + at, y + at, s->scale + s->offsets[l] + p * panel,
                            s->shift + s->offsets[l] + p * panel, layer->f);
    if (l + 1 < s->now.last) {
        if (s->bf16_weights.pairs != NULL)
            kernels->to_bf16(rows * panel, y + at, s->bf16_buffers[l % 2] + at);
        return;
    }
    const bool compared = s->now.squares || s->now.entropies || s->now.scores != NULL;
    if (compared && s->network->fill != NULL)
        load_target(s, p);
    if (s->now.entropies) /* of scaled values: before unscale_panel */
        panel_costs(s, p, y + at, 1, s->entropy_sums, thread);
    if (s->now.unscaled)
        unscale_panel(s, y + at, p);
    if (s->now.spread != NULL)
        divide_panel(s, y + at, p);
    if (s->now.squares)
        panel_costs(s, p, y + at, 0, s->square_sums, thread);
    if (s->now.out != NULL)
        store_output(s, y + at, p, layer->out);
}

static void run_layer(ae_session *s, size_t l, const float *x, float *y, size_t thread)
{
    const aei_kernels *kernels = s->network->kernels;
    const aei_layer *layer = &s->network->layers[l];
    const size_t group = panels_per_task(s), tile = s->now.rows * kernels->panel;
    for (size_t task;
         aei_work_queue_pop(&s->queues[(l + 1) * s->threads], s->threads, thread, &task);) {
        if (kernels->pack != NULL && x != s->packed[thread]) {
            kernels->pack(s->now.rows, layer->in, x, s->packed[thread]);
            x = s->packed[thread];
        }
        const size_t first = task * group, left = layer->panels - first,
                     panels = left < group ? left : group;
        multiply(s, l, first, panels, x, y + first * tile, thread);
        for (size_t p = first; p < first + panels; p++)
            epilogue(s, l, p, y, thread);
    }
}

static void run_thread(void *context, size_t thread)
{
    ae_session *s = context;
    const aei_pass *now = &s->now;
    load_input(s, thread);
    const float *x = s->input;
    for (size_t l = now->first; l < now->last; l++) {
        aei_team_barrier(s->team);
        float *y = s->buffers[l % 2];
        run_layer(s, l, x, y, thread);
        x = y;
    }
    if (now->scores == NULL)
        return;
    aei_team_barrier(s->team);
    const aei_score_job job = {.kernels = s->network->kernels,
                               .cost = now->cost,
                               .missing = s->network->fill != NULL,
                               .features = s->network->widths[0],
                               .rows = now->rows,
                               .output = x,
                               .input = s->input,
                               .scores = now->scores,
                               .contributions = now->contributions};
    aei_score_rows(&job, aei_share(now->rows, thread, s->threads));
}

ae_status aei_pass_run(ae_session *s, const aei_pass *pass)
{
    const ae_network *n = s->network;
    refresh(s);
    s->now = *pass;
    s->now.unscaled = pass->unscaled && n->scaling != NULL;
    const size_t group = panels_per_task(s);
    aei_work_queue_reset(s->queues, s->threads,
                         (uint32_t)aei_panels(n->kernels->panel, n->widths[pass->first]));
    for (size_t l = pass->first; l < pass->last; l++)
        aei_work_queue_reset(&s->queues[(l + 1) * s->threads], s->threads,
                             (uint32_t)aei_panels(group, n->layers[l].panels));
    return aei_team_run(s->team, run_thread, s);
}
