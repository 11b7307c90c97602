/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_NOISE_H
#define AEI_NOISE_H

#include <stdint.h>

#include "compute/kernels.h"

/* How the input of a training step is corrupted; the target stays clean. All zero: not at all. */
typedef struct aei_noise {
    float sd;      /* of the normal noise that is added */
    float mask;    /* share of the features set to 0 */
    float dropout; /* share set to 0, the others being scaled by 1 / (1 - dropout) */
    uint64_t seed;
    uint64_t step; /* from 0 */
} aei_noise;

/*
 * Corrupts features [first, first + count) of rows of `features` features: clean[r * stride + j]
 * into corrupted, of the same shape, which may be the same memory. The rows stand in the batch from
 * first_row on. The noise of a value depends on seed, step, that place and the feature alone, and
 * to the last bit on the kernels' logarithm. first is a multiple of 4.
 */
void aei_noise_apply(const aei_noise *noise, const aei_kernels *kernels, size_t features,
                     size_t first, size_t count, size_t first_row, size_t rows, const float *clean,
                     float *corrupted, size_t stride);

#endif
