/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_EXPORT_H
#define LIBAE_EXPORT_H

#include <libae/attributes.h>
#include <libae/network.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * Which functions exported C has; arrays and helpers that they do not need are left out.
 * @since 0.1
 */
typedef enum ae_export_part {
    AE_EXPORT_PART_DEFAULT = 0, /**< AE_EXPORT_PART_ALL */
    AE_EXPORT_PART_ALL = 1,     /**< encode, decode, reconstruct and score */
    AE_EXPORT_PART_ENCODER = 2, /**< encode alone */
    AE_EXPORT_PART_DECODER = 3  /**< decode alone */
} ae_export_part;

/**
 * How to export C. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_export_c_options {
    size_t size; /**< sizeof(ae_export_c_options); AE_EXPORT_C_OPTIONS fills it in */
    /**
     * What every name in the source starts with: 1 to 40 letters, digits and single underscores,
     * the first a letter. Default: the last part of the path, without .c.
     */
    const char *prefix;
    ae_export_part part; /**< default AE_EXPORT_PART_ALL */
    /** of the score; default: the threshold's where there is one, else scaled where the network has
     * a scaling, else the caller's. Refused with another part than AE_EXPORT_PART_ALL. */
    ae_score_units units;
} ae_export_c_options;

/** Options in place: AE_EXPORT_C_OPTIONS(.prefix = "net"). C only; C++ calls
 * ae_export_c_options_init. */
#define AE_EXPORT_C_OPTIONS(...) \
    (&(ae_export_c_options){.size = sizeof(ae_export_c_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_export_c_options_init(ae_export_c_options *options);

/**
 * What exported C needs where it runs; its header has the same numbers as macros.
 * @since 0.1
 */
typedef struct ae_export_c_info {
    size_t size;          /**< sizeof(ae_export_c_info), set by the caller */
    size_t weight_bytes;  /**< constant arrays: flash */
    size_t buffer_bytes;  /**< static buffers: RAM */
    size_t multiply_adds; /**< of one call of reconstruct, or of the part that is exported */
} ae_export_c_info;

/**
 * Export a network as C source for machines without libae, an operating system or a C library:
 * path.c with the weights as constant arrays, and path.h, which documents the functions and their
 * sizes.
 *
 * With the prefix "digits" they are, each for one row:
 *
 *     void digits_encode(const float row[DIGITS_INPUT_WIDTH], float code[DIGITS_CODE_WIDTH]);
 *     void digits_decode(const float code[], float reconstruction[]);
 *     void digits_reconstruct(const float row[], float reconstruction[]);
 *     float digits_score(const float row[]);      the L2 norm, as ae_session_score in those units
 *
 * The source is C99 and C++ and calls nothing. Batch normalisation is folded into weights and
 * biases. Sums are float32 in another order than a session's, so results agree to rounding: within
 * 1e-5 for outputs in [0, 1]. Outputs of inner layers lie in two static buffers, so one call at a
 * time.
 *
 * Where the network has a scaling, rows and reconstructions are in the caller's units, as a
 * session's are; options->units says what the score is in. Where the network has a threshold, and
 * all of it is exported, there is also
 *
 *     int digits_is_anomaly(const float row[]);   1 or 0, by DIGITS_THRESHOLD and the threshold's
 *     cost and units
 *
 * Where the network has fill values (<libae/missing.h>), a NaN in a row is a missing value: encode
 * and reconstruct read the fill value there, score and is_anomaly leave the feature out, as a
 * session does. A compiler option that assumes that there is no NaN (-ffast-math) breaks this.
 *
 * A file of that name is replaced only if libae wrote it, so that no program is lost. Both files
 * are written beside their places and synced before either is renamed, and the first is
 * put back if the second cannot be. The source refuses to compile with the header of another
 * export.
 *
 * @param network what to export
 * @param path where to: "model/digits" or "model/digits.c" for model/digits.c and model/digits.h
 * @param info NULL, or filled in on success; info->size must be set
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a prefix that is not allowed, a file name that
 *         #include cannot hold, an option outside its range, units of another part or other than
 *         the threshold's, info->size not set, a file of that name that libae did not write);
 *         AE_ERROR_NOT_SET (units that need a scaling or a spread, and there is none);
 *         AE_ERROR_DATA (a folded weight is not finite, naming the layer);
 *         AE_ERROR_UNSUPPORTED (a threshold of AE_COST_BCE, unless one part is exported);
 *         AE_ERROR_NOT_FOUND (no such folder); AE_ERROR_NO_SPACE;
 *         AE_ERROR_IO; AE_ERROR_OUT_OF_MEMORY; after an error both files are as they were, unless
 *         its text says that the folder cannot be synced: then both are new
 * Thread safety: reads network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_export_c(const ae_network *network, const char *path,
                                                ae_export_c_info *info,
                                                const ae_export_c_options *options);

/**
 * How to export to ONNX. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_export_onnx_options {
    size_t size; /**< sizeof(ae_export_onnx_options); AE_EXPORT_ONNX_OPTIONS fills it in */
    /**
     * Fold batch normalisation into weights and biases: faster to run, but the model cannot be
     * trained further. Default off: a BatchNormalization node in each layer.
     */
    ae_toggle fold_batch_norm;
    /**
     * Add an output "score", and where the network has a threshold another, "anomaly". Default off.
     */
    ae_toggle score;
    ae_cost cost; /**< of "score"; default: the threshold's, else AE_COST_L2; not AE_COST_BCE */
    /** of "score"; default: the threshold's, else scaled where the network has a scaling */
    ae_score_units units;
} ae_export_onnx_options;

/** Options in place: AE_EXPORT_ONNX_OPTIONS(.fold_batch_norm = AE_TOGGLE_ON). C only; C++ calls
 * ae_export_onnx_options_init. */
#define AE_EXPORT_ONNX_OPTIONS(...) \
    (&(ae_export_onnx_options){.size = sizeof(ae_export_onnx_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_export_onnx_options_init(ae_export_onnx_options *options);

/**
 * Export a network as an ONNX model (opset 15, IR version 8: ONNX 1.10 and everything since), whole
 * or not at all, as ae_network_save does.
 *
 * One graph computes what a session does: input "input", float32 [N, features] for any N; outputs
 * "code", [N, code width], and "reconstruction", [N, features]. A runtime that is asked for "code"
 * alone leaves the decoder out. A scaling of the features (ae_network_fit_scaling) is part of the
 * graph: "input" and "reconstruction" are in the caller's units. Weights keep the names that
 * ae_network_get_tensor_info gives; libae's version and the architecture are in the metadata,
 * "libae.version" and "libae.architecture".
 *
 * With options->score there is an output "score", float32 [N], what ae_session_score gives up to
 * rounding, and in the metadata "libae.score", a JSON object of its cost and units. Where the
 * network has a threshold, that object has it too, and there is an output "anomaly", bool [N]: what
 * ae_session_detect gives.
 *
 * @param network what to export
 * @param path file name; an existing file is replaced only when the new one is complete
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an option outside its range, cost or units
 *         without score or other than the threshold's); AE_ERROR_NOT_SET (units that need a scaling
 *         or a spread, and there is none); AE_ERROR_DATA (a folded weight is not finite, naming the
 *         layer); AE_ERROR_UNSUPPORTED (a build without protobuf-c, a network over the format's
 *         2 GiB, a score of AE_COST_BCE); AE_ERROR_NOT_FOUND (no such folder);
 *         AE_ERROR_NO_SPACE; AE_ERROR_IO; AE_ERROR_OUT_OF_MEMORY
 * Thread safety: reads network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_export_onnx(const ae_network *network, const char *path,
                                                   const ae_export_onnx_options *options);

AE_END_DECLS

#endif
