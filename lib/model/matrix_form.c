/* SPDX-License-Identifier: BSD-3-Clause */
/* How does a product read its operands: as float32, as rounded float32, or as pairs of bfloat16?
 * The step asks here and does not know which. */
#include "model/matrix_form.h"

aei_gemm_mode aei_gemm_mode_for(const aei_kernels *kernels, bool bf16)
{
    return (aei_gemm_mode){
        .kernels = kernels, .bf16 = bf16, .pairs = bf16 ? aei_bf16_kernels_find(kernels) : NULL};
}

/* An odd last row has a partner of zeros. */
static size_t pair_rows(size_t rows)
{
    return (rows + 1) / 2;
}

/* Pairs are stored twice, because products sum over features going forward and over rows for the
 * weights' gradient. Emulation rounds in place where nobody needs the exact values afterwards. */
aei_matrix_form aei_matrix_form_create(aei_arena *arena, const aei_gemm_mode *m, size_t panels,
                                       size_t rows, float *values, bool keep_source)
{
    const size_t panel = m->kernels->panel;
    aei_matrix_form form = {.values = values};
    if (m->pairs != NULL) {
        form.bf16 = aei_arena_take(arena, panels * rows, panel * sizeof *form.bf16);
        form.pairs = aei_arena_take(arena, panels * pair_rows(rows), panel * sizeof *form.pairs);
    } else if (m->bf16 && keep_source) {
        form.values = aei_arena_take(arena, panels * rows, panel * sizeof *form.values);
    }
    return form;
}

/* Called on a tile right after it was computed, while it is in the cache. */
void aei_matrix_form_store(const aei_matrix_form *form, const aei_gemm_mode *m, size_t rows,
                           size_t p, const float *tile)
{
    const size_t panel = m->kernels->panel, size = rows * panel;
    if (m->pairs != NULL) {
        m->kernels->to_bf16(size, tile, form->bf16 + p * size);
        m->pairs->pack_pairs(rows, tile, form->pairs + p * pair_rows(rows) * panel);
    } else if (m->bf16) {
        m->kernels->round_bf16(size, tile, form->values + p * size);
    }
}

const void *aei_matrix_form_weights(const aei_gemm_mode *m, size_t k, const float *b, void *scratch)
{
    if (m->pairs != NULL)
        m->pairs->pack_pairs(k, b, scratch);
    else if (m->bf16)
        m->kernels->round_bf16(k * m->kernels->panel, b, scratch);
    return m->bf16 ? scratch : b;
}

void aei_multiply_nn(const aei_gemm_mode *m, size_t rows, size_t k, size_t n,
                     const aei_matrix_form *a, const void *b, float *c, const float *prefetch)
{
    if (m->pairs != NULL)
        m->pairs->gemm_nn(rows, k, n, a->bf16, b, c);
    else
        m->kernels->gemm_nn(rows, k, n, a->values, b, c, prefetch);
}

void aei_multiply_tn(const aei_gemm_mode *m, size_t rows, size_t kb, size_t n,
                     const aei_matrix_form *a, size_t q, const aei_matrix_form *b, size_t p,
                     float *c, const float *const prefetch[3])
{
    const size_t panel = m->kernels->panel;
    if (m->pairs != NULL) {
        const size_t tile = pair_rows(rows) * panel;
        m->pairs->gemm_tn(rows, kb, n, a->pairs + q * tile, b->pairs + p * tile, c, prefetch);
    } else {
        m->kernels->gemm_tn(rows, kb, n, a->values + q * rows * panel, b->values + p * rows * panel,
                            c, prefetch);
    }
}
