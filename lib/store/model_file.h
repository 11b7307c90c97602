/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_MODEL_FILE_H
#define AEI_MODEL_FILE_H

#include "format/safetensors.h"
#include "store/archive.h"

/* What model files and checkpoints share. */

/* Files of more bytes than this are not read. */
#define AEI_FILE_LIMIT ((size_t)1 << 34)

/* Name a network's tensors and metadata; parameters and running statistics from blocks laid out
 * like its own. */
void aei_model_put(aei_archive *archive, const float *parameters, const float *running);

/* A format newer than this library: AE_ERROR_UNSUPPORTED. */
ae_status aei_model_check_version(const aei_safetensors *file);

/* Make the network in a container. Statuses of ae_network_load. */
ae_status aei_model_get(ae_network **network, const aei_safetensors *file, const char *kernels);

/* Elements of a network's largest tensor. */
size_t aei_model_largest(const ae_network *network);

/* The plain values of one of a network's tensors, stored under prefix and its name.
 * AE_ERROR_FORMAT: missing, shape, type, not finite. */
ae_status aei_model_values(float *values, const aei_safetensors *file, const ae_network *network,
                           const char *prefix, const aei_tensor *tensor, bool negative_allowed);

#endif
