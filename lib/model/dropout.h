/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_DROPOUT_H
#define AEI_DROPOUT_H

#include <stddef.h>
#include <stdint.h>

/* Dropout of one layer's units in one step. */
typedef struct aei_dropout {
    float chance; /* that a unit puts out 0, below 1 */
    uint64_t seed, step;
    uint32_t layer;
} aei_dropout;

/*
 * What the outputs of units [first, first + count) are multiplied by: 0, or 1 / (1 - chance), into
 * factors[rows][panel]. The rows stand in the batch from first_row on; a factor depends on seed,
 * step, layer, that place and the unit alone. first and panel
 * are multiples of 4; columns past count hold anything finite.
 */
void aei_dropout_draw(const aei_dropout *dropout, size_t first, size_t count, size_t first_row,
                      size_t rows, size_t panel, float *factors);

/* to[i] = from[i] * factors[i]; to may be from. */
void aei_dropout_apply(size_t count, const float *factors, const float *from, float *to);

#endif
