/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens next with each piece? Thread 0 looks between two panels of its own work, so that
 * messages move while products are computed; whoever has time adds and steps. */
#include "model/squares.h"
#include "model/step_ranks.h"

#include <math.h>
#include <sched.h>

static bool clips(const aei_step *s)
{
    return s->ranks->most_norm > 0;
}

/* The first error of the messages ends the step; their text stays with them. */
static bool ok(aei_step_ranks *ranks, ae_status status)
{
    if (status != AE_OK)
        ranks->failed = status;
    return status == AE_OK;
}

/* Whether all of these have come or gone, but for the rank's own place. */
static bool all_done(aei_step_ranks *ranks, aei_slot *slots)
{
    bool all = true;
    for (size_t r = 0; r < ranks->count && ranks->failed == AE_OK; r++) {
        bool done = true;
        if (r != ranks->rank && ok(ranks, aei_messages_test(ranks->messages, &slots[r], &done)))
            all = all && done;
    }
    return all && ranks->failed == AE_OK;
}

static bool is_done(aei_step_ranks *ranks, aei_slot *slot)
{
    bool done = false;
    return ok(ranks, aei_messages_test(ranks->messages, slot, &done)) && done;
}

static void send_all(aei_step_ranks *ranks, aei_slot *slots)
{
    for (size_t r = 0; r < ranks->count && ranks->failed == AE_OK; r++)
        if (r != ranks->rank)
            (void)ok(ranks, aei_messages_send(ranks->messages, &slots[r]));
}

static void receive_all(aei_step_ranks *ranks, aei_slot *slots)
{
    for (size_t r = 0; r < ranks->count && ranks->failed == AE_OK; r++)
        if (r != ranks->rank)
            (void)ok(ranks, aei_messages_receive(ranks->messages, &slots[r]));
}

static void set_stages(aei_step_ranks *ranks, int stage)
{
    for (size_t i = 0; i < ranks->piece_count; i++)
        atomic_store(&ranks->travels[i].stage, stage);
}

/* --- reports ---------------------------------------------------------------------------------- */

/* The others' reports are asked for after the step was begun, and begun when this rank knows how it
 * is doing: what a header says must be true. */
void aei_ranks_report(aei_step *s, aei_word word, ae_status status)
{
    aei_step_ranks *ranks = s->ranks;
    for (size_t r = 0; r < ranks->count && ranks->failed == AE_OK; r++) {
        if (r == ranks->rank)
            continue;
        (void)ok(ranks, aei_messages_wait(ranks->messages, &ranks->reports_out[r], 1));
    }
    double *report = (double *)(void *)(ranks->reports_out[0].memory + AEI_MESSAGE_HEADER);
    for (size_t b = 0; b < s->block_count; b++) {
        report[2 * b] = s->blocks[b].cost;
        report[2 * b + 1] = s->blocks[b].penalty;
    }
    set_stages(ranks, AEI_STAGE_GRADIENT);
    aei_messages_begin(ranks->messages, s->number, word, status);
    receive_all(ranks, ranks->reports_in);
    send_all(ranks, ranks->reports_out);
    ranks->reported = true;
}

/* Costs in the order of the blocks, whoever has computed them. */
static void add_costs(aei_step *s)
{
    const aei_step_ranks *ranks = s->ranks;
    double cost = 0, penalty = 0;
    for (size_t r = 0; r < ranks->count; r++) {
        const aei_slot *slot = r == ranks->rank ? &ranks->reports_out[0] : &ranks->reports_in[r];
        const double *report = (const double *)(const void *)(slot->memory + AEI_MESSAGE_HEADER);
        const aei_range blocks = ranks->blocks[r].blocks;
        for (size_t b = 0; b < blocks.last - blocks.first; b++) {
            cost += report[2 * b];
            penalty += report[2 * b + 1];
        }
    }
    s->cost = cost / (double)s->batch_rows;
    s->penalty = penalty;
}

/* Parts are asked for before they come, so that nothing has to be put aside for them. */
static void open_step(aei_step *s)
{
    aei_step_ranks *ranks = s->ranks;
    ranks->open = true;
    add_costs(s);
    for (size_t i = 0; i < ranks->piece_count && ranks->failed == AE_OK; i++)
        for (size_t r = 0; r < ranks->count && ranks->pieces[i].owner == ranks->rank; r++)
            if (r != ranks->rank && ranks->blocks[r].nodes > 0) {
                aei_slot *slot = &ranks->travels[i].parts[r];
                slot->bytes = aei_ranks_part_bytes(s, &ranks->pieces[i], r);
                (void)ok(ranks, aei_messages_receive(ranks->messages, slot));
            }
}

static bool look_at_reports(aei_step *s)
{
    aei_step_ranks *ranks = s->ranks;
    if (!ranks->reported || ranks->open || ranks->stopped != AE_OK ||
        !all_done(ranks, ranks->reports_in))
        return false;
    ae_status status;
    ranks->word = aei_messages_word(ranks->messages, &ranks->stopped_by, &status);
    if (ranks->word == AEI_WORD_GO) {
        open_step(s);
        return true;
    }
    ranks->stopped = ranks->word == AEI_WORD_CANCELLED  ? AE_ERROR_CANCELLED
                     : ranks->word == AEI_WORD_DIVERGED ? AE_ERROR_DIVERGED
                                                        : status;
    set_stages(ranks, AEI_STAGE_DONE);
    return true;
}

/* --- clipping --------------------------------------------------------------------------------- */

/* A rank's sums of squares, piece by piece, to or from a message. */
static size_t move_squares(aei_step_ranks *ranks, size_t owner, double *message, bool out)
{
    size_t at = 0;
    for (size_t i = 0; i < ranks->piece_count; i++) {
        const aei_piece *piece = &ranks->pieces[i];
        const size_t norms = piece->last_panel - piece->first_panel;
        for (size_t k = 0; k < piece->squares && piece->owner == owner; k++, at++) {
            double *sum = k < piece->squares - norms
                              ? ranks->squares + piece->first_square + k
                              : ranks->squares + piece->norm_square + k - (piece->squares - norms);
            if (out)
                message[at] = *sum;
            else
                *sum = message[at];
        }
    }
    return at;
}

static bool own_pieces_are(const aei_step_ranks *ranks, int stage)
{
    for (size_t i = 0; i < ranks->piece_count; i++)
        if (ranks->pieces[i].owner == ranks->rank && atomic_load(&ranks->travels[i].stage) != stage)
            return false;
    return true;
}

/* The norm is known when all owners have told theirs; then every rank has the same factor. */
static bool look_at_squares(aei_step *s)
{
    aei_step_ranks *ranks = s->ranks;
    if (!clips(s) || !ranks->open || ranks->scaled)
        return false;
    if (!ranks->summed) {
        if (!own_pieces_are(ranks, AEI_STAGE_SUMMED))
            return false;
        ranks->summed = true;
        (void)move_squares(ranks, ranks->rank,
                           (double *)(void *)(ranks->squares_out[0].memory + AEI_MESSAGE_HEADER),
                           true);
        receive_all(ranks, ranks->squares_in);
        send_all(ranks, ranks->squares_out);
        return true;
    }
    if (!all_done(ranks, ranks->squares_in) || !all_done(ranks, ranks->squares_out))
        return false;
    for (size_t r = 0; r < ranks->count; r++)
        if (r != ranks->rank)
            (void)move_squares(ranks, r,
                               (double *)(void *)(ranks->squares_in[r].memory + AEI_MESSAGE_HEADER),
                               false);
    ranks->scaled = true;
    s->gradient_norm = aei_squares_norm(ranks->squares,
                                        aei_squares_before(s->network, s->network->depth));
    const double most = (double)ranks->most_norm;
    s->diverged = !isfinite(s->gradient_norm);
    ranks->scale = s->gradient_norm > most ? (float)(most / s->gradient_norm) : 1;
    for (size_t i = 0; i < ranks->piece_count; i++)
        if (ranks->pieces[i].owner == ranks->rank)
            atomic_store(&ranks->travels[i].stage,
                         s->diverged ? AEI_STAGE_DONE : AEI_STAGE_TO_STEP);
    return true;
}

/* --- pieces ----------------------------------------------------------------------------------- */

/* Parts come while this rank still computes its own, and a transport may move bytes only while it
 * is asked: about the next that is to come, since one question moves all. */
static void look_at_parts(aei_step *s)
{
    aei_step_ranks *ranks = s->ranks;
    for (size_t l = ranks->open ? s->network->depth : 0; l-- > 0;)
        for (size_t i = ranks->first_piece[l]; i < ranks->first_piece[l + 1]; i++)
            if (ranks->pieces[i].owner == ranks->rank && !all_done(ranks, ranks->travels[i].parts))
                return;
}

/* Own pieces: parts of all others, then the step, then the weights to all. */
static bool look_at_own(aei_step *s, size_t i)
{
    aei_step_ranks *ranks = s->ranks;
    aei_travel *t = &ranks->travels[i];
    const bool settled = ranks->settled_layers <= ranks->pieces[i].layer;
    switch (atomic_load(&t->stage)) {
    case AEI_STAGE_GRADIENT:
        if (!ranks->open || atomic_load(&t->panels_left) > 0)
            return false;
        atomic_store(&t->stage, AEI_STAGE_COLLECTED);
        return true;
    case AEI_STAGE_COLLECTED:
        /* No thread of this rank reads the old weights any more. */
        if (!settled || !all_done(ranks, t->parts))
            return false;
        atomic_store(&t->stage, clips(s) ? AEI_STAGE_TO_SUM : AEI_STAGE_TO_STEP);
        return true;
    case AEI_STAGE_SPREADING:
        if (!all_done(ranks, t->weights))
            return false;
        atomic_store(&t->stage, AEI_STAGE_DONE);
        return true;
    default:
        return false;
    }
}

/* Weights come into the memory that this rank's part went out of. */
static bool await_weights(aei_step *s, size_t i)
{
    aei_step_ranks *ranks = s->ranks;
    const aei_piece *piece = &ranks->pieces[i];
    aei_travel *t = &ranks->travels[i];
    if (ranks->settled_layers > piece->layer || (clips(s) && !ranks->scaled))
        return false;
    if (s->diverged) {
        atomic_store(&t->stage, AEI_STAGE_DONE);
        return true;
    }
    t->parts[0].bytes = aei_ranks_weight_bytes(s, piece);
    t->parts[0].tag = t->tag + 1;
    atomic_store(&t->stage, AEI_STAGE_AWAITED);
    return ok(ranks, aei_messages_receive(ranks->messages, &t->parts[0]));
}

static bool look_at_other(aei_step *s, size_t i)
{
    aei_step_ranks *ranks = s->ranks;
    const aei_piece *piece = &ranks->pieces[i];
    aei_travel *t = &ranks->travels[i];
    const size_t nodes = ranks->blocks[ranks->rank].nodes;
    switch (atomic_load(&t->stage)) {
    case AEI_STAGE_GRADIENT:
        if (!ranks->open || atomic_load(&t->panels_left) > 0)
            return false;
        atomic_store(&t->stage, AEI_STAGE_SENDING);
        t->parts[0].bytes = aei_ranks_part_bytes(s, piece, ranks->rank);
        aei_ranks_pack_part(s, i);
        t->parts[0].tag = t->tag;
        return nodes == 0 || ok(ranks, aei_messages_send(ranks->messages, &t->parts[0]));
    case AEI_STAGE_SENDING:
        return is_done(ranks, &t->parts[0]) && await_weights(s, i);
    case AEI_STAGE_AWAITED:
        if (!is_done(ranks, &t->parts[0]))
            return false;
        aei_ranks_unpack_piece(s, i);
        atomic_store(&t->stage, AEI_STAGE_DONE);
        return true;
    default:
        return false;
    }
}

/* Whether any of what this rank sends of a piece is still under way. */
static bool is_sending(const aei_step_ranks *ranks, size_t i)
{
    const aei_travel *t = &ranks->travels[i];
    const int stage = atomic_load(&t->stage);
    bool any = stage == AEI_STAGE_SENDING && t->parts[0].pending;
    for (size_t r = 0; r < ranks->count && stage == AEI_STAGE_SPREADING; r++)
        any = any || (r != ranks->rank && t->weights[r].pending);
    return any;
}

/* Whether an own piece will soon have weights to send: of the first layer, once it is all that is
 * left of the way back. */
static bool is_coming(const aei_step_ranks *ranks, size_t i, int stage)
{
    const bool early = stage == AEI_STAGE_GRADIENT || stage == AEI_STAGE_COLLECTED;
    return stage == AEI_STAGE_TO_STEP || stage == AEI_STAGE_STEPPING ||
           (early && ranks->settled_layers <= 1 && ranks->pieces[i].owner == ranks->rank);
}

/*
 * Weights that have been stepped go to all, those of the first layers before others: the next step
 * needs them in that order. A message does not overtake an earlier one, so that weights wait while
 * parts are under way, which their owners need sooner, and while earlier weights are coming.
 */
static bool send_weights(aei_step *s)
{
    enum { UNDER_WAY = 2 };
    aei_step_ranks *ranks = s->ranks;
    size_t under_way = 0;
    bool any = false;
    for (size_t i = 0; i < ranks->piece_count; i++)
        under_way += is_sending(ranks, i);
    for (size_t i = 0; i < ranks->piece_count && under_way < UNDER_WAY; i++) {
        aei_travel *t = &ranks->travels[i];
        const int stage = atomic_load(&t->stage);
        if (is_coming(ranks, i, stage))
            break;
        if (stage != AEI_STAGE_STEPPED)
            continue;
        atomic_store(&t->stage, AEI_STAGE_SPREADING);
        aei_ranks_pack_weights(s, i);
        send_all(ranks, t->weights);
        under_way++;
        any = true;
    }
    return any;
}

static bool look(aei_step *s)
{
    aei_step_ranks *ranks = s->ranks;
    if (ranks->failed != AE_OK)
        return false;
    bool any = look_at_reports(s);
    any = look_at_squares(s) || any;
    look_at_parts(s);
    /* From the last layer on: its gradient is there first. */
    for (size_t k = ranks->piece_count; k-- > 0 && ranks->failed == AE_OK;)
        any = (ranks->pieces[k].owner == ranks->rank ? look_at_own(s, k) : look_at_other(s, k)) ||
              any;
    return send_weights(s) || any;
}

/* From the first layer on: the next step needs its weights first. */
static bool work(aei_step *s, size_t thread)
{
    aei_step_ranks *ranks = s->ranks;
    for (size_t k = 0; k < ranks->piece_count; k++) {
        atomic_int *stage = &ranks->travels[k].stage;
        int found = atomic_load_explicit(stage, memory_order_relaxed);
        if (found == AEI_STAGE_TO_STEP &&
            atomic_compare_exchange_strong(stage, &found, AEI_STAGE_STEPPING)) {
            aei_ranks_step_piece(s, k, thread);
            atomic_store(stage, AEI_STAGE_STEPPED);
            return true;
        }
        if (found == AEI_STAGE_TO_SUM &&
            atomic_compare_exchange_strong(stage, &found, AEI_STAGE_SUMMING)) {
            aei_ranks_sum_piece(s, k, thread);
            atomic_store(stage, AEI_STAGE_SUMMED);
            return true;
        }
    }
    return false;
}

bool aei_ranks_tend(aei_step *s, size_t thread)
{
    const bool any = thread == 0 && look(s);
    return work(s, thread) || any;
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* Whether this rank's network has a piece's new weights. Their sends may still be under way. */
static bool is_new(int stage)
{
    return stage == AEI_STAGE_DONE || stage == AEI_STAGE_STEPPED || stage == AEI_STAGE_SPREADING;
}

/* Weights that are still on their way may come during the next step's first layers. */
static bool is_over(const aei_step *s)
{
    const aei_step_ranks *ranks = s->ranks;
    if (ranks->failed != AE_OK || ranks->stopped != AE_OK)
        return true;
    if (!ranks->open)
        return false;
    for (size_t i = 0; i < ranks->piece_count; i++) {
        const int stage = atomic_load(&ranks->travels[i].stage);
        if (stage != AEI_STAGE_AWAITED && !is_new(stage))
            return false;
    }
    return true;
}

void aei_ranks_end(aei_step *s, size_t thread)
{
    aei_step_ranks *ranks = s->ranks;
    while (thread != 0 && !atomic_load(&ranks->over))
        if (!aei_ranks_tend(s, thread))
            (void)sched_yield();
    if (thread != 0)
        return;
    aei_messages_note(ranks->messages);
    while (!is_over(s))
        if (!aei_ranks_tend(s, 0) && !is_over(s))
            (void)ok(ranks, aei_messages_rest(ranks->messages));
    atomic_store(&ranks->over, true);
}

/* Only thread 0 can make messages come; another one leaves the processor to it. */
static void await_piece(aei_step *s, size_t i, bool (*is_there)(int stage), size_t thread)
{
    aei_step_ranks *ranks = s->ranks;
    if (is_there(atomic_load(&ranks->travels[i].stage)))
        return;
    if (thread == 0)
        aei_messages_note(ranks->messages);
    while (ranks->failed == AE_OK && !is_there(atomic_load(&ranks->travels[i].stage)))
        if (!aei_ranks_tend(s, thread)) {
            if (thread == 0)
                (void)ok(ranks, aei_messages_rest(ranks->messages));
            else
                (void)sched_yield();
        }
}

static bool is_done_everywhere(int stage)
{
    return stage == AEI_STAGE_DONE;
}

void aei_ranks_await_all(aei_step *s)
{
    for (size_t i = 0; i < s->ranks->piece_count; i++)
        await_piece(s, i, is_done_everywhere, 0);
}

void aei_ranks_await_panel(aei_step *s, size_t l, size_t p, size_t thread)
{
    const aei_step_ranks *ranks = s->ranks;
    const size_t in = s->network->layers[l].in;
    for (size_t i = ranks->first_piece[l]; i < ranks->first_piece[l + 1]; i++)
        if (ranks->pieces[i].first < (p + 1) * in && ranks->pieces[i].last > p * in)
            await_piece(s, i, is_new, thread);
}

void aei_ranks_await_layer(aei_step *s, size_t l)
{
    for (size_t i = s->ranks->first_piece[l]; i < s->ranks->first_piece[l + 1]; i++)
        await_piece(s, i, is_new, 0);
}

void aei_ranks_layer_is_done(aei_step *s, size_t layer)
{
    s->ranks->settled_layers = layer;
}
