/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What products read of a matrix [rows][features], panel by panel, in one of three ways: float32;
 * bfloat16 emulated, that is float32 rounded to it; bfloat16 in pairs, for a processor that
 * multiplies those.
 */
#ifndef AEI_MATRIX_FORM_H
#define AEI_MATRIX_FORM_H

#include <stdbool.h>

#include "base/arena.h"
#include "compute/kernels.h"

typedef struct aei_gemm_mode {
    const aei_kernels *kernels;
    bool bf16;
    const aei_bf16_kernels *pairs; /* NULL: bfloat16, if asked for, is emulated */
} aei_gemm_mode;

aei_gemm_mode aei_gemm_mode_for(const aei_kernels *kernels, bool bf16);

typedef struct aei_matrix_form {
    float *values;   /* [panels][rows][P]; not read when it comes in pairs: */
    uint16_t *bf16;  /* [panels][rows][P], for sums over features */
    uint32_t *pairs; /* [panels][(rows + 1) / 2][P], for sums over rows */
} aei_matrix_form;

/* Takes its memory from the arena. `values` is the float32 matrix; keep_source: it is rounded into
 * a copy, not in place. */
aei_matrix_form aei_matrix_form_create(aei_arena *arena, const aei_gemm_mode *m, size_t panels,
                                       size_t rows, float *values, bool keep_source);

/* Brings panel p, the tile [rows][P], into the form. In float32 nothing is done: `values` must hold
 * the tile already. */
void aei_matrix_form_store(const aei_matrix_form *form, const aei_gemm_mode *m, size_t rows,
                           size_t p, const float *tile);

/* What products read of a panel of weights, b[k][P] in float32; scratch has the size of b and may
 * be what is returned. */
const void *aei_matrix_form_weights(const aei_gemm_mode *m, size_t k, const float *b,
                                    void *scratch);

/* c = a b as aei_kernels.gemm_nn; b comes from aei_matrix_form_weights. */
void aei_multiply_nn(const aei_gemm_mode *m, size_t rows, size_t k, size_t n,
                     const aei_matrix_form *a, const void *b, float *c, const float *prefetch);

/* c = panel q of a, transposed, times panel p of b, as aei_kernels.gemm_tn. */
void aei_multiply_tn(const aei_gemm_mode *m, size_t rows, size_t kb, size_t n,
                     const aei_matrix_form *a, size_t q, const aei_matrix_form *b, size_t p,
                     float *c, const float *const prefetch[3]);

#endif
