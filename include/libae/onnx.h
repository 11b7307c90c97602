/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_ONNX_H
#define LIBAE_ONNX_H

#include <libae/attributes.h>
#include <libae/network.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>

AE_BEGIN_DECLS

/** How to export to ONNX. Zero in any field but size means its default. @since 0.1 */
typedef struct ae_export_onnx_options {
    size_t size; /**< sizeof(ae_export_onnx_options); AE_EXPORT_ONNX_OPTIONS fills it in */
    /**
     * Multiply batch normalisation into weights and biases, which is faster to run and cannot be
     * trained further. Default off: a BatchNormalization node in each layer.
     */
    ae_toggle fold_batch_norm;
} ae_export_onnx_options;

/** Options in place: AE_EXPORT_ONNX_OPTIONS(.fold_batch_norm = AE_TOGGLE_ON). C only; C++ calls
 * ae_export_onnx_options_init. */
#define AE_EXPORT_ONNX_OPTIONS(...) \
    (&(ae_export_onnx_options){.size = sizeof(ae_export_onnx_options), __VA_ARGS__})

/** Options with every default. NULL is ignored. Thread safety: safe. @since 0.1 */
AE_API void ae_export_onnx_options_init(ae_export_onnx_options *options);

/**
 * Write a network as an ONNX model (opset 15, IR version 8: ONNX 1.10 and everything since), whole
 * or not at all, as ae_network_save does.
 *
 * One graph computes what a session does: input "input", float32 [N, features] for any N; outputs
 * "code", [N, code width], and "reconstruction", [N, features]. A runtime that is asked for "code"
 * alone leaves the decoder out. A scaling of the features (ae_network_fit_scaling) is part of the
 * graph: "input" and "reconstruction" are in the caller's units. Weights keep the names that
 * ae_network_get_tensor_info gives; libae's version and the architecture are in the metadata,
 * "libae.version" and "libae.architecture".
 *
 * @param network what to export
 * @param path file name; an existing file is replaced only when the new one is complete
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an option outside its range); AE_ERROR_DATA
 *         (folding gives a value that is not finite); AE_ERROR_UNSUPPORTED (a build without
 *         protobuf-c, a network over the format's 2 GiB); AE_ERROR_NOT_FOUND (no such folder);
 *         AE_ERROR_NO_SPACE; AE_ERROR_IO; AE_ERROR_OUT_OF_MEMORY
 * Thread safety: reads network. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_export_onnx(const ae_network *network, const char *path,
                                                   const ae_export_onnx_options *options);

AE_END_DECLS

#endif
