/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tiles of kernel_gemm.h and kernel_pairs.h are made of: panels, rows of sums that live in
 * registers, the cutting into tiles. AEI_LANES, AEI_MR and AEI_PANEL as kernel_template.h says.
 *
 * The accumulators are variables named by macros, not an array: gcc keeps an array in registers
 * too, but clang 14 does not, which cost it two thirds of its speed.
 */
#ifndef AEI_KERNEL_TILE_H
#define AEI_KERNEL_TILE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "compute/vector_math.h"

#ifndef AEI_PANEL
#define AEI_PANEL 32
#endif

enum { PANEL = AEI_PANEL };

AEI_INLINE vec load(const float *p)
{
    return *(const vec *)p;
}

AEI_INLINE void store(float *p, vec v)
{
    *(vec *)p = v;
}

/* Ask for a few cache lines. */
AEI_INLINE void fetch(const float *p, const int lines)
{
    for (int i = 0; i < lines; i++)
        __builtin_prefetch(p + 16 * i);
}

/* clang would cut 512-bit vectors in two on processors it tunes for 256 bits, and run out of
 * registers. */
#ifdef __clang__
#define AEI_TILE static __attribute__((noinline, min_vector_width(32 * AEI_LANES))) void
#else
#define AEI_TILE static __attribute__((noinline)) void
#endif

/* AEI_ROWS_m(X, k) is X(0, k) X(1, k) ... X(m - 1, k). */
#define AEI_ROWS_1(X, k) X(0, k)
#define AEI_ROWS_2(X, k) AEI_ROWS_1(X, k) X(1, k)
#define AEI_ROWS_3(X, k) AEI_ROWS_2(X, k) X(2, k)
#define AEI_ROWS_4(X, k) AEI_ROWS_3(X, k) X(3, k)
#define AEI_ROWS_5(X, k) AEI_ROWS_4(X, k) X(4, k)
#define AEI_ROWS_6(X, k) AEI_ROWS_5(X, k) X(5, k)
#define AEI_ROWS_7(X, k) AEI_ROWS_6(X, k) X(6, k)
#define AEI_ROWS_8(X, k) AEI_ROWS_7(X, k) X(7, k)
#define AEI_ROWS_9(X, k) AEI_ROWS_8(X, k) X(8, k)
#define AEI_ROWS_10(X, k) AEI_ROWS_9(X, k) X(9, k)
#define AEI_ROWS_11(X, k) AEI_ROWS_10(X, k) X(10, k)
#define AEI_ROWS_12(X, k) AEI_ROWS_11(X, k) X(11, k)

/* Per row i, for tiles two vectors wide and one: clear, read, write. */
#define AEI_CLEAR_2(i, k) vec low##i = {0}, high##i = {0};
#define AEI_CLEAR_1(i, k) vec low##i = {0};
#define AEI_READ_2(i, k) low##i = load(c + (i)*PANEL), high##i = load(c + (i)*PANEL + AEI_LANES);
#define AEI_READ_1(i, k) low##i = load(c + (i)*PANEL);
#define AEI_WRITE_2(i, k) store(c + (i)*PANEL, low##i), store(c + (i)*PANEL + AEI_LANES, high##i);
#define AEI_WRITE_1(i, k) store(c + (i)*PANEL, low##i);

#define AEI_TO_6(X, v) X(1, v) X(2, v) X(3, v) X(4, v) X(5, v) X(6, v)
#define AEI_TO_12(X, v) AEI_TO_6(X, v) X(7, v) X(8, v) X(9, v) X(10, v) X(11, v) X(12, v)
#if AEI_MR == 12
#define AEI_TO_MR AEI_TO_12
#elif AEI_MR == 6
#define AEI_TO_MR AEI_TO_6
#endif

/* Columns worked on when n hold data; the others of a tile are set to 0. */
static size_t used_columns(size_t n)
{
    const size_t step = AEI_LANES == 16 ? AEI_LANES : 2 * AEI_LANES;
    return (n + step - 1) / step * step;
}

static void clear_columns(size_t rows, size_t first, float *c)
{
    for (size_t row = 0; row < rows && first < PANEL; row++)
        memset(c + row * PANEL + first, 0, (PANEL - first) * sizeof *c);
}

#endif
