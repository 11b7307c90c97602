/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Batch normalisation in inference. With running statistics it is an affine map of each feature,
 *
 *     gamma (z - mean) / sqrt(variance + epsilon) + beta = scale z + shift,
 *
 * worked out in float64, since mean * scale and beta may nearly cancel. A session applies the map
 * to its products; exports multiply it into the weights, because their formats have no other place.
 */
#include "model/fold.h"

#include "base/error.h"

#include <math.h>

aei_affine aei_layer_affine(const ae_network *network, const aei_layer *layer, size_t j)
{
    const double beta = (double)network->parameters[layer->beta + j];
    if (!layer->batch_norm)
        return (aei_affine){1, beta};
    const double variance = (double)network->running[layer->variance + j],
                 scale = (double)network->parameters[layer->gamma + j] /
                         sqrt(variance + (double)network->bn_epsilon);
    return (aei_affine){scale, beta - scale * (double)network->running[layer->mean + j]};
}

ae_status aei_layer_fold(const ae_network *network, size_t layer, float *weights, float *biases)
{
    const aei_layer *at = &network->layers[layer];
    const aei_tensor tensor = {.part = AEI_WEIGHT, .layer = layer};
    aei_tensor_unpack(network, &tensor, network->parameters, weights);
    for (size_t j = 0; j < at->out; j++) {
        const aei_affine map = aei_layer_affine(network, at, j);
        float *row = weights + j * at->in;
        biases[j] = (float)map.shift;
        bool finite = isfinite(biases[j]);
        for (size_t i = 0; i < at->in; i++) {
            row[i] = (float)(map.scale * (double)row[i]);
            finite = finite && isfinite(row[i]);
        }
        if (!finite)
            return aei_fail(AE_ERROR_DATA,
                            "layer %zu, feature %zu: folding batch normalisation into the weights "
                            "gives one that float32 cannot hold",
                            layer, j);
    }
    return AE_OK;
}
