/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_ARENA_H
#define AEI_ARENA_H

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * One block of zeroed memory for a handle's whole life.
 *
 * The handle's layout function takes its arrays one after another and runs twice: over an empty
 * arena, which only counts, then over an allocated one.
 *
 *     | array 0 | pad | array 1 | pad | ... | slack |      every array starts on 64 bytes
 *
 * The slack is there because vector kernels may read, never write, up to a panel row past an array.
 */
typedef struct aei_arena {
    unsigned char *base; /* NULL while counting */
    size_t used;
    size_t size;
    bool overflow; /* a size did not fit size_t, or the block was too small */
} aei_arena;

enum { AEI_ALIGNMENT = 64, AEI_SLACK = 256 };

/* Take count elements; NULL while counting or after an overflow. */
void *aei_arena_take(aei_arena *arena, size_t count, size_t element_size);

/* Allocate what was counted and start again from the front. */
ae_status aei_arena_allocate(aei_arena *arena);

/* Ask for huge pages for a large block that is about to be filled: a quarter of a million page
 * faults for each gigabyte are saved. A hint; refusal costs speed only. */
void aei_hint_huge_pages(void *block, size_t size);

/* Give the block back; safe on a zeroed arena. */
void aei_arena_free(aei_arena *arena);

#endif
