/* SPDX-License-Identifier: BSD-3-Clause */
/* A step's life and its memory. */
#include "base/error.h"
#include "model/squares.h"
#include "model/step_ranks.h"

#include <stdlib.h>

/* The most rows that a block can have: with batch normalisation the last one may get one more. */
static size_t rows_of_block(const aei_step *s)
{
    return s->tree_blocks == 1 ? s->max_rows : s->block_size + 1;
}

/* What the layers hold of a block. Without normalisation x^ and y are one array: nothing reads the
 * sums once the activation is done. Both operands of the backward pass are kept for all rows, since
 * every layer's gradient needs them. */
static void lay_out_layers(aei_step *s, aei_activations *layers)
{
    const ae_network *n = s->network;
    const aei_gemm_mode *m = &s->mode;
    const size_t panel = n->kernels->panel, rows = rows_of_block(s);
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
        if (layers != NULL)
            layers[l] = a;
    }
}

/* Without noise the target is the input itself. With noise, rounding may work in place: the clean
 * row is elsewhere. */
static void lay_out_block(aei_step *s, aei_step_block *block)
{
    const ae_network *n = s->network;
    const size_t panel = n->kernels->panel, rows = rows_of_block(s);
    const size_t panels = aei_step_panels(s, n->widths[0]);
    const bool apart = s->noisy || s->missing;
    aei_arena *arena = &s->arena;
    aei_step_block b = {0};
    b.input = aei_arena_take(arena, panels * rows, panel * sizeof(float));
    b.input_form = aei_matrix_form_create(arena, &s->mode, panels, rows, b.input, !apart);
    b.target = apart ? aei_arena_take(arena, panels * rows, panel * sizeof(float)) : b.input;
    if (s->missing) {
        b.compared = aei_arena_take(arena, panels * rows, panel * sizeof(float));
        b.present = aei_arena_take(arena, panels * rows, sizeof(float));
    }
    b.costs = aei_arena_take(arena, aei_step_panels(s, n->widths[n->depth]) * rows, sizeof(float));
    b.penalties = aei_arena_take(arena, n->layers[n->encoder_layers - 1].panels, sizeof(double));
    b.layers = aei_arena_take(arena, n->depth, sizeof *b.layers);
    lay_out_layers(s, b.layers);
    if (block != NULL)
        *block = b;
}

/* Where one thread adds up what the blocks computed. */
static aei_tree lay_out_tree(aei_step *s, bool statistics, size_t floats)
{
    return (aei_tree){
        .kernels = s->network->kernels,
        .statistics = statistics,
        .stride = floats,
        .parts = aei_arena_take(&s->arena, aei_tree_parts(s->tree_blocks), floats * sizeof(float))};
}

/* What each thread works with. No two threads write to one line of the cache. */
static void lay_out_scratch(aei_step *s)
{
    const ae_network *n = s->network;
    const size_t panel = n->kernels->panel;
    aei_arena *arena = &s->arena;
    const size_t pack_floats = n->kernels->pack == NULL
                                   ? 0
                                   : s->most_blocks *
                                         n->kernels->pack_floats(rows_of_block(s), n->widest);
    for (size_t t = 0; t < s->threads; t++) {
        aei_step_scratch c = {0};
        c.rounded = s->mode.bf16 ? aei_arena_take(arena, n->widest, panel * sizeof(float)) : NULL;
        c.transposed = aei_arena_take(arena, aei_step_panels(s, n->widest) * panel,
                                      panel * sizeof(float));
        c.packed = aei_arena_take(arena, pack_floats, sizeof(float));
        c.operands = aei_arena_take(arena, s->most_blocks, sizeof *c.operands);
        c.factor = aei_arena_take(arena, s->max_rows, sizeof(float));
        c.tiles = lay_out_tree(s, false, panel * panel);
        c.norms = lay_out_tree(s, false, 2 * panel);
        c.statistics = lay_out_tree(s, true, 2 * panel);
        if (s->scratch != NULL)
            s->scratch[t] = c;
    }
}

static void lay_out_statistics(aei_step *s)
{
    const ae_network *n = s->network;
    const size_t panel = n->kernels->panel;
    for (size_t l = 0; l < n->depth && s->tree_blocks > 1; l++) {
        const aei_step_statistics whole = {
            .mean = aei_arena_take(&s->arena, n->layers[l].panels, panel * sizeof(float)),
            .variance = aei_arena_take(&s->arena, n->layers[l].panels, panel * sizeof(float))};
        if (s->statistics != NULL)
            s->statistics[l] = whole;
    }
}

static void lay_out(aei_step *s)
{
    const ae_network *n = s->network;
    aei_arena *arena = &s->arena;
    s->blocks = aei_arena_take(arena, s->most_blocks, sizeof *s->blocks);
    s->statistics = aei_arena_take(arena, n->depth, sizeof *s->statistics);
    s->scratch = aei_arena_take(arena, s->threads, sizeof *s->scratch);
    s->queues = aei_arena_take(arena, (AEI_PHASE_LAYERS + AEI_DIRECTIONS * n->depth) * s->threads,
                               sizeof *s->queues);
    s->ones = aei_arena_take(arena, n->kernels->panel, sizeof(float));
    if (s->stored) {
        s->gradient = aei_arena_take(arena, n->parameter_floats, sizeof(float));
        s->squares = aei_arena_take(arena, aei_squares_before(n, n->depth), sizeof(double));
    }
    for (size_t b = 0; b < s->most_blocks; b++)
        lay_out_block(s, s->blocks == NULL ? NULL : &s->blocks[b]);
    lay_out_statistics(s);
    lay_out_scratch(s);
}

ae_status aei_step_create(aei_step **step, ae_network *network, aei_team *team, size_t max_rows,
                          size_t block, unsigned flags, aei_messages *messages)
{
    aei_step *s = calloc(1, sizeof *s);
    if (s == NULL)
        return aei_fail_memory(sizeof *s);
    s->network = network;
    s->team = team;
    s->threads = aei_team_threads(team);
    s->max_rows = max_rows;
    s->block_size = block;
    s->tree_blocks = aei_block_count(
        &(aei_blocks){max_rows, block, aei_network_norms(network) > 0});
    s->most_blocks = messages == NULL ? s->tree_blocks
                                      : s->tree_blocks / aei_messages_ranks(messages) + 1;
    /* A tied weight's gradient has two parts, which are complete at different times. */
    s->stored = (messages == NULL && (flags & AEI_STEP_GRADIENT) != 0) || network->tied;
    s->noisy = (flags & AEI_STEP_NOISE) != 0;
    s->missing = (flags & AEI_STEP_MISSING) != 0;
    s->dropping = (flags & AEI_STEP_DROPOUT) != 0;
    s->mode = aei_gemm_mode_for(network->kernels, (flags & AEI_STEP_BF16) != 0);
    lay_out(s);
    ae_status status = aei_arena_allocate(&s->arena);
    if (status == AE_OK) {
        lay_out(s);
        status = messages == NULL ? AE_OK : aei_step_ranks_create(s, messages);
    }
    if (status != AE_OK) {
        aei_step_free(s);
        return status;
    }
    for (size_t i = 0; i < network->kernels->panel; i++)
        s->ones[i] = 1;
    *step = s;
    return AE_OK;
}

void aei_step_round_gradients(aei_step *s, size_t parts)
{
    size_t blocks = 1;
    while (parts != 0 && (s->tree_blocks + blocks - 1) / blocks > parts)
        blocks *= 2;
    s->rounded = parts == 0 ? 0 : blocks;
    for (size_t t = 0; t < s->threads; t++)
        s->scratch[t].tiles.rounded = s->scratch[t].norms.rounded = s->rounded;
}

void aei_step_free(aei_step *step)
{
    if (step == NULL)
        return;
    aei_step_ranks_free(step);
    aei_arena_free(&step->arena);
    free(step);
}

size_t aei_step_memory(const aei_step *step)
{
    return step->arena.size + (step->ranks == NULL ? 0 : step->ranks->arena.size);
}
