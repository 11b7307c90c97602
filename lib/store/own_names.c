/* SPDX-License-Identifier: BSD-3-Clause */
/* The layers of a file that libae wrote: each tensor has one name and must be there, so that a
 * damaged file is never taken for another network. */
#include "base/error.h"
#include "model/network_internal.h"
#include "store/state_dict.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 48 };

/* What follows the layer number in "encoder.12.bn.bias", given "encoder."; NULL for other names.
 * "01" is no layer number: two names for one layer could otherwise both be there. */
static const char *parse_layer(size_t *layer, const char *name, const char *side)
{
    const size_t length = strlen(side);
    const char *c = name + length;
    if (strncmp(name, side, length) != 0 || *c < '0' || *c > '9' || (*c == '0' && c[1] != '.'))
        return NULL;
    size_t number = 0;
    for (; *c >= '0' && *c <= '9'; c++)
        number = number > AEI_LAYERS_MAX ? number : number * 10 + (size_t)(*c - '0');
    *layer = number;
    return *c == '.' ? c + 1 : NULL;
}

/* One more than the highest layer number on a side, so that a missing layer in between is
 * noticed. */
static size_t count_layers(const aei_safetensors *file, const char *side)
{
    size_t count = 0, layer;
    for (size_t i = 0; i < file->count; i++) {
        const char *part = parse_layer(&layer, file->tensors[i].name, side);
        if (part != NULL && strcmp(part, "weight") == 0 && layer + 1 > count)
            count = layer + 1;
    }
    return count;
}

/* A layer with any tensor of batch normalisation is meant to have all of them. */
static void find_norms(aei_state_dict *dict, const aei_safetensors *file)
{
    for (size_t i = 0; i < file->count; i++) {
        size_t layer, first = 0;
        const char *part = parse_layer(&layer, file->tensors[i].name, "encoder.");
        if (part == NULL) {
            part = parse_layer(&layer, file->tensors[i].name, "decoder.");
            first = dict->encoder_layers;
        }
        if (part != NULL && strncmp(part, "bn.", 3) == 0 && layer + first < dict->count)
            dict->layers[first + layer].norm = true;
    }
}

/* A tensor of a layer; AE_ERROR_FORMAT when it is required and missing. */
static ae_status find(const aei_stored **tensor, const aei_safetensors *file,
                      const aei_state_dict *dict, size_t layer, const char *part, bool required)
{
    char name[NAME_SIZE];
    aei_tensor_name(name, sizeof name, layer, dict->encoder_layers, part);
    *tensor = aei_safetensors_find(file, name);
    return required && *tensor == NULL ? aei_fail(AE_ERROR_FORMAT, "tensor %s is missing", name)
                                       : AE_OK;
}

static ae_status find_tensors(aei_state_dict *dict, const aei_safetensors *file)
{
    for (size_t l = 0; l < dict->count; l++) {
        aei_stored_layer *layer = &dict->layers[l];
        AE_TRY(find(&layer->weight, file, dict, l, "weight", true));
        AE_TRY(find(&layer->bias, file, dict, l, "bias", !layer->norm));
        if (!layer->norm)
            continue;
        AE_TRY(find(&layer->gamma, file, dict, l, "bn.weight", true));
        AE_TRY(find(&layer->beta, file, dict, l, "bn.bias", true));
        AE_TRY(find(&layer->mean, file, dict, l, "bn.running_mean", true));
        AE_TRY(find(&layer->variance, file, dict, l, "bn.running_var", true));
        AE_TRY(find(&layer->tracked, file, dict, l, "bn.num_batches_tracked", false));
    }
    return AE_OK;
}

/* Both are asked for. Names such as encoder.0.weight are PyTorch's too, and the note stays in a
 * file whose tensors somebody has renamed; each is then read as a state dict, by hints. */
bool aei_own_names(const aei_safetensors *file)
{
    bool named = false;
    for (size_t i = 0; i < file->count; i++)
        named = named || strncmp(file->tensors[i].name, "encoder.", 8) == 0 ||
                strncmp(file->tensors[i].name, "decoder.", 8) == 0;
    return named && aei_safetensors_note(file, "libae.format_version") != NULL;
}

ae_status aei_own_names_read(aei_state_dict *dict, const aei_safetensors *file)
{
    const size_t encoders = count_layers(file, "encoder."),
                 decoders = count_layers(file, "decoder.");
    if (encoders == 0 || decoders == 0)
        return aei_fail(AE_ERROR_FORMAT, "no autoencoder: tensor %s is missing",
                        encoders == 0 ? "encoder.0.weight" : "decoder.0.weight");
    if (encoders > AEI_LAYERS_MAX || decoders > AEI_LAYERS_MAX ||
        encoders + decoders > AEI_LAYERS_MAX)
        return aei_fail(AE_ERROR_FORMAT, "more than %d layers", AEI_LAYERS_MAX);
    dict->count = encoders + decoders;
    dict->encoder_layers = encoders;
    dict->says_code = dict->libae_names = true;
    dict->layers = calloc(dict->count, sizeof *dict->layers);
    if (dict->layers == NULL)
        return aei_fail_memory(dict->count * sizeof *dict->layers);
    find_norms(dict, file);
    return find_tensors(dict, file);
}
