/* SPDX-License-Identifier: BSD-3-Clause */
#include "model/operand.h"

aei_multiplier aei_multiplier_for(const aei_kernels *kernels, bool bf16)
{
    return (aei_multiplier){.kernels = kernels, .bf16 = bf16, .pairs = bf16 ? aei_pairs_find(kernels) : NULL};
}

static size_t pair_rows(size_t rows)
{
    return (rows + 1) / 2;
}

aei_operand aei_operand_take(aei_arena *arena, const aei_multiplier *m, size_t panels, size_t rows, float *values,
                             bool apart)
{
    const size_t panel = m->kernels->panel;
    aei_operand operand = {.values = values};
    if (m->pairs != NULL) {
        operand.low = aei_arena_take(arena, panels * rows, panel * sizeof *operand.low);
        operand.pairs = aei_arena_take(arena, panels * pair_rows(rows), panel * sizeof *operand.pairs);
    } else if (m->bf16 && apart) {
        operand.values = aei_arena_take(arena, panels * rows, panel * sizeof *operand.values);
    }
    return operand;
}

void aei_operand_set(const aei_operand *operand, const aei_multiplier *m, size_t rows, size_t p, const float *tile)
{
    const size_t panel = m->kernels->panel, size = rows * panel;
    if (m->pairs != NULL) {
        m->kernels->narrow(size, tile, operand->low + p * size);
        m->pairs->pair(rows, tile, operand->pairs + p * pair_rows(rows) * panel);
    } else if (m->bf16) {
        m->kernels->round_bf16(size, tile, operand->values + p * size);
    }
}

void aei_multiply_nn(const aei_multiplier *m, size_t rows, size_t k, size_t n, const aei_operand *a, const float *b,
                     void *scratch, float *c, const float *soon)
{
    if (m->pairs != NULL) {
        m->pairs->pair(k, b, scratch);
        m->pairs->gemm_nn(rows, k, n, a->low, scratch, c);
        return;
    }
    if (m->bf16) {
        m->kernels->round_bf16(k * m->kernels->panel, b, scratch);
        b = scratch;
    }
    m->kernels->gemm_nn(rows, k, n, a->values, b, c, soon);
}

void aei_multiply_tn(const aei_multiplier *m, size_t rows, size_t kb, size_t n, const aei_operand *a, size_t q,
                     const aei_operand *b, size_t p, float *c, const float *const soon[3])
{
    const size_t panel = m->kernels->panel;
    if (m->pairs != NULL) {
        const size_t tile = pair_rows(rows) * panel;
        m->pairs->gemm_tn(rows, kb, n, a->pairs + q * tile, b->pairs + p * tile, c, soon);
    } else {
        m->kernels->gemm_tn(rows, kb, n, a->values + q * rows * panel, b->values + p * rows * panel, c, soon);
    }
}
