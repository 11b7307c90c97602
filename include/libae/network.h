/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_NETWORK_H
#define LIBAE_NETWORK_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * A dense autoencoder: its architecture and its parameters.
 *
 * A layer computes y = activation(BN(x W)) or, without batch normalisation, y = activation(x W +
 * b). Batch normalisation (Ioffe and Szegedy 2015, algorithm 1) uses the biased batch variance; a
 * bias in front of it would cancel, so there is none.
 *
 * Thread safety: while nobody changes a network (no trainer at work, no set_tensor), any number
 * of threads may read it and run sessions on it at once. @since 0.1
 */
typedef struct ae_network ae_network;

/** How to build a network. Zero in any field but size means its default. @since 0.1 */
typedef struct ae_network_options {
    size_t size; /**< sizeof(ae_network_options); AE_NETWORK_OPTIONS fills it in */
    /**
     * Features of the input, of each layer in turn, and so at last of the output, which must
     * equal the input: 3 to 1024 entries. Copied. NULL: 784 1000 500 250 4 250 500 1000 784.
     */
    const size_t *widths;
    size_t width_count; /**< entries of widths */
    /** The layer whose output is the code, as an index into widths; 0: the narrowest inner
     * width. */
    size_t encoder_layers;
    size_t code_width;               /**< replaces the code layer's width; 0: as widths has it */
    ae_toggle batch_norm;            /**< default on, in every layer */
    ae_activation hidden_activation; /**< every layer but the last; default sigmoid */
    ae_activation output_activation; /**< the last layer; default sigmoid */
    /** One for each layer (width_count - 1, or 8 with the default widths); overrides the two above.
     * Copied. */
    const ae_activation *activations;
    float leaky_slope; /**< slope of AE_ACTIVATION_LEAKY_RELU below zero, in (0, 1); default 0.01 */
    float bn_epsilon;  /**< added to the variance, > 0; default 1e-3 */
    float bn_decay; /**< running = decay * running + (1 - decay) * batch, in (0, 1); default 0.9 */
    uint64_t seed;  /**< of the initial weights: normal, mean 0, deviation 1 / sqrt(fan in) */
    /** Which compute kernels: one of ae_kernels_name(), NULL or "auto" for the fastest here. */
    const char *kernels;
} ae_network_options;

/** Options in place: AE_NETWORK_OPTIONS(.seed = 7). C only; C++ calls ae_network_options_init. */
#define AE_NETWORK_OPTIONS(...) \
    (&(ae_network_options){.size = sizeof(ae_network_options), __VA_ARGS__})

/** Options with every default. NULL is ignored. Thread safety: safe. @since 0.1 */
AE_API void ae_network_options_init(ae_network_options *options);

/**
 * Create a network with fresh weights.
 *
 * @param network receives the network, which the caller frees with ae_network_free; untouched on
 *         error
 * @param options NULL for the report's network
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (network NULL, not 3 to 1024 widths, a width of 0 or
 *         over 2^20, output unlike input, an option outside its range); AE_ERROR_UNSUPPORTED
 *         (kernels this processor or build does not have); AE_ERROR_OUT_OF_MEMORY
 * Thread safety: safe. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_create(ae_network **network,
                                              const ae_network_options *options);

/**
 * An independent copy, parameters included.
 *
 * @param copy receives the copy, which the caller frees; untouched on error
 * @param network what to copy
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_OUT_OF_MEMORY
 * Thread safety: reads network. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_clone(ae_network **copy, const ae_network *network);

/** Free a network; NULL is allowed. No session or trainer may use it any more. @since 0.1 */
AE_API void ae_network_free(ae_network *network);

/**
 * What a file from elsewhere does not say about its network, as a PyTorch state dict says nothing
 * of activations. Zero in any field but size means: as the file says, or else the default of
 * ae_network_load.
 * @since 0.1
 */
typedef struct ae_load_options {
    size_t size;                     /**< sizeof(ae_load_options); AE_LOAD_OPTIONS fills it in */
    const char *kernels;             /**< as in ae_network_options */
    ae_activation hidden_activation; /**< every layer but the last */
    ae_activation output_activation; /**< the last layer */
    /** One for each layer of the file; overrides the two above. Only read during the call. */
    const ae_activation *activations;
    size_t activation_count; /**< entries of activations */
    float leaky_slope;       /**< slope of AE_ACTIVATION_LEAKY_RELU below zero, in (0, 1); 0.01 */
    float bn_epsilon;        /**< added to the variance, > 0; 1e-5, as in PyTorch */
    float bn_decay;          /**< for training further, in (0, 1); 0.9, PyTorch's momentum 0.1 */
} ae_load_options;

/** Options in place: AE_LOAD_OPTIONS(.hidden_activation = AE_ACTIVATION_RELU). C only; C++ calls
 * ae_load_options_init. */
#define AE_LOAD_OPTIONS(...) (&(ae_load_options){.size = sizeof(ae_load_options), __VA_ARGS__})

/** Options with every default. NULL is ignored. Thread safety: safe. @since 0.1 */
AE_API void ae_load_options_init(ae_load_options *options);

/**
 * Load a network from a safetensors file: one that libae wrote (a model or a checkpoint), or any
 * with the same tensor names, whose widths are then read from the shapes (batch normalisation
 * from the presence of its tensors, sigmoid everywhere unless the file or an option says
 * otherwise). A bias in front of batch normalisation is folded into the running mean. What a file
 * does say stands: an option that differs from it is refused. docs/pytorch.md has examples.
 *
 * @param network receives the network, which the caller frees; untouched on error
 * @param path file name
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an option outside its range or unlike the
 *         file); AE_ERROR_NOT_FOUND, AE_ERROR_IO (reading); AE_ERROR_FORMAT (not safetensors,
 *         truncated, inconsistent, a tensor missing or of another shape or type, a value that is
 *         not finite); AE_ERROR_SHAPE (activation_count is not the number of the file's layers);
 *         AE_ERROR_UNSUPPORTED (kernels, a newer format version); AE_ERROR_OUT_OF_MEMORY
 * Thread safety: safe. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_load(ae_network **network, const char *path,
                                            const ae_load_options *options);

/**
 * Load from memory what ae_network_save_memory or a whole file holds.
 *
 * @param network receives the network, which the caller frees; untouched on error
 * @param data size bytes, only read during the call
 * @param size bytes at data
 * @param options NULL for the defaults
 * @return as ae_network_load, less the file errors
 * Thread safety: safe. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_load_memory(ae_network **network, const void *data,
                                                   size_t size, const ae_load_options *options);

/**
 * Save to a safetensors file, whole or not at all: written beside path, synced, then renamed over
 * it.
 *
 * @param network what to save
 * @param path file name; an existing file is replaced only when the new one is complete
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_NOT_FOUND (no such folder);
 *         AE_ERROR_NO_SPACE; AE_ERROR_IO; AE_ERROR_OUT_OF_MEMORY
 * Thread safety: reads network. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_save(const ae_network *network, const char *path);

/**
 * The same bytes into memory.
 *
 * @param buffer receives the bytes; NULL to learn the size only
 * @param capacity bytes at buffer
 * @param size receives the bytes needed; may be NULL unless buffer is
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (NULL network, NULL buffer and size, capacity too small,
 *         in which case size is set and nothing written); AE_ERROR_OUT_OF_MEMORY
 * Thread safety: reads network. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_save_memory(const ae_network *network, void *buffer,
                                                   size_t capacity, size_t *size);

/** Layers: one less than widths. 0 for NULL. Thread safety: safe. @since 0.1 */
AE_API size_t ae_network_layer_count(const ae_network *network);

/** Features of the input (index 0) or of layer index - 1's output; 0 for NULL or past the end.
 * @since 0.1 */
AE_API size_t ae_network_width(const ae_network *network, size_t index);

/** Features of input and output. 0 for NULL. @since 0.1 */
AE_API size_t ae_network_input_width(const ae_network *network);

/** Features of the code. 0 for NULL. @since 0.1 */
AE_API size_t ae_network_code_width(const ae_network *network);

/** The code layer as an index into the widths: layers 0 to this - 1 encode. 0 for NULL. @since
 * 0.1 */
AE_API size_t ae_network_encoder_layer_count(const ae_network *network);

/** Trainable parameters: weights, and gamma and beta or biases. 0 for NULL. @since 0.1 */
AE_API size_t ae_network_parameter_count(const ae_network *network);

/** Whether the layers normalise their batches. 0 for NULL. @since 0.1 */
AE_API int ae_network_has_batch_norm(const ae_network *network);

/** A layer's non-linearity; AE_ACTIVATION_DEFAULT for NULL or past the end. @since 0.1 */
AE_API ae_activation ae_network_activation(const ae_network *network, size_t layer);

/** The name of the kernels in use, as ae_kernels_name gives it; "" for NULL. @since 0.1 */
AE_API const char *ae_network_kernels(const ae_network *network);

/** What a tensor of a network looks like. @since 0.1 */
typedef struct ae_tensor_info {
    size_t size;      /**< sizeof(ae_tensor_info), set by the caller */
    const char *name; /**< owned by the network, valid as long as it is */
    size_t rank;      /**< 1 or 2 */
    size_t shape[2];  /**< weights are [out, in], row-major, as PyTorch stores them */
    size_t count;     /**< elements */
    int trainable;    /**< 0 for running statistics */
} ae_tensor_info;

/** Tensors of a network. 0 for NULL. Thread safety: safe. @since 0.1 */
AE_API size_t ae_network_tensor_count(const ae_network *network);

/**
 * Describe a tensor. Names are "encoder.0.weight", "encoder.0.bn.weight" (gamma), ".bn.bias"
 * (beta), ".bn.running_mean", ".bn.running_var", or ".bias" without batch normalisation, then
 * "decoder.0..." .
 *
 * @param index 0 to ae_network_tensor_count() - 1
 * @param info filled in; info->size must be set
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a size not set);
 *         AE_ERROR_NOT_FOUND (index past the end)
 * Thread safety: safe. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_get_tensor_info(const ae_network *network, size_t index,
                                                       ae_tensor_info *info);

/**
 * Copy a tensor out, in the shape that ae_network_get_tensor_info gives.
 *
 * @param name tensor name
 * @param values receives count floats
 * @param count must equal the tensor's
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_NOT_FOUND; AE_ERROR_SHAPE
 * Thread safety: reads network. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_get_tensor(const ae_network *network, const char *name,
                                                  float *values, size_t count);

/**
 * Copy a tensor in.
 *
 * @param values count floats, all finite, running variances not negative
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_NOT_FOUND; AE_ERROR_SHAPE;
 *         AE_ERROR_DATA (a value not finite, a negative variance); the network is then unchanged
 * Thread safety: changes network. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_set_tensor(ae_network *network, const char *name,
                                                  const float *values, size_t count);

/**
 * Fit a scaling of each feature to a dataset, the training set as a rule, and keep it in the
 * network.
 *
 * From then on callers pass and get values in their own units: the network works on
 * (value - offset) / scale, and what it answers is offset + scale * output. Trainers,
 * ae_network_evaluate, ae_session_reconstruct, ae_session_decode and ae_session_score do so by
 * themselves, model files and checkpoints keep it, ae_network_clone copies it. Costs during
 * training are of scaled values, so that every feature counts alike; ae_network_evaluate and
 * ae_session_score answer in the caller's units, binary cross-entropy excepted.
 *
 * A feature with one value only is a constant: scale 0, always 0 in the network, and always
 * answered with that value. Values beyond those of the dataset are scaled by the same rule and may
 * leave [0, 1].
 *
 * @param network replaces the scaling it may have had
 * @param kind min-max: offset = min, scale = max - min. Z-score: offset = mean, scale = standard
 *             deviation, both summed in float64
 * @param dataset rows as wide as the network's input; only read during the call
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an unknown kind); AE_ERROR_SHAPE (network and
 *         dataset differ in width); AE_ERROR_DATA (a column whose range float32 cannot hold);
 *         AE_ERROR_OUT_OF_MEMORY; the network is unchanged after an error
 * Thread safety: changes network. A trainer checks its training set when it is created, so fit
 * before. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_fit_scaling(ae_network *network, ae_scaling kind,
                                                   const ae_dataset *dataset);

/**
 * Set the scaling, or with two NULLs take it away.
 *
 * @param offset input width floats, finite; copied
 * @param scale input width floats, finite, not negative, 0 for a constant; copied
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (network NULL, only one of the others NULL);
 *         AE_ERROR_DATA (a value outside those bounds, by index); AE_ERROR_OUT_OF_MEMORY; the
 *         network is unchanged after an error
 * Thread safety: changes network. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_set_scaling(ae_network *network, const float *offset,
                                                   const float *scale);

/**
 * Copy the scaling out.
 *
 * @param offset NULL, or receives input width floats
 * @param scale NULL, or receives input width floats
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (network NULL); AE_ERROR_NOT_FOUND (the network has
 *         none)
 * Thread safety: reads network. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_get_scaling(const ae_network *network, float *offset,
                                                   float *scale);

/** Whether the network scales its features. 0 for NULL. Thread safety: reads network. @since 0.1 */
AE_API int ae_network_has_scaling(const ae_network *network);

AE_END_DECLS

#endif
