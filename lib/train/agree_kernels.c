/* SPDX-License-Identifier: BSD-3-Clause */
/* Which kernels can all ranks compute with? Each says which it has, and everyone looks through the
 * first rank's list from its end, so that all come to the same answer. */
#define _POSIX_C_SOURCE 200809L /* strnlen */
#include <libae/transport.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compute/kernels.h"
#include "ranks/messages.h"

enum { KINDS = 8, NAME_SIZE = 32 };

typedef struct kernel_list {
    char names[KINDS][NAME_SIZE];
} kernel_list;

static kernel_list own_list(void)
{
    kernel_list mine;
    memset(&mine, 0, sizeof mine);
    const aei_kernels *kernels;
    for (size_t i = 0; i < KINDS && (kernels = aei_kernels_own(i)) != NULL; i++)
        memcpy(mine.names[i], kernels->name, strnlen(kernels->name, NAME_SIZE - 1));
    return mine;
}

static bool everyone_has(const kernel_list *lists, size_t ranks, const char *name)
{
    for (size_t r = 0; r < ranks; r++) {
        size_t i = 0;
        while (i < KINDS && strncmp(lists[r].names[i], name, NAME_SIZE) != 0)
            i++;
        if (i == KINDS)
            return false;
    }
    return true;
}

static ae_status choose(const kernel_list *lists, size_t ranks, char *name, size_t size)
{
    for (size_t i = KINDS; i-- > 0;) {
        const char *candidate = lists[0].names[i];
        const size_t length = strnlen(candidate, NAME_SIZE);
        if (length == 0 || length == NAME_SIZE || !everyone_has(lists, ranks, candidate))
            continue;
        if (length >= size)
            return aei_fail(AE_ERROR_BUFFER_SIZE, "size is %zu: %zu bytes are needed", size,
                            length + 1);
        memcpy(name, candidate, length + 1);
        return AE_OK;
    }
    return aei_fail(AE_ERROR_COMMUNICATION,
                    "the ranks have no kernels in common: all need one release of libae");
}

/* A rank whose buffer is too small says so only after it has told the others what it has. */
ae_status ae_transport_agree_kernels(const ae_transport *transport, double patience_seconds,
                                     char *name, size_t size)
{
    AE_REQUIRE(name);
    aei_messages *messages = NULL;
    AE_TRY(aei_messages_create(&messages, transport, patience_seconds));
    const size_t ranks = aei_messages_ranks(messages);
    const kernel_list mine = own_list();
    ae_status status = AE_OK;
    kernel_list *lists = calloc(ranks, sizeof *lists);
    if (lists == NULL) {
        (void)aei_messages_fail(messages, "this rank is out of memory");
        status = aei_fail_memory(ranks * sizeof *lists);
    } else {
        status = aei_messages_all_gather(messages, &mine, sizeof mine, lists);
    }
    if (status == AE_OK)
        status = choose(lists, ranks, name, size);
    free(lists);
    aei_messages_free(messages);
    return status;
}
