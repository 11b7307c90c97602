/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The layers that were found (state_dict.h) give widths, code layer and normalisation. Metadata add
 * what shapes cannot tell (activations and constants), and where they repeat the shapes they must
 * agree. What neither says the caller's options must say.
 */
#include "store/architecture.h"

#include "base/error.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    /* Named only where it is on, as in files from before there was such a thing. */
    aei_text_add(json, "]%s,\"leaky_slope\":", network->tied ? ",\"tied_weights\":true" : "");
    aei_text_float(json, network->leaky_slope);
    aei_text_add(json, ",\"bn_epsilon\":");
    aei_text_float(json, network->bn_epsilon);
    aei_text_add(json, ",\"bn_decay\":");
    aei_text_float(json, network->bn_decay);
    aei_text_add(json, ",\"seed\":\"%" PRIu64 "\"}", network->seed);
}

void aei_architecture_free(aei_architecture *architecture)
{
    free(architecture->widths);
    free(architecture->norms);
    free(architecture->activations);
    *architecture = (aei_architecture){0};
}

/* A layer's weight, by which error texts name the layer. */
static const char *weight_name(char text[AEI_QUOTE_SIZE], const aei_architecture *a, size_t layer)
{
    return aei_quote(text, a->dict->layers[layer].weight->name);
}

/*
 * Widths from the weights' shapes, each layer taking what the one before gives. The types are
 * refused here, before a network is made: weights that can be read have two bytes an element in the
 * file, so that even layers of one output, padded to 32 float32, take no more than 64 times the
 * file's size.
 */
static ae_status read_widths(aei_architecture *a)
{
    char name[AEI_QUOTE_SIZE];
    for (size_t l = 0; l < a->dict->count; l++) {
        const aei_stored *weight = a->dict->layers[l].weight;
        if (weight->rank != 2 || weight->elements == 0)
            return aei_fail(AE_ERROR_FORMAT,
                            "tensor %s: a shape of two dimensions expected, none of them 0",
                            weight_name(name, a, l));
        AE_TRY(aei_stored_check_type(weight));
        if (l == 0)
            a->widths[0] = weight->shape[1];
        if (weight->shape[1] != a->widths[l])
            return aei_fail(AE_ERROR_FORMAT,
                            "tensor %s: shape [%zu, %zu], but the layer before gives %zu features",
                            weight_name(name, a, l), weight->shape[0], weight->shape[1],
                            a->widths[l]);
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

/* Whether the autoencoder's decoder has no weights of its own: other scopes may be tied too. */
static bool is_tied(const aei_state_dict *dict)
{
    return dict->layers[dict->count - 1].weight->data == NULL;
}

/* What the tensors show, with PyTorch's constants for what they cannot. */
static ae_status derive(aei_architecture *a)
{
    const aei_state_dict *dict = a->dict;
    a->width_count = dict->count + 1;
    a->encoder_layers = dict->encoder_layers;
    a->says_code = dict->says_code;
    a->tied = dict->count > 0 && is_tied(dict);
    a->leaky_slope = foreign_slope;
    a->bn_epsilon = foreign_epsilon;
    a->bn_decay = foreign_decay;
    AE_TRY(allocate(a));
    for (size_t l = 0; l < dict->count; l++)
        a->norms[l] = dict->layers[l].norm ? AE_TOGGLE_ON : AE_TOGGLE_OFF;
    return read_widths(a);
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
        char name[AEI_QUOTE_SIZE];
        if (i >= a->width_count) {
            aei_tensor_name(name, sizeof name, i - 1, a->encoder_layers, "weight");
            return aei_fail(AE_ERROR_FORMAT, "tensor %s is missing, or libae.architecture is wrong",
                            name);
        }
        return aei_fail(AE_ERROR_FORMAT,
                        "tensor %s: %zu features by its shape, %zu by libae.architecture",
                        weight_name(name, a, i == 0 ? 0 : i - 1), a->widths[i], width);
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
            char name[AEI_QUOTE_SIZE];
            return aei_fail(AE_ERROR_FORMAT,
                            "the layer of %s has %s batch normalisation, unlike "
                            "libae.architecture's batch_norm",
                            weight_name(name, a, l), said ? "no" : "a");
        }
        item = aei_json_is_array(norm) ? aei_json_next(item) : norm;
    }
    return aei_json_is_array(norm) && item != NULL ? damaged("batch_norm") : AE_OK;
}

/* The code may be named by metadata alone; where names tell it too, they must agree. */
static ae_status read_code(aei_architecture *a, const aei_json *code)
{
    size_t encoder_layers;
    if (code == NULL)
        return AE_OK;
    if (!aei_json_size(code, &encoder_layers) || encoder_layers == 0 ||
        encoder_layers + 1 >= a->width_count)
        return damaged("code_layer");
    if (a->says_code && encoder_layers != a->encoder_layers) {
        char name[AEI_QUOTE_SIZE];
        return aei_fail(
            AE_ERROR_FORMAT, "tensor %s: %zu layers encode, but libae.architecture has %zu",
            weight_name(name, a, a->encoder_layers - 1), a->encoder_layers, encoder_layers);
    }
    a->encoder_layers = encoder_layers;
    a->says_code = true;
    return AE_OK;
}

/* Metadata that repeat what the shapes say are a check on the file, and wrong ones are not to be
 * believed in part. */
static ae_status compare_layout(aei_architecture *a, const aei_json *json)
{
    const aei_json *widths = aei_json_member(json, "widths");
    if (widths != NULL)
        AE_TRY(compare_widths(a, widths));
    AE_TRY(read_code(a, aei_json_member(json, "code_layer")));
    return compare_norms(a, aei_json_member(json, "batch_norm"));
}

/* AE_ACTIVATION_DEFAULT: none that libae has. */
static ae_activation activation_of(const char *name)
{
    ae_activation kind = AE_ACTIVATION_LINEAR;
    while (kind > AE_ACTIVATION_DEFAULT &&
           (name == NULL || strcmp(name, activation_names[kind]) != 0))
        kind--;
    return kind;
}

static ae_status read_activations(aei_architecture *a, const aei_json *list)
{
    const size_t layers = a->width_count - 1;
    size_t layer = 0;
    if (list == NULL)
        return AE_OK;
    if (!aei_json_is_array(list))
        return damaged("activations");
    /* Entries are counted past the last layer, so that the error can say how many there are. */
    a->says_activations = true;
    for (const aei_json *item = aei_json_first(list); item != NULL;
         item = aei_json_next(item), layer++) {
        const char *name = aei_json_string(item);
        const ae_activation kind = activation_of(name);
        char shown[AEI_QUOTE_SIZE];
        if (kind == AE_ACTIVATION_DEFAULT)
            return aei_fail(AE_ERROR_FORMAT,
                            "libae.architecture: activations: %s of layer %zu is not one of "
                            "sigmoid, tanh, relu, leaky_relu, linear",
                            name == NULL ? "the entry" : aei_quote(shown, name), layer);
        if (layer < layers)
            a->activations[layer] = kind;
    }
    if (layer == layers)
        return AE_OK;
    return aei_fail(AE_ERROR_FORMAT,
                    "libae.architecture: activations has %zu entries, but there are %zu layers",
                    layer, layers);
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
    const aei_json *tied = aei_json_member(json, "tied_weights");
    const bool lacking = a->tied;
    if (tied != NULL && !aei_json_bool(tied, &a->tied))
        return damaged("tied_weights");
    if (lacking && !a->tied)
        return aei_fail(AE_ERROR_FORMAT, "the decoder has no weights, but libae.architecture's "
                                         "tied_weights is false");
    AE_TRY(read_constant(&a->leaky_slope, json, "leaky_slope", 1));
    AE_TRY(read_constant(&a->bn_epsilon, json, "bn_epsilon", INFINITY));
    AE_TRY(read_constant(&a->bn_decay, json, "bn_decay", 1));
    a->says_slope = aei_json_member(json, "leaky_slope") != NULL;
    a->says_epsilon = aei_json_member(json, "bn_epsilon") != NULL;
    a->says_decay = aei_json_member(json, "bn_decay") != NULL;
    const aei_json *seed = aei_json_member(json, "seed");
    return seed == NULL || aei_json_u64(seed, &a->seed) ? AE_OK : damaged("seed");
}

ae_status aei_architecture_read(aei_architecture *architecture, const aei_state_dict *dict,
                                const aei_safetensors *file)
{
    /* Made aside: the caller's is untouched where the file is refused. */
    aei_architecture a = {.dict = dict};
    aei_json *json = NULL;
    ae_status status = AE_OK;
    AE_CHECK(derive(&a));
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

/* What the options say of a layer. Only a network without other hidden layers takes its code's
 * activation from hidden_activation, and one that is linear throughout. */
static ae_activation option_of(const aei_architecture *a, const ae_load_options *o, size_t layer)
{
    const size_t layers = a->width_count - 1;
    if (o->activations != NULL)
        return o->activations[layer] == AE_ACTIVATION_DEFAULT && !a->says_activations
                   ? AE_ACTIVATION_SIGMOID
                   : o->activations[layer];
    if (layer + 1 == layers)
        return o->output_activation;
    const bool is_code = layer + 1 == a->encoder_layers,
               is_plain = layers == 2 || o->hidden_activation == AE_ACTIVATION_LINEAR;
    return is_code && (o->code_activation != AE_ACTIVATION_DEFAULT || !is_plain)
               ? o->code_activation
               : o->hidden_activation;
}

/* A layer whose activation nobody names would compute something, and most likely not what was
 * trained. Files with libae's own names have always had sigmoid for what is not said; as soon as an
 * option says that they are of another kind, it must say it of all layers. */
static ae_status check_activations(const aei_architecture *a, const ae_load_options *o)
{
    const size_t layers = a->width_count - 1;
    const bool none = o->hidden_activation == AE_ACTIVATION_DEFAULT &&
                      o->output_activation == AE_ACTIVATION_DEFAULT &&
                      o->code_activation == AE_ACTIVATION_DEFAULT;
    for (size_t l = 0; l < layers; l++) {
        char name[AEI_QUOTE_SIZE];
        if (a->activations[l] != AE_ACTIVATION_DEFAULT)
            continue;
        if (none && !a->dict->libae_names)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                            "the file does not say its activations: set the options "
                            "hidden_activation, code_activation (linear in most PyTorch models) "
                            "and output_activation, or activations (see docs/pytorch.md)");
        if (!none)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                            "layer %zu (%s): the file does not say its activation: set the option "
                            "%s, or activations (see docs/pytorch.md)",
                            l, weight_name(name, a, l),
                            l + 1 == layers              ? "output_activation"
                            : l + 1 == a->encoder_layers ? "code_activation, often linear"
                                                         : "hidden_activation");
        a->activations[l] = AE_ACTIVATION_SIGMOID;
    }
    return AE_OK;
}

/* The code is not needed to reconstruct, but ae_session_encode would answer with the wrong
 * layer's output. */
static ae_status add_code(aei_architecture *a, size_t encoder_layers)
{
    const size_t layers = a->width_count - 1;
    if (encoder_layers >= layers)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "encoder_layers is %zu: of the file's %zu layers 1 to %zu can encode",
                        encoder_layers, layers, layers - 1);
    if (encoder_layers != 0 && a->says_code && encoder_layers != a->encoder_layers)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "encoder_layers: %zu in the file, %zu in the options", a->encoder_layers,
                        encoder_layers);
    a->encoder_layers = encoder_layers != 0 ? encoder_layers : a->encoder_layers;
    if (a->encoder_layers != 0)
        return AE_OK;
    return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                    "which of the file's %zu layers gives the code is not to be told from names or "
                    "widths: set the option encoder_layers (see docs/pytorch.md)",
                    layers);
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
    AE_TRY(add_code(a, o->encoder_layers));
    for (size_t l = 0; l < layers; l++)
        AE_TRY(add_activation(a, l, option_of(a, o, l)));
    AE_TRY(check_activations(a, o));
    AE_TRY(add_constant(&a->leaky_slope, a->says_slope, o->leaky_slope, 1, "leaky_slope"));
    AE_TRY(add_constant(&a->bn_epsilon, a->says_epsilon, o->bn_epsilon, INFINITY, "bn_epsilon"));
    return add_constant(&a->bn_decay, a->says_decay, o->bn_decay, 1, "bn_decay");
}
