/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_RANKS_H
#define AEI_RANKS_H

#include <libae/transport.h>
#include <stdbool.h>

#include "ranks/messages.h"

/* Longest text of an error, with its zero byte. */
enum { AEI_ERROR_TEXT = 512 };

/*
 * The ranks that share a run, as one of them sees the others; NULL stands for a run of one rank, to
 * which every call below does nothing. Except for create and free the calls that return a status
 * are collective: all ranks make them, in the same order.
 */
typedef struct aei_ranks {
    aei_messages *messages;
    size_t rank, count;
    struct aei_report *reports; /* [count] */
    ae_status stop;             /* AE_OK, or what the others have yet to be told */
    char stop_text[AEI_ERROR_TEXT];
    bool behind; /* other ranks have newer running statistics */
    bool broken; /* the ranks cannot reach each other any more */
    char text[AEI_ERROR_TEXT];
} aei_ranks;

/* NULL where there is no transport, or one rank. The transport is abandoned where this rank fails,
 * so that nobody waits for it. As aei_messages_create. */
ae_status aei_ranks_create(aei_ranks **ranks, const ae_transport *transport, double patience);
void aei_ranks_free(aei_ranks *ranks);
size_t aei_ranks_memory(const aei_ranks *ranks);

/* Not collective: AE_ERROR_COMMUNICATION with the first text, once it was met. */
ae_status aei_ranks_check(const aei_ranks *ranks);

/* Not collective: a status that a call of this run returned; one of AE_ERROR_COMMUNICATION is kept
 * with its text. Returns it. */
ae_status aei_ranks_note(aei_ranks *ranks, ae_status status);

/* The status of the least rank that is not fine, on all, whose text begins with the rank; or is
 * that rank's own, where `named`. `status` is this rank's, with its text. Not for a NULL ranks. */
ae_status aei_ranks_first_error(aei_ranks *ranks, ae_status status, bool named);

/*
 * Is everybody fine? As aei_ranks_first_error; _named where the text names ranks already. Inline,
 * because an analyzer then sees that a rank's own error is never answered with AE_OK.
 */
static inline ae_status aei_ranks_agree(aei_ranks *ranks, ae_status status)
{
    const ae_status first = ranks == NULL ? AE_OK : aei_ranks_first_error(ranks, status, false);
    return first != AE_OK ? first : status;
}

static inline ae_status aei_ranks_agree_named(aei_ranks *ranks, ae_status status)
{
    const ae_status first = ranks == NULL ? AE_OK : aei_ranks_first_error(ranks, status, true);
    return first != AE_OK ? first : status;
}

/*
 * Rank 0's bytes, to all: the others allocate them, and free them. Where there is one rank these
 * bytes are its own.
 */
ae_status aei_ranks_spread(aei_ranks *ranks, void **data, size_t *size);

/* The step was stopped by this rank with this status; its text, if this is that rank, is the error
 * text at hand. All return the status with that text and the rank in front of it. */
ae_status aei_ranks_stopped(aei_ranks *ranks, size_t rank, ae_status status);

/* Not collective: keep a stop with its text until the next step, when the others are told. take
 * returns it, once. */
void aei_ranks_keep_stop(aei_ranks *ranks, ae_status status);
ae_status aei_ranks_take_stop(aei_ranks *ranks);

#endif
