/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_STATE_DICT_H
#define AEI_STATE_DICT_H

#include "format/safetensors.h"

/* The tensors that one layer has in a file. */
typedef struct aei_stored_layer {
    const aei_stored *weight, *bias; /* bias NULL: none */
    bool norm;                       /* whether there is batch normalisation, and then: */
    const aei_stored *gamma, *beta;  /* NULL: 1 and 0, as BatchNorm1d without affine has it */
    const aei_stored *mean, *variance, *tracked; /* tracked NULL: not counted */
} aei_stored_layer;

/* Which of a file's tensors make up the autoencoder, layer by layer. */
typedef struct aei_state_dict {
    aei_stored_layer *layers;
    size_t count;
    size_t encoder_layers; /* 0: the code is not to be told from other layers */
    bool says_code;        /* names tell which layers encode; else the narrowest gives the code */
    bool libae_names;      /* they are libae's own: encoder.0.weight, encoder.0.bn.weight, ... */
    size_t scope;          /* characters in front of the names: "module." */
    aei_stored *tied;      /* weights of the decoder that are not in the file: the encoder's */
} aei_state_dict;

/* More layers than ae_network_options can have are refused. */
enum { AEI_LAYERS_MAX = 1023 };

/*
 * Find the layers. A file that libae wrote has each tensor under its one name. A state dict of
 * another program has them under the names of its modules; prefix chooses among them, NULL: all.
 * AE_ERROR_FORMAT, whose text says what is wrong and lists the file's tensors;
 * AE_ERROR_UNSUPPORTED: modules that libae does not have; AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_state_dict_read(aei_state_dict *dict, const aei_safetensors *file,
                              const char *prefix);

/* Whether libae wrote the file, and nobody put a prefix before its names since; then the same for
 * it: own_names.c. */
bool aei_own_names(const aei_safetensors *file);
ae_status aei_own_names_read(aei_state_dict *dict, const aei_safetensors *file);

void aei_state_dict_free(aei_state_dict *dict);

#endif
