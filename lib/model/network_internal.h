/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_NETWORK_INTERNAL_H
#define AEI_NETWORK_INTERNAL_H

#include <libae/network.h>
#include <libae/threshold.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/columns.h"
#include "compute/kernels.h"
#include "model/scaling_internal.h"

/* Where a layer's parameters lie: offsets in floats into a block, P being kernels->panel. */
typedef struct aei_layer {
    size_t in, out;
    size_t panels;   /* of the output: out / P rounded up */
    size_t weight;   /* in a parameter block: [panels][in][P] */
    size_t gamma;    /* in a parameter block: [panels][P]; unused without batch normalisation */
    size_t beta;     /* in a parameter block: [panels][P]; the bias without batch normalisation */
    size_t mean;     /* in a running block: [panels][P] */
    size_t variance; /* in a running block: [panels][P] */
    bool batch_norm;
    aei_nonlinearity f;
} aei_layer;

typedef enum aei_tensor_kind {
    AEI_WEIGHT,
    AEI_GAMMA,
    AEI_BETA,
    AEI_MEAN,
    AEI_VARIANCE
} aei_tensor_kind;

/* A named tensor: which part of which layer. */
typedef struct aei_tensor {
    aei_tensor_kind part;
    size_t layer;
    bool trained; /* an optimizer changes it */
    char name[48];
} aei_tensor;

struct ae_network {
    aei_arena arena;
    const aei_kernels *kernels;
    size_t depth;          /* layers */
    size_t encoder_layers; /* layers that encode */
    size_t widest;         /* greatest width */
    bool tied;             /* a decoder's weight is the transpose of an encoder's: tied.h */
    float leaky_slope, bn_epsilon, bn_decay;
    uint64_t seed;
    uint64_t batches_tracked; /* batches that the running statistics have seen */
    uint64_t generation;    /* changes with every change of a parameter, so that sessions notice */
    ae_threshold threshold; /* size 0: none */
    uint64_t threshold_generation; /* that it holds for */
    size_t *widths;                /* depth + 1 */
    aei_layer *layers;             /* depth */
    size_t tensor_count;
    aei_tensor *tensors;
    /* Trainable parameters in one block, so that gradients and moments can have the same shape. */
    size_t parameter_floats;
    float *parameters;
    size_t running_floats;
    float *running;
    aei_scaling *scaling;             /* NULL: features as the caller has them */
    float *fill;                      /* what the input reads for a missing value; NULL: none */
    float *error_spread;              /* of each feature; NULL: none */
    uint64_t error_spread_generation; /* that it holds for */
    char **columns;                   /* names of the input's columns, one block; NULL: none */
    size_t image_height, image_width; /* of a row as a picture; 0: not known */
    float uint8_scale;                /* of a uint8 training set; 0: not known */
};

/* ae_network_create without the values: every parameter and statistic is 0. For loading, which sets
 * them all. */
ae_status aei_network_build(ae_network **network, const ae_network_options *options);

/* An activation for a layer, as an option gives it. AE_ERROR_INVALID_ARGUMENT names the layer. */
ae_status aei_check_activation(size_t layer, ae_activation activation);

/* A list of activations, as options give it. AE_ERROR_INVALID_ARGUMENT, AE_ERROR_SHAPE. */
ae_status aei_check_activations(const ae_activation *activations, size_t count, size_t layers);

/* Writes a tensor's name: "decoder.2.bn.weight" for layer 5 of which 3 encode and "bn.weight". */
static inline void aei_tensor_name(char *name, size_t size, size_t layer, size_t encoder_layers,
                                   const char *part)
{
    const bool decodes = layer >= encoder_layers;
    (void)snprintf(name, size, "%s.%zu.%s", decodes ? "decoder" : "encoder",
                   layer - (decodes ? encoder_layers : 0), part);
}

/* Whether the tensor lies in a parameter block, else in a running block. */
static inline bool aei_tensor_is_parameter(const aei_tensor *tensor)
{
    return tensor->part <= AEI_BETA;
}

/* The network's block that a tensor lies in. */
static inline float *aei_network_block(const ae_network *network, const aei_tensor *tensor)
{
    return aei_tensor_is_parameter(tensor) ? network->parameters : network->running;
}

/* How many layers normalise their batches: 0, some, or n->depth. */
size_t aei_network_norms(const ae_network *network);

/* Take the columns' names away. */
void aei_network_drop_columns(ae_network *network);

/* Elements of a tensor. */
size_t aei_tensor_elements(const ae_network *network, const aei_tensor *tensor);

/* Refuse rows of another width than the network's input; `what` names them. AE_ERROR_SHAPE. */
ae_status aei_network_check_width(const ae_network *network, size_t features, const char *what);

/* Refuse rows of another width, or with columns of another kind than the network's training set
 * had; `what` names them. AE_ERROR_SHAPE. */
ae_status aei_network_check_columns(const ae_network *network, const aei_columns_info *rows,
                                    const char *what);

/*
 * Let a network know of a training set's columns what it does not know yet. Names are copied in
 * advance, NULL where none are needed, so that taking them, which makes them the network's, cannot
 * fail.
 */
ae_status aei_network_copy_names(char ***names, const ae_network *network,
                                 const aei_columns_info *rows);
void aei_network_take_columns(ae_network *network, const aei_columns_info *rows, char **names);

/* A tensor by name, or NULL. */
const aei_tensor *aei_network_tensor(const ae_network *network, const char *name);

/* A tensor of count elements by name. AE_ERROR_NOT_FOUND, AE_ERROR_SHAPE. */
ae_status aei_network_find_tensor(const aei_tensor **tensor, const ae_network *network,
                                  const char *name, size_t count);

/*
 * Copy a tensor's part of a block that is laid out like network->parameters (or ->running for
 * AEI_MEAN, AEI_VARIANCE) to or from plain order, weights being [out][in]. Moments are saved so
 * too.
 */
void aei_tensor_unpack(const ae_network *network, const aei_tensor *tensor, const float *block,
                       float *values);
void aei_tensor_pack(const ae_network *network, const aei_tensor *tensor, float *block,
                     const float *values);

/* Whether two networks have the same widths, normalisation and panel layout, so that blocks can be
 * exchanged. */
bool aei_network_same_layout(const ae_network *a, const ae_network *b);

/* The spread of each feature's error, or NULL when there is none or the network has changed
 * since. */
const float *aei_network_error_spread(const ae_network *network);

/* Move one network's spread to another for the parameters as they are; none if it does not hold. */
void aei_network_move_error_spread(ae_network *to, ae_network *from);

/* The spread, or AE_ERROR_NOT_SET and the reason why there is none. */
ae_status aei_network_find_error_spread(const float **spread, const ae_network *network);

/* The threshold, or NULL when there is none or the network has changed since. */
const ae_threshold *aei_network_threshold(const ae_network *network);

/* The threshold, or AE_ERROR_NOT_SET and the reason why there is none. */
ae_status aei_network_find_threshold(const ae_threshold **threshold, const ae_network *network);

/* The float32 that decides for float32 scores as the threshold does. */
float aei_threshold_float(const ae_threshold *threshold);

/* Keep a threshold for the parameters as they are; NULL: none. */
void aei_network_keep_threshold(ae_network *network, const ae_threshold *threshold);

#endif
