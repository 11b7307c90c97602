/* SPDX-License-Identifier: BSD-3-Clause */
/* A step's life and its memory. */
#include "base/error.h"
#include "model/step_internal.h"

#include <stdlib.h>

/* What the layers of the batch at hand hold. Without normalisation x^ and y are one array: nothing
 * reads the sums once the activation is done. Both operands of the backward pass are kept for the
 * whole batch, since every layer's gradient needs them. */
static void lay_out_layers(aei_step *s)
{
    const ae_network *n = s->network;
    const aei_gemm_mode *m = &s->mode;
    const size_t panel = n->kernels->panel, rows = s->max_rows;
    aei_arena *arena = &s->arena;
    for (size_t l = 0; l < n->depth; l++) {
        const size_t panels = n->layers[l].panels;
        aei_activations a = {0};
        a.y = aei_arena_take(arena, panels * rows, panel * sizeof(float));
        a.xhat = n->layers[l].batch_norm
                     ? aei_arena_take(arena, panels * rows, panel * sizeof(float))
                     : a.y;
        const bool drops = s->dropping && l + 1 < n->depth;
        const size_t dropped = drops ? panels * rows : 0;
        a.dropped = drops ? aei_arena_take(arena, dropped, panel * sizeof(float)) : NULL;
        a.factors = aei_arena_take(arena, dropped, panel * sizeof(float));
        a.delta = aei_arena_take(arena, panels * rows, panel * sizeof(float));
        a.y_form = aei_matrix_form_create(arena, m, panels, rows, drops ? a.dropped : a.y, !drops);
        a.delta_form = aei_matrix_form_create(arena, m, panels, rows, a.delta, false);
        a.mean = aei_arena_take(arena, panels, panel * sizeof(float));
        a.variance = aei_arena_take(arena, panels, panel * sizeof(float));
        a.inverse = aei_arena_take(arena, panels, panel * sizeof(float));
        if (s->layers != NULL)
            s->layers[l] = a;
    }
}

/* What each thread works with. No two threads write to one line of the cache. */
static void lay_out_scratch(aei_step *s)
{
    const ae_network *n = s->network;
    const size_t panel = n->kernels->panel, rows = s->max_rows;
    aei_arena *arena = &s->arena;
    const size_t pack_floats = n->kernels->pack == NULL ? 0
                                                        : n->kernels->pack_floats(rows, n->widest);
    for (size_t t = 0; t < s->threads; t++) {
        aei_step_scratch c = {0};
        c.rounded = s->mode.bf16 ? aei_arena_take(arena, n->widest, panel * sizeof(float)) : NULL;
        c.transposed = aei_arena_take(arena, aei_step_panels(s, n->widest) * panel,
                                      panel * sizeof(float));
        c.tile = aei_arena_take(arena, panel, panel * sizeof(float));
        c.packed = aei_arena_take(arena, pack_floats, sizeof(float));
        c.factor = aei_arena_take(arena, rows, sizeof(float));
        c.dgamma = aei_arena_take(arena, panel, sizeof(float));
        c.dbeta = aei_arena_take(arena, panel, sizeof(float));
        if (s->scratch != NULL)
            s->scratch[t] = c;
    }
}

/* Without noise the target is the input itself. With noise, rounding may work in place: the clean
 * row is elsewhere. */
static void lay_out(aei_step *s)
{
    const ae_network *n = s->network;
    const aei_gemm_mode *m = &s->mode;
    const size_t panel = n->kernels->panel, rows = s->max_rows;
    aei_arena *arena = &s->arena;
    s->layers = aei_arena_take(arena, n->depth, sizeof *s->layers);
    s->scratch = aei_arena_take(arena, s->threads, sizeof *s->scratch);
    s->queues = aei_arena_take(arena, (AEI_PHASE_LAYERS + 2 * n->depth) * s->threads,
                               sizeof *s->queues);
    s->input = aei_arena_take(arena, aei_step_panels(s, n->widths[0]) * rows,
                              panel * sizeof(float));
    s->input_form = aei_matrix_form_create(arena, m, aei_step_panels(s, n->widths[0]), rows,
                                           s->input, !s->noisy && !s->missing);
    s->target = s->noisy || s->missing
                    ? aei_arena_take(arena, aei_step_panels(s, n->widths[0]) * rows,
                                     panel * sizeof(float))
                    : s->input;
    if (s->missing) {
        const size_t panels = aei_step_panels(s, n->widths[0]);
        s->compared = aei_arena_take(arena, panels * rows, panel * sizeof(float));
        s->present = aei_arena_take(arena, panels * rows, sizeof(float));
    }
    s->ones = aei_arena_take(arena, panel, sizeof(float));
    s->costs = aei_arena_take(arena, aei_step_panels(s, n->widths[n->depth]) * rows, sizeof(float));
    s->penalties = aei_arena_take(arena, n->layers[n->encoder_layers - 1].panels, sizeof(double));
    if (s->stored) {
        s->gradient = aei_arena_take(arena, n->parameter_floats, sizeof(float));
        s->squares = aei_arena_take(
            arena, (n->parameter_floats + AEI_NORM_BLOCK - 1) / AEI_NORM_BLOCK, sizeof(double));
    }
    lay_out_layers(s);
    lay_out_scratch(s);
}

ae_status aei_step_create(aei_step **step, ae_network *network, aei_team *team, size_t max_rows,
                          unsigned flags)
{
    aei_step *s = calloc(1, sizeof *s);
    if (s == NULL)
        return aei_fail_memory(sizeof *s);
    s->network = network;
    s->team = team;
    s->threads = aei_team_threads(team);
    s->max_rows = max_rows;
    /* A tied weight's gradient has two parts, which are complete at different times. */
    s->stored = (flags & AEI_STEP_GRADIENT) != 0 || network->tied;
    s->noisy = (flags & AEI_STEP_NOISE) != 0;
    s->missing = (flags & AEI_STEP_MISSING) != 0;
    s->dropping = (flags & AEI_STEP_DROPOUT) != 0;
    s->mode = aei_gemm_mode_for(network->kernels, (flags & AEI_STEP_BF16) != 0);
    lay_out(s);
    ae_status status = aei_arena_allocate(&s->arena);
    if (status != AE_OK) {
        free(s);
        return status;
    }
    lay_out(s);
    for (size_t i = 0; i < network->kernels->panel; i++)
        s->ones[i] = 1;
    *step = s;
    return AE_OK;
}

void aei_step_free(aei_step *step)
{
    if (step == NULL)
        return;
    aei_arena_free(&step->arena);
    free(step);
}

size_t aei_step_memory(const aei_step *step)
{
    return step->arena.size;
}
