/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The matrix products of kernel_template.h.
 *
 * A tile keeps m rows of the result, two vectors to the row, in registers and adds up in the order
 * of the reduction index: an element does not depend on how the rows were cut. Per step of the
 * reduction it takes 2 loads and m broadcasts for 2 m multiply-adds; with m = 12 and two loads a
 * cycle the loads take 7 cycles while the multiply-adds take 12. Broadcasts go through a
 * register shared by both vectors, since as memory operands they would be loaded twice.
 */
#ifndef AEI_KERNEL_GEMM_H
#define AEI_KERNEL_GEMM_H

#include "compute/kernel_tile.h"

enum { UNROLL = 4, PREFETCH_LINES = AEI_MR > 6 ? 3 : 1 };

/*
 * c += a * b with the sum in its place. Left alone, gcc also takes the forms that overwrite a
 * factor, shuffles the sums from register to register, and with 16 registers spills one in each
 * step: 0.87 of the peak against 0.94 (docs/performance.md).
 */
#if defined(__x86_64__) && AEI_LANES >= 8
#define AEI_FMA(c, a, b) __asm__("vfmadd231ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b))
#else
#define AEI_FMA(c, a, b) c += (a) * (b)
#endif

/* Per row i, for tiles two vectors wide and one: multiply-add. */
#define AEI_ADD_2(i, x)           \
    {                             \
        const vec av = splat(x);  \
        AEI_FMA(low##i, av, b0);  \
        AEI_FMA(high##i, av, b1); \
    }
#define AEI_ADD_1(i, x)          \
    {                            \
        const vec av = splat(x); \
        AEI_FMA(low##i, av, b0); \
    }
#define AEI_LOAD_2(k) const vec b0 = load(b + (k)*PANEL), b1 = load(b + (k)*PANEL + AEI_LANES);
#define AEI_LOAD_1(k) const vec b0 = load(b + (k)*PANEL);

/* a(i, k) of a product and of one with a transposed: constant distances from one pointer. */
#define AEI_NN_2(i, k) AEI_ADD_2(i, a[(i)*PANEL + (k)])
#define AEI_NN_1(i, k) AEI_ADD_1(i, a[(i)*PANEL + (k)])
#define AEI_TN_2(i, k) AEI_ADD_2(i, a[(i) + (k)*PANEL])
#define AEI_TN_1(i, k) AEI_ADD_1(i, a[(i) + (k)*PANEL])

#define AEI_STEP(m, v, form, k)                           \
    {                                                     \
        AEI_LOAD_##v(k) AEI_ROWS_##m(AEI_##form##_##v, k) \
    }
#define AEI_STEPS(m, v, form) \
    AEI_STEP(m, v, form, 0) AEI_STEP(m, v, form, 1) AEI_STEP(m, v, form, 2) AEI_STEP(m, v, form, 3)

/*
 * nn: the same rows of a's next panel lie a `jump` away, which no hardware prefetcher foresees, so
 * their lines are asked for during this panel. The next panel of b (`prefetch`) comes from memory
 * and is asked for throughout the whole product.
 * tn: what will be updated with the result is asked for from `prefetch` on.
 */
/* clang-format takes the macros for heads of loops. */
/* clang-format off */
#define AEI_DEFINE_NN(m, v)                                                                        \
    AEI_TILE tile_nn_##v##_##m(size_t length, size_t jump, const float *a, const float *b,         \
                               float *c, const float *prefetch, size_t prefetch_lines)             \
    {                                                                                              \
        AEI_ROWS_##m(AEI_CLEAR_##v, 0)                                                             \
        while (length > 0) {                                                                       \
            const float *next = length > PANEL ? a + jump : a, *ahead = next;                      \
            size_t left = length < PANEL ? length : PANEL;                                         \
            length -= left;                                                                        \
            for (size_t line = 0; line < prefetch_lines; line++, prefetch += 16)                   \
                __builtin_prefetch(prefetch, 0, 2);                                                \
            for (; left >= UNROLL; left -= UNROLL, a += UNROLL, b += UNROLL * PANEL) {             \
                fetch(ahead, AEI_MR / 2);                                                          \
                ahead += AEI_MR * UNROLL;                                                          \
                AEI_STEPS(m, v, NN)                                                                \
            }                                                                                      \
            for (; left > 0; left--, a++, b += PANEL)                                              \
                AEI_STEP(m, v, NN, 0)                                                              \
            a = next;                                                                              \
        }                                                                                          \
        AEI_ROWS_##m(AEI_WRITE_##v, 0)                                                             \
    }
#define AEI_DEFINE_TN(m, v)                                                                        \
    AEI_TILE tile_tn_##v##_##m(size_t length, int add, const float *prefetch, const float *a,      \
                               const float *b, float *c)                                           \
    {                                                                                              \
        AEI_ROWS_##m(AEI_CLEAR_##v, 0)                                                             \
        if (add) {                                                                                 \
            AEI_ROWS_##m(AEI_READ_##v, 0)                                                          \
        }                                                                                          \
        for (; length >= UNROLL; length -= UNROLL, a += UNROLL * PANEL, b += UNROLL * PANEL) {     \
            fetch(prefetch, PREFETCH_LINES);                                                       \
            prefetch += 16 * PREFETCH_LINES;                                                       \
            AEI_STEPS(m, v, TN)                                                                    \
        }                                                                                          \
        for (; length > 0; length--, a += PANEL, b += PANEL)                                       \
            AEI_STEP(m, v, TN, 0)                                                                  \
        AEI_ROWS_##m(AEI_WRITE_##v, 0)                                                             \
    }
/* clang-format on */

#define AEI_NN_ENTRY(m, v) tile_nn_##v##_##m,
#define AEI_TN_ENTRY(m, v) tile_tn_##v##_##m,

AEI_TO_MR(AEI_DEFINE_NN, 2)
AEI_TO_MR(AEI_DEFINE_TN, 2)

/* Tiles by rows, less one. */
typedef void tile_nn(size_t length, size_t jump, const float *a, const float *b, float *c,
                     const float *prefetch, size_t prefetch_lines);
typedef void tile_tn(size_t length, int add, const float *prefetch, const float *a, const float *b,
                     float *c);
static tile_nn *const nn_2[] = {AEI_TO_MR(AEI_NN_ENTRY, 2)};
static tile_tn *const tn_2[] = {AEI_TO_MR(AEI_TN_ENTRY, 2)};

/* With vectors of 16, half a panel is worth tiles of its own. */
#if AEI_LANES == 16
AEI_TO_MR(AEI_DEFINE_NN, 1)
AEI_TO_MR(AEI_DEFINE_TN, 1)
static tile_nn *const nn_1[] = {AEI_TO_MR(AEI_NN_ENTRY, 1)};
static tile_tn *const tn_1[] = {AEI_TO_MR(AEI_TN_ENTRY, 1)};
#define AEI_PICK(form, n) ((n) <= AEI_LANES ? form##_1 : form##_2)
#else
#define AEI_PICK(form, n) form##_2
#endif

/* Rows are cut into blocks as even as can be: 100 rows are nine blocks of 11 or 12, not eight of 12
 * and one of 4. */
static void gemm_nn(size_t rows, size_t k, size_t n, const float *a, const float *b, float *c,
                    const float *prefetch)
{
    const size_t blocks = (rows + AEI_MR - 1) / AEI_MR, used = used_columns(n);
    /* A tile asks for so many lines of what is needed next with each panel of a, so that all are
     * asked for in the end.
     */
    const size_t calls = blocks * ((used + 2 * AEI_LANES - 1) / (2 * AEI_LANES)),
                 panels = (k + PANEL - 1) / PANEL;
    const size_t prefetch_lines = prefetch == NULL ? 0 : (PANEL * PANEL / 16 + calls - 1) / calls;
    tile_nn *const *tiles = AEI_PICK(nn, n);
    for (size_t column = 0; column < used; column += 2 * AEI_LANES)
        for (size_t block = 0, row = 0; block < blocks; block++) {
            const size_t m = (rows - row) / (blocks - block);
            tiles[m - 1](k, rows * PANEL, a + row * PANEL, b + column, c + row * PANEL + column,
                         prefetch, prefetch_lines);
            row += m;
            if (prefetch != NULL) /* even adding 0 to NULL is undefined */
                prefetch += 16 * prefetch_lines * panels;
        }
    clear_columns(rows, used, c);
}

#if 2 * AEI_LANES == AEI_PANEL
#define AEI_GEMM_ROW gemm_row
#define AEI_GEMM_ROW_LOW gemm_row_bf16
static void gemm_row(size_t k, const float *a, const float *b, float *c)
{
    const float *second = b + k * PANEL;
    vec low0 = {0}, high0 = {0}, low1 = {0}, high1 = {0};
    for (size_t i = 0; i < k; i++, b += PANEL, second += PANEL) {
        const vec x = splat(a[i]);
        AEI_FMA(low0, x, load(b));
        AEI_FMA(high0, x, load(b + AEI_LANES));
        AEI_FMA(low1, x, load(second));
        AEI_FMA(high1, x, load(second + AEI_LANES));
    }
    store(c, low0), store(c + AEI_LANES, high0);
    store(c + PANEL, low1), store(c + PANEL + AEI_LANES, high1);
}

/* A panel's numbers fill a vector, two to the lane: a shift and a mask take them apart, into even
 * and odd columns. */
static void gemm_row_bf16(size_t k, const float *a, const uint16_t *b, float *c)
{
    const uint16_t *second = b + k * PANEL;
    vec even0 = {0}, odd0 = {0}, even1 = {0}, odd1 = {0};
    for (size_t i = 0; i < k; i++, b += PANEL, second += PANEL) {
        const vec x = splat(a[i]);
        const vecu pairs0 = *(const vecu_alias *)b, pairs1 = *(const vecu_alias *)second;
        AEI_FMA(even0, x, (vec)(pairs0 << 16));
        AEI_FMA(odd0, x, (vec)(pairs0 & 0xffff0000));
        AEI_FMA(even1, x, (vec)(pairs1 << 16));
        AEI_FMA(odd1, x, (vec)(pairs1 & 0xffff0000));
    }
    for (size_t j = 0; j < AEI_LANES; j++) {
        c[2 * j] = even0[j], c[2 * j + 1] = odd0[j];
        c[PANEL + 2 * j] = even1[j], c[PANEL + 2 * j + 1] = odd1[j];
    }
}
#else
#define AEI_GEMM_ROW NULL
#define AEI_GEMM_ROW_LOW NULL
#endif

/* Rows of a batch taken at a time, so that two panels of them stay in the first-level cache. */
enum { CHUNK = 128 };

static void gemm_tn(size_t rows, size_t kb, size_t n, const float *a, const float *b, float *c,
                    const float *const prefetch[3])
{
    const size_t blocks = (kb + AEI_MR - 1) / AEI_MR, used = used_columns(n);
    /* Every tile asks for an even share of the rows of the three arrays. */
    const size_t share = 3 * kb * 2 * AEI_LANES / (blocks * used);
    tile_tn *const *tiles = AEI_PICK(tn, n);
    for (size_t done = 0; done < rows; done += CHUNK) {
        const size_t chunk = rows - done < CHUNK ? rows - done : CHUNK;
        size_t array = 0, place = 0;
        for (size_t column = 0; column < used; column += 2 * AEI_LANES)
            for (size_t block = 0, row = 0; block < blocks; block++) {
                const size_t m = (kb - row) / (blocks - block);
                tiles[m - 1](chunk, done > 0, prefetch[array] + place * PANEL,
                             a + done * PANEL + row, b + done * PANEL + column,
                             c + row * PANEL + column);
                row += m;
                place += share;
                if (place >= kb && array < 2)
                    place -= kb, array++;
            }
    }
    clear_columns(kb, used, c);
}

#include "compute/kernel_transpose.h"

#endif
