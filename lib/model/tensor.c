/* SPDX-License-Identifier: BSD-3-Clause */
/* Tensors by name: the only way in and out of the panel layout. */
#include "base/error.h"
#include "base/quote.h"
#include "base/options.h"
#include "model/network_internal.h"
#include "model/tied.h"

#include <math.h>
#include <string.h>

/* Layers count anew in the decoder, as in a PyTorch module with an encoder and a decoder of its
 * own: files and the names in them depend on this. */
size_t aei_tensor_elements(const ae_network *network, const aei_tensor *tensor)
{
    const aei_layer *layer = &network->layers[tensor->layer];
    return tensor->part == AEI_WEIGHT ? layer->in * layer->out : layer->out;
}

/* A search from the front: there are five tensors a layer at most, and nobody looks one up in a
 * step. */
const aei_tensor *aei_network_tensor(const ae_network *network, const char *name)
{
    for (size_t i = 0; i < network->tensor_count; i++)
        if (strcmp(network->tensors[i].name, name) == 0)
            return &network->tensors[i];
    return NULL;
}

/* Where a tensor starts in its block. */
static size_t offset(const ae_network *network, const aei_tensor *tensor)
{
    const aei_layer *layer = &network->layers[tensor->layer];
    switch (tensor->part) {
    case AEI_GAMMA:
        return layer->gamma;
    case AEI_BETA:
        return layer->beta;
    case AEI_MEAN:
        return layer->mean;
    case AEI_VARIANCE:
        return layer->variance;
    default:
        return layer->weight;
    }
}

/* A vector needs no conversion: [panels][P] without its padding is plain order. A weight matrix is
 * transposed too, since PyTorch keeps [out][in] and products here read [in][P]. */
void aei_tensor_unpack(const ae_network *network, const aei_tensor *tensor, const float *block,
                       float *values)
{
    const aei_layer *layer = &network->layers[tensor->layer];
    const size_t panel = network->kernels->panel;
    block += offset(network, tensor);
    if (tensor->part != AEI_WEIGHT) {
        memcpy(values, block, layer->out * sizeof *values);
        return;
    }
    for (size_t j = 0; j < layer->out; j++) {
        const float *column = block + j / panel * layer->in * panel + j % panel;
        for (size_t i = 0; i < layer->in; i++)
            values[j * layer->in + i] = column[i * panel];
    }
}

/* Padding is never written and stays 0: norms and checks for infinity walk whole blocks. */
void aei_tensor_pack(const ae_network *network, const aei_tensor *tensor, float *block,
                     const float *values)
{
    const aei_layer *layer = &network->layers[tensor->layer];
    const size_t panel = network->kernels->panel;
    block += offset(network, tensor);
    if (tensor->part != AEI_WEIGHT) {
        memcpy(block, values, layer->out * sizeof *values);
        return;
    }
    for (size_t j = 0; j < layer->out; j++) {
        float *column = block + j / panel * layer->in * panel + j % panel;
        for (size_t i = 0; i < layer->in; i++)
            column[i * panel] = values[j * layer->in + i];
    }
}

size_t ae_network_tensor_count(const ae_network *network)
{
    return network == NULL ? 0 : network->tensor_count;
}

/* A vector has 1 for its second extent, so that a caller can multiply both whatever the rank. */
ae_status ae_network_get_tensor_info(const ae_network *network, size_t index, ae_tensor_info *info)
{
    AE_REQUIRE(network);
    AE_REQUIRE(info);
    if (index >= network->tensor_count)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "tensor %zu: the network has %zu, counted from 0", index,
                        network->tensor_count);
    const aei_tensor *tensor = &network->tensors[index];
    const aei_layer *layer = &network->layers[tensor->layer];
    const ae_tensor_info mine = {
        .size = sizeof mine,
        .name = tensor->name,
        .rank = tensor->part == AEI_WEIGHT ? 2 : 1,
        .shape = {layer->out, tensor->part == AEI_WEIGHT ? layer->in : 1},
        .count = aei_tensor_elements(network, tensor),
        .trainable = tensor->trained,
    };
    return aei_result_write(info, &mine, sizeof mine, "ae_tensor_info");
}

ae_status aei_network_find_tensor(const aei_tensor **tensor, const ae_network *network,
                                  const char *name, size_t count)
{
    char quoted[AEI_QUOTE_SIZE];
    *tensor = aei_network_tensor(network, name);
    if (*tensor == NULL)
        return aei_fail(AE_ERROR_NOT_FOUND, "the network has no tensor \"%s\"",
                        aei_quote(quoted, name));
    size_t elements = aei_tensor_elements(network, *tensor);
    if (elements != count)
        return aei_fail(AE_ERROR_SHAPE, "%s: %zu values expected, %zu given", name, elements,
                        count);
    return AE_OK;
}

ae_status ae_network_get_tensor(const ae_network *network, const char *name, float *values,
                                size_t count)
{
    AE_REQUIRE(network);
    AE_REQUIRE(name);
    AE_REQUIRE(values);
    const aei_tensor *tensor;
    AE_TRY(aei_network_find_tensor(&tensor, network, name, count));
    aei_tensor_unpack(network, tensor, aei_network_block(network, tensor), values);
    return AE_OK;
}

/* All values are looked at before one is written: a tensor refused changes nothing. A negative
 * variance would make NAN of every output at the first inference, far from here. */
ae_status ae_network_set_tensor(ae_network *network, const char *name, const float *values,
                                size_t count)
{
    AE_REQUIRE(network);
    AE_REQUIRE(name);
    AE_REQUIRE(values);
    const aei_tensor *tensor;
    AE_TRY(aei_network_find_tensor(&tensor, network, name, count));
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return aei_fail(AE_ERROR_DATA, "%s: element %zu is not finite", name, i);
        if (tensor->part == AEI_VARIANCE && values[i] < 0)
            return aei_fail(AE_ERROR_DATA, "%s: element %zu is %g, a variance cannot be negative",
                            name, i, (double)values[i]);
    }
    aei_tensor_pack(network, tensor, aei_network_block(network, tensor), values);
    if (network->tied && tensor->part == AEI_WEIGHT)
        aei_tied_copy(network, tensor->layer, network->parameters);
    /* Sessions work out scale and shift again, and a threshold is void from here on. */
    network->generation++;
    return AE_OK;
}
