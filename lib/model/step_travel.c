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
    case AEI_STAGE_STEPPED:
        atomic_store(&t->stage, AEI_STAGE_SPREADING);
        aei_ranks_pack_weights(s, i);
        send_all(ranks, t->weights);
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

static bool look(aei_step *s)
{
    aei_step_ranks *ranks = s->ranks;
    if (ranks->failed != AE_OK)
        return false;
    bool any = look_at_reports(s);
    any = look_at_squares(s) || any;
    /* From the last layer on: its gradient is there first. */
    for (size_t k = ranks->piece_count; k-- > 0 && ranks->failed == AE_OK;)
        any = (ranks->pieces[k].owner == ranks->rank ? look_at_own(s, k) : look_at_other(s, k)) ||
              any;
    return any;
}

static bool work(aei_step *s, size_t thread)
{
    aei_step_ranks *ranks = s->ranks;
    for (size_t k = ranks->piece_count; k-- > 0;) {
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
        if (stage != AEI_STAGE_DONE && stage != AEI_STAGE_SPREADING && stage != AEI_STAGE_AWAITED)
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

void aei_ranks_await(aei_step *s, size_t first_layer, size_t last_layer)
{
    aei_step_ranks *ranks = s->ranks;
    aei_messages_note(ranks->messages);
    for (size_t i = ranks->first_piece[first_layer]; i < ranks->first_piece[last_layer];) {
        if (ranks->failed != AE_OK)
            return;
        if (atomic_load(&ranks->travels[i].stage) == AEI_STAGE_DONE)
            i++;
        else if (!aei_ranks_tend(s, 0))
            (void)ok(ranks, aei_messages_rest(ranks->messages));
    }
}

void aei_ranks_layer_is_done(aei_step *s, size_t layer)
{
    s->ranks->settled_layers = layer;
}
