/* SPDX-License-Identifier: BSD-3-Clause */
/* A step that several ranks take: its memory, its beginning, and what travels outside of steps. */
#include "base/error.h"
#include "model/squares.h"
#include "model/step_ranks.h"

#include <stdlib.h>
#include <string.h>

/* Tags of messages that are not of a piece. */
enum { TAG_REPORT, TAG_SQUARES, TAG_MAIL, TAG_PIECES };

static aei_blocks blocks_of(const aei_step *s, size_t batch_rows)
{
    return (aei_blocks){batch_rows, s->block_size, aei_network_norms(s->network) > 0};
}

/* Blocks are dealt out by a full batch; a short one's last ranks have fewer, or none. */
static aei_range blocks_of_rank(const aei_step_ranks *ranks, size_t rank, size_t count)
{
    aei_range range = aei_share(ranks->full_blocks, rank, ranks->count);
    range.first = range.first < count ? range.first : count;
    range.last = range.last < count ? range.last : count;
    return range;
}

/* The nodes of the tree that a rank's blocks add up to: those of a tree without numbers. */
static void find_nodes(aei_rank_blocks *mine, const aei_blocks *blocks)
{
    aei_tree tree = {.kernels = &aei_kernels_reference}; /* adds nothing */
    for (size_t b = mine->blocks.first; b < mine->blocks.last; b++) {
        const aei_range rows = aei_block_rows(blocks, b);
        aei_tree_push(&tree, (aei_tree_node){b, 1, rows.last - rows.first}, 0);
    }
    mine->nodes = tree.height;
    memcpy(mine->node, tree.nodes, sizeof mine->node);
}

/* The most nodes that a rank can have, however short a batch is. */
static size_t most_nodes(const aei_step_ranks *ranks, size_t rank, size_t block)
{
    const aei_range full = aei_share(ranks->full_blocks, rank, ranks->count);
    size_t most = 1;
    for (size_t last = full.first + 1; last <= full.last; last++) {
        aei_rank_blocks cut = {.blocks = {full.first, last}};
        find_nodes(&cut, &(aei_blocks){last * block, block, false});
        most = cut.nodes > most ? cut.nodes : most;
    }
    return most;
}

/* --- memory ----------------------------------------------------------------------------------- */

static aei_slot slot_of(aei_arena *arena, unsigned char *memory, size_t bytes, size_t rank,
                        size_t tag)
{
    if (memory == NULL)
        memory = aei_arena_take(arena, AEI_MESSAGE_HEADER + bytes, 1);
    return (aei_slot){.memory = memory, .bytes = bytes, .rank = rank, .tag = (uint32_t)tag};
}

static void lay_out_piece(aei_step *s, aei_arena *arena, size_t i)
{
    aei_step_ranks *ranks = s->ranks;
    const bool counting = arena->base == NULL;
    const aei_piece *piece = &ranks->pieces[i];
    const size_t part = aei_piece_part(piece) * sizeof(float), tag = TAG_PIECES + 2 * i;
    const bool own = piece->owner == ranks->rank;
    aei_travel t = {.tag = (uint32_t)tag};
    t.memory = aei_arena_take(
        arena, AEI_MESSAGE_HEADER + most_nodes(ranks, ranks->rank, s->block_size) * part, 1);
    t.parts = aei_arena_take(arena, own ? ranks->count : 1, sizeof *t.parts);
    t.weights = aei_arena_take(arena, own ? ranks->count : 0, sizeof *t.weights);
    for (size_t r = 0; r < ranks->count && own; r++) {
        aei_slot in = {0};
        if (r != ranks->rank)
            in = slot_of(arena, NULL, most_nodes(ranks, r, s->block_size) * part, r, tag);
        if (counting)
            continue;
        t.parts[r] = in;
        t.weights[r] = slot_of(arena, t.memory, (piece->weights + piece->norms) * sizeof(float), r,
                               tag + 1);
    }
    if (counting)
        return;
    if (!own)
        t.parts[0] = slot_of(arena, t.memory, 0, piece->owner, tag);
    atomic_init(&t.stage, AEI_STAGE_DONE);
    ranks->travels[i] = t;
}

/* Reports and sums go to all from one place. */
static void lay_out_slots(aei_step_ranks *ranks, aei_arena *arena, aei_slot **out, aei_slot **in,
                          const size_t *bytes, size_t tag)
{
    const bool counting = arena->base == NULL;
    *out = aei_arena_take(arena, ranks->count, sizeof **out);
    *in = aei_arena_take(arena, ranks->count, sizeof **in);
    unsigned char *mine = aei_arena_take(arena, AEI_MESSAGE_HEADER + bytes[ranks->rank], 1);
    for (size_t r = 0; r < ranks->count; r++) {
        const aei_slot slot = slot_of(arena, NULL, bytes[r], r, tag);
        if (counting)
            continue;
        (*in)[r] = slot;
        (*out)[r] = slot_of(arena, mine, bytes[ranks->rank], r, tag);
    }
}

static size_t most_mail(const aei_step *s)
{
    const aei_step_ranks *ranks = s->ranks;
    size_t most = s->network->running_floats;
    for (size_t r = 0; r < ranks->count; r++) {
        const size_t floats = aei_pieces_moment_floats(ranks->pieces, ranks->piece_count,
                                                       s->network->kernels->panel, r);
        most = floats > most ? floats : most;
    }
    return most * sizeof(float);
}

static ae_status lay_out(aei_step *s, aei_arena *arena, size_t *bytes)
{
    aei_step_ranks *ranks = s->ranks;
    ranks->travels = aei_arena_take(arena, ranks->piece_count, sizeof *ranks->travels);
    ranks->blocks = aei_arena_take(arena, ranks->count, sizeof *ranks->blocks);
    ranks->squares = aei_arena_take(arena, aei_squares_before(s->network, s->network->depth),
                                    sizeof(double));
    for (size_t i = 0; i < ranks->piece_count; i++)
        lay_out_piece(s, arena, i);
    for (size_t r = 0; r < ranks->count; r++)
        bytes[r] = ranks->report_blocks * 2 * sizeof(double);
    lay_out_slots(ranks, arena, &ranks->reports_out, &ranks->reports_in, bytes, TAG_REPORT);
    memset(bytes, 0, ranks->count * sizeof *bytes);
    for (size_t i = 0; i < ranks->piece_count; i++)
        bytes[ranks->pieces[i].owner] += ranks->pieces[i].squares * sizeof(double);
    lay_out_slots(ranks, arena, &ranks->squares_out, &ranks->squares_in, bytes, TAG_SQUARES);
    ranks->mail = slot_of(arena, NULL, most_mail(s), 0, TAG_MAIL);
    return AE_OK;
}

static ae_status cut_pieces(aei_step *s)
{
    aei_step_ranks *ranks = s->ranks;
    const size_t depth = s->network->depth;
    ranks->piece_count = aei_pieces_cut(s->network, ranks->count, NULL);
    if (TAG_PIECES + 2 * ranks->piece_count > AEI_MESSAGES_TAGS)
        return aei_fail(AE_ERROR_UNSUPPORTED, "%zu ranks are too many for %zu layers", ranks->count,
                        depth);
    ranks->pieces = calloc(ranks->piece_count + 1, sizeof *ranks->pieces);
    ranks->first_piece = calloc(depth + 1, sizeof *ranks->first_piece);
    if (ranks->pieces == NULL || ranks->first_piece == NULL)
        return aei_fail_memory(ranks->piece_count * sizeof *ranks->pieces);
    (void)aei_pieces_cut(s->network, ranks->count, ranks->pieces);
    for (size_t l = 0, i = 0; l <= depth; l++) {
        while (i < ranks->piece_count && ranks->pieces[i].layer < l)
            i++;
        ranks->first_piece[l] = i;
    }
    return AE_OK;
}

ae_status aei_step_ranks_create(aei_step *s, aei_messages *messages)
{
    aei_step_ranks *ranks = calloc(1, sizeof *ranks);
    size_t *bytes = calloc(aei_messages_ranks(messages), sizeof *bytes);
    s->ranks = ranks;
    if (ranks == NULL || bytes == NULL) {
        free(bytes);
        return aei_fail_memory(sizeof *ranks);
    }
    ranks->messages = messages;
    ranks->rank = aei_messages_rank(messages);
    ranks->count = aei_messages_ranks(messages);
    const aei_blocks full = blocks_of(s, s->max_rows);
    ranks->full_blocks = aei_block_count(&full);
    ranks->report_blocks = ranks->full_blocks / ranks->count + 1;
    ae_status status = AE_OK;
    AE_CHECK(cut_pieces(s));
    AE_CHECK(lay_out(s, &ranks->arena, bytes));
    AE_CHECK(aei_arena_allocate(&ranks->arena));
    AE_CHECK(lay_out(s, &ranks->arena, bytes));
cleanup:
    free(bytes);
    return status;
}

void aei_step_ranks_free(aei_step *s)
{
    if (s->ranks == NULL)
        return;
    aei_arena_free(&s->ranks->arena);
    free(s->ranks->pieces);
    free(s->ranks->first_piece);
    free(s->ranks);
    s->ranks = NULL;
}

/* --- a step ----------------------------------------------------------------------------------- */

aei_range aei_step_rows_of_rank(const aei_step *s, size_t rank, size_t batch_rows)
{
    if (s->ranks == NULL)
        return (aei_range){0, batch_rows};
    const aei_blocks blocks = blocks_of(s, batch_rows);
    const aei_range mine = blocks_of_rank(s->ranks, rank, aei_block_count(&blocks));
    if (mine.first == mine.last)
        return (aei_range){batch_rows, batch_rows};
    return (aei_range){aei_block_rows(&blocks, mine.first).first,
                       aei_block_rows(&blocks, mine.last - 1).last};
}

aei_range aei_step_own_rows(const aei_step *s, size_t batch_rows)
{
    return aei_step_rows_of_rank(s, s->ranks == NULL ? 0 : s->ranks->rank, batch_rows);
}

void aei_ranks_begin(aei_step *s, float most_norm)
{
    aei_step_ranks *ranks = s->ranks;
    const aei_blocks blocks = blocks_of(s, s->batch_rows);
    for (size_t r = 0; r < ranks->count; r++) {
        ranks->blocks[r].blocks = blocks_of_rank(ranks, r, aei_block_count(&blocks));
        find_nodes(&ranks->blocks[r], &blocks);
    }
    for (size_t i = 0; i < ranks->piece_count; i++) {
        const aei_piece *piece = &ranks->pieces[i];
        const size_t in = s->network->layers[piece->layer].in;
        atomic_store(&ranks->travels[i].panels_left,
                     (piece->last - 1) / in - piece->first / in + 1);
    }
    ranks->settled_layers = s->network->depth;
    ranks->open = ranks->reported = ranks->summed = ranks->scaled = false;
    ranks->scale = 1;
    ranks->most_norm = most_norm;
    ranks->stopped = AE_OK;
    ranks->word = AEI_WORD_GO;
    atomic_store(&ranks->over, false);
}

ae_status aei_ranks_outcome(const aei_step *s)
{
    const aei_step_ranks *ranks = s->ranks;
    if (ranks->failed != AE_OK)
        return aei_messages_wait(ranks->messages, NULL, 0); /* fails with the first error's text */
    if (ranks->stopped == AE_OK)
        return AE_OK;
    return aei_fail(ranks->stopped, "rank %zu %s", ranks->stopped_by,
                    ranks->word == AEI_WORD_CANCELLED  ? "stopped the run"
                    : ranks->word == AEI_WORD_DIVERGED ? "has a cost that is not finite"
                                                       : "failed");
}

ae_status aei_step_decline(aei_step *s, uint64_t number, aei_word word, ae_status status)
{
    if (s->ranks == NULL)
        return status;
    AE_TRY(aei_step_settle(s));
    s->number = number;
    s->block_count = 0;
    aei_ranks_begin(s, 0);
    aei_ranks_report(s, word, status);
    aei_ranks_end(s, 0);
    return aei_ranks_outcome(s);
}

size_t aei_step_stopped_by(const aei_step *s)
{
    return s->ranks == NULL ? 0 : s->ranks->stopped_by;
}

ae_status aei_step_settle(aei_step *s)
{
    if (s->ranks == NULL)
        return AE_OK;
    aei_ranks_await_all(s);
    /* Nothing may be under way when the messages are given up, the last reports included. */
    for (size_t r = 0; r < s->ranks->count && s->ranks->failed == AE_OK; r++)
        s->ranks->failed = aei_messages_wait(s->ranks->messages, &s->ranks->reports_out[r], 1);
    return s->ranks->failed == AE_OK ? AE_OK : aei_messages_wait(s->ranks->messages, NULL, 0);
}

/* --- outside of steps ------------------------------------------------------------------------- */

/* The running statistics of an owner's panels, into a message or out of it; returns the floats. */
static size_t move_running(aei_step *s, size_t owner, float *message, bool out)
{
    ae_network *n = s->network;
    const size_t panel = n->kernels->panel;
    size_t at = 0;
    for (size_t i = 0; i < s->ranks->piece_count; i++) {
        const aei_piece *piece = &s->ranks->pieces[i];
        const aei_layer *layer = &n->layers[piece->layer];
        for (size_t p = piece->first_panel;
             p < piece->last_panel && piece->owner == owner && layer->batch_norm; p++)
            for (size_t k = 0; k < 2; k++, at += panel) {
                float *running = n->running + (k == 0 ? layer->mean : layer->variance) + p * panel;
                memcpy(out ? message + at : running, out ? running : message + at,
                       panel * sizeof *running);
            }
    }
    return at;
}

/* A stretch of a share, out of a block or into one. */
static void move_floats(float *share, const float *from, float *to, size_t place, size_t count)
{
    if (to != NULL)
        memcpy(to + place, share, count * sizeof *share);
    else
        memcpy(share, from + place, count * sizeof *share);
}

/* A rank's share out of a block that is laid out like the parameters, or into one: `to` is NULL or
 * `from` is not read. */
static void move_moments(const aei_step *s, size_t owner, float *share, const float *from,
                         float *to)
{
    const ae_network *n = s->network;
    const size_t panel = n->kernels->panel;
    for (size_t i = 0; i < s->ranks->piece_count; i++) {
        const aei_piece *piece = &s->ranks->pieces[i];
        const aei_layer *layer = &n->layers[piece->layer];
        if (piece->owner != owner)
            continue;
        const size_t floats = (piece->last - piece->first) * panel;
        float *mine = share + piece->moment;
        move_floats(mine, from, to, layer->weight + piece->first * panel, floats);
        mine += floats;
        for (size_t p = piece->first_panel; p < piece->last_panel; p++, mine += 2 * panel) {
            move_floats(mine, from, to, layer->gamma + p * panel, panel);
            move_floats(mine + panel, from, to, layer->beta + p * panel, panel);
        }
    }
}

/* Weights that have travelled rounded. */
static ae_status gather_weights(aei_step *s)
{
    aei_step_ranks *ranks = s->ranks;
    float *mail = aei_slot_floats(&ranks->mail);
    for (size_t r = 0; r < ranks->count; r++) {
        const size_t floats = aei_pieces_moment_floats(ranks->pieces, ranks->piece_count,
                                                       s->network->kernels->panel, r);
        if (floats == 0)
            continue;
        move_moments(s, r, mail, s->network->parameters, NULL);
        AE_TRY(aei_messages_broadcast(ranks->messages, r, mail, floats * sizeof *mail));
        move_moments(s, r, mail, NULL, s->network->parameters);
    }
    return AE_OK;
}

ae_status aei_step_gather_running(aei_step *s)
{
    aei_step_ranks *ranks = s->ranks;
    if (ranks == NULL)
        return AE_OK;
    if (s->rounded != 0 && s->mode.bf16)
        AE_TRY(gather_weights(s));
    float *mail = aei_slot_floats(&ranks->mail);
    for (size_t r = 0; r < ranks->count; r++) {
        const size_t floats = move_running(s, r, mail, true); /* what others have is overwritten */
        if (floats == 0)
            continue;
        AE_TRY(aei_messages_broadcast(ranks->messages, r, mail, floats * sizeof *mail));
        (void)move_running(s, r, mail, false);
    }
    return AE_OK;
}

size_t aei_step_moment_floats(const aei_step *s)
{
    if (s->ranks == NULL)
        return s->network->parameter_floats;
    return aei_pieces_moment_floats(s->ranks->pieces, s->ranks->piece_count,
                                    s->network->kernels->panel, s->ranks->rank);
}

ae_status aei_step_gather_moments(aei_step *s, const float *share, float *whole)
{
    aei_step_ranks *ranks = s->ranks;
    const size_t own = aei_step_moment_floats(s) * sizeof *share;
    if (ranks == NULL) {
        memcpy(whole, share, own);
        return AE_OK;
    }
    float *mail = aei_slot_floats(&ranks->mail);
    memcpy(mail, share, own);
    ranks->mail.rank = 0;
    ranks->mail.bytes = own;
    if (ranks->rank != 0) {
        AE_TRY(aei_messages_send(ranks->messages, &ranks->mail));
        return aei_messages_wait(ranks->messages, &ranks->mail, 1);
    }
    move_moments(s, 0, mail, NULL, whole);
    for (size_t r = 1; r < ranks->count; r++) {
        ranks->mail.rank = r;
        ranks->mail.bytes = aei_pieces_moment_floats(ranks->pieces, ranks->piece_count,
                                                     s->network->kernels->panel, r) *
                            sizeof *mail;
        AE_TRY(aei_messages_receive(ranks->messages, &ranks->mail));
        AE_TRY(aei_messages_wait(ranks->messages, &ranks->mail, 1));
        move_moments(s, r, mail, NULL, whole);
    }
    return AE_OK;
}

void aei_step_share_moments(const aei_step *s, const float *whole, float *share)
{
    if (s->ranks == NULL)
        memcpy(share, whole, s->network->parameter_floats * sizeof *share);
    else
        move_moments(s, s->ranks->rank, share, whole, NULL);
}
