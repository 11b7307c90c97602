/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How do ranks stay together? Whatever only one of them meets, a full disk or a bad row, all have
 * to act upon alike, or one waits for a message that never comes. So what is done together begins
 * or ends with one question to all: is everybody fine?
 */
#include "train/ranks.h"

#include "base/error.h"
#include "base/options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How a rank is doing. */
typedef struct aei_report {
    int32_t status;
    char text[AEI_ERROR_TEXT];
} report;

static void copy_text(char to[AEI_ERROR_TEXT], const char *from)
{
    memset(to, 0, AEI_ERROR_TEXT); /* all of it travels */
    (void)snprintf(to, AEI_ERROR_TEXT, "%s", from);
}

/* A rank that cannot take part says so in the one way that is left to it. */
static ae_status give_up(const ae_transport *transport, ae_status status)
{
    if (transport->abandon != NULL && status == AE_ERROR_OUT_OF_MEMORY)
        transport->abandon(transport->user);
    return status;
}

ae_status aei_ranks_create(aei_ranks **ranks, const ae_transport *transport, double patience)
{
    if (!(patience >= 0 && patience < INFINITY))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "patience_seconds %g is negative or not finite",
                        patience);
    if (transport == NULL)
        return AE_OK;
    ae_transport mine;
    AE_TRY(aei_options_read(&mine, sizeof mine, transport, "ae_transport"));
    aei_messages *messages;
    const ae_status status = aei_messages_create(&messages, &mine, patience);
    if (status != AE_OK)
        return give_up(&mine, status);
    if (mine.rank_count == 1) {
        aei_messages_free(messages);
        return AE_OK;
    }
    aei_ranks *made = calloc(1, sizeof *made);
    report *reports = calloc(mine.rank_count, sizeof *reports);
    if (made == NULL || reports == NULL) {
        free(made);
        free(reports);
        aei_messages_free(messages);
        return give_up(&mine, aei_fail_memory(mine.rank_count * sizeof *reports));
    }
    *made = (aei_ranks){
        .messages = messages, .rank = mine.rank, .count = mine.rank_count, .reports = reports};
    *ranks = made;
    return AE_OK;
}

void aei_ranks_free(aei_ranks *ranks)
{
    if (ranks == NULL)
        return;
    aei_messages_free(ranks->messages);
    free(ranks->reports);
    free(ranks);
}

size_t aei_ranks_memory(const aei_ranks *ranks)
{
    return ranks == NULL ? 0
                         : sizeof *ranks + ranks->count * sizeof *ranks->reports +
                               aei_messages_memory(ranks->messages);
}

ae_status aei_ranks_check(const aei_ranks *ranks)
{
    if (ranks == NULL || !ranks->broken)
        return AE_OK;
    return aei_fail(AE_ERROR_COMMUNICATION, "%s", ranks->text);
}

ae_status aei_ranks_note(aei_ranks *ranks, ae_status status)
{
    if (ranks != NULL && status == AE_ERROR_COMMUNICATION && !ranks->broken) {
        ranks->broken = true;
        copy_text(ranks->text, ae_last_error());
    }
    return status;
}

ae_status aei_ranks_first_error(aei_ranks *r, ae_status status, bool named)
{
    report mine = {.status = (int32_t)status};
    copy_text(mine.text, status == AE_OK ? "" : ae_last_error());
    AE_TRY(aei_ranks_check(r));
    AE_TRY(aei_ranks_note(r, aei_messages_all_gather(r->messages, &mine, sizeof mine, r->reports)));
    for (size_t k = 0; k < r->count; k++) {
        report *first = &r->reports[k];
        if (first->status == AE_OK)
            continue;
        first->text[AEI_ERROR_TEXT - 1] = '\0';
        return named ? aei_fail((ae_status)first->status, "%s", first->text)
                     : aei_fail((ae_status)first->status, "rank %zu: %s", k, first->text);
    }
    return AE_OK;
}

ae_status aei_ranks_spread(aei_ranks *r, void **data, size_t *size)
{
    if (r == NULL)
        return AE_OK;
    AE_TRY(aei_ranks_check(r));
    const bool owner = r->rank == 0;
    uint64_t bytes = owner ? *size : 0;
    AE_TRY(aei_ranks_note(r, aei_messages_broadcast(r->messages, 0, &bytes, sizeof bytes)));
    void *block = owner ? *data : malloc(bytes == 0 ? 1 : (size_t)bytes);
    ae_status status = aei_ranks_agree(r, block == NULL ? aei_fail_memory((size_t)bytes) : AE_OK);
    if (status == AE_OK)
        status = aei_ranks_note(r, aei_messages_broadcast(r->messages, 0, block, (size_t)bytes));
    if (owner)
        return status;
    if (status != AE_OK) {
        free(block);
        return status;
    }
    *data = block;
    *size = (size_t)bytes;
    return AE_OK;
}

ae_status aei_ranks_stopped(aei_ranks *r, size_t rank, ae_status status)
{
    char text[AEI_ERROR_TEXT];
    copy_text(text, ae_last_error());
    AE_TRY(aei_ranks_note(r, aei_messages_broadcast(r->messages, rank, text, sizeof text)));
    text[AEI_ERROR_TEXT - 1] = '\0';
    return aei_fail(status, "rank %zu: %s", rank, text);
}

/* The first one stays: it is the reason of the run's end. */
void aei_ranks_keep_stop(aei_ranks *ranks, ae_status status)
{
    if (ranks->stop != AE_OK)
        return;
    ranks->stop = status;
    copy_text(ranks->stop_text, ae_last_error());
}

ae_status aei_ranks_take_stop(aei_ranks *ranks)
{
    if (ranks == NULL || ranks->stop == AE_OK)
        return AE_OK;
    const ae_status status = ranks->stop;
    ranks->stop = AE_OK;
    return aei_fail(status, "%s", ranks->stop_text);
}
