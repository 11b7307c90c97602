/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/grow.h"

#include "base/error.h"

#include <stdint.h>
#include <stdlib.h>

ae_status aei_grow(void **block, size_t *room, size_t count, size_t size)
{
    if (count <= *room)
        return AE_OK;
    /* Half of what fits, so that the doubling below cannot overflow. */
    if (count > PTRDIFF_MAX / 2 / size)
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "%zu elements overflow the address space", count);
    const size_t wanted = count < *room * 2 ? *room * 2 : count;
    void *grown = realloc(*block, wanted * size);
    if (grown == NULL)
        return aei_fail_memory(wanted * size);
    *block = grown;
    *room = wanted;
    return AE_OK;
}
