/* SPDX-License-Identifier: BSD-3-Clause */
/* What does a model file hold, and when is one refused? Names and shapes are those that PyTorch's
 * load_state_dict wants. Reading trusts nothing: the network is built from the architecture, then
 * each tensor has to fit it. */
#include "store/model_file.h"

#include "base/error.h"
#include "base/input.h"
#include "base/options.h"
#include "model/tied.h"
#include "store/architecture.h"
#include "store/module.h"
#include "store/stored_columns.h"
#include "store/stored_threshold.h"
#include "store/tensor_list.h"

#include <libae/missing.h>
#include <libae/scaling.h>
#include <libae/version.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Grows when a reader of today would misunderstand the file, not when something is added to it. */
enum { FORMAT_VERSION = 1, NAME_SIZE = 80 };

/* PyTorch's names when a module `scaling` registers them as buffers; a file without scaling has
 * neither. */
static const char scaling_offset[] = "scaling.offset", scaling_scale[] = "scaling.scale";

/* What the input reads for a missing value; likewise. */
static const char missing_fill[] = "missing.fill";

/* PyTorch counts batches in every layer, and load_state_dict(strict=True) wants each; libae's
 * layers share one count.
 */
static void put_counts(aei_archive *archive)
{
    const ae_network *network = archive->network;
    for (size_t l = 0; l < network->depth; l++) {
        char name[NAME_SIZE];
        if (!network->layers[l].batch_norm)
            continue;
        aei_tensor_name(name, sizeof name, l, network->encoder_layers, "bn.num_batches_tracked");
        aei_archive_add(archive, "", name, AEI_I64, 0, NULL, &network->batches_tracked);
    }
}

void aei_model_put(aei_archive *archive, const float *parameters, const float *running)
{
    const ae_network *network = archive->network;
    for (size_t i = 0; i < network->tensor_count; i++) {
        const aei_tensor *tensor = &network->tensors[i];
        aei_archive_add_part(archive, "", tensor,
                             aei_tensor_is_parameter(tensor) ? parameters : running);
    }
    put_counts(archive);
    if (network->scaling != NULL) {
        const aei_scaling *scaling = network->scaling;
        aei_archive_add(archive, "", scaling_offset, AEI_F32, 1, &scaling->features,
                        scaling->offset);
        aei_archive_add(archive, "", scaling_scale, AEI_F32, 1, &scaling->features, scaling->scale);
    }
    if (network->fill != NULL)
        aei_archive_add(archive, "", missing_fill, AEI_F32, 1, &network->widths[0], network->fill);
    /* Everything below is text in the metadata, which readers of tensors skip. */
    char version[16];
    (void)snprintf(version, sizeof version, "%d", FORMAT_VERSION);
    aei_archive_note(archive, "format", "pt"); /* whose names and layout these are */
    aei_archive_note(archive, "libae.format_version", version);
    aei_archive_note(archive, "libae.version", ae_version_string());
    aei_text json = {0};
    aei_architecture_write(&json, network);
    aei_archive_note_text(archive, "libae.architecture", &json);
    aei_columns_put(archive);
}

/* The threshold is not part of aei_model_put: a checkpoint's weights may not be those that it was
 * fitted for. */
static ae_status prepare(aei_archive *archive, const ae_network *network)
{
    *archive = (aei_archive){.network = network};
    aei_model_put(archive, network->parameters, network->running);
    aei_threshold_put(archive, network);
    const ae_status status = aei_archive_finish(archive);
    if (status != AE_OK)
        aei_archive_free(archive);
    return status;
}

ae_status ae_network_save(const ae_network *network, const char *path)
{
    AE_REQUIRE(network);
    AE_REQUIRE(path);
    aei_archive archive;
    AE_TRY(prepare(&archive, network));
    const ae_status status = aei_archive_save(&archive, path);
    aei_archive_free(&archive);
    return status;
}

ae_status ae_network_save_memory(const ae_network *network, void *buffer, size_t capacity,
                                 size_t *size)
{
    AE_REQUIRE(network);
    aei_archive archive;
    AE_TRY(prepare(&archive, network));
    const ae_status status = aei_archive_save_memory(&archive, buffer, capacity, size);
    aei_archive_free(&archive);
    return status;
}

/* A stored tensor's values, in the shape that a tensor of the network has. */
static ae_status read_values(float *values, const aei_stored *stored, const ae_network *network,
                             const aei_tensor *tensor, bool negative_allowed)
{
    char name[AEI_QUOTE_SIZE];
    const aei_layer *layer = &network->layers[tensor->layer];
    const size_t wanted[2] = {layer->out, tensor->part == AEI_WEIGHT ? layer->in : 1};
    const size_t rank = tensor->part == AEI_WEIGHT ? 2 : 1;
    (void)aei_quote(name, stored->name);
    /* Before the values are read: there is room for just as many as the network's tensor has. */
    if (stored->rank != rank || stored->shape[0] != wanted[0] || stored->shape[1] != wanted[1]) {
        char is[AEI_SHAPE_SIZE], should_be[AEI_SHAPE_SIZE];
        return aei_fail(AE_ERROR_FORMAT, "tensor %s: shape %s, not %s", name,
                        aei_shape_text(is, stored->rank, stored->shape),
                        aei_shape_text(should_be, rank, wanted));
    }
    AE_TRY(aei_stored_floats(values, stored));
    for (size_t i = 0; i < stored->elements && !negative_allowed; i++)
        if (values[i] < 0)
            return aei_fail(AE_ERROR_FORMAT,
                            "tensor %s: element %zu is %g, which cannot be negative", name, i,
                            (double)values[i]);
    return AE_OK;
}

/* By its one name, and not by way of the state dict's reading: moments and best weights are in
 * libae's own files only. */
ae_status aei_model_values(float *values, const aei_safetensors *file, const ae_network *network,
                           const char *prefix, const aei_tensor *tensor, bool negative_allowed)
{
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof name, "%s%s", prefix, tensor->name);
    const aei_stored *stored = aei_safetensors_find(file, name);
    if (stored == NULL)
        return aei_fail(AE_ERROR_FORMAT, "tensor %s is missing", name);
    return read_values(values, stored, network, tensor, negative_allowed);
}

/*
 * A bias in front of batch normalisation, which libae's layers do not have: (x W + b) - mean is
 * x W - (mean - b), so inference is the same with b taken off the running mean; in training the
 * batch's own mean cancels it.
 */
static ae_status fold_bias(float *mean, const aei_stored *bias, const ae_network *network,
                           size_t layer)
{
    const aei_tensor tensor = {.part = AEI_BETA, .layer = layer};
    const size_t width = network->layers[layer].out;
    float *values = malloc(width * sizeof *values);
    if (values == NULL)
        return aei_fail_memory(width * sizeof *values);
    ae_status status = read_values(values, bias, network, &tensor, true);
    for (size_t i = 0; i < width && status == AE_OK; i++) {
        char name[AEI_QUOTE_SIZE];
        mean[i] -= values[i];
        if (!isfinite(mean[i]))
            status = aei_fail(AE_ERROR_FORMAT, "tensor %s: element %zu is too large",
                              aei_quote(name, bias->name), i);
    }
    free(values);
    return status;
}

/* Not the square of the widest layer: a file of a few megabytes can claim two of 2^20. */
size_t aei_model_largest(const ae_network *network)
{
    size_t largest = 0;
    for (size_t i = 0; i < network->tensor_count; i++) {
        const size_t elements = aei_tensor_elements(network, &network->tensors[i]);
        largest = elements > largest ? elements : largest;
    }
    return largest;
}

/* Where a tensor of the network lies in the file; NULL: the file has none. */
static const aei_stored *stored_part(const aei_stored_layer *layer, aei_tensor_kind part)
{
    switch (part) {
    case AEI_GAMMA:
        return layer->gamma;
    case AEI_BETA:
        return layer->norm ? layer->beta : layer->bias;
    case AEI_MEAN:
        return layer->mean;
    case AEI_VARIANCE:
        return layer->variance;
    default:
        return layer->weight;
    }
}

/* A tensor's values, or what PyTorch computes with where a parameter was switched off: gamma 1,
 * beta and bias 0. */
static ae_status read_tensor(float *values, const ae_network *network, const aei_tensor *tensor,
                             const aei_stored_layer *layer)
{
    const aei_stored *stored = stored_part(layer, tensor->part);
    if (stored == NULL) {
        const size_t count = aei_tensor_elements(network, tensor);
        for (size_t i = 0; i < count; i++)
            /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): room for the largest tensor, never 0 */
            values[i] = tensor->part == AEI_GAMMA ? 1 : 0;
        return AE_OK;
    }
    AE_TRY(read_values(values, stored, network, tensor, tensor->part != AEI_VARIANCE));
    return tensor->part == AEI_MEAN && layer->bias != NULL
               ? fold_bias(values, layer->bias, network, tensor->layer)
               : AE_OK;
}

/* Inference has no use for the count, so one that cannot be read, as after a cast of every tensor
 * to half precision, is 0 and no reason to refuse the file. */
static void read_count(ae_network *network, const aei_state_dict *dict)
{
    for (size_t l = 0; l < dict->count; l++) {
        const aei_stored *tracked = dict->layers[l].tracked;
        if (tracked != NULL && aei_stored_count(&network->batches_tracked, tracked))
            return;
    }
}

/* A tied weight that the file has once, as the encoder's: tied_modules.h. */
static bool is_left_out(const aei_stored_layer *layer, aei_tensor_kind part)
{
    return part == AEI_WEIGHT && layer->weight->data == NULL;
}

/* One tensor at a time, by way of plain order, so that it does not matter which kernels saved the
 * file. */
static ae_status read_tensors(ae_network *network, const aei_state_dict *dict)
{
    const size_t largest = aei_model_largest(network);
    float *values = malloc(largest * sizeof *values);
    if (values == NULL)
        return aei_fail_memory(largest * sizeof *values);
    ae_status status = AE_OK;
    for (size_t i = 0; i < network->tensor_count; i++) {
        const aei_tensor *tensor = &network->tensors[i];
        if (is_left_out(&dict->layers[tensor->layer], tensor->part))
            continue;
        AE_CHECK(read_tensor(values, network, tensor, &dict->layers[tensor->layer]));
        aei_tensor_pack(network, tensor, aei_network_block(network, tensor), values);
    }
    for (size_t l = 0; network->tied && l < network->encoder_layers; l++)
        if (is_left_out(&dict->layers[network->depth - 1 - l], AEI_WEIGHT))
            aei_tied_copy(network, l, network->parameters);
    read_count(network, dict);
cleanup:
    free(values);
    return status;
}

/* A tensor beside encoder and decoder, below the same prefix. */
/* Below the prefix, because a file may hold several networks, each with a scaling of its own. */
static const aei_stored *find_beside(const aei_safetensors *file, const aei_state_dict *dict,
                                     const char *name)
{
    char whole[2 * AEI_PATH_MAX];
    (void)snprintf(whole, sizeof whole, "%.*s%s", (int)dict->scope, dict->layers[0].weight->name,
                   name);
    return aei_safetensors_find(file, whole);
}

static ae_status read_scaling(ae_network *network, const aei_safetensors *file,
                              const aei_state_dict *dict)
{
    const aei_stored *offset = find_beside(file, dict, scaling_offset),
                     *scale = find_beside(file, dict, scaling_scale);
    if (offset == NULL && scale == NULL)
        return AE_OK;
    /* One of the two alone is damage. A guess for the other would shift or stretch every
     * feature. */
    if (offset == NULL || scale == NULL)
        return aei_fail(AE_ERROR_FORMAT, "tensor %s is missing",
                        offset == NULL ? scaling_offset : scaling_scale);
    const size_t width = network->widths[0];
    float *values = malloc(2 * width * sizeof *values);
    if (values == NULL)
        return aei_fail_memory(2 * width * sizeof *values);
    /* Shaped like a bias of the output layer. */
    const aei_tensor shape = {.part = AEI_BETA, .layer = network->depth - 1};
    ae_status status;
    AE_CHECK(read_values(values, offset, network, &shape, true));
    AE_CHECK(read_values(values + width, scale, network, &shape, false));
    status = ae_network_set_scaling(network, values, values + width);
cleanup:
    free(values);
    return status;
}

static ae_status read_fill(ae_network *network, const aei_safetensors *file,
                           const aei_state_dict *dict)
{
    const aei_stored *stored = find_beside(file, dict, missing_fill);
    if (stored == NULL)
        return AE_OK;
    const size_t width = network->widths[0];
    float *values = malloc(width * sizeof *values);
    if (values == NULL)
        return aei_fail_memory(width * sizeof *values);
    const aei_tensor shape = {.part = AEI_BETA, .layer = network->depth - 1};
    ae_status status = read_values(values, stored, network, &shape, true);
    if (status == AE_OK)
        status = ae_network_set_fill(network, values);
    free(values);
    return status;
}

/* A network of the file's architecture, with values still to come. What it refuses is the file's
 * fault. */
static ae_status make_network(ae_network **network, const aei_architecture *a, const char *kernels)
{
    const ae_network_options options = {
        .size = sizeof options,
        .widths = a->widths,
        .width_count = a->width_count,
        .encoder_layers = a->encoder_layers,
        .batch_norms = a->norms,
        .batch_norm_count = a->width_count - 1,
        .activations = a->activations,
        .activation_count = a->width_count - 1,
        .tied_weights = a->tied ? AE_TOGGLE_ON : AE_TOGGLE_OFF,
        .leaky_slope = a->leaky_slope,
        .bn_epsilon = a->bn_epsilon,
        .bn_decay = a->bn_decay,
        .seed = a->seed,
        .kernels = kernels,
    };
    const ae_status status = aei_network_build(network, &options);
    const bool refused = status == AE_ERROR_INVALID_ARGUMENT || status == AE_ERROR_SHAPE;
    return refused ? aei_fail_within(AE_ERROR_FORMAT, "architecture") : status;
}

ae_status aei_model_check_version(const aei_safetensors *file)
{
    const aei_json *note = aei_json_member(file->metadata, "libae.format_version");
    /* A file without the note is not libae's, and has no version that could be too new. */
    uint64_t version = FORMAT_VERSION;
    if (note != NULL && (!aei_json_u64(note, &version) || version == 0))
        return aei_fail(AE_ERROR_FORMAT, "libae.format_version is damaged");
    if (version > FORMAT_VERSION)
        return aei_fail(
            AE_ERROR_UNSUPPORTED,
            "format version %llu, but this library reads up to %d: a newer libae is needed",
            (unsigned long long)version, FORMAT_VERSION);
    return AE_OK;
}

/* What is refused first is what makes the rest meaningless: a version, then names, then shapes,
 * then values. The threshold is last, since all that comes before it changes the network and
 * would void it. The caller gets the network when nothing can fail any more. */
static ae_status get_with(ae_network **network, const aei_safetensors *file,
                          const ae_load_options *options)
{
    aei_architecture architecture = {0};
    aei_state_dict dict = {0};
    ae_network *n = NULL;
    ae_status status = AE_OK;
    AE_CHECK(aei_model_check_version(file));
    AE_CHECK(aei_state_dict_read(&dict, file, options->prefix));
    AE_CHECK(aei_architecture_read(&architecture, &dict, file));
    AE_CHECK(aei_architecture_add(&architecture, options));
    AE_CHECK(make_network(&n, &architecture, options->kernels));
    AE_CHECK(read_tensors(n, &dict));
    AE_CHECK(aei_tied_check(n, n->parameters));
    AE_CHECK(read_scaling(n, file, &dict));
    AE_CHECK(read_fill(n, file, &dict));
    AE_CHECK(aei_columns_get(n, file));
    AE_CHECK(aei_threshold_get(n, file));
    *network = n;
    n = NULL;
cleanup:
    ae_network_free(n);
    aei_architecture_free(&architecture);
    aei_state_dict_free(&dict);
    return status;
}

ae_status aei_model_get(ae_network **network, const aei_safetensors *file, const char *kernels)
{
    return get_with(network, file, AE_LOAD_OPTIONS(.kernels = kernels));
}

static ae_status load_memory(ae_network **network, const void *data, size_t size,
                             const ae_load_options *options)
{
    aei_safetensors file;
    AE_TRY(aei_safetensors_open(&file, data, size));
    const ae_status status = get_with(network, &file, options);
    aei_safetensors_close(&file);
    return status;
}

AEI_OPTIONS_INIT(ae_load_options)

static ae_status read_options(ae_load_options *o, const ae_load_options *options)
{
    return aei_options_read(o, sizeof *o, options, "ae_load_options");
}

ae_status ae_network_load_memory(ae_network **network, const void *data, size_t size,
                                 const ae_load_options *options)
{
    AE_REQUIRE(network);
    AE_REQUIRE(data);
    ae_load_options o;
    AE_TRY(read_options(&o, options));
    return load_memory(network, data, size, &o);
}

ae_status ae_network_load(ae_network **network, const char *path, const ae_load_options *options)
{
    AE_REQUIRE(network);
    AE_REQUIRE(path);
    ae_load_options o;
    AE_TRY(read_options(&o, options));
    void *data;
    size_t size;
    AE_TRY(aei_file_read(&data, &size, path, AEI_FILE_LIMIT));
    const ae_status status = load_memory(network, data, size, &o);
    free(data);
    return status == AE_OK ? AE_OK : aei_fail_within(status, "%s", path);
}
