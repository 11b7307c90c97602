/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_KERNEL_ARRAYS_H
#define TESTS_KERNEL_ARRAYS_H

/*
 * Every table of kernels against the reference, which works in double, over ragged shapes: arrays
 * and shapes for test_gemm.c, test_elementwise.c and test_kernels.c.
 *
 * Tolerances are bounds of the rounding errors, u = 2^-24 being half a float's spacing at 1: an
 * operation gives its exact result times 1 + d, |d| <= u, and a sum of n terms, in whatever order,
 * errs by at most n u times the sum of the terms' magnitudes (Higham, "Accuracy and stability of
 * numerical algorithms", 2002, sections 3.1 and 4.2). What comes out in double is rounded once
 * more.
 *
 * Every array lies between guards of NaN. A write outside is seen because it changes them, a read
 * that counts because the result is NaN; reading and ignoring is allowed behind an array.
 */
#include "compute/blis.h"
#include "compute/kernels.h"
#include "fixtures.h"
#include "support.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 64, WIDE = 32, TN_ROWS_MOST = 600 };

static const double u = 0x1p-24;
static const uint32_t guard_bits = 0x7fc0dead;

static const size_t row_counts[] = {1, 2, 3, 7, 11, 12, 13, 31, 32, 100, 101, 256};
static const size_t depths[] = {1, 3, 4, 31, 32, 33, 250, 784};
static const size_t widths[] = {1, 3, 4, 6, 7, 8, 12, 13, 15, 16, 17, 24, 31, 32};

/* Check notes the place of every assertion in a file: too slow for millions of them that hold. */
#define REQUIRE(condition, ...)        \
    do {                               \
        if (!(condition))              \
            ck_abort_msg(__VA_ARGS__); \
    } while (0)

/* Everything that is tested: all tables but the reference, and the one that only serves BLIS. */
static inline size_t tables(void)
{
    return aei_kernels_count();
}

static inline const aei_kernels *table(int index)
{
    const aei_kernels *kernels = aei_kernels_at((size_t)index + 1);
    return kernels == NULL ? &aei_kernels_panel16 : kernels;
}

/* Some of the shapes are enough where everything is slow. */
static inline bool skipped(size_t i)
{
    return support_slow_arithmetic() && i % 5 != 0;
}

static inline float uniform(float low, float high)
{
    static uint64_t state = 1;
    return low + (high - low) * fixture_uniform(&state);
}

static inline float *array(size_t n)
{
    float *block = aligned_alloc(64, (n + 2 * GUARD + 15) / 16 * 16 * sizeof *block);
    ck_assert_ptr_nonnull(block);
    for (size_t i = 0; i < n + 2 * GUARD; i++)
        memcpy(block + i, &guard_bits, sizeof guard_bits);
    return block + GUARD;
}

static inline float *random_array(size_t n, float low, float high)
{
    float *a = array(n);
    for (size_t i = 0; i < n; i++)
        a[i] = uniform(low, high);
    return a;
}

/* Look at the guards of an array of n and free it. */
static inline void release(float *a, size_t n)
{
    for (size_t i = 0; i < GUARD; i++) {
        REQUIRE(memcmp(a - GUARD + i, &guard_bits, 4) == 0, "written %zu floats before an array",
                GUARD - i);
        REQUIRE(memcmp(a + n + i, &guard_bits, 4) == 0, "written %zu floats past an array's end",
                i + 1);
    }
    free(a - GUARD);
}

/* rows x columns, row by row, from panels to panels of another width; what is filled up becomes
 * 0. */
static inline float *to_panels(const float *from, size_t rows, size_t columns, size_t panel)
{
    const size_t panels = (columns + panel - 1) / panel;
    float *to = array(panels * rows * panel);
    memset(to, 0, panels * rows * panel * sizeof *to);
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < columns; j++)
            to[(j / panel * rows + r) * panel + j % panel] =
                from[(j / WIDE * rows + r) * WIDE + j % WIDE];
    return to;
}

static inline float *copy(const float *from, size_t n)
{
    float *to = array(n);
    memcpy(to, from, n * sizeof *to);
    return to;
}

#endif
