/* SPDX-License-Identifier: BSD-3-Clause */
/* Gradients on their way between ranks: into messages tile by tile, out of them piece by piece,
 * through the tree into the optimizer. What travels has no padding; what the kernels read has. */
#include "model/bf16_wire.h"
#include "model/squares.h"
#include "model/step_ranks.h"

#include <string.h>

/* This rank's part number `node` of a piece. */
static float *own_part(const aei_step_ranks *ranks, size_t piece, size_t node)
{
    float *floats = (float *)(void *)(ranks->travels[piece].memory + AEI_MESSAGE_HEADER);
    return floats + node * aei_piece_part(&ranks->pieces[piece]);
}

/* Rows of P floats and of `columns` floats; only copies that change nothing are one memcpy. */
static void copy_rows(float *to, size_t to_stride, const float *from, size_t from_stride,
                      size_t rows, size_t columns)
{
    if (to_stride == columns && from_stride == columns) {
        memcpy(to, from, rows * columns * sizeof *to);
        return;
    }
    for (size_t r = 0; r < rows; r++)
        memcpy(to + r * to_stride, from + r * from_stride, columns * sizeof *to);
}

size_t aei_ranks_first_panel(const aei_step *s, size_t l, size_t rank)
{
    const aei_step_ranks *ranks = s->ranks;
    for (size_t i = ranks->first_piece[l]; i < ranks->first_piece[l + 1]; i++)
        if (ranks->pieces[i].owner == rank)
            return ranks->pieces[i].first / s->network->layers[l].in;
    return 0;
}

/* --- this rank's gradient --------------------------------------------------------------------- */

void aei_ranks_take_tile(aei_step *s, size_t l, size_t q, size_t p, const aei_tree *tiles)
{
    const aei_step_ranks *ranks = s->ranks;
    const aei_layer *layer = &s->network->layers[l];
    const size_t panel = s->network->kernels->panel, columns = aei_columns(panel, layer->out, p);
    const size_t begin = p * layer->in + q * panel;
    const size_t end = begin + aei_columns(panel, layer->in, q);
    for (size_t i = ranks->first_piece[l]; i < ranks->first_piece[l + 1]; i++) {
        const aei_piece *piece = &ranks->pieces[i];
        const size_t first = begin > piece->first ? begin : piece->first;
        const size_t last = end < piece->last ? end : piece->last;
        if (first >= last)
            continue;
        const size_t at = aei_pieces_before_row(layer, panel, first) -
                          aei_pieces_before_row(layer, panel, piece->first);
        for (size_t node = 0; node < tiles->height; node++)
            copy_rows(own_part(ranks, i, node) + at, columns,
                      tiles->parts + node * tiles->stride + (first - begin) * panel, panel,
                      last - first, columns);
    }
}

void aei_ranks_panel_is_there(aei_step *s, size_t l, size_t p)
{
    aei_step_ranks *ranks = s->ranks;
    const size_t in = s->network->layers[l].in;
    for (size_t i = ranks->first_piece[l]; i < ranks->first_piece[l + 1]; i++)
        if (ranks->pieces[i].first < (p + 1) * in && ranks->pieces[i].last > p * in)
            atomic_fetch_sub(&ranks->travels[i].panels_left, 1);
}

/* Where in a part panel p's gamma, beta, mean and variance stand: gradients first, of all panels of
 * the piece, then statistics. */
static size_t norms_at(const aei_step *s, const aei_piece *piece, size_t p, size_t *statistics)
{
    const aei_layer *layer = &s->network->layers[piece->layer];
    const size_t columns = (p - piece->first_panel) * s->network->kernels->panel;
    *statistics = piece->weights + piece->norms + 2 * columns;
    return piece->weights + (layer->batch_norm ? 2 : 1) * columns;
}

void aei_ranks_take_norms(aei_step *s, size_t l, size_t p, const aei_tree *norms,
                          const aei_tree *statistics)
{
    const aei_step_ranks *ranks = s->ranks;
    const aei_layer *layer = &s->network->layers[l];
    const size_t panel = s->network->kernels->panel, columns = aei_columns(panel, layer->out, p);
    size_t i = ranks->first_piece[l], other;
    while (p >= ranks->pieces[i].last_panel)
        i++;
    const size_t at = norms_at(s, &ranks->pieces[i], p, &other);
    for (size_t node = 0; node < norms->height; node++) {
        const float *gradient = norms->parts + node * norms->stride;
        float *to = own_part(ranks, i, node);
        if (!layer->batch_norm) {
            memcpy(to + at, gradient + panel, columns * sizeof *to);
            continue;
        }
        copy_rows(to + at, columns, gradient, panel, 2, columns);
        copy_rows(to + other, columns, statistics->parts + node * statistics->stride, panel, 2,
                  columns);
    }
}

/* --- as it travels ---------------------------------------------------------------------------- */

/* A node's gradient has half the bytes where it is rounded; statistics never are. */
static bool is_packed(const aei_step *s, size_t rank, size_t node)
{
    return s->rounded != 0 && s->ranks->blocks[rank].node[node].blocks == s->rounded;
}

static size_t node_bytes(const aei_step *s, const aei_piece *piece, size_t rank, size_t node)
{
    const size_t gradients = piece->weights + piece->norms;
    return (is_packed(s, rank, node) ? aei_bf16_bytes(gradients) : gradients * sizeof(float)) +
           piece->statistics * sizeof(float);
}

size_t aei_ranks_part_bytes(const aei_step *s, const aei_piece *piece, size_t rank)
{
    size_t bytes = 0;
    for (size_t node = 0; node < s->ranks->blocks[rank].nodes; node++)
        bytes += node_bytes(s, piece, rank, node);
    return bytes;
}

/* Bytes move to the front only, so nothing is overwritten before it was read. */
void aei_ranks_pack_part(aei_step *s, size_t i)
{
    const aei_step_ranks *ranks = s->ranks;
    const aei_piece *piece = &ranks->pieces[i];
    const size_t gradients = piece->weights + piece->norms;
    unsigned char *to = ranks->travels[i].memory + AEI_MESSAGE_HEADER;
    for (size_t node = 0; s->rounded != 0 && node < ranks->blocks[ranks->rank].nodes; node++) {
        const float *from = own_part(ranks, i, node);
        const bool packed = is_packed(s, ranks->rank, node);
        if (packed)
            aei_bf16_pack(gradients, from, to);
        else
            memmove(to, from, gradients * sizeof *from);
        to += packed ? aei_bf16_bytes(gradients) : gradients * sizeof *from;
        memmove(to, from + gradients, piece->statistics * sizeof *from);
        to += piece->statistics * sizeof *from;
    }
}

/* `floats` of a node of another rank, from number `at` on: all of them gradients, or none. */
static void read_node(const aei_step *s, const aei_piece *piece, size_t rank, size_t node,
                      const unsigned char *from, size_t at, size_t floats, float *to)
{
    const size_t gradients = piece->weights + piece->norms;
    if (!is_packed(s, rank, node))
        memcpy(to, from + at * sizeof *to, floats * sizeof *to);
    else if (at < gradients)
        aei_bf16_unpack(floats, from + at * sizeof(uint16_t), to);
    else
        memcpy(to, from + aei_bf16_bytes(gradients) + (at - gradients) * sizeof *to,
               floats * sizeof *to);
}

/* Weights travel as the products of a bfloat16 step read them. */
static bool halves_weights(const aei_step *s)
{
    return s->rounded != 0 && s->mode.bf16;
}

size_t aei_ranks_weight_bytes(const aei_step *s, const aei_piece *piece)
{
    return (halves_weights(s) ? aei_bf16_bytes(piece->weights) : piece->weights * sizeof(float)) +
           piece->norms * sizeof(float);
}

void aei_ranks_pack_weights(aei_step *s, size_t i)
{
    const aei_piece *piece = &s->ranks->pieces[i];
    float *own = own_part(s->ranks, i, 0);
    unsigned char *to = s->ranks->travels[i].memory + AEI_MESSAGE_HEADER;
    for (size_t r = 0; r < s->ranks->count; r++)
        s->ranks->travels[i].weights[r].bytes = aei_ranks_weight_bytes(s, piece);
    if (!halves_weights(s))
        return;
    for (size_t k = 0; k < piece->weights; k++)
        own[k] = aei_bf16_round(own[k]);
    aei_bf16_pack(piece->weights, own, to);
    memmove(to + aei_bf16_bytes(piece->weights), own + piece->weights, piece->norms * sizeof *own);
}

/* --- all ranks' ------------------------------------------------------------------------------- */

/* Adds all ranks' parts of a piece, `floats` of them from `at` on, in the order of their blocks. */
static float *add_parts(aei_step *s, size_t piece, aei_tree *tree, size_t at, size_t floats)
{
    const aei_step_ranks *ranks = s->ranks;
    for (size_t r = 0; r < ranks->count; r++) {
        const bool own = r == ranks->rank;
        const unsigned char *from = own ? NULL
                                        : ranks->travels[piece].parts[r].memory +
                                              AEI_MESSAGE_HEADER;
        for (size_t node = 0; node < ranks->blocks[r].nodes; node++) {
            if (own)
                memcpy(aei_tree_next(tree), own_part(ranks, piece, node) + at,
                       floats * sizeof(float));
            else
                read_node(s, &ranks->pieces[piece], r, node, from, at, floats, aei_tree_next(tree));
            if (!own)
                from += node_bytes(s, &ranks->pieces[piece], r, node);
            aei_tree_push(tree, ranks->blocks[r].node[node], floats);
        }
    }
    return aei_tree_finish(tree, floats);
}

/* The next rows of a piece that lie in one panel and are no more than a sum of squares has. */
static size_t rows_from(const aei_piece *piece, const aei_layer *layer, size_t row)
{
    const size_t left = layer->in - row % layer->in;
    const size_t count = left < AEI_SQUARE_ROWS ? left : AEI_SQUARE_ROWS;
    return count < piece->last - row ? count : piece->last - row;
}

/* With clipping the sum is needed twice: it takes the place of this rank's first part. */
void aei_ranks_sum_piece(aei_step *s, size_t i, size_t thread)
{
    const ae_network *n = s->network;
    aei_step_ranks *ranks = s->ranks;
    const aei_piece *piece = &ranks->pieces[i];
    const aei_layer *layer = &n->layers[piece->layer];
    const size_t panel = n->kernels->panel;
    aei_tree *tree = &s->scratch[thread].tiles;
    float *own = own_part(ranks, i, 0), *padded = s->scratch[thread].transposed;
    double *weights = ranks->squares + piece->first_square,
           *norms = ranks->squares + piece->norm_square;
    size_t at = 0;
    for (size_t row = piece->first, count; row < piece->last; row += count) {
        count = rows_from(piece, layer, row);
        const size_t columns = aei_columns(panel, layer->out, row / layer->in);
        const float *sum = add_parts(s, i, tree, at, count * columns);
        memset(padded, 0, count * panel * sizeof *padded);
        copy_rows(padded, panel, sum, columns, count, columns);
        memcpy(own + at, sum, count * columns * sizeof *own);
        aei_squares_of_rows(n->kernels, count, padded, weights++);
        at += count * columns;
    }
    for (size_t p = piece->first_panel; p < piece->last_panel; p++) {
        size_t other;
        const size_t columns = aei_columns(panel, layer->out, p), two = layer->batch_norm ? 2 : 1;
        const size_t place = norms_at(s, piece, p, &other);
        memcpy(own + place, add_parts(s, i, tree, place, two * columns),
               two * columns * sizeof *own);
        double sum = 0;
        for (size_t k = 0; k < two; k++) {
            memset(padded, 0, panel * sizeof *padded);
            memcpy(padded, own + place + k * columns, columns * sizeof *padded);
            sum += n->kernels->square_sum(panel, padded);
        }
        *norms++ = sum;
    }
}

/* The gradient of floats of a piece: their sum, or where clipping has summed before, that one. */
static const float *gradient_of(aei_step *s, size_t piece, size_t at, size_t floats, size_t thread)
{
    if (s->ranks->summed)
        return own_part(s->ranks, piece, 0) + at;
    return add_parts(s, piece, &s->scratch[thread].tiles, at, floats);
}

/* The optimizer's step on rows of parameters from a gradient without padding; the new values go
 * where this rank's part was. */
static void step_rows(aei_step *s, const aei_update *rule, size_t offset, size_t moment,
                      const float *gradient, size_t rows, size_t columns, float *travelling,
                      size_t thread)
{
    const aei_step_job *job = s->job;
    const size_t panel = s->network->kernels->panel;
    float *parameters = s->network->parameters + offset;
    float *padded = s->scratch[thread].transposed;
    /* Kernels load whole lines of the cache. */
    if (columns < panel || (uintptr_t)gradient % AEI_ALIGNMENT != 0) {
        memset(padded, 0, rows * panel * sizeof *padded);
        copy_rows(padded, panel, gradient, columns, rows, columns);
        gradient = padded;
    }
    s->network->kernels->update(rule, rows * panel, parameters, gradient,
                                job->first == NULL ? NULL : job->first + moment,
                                job->second == NULL ? NULL : job->second + moment);
    copy_rows(travelling, columns, parameters, panel, rows, columns);
}

static void step_norms(aei_step *s, size_t i, size_t p, size_t moment, const aei_update *rule,
                       size_t thread)
{
    ae_network *n = s->network;
    const aei_piece *piece = &s->ranks->pieces[i];
    const aei_layer *layer = &n->layers[piece->layer];
    const size_t panel = n->kernels->panel, columns = aei_columns(panel, layer->out, p);
    size_t other;
    const size_t at = norms_at(s, piece, p, &other), two = layer->batch_norm ? 2 : 1;
    float *own = own_part(s->ranks, i, 0);
    const float *gradient = gradient_of(s, i, at, two * columns, thread);
    if (layer->batch_norm) {
        step_rows(s, rule, layer->gamma + p * panel, moment, gradient, 1, columns, own + at,
                  thread);
        const float *whole = add_parts(s, i, &s->scratch[thread].statistics, other, 2 * columns);
        aei_step_blend(n->running + layer->mean + p * panel, whole, n->bn_decay, columns);
        aei_step_blend(n->running + layer->variance + p * panel, whole + columns, n->bn_decay,
                       columns);
    }
    step_rows(s, rule, layer->beta + p * panel, moment + panel, gradient + (two - 1) * columns, 1,
              columns, own + at + (two - 1) * columns, thread);
}

void aei_ranks_step_piece(aei_step *s, size_t i, size_t thread)
{
    const aei_step_ranks *ranks = s->ranks;
    const aei_piece *piece = &ranks->pieces[i];
    const aei_layer *layer = &s->network->layers[piece->layer];
    const size_t panel = s->network->kernels->panel;
    aei_update weights = s->job->weights, no_decay = s->job->no_decay;
    weights.gradient_scale = no_decay.gradient_scale = ranks->scale;
    float *own = own_part(ranks, i, 0);
    size_t at = 0, moment = piece->moment;
    for (size_t row = piece->first, count; row < piece->last; row += count) {
        count = rows_from(piece, layer, row);
        const size_t columns = aei_columns(panel, layer->out, row / layer->in);
        step_rows(s, &weights, layer->weight + row * panel, moment,
                  gradient_of(s, i, at, count * columns, thread), count, columns, own + at, thread);
        at += count * columns;
        moment += count * panel;
    }
    for (size_t p = piece->first_panel; p < piece->last_panel; p++, moment += 2 * panel)
        step_norms(s, i, p, moment, &no_decay, thread);
}

static void unpack_halves(aei_step *s, const aei_piece *piece, const unsigned char *from)
{
    ae_network *n = s->network;
    const aei_layer *layer = &n->layers[piece->layer];
    const size_t panel = n->kernels->panel;
    for (size_t row = piece->first; row < piece->last; row++) {
        const size_t columns = aei_columns(panel, layer->out, row / layer->in);
        aei_bf16_unpack(columns, from, n->parameters + layer->weight + row * panel);
        from += columns * sizeof(uint16_t);
    }
}

static void unpack_weights(aei_step *s, const aei_piece *piece, const float *from)
{
    ae_network *n = s->network;
    const aei_layer *layer = &n->layers[piece->layer];
    const size_t panel = n->kernels->panel;
    for (size_t row = piece->first, last; row < piece->last; row = last) {
        const size_t p = row / layer->in, columns = aei_columns(panel, layer->out, p);
        last = (p + 1) * layer->in < piece->last ? (p + 1) * layer->in : piece->last;
        copy_rows(n->parameters + layer->weight + row * panel, panel, from, columns, last - row,
                  columns);
        from += (last - row) * columns;
    }
}

void aei_ranks_unpack_piece(aei_step *s, size_t i)
{
    ae_network *n = s->network;
    const aei_piece *piece = &s->ranks->pieces[i];
    const aei_layer *layer = &n->layers[piece->layer];
    const size_t panel = n->kernels->panel;
    const float *from = own_part(s->ranks, i, 0);
    if (halves_weights(s)) {
        const unsigned char *memory = s->ranks->travels[i].memory + AEI_MESSAGE_HEADER;
        unpack_halves(s, piece, memory);
        from = (const float *)(const void *)(memory + aei_bf16_bytes(piece->weights));
    } else {
        unpack_weights(s, piece, from);
        from += piece->weights;
    }
    for (size_t p = piece->first_panel; p < piece->last_panel; p++) {
        const size_t columns = aei_columns(panel, layer->out, p);
        if (layer->batch_norm) {
            memcpy(n->parameters + layer->gamma + p * panel, from, columns * sizeof *from);
            from += columns;
        }
        memcpy(n->parameters + layer->beta + p * panel, from, columns * sizeof *from);
        from += columns;
    }
}
