/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_BF16_WIRE_H
#define AEI_BF16_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * bfloat16 for what travels between ranks, of any number of floats and at any place. Rounded to
 * nearest, ties to even, as the kernels round (kernels.h); NaN stays NaN.
 */
static inline float aei_bf16_round(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t nan = (bits & 0x7fffffff) > 0x7f800000 ? 0xffffffffu : 0;
    const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
    bits = ((rounded & ~nan) | ((bits | 0x400000) & nan)) & 0xffff0000;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The upper halves, which is all that rounded floats have. `to` may be where `from` is. */
static inline void aei_bf16_pack(size_t count, const float *from, unsigned char *to)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, from + i, sizeof bits);
        const uint16_t half = (uint16_t)(bits >> 16);
        memcpy(to + i * sizeof half, &half, sizeof half);
    }
}

static inline void aei_bf16_unpack(size_t count, const unsigned char *from, float *to)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, from + i * sizeof half, sizeof half);
        const uint32_t bits = (uint32_t)half << 16;
        memcpy(to + i, &bits, sizeof bits);
    }
}

/* Bytes of so many, filled up so that floats may follow. */
static inline size_t aei_bf16_bytes(size_t count)
{
    return (count * sizeof(uint16_t) + 3) / 4 * 4;
}

#endif
