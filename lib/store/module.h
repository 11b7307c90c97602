/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_MODULE_H
#define AEI_MODULE_H

#include "format/safetensors.h"

/*
 * The modules of a PyTorch state dict. Tensors whose names differ in the last part alone are one
 * module's: "module.encoder.0.weight" and ".bias" are the weight and bias of "module.encoder.0".
 */

typedef enum aei_module_kind {
    AEI_MODULE_LINEAR, /* a weight of two dimensions */
    AEI_MODULE_NORM,   /* running statistics */
    AEI_MODULE_OTHER,  /* a weight or bias that is neither's */
    AEI_MODULE_STRAY   /* tensors of other names alone */
} aei_module_kind;

/* What a part of the path says: "encoder", "enc1", "fc_dec2". */
typedef enum aei_side { AEI_SIDE_NONE, AEI_SIDE_ENCODER, AEI_SIDE_DECODER } aei_side;

typedef struct aei_module {
    const char *path; /* length characters of a tensor's name, without the prefix that was asked
                         for and without an end */
    size_t length;
    size_t scope; /* characters of path in front of the part that names the side */
    aei_side side;
    aei_module_kind kind;
    const aei_stored *weight, *bias, *mean, *variance, *tracked; /* NULL: none */
    const aei_stored *other; /* a weight or bias of another name: "weight_ih_l0", "in_proj_bias" */
    const aei_stored *stray; /* a tensor of any other name: "lora_A", "mask", "original0" */
} aei_module;

/* Longer names are no module's: PyTorch's have some tens of characters, and comparing them must
 * stay cheap. */
enum { AEI_PATH_MAX = 512 };

/* All modules below a prefix (NULL: all), sorted by path; the caller frees them.
 * AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_modules_read(aei_module **modules, size_t *count, const aei_safetensors *file,
                           const char *prefix);

/*
 * What two paths say of the order: they are compared in the first part that differs, by its numbers
 * if the rest of it is the same ("fc2" and "fc10", "net.0" and "net.3.linear"). Negative: a is
 * first; 0: they say nothing.
 */
int aei_module_order(const aei_module *a, const aei_module *b);

/* How far two modules are related. */
typedef struct aei_kinship {
    size_t depth;     /* parts of their paths that are the same */
    bool child;       /* a's whole path is the beginning of b's */
    bool numbered;    /* the first parts that differ are numbers alone, as in nn.Sequential */
    size_t gap;       /* between those: b's less a's; 0 when a's is greater */
    bool same_digits; /* what differs has the same last number, or none: "fc2" and "bn2" */
    bool both_digits; /* each has one */
} aei_kinship;
aei_kinship aei_module_kinship(const aei_module *a, const aei_module *b);

/* Whether a's scope is b's too. */
bool aei_module_same_scope(const aei_module *a, const aei_module *b);

#endif
