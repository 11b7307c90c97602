/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The layers of a PyTorch state dict. Its names are those that somebody gave to attributes, so they
 * are taken as hints (an encoder, a number) that must lead to one reading of the file and no
 * other: a wrong guess would be a network that answers, wrongly.
 */
#include "store/state_dict.h"

#include "base/error.h"
#include "format/text.h"
#include "store/chain.h"
#include "store/norms.h"
#include "store/tensor_list.h"
#include "store/tied_modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Modules that are looked at; the largest language models have fewer. */
enum { MODULES_MAX = 8192, SIDE_NAME_SIZE = 32 };

typedef struct reading {
    const aei_safetensors *file;
    aei_module *modules;
    size_t module_count;
    const aei_module *scope;    /* one of the encoder's, whose scope is the autoencoder's; NULL: the
                                   names tell no side */
    const aei_module **linears; /* in the order of the layers once that is known */
    size_t count;
} reading;

/* A module's name, as far as an error text has room for it. */
static const char *name_of(char text[AEI_QUOTE_SIZE], const aei_module *module)
{
    return aei_quote_bytes(text, module->path, module->length);
}

static ae_status refuse(ae_status status, const reading *r, const aei_module *module,
                        const char *problem)
{
    char text[AEI_QUOTE_SIZE];
    (void)aei_fail(status, "%s: %s", name_of(text, module), problem);
    return aei_fail_listing(status, r->file);
}

/* Whether a module lies below the autoencoder's scope, and bears no other scope's side. */
static bool is_near(const reading *r, const aei_module *m)
{
    if (r->scope == NULL)
        return true;
    if (m->side != AEI_SIDE_NONE)
        return aei_module_same_scope(m, r->scope);
    return m->length >= r->scope->scope && memcmp(m->path, r->scope->path, r->scope->scope) == 0;
}

static bool is_member(const reading *r, const aei_module *m)
{
    return is_near(r, m) && (r->scope == NULL || m->side != AEI_SIDE_NONE);
}

static bool has_decoder(const reading *r, const aei_module *encoder)
{
    for (size_t i = 0; i < r->module_count; i++) {
        const aei_module *m = &r->modules[i];
        if (m->kind == AEI_MODULE_LINEAR && m->side == AEI_SIDE_DECODER &&
            aei_module_same_scope(m, encoder))
            return true;
    }
    return false;
}

/* Where encoder and decoder are. At the front of all names they win, as a checkpoint's copies or
 * moving averages lie deeper. */
static ae_status find_scope(reading *r)
{
    const aei_module *second = NULL, *seen = NULL;
    for (size_t i = 0; i < r->module_count; i++) {
        const aei_module *m = &r->modules[i];
        if (m->kind != AEI_MODULE_LINEAR || m->side != AEI_SIDE_ENCODER ||
            (seen != NULL && aei_module_same_scope(seen, m)))
            continue;
        seen = m;
        if (!has_decoder(r, m))
            continue;
        if (r->scope == NULL || m->scope == 0)
            second = m->scope == 0 ? NULL : second, r->scope = m;
        else if (r->scope->scope > 0 && !aei_module_same_scope(r->scope, m))
            second = m;
    }
    if (second == NULL)
        return AE_OK;
    char a[AEI_QUOTE_SIZE], b[AEI_QUOTE_SIZE];
    (void)aei_fail(AE_ERROR_FORMAT,
                   "several autoencoders, below %s and %s: choose one by the option prefix",
                   aei_quote_bytes(a, r->scope->path, r->scope->scope),
                   aei_quote_bytes(b, second->path, second->scope));
    return aei_fail_listing(AE_ERROR_FORMAT, r->file);
}

static void collect(reading *r, bool strays)
{
    r->count = 0;
    for (size_t i = 0; i < r->module_count; i++) {
        const aei_module *m = &r->modules[i];
        if (m->kind == AEI_MODULE_LINEAR && (strays ? is_near(r, m) : is_member(r, m)))
            r->linears[r->count++] = m;
    }
}

static ae_status sort_linears(reading *r)
{
    aei_chain_result result;
    collect(r, false);
    /* More layers are refused below, and are not sorted first: the search has a table of all
     * pairs. */
    if (r->count <= AEI_LAYERS_MAX)
        AE_TRY(aei_chain_sort(&result, r->linears, r->count));
    if (r->count <= AEI_LAYERS_MAX && r->scope != NULL && result == AEI_CHAIN_NONE) {
        collect(r, true); /* a bottleneck that is neither encoder's nor decoder's */
        if (r->count <= AEI_LAYERS_MAX)
            AE_TRY(aei_chain_sort(&result, r->linears, r->count));
    }
    if (r->count > AEI_LAYERS_MAX)
        return aei_fail(AE_ERROR_FORMAT, "more than %d layers", AEI_LAYERS_MAX);
    if (result == AEI_CHAIN_ONE && r->count > 1)
        return AE_OK;
    (void)aei_fail(AE_ERROR_FORMAT, "no autoencoder: %s",
                   r->count < 2 ? "two linear layers at least (weights of two dimensions) expected"
                   : result == AEI_CHAIN_SEVERAL
                       ? "its linear layers fit together in several orders: number their names"
                       : "its linear layers do not follow each other: each must take as many "
                         "features as the one before gives, the first as many as the last gives");
    return aei_fail_listing(AE_ERROR_FORMAT, r->file);
}

/* Features between layers: of the input, then of each layer's output. */
static size_t width_at(const reading *r, size_t i)
{
    return r->linears[i == 0 ? 0 : i - 1]->weight->shape[i == 0 ? 1 : 0];
}

static bool is_width(const reading *r, size_t width)
{
    for (size_t i = 0; i <= r->count; i++)
        if (width_at(r, i) == width)
            return true;
    return false;
}

/* Linear modules beside encoder and decoder are somebody's else, a classifier's say, unless they
 * could stand in front of, between or behind the two without anything else changing. */
static ae_status check_strays(const reading *r, size_t width)
{
    const aei_module *taker = NULL, *giver = NULL;
    for (size_t i = 0; i < r->module_count; i++) {
        const aei_module *m = &r->modules[i];
        if (m->kind != AEI_MODULE_LINEAR || !is_near(r, m) || is_member(r, m))
            continue;
        taker = m->weight->shape[1] == width ? m : taker;
        giver = m->weight->shape[0] == width ? m : giver;
    }
    if (taker == NULL || giver == NULL)
        return AE_OK;
    return refuse(AE_ERROR_FORMAT, r, taker,
                  "it is neither the encoder's nor the decoder's, but may stand between them: "
                  "give it a name of one of them, or leave it out");
}

/* The code: behind the encoder's last layer, or the narrowest where names do not tell. */
static ae_status find_code(aei_state_dict *dict, const reading *r)
{
    size_t encoders = 0, sided = 0, narrowest = 1;
    for (size_t l = 0; l < r->count; l++) {
        encoders += r->linears[l]->side == AEI_SIDE_ENCODER;
        sided += r->linears[l]->side != AEI_SIDE_NONE;
    }
    dict->says_code = sided == r->count && encoders > 0 && encoders < r->count;
    if (dict->says_code) {
        dict->encoder_layers = encoders;
        AE_TRY(check_strays(r, width_at(r, 0)));
        return check_strays(r, width_at(r, encoders));
    }
    for (size_t i = 2; i < r->count; i++)
        narrowest = width_at(r, i) < width_at(r, narrowest) ? i : narrowest;
    /* Two that are equally narrow leave the code open (0): the option encoder_layers must say
     * it. */
    dict->encoder_layers = narrowest;
    for (size_t i = 1; i < r->count; i++)
        if (i != narrowest && width_at(r, i) == width_at(r, narrowest))
            dict->encoder_layers = 0;
    return AE_OK;
}

static ae_status add_norm(aei_state_dict *dict, const reading *r, const aei_module *m)
{
    static const char *const problems[] = {
        [AEI_NORM_FOUND] = "a second batch normalisation of the same layer",
        [AEI_NORM_UNCLEAR] = "it is not clear which linear layer this batch normalisation follows: "
                             "number both alike",
        [AEI_NORM_IN_FRONT] = "batch normalisation in front of a layer: libae has it behind one",
        [AEI_NORM_LATER] = "the numbers leave a module between the linear layer and its batch "
                           "normalisation: libae has it before the activation",
        [AEI_NORM_ENDS] = "this batch normalisation may follow the last layer, or normalise the "
                          "input: name it like the last layer, or leave it out and set a scaling",
    };
    /* Half a module is damage or another kind of module. Going on without the other half would
     * normalise by something nobody trained. */
    if (m->mean == NULL || m->variance == NULL)
        return refuse(AE_ERROR_FORMAT, r, m,
                      m->mean == NULL ? "running_mean is missing" : "running_var is missing");
    if ((m->weight == NULL) != (m->bias == NULL))
        return refuse(AE_ERROR_FORMAT, r, m,
                      m->weight == NULL ? "weight is missing" : "bias is missing");
    size_t l = 0;
    const aei_norm_result result = aei_norm_find(&l, m, r->linears, r->count);
    if (result != AEI_NORM_FOUND || dict->layers[l].norm)
        return refuse(result == AEI_NORM_LATER || result == AEI_NORM_IN_FRONT ? AE_ERROR_UNSUPPORTED
                                                                              : AE_ERROR_FORMAT,
                      r, m, problems[result]);
    aei_stored_layer *layer = &dict->layers[l];
    layer->norm = true;
    layer->gamma = m->weight, layer->beta = m->bias;
    layer->mean = m->mean, layer->variance = m->variance, layer->tracked = m->tracked;
    return AE_OK;
}

/* Whether what lies beside encoder and decoder may be theirs: it has a layer's width, or it is a
 * single weight, as a PReLU that all layers share has. */
static bool is_theirs(const reading *r, const aei_module *m, const aei_stored *tensor)
{
    return tensor->rank == 1 &&
           (is_width(r, tensor->elements) || (tensor->elements == 1 && tensor == m->weight));
}

/* Everything that computes and is not a linear layer. */
static ae_status add_others(aei_state_dict *dict, const reading *r)
{
    for (size_t i = 0; i < r->module_count; i++) {
        const aei_module *m = &r->modules[i];
        const aei_stored *tensor = m->mean != NULL       ? m->mean
                                   : m->variance != NULL ? m->variance
                                   : m->other != NULL    ? m->other
                                   : m->weight != NULL   ? m->weight
                                                         : m->bias;
        if (m->kind == AEI_MODULE_LINEAR || tensor == NULL || !is_near(r, m) ||
            (!is_member(r, m) && !is_theirs(r, m, tensor)))
            continue;
        if (m->kind == AEI_MODULE_OTHER)
            return refuse(AE_ERROR_UNSUPPORTED, r, m,
                          "neither a linear layer nor batch normalisation with running statistics "
                          "(but LayerNorm, PReLU, LSTM, a convolution, track_running_stats=False)");
        AE_TRY(add_norm(dict, r, m));
    }
    return AE_OK;
}

/* A module is the layer's own or lies below it, as "encoder.0.parametrizations.weight" does. */
static bool is_of_layer(const reading *r, const aei_module *m)
{
    for (size_t l = 0; l < r->count; l++) {
        const aei_module *linear = r->linears[l];
        if (m->length >= linear->length && memcmp(m->path, linear->path, linear->length) == 0 &&
            (m->length == linear->length || m->path[linear->length] == '.'))
            return true;
    }
    return false;
}

/* A buffer by which a model normalises its input: "mean", "x_std", "scaler.scale_". */
static bool is_normaliser(const aei_stored *tensor)
{
    static const char *const words[] = {"mean", "std", "var",   "variance", "scale",
                                        "min",  "max", "shift", "offset",   "sigma"};
    const char *dot = strrchr(tensor->name, '.'), *word = dot == NULL ? tensor->name : dot + 1;
    while (*word != '\0') {
        const size_t length = strcspn(word, "_");
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            if (strlen(words[i]) == length && strncmp(words[i], word, length) == 0)
                return true;
        word += length + (word[length] == '_');
    }
    return false;
}

static bool is_scaling(const reading *r, const aei_module *m)
{
    static const char name[] = "scaling";
    const size_t scope = r->scope == NULL ? 0 : r->scope->scope;
    return m->length == scope + strlen(name) && memcmp(m->path + scope, name, strlen(name)) == 0;
}

/* An nn.Linear has a weight and a bias. One with more is a class of somebody's own that computes
 * something else: low-rank additions, masks, a weight that is put together from parts. Counters
 * compute nothing. */
static ae_status check_unknown(const reading *r)
{
    for (size_t i = 0; i < r->module_count; i++) {
        const aei_module *m = &r->modules[i];
        const aei_stored *tensor = m->stray;
        if (tensor == NULL || !is_near(r, m) ||
            (tensor->elements == 1 && tensor->dtype[0] != 'F' &&
             strcmp(tensor->dtype, "BF16") != 0))
            continue;
        char name[AEI_QUOTE_SIZE];
        const char *problem = NULL;
        if ((r->scope != NULL && is_member(r, m)) || is_of_layer(r, m))
            problem = "it is a layer's, but not its weight or bias: libae would leave it out of "
                      "the computation";
        else if (tensor->elements == width_at(r, 0) && is_normaliser(tensor) && !is_scaling(r, m))
            problem = "if it normalises the input, name it scaling.offset or scaling.scale; else "
                      "leave it out of the file";
        if (problem == NULL)
            continue;
        (void)aei_fail(AE_ERROR_UNSUPPORTED, "tensor %s: %s", aei_quote(name, tensor->name),
                       problem);
        return aei_fail_listing(AE_ERROR_UNSUPPORTED, r->file);
    }
    return AE_OK;
}

/* Whether names are what libae gives them, below the scope. */
static bool has_libae_names(const aei_state_dict *dict, const reading *r)
{
    if (!dict->says_code)
        return false;
    for (size_t l = 0; l < r->count; l++) {
        const bool decodes = l >= dict->encoder_layers;
        const aei_module *m = r->linears[l];
        char name[SIDE_NAME_SIZE];
        const int length = snprintf(name, sizeof name, "%s.%zu", decodes ? "decoder" : "encoder",
                                    decodes ? l - dict->encoder_layers : l);
        if (m->length - m->scope != (size_t)length ||
            memcmp(m->path + m->scope, name, (size_t)length) != 0)
            return false;
    }
    return true;
}

static ae_status read_modules(aei_state_dict *dict, reading *r)
{
    r->linears = malloc((r->module_count + 1) * sizeof *r->linears);
    if (r->linears == NULL)
        return aei_fail_memory((r->module_count + 1) * sizeof *r->linears);
    AE_TRY(find_scope(r));
    AE_TRY(sort_linears(r));
    dict->count = r->count;
    dict->layers = calloc(dict->count, sizeof *dict->layers);
    if (dict->layers == NULL)
        return aei_fail_memory(dict->count * sizeof *dict->layers);
    for (size_t l = 0; l < r->count; l++) {
        dict->layers[l].weight = r->linears[l]->weight;
        dict->layers[l].bias = r->linears[l]->bias;
    }
    AE_TRY(find_code(dict, r));
    AE_TRY(add_others(dict, r));
    AE_TRY(check_unknown(r));
    const aei_module *first = r->linears[0];
    dict->libae_names = has_libae_names(dict, r);
    /* The path ends the weight's name but for ".weight"; its scope is the path's front. */
    const size_t suffix = first->length == 0 ? strlen("weight") : strlen(".weight");
    dict->scope = strlen(first->weight->name) - suffix - first->length + first->scope;
    return AE_OK;
}

ae_status aei_state_dict_read(aei_state_dict *dict, const aei_safetensors *file, const char *prefix)
{
    aei_state_dict made = {0};
    reading r = {.file = file};
    ae_status status = AE_OK;
    /* A prefix means that the caller picks a part of the file, and then libae's own reading of
     * the whole does not hold. */
    if (prefix == NULL && aei_own_names(file)) {
        AE_CHECK(aei_own_names_read(&made, file));
    } else {
        AE_CHECK(aei_modules_read(&r.modules, &r.module_count, file, prefix));
        if (r.module_count > MODULES_MAX)
            AE_CHECK(aei_fail(AE_ERROR_FORMAT, "more than %d modules: choose by the option prefix",
                              MODULES_MAX));
        AE_CHECK(aei_modules_tie(&made.tied, r.modules, r.module_count));
        AE_CHECK(read_modules(&made, &r));
    }
    *dict = made;
    made.layers = NULL;
    made.tied = NULL;
cleanup:
    free(r.linears);
    free(r.modules);
    aei_state_dict_free(&made);
    return status;
}

void aei_state_dict_free(aei_state_dict *dict)
{
    free(dict->layers);
    free(dict->tied);
    dict->layers = NULL;
    dict->tied = NULL;
}
