/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tensors' names and shapes alone give widths, code layer and normalisation. Metadata add what
 * shapes cannot tell (activations and constants), and where they repeat the shapes they must agree.
 */
#include "store/architecture.h"

#include "base/error.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LAYERS = 1023, NAME_SIZE = 48 };

/*
 * Files without libae's metadata come from PyTorch, whose names these are; torch.nn.BatchNorm1d
 * adds 1e-5 to the variance and keeps 0.9 of the running statistics unless told otherwise.
 */
static const float foreign_epsilon = 1e-5f, foreign_decay = 0.9f, foreign_slope = 0.01f;

static const char *const activation_names[] = {
    [AE_ACTIVATION_SIGMOID] = "sigmoid", [AE_ACTIVATION_TANH] = "tanh",
    [AE_ACTIVATION_RELU] = "relu",       [AE_ACTIVATION_LEAKY_RELU] = "leaky_relu",
    [AE_ACTIVATION_LINEAR] = "linear",
};

/* Files hold these names; docs/formats.md lists them for those who write files by other
 * programs. */
const char *aei_activation_name(ae_activation activation)
{
    return activation_names[activation];
}

/* One value where all layers are alike, as files always had it; else a list. */
static void write_norms(aei_text *json, const ae_network *network)
{
    const size_t norms = aei_network_norms(network);
    const bool mixed = norms > 0 && norms < network->depth;
    for (size_t l = 0; l < (mixed ? network->depth : 1); l++)
        aei_text_add(json, "%s%s",
                     !mixed   ? ""
                     : l == 0 ? "["
                              : ",",
                     network->layers[l].batch_norm ? "true" : "false");
    if (mixed)
        aei_text_add(json, "]");
}

/* The seed is a string: JSON's numbers are doubles for most readers, which would round it. */
void aei_architecture_write(aei_text *json, const ae_network *network)
{
    aei_text_add(json, "{\"widths\":[");
    for (size_t i = 0; i <= network->depth; i++)
        aei_text_add(json, "%s%zu", i == 0 ? "" : ",", network->widths[i]);
    aei_text_add(json, "],\"code_layer\":%zu,\"batch_norm\":", network->encoder_layers);
    write_norms(json, network);
    aei_text_add(json, ",\"activations\":[");
    for (size_t l = 0; l < network->depth; l++)
        aei_text_add(json, "%s\"%s\"", l == 0 ? "" : ",",
                     aei_activation_name(network->layers[l].f.kind));
    aei_text_add(json, "],\"leaky_slope\":");
    aei_text_number(json, (double)network->leaky_slope);
    aei_text_add(json, ",\"bn_epsilon\":");
    aei_text_number(json, (double)network->bn_epsilon);
    aei_text_add(json, ",\"bn_decay\":");
    aei_text_number(json, (double)network->bn_decay);
    aei_text_add(json, ",\"seed\":\"%" PRIu64 "\"}", network->seed);
}

void aei_architecture_free(aei_architecture *architecture)
{
    free(architecture->widths);
    free(architecture->norms);
    free(architecture->activations);
    *architecture = (aei_architecture){0};
}

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
        number = number > MAX_LAYERS ? number : number * 10 + (size_t)(*c - '0');
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
static void find_norms(aei_architecture *a, const aei_safetensors *file)
{
    for (size_t i = 0; i < file->count; i++) {
        size_t layer, first = 0;
        const char *part = parse_layer(&layer, file->tensors[i].name, "encoder.");
        if (part == NULL) {
            part = parse_layer(&layer, file->tensors[i].name, "decoder.");
            first = a->encoder_layers;
        }
        if (part != NULL && strncmp(part, "bn.", 3) == 0 && layer + first + 1 < a->width_count)
            a->norms[first + layer] = AE_TOGGLE_ON;
    }
}

/*
 * Widths from the weights' shapes, each layer taking what the one before gives. The types are
 * refused here, before a network is made: weights that can be read have two bytes an element in the
 * file, so that even layers of one output, padded to 32 float32, take no more than 64 times the
 * file's size.
 */
static ae_status read_widths(aei_architecture *a, const aei_safetensors *file)
{
    const size_t layers = a->width_count - 1;
    for (size_t l = 0; l < layers; l++) {
        char name[NAME_SIZE];
        aei_tensor_name(name, sizeof name, l, a->encoder_layers, "weight");
        const aei_stored *weight = aei_safetensors_find(file, name);
        if (weight == NULL)
            return aei_fail(AE_ERROR_FORMAT, "tensor %s is missing", name);
        if (weight->rank != 2 || weight->elements == 0)
            return aei_fail(AE_ERROR_FORMAT,
                            "tensor %s: a shape of two dimensions expected, none of them 0", name);
        AE_TRY(aei_stored_check_type(weight));
        if (l == 0)
            a->widths[0] = weight->shape[1];
        if (weight->shape[1] != a->widths[l])
            return aei_fail(AE_ERROR_FORMAT,
                            "tensor %s: shape [%zu, %zu], but the layer before gives %zu features",
                            name, weight->shape[0], weight->shape[1], a->widths[l]);
        a->widths[l + 1] = weight->shape[0];
    }
    return AE_OK;
}

static ae_status allocate(aei_architecture *a)
{
    a->widths = calloc(a->width_count, sizeof *a->widths);
    a->norms = calloc(a->width_count, sizeof *a->norms);
    a->activations = calloc(a->width_count, sizeof *a->activations);
    if (a->widths == NULL || a->norms == NULL || a->activations == NULL)
        return aei_fail_memory(a->width_count * sizeof *a->widths);
    return AE_OK;
}

/* What the tensors show, with PyTorch's constants and sigmoid for what they cannot. */
static ae_status derive(aei_architecture *a, const aei_safetensors *file)
{
    const size_t encoders = count_layers(file, "encoder."),
                 decoders = count_layers(file, "decoder.");
    if (encoders == 0 || decoders == 0)
        return aei_fail(AE_ERROR_FORMAT, "no autoencoder: tensor %s is missing",
                        encoders == 0 ? "encoder.0.weight" : "decoder.0.weight");
    if (encoders > MAX_LAYERS || decoders > MAX_LAYERS || encoders + decoders > MAX_LAYERS)
        return aei_fail(AE_ERROR_FORMAT, "more than %d layers", MAX_LAYERS);
    a->width_count = encoders + decoders + 1;
    a->encoder_layers = encoders;
    a->leaky_slope = foreign_slope;
    a->bn_epsilon = foreign_epsilon;
    a->bn_decay = foreign_decay;
    AE_TRY(allocate(a));
    for (size_t l = 0; l + 1 < a->width_count; l++) {
        a->activations[l] = AE_ACTIVATION_SIGMOID;
        a->norms[l] = AE_TOGGLE_OFF;
    }
    find_norms(a, file);
    return read_widths(a, file);
}

static ae_status damaged(const char *member)
{
    return aei_fail(AE_ERROR_FORMAT, "libae.architecture: %s is damaged", member);
}

/* The widths must be those of the shapes; the first that is not is named by its layer's weight. */
static ae_status compare_widths(const aei_architecture *a, const aei_json *widths)
{
    size_t i = 0;
    if (!aei_json_is_array(widths))
        return damaged("widths");
    for (const aei_json *w = aei_json_first(widths); w != NULL; w = aei_json_next(w), i++) {
        size_t width;
        if (!aei_json_size(w, &width))
            return damaged("widths");
        if (i < a->width_count && width == a->widths[i])
            continue;
        char name[NAME_SIZE];
        aei_tensor_name(name, sizeof name, i == 0 ? 0 : i - 1, a->encoder_layers, "weight");
        if (i >= a->width_count)
            return aei_fail(AE_ERROR_FORMAT, "tensor %s is missing, or libae.architecture is wrong",
                            name);
        return aei_fail(AE_ERROR_FORMAT,
                        "tensor %s: %zu features by its shape, %zu by libae.architecture", name,
                        a->widths[i], width);
    }
    if (i != a->width_count)
        return aei_fail(AE_ERROR_FORMAT,
                        "tensors of %zu layers, but %zu widths in libae.architecture",
                        a->width_count - 1, i);
    return AE_OK;
}

/* One value for all layers, or a list of one for each. */
static ae_status compare_norms(const aei_architecture *a, const aei_json *norm)
{
    const aei_json *item = aei_json_is_array(norm) ? aei_json_first(norm) : norm;
    for (size_t l = 0; norm != NULL && l + 1 < a->width_count; l++) {
        bool said;
        if (!aei_json_bool(item, &said))
            return damaged("batch_norm");
        if (said != (a->norms[l] == AE_TOGGLE_ON)) {
            char name[NAME_SIZE];
            aei_tensor_name(name, sizeof name, l, a->encoder_layers, "bn.weight");
            return aei_fail(AE_ERROR_FORMAT,
                            "tensor %s is %s, unlike libae.architecture's batch_norm", name,
                            said ? "missing" : "there");
        }
        item = aei_json_is_array(norm) ? aei_json_next(item) : norm;
    }
    return aei_json_is_array(norm) && item != NULL ? damaged("batch_norm") : AE_OK;
}

/* Metadata that repeat what the shapes say are a check on the file, and wrong ones are not to be
 * believed in part. */
static ae_status compare_layout(const aei_architecture *a, const aei_json *json)
{
    const aei_json *widths = aei_json_member(json, "widths"),
                   *code = aei_json_member(json, "code_layer");
    size_t encoder_layers = a->encoder_layers;
    if (widths != NULL)
        AE_TRY(compare_widths(a, widths));
    if (code != NULL && !aei_json_size(code, &encoder_layers))
        return damaged("code_layer");
    if (encoder_layers != a->encoder_layers)
        return aei_fail(
            AE_ERROR_FORMAT,
            "tensor encoder.%zu.weight: %zu layers encode, but libae.architecture has %zu",
            a->encoder_layers - 1, a->encoder_layers, encoder_layers);
    return compare_norms(a, aei_json_member(json, "batch_norm"));
}

static ae_status read_activations(aei_architecture *a, const aei_json *list)
{
    size_t layer = 0;
    if (list == NULL)
        return AE_OK;
    if (!aei_json_is_array(list))
        return damaged("activations");
    a->says_activations = true;
    for (const aei_json *item = aei_json_first(list); item != NULL;
         item = aei_json_next(item), layer++) {
        const char *name = aei_json_string(item);
        ae_activation kind = AE_ACTIVATION_SIGMOID;
        while (kind <= AE_ACTIVATION_LINEAR && name != NULL &&
               strcmp(name, activation_names[kind]) != 0)
            kind++;
        if (name == NULL || kind > AE_ACTIVATION_LINEAR || layer + 1 >= a->width_count)
            return damaged("activations");
        a->activations[layer] = kind;
    }
    return layer + 1 == a->width_count ? AE_OK : damaged("activations");
}

/* A constant that is there must be usable: 0 would silently mean ae_network_options's default. */
static ae_status read_constant(float *value, const aei_json *json, const char *member, float limit)
{
    const aei_json *item = aei_json_member(json, member);
    double number;
    if (item == NULL)
        return AE_OK;
    /* The double first: what float32 cannot hold must not be converted. Then what became of it. */
    if (!aei_json_double(item, &number) || !(number > 0 && number <= (double)FLT_MAX) ||
        !((float)number > 0 && (float)number < limit))
        return damaged(member);
    *value = (float)number;
    return AE_OK;
}

/* Every member is optional, so that others can add, say, activations alone to their files. */
static ae_status read_json(aei_architecture *a, const aei_json *json)
{
    if (!aei_json_is_object(json))
        return aei_fail(AE_ERROR_FORMAT, "libae.architecture is not an object");
    AE_TRY(compare_layout(a, json));
    AE_TRY(read_activations(a, aei_json_member(json, "activations")));
    AE_TRY(read_constant(&a->leaky_slope, json, "leaky_slope", 1));
    AE_TRY(read_constant(&a->bn_epsilon, json, "bn_epsilon", INFINITY));
    AE_TRY(read_constant(&a->bn_decay, json, "bn_decay", 1));
    a->says_slope = aei_json_member(json, "leaky_slope") != NULL;
    a->says_epsilon = aei_json_member(json, "bn_epsilon") != NULL;
    a->says_decay = aei_json_member(json, "bn_decay") != NULL;
    const aei_json *seed = aei_json_member(json, "seed");
    return seed == NULL || aei_json_u64(seed, &a->seed) ? AE_OK : damaged("seed");
}

ae_status aei_architecture_read(aei_architecture *architecture, const aei_safetensors *file)
{
    aei_architecture a = {0};
    aei_json *json = NULL;
    ae_status status = AE_OK;
    AE_CHECK(derive(&a, file));
    AE_CHECK(aei_safetensors_json(&json, file, "libae.architecture"));
    if (json != NULL)
        status = read_json(&a, json);
cleanup:
    aei_json_free(json);
    if (status == AE_OK)
        *architecture = a;
    else
        aei_architecture_free(&a);
    return status;
}

/* Options add to what a file says and do not overrule it: weights trained with one activation give
 * nonsense with another. */
static ae_status add_activation(aei_architecture *a, size_t layer, ae_activation wanted)
{
    if (wanted == AE_ACTIVATION_DEFAULT)
        return AE_OK;
    AE_TRY(aei_check_activation(layer, wanted));
    if (a->says_activations && a->activations[layer] != wanted)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "layer %zu: %s in the file's libae.architecture, %s in the options", layer,
                        aei_activation_name(a->activations[layer]), aei_activation_name(wanted));
    a->activations[layer] = wanted;
    return AE_OK;
}

/* Written without == so that a NAN is refused below, and compilers warn of no comparison of
 * floats. */
static ae_status add_constant(float *value, bool says, float wanted, float limit, const char *name)
{
    if (wanted >= 0 && wanted <= 0)
        return AE_OK;
    if (!(wanted > 0 && wanted < limit))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%s %g is not in (0, %g)", name, (double)wanted,
                        (double)limit);
    if (says && (*value < wanted || *value > wanted))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "%s: %.9g in the file's libae.architecture, %.9g in the options", name,
                        (double)*value, (double)wanted);
    *value = wanted;
    return AE_OK;
}

ae_status aei_architecture_add(aei_architecture *a, const ae_load_options *o)
{
    const size_t layers = a->width_count - 1;
    AE_TRY(aei_check_activations(o->activations, o->activation_count, layers));
    for (size_t l = 0; l < layers; l++) {
        const ae_activation of_place = l + 1 == layers ? o->output_activation
                                                       : o->hidden_activation;
        AE_TRY(add_activation(a, l, o->activations != NULL ? o->activations[l] : of_place));
    }
    AE_TRY(add_constant(&a->leaky_slope, a->says_slope, o->leaky_slope, 1, "leaky_slope"));
    AE_TRY(add_constant(&a->bn_epsilon, a->says_epsilon, o->bn_epsilon, INFINITY, "bn_epsilon"));
    return add_constant(&a->bn_decay, a->says_decay, o->bn_decay, 1, "bn_decay");
}
