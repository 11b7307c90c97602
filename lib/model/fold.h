/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_FOLD_H
#define AEI_FOLD_H

#include "model/network_internal.h"

/* What inference does to feature j of a layer's product: scale * z + shift. */
typedef struct aei_affine {
    double scale, shift;
} aei_affine;

aei_affine aei_layer_affine(const ae_network *network, const aei_layer *layer, size_t j);

/*
 * A layer as weights [out][in] and biases [out] alone, batch normalisation multiplied in.
 * AE_ERROR_DATA: a number that float32 cannot hold, by layer and feature.
 */
ae_status aei_layer_fold(const ae_network *network, size_t layer, float *weights, float *biases);

#endif
