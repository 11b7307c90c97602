/* SPDX-License-Identifier: BSD-3-Clause */
/* How is a message checked as fast as it is copied? CRC-32C takes instructions that not every
 * processor has, or a table that is ten times too slow. Sums as in Fletcher's checksum ("An
 * arithmetic checksum for serial transmissions", 1982) need additions only: of the words so far,
 * and of those sums again, which weights each word by its distance from the end. Words of 32 bits
 * are added in 64, so nothing is carried out at the top. */
#include "ranks/checksum.h"

#include <string.h>

/* A vector that every processor has. gcc cuts wider ones into pieces badly. */
typedef uint64_t vector __attribute__((vector_size(16)));
enum { BLOCK = 2 * sizeof(vector) };

typedef struct sums {
    vector plain[4], weighted[4];
} sums;

/* Even and odd words of two vectors: eight sums, so that no addition waits for another. */
static void add_block(sums *s, const unsigned char *block)
{
    const vector low = {UINT32_MAX, UINT32_MAX};
    vector words[2];
    memcpy(words, block, sizeof words);
    s->plain[0] += words[0] & low;
    s->plain[1] += words[0] >> 32;
    s->plain[2] += words[1] & low;
    s->plain[3] += words[1] >> 32;
    for (size_t i = 0; i < 4; i++)
        s->weighted[i] += s->plain[i];
}

/* Multiplying by an odd number loses no bit: a difference in one sum is one in the result. */
static uint64_t fold(uint64_t result, const vector *lanes)
{
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < sizeof lanes[i] / sizeof lanes[i][j]; j++)
            result = result * UINT64_C(0x9E3779B97F4A7C15) + lanes[i][j];
    return result;
}

aei_checksum aei_checksum_add(aei_checksum before, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    sums s = {0};
    size_t left = bytes;
    for (; left >= BLOCK; left -= BLOCK, at += BLOCK)
        add_block(&s, at);
    if (left > 0) {
        unsigned char last[BLOCK] = {0};
        memcpy(last, at, left);
        add_block(&s, last);
    }
    return (aei_checksum){fold(before.plain, s.plain), fold(before.weighted, s.weighted)};
}
