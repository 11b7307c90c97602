/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transposition for kernel_template.h: squares of AEI_LANES x AEI_LANES in registers, by Eklundh's
 * method (1972): exchange the off-diagonal halves of the square, then those of its quarters, and
 * so on, each exchange being two shuffles of a pair of rows.
 */
#ifndef AEI_KERNEL_TRANSPOSE_H
#define AEI_KERNEL_TRANSPOSE_H

/* For rows i and i + s of a square: AEI_LOW_s gives the new row i, AEI_HIGH_s the new row i + s. */
#if AEI_LANES == 4
#define AEI_LOW_2(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define AEI_HIGH_2(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#define AEI_LOW_1(a, b) __builtin_shufflevector(a, b, 0, 4, 2, 6)
#define AEI_HIGH_1(a, b) __builtin_shufflevector(a, b, 1, 5, 3, 7)
#elif AEI_LANES == 8
#define AEI_LOW_4(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define AEI_HIGH_4(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)
#define AEI_LOW_2(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define AEI_HIGH_2(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define AEI_LOW_1(a, b) __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14)
#define AEI_HIGH_1(a, b) __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15)
#elif AEI_LANES == 16
#define AEI_LOW_8(a, b) \
    __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define AEI_HIGH_8(a, b) \
    __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#define AEI_LOW_4(a, b) \
    __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
#define AEI_HIGH_4(a, b) \
    __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31)
#define AEI_LOW_2(a, b) \
    __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define AEI_HIGH_2(a, b) \
    __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define AEI_LOW_1(a, b) \
    __builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#define AEI_HIGH_1(a, b) \
    __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31)
#endif

#define AEI_EXCHANGE(s)                                                            \
    _Pragma("GCC unroll 16") for (int i = 0; i < AEI_LANES; i++) if ((i & s) == 0) \
    {                                                                              \
        vec a = row[i], b = row[i + s];                                            \
        row[i] = AEI_LOW_##s(a, b);                                                \
        row[i + s] = AEI_HIGH_##s(a, b);                                           \
    }

/* A whole square; both sides advance by PANEL from row to row. */
AEI_INLINE void transpose_square(const float *in, float *out)
{
    vec row[AEI_LANES];
#pragma GCC unroll 16
    for (int i = 0; i < AEI_LANES; i++)
        row[i] = load(in + i * PANEL);
#if AEI_LANES >= 16
    AEI_EXCHANGE(8)
#endif
#if AEI_LANES >= 8
    AEI_EXCHANGE(4)
#endif
    AEI_EXCHANGE(2)
    AEI_EXCHANGE(1)
#pragma GCC unroll 16
    for (int i = 0; i < AEI_LANES; i++)
        store(out + i * PANEL, row[i]);
}

/* Whole squares first; what is left over at the edges, and the zeros past column k, one by one. */
static void transpose(size_t k, size_t n, const float *in, float *out)
{
    const size_t whole_k = k / AEI_LANES * AEI_LANES, whole_n = n / AEI_LANES * AEI_LANES;
    for (size_t j = 0; j < whole_n; j += AEI_LANES)
        for (size_t i = 0; i < whole_k; i += AEI_LANES)
            transpose_square(in + i * PANEL + j, out + j * PANEL + i);
    for (size_t j = 0; j < n; j++) {
        for (size_t i = j < whole_n ? whole_k : 0; i < k; i++)
            out[j * PANEL + i] = in[i * PANEL + j];
        for (size_t i = k; i < PANEL; i++)
            out[j * PANEL + i] = 0;
    }
}

#endif
