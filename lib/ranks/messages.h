/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_MESSAGES_H
#define AEI_MESSAGES_H

#include <libae/status.h>
#include <libae/transport.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Messages between the ranks of a run, over a transport. Each carries a header that says which step
 * it belongs to, how its rank is doing, and a checksum of its payload.
 *
 * Every error is AE_ERROR_COMMUNICATION, but for those of create. After one the object is broken:
 * each further call fails at once with the first error's text. The transport has then been
 * abandoned, once.
 */

/* What a rank says of itself in every message; the greatest wins. */
typedef enum aei_word {
    AEI_WORD_GO,
    AEI_WORD_CANCELLED,
    AEI_WORD_DIVERGED,
    AEI_WORD_FAILED
} aei_word;

typedef struct aei_messages aei_messages;

/* Tags below AEI_MESSAGES_TAGS are the callers'; those above serve all_gather and broadcast. */
enum { AEI_MESSAGE_HEADER = 64, AEI_MESSAGES_TAGS = 32000 };

/*
 * One message to send or to receive, and its memory, which the caller owns. It is used again and
 * again. While it is pending neither the slot nor its memory may move or change.
 */
typedef struct aei_slot {
    unsigned char *memory; /* the header, then the payload; 64-byte aligned */
    size_t bytes;          /* of the payload; may be 0 */
    size_t rank;           /* the other rank */
    uint32_t tag;          /* below AEI_MESSAGES_TAGS */
    bool pending;          /* started and not done */
    bool incoming;         /* the rest is aei_messages_send's and aei_messages_receive's own */
    uint64_t step;         /* that was begun when it was started */
    uint64_t order;        /* of collective calls; 0 in other messages */
    void *request;
} aei_slot;

/*
 * Copies the struct, up to its size. patience_seconds 0: 300. AE_ERROR_INVALID_ARGUMENT (a field
 * that is not set, by name), AE_ERROR_UNSUPPORTED (asks for more than this library knows),
 * AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_messages_create(aei_messages **messages, const ae_transport *transport,
                              double patience_seconds);

/* Abandons the transport if anything is pending. NULL does nothing. */
void aei_messages_free(aei_messages *m);

size_t aei_messages_rank(const aei_messages *m);
size_t aei_messages_ranks(const aei_messages *m);
size_t aei_messages_memory(const aei_messages *m);

/* Headers and payloads, of all messages sent so far. */
uint64_t aei_messages_bytes_sent(const aei_messages *m);

/* What the headers of messages say that are sent from now on; the words heard so far are
 * forgotten. */
void aei_messages_begin(aei_messages *m, uint64_t step, aei_word word, ae_status status);

/* Write the header and start to send; start to receive. Neither waits. */
ae_status aei_messages_send(aei_messages *m, aei_slot *slot);
ae_status aei_messages_receive(aei_messages *m, aei_slot *slot);

/*
 * Look once, never wait. A message that has come is verified: it must be of the step that was begun
 * when its receive was started. Its rank's word is noted if that is still the present step. A slot
 * that is not pending is done.
 */
ae_status aei_messages_test(aei_messages *m, aei_slot *slot, bool *done);

/* All of them, within the patience; the processor is left to others meanwhile. */
ae_status aei_messages_wait(aei_messages *m, aei_slot *slots, size_t count);

/*
 * The greatest word heard since begin, the own included, with the least rank that said it and its
 * status. rank and status may be NULL.
 */
aei_word aei_messages_word(const aei_messages *m, size_t *rank, ae_status *status);

/*
 * For a caller's own loop of tests: note when there was something else to do, so that no rank
 * counts as silent meanwhile; rest when there is nothing to do but wait. rest leaves the processor
 * to others for a moment, and fails once a rank from or to which messages are pending has been
 * silent for longer than the patience.
 *
 *     aei_messages_note(m);
 *     while (something is pending)
 *         if (no test found anything done)
 *             AE_TRY(aei_messages_rest(m));
 */
void aei_messages_note(aei_messages *m);
ae_status aei_messages_rest(aei_messages *m);

/* Fail with this text, as a message that fails does: abandons the transport. For what a caller
 * finds wrong in a payload. */
__attribute__((format(printf, 2, 3))) ae_status aei_messages_fail(aei_messages *m,
                                                                  const char *format, ...);

/*
 * Collective: all ranks call these, in the same order and with the same bytes.
 */

/* Everybody's bytes, by rank: all is [ranks][bytes]. */
ae_status aei_messages_all_gather(aei_messages *m, const void *mine, size_t bytes, void *all);

/* The root's data to all. */
ae_status aei_messages_broadcast(aei_messages *m, size_t root, void *data, size_t bytes);

#endif
