/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_SCALING_INTERNAL_H
#define AEI_SCALING_INTERNAL_H

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The affine map between the caller's units and the network's: value = offset + scale * y, back
 * y = (value - offset) / scale. Scale 0 marks a feature that never varies: y is 0, the value is
 * offset.
 */
typedef struct aei_scaling {
    size_t features;
    float *offset, *scale;
    float *divisor; /* scale, but infinity for 0, so that the division needs no branch */
} aei_scaling;

/* Copies features of each. AE_ERROR_DATA (not finite, a negative scale, by index),
 * AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_scaling_create(aei_scaling **scaling, size_t features, const float *offset,
                             const float *scale);
void aei_scaling_free(aei_scaling *scaling);

/* Whether two, each NULL or of the same features, are the same bit for bit. */
bool aei_scaling_same(const aei_scaling *a, const aei_scaling *b);

/* Features [first, first + count) of rows, in place: values[r * stride + j], to the network's
 * units. */
void aei_scaling_apply(const aei_scaling *scaling, size_t first, size_t count, size_t rows,
                       float *values, size_t stride);

/* And back to the caller's. */
void aei_scaling_restore(const aei_scaling *scaling, size_t first, size_t count, size_t rows,
                         float *values, size_t stride);

#endif
