/* SPDX-License-Identifier: BSD-3-Clause */
/* How does a handle get all its memory at once? A layout function runs twice over an arena: first
 * it only counts, then it hands out addresses. Sizes and addresses cannot come apart, since one
 * function says both. */
#include "base/arena.h"

#include "base/error.h"
#include "base/system.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Above this, ask for huge pages: the weights are walked panel by panel and miss the TLB
 * otherwise. */
enum { HUGE_PAGE = 2 << 20 };

/* Addresses start on a line of the cache: threads that write to arrays of their own never share
 * one, and vectors load without crossing it. */
void *aei_arena_take(aei_arena *arena, size_t count, size_t element_size)
{
    size_t limit = SIZE_MAX / 2; /* half, so that rounding up and the slack cannot wrap around */
    if (element_size != 0 && count > limit / element_size) {
        arena->overflow = true;
        return NULL;
    }
    size_t bytes = (count * element_size + AEI_ALIGNMENT - 1) / AEI_ALIGNMENT * AEI_ALIGNMENT;
    if (bytes > limit - arena->used || (arena->base != NULL && bytes > arena->size - arena->used)) {
        arena->overflow = true;
        return NULL;
    }
    void *array = arena->base == NULL ? NULL : arena->base + arena->used;
    arena->used += bytes;
    return array;
}

/* Whole huge pages within the block: what is left of a page at its ends may be a neighbour's. */
void aei_hint_huge_pages(void *block, size_t size)
{
    const uintptr_t begin = ((uintptr_t)block + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    const uintptr_t end = ((uintptr_t)block + size) / HUGE_PAGE * HUGE_PAGE;
    if (begin < end)
        aei_system_huge_pages((char *)block + (begin - (uintptr_t)block), end - begin);
}

ae_status aei_arena_allocate(aei_arena *arena)
{
    if (arena->overflow)
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "sizes overflow the address space");
    size_t alignment = arena->used >= HUGE_PAGE ? (size_t)HUGE_PAGE : (size_t)AEI_ALIGNMENT;
    /* aligned_alloc wants a multiple of the alignment (C11, 7.22.3.1). */
    size_t size = (arena->used + AEI_SLACK + alignment - 1) / alignment * alignment;
    arena->base = aligned_alloc(alignment, size);
    if (arena->base == NULL)
        return aei_fail_memory(size);
    aei_hint_huge_pages(arena->base, size);
    /* Zeroed here, by this thread: padding must be 0, and a page fault in the first step would cost
     * more than now. */
    memset(arena->base, 0, size);
    arena->size = arena->used;
    arena->used = 0;
    return AE_OK;
}

void aei_arena_free(aei_arena *arena)
{
    free(arena->base);
    *arena = (aei_arena){0};
}
