/* SPDX-License-Identifier: BSD-3-Clause */
/* What a network says of itself. */
#include "base/error.h"
#include "base/options.h"
#include "model/network_internal.h"

size_t ae_network_layer_count(const ae_network *network)
{
    return network == NULL ? 0 : network->depth;
}

size_t ae_network_encoder_layer_count(const ae_network *network)
{
    return network == NULL ? 0 : network->encoder_layers;
}

size_t ae_network_input_width(const ae_network *network)
{
    return network == NULL ? 0 : network->widths[0];
}

size_t ae_network_code_width(const ae_network *network)
{
    return network == NULL ? 0 : network->widths[network->encoder_layers];
}

/* What an optimizer changes: weights with gamma and beta, or with a bias. Running statistics are
 * not counted, nor by PyTorch; padding is not either. */
size_t ae_network_parameter_count(const ae_network *network)
{
    size_t count = 0;
    for (size_t i = 0; network != NULL && i < network->tensor_count; i++)
        if (network->tensors[i].trained)
            count += aei_tensor_elements(network, &network->tensors[i]);
    return count;
}

size_t aei_network_norms(const ae_network *network)
{
    size_t count = 0;
    for (size_t l = 0; l < network->depth; l++)
        count += network->layers[l].batch_norm;
    return count;
}

const char *ae_network_kernels(const ae_network *network)
{
    return network == NULL ? "" : network->kernels->name;
}

ae_status ae_network_get_layer(const ae_network *network, size_t layer, ae_layer_info *info)
{
    AE_REQUIRE(network);
    AE_REQUIRE(info);
    if (layer >= network->depth)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "layer %zu: the network has %zu, counted from 0",
                        layer, network->depth);
    const ae_layer_info mine = {
        .size = sizeof mine,
        .input_width = network->layers[layer].in,
        .output_width = network->layers[layer].out,
        .activation = network->layers[layer].f.kind,
        .batch_norm = network->layers[layer].batch_norm,
    };
    return aei_result_write(info, &mine, sizeof mine, "ae_layer_info");
}

ae_status ae_network_get_info(const ae_network *network, ae_network_info *info)
{
    AE_REQUIRE(network);
    AE_REQUIRE(info);
    const ae_network_info mine = {
        .size = sizeof mine,
        .layer_count = network->depth,
        .encoder_layers = network->encoder_layers,
        .input_width = network->widths[0],
        .code_width = ae_network_code_width(network),
        .parameter_count = ae_network_parameter_count(network),
        .column_count = network->columns == NULL ? 0 : network->widths[0],
        .seed = network->seed,
        .kernels = network->kernels->name,
        .leaky_slope = network->leaky_slope,
        .bn_epsilon = network->bn_epsilon,
        .bn_decay = network->bn_decay,
        .batch_norm = aei_network_norms(network) == network->depth,
        .has_scaling = network->scaling != NULL,
        .has_threshold = aei_network_threshold(network) != NULL,
        .tied_weights = network->tied,
        .image_height = network->image_height,
        .image_width = network->image_width,
        .uint8_scale = network->uint8_scale,
    };
    return aei_result_write(info, &mine, sizeof mine, "ae_network_info");
}
