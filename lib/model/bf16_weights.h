/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session's own copy of the weights in bfloat16. Where the processor multiplies pairs of such
 * numbers the weights are stored in pairs, else as 16-bit numbers: for one row the kernel converts
 * them as it reads; for more rows each panel is converted to float32 first.
 */
#ifndef AEI_BF16_WEIGHTS_H
#define AEI_BF16_WEIGHTS_H

#include "base/arena.h"
#include "model/network_internal.h"

typedef struct aei_bf16_weights {
    const aei_bf16_kernels *pairs; /* NULL: widened */
    uint32_t *paired;              /* of each layer [panels][(in + 1) / 2][P] */
    size_t *offsets;               /* of a layer in that */
    uint16_t *plain;               /* laid out like the parameters */
    float **widened;               /* per thread: a panel as float32 */
} aei_bf16_weights;

/* Takes the memory; `pairs` is set before. Called twice, as aei_arena wants it. */
void aei_bf16_weights_lay_out(aei_bf16_weights *copy, aei_arena *arena, const ae_network *network,
                              size_t threads);

/* From the network's weights as they are now. */
void aei_bf16_weights_copy(aei_bf16_weights *copy, const ae_network *network);

/* c = panel p of layer l's product; x is in bfloat16, as aei_kernels.to_bf16 leaves it. */
void aei_bf16_weights_multiply_pairs(const aei_bf16_weights *copy, const ae_network *network,
                                     size_t l, size_t p, size_t rows, const uint16_t *x, float *c);

/* The same without pairs, x in float32. `panels` is 1, or for a single row 2: panels p and p + 1 by
 * gemm_row_bf16. */
void aei_bf16_weights_multiply(const aei_bf16_weights *copy, const ae_network *network, size_t l,
                               size_t p, size_t panels, size_t rows, const float *x, float *c,
                               size_t thread);

#endif
