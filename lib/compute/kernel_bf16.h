/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bfloat16 for kernel_template.h. Operands are rounded to it and multiplied as float32: the product
 * of two of them has 16 bits and is exact, so that only the sums round, in float32, as they do in
 * bfloat16 units.
 */
#ifndef AEI_KERNEL_BF16_H
#define AEI_KERNEL_BF16_H

typedef uint16_t vech __attribute__((vector_size(2 * AEI_LANES)));
typedef uint16_t vech_unaligned __attribute__((vector_size(2 * AEI_LANES), aligned(2), may_alias));

static void round_bf16(size_t n, const float *in, float *out)
{
    for (size_t i = 0; i < n; i += AEI_LANES)
        store(out + i, (vec)rounded_bits(load(in + i)));
}

static void to_bf16(size_t n, const float *in, uint16_t *out)
{
    for (size_t i = 0; i < n; i += AEI_LANES)
        *(vech_unaligned *)(out + i) = __builtin_convertvector(rounded_bits(load(in + i)) >> 16,
                                                               vech);
}

static void from_bf16(size_t n, const uint16_t *in, float *out)
{
    for (size_t i = 0; i < n; i += AEI_LANES)
        store(out + i,
              (vec)(__builtin_convertvector(*(const vech_unaligned *)(in + i), vecu) << 16));
}

#endif
