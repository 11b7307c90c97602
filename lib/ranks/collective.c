/* SPDX-License-Identifier: BSD-3-Clause */
/* How does every rank learn what all or one of them know? For what a run exchanges at its start and
 * at checkpoints, not in its steps: simple rather than fast. */
#include "base/error.h"
#include "ranks/messages_internal.h"

#include <string.h>

/* Tag of all collective messages: those of two ranks arrive in order. */
enum { TAG = AEI_MESSAGES_TAGS };

static aei_slot slot_of(const aei_messages *m, size_t piece, size_t bytes, size_t rank)
{
    return (aei_slot){
        .memory = m->pieces[piece], .bytes = bytes, .rank = rank, .tag = TAG, .order = m->order};
}

/* In round k rank r sends to r + k and receives from r - k: no rank is everybody's at once, and two
 * buffers are enough. */
static ae_status gather_piece(aei_messages *m, unsigned char *all, size_t stride, size_t bytes)
{
    const size_t ranks = aei_messages_ranks(m), rank = aei_messages_rank(m);
    for (size_t k = 1; k < ranks; k++) {
        aei_slot slots[2] = {
            slot_of(m, 0, bytes, (rank + k) % ranks),
            slot_of(m, 1, bytes, (rank + ranks - k) % ranks),
        };
        if (k == 1)
            aei_messages_write_header(m, &slots[0]);
        AE_TRY(aei_messages_start(m, &slots[0], false));
        AE_TRY(aei_messages_start_receive(m, &slots[1]));
        AE_TRY(aei_messages_wait(m, slots, 2));
        memcpy(all + slots[1].rank * stride, slots[1].memory + AEI_MESSAGE_HEADER, bytes);
    }
    return AE_OK;
}

ae_status aei_messages_all_gather(aei_messages *m, const void *mine, size_t bytes, void *all)
{
    const unsigned char *from = mine;
    unsigned char *to = all;
    if (m->broken)
        return aei_messages_fail(m, "broken");
    m->order++;
    if (bytes > 0)
        memmove(to + aei_messages_rank(m) * bytes, from, bytes);
    size_t at = 0;
    do {
        const size_t piece = bytes - at < AEI_PIECE ? bytes - at : AEI_PIECE;
        if (piece > 0)
            memcpy(m->pieces[0] + AEI_MESSAGE_HEADER, from + at, piece);
        AE_TRY(gather_piece(m, to + at, bytes, piece));
        at += piece;
    } while (at < bytes);
    return AE_OK;
}

/*
 * Down a binomial tree: ranks are counted from the root, a rank's parent lacks its lowest bit, and
 * its children have one more below that.
 */
static ae_status broadcast_piece(aei_messages *m, size_t root, unsigned char *data, size_t bytes)
{
    const size_t ranks = aei_messages_ranks(m);
    const size_t place = (aei_messages_rank(m) + ranks - root) % ranks;
    size_t bit = 1;
    while (bit < ranks && (place & bit) == 0)
        bit *= 2;
    if (place != 0) {
        aei_slot up = slot_of(m, 0, bytes, (place - bit + root) % ranks);
        AE_TRY(aei_messages_start_receive(m, &up));
        AE_TRY(aei_messages_wait(m, &up, 1));
        memcpy(data, up.memory + AEI_MESSAGE_HEADER, bytes);
    } else {
        memcpy(m->pieces[0] + AEI_MESSAGE_HEADER, data, bytes);
    }
    aei_slot down[64];
    size_t count = 0;
    for (bit /= 2; bit > 0; bit /= 2)
        if (place + bit < ranks)
            down[count++] = slot_of(m, 0, bytes, (place + bit + root) % ranks);
    if (count > 0)
        aei_messages_write_header(m, &down[0]);
    for (size_t i = 0; i < count; i++)
        AE_TRY(aei_messages_start(m, &down[i], false));
    return aei_messages_wait(m, down, count);
}

ae_status aei_messages_broadcast(aei_messages *m, size_t root, void *data, size_t bytes)
{
    unsigned char *at = data;
    if (m->broken)
        return aei_messages_fail(m, "broken");
    m->order++;
    for (size_t done = 0; done < bytes; done += AEI_PIECE)
        AE_TRY(broadcast_piece(m, root, at + done,
                               bytes - done < AEI_PIECE ? bytes - done : AEI_PIECE));
    return AE_OK;
}
