/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_PHILOX_H
#define AEI_PHILOX_H

#include <stddef.h>
#include <stdint.h>

/*
 * Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3" (2011): a number is a function of (seed, stream, major, minor), so
 * it does not matter who draws it or in which order.
 */

/* Streams keep the uses of one seed apart. */
enum {
    AEI_STREAM_WEIGHTS = 1,
    AEI_STREAM_SHUFFLE = 2,
    AEI_STREAM_DIGITS = 3,
    AEI_STREAM_NOISE = 4,
    AEI_STREAM_MASK = 5,
    AEI_STREAM_DROPOUT = 6,
    AEI_STREAM_COMPONENTS = 7,
    AEI_STREAM_BLOCKS = 8,
    AEI_STREAM_WINDOWS = 9,
    AEI_STREAM_LAYERS = 1 << 16 /* and those that follow: one for each layer */
};

/* The raw generator: four words from a counter and a key. */
void aei_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

/* Four words for (seed, stream, major, minor). */
void aei_random_block(uint32_t out[4], uint64_t seed, uint32_t stream, uint32_t major,
                      uint64_t minor);

/* The words of AEI_BLOCKS blocks, from minor onwards, one after another: computed side by side,
 * several times quicker.
 */
enum { AEI_BLOCKS = 8 };
void aei_random_blocks(uint32_t out[4 * AEI_BLOCKS], uint64_t seed, uint32_t stream, uint32_t major,
                       uint64_t minor);

/* Uniform in (0, 1), 24 bits, for element `index`. */
float aei_random_uniform(uint64_t seed, uint32_t stream, uint32_t major, uint64_t index);

/* Standard normal, by Box and Muller's transform, for element `index`. */
float aei_random_normal(uint64_t seed, uint32_t stream, uint32_t major, uint64_t index);

/* Put the numbers 0 to n - 1 into a random order (Fisher and Yates, without modulo bias). */
void aei_random_permutation(uint32_t *permutation, uint32_t n, uint64_t seed, uint32_t stream,
                            uint32_t major);

/* Put n items into a random order. Several of one (seed, stream, major) draw different numbers
 * where their ranges [first, first + n) do not meet. */
void aei_random_mix(uint32_t *items, uint32_t n, uint64_t seed, uint32_t stream, uint32_t major,
                    uint64_t first);

#endif
