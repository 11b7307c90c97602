/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_ARCHITECTURE_H
#define AEI_ARCHITECTURE_H

#include "format/safetensors.h"
#include "format/text.h"
#include "model/network_internal.h"
#include "store/state_dict.h"

/* What a file says, or its tensors show, of the network in it. */
typedef struct aei_architecture {
    const aei_state_dict *dict;
    size_t *widths; /* width_count of them */
    size_t width_count;
    size_t encoder_layers;      /* 0: neither says */
    ae_toggle *norms;           /* of each layer, on or off; width_count - 1 */
    ae_activation *activations; /* width_count - 1; AE_ACTIVATION_DEFAULT: not said */
    bool tied;                  /* weights */
    float leaky_slope, bn_epsilon, bn_decay;
    uint64_t seed;
    bool says_code; /* names or metadata do; else it is a guess */
    bool says_activations, says_slope, says_epsilon, says_decay; /* what metadata gave */
} aei_architecture;

/*
 * Work out a file's architecture: from its layers, which must outlive it, with what metadata adds
 * to that. AE_ERROR_FORMAT (metadata damaged or unlike the tensors, naming the tensor),
 * AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_architecture_read(aei_architecture *architecture, const aei_state_dict *dict,
                                const aei_safetensors *file);

/*
 * Add what a caller knows of a file. AE_ERROR_INVALID_ARGUMENT: out of range, unlike what the file
 * says, or wanting where the file does not say it either; AE_ERROR_SHAPE: another number of
 * activations than layers.
 */
ae_status aei_architecture_add(aei_architecture *architecture, const ae_load_options *options);
void aei_architecture_free(aei_architecture *architecture);

/* A network's architecture as JSON, which is what the metadata hold. */
void aei_architecture_write(aei_text *json, const ae_network *network);

/* "sigmoid", "tanh", ... */
const char *aei_activation_name(ae_activation activation);

#endif
