/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernels, once, in GNU vector extensions. A file for an instruction set defines
 *
 *     AEI_TABLE    name of the table, for instance aei_kernels_avx2
 *     AEI_NAME     its name as text
 *     AEI_LANES    floats in a vector: 4, 8 or 16
 *     AEI_MR       rows of the GEMM tile
 *     AEI_PANEL    floats in a panel; 32 unless said
 *
 * and includes this once; the compiler flags for the instruction set belong to that file alone.
 *
 * Contraction (a * b + c as one FMA) is switched on for these files; -ffast-math is not.
 */
#include "compute/kernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "compute/kernel_gemm.h"

#include "compute/kernel_elementwise.h"

#include "compute/kernel_bf16.h"

const aei_kernels AEI_TABLE = {
    .name = AEI_NAME,
    .panel = PANEL,
    .gemm_nn = gemm_nn,
    .gemm_row = AEI_GEMM_ROW,
    .gemm_row_bf16 = AEI_GEMM_ROW_LOW,
    .gemm_tn = gemm_tn,
    .transpose = transpose,
    .norm_forward = norm_forward,
    .affine_forward = affine_forward,
    .norm_backward = norm_backward,
    .bias_backward = bias_backward,
    .row_costs = row_costs,
    .cost_gradient = cost_gradient,
    .update = update,
    .add = add,
    .square_sum = square_sum,
    .round_bf16 = round_bf16,
    .to_bf16 = to_bf16,
    .from_bf16 = from_bf16,
    .map_elementwise = map_elementwise,
};
