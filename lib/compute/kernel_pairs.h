/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Products of bfloat16 numbers by an instruction that multiplies pairs of them and adds both
 * products to a float32 sum. A file for an instruction set defines
 *
 *     AEI_PAIRS        name of the table
 *     AEI_PAIRS_NAME   its name as text
 *     AEI_DOT(c, a, b) c += a_1 b_1, then c += a_0 b_0 in each lane, a and b being vectors of pairs
 *     (vecu) AEI_LANES, AEI_MR, AEI_PANEL as kernel_template.h says
 *
 * and includes this once. The tiles are those of kernel_gemm.h with two terms to the step.
 */
#include "compute/kernel_tile.h"
#include "compute/kernels.h"

AEI_INLINE vecu load_pairs(const uint32_t *p)
{
    return *(const vecu *)p;
}

AEI_INLINE vecu splat_pair(uint32_t pair)
{
    return pair - (vecu){0};
}

/* Neighbours in a row of bfloat16 numbers. */
AEI_INLINE uint32_t pair_at(const uint16_t *p)
{
    uint32_t pair;
    memcpy(&pair, p, sizeof pair);
    return pair;
}

#define AEI_DOT_2(i, pair)                \
    {                                     \
        const vecu av = splat_pair(pair); \
        AEI_DOT(low##i, av, b0);          \
        AEI_DOT(high##i, av, b1);         \
    }
#define AEI_DOT_NN(i, k) AEI_DOT_2(i, pair_at(a + (i)*PANEL + (k)))
#define AEI_DOT_LAST(i, k) AEI_DOT_2(i, a[(i)*PANEL + (k)])
#define AEI_DOT_TN(i, k) AEI_DOT_2(i, a[(i) + (k)*PANEL])
#define AEI_DOT_STEP(m, form, k)                                       \
    {                                                                  \
        const vecu b0 = load_pairs(b), b1 = load_pairs(b + AEI_LANES); \
        AEI_ROWS_##m(AEI_DOT_##form, k)                                \
    }

/* nn: with an odd number of terms the last one's partner is zero in b but may be anything in a, so
 * a's is replaced by zero (AEI_DOT_LAST).
 */
/* clang-format takes the macros for heads of loops. */
/* clang-format off */
#define AEI_DEFINE_PAIRS_NN(m, v)                                                                  \
    AEI_TILE pairs_nn_##m(size_t terms, size_t jump, const uint16_t *a, const uint32_t *b,         \
    float *c) {                                                                                    \
        AEI_ROWS_##m(AEI_CLEAR_2, 0)                                                               \
        while (terms > 0) {                                                                        \
            const size_t mine = terms < PANEL ? terms : PANEL;                                     \
            const uint16_t *next = terms > PANEL ? a + jump : a, *ahead = next;                    \
            size_t k = 0;                                                                          \
            for (; k + 2 <= mine; k += 2, b += PANEL, ahead += PANEL) {                            \
                __builtin_prefetch(ahead);                                                         \
                AEI_DOT_STEP(m, NN, k)                                                             \
            }                                                                                      \
            if (k < mine) {                                                                        \
                AEI_DOT_STEP(m, LAST, k)                                                           \
            }                                                                                      \
            terms -= mine;                                                                         \
            a = next;                                                                              \
        }                                                                                          \
        AEI_ROWS_##m(AEI_WRITE_2, 0)                                                               \
    }
#define AEI_DEFINE_PAIRS_TN(m, v)                                                                  \
    AEI_TILE pairs_tn_##m(size_t pairs, int add, const float *prefetch, const uint32_t *a,         \
                          const uint32_t *b, float *c)                                             \
    {                                                                                              \
        AEI_ROWS_##m(AEI_CLEAR_2, 0)                                                               \
        if (add) {                                                                                 \
            AEI_ROWS_##m(AEI_READ_2, 0)                                                            \
        }                                                                                          \
        for (; pairs > 0; pairs--, a += PANEL, b += PANEL, prefetch += 32) {                       \
            fetch(prefetch, 2);                                                                    \
            AEI_DOT_STEP(m, TN, 0)                                                                 \
        }                                                                                          \
        AEI_ROWS_##m(AEI_WRITE_2, 0)                                                               \
    }
/* clang-format on */

AEI_TO_MR(AEI_DEFINE_PAIRS_NN, 2)
AEI_TO_MR(AEI_DEFINE_PAIRS_TN, 2)

#define AEI_PAIRS_NN_ENTRY(m, v) pairs_nn_##m,
#define AEI_PAIRS_TN_ENTRY(m, v) pairs_tn_##m,
typedef void pairs_nn(size_t terms, size_t jump, const uint16_t *a, const uint32_t *b, float *c);
typedef void pairs_tn(size_t pairs, int add, const float *prefetch, const uint32_t *a,
                      const uint32_t *b, float *c);
static pairs_nn *const nn[] = {AEI_TO_MR(AEI_PAIRS_NN_ENTRY, 2)};
static pairs_tn *const tn[] = {AEI_TO_MR(AEI_PAIRS_TN_ENTRY, 2)};

static void pack_pairs(size_t rows, const float *in, uint32_t *out)
{
    for (size_t row = 0; row < rows; row += 2, in += 2 * PANEL, out += PANEL)
        for (size_t v = 0; v < PANEL; v += AEI_LANES) {
            const vecu first = rounded_bits(load(in + v)) >> 16;
            *(vecu *)(out + v) = row + 1 < rows ? first | rounded_bits(load(in + PANEL + v))
                                                : first;
        }
}

static void gemm_nn(size_t rows, size_t k, size_t n, const uint16_t *a, const uint32_t *b, float *c)
{
    const size_t blocks = (rows + AEI_MR - 1) / AEI_MR, used = used_columns(n);
    for (size_t column = 0; column < used; column += 2 * AEI_LANES)
        for (size_t block = 0, row = 0; block < blocks; block++) {
            const size_t m = (rows - row) / (blocks - block);
            nn[m - 1](k, rows * PANEL, a + row * PANEL, b + column, c + row * PANEL + column);
            row += m;
        }
    clear_columns(rows, used, c);
}

/* Pairs of rows taken at a time, so that two panels of them stay in the first-level cache. */
enum { CHUNK = 128 };

static void gemm_tn(size_t rows, size_t kb, size_t n, const uint32_t *a, const uint32_t *b,
                    float *c, const float *const prefetch[3])
{
    const size_t blocks = (kb + AEI_MR - 1) / AEI_MR, used = used_columns(n),
                 pairs = (rows + 1) / 2;
    for (size_t done = 0; done < pairs; done += CHUNK) {
        const size_t chunk = pairs - done < CHUNK ? pairs - done : CHUNK;
        size_t array = 0;
        for (size_t column = 0; column < used; column += 2 * AEI_LANES)
            for (size_t block = 0, row = 0; block < blocks; block++) {
                const size_t m = (kb - row) / (blocks - block);
                tn[m - 1](chunk, done > 0, prefetch[array], a + done * PANEL + row,
                          b + done * PANEL + column, c + row * PANEL + column);
                row += m;
                array = (array + 1) % 3;
            }
    }
    clear_columns(kb, used, c);
}

const aei_bf16_kernels AEI_PAIRS = {
    .name = AEI_PAIRS_NAME,
    .panel = PANEL,
    .pack_pairs = pack_pairs,
    .gemm_nn = gemm_nn,
    .gemm_tn = gemm_tn,
};
