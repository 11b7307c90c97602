/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_MESSAGES_INTERNAL_H
#define AEI_MESSAGES_INTERNAL_H

#include "base/arena.h"
#include "ranks/checksum.h"
#include "ranks/messages.h"

/* Collective calls cut what they move into pieces, which keeps their memory small, and fixed when
 * the object is made: they cannot run out of it on one rank alone. */
enum { AEI_PIECE = 1 << 17, AEI_RANKS_MAX = 65536 };

/* What is known of a rank; the own one has its word and status here too. */
typedef struct aei_peer {
    double heard_at; /* when a message from or to it was last done */
    uint64_t step;   /* of the last message from it */
    size_t pending;  /* messages from and to it */
    aei_word word;
    ae_status status;
    bool heard;
} aei_peer;

struct aei_messages {
    ae_transport transport;
    aei_arena arena;
    aei_peer *peers;          /* [ranks] */
    unsigned char *pieces[2]; /* header and AEI_PIECE bytes each */
    double patience, noted;
    uint64_t step;
    uint64_t order; /* of collective calls */
    uint64_t sent;
    size_t pending, rests;
    bool broken, abandoned;
    char text[512];
};

/* The steps of sending, for a message that goes to several ranks: its header is written once. */
void aei_messages_write_header(const aei_messages *m, aei_slot *slot);
ae_status aei_messages_start(aei_messages *m, aei_slot *slot, bool incoming);
ae_status aei_messages_start_receive(aei_messages *m, aei_slot *slot);

#endif
