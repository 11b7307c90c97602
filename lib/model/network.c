/* SPDX-License-Identifier: BSD-3-Clause */
/* How does a network come into being? Options become widths, widths become offsets into two blocks,
 * and the blocks become named tensors. Parameters lie in one block, statistics in another, so that
 * gradients, moments, snapshots and clones are copied or walked as a whole. */
#include "model/network_internal.h"

#include "base/error.h"
#include "base/options.h"
#include "base/philox.h"
#include "model/tied.h"

#include <libae/error_spread.h>
#include <libae/missing.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sizes are worked out in size_t from widths up to 2^20 and batches up to 2^20. */
_Static_assert(SIZE_MAX > UINT32_MAX, "libae needs 64-bit sizes");

enum { MAX_WIDTHS = 1024, MAX_WIDTH = 1 << 20 };

/* Tensors of a layer with batch normalisation, and of one without. */
enum { NORM_TENSORS = 5, PLAIN_TENSORS = 2 };

static const size_t default_widths[] = {784, 1000, 500, 250, 4, 250, 500, 1000, 784};

AEI_OPTIONS_INIT(ae_network_options)

/* The width with this index once code_width is in its place. */
static size_t width_at(const ae_network_options *o, size_t i)
{
    return i == o->encoder_layers && o->code_width != 0 ? o->code_width : o->widths[i];
}

/* The code is the narrowest hidden layer, the first of several. An output of another width than the
 * input's would have no row to be compared with. */
static ae_status resolve_widths(ae_network_options *o)
{
    if (o->widths == NULL && o->width_count != 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "widths is NULL but width_count is %zu",
                        o->width_count);
    if (o->widths == NULL) {
        o->widths = default_widths;
        o->width_count = sizeof default_widths / sizeof default_widths[0];
    }
    if (o->width_count < 3 || o->width_count > MAX_WIDTHS)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "width_count is %zu: an autoencoder has 3 to %d widths", o->width_count,
                        MAX_WIDTHS);
    if (o->encoder_layers == 0) {
        o->encoder_layers = 1;
        for (size_t i = 2; i + 1 < o->width_count; i++)
            if (o->widths[i] < o->widths[o->encoder_layers])
                o->encoder_layers = i;
    }
    const size_t layers = o->width_count - 1;
    if (o->encoder_layers >= layers)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "encoder_layers is %zu: of %zu layers 1 to %zu can encode",
                        o->encoder_layers, layers, layers - 1);
    for (size_t i = 0; i <= layers; i++)
        if (width_at(o, i) == 0 || width_at(o, i) > MAX_WIDTH)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "widths[%zu] is %zu, not in 1 to %d", i,
                            width_at(o, i), MAX_WIDTH);
    if (o->widths[0] != o->widths[layers])
        return aei_fail(AE_ERROR_SHAPE, "output width %zu differs from input width %zu",
                        o->widths[layers], o->widths[0]);
    return AE_OK;
}

static ae_status check_norms(const ae_network_options *o)
{
    const size_t layers = o->width_count - 1;
    AE_TRY(aei_check_enum((int)o->batch_norm, AE_TOGGLE_OFF, "batch_norm", "ae_toggle"));
    if (o->batch_norms == NULL && o->batch_norm_count != 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "batch_norms is NULL but batch_norm_count is %zu", o->batch_norm_count);
    if (o->batch_norms != NULL && o->batch_norm_count != layers)
        return aei_fail(AE_ERROR_SHAPE, "batch_norm_count is %zu, but there are %zu layers",
                        o->batch_norm_count, layers);
    for (size_t l = 0; l < o->batch_norm_count; l++)
        AE_TRY(aei_check_enum((int)o->batch_norms[l], AE_TOGGLE_OFF, "an entry of batch_norms",
                              "ae_toggle"));
    return AE_OK;
}

/* Layer l from the front takes what layer l from the back gives, and the other way round. */
static ae_status check_tied(const ae_network_options *o)
{
    const size_t layers = o->width_count - 1;
    AE_TRY(aei_check_enum((int)o->tied_weights, AE_TOGGLE_OFF, "tied_weights", "ae_toggle"));
    if (o->tied_weights != AE_TOGGLE_ON)
        return AE_OK;
    if (2 * o->encoder_layers != layers)
        return aei_fail(AE_ERROR_SHAPE,
                        "tied_weights: %zu layers encode and %zu decode, but each of the decoder "
                        "has the weight of one of the encoder",
                        o->encoder_layers, layers - o->encoder_layers);
    for (size_t l = 0; l < o->encoder_layers; l++)
        if (width_at(o, l) != width_at(o, layers - l))
            return aei_fail(AE_ERROR_SHAPE,
                            "tied_weights: layer %zu takes %zu features, but layer %zu, which has "
                            "its weight transposed, gives %zu",
                            l, width_at(o, l), layers - 1 - l, width_at(o, layers - l));
    return AE_OK;
}

/* Options with every default put in its place. */
static ae_status resolve(ae_network_options *o, const ae_network_options *options)
{
    AE_TRY(aei_options_read(o, sizeof *o, options, "ae_network_options"));
    AE_TRY(resolve_widths(o));
    AE_TRY(check_tied(o));
    AE_TRY(aei_check_activations(o->activations, o->activation_count, o->width_count - 1));
    o->leaky_slope = o->leaky_slope == 0 ? 0.01f : o->leaky_slope;
    o->bn_epsilon = o->bn_epsilon == 0 ? 1e-3f : o->bn_epsilon;
    o->bn_decay = o->bn_decay == 0 ? 0.9f : o->bn_decay;
    if (!(o->leaky_slope > 0 && o->leaky_slope < 1))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "leaky_slope %g is not in (0, 1)",
                        (double)o->leaky_slope);
    if (!(o->bn_epsilon > 0 && o->bn_epsilon < INFINITY))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "bn_epsilon %g is not positive",
                        (double)o->bn_epsilon);
    if (!(o->bn_decay > 0 && o->bn_decay < 1))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "bn_decay %g is not in (0, 1)",
                        (double)o->bn_decay);
    return check_norms(o);
}

static bool has_norm(const ae_network_options *o, size_t layer)
{
    const ae_toggle own = o->batch_norms == NULL ? AE_TOGGLE_DEFAULT : o->batch_norms[layer];
    return (own == AE_TOGGLE_DEFAULT ? o->batch_norm : own) != AE_TOGGLE_OFF;
}

ae_status aei_check_activations(const ae_activation *activations, size_t count, size_t layers)
{
    if (activations == NULL && count != 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "activations is NULL but activation_count is %zu", count);
    if (activations != NULL && count != layers)
        return aei_fail(AE_ERROR_SHAPE, "activation_count is %zu, but there are %zu layers", count,
                        layers);
    return AE_OK;
}

ae_status aei_check_activation(size_t layer, ae_activation activation)
{
    if ((int)activation >= AE_ACTIVATION_DEFAULT && (int)activation <= AE_ACTIVATION_LINEAR)
        return AE_OK;
    return aei_fail(AE_ERROR_INVALID_ARGUMENT, "layer %zu: activation %d is not an ae_activation",
                    layer, (int)activation);
}

/* A list speaks for every layer; the two options speak only where there is none. */
static ae_status resolve_activation(ae_activation *kind, const ae_network_options *o, size_t layer)
{
    ae_activation wanted = o->hidden_activation;
    if (layer + 2 == o->width_count)
        wanted = o->output_activation;
    else if (layer + 1 == o->encoder_layers && o->code_activation != AE_ACTIVATION_DEFAULT)
        wanted = o->code_activation;
    if (o->activations != NULL)
        wanted = o->activations[layer];
    AE_TRY(aei_check_activation(layer, wanted));
    *kind = wanted == AE_ACTIVATION_DEFAULT ? AE_ACTIVATION_SIGMOID : wanted;
    return AE_OK;
}

/* Takes every array of a network of depth layers from its arena; offsets into the blocks are set
 * once layers exist. */
static void lay_out(ae_network *network)
{
    aei_arena *arena = &network->arena;
    network->layers = aei_arena_take(arena, network->depth, sizeof *network->layers);
    network->tensors = aei_arena_take(arena, network->tensor_count, sizeof *network->tensors);
    network->parameters = aei_arena_take(arena, network->parameter_floats, sizeof(float));
    network->running = aei_arena_take(arena, network->running_floats, sizeof(float));
}

/* Sizes of the blocks, and with layers allocated each layer's offsets into them. Called before the
 * arena is there, for the sizes, and after, for the layers. gamma has room without batch
 * normalisation too: the layout then depends on the widths alone, at P floats a panel. */
static void place_layers(ae_network *network)
{
    const size_t panel = network->kernels->panel;
    size_t parameters = 0, running = 0;
    for (size_t l = 0; l < network->depth; l++) {
        const size_t in = network->widths[l], out = network->widths[l + 1];
        const size_t panels = (out + panel - 1) / panel;
        aei_layer layer = {.in = in, .out = out, .panels = panels};
        layer.weight = parameters;
        layer.gamma = layer.weight + panels * in * panel;
        layer.beta = layer.gamma + panels * panel;
        layer.mean = running;
        layer.variance = layer.mean + panels * panel;
        parameters = layer.beta + panels * panel;
        running = layer.variance + panels * panel;
        if (network->layers != NULL) {
            layer.f = network->layers[l].f;
            network->layers[l] = layer;
        }
    }
    network->parameter_floats = parameters;
    network->running_floats = running;
}

/* In the order in which PyTorch's state_dict lists a Linear and a BatchNorm1d. */
static void name_tensors(ae_network *network)
{
    static const struct {
        aei_tensor_kind part;
        const char *normalised, *plain; /* NULL: there is none */
    } parts[] = {
        {AEI_WEIGHT, "weight", "weight"},       {AEI_GAMMA, "bn.weight", NULL},
        {AEI_BETA, "bn.bias", "bias"},          {AEI_MEAN, "bn.running_mean", NULL},
        {AEI_VARIANCE, "bn.running_var", NULL},
    };
    aei_tensor *next = network->tensors;
    for (size_t l = 0; l < network->depth; l++) {
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            const char *name = network->layers[l].batch_norm ? parts[p].normalised : parts[p].plain;
            if (name == NULL)
                continue;
            next->layer = l;
            next->part = parts[p].part;
            next->trained = aei_tensor_is_parameter(next) &&
                            !(next->part == AEI_WEIGHT && network->tied &&
                              l >= network->encoder_layers);
            aei_tensor_name(next->name, sizeof next->name, l, network->encoder_layers, name);
            next++;
        }
    }
}

/*
 * Weights from a normal distribution with standard deviation 1 / sqrt(fan in), gamma 1, beta 0,
 * mean 0, variance 1. LeCun et al. 1998, Efficient BackProp, section 4.6: a layer's sums are then
 * about as large as its inputs. A weight's random number depends on its place in plain order, not
 * on the panel, so that one seed gives the same network with all kernels. Statistics of 0 and 1 let
 * an untrained network be used.
 */
static void initialise(ae_network *network)
{
    const size_t panel = network->kernels->panel;
    for (size_t l = 0; l < network->depth; l++) {
        const aei_layer *layer = &network->layers[l];
        const float deviation = (float)(1.0 / sqrt((double)layer->in));
        for (size_t j = 0; j < layer->out; j++) {
            float *column = network->parameters + layer->weight + j / panel * layer->in * panel +
                            j % panel;
            for (size_t i = 0; i < layer->in; i++)
                column[i * panel] = deviation * aei_random_normal(network->seed, AEI_STREAM_WEIGHTS,
                                                                  (uint32_t)l,
                                                                  (uint64_t)i * layer->out + j);
            if (layer->batch_norm)
                network->parameters[layer->gamma + j] = 1;
            network->running[layer->variance + j] = 1;
        }
    }
    for (size_t l = 0; network->tied && l < network->encoder_layers; l++)
        aei_tied_copy(network, l, network->parameters);
}

/* A network without values: layout, layers, tensor names. On success the handle goes to the caller
 * and n becomes NULL, so that the cleanup frees nothing. The arena is zero, and padding stays
 * so. */
static ae_status build(ae_network **network, const ae_network_options *o,
                       const aei_kernels *kernels)
{
    ae_network *n = calloc(1, sizeof *n);
    size_t *widths = calloc(o->width_count, sizeof *widths);
    ae_status status = AE_OK;
    if (n == NULL || widths == NULL) {
        free(widths);
        free(n);
        return aei_fail_memory(sizeof *n + o->width_count * sizeof *widths);
    }
    n->kernels = kernels;
    n->depth = o->width_count - 1;
    n->encoder_layers = o->encoder_layers;
    n->tied = o->tied_weights == AE_TOGGLE_ON;
    n->leaky_slope = o->leaky_slope;
    n->bn_epsilon = o->bn_epsilon;
    n->bn_decay = o->bn_decay;
    n->seed = o->seed;
    n->widths = widths;
    for (size_t i = 0; i < o->width_count; i++) {
        widths[i] = width_at(o, i);
        n->widest = widths[i] > n->widest ? widths[i] : n->widest;
    }
    for (size_t l = 0; l < n->depth; l++)
        n->tensor_count += has_norm(o, l) ? NORM_TENSORS : PLAIN_TENSORS;
    place_layers(n);
    lay_out(n);
    AE_CHECK(aei_arena_allocate(&n->arena));
    lay_out(n);
    place_layers(n);
    for (size_t l = 0; l < n->depth; l++) {
        AE_CHECK(resolve_activation(&n->layers[l].f.kind, o, l));
        n->layers[l].f.slope = n->leaky_slope;
        n->layers[l].batch_norm = has_norm(o, l);
    }
    name_tensors(n);
    *network = n;
    n = NULL;
cleanup:
    ae_network_free(n);
    return status;
}

ae_status aei_network_build(ae_network **network, const ae_network_options *options)
{
    ae_network_options o;
    AE_TRY(resolve(&o, options));
    const aei_kernels *kernels;
    AE_TRY(aei_kernels_find(&kernels, o.kernels));
    return build(network, &o, kernels);
}

ae_status ae_network_create(ae_network **network, const ae_network_options *options)
{
    AE_REQUIRE(network);
    ae_network *n;
    AE_TRY(aei_network_build(&n, options));
    initialise(n);
    *network = n;
    return AE_OK;
}

/* A network of the same build, without values. Not through aei_network_build: the kernels are the
 * original's, so that the copy gives the same bits, and activations come over as they are, since
 * each layer may have its own. */
static ae_status build_like(ae_network **copy, const ae_network *network)
{
    ae_toggle *norms = calloc(network->depth, sizeof *norms);
    if (norms == NULL)
        return aei_fail_memory(network->depth * sizeof *norms);
    for (size_t l = 0; l < network->depth; l++)
        norms[l] = network->layers[l].batch_norm ? AE_TOGGLE_ON : AE_TOGGLE_OFF;
    const ae_network_options o = {
        .size = sizeof o,
        .widths = network->widths,
        .width_count = network->depth + 1,
        .encoder_layers = network->encoder_layers,
        .batch_norms = norms,
        .batch_norm_count = network->depth,
        .tied_weights = network->tied ? AE_TOGGLE_ON : AE_TOGGLE_OFF,
        .leaky_slope = network->leaky_slope,
        .bn_epsilon = network->bn_epsilon,
        .bn_decay = network->bn_decay,
        .seed = network->seed,
    };
    const ae_status status = build(copy, &o, network->kernels);
    for (size_t l = 0; l < network->depth && status == AE_OK; l++)
        (*copy)->layers[l].f = network->layers[l].f;
    free(norms);
    return status;
}

ae_status ae_network_clone(ae_network **copy, const ae_network *network)
{
    AE_REQUIRE(copy);
    AE_REQUIRE(network);
    const aei_scaling *scaling = network->scaling;
    ae_network *n = NULL;
    ae_status status = AE_OK;
    AE_CHECK(build_like(&n, network));
    memcpy(n->parameters, network->parameters, n->parameter_floats * sizeof(float));
    memcpy(n->running, network->running, n->running_floats * sizeof(float));
    n->batches_tracked = network->batches_tracked;
    if (scaling != NULL)
        AE_CHECK(
            aei_scaling_create(&n->scaling, scaling->features, scaling->offset, scaling->scale));
    if (network->fill != NULL)
        AE_CHECK(ae_network_set_fill(n, network->fill));
    if (network->columns != NULL)
        AE_CHECK(ae_network_set_column_names(n, (const char *const *)network->columns,
                                             network->widths[0]));
    if (aei_network_error_spread(network) != NULL)
        AE_CHECK(ae_network_set_error_spread(n, network->error_spread));
    n->image_height = network->image_height;
    n->image_width = network->image_width;
    n->uint8_scale = network->uint8_scale;
    /* Last: it holds for the generation that the copy has now. */
    aei_network_keep_threshold(n, aei_network_threshold(network));
    *copy = n;
    n = NULL;
cleanup:
    ae_network_free(n);
    return status;
}

void ae_network_free(ae_network *network)
{
    if (network == NULL)
        return;
    aei_arena_free(&network->arena);
    aei_scaling_free(network->scaling);
    free(network->fill);
    free(network->error_spread);
    aei_network_drop_columns(network);
    free(network->widths);
    free(network);
}

/* Activations do not count: they say nothing of where a number lies. */
bool aei_network_same_layout(const ae_network *a, const ae_network *b)
{
    if (a->depth != b->depth || a->kernels->panel != b->kernels->panel || a->tied != b->tied ||
        memcmp(a->widths, b->widths, (a->depth + 1) * sizeof *a->widths) != 0)
        return false;
    for (size_t l = 0; l < a->depth; l++)
        if (a->layers[l].batch_norm != b->layers[l].batch_norm)
            return false;
    return true;
}
