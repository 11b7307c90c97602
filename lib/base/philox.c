/* SPDX-License-Identifier: BSD-3-Clause */
/* Where do random numbers come from? Philox4x32-10 (Salmon et al. 2011) is a function of a key and
 * a counter, without a state: number n needs no number before it, so threads and resumed runs find
 * the same ones. */
#include "base/philox.h"

#include "base/elementary.h"

#include <math.h>

/*
 * Ten rounds of two 32 x 32 bit multiplications, whose halves and the key are mixed by exclusive
 * or. The multipliers are the authors'; the key grows by the golden ratio and by sqrt(3), less 1,
 * times 2^32. Seven rounds passed all statistical tests of the authors; ten leave a margin.
 */
void aei_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53U * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57U * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9U;
        k1 += 0xBB67AE85U;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

void aei_random_block(uint32_t out[4], uint64_t seed, uint32_t stream, uint32_t major,
                      uint64_t minor)
{
    const uint32_t counter[4] = {(uint32_t)minor, (uint32_t)(minor >> 32), major, stream};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    aei_philox(out, counter, key);
}

/* aei_philox with each variable an array, which compilers turn into vectors. The words of a block
 * stay together in the output, so that it does not matter how many blocks are drawn at once. */
void aei_random_blocks(uint32_t out[4 * AEI_BLOCKS], uint64_t seed, uint32_t stream, uint32_t major,
                       uint64_t minor)
{
    uint32_t c0[AEI_BLOCKS], c1[AEI_BLOCKS], c2[AEI_BLOCKS], c3[AEI_BLOCKS];
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (uint32_t i = 0; i < AEI_BLOCKS; i++) {
        c0[i] = (uint32_t)(minor + i);
        c1[i] = (uint32_t)((minor + i) >> 32);
        c2[i] = major;
        c3[i] = stream;
    }
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < AEI_BLOCKS; i++) {
            const uint64_t p0 = (uint64_t)0xD2511F53U * c0[i], p1 = (uint64_t)0xCD9E8D57U * c2[i];
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c1[i] = (uint32_t)p1;
            c3[i] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9U;
        k1 += 0xBB67AE85U;
    }
    for (size_t i = 0; i < AEI_BLOCKS; i++)
        out[4 * i] = c0[i], out[4 * i + 1] = c1[i], out[4 * i + 2] = c2[i], out[4 * i + 3] = c3[i];
}

/* The middle of one of 2^24 equal cells: never 0 or 1, exact in float. */
static float unit(uint32_t word)
{
    return ((float)(word >> 8) + 0.5f) * 0x1p-24f;
}

float aei_random_uniform(uint64_t seed, uint32_t stream, uint32_t major, uint64_t index)
{
    uint32_t words[4];
    aei_random_block(words, seed, stream, major, index / 4);
    return unit(words[index % 4]);
}

/* Box and Muller 1958, "A note on the generation of random normal deviates". The second number of
 * the pair is left unused, so that a number depends on its own index alone. */
float aei_random_normal(uint64_t seed, uint32_t stream, uint32_t major, uint64_t index)
{
    uint32_t words[4];
    aei_random_block(words, seed, stream, major, index);
    double u1 = ((double)words[0] + 0.5) * 0x1p-32;
    double u2 = ((double)words[1] + 0.5) * 0x1p-32;
    return (float)(sqrt(-2.0 * aei_log(u1)) * aei_cos_turns(u2));
}

/* Knuth, "The art of computer programming", volume 2, algorithm P: each step swaps the last place
 * with one of those left, so every order is as likely. */
void aei_random_mix(uint32_t *items, uint32_t n, uint64_t seed, uint32_t stream, uint32_t major,
                    uint64_t first)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t words[4];
        aei_random_block(words, seed, stream, major, first + i);
        /* 64 random bits scaled to [0, i) in two 32-bit halves: the bias is below i / 2^64. */
        uint64_t low = ((uint64_t)words[1] * i) >> 32;
        uint32_t j = (uint32_t)(((uint64_t)words[0] * i + low) >> 32);
        uint32_t kept = items[i - 1];
        items[i - 1] = items[j];
        items[j] = kept;
    }
}

void aei_random_permutation(uint32_t *permutation, uint32_t n, uint64_t seed, uint32_t stream,
                            uint32_t major)
{
    for (uint32_t i = 0; i < n; i++)
        permutation[i] = i;
    aei_random_mix(permutation, n, seed, stream, major, 0);
}
