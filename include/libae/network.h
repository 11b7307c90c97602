/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_NETWORK_H
#define LIBAE_NETWORK_H

#include <libae/attributes.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * A dense autoencoder: its architecture and its parameters.
 *
 * Layers are counted from 0. The first encoder_layers of them encode; their output is the code
 * (latent vector, embedding). The others decode.
 *
 * A layer computes y = activation(BN(x W)), or y = activation(x W + b) without batch
 * normalisation. Batch normalisation (Ioffe and Szegedy 2015, algorithm 1) uses the biased batch
 * variance. A bias in front of it would cancel, so there is none.
 *
 * Thread safety: while nobody changes a network (no trainer at work, no set, fit or clear), any
 * number of threads may read it and run sessions on it at once.
 * @since 0.1
 */
typedef struct ae_network ae_network;

/**
 * How to build a network. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_network_options {
    size_t size; /**< sizeof(ae_network_options); AE_NETWORK_OPTIONS fills it in */
    /**
     * Features of the input, then of each layer's output; the last must equal the first. 3 to 1024
     * entries, each 1 to 2^20. Copied. NULL: 784 1000 500 250 4 250 500 1000 784.
     */
    const size_t *widths;
    size_t width_count; /**< entries of widths */
    /** Layers 0 to encoder_layers - 1 encode. 0: up to the narrowest layer, the first if several */
    size_t encoder_layers;
    size_t code_width;               /**< replaces the code's width; 0: as widths has it */
    ae_toggle batch_norm;            /**< default on, in every layer; see batch_norms */
    ae_activation hidden_activation; /**< every layer but the last; default sigmoid */
    ae_activation output_activation; /**< the last layer; default sigmoid */
    float leaky_slope; /**< slope of AE_ACTIVATION_LEAKY_RELU below zero, in (0, 1); default 0.01 */
    /** NULL, or one for each layer, which overrides the two above and code_activation. Copied. */
    const ae_activation *activations;
    size_t activation_count; /**< entries of activations: 0, or the number of layers */
    float bn_epsilon;        /**< added to the variance, > 0; default 1e-3 */
    /** running = decay * running + (1 - decay) * batch, in (0, 1); PyTorch's 1 - momentum;
     * default 0.9 */
    float bn_decay;
    uint64_t seed; /**< of the weights: normal, mean 0, standard deviation 1 / sqrt(fan in) */
    /** Which compute kernels: one of ae_kernels_name(), NULL or "auto" for the fastest here. */
    const char *kernels;
    /** NULL, or one for each layer: whether it normalises its batches. AE_TOGGLE_DEFAULT in it
     * means batch_norm above. Copied. */
    const ae_toggle *batch_norms;
    size_t batch_norm_count; /**< entries of batch_norms: 0, or the number of layers */
    /** The layer that puts out the code; default hidden_activation. Often AE_ACTIVATION_LINEAR. */
    ae_activation code_activation;
    /**
     * Decoder layers have the transposed weights of the encoder's layers: the last one that of the
     * first, and so on. Each layer keeps its own bias or batch normalisation. Needs as many layers
     * on both sides, of mirrored widths. Default off.
     */
    ae_toggle tied_weights;
} ae_network_options;

/** Options in place: AE_NETWORK_OPTIONS(.seed = 7). C only; C++ calls ae_network_options_init. */
#define AE_NETWORK_OPTIONS(...) \
    (&(ae_network_options){.size = sizeof(ae_network_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_network_options_init(ae_network_options *options);

/**
 * Create a network with fresh weights.
 *
 * @param network receives the network, which the caller frees with ae_network_free; untouched on
 *         error
 * @param options NULL for the report's network
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (network NULL, not 3 to 1024 widths, a width of 0 or
 *         over 2^20, an option outside its range); AE_ERROR_SHAPE (output width unlike input width,
 *         activation_count or batch_norm_count unlike the number of layers, tied_weights without
 *         mirrored widths); AE_ERROR_UNSUPPORTED (kernels that this processor or build does not
 *         have); AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_create(ae_network **network,
                                              const ae_network_options *options);

/**
 * An independent copy: parameters, scaling, threshold and column names.
 *
 * @param copy receives the copy, which the caller frees; untouched on error
 * @param network what to copy
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: reads network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_clone(ae_network **copy, const ae_network *network);

/**
 * Free a network; NULL is allowed. No session or trainer may use it any more.
 *
 * Thread safety: changes network.
 * @since 0.1
 */
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
    ae_activation hidden_activation; /**< every layer but the last and the code's */
    ae_activation output_activation; /**< the last layer */
    /** NULL, or one for each layer of the file, which overrides these and code_activation. Only
     * read during the call. */
    const ae_activation *activations;
    size_t activation_count; /**< entries of activations: 0, or the number of layers */
    float leaky_slope;       /**< slope of AE_ACTIVATION_LEAKY_RELU below zero, in (0, 1); 0.01 */
    float bn_epsilon;        /**< added to the variance, > 0; 1e-5, as in PyTorch */
    float bn_decay;          /**< for training further, in (0, 1); 0.9, PyTorch's momentum 0.1 */
    /** The encoder's last layer, in PyTorch mostly AE_ACTIVATION_LINEAR. Default none: see
     * ae_network_load. */
    ae_activation code_activation;
    /** What the names of the autoencoder's tensors begin with, such as "ema", where a file has
     * several; other tensors are ignored. NULL: found by itself. */
    const char *prefix;
    /** Layers that encode, where neither names nor metadata tell; default up to the narrowest. */
    size_t encoder_layers;
} ae_load_options;

/** Options in place: AE_LOAD_OPTIONS(.hidden_activation = AE_ACTIVATION_RELU). C only; C++ calls
 * ae_load_options_init. */
#define AE_LOAD_OPTIONS(...) (&(ae_load_options){.size = sizeof(ae_load_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_load_options_init(ae_load_options *options);

/**
 * Load a network from a safetensors file.
 *
 * The file may be one that libae wrote (a model or a checkpoint), or a state dict of a PyTorch
 * autoencoder of linear layers, with batch normalisation in some of them or none, under whatever
 * names. Prefixes are left out; parts such as "encoder" and "dec1", numbers and shapes tell the
 * order of the layers. docs/pytorch.md has the rules, and examples. A file that can be read in no
 * way or in several is refused, and the error text lists its tensors.
 *
 * A state dict does not say its activations. Options must then say those of all layers; only a
 * network of two layers, or one that is linear, takes the code's from hidden_activation. Files with
 * libae's own names (encoder.0.weight, encoder.1.weight, ..., decoder.0.weight) and no word of
 * activations, neither in the file nor in the options, have sigmoid.
 *
 * A bias in front of batch normalisation is folded into the running mean. An option that differs
 * from what the file says is refused.
 *
 * @param network receives the network, which the caller frees; untouched on error
 * @param path file name
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an option outside its range, unlike the file,
 *         or missing where the file does not say it); AE_ERROR_NOT_FOUND, AE_ERROR_IO (reading);
 *         AE_ERROR_FORMAT (not safetensors, truncated, inconsistent, no autoencoder or several, a
 *         tensor missing or of another shape or type, a value that is not finite); AE_ERROR_SHAPE
 *         (activation_count is not the number of the file's layers); AE_ERROR_UNSUPPORTED (kernels,
 *         a newer format version, modules that libae does not have, batch normalisation behind an
 *         activation); AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: safe.
 * @since 0.1
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
 *
 * Thread safety: safe.
 * @since 0.1
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
 *         AE_ERROR_NO_SPACE; AE_ERROR_IO; AE_ERROR_UNSUPPORTED (names of columns longer than the
 *         format's 100 MB); AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: reads network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_save(const ae_network *network, const char *path);

/**
 * Save the same bytes into memory.
 *
 * @param buffer receives the bytes; NULL to learn the size only
 * @param capacity bytes at buffer
 * @param size receives the bytes needed, also when capacity is too small; may be NULL unless buffer
 *         is
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (network NULL, buffer and size both NULL);
 *         AE_ERROR_BUFFER_SIZE (capacity too small: nothing is written to buffer);
 *         AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: reads network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_save_memory(const ae_network *network, void *buffer,
                                                   size_t capacity, size_t *size);

/**
 * Number of layers: one less than widths. 0 for NULL.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API size_t ae_network_layer_count(const ae_network *network);

/**
 * Number of layers that encode: layers 0 to this - 1. 0 for NULL.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API size_t ae_network_encoder_layer_count(const ae_network *network);

/**
 * Features of input and output. 0 for NULL.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API size_t ae_network_input_width(const ae_network *network);

/**
 * Features of the code. 0 for NULL.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API size_t ae_network_code_width(const ae_network *network);

/**
 * Number of trainable parameters: weights, and gamma and beta or biases. Tied weights count once. 0
 * for NULL.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API size_t ae_network_parameter_count(const ae_network *network);

/**
 * The name of the kernels in use, as ae_kernels_name gives it. "" for NULL.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API const char *ae_network_kernels(const ae_network *network);

/**
 * One layer of a network.
 * @since 0.1
 */
typedef struct ae_layer_info {
    size_t size;              /**< sizeof(ae_layer_info), set by the caller */
    size_t input_width;       /**< features that the layer takes */
    size_t output_width;      /**< features that it gives: its units */
    ae_activation activation; /**< never AE_ACTIVATION_DEFAULT */
    int batch_norm;           /**< 1: the layer normalises its batches */
} ae_layer_info;

/**
 * Describe a layer.
 *
 * @param network whose layer
 * @param layer 0 to ae_network_layer_count() - 1
 * @param info filled in up to info->size, which the caller sets; untouched on error
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a size not set, no such layer)
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_get_layer(const ae_network *network, size_t layer,
                                                 ae_layer_info *info);

/**
 * A network as a whole, as it was created or loaded.
 * @since 0.1
 */
typedef struct ae_network_info {
    size_t size;            /**< sizeof(ae_network_info), set by the caller */
    size_t layer_count;     /**< layers */
    size_t encoder_layers;  /**< layers that encode */
    size_t input_width;     /**< features of input and output */
    size_t code_width;      /**< features of the code */
    size_t parameter_count; /**< trainable parameters */
    size_t column_count;    /**< names that ae_network_column_name knows: 0 or input_width */
    uint64_t seed;          /**< of the initial weights */
    const char *kernels;    /**< as ae_network_kernels */
    float leaky_slope;      /**< slope of AE_ACTIVATION_LEAKY_RELU below zero */
    float bn_epsilon;       /**< added to the variance */
    float bn_decay;         /**< of the running statistics */
    /** 1: every layer normalises its batches; 0: none does, or some do: ae_network_get_layer */
    int batch_norm;
    int has_scaling;     /**< as ae_network_has_scaling */
    int has_threshold;   /**< as ae_network_has_threshold */
    int tied_weights;    /**< 1: the decoder has the encoder's weights, transposed */
    float uint8_scale;   /**< as ae_network_set_uint8_scale; 0: not known */
    size_t image_height; /**< of a row as a picture; 0: not known */
    size_t image_width;  /**< its width; 0: not known */
} ae_network_info;

/**
 * Describe a network.
 *
 * @param network which
 * @param info filled in up to info->size, which the caller sets; untouched on error
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a size not set)
 *
 * Thread safety: reads network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_get_info(const ae_network *network, ae_network_info *info);

/**
 * Name the columns of the network's input. Model files and checkpoints keep the names.
 *
 * A network without names takes those of its training set (a CSV file's header) from
 * ae_network_fit_scaling, or when a trainer is created for it. From then on a dataset whose columns
 * have other names, or stand in another order, is refused (ae_network_check_dataset). Datasets and
 * arrays without names are taken as they are.
 *
 * @param network replaces the names it may have had
 * @param names count names, copied; NULL for none. Tabs and line breaks in them become blanks,
 *              other control characters and bytes that are not UTF-8 question marks
 * @param count the input width, or 0 with NULL
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (network NULL, names NULL but count not 0, a name NULL);
 *         AE_ERROR_SHAPE (count is not the input width); AE_ERROR_OUT_OF_MEMORY; the network is
 *         unchanged after an error
 *
 * Thread safety: changes network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_set_column_names(ae_network *network,
                                                        const char *const *names, size_t count);

/**
 * The name of an input column.
 *
 * @param network whose input
 * @param column from 0
 * @return the name, which lives until the names are set again or the network is freed; NULL when
 *         there are none, for NULL and past the end
 *
 * Thread safety: reads network.
 * @since 0.1
 */
AE_API const char *ae_network_column_name(const ae_network *network, size_t column);

/**
 * Say that a row is a picture. Model files keep the size; ae_network_get_info tells it. A network
 * that does not know it takes its training set's, as with column names. A dataset of pictures of
 * another size is then refused.
 *
 * @param network replaces the size it may have had
 * @param height rows of pixels; 0 with a width of 0: not known
 * @param width pixels of a row; height * width is the input width
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (network NULL); AE_ERROR_SHAPE (not the input width);
 *         the network is unchanged after an error
 *
 * Thread safety: changes network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_set_image_size(ae_network *network, size_t height,
                                                      size_t width);

/**
 * Say by what the training set's uint8 values were multiplied, as ae_dataset_uint8_scale tells.
 * Model files keep it; ae_network_get_info tells it. A network that does not know it takes its
 * training set's, as with column names. A dataset is then refused whose uint8 values have another
 * scale, or whose float32 values look like uint8 that nobody has scaled.
 *
 * @param network replaces the scale it may have had
 * @param scale finite, above 0; 0: not known
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (network NULL, scale outside its range); the network is
 *         unchanged after an error
 *
 * Thread safety: changes network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_set_uint8_scale(ae_network *network, float scale);

/**
 * What a tensor of a network looks like.
 * @since 0.1
 */
typedef struct ae_tensor_info {
    size_t size;       /**< sizeof(ae_tensor_info), set by the caller */
    const char *name;  /**< owned by the network, valid as long as it is */
    size_t rank;       /**< 1 or 2 */
    size_t shape[2];   /**< weights are [out, in], row-major, as PyTorch stores them */
    size_t count;      /**< elements */
    int trainable;     /**< 0 for running statistics, and for the weight of a tied decoder layer */
    uint32_t reserved; /**< 0 */
} ae_tensor_info;

/**
 * Number of tensors of a network. 0 for NULL.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API size_t ae_network_tensor_count(const ae_network *network);

/**
 * Describe a tensor. Names are "encoder.0.weight", "encoder.0.bn.weight" (gamma), ".bn.bias"
 * (beta), ".bn.running_mean", ".bn.running_var", or ".bias" without batch normalisation, then
 * "decoder.0..." .
 *
 * @param network whose tensor
 * @param index 0 to ae_network_tensor_count() - 1
 * @param info filled in up to info->size, which the caller sets; untouched on error
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a size not set, index past the end)
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_get_tensor_info(const ae_network *network, size_t index,
                                                       ae_tensor_info *info);

/**
 * Copy a tensor out, in the shape that ae_network_get_tensor_info gives.
 *
 * @param network whose tensor
 * @param name tensor name
 * @param values receives count floats
 * @param count must equal the tensor's
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_NOT_FOUND (no such tensor);
 *         AE_ERROR_SHAPE (another count)
 *
 * Thread safety: reads network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_get_tensor(const ae_network *network, const char *name,
                                                  float *values, size_t count);

/**
 * Copy a tensor in. Of two tied weights either one sets both.
 *
 * @param network whose tensor
 * @param name tensor name
 * @param values count floats, all finite, running variances not negative
 * @param count must equal the tensor's
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_NOT_FOUND (no such tensor);
 *         AE_ERROR_SHAPE (another count); AE_ERROR_DATA (a value not finite, a negative variance);
 *         the network is unchanged after an error
 *
 * Thread safety: changes network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_set_tensor(ae_network *network, const char *name,
                                                  const float *values, size_t count);

AE_END_DECLS

#endif
