/* SPDX-License-Identifier: BSD-3-Clause */
/* What makes bytes that a transport moves into messages that a run can rely on? A header in front
 * of each says where it belongs and how its rank is doing, a checksum sees damage, and a clock sees
 * silence. Whatever goes wrong ends in one error that names the other rank: a run over many
 * machines is looked after by reading that line. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, nanosleep */
#include "ranks/messages_internal.h"

#include "base/error.h"
#include "base/options.h"
#include "base/system.h"

#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* "aemg" in the order of bytes of all machines that libae runs on: another order is refused. */
#define MAGIC UINT32_C(0x676D6561)
enum { VERSION = 1 };

typedef struct header {
    uint32_t magic, version;
    uint64_t step;
    uint32_t tag, word;
    int32_t status;
    uint32_t rank; /* the sender */
    uint64_t bytes;
    uint64_t order; /* of collective calls, from 1; 0 in other messages */
    aei_checksum checksum;
} header;

_Static_assert(sizeof(header) == AEI_MESSAGE_HEADER, "the payload follows without a gap");

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* --- errors ----------------------------------------------------------------------------------- */

static ae_status broken(const aei_messages *m)
{
    return aei_fail(AE_ERROR_COMMUNICATION, "%s", m->text);
}

static void abandon(aei_messages *m)
{
    if (!m->abandoned)
        m->transport.abandon(m->transport.user);
    m->abandoned = true;
}

ae_status aei_messages_fail(aei_messages *m, const char *format, ...)
{
    if (m->broken)
        return broken(m);
    va_list arguments;
    va_start(arguments, format);
    (void)aei_system_format(m->text, sizeof m->text, format, arguments);
    va_end(arguments);
    m->broken = true;
    abandon(m);
    return broken(m);
}

/* "rank 3 (node07)". */
static const char *name(const aei_messages *m, size_t rank, char *text, size_t room)
{
    const char *host = m->transport.host == NULL ? NULL
                                                 : m->transport.host(m->transport.user, rank);
    if (host == NULL || host[0] == '\0')
        (void)snprintf(text, room, "rank %zu", rank);
    else
        (void)snprintf(text, room, "rank %zu (%.64s)", rank, host);
    return text;
}

static const char *last_heard(const aei_messages *m, size_t rank, char *text, size_t room)
{
    const aei_peer *peer = &m->peers[rank];
    if (peer->heard)
        (void)snprintf(text, room, "last heard at step %llu", (unsigned long long)peer->step);
    else
        (void)snprintf(text, room, "never heard");
    return text;
}

static ae_status fail_transport(aei_messages *m, const aei_slot *slot, int code)
{
    char who[128], heard[64];
    return aei_messages_fail(
        m,
        "%s cannot be reached at step %llu, %s: the transport reports %d; the rank may have ended",
        name(m, slot->rank, who, sizeof who), (unsigned long long)m->step,
        last_heard(m, slot->rank, heard, sizeof heard), code);
}

static bool silent(const aei_messages *m, size_t rank, double now)
{
    const aei_peer *peer = &m->peers[rank];
    const double since = peer->heard_at > m->noted ? peer->heard_at : m->noted;
    return peer->pending > 0 && now - since > m->patience;
}

/* All silent ranks as far as the text has room; the step is the first one's. */
static ae_status fail_silent(aei_messages *m, size_t first, double now)
{
    enum { NAMED = 4 };
    char who[128], heard[64], all[512] = "";
    size_t count = 0;
    for (size_t r = first; r < m->transport.rank_count; r++) {
        if (!silent(m, r, now) || count++ >= NAMED)
            continue;
        const size_t used = strlen(all);
        (void)snprintf(all + used, sizeof all - used, "%s%s", count > 1 ? ", " : "",
                       name(m, r, who, sizeof who));
    }
    char more[40] = "";
    if (count > NAMED)
        (void)snprintf(more, sizeof more, " and %zu more", count - NAMED);
    return aei_messages_fail(
        m,
        "%.300s%s silent for %g s at step %llu, %s: ended, hung, or slower than "
        "the patience",
        all, more, m->patience, (unsigned long long)m->step,
        last_heard(m, first, heard, sizeof heard));
}

/* --- life ------------------------------------------------------------------------------------- */

static ae_status check(const ae_transport *t, double patience)
{
    if (t->rank_count < 1 || t->rank_count > AEI_RANKS_MAX)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "ae_transport.rank_count is %zu, not 1 to %d",
                        t->rank_count, AEI_RANKS_MAX);
    if (t->rank >= t->rank_count)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "ae_transport.rank is %zu of %zu ranks", t->rank,
                        t->rank_count);
    const char *missing = t->send == NULL      ? "send"
                          : t->receive == NULL ? "receive"
                          : t->test == NULL    ? "test"
                          : t->abandon == NULL ? "abandon"
                                               : NULL;
    if (missing != NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "ae_transport.%s is NULL", missing);
    if (!(patience >= 0 && isfinite(patience)))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "patience_seconds is %g", patience);
    return AE_OK;
}

static void lay_out(aei_messages *m)
{
    m->peers = aei_arena_take(&m->arena, m->transport.rank_count, sizeof *m->peers);
    for (size_t i = 0; i < 2; i++)
        m->pieces[i] = aei_arena_take(&m->arena, AEI_MESSAGE_HEADER + AEI_PIECE, 1);
}

ae_status aei_messages_create(aei_messages **messages, const ae_transport *transport,
                              double patience_seconds)
{
    AE_REQUIRE(messages);
    AE_REQUIRE(transport);
    ae_transport mine;
    AE_TRY(aei_options_read(&mine, sizeof mine, transport, "ae_transport"));
    AE_TRY(check(&mine, patience_seconds));
    aei_messages *m = calloc(1, sizeof *m);
    if (m == NULL)
        return aei_fail_memory(sizeof *m);
    m->transport = mine;
    m->patience = patience_seconds > 0 ? patience_seconds : 300;
    m->noted = seconds();
    lay_out(m);
    const ae_status status = aei_arena_allocate(&m->arena);
    if (status != AE_OK) {
        free(m);
        return status;
    }
    lay_out(m);
    *messages = m;
    return AE_OK;
}

void aei_messages_free(aei_messages *m)
{
    if (m == NULL)
        return;
    if (m->pending > 0)
        abandon(m);
    aei_arena_free(&m->arena);
    free(m);
}

size_t aei_messages_rank(const aei_messages *m)
{
    return m->transport.rank;
}

size_t aei_messages_ranks(const aei_messages *m)
{
    return m->transport.rank_count;
}

size_t aei_messages_memory(const aei_messages *m)
{
    return sizeof *m + m->arena.size;
}

uint64_t aei_messages_bytes_sent(const aei_messages *m)
{
    return m->sent;
}

/* --- words ------------------------------------------------------------------------------------ */

void aei_messages_begin(aei_messages *m, uint64_t step, aei_word word, ae_status status)
{
    m->step = step;
    for (size_t r = 0; r < m->transport.rank_count; r++)
        m->peers[r].word = AEI_WORD_GO;
    m->peers[m->transport.rank].word = word;
    m->peers[m->transport.rank].status = status;
}

aei_word aei_messages_word(const aei_messages *m, size_t *rank, ae_status *status)
{
    size_t greatest = 0;
    for (size_t r = 1; r < m->transport.rank_count; r++)
        if (m->peers[r].word > m->peers[greatest].word)
            greatest = r;
    const aei_peer *peer = &m->peers[greatest];
    if (rank != NULL)
        *rank = greatest;
    if (status != NULL)
        *status = peer->status;
    return peer->word;
}

/* --- sending and receiving -------------------------------------------------------------------- */

static aei_checksum checksum_of(const header *h, const unsigned char *payload)
{
    return aei_checksum_add(aei_checksum_add((aei_checksum){0}, h, offsetof(header, checksum)),
                            payload, (size_t)h->bytes);
}

void aei_messages_write_header(const aei_messages *m, aei_slot *slot)
{
    const aei_peer *own = &m->peers[m->transport.rank];
    header h = {.magic = MAGIC,
                .version = VERSION,
                .step = m->step,
                .tag = slot->tag,
                .word = own->word,
                .status = own->status,
                .rank = (uint32_t)m->transport.rank,
                .bytes = slot->bytes,
                .order = slot->order};
    h.checksum = checksum_of(&h, slot->memory + sizeof h);
    memcpy(slot->memory, &h, sizeof h);
}

ae_status aei_messages_start(aei_messages *m, aei_slot *slot, bool incoming)
{
    if (m->broken)
        return broken(m);
    const ae_message message = {.size = sizeof message,
                                .data = slot->memory,
                                .bytes = AEI_MESSAGE_HEADER + slot->bytes,
                                .rank = slot->rank,
                                .tag = slot->tag};
    slot->incoming = incoming;
    slot->step = m->step;
    slot->request = NULL;
    const ae_transport *t = &m->transport;
    const int code = (incoming ? t->receive : t->send)(t->user, &message, &slot->request);
    if (code != 0)
        return fail_transport(m, slot, code);
    slot->pending = true;
    m->pending++;
    m->peers[slot->rank].pending++;
    if (!incoming)
        m->sent += message.bytes;
    return AE_OK;
}

ae_status aei_messages_send(aei_messages *m, aei_slot *slot)
{
    slot->order = 0;
    if (!m->broken)
        aei_messages_write_header(m, slot);
    return aei_messages_start(m, slot, false);
}

/* What an earlier message left there must not pass for a new one that was cut. */
ae_status aei_messages_start_receive(aei_messages *m, aei_slot *slot)
{
    if (!m->broken)
        memset(slot->memory, 0, AEI_MESSAGE_HEADER);
    return aei_messages_start(m, slot, true);
}

ae_status aei_messages_receive(aei_messages *m, aei_slot *slot)
{
    slot->order = 0;
    return aei_messages_start_receive(m, slot);
}

/* What is wrong with a message's bytes, or NULL. */
static const char *damage(const header *h, const aei_slot *slot)
{
    if (h->magic != MAGIC)
        return "no header";
    if (h->bytes != slot->bytes)
        return "length";
    const aei_checksum found = checksum_of(h, slot->memory + sizeof *h);
    const aei_checksum *sent = &h->checksum;
    return found.plain != sent->plain || found.weighted != sent->weighted ? "checksum" : NULL;
}

/* A step that is not the expected one is reported behind damage, so that no flipped bit passes for
 * a rank that is ahead. Version 0 is what a cut leaves of a header. */
static ae_status verify(aei_messages *m, const aei_slot *slot)
{
    header h;
    memcpy(&h, slot->memory, sizeof h);
    char who[128];
    (void)name(m, slot->rank, who, sizeof who);
    const unsigned long long step = slot->step;
    if (h.magic == MAGIC && h.version != VERSION && h.version != 0)
        return aei_messages_fail(m,
                                 "%s writes messages of version %u, this rank of version %d: all "
                                 "ranks need one release of libae",
                                 who, h.version, VERSION);
    const char *what = damage(&h, slot);
    if (what != NULL)
        return aei_messages_fail(m, "a message of %s for step %llu arrived damaged (%s)", who, step,
                                 what);
    if (h.step != slot->step || h.rank != slot->rank || h.tag != slot->tag ||
        h.order != slot->order || h.word > AEI_WORD_FAILED)
        return aei_messages_fail(
            m,
            "a message of %s for step %llu came instead of that for step %llu: "
            "one was lost, or the ranks do not run the same program",
            who, (unsigned long long)h.step, step);
    aei_peer *peer = &m->peers[slot->rank];
    peer->heard = true;
    peer->step = h.step;
    if (h.step == m->step && h.word > (uint32_t)peer->word) {
        peer->word = (aei_word)h.word;
        peer->status = (ae_status)h.status;
    }
    return AE_OK;
}

ae_status aei_messages_test(aei_messages *m, aei_slot *slot, bool *done)
{
    if (m->broken)
        return broken(m);
    *done = !slot->pending;
    if (*done)
        return AE_OK;
    if (slot->request != NULL) {
        int arrived = 0;
        const int code = m->transport.test(m->transport.user, &slot->request, &arrived);
        if (code != 0)
            return fail_transport(m, slot, code);
        if (!arrived)
            return AE_OK;
    }
    slot->pending = false;
    slot->request = NULL;
    m->pending--;
    aei_peer *peer = &m->peers[slot->rank];
    peer->pending--;
    peer->heard_at = seconds();
    m->rests = 0;
    if (slot->incoming)
        AE_TRY(verify(m, slot));
    *done = true;
    return AE_OK;
}

/* --- waiting ---------------------------------------------------------------------------------- */

void aei_messages_note(aei_messages *m)
{
    m->noted = seconds();
    m->rests = 0;
}

/*
 * Ranks may share a processor, so whoever waits lets others run. A message is often a few
 * microseconds away: sleeping, which takes 50 more, begins only when yielding has not helped.
 */
ae_status aei_messages_rest(aei_messages *m)
{
    enum { YIELDS = 200, SHORT = 2000, MICRO = 1000 };
    if (m->broken)
        return broken(m);
    const double now = seconds();
    for (size_t r = 0; r < m->transport.rank_count; r++)
        if (silent(m, r, now))
            return fail_silent(m, r, now);
    m->rests++;
    if (m->rests < YIELDS)
        (void)sched_yield();
    else
        (void)nanosleep(&(struct timespec){.tv_nsec = m->rests < SHORT ? 20 * MICRO : 500 * MICRO},
                        NULL);
    return AE_OK;
}

ae_status aei_messages_wait(aei_messages *m, aei_slot *slots, size_t count)
{
    if (m->broken) /* also when there is nothing to wait for */
        return broken(m);
    aei_messages_note(m);
    for (;;) {
        size_t left = 0;
        bool progress = false;
        for (size_t i = 0; i < count; i++) {
            const bool was_pending = slots[i].pending;
            bool done;
            AE_TRY(aei_messages_test(m, &slots[i], &done));
            left += !done;
            progress = progress || (was_pending && done);
        }
        if (left == 0)
            return AE_OK;
        if (!progress)
            AE_TRY(aei_messages_rest(m));
    }
}
