/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_STORED_THRESHOLD_H
#define AEI_STORED_THRESHOLD_H

#include "format/safetensors.h"
#include "store/archive.h"

/* What a network's scores are judged by: its threshold as metadata of its file, libae.threshold, a
 * JSON object; the spread of its errors as a tensor, libae.error_spread. */

/* Add those that the network has and that hold. */
void aei_threshold_put(aei_archive *archive, const ae_network *network);

/* Give them to the network that was just read from the same file. AE_ERROR_FORMAT when one is
 * damaged. */
ae_status aei_threshold_get(ae_network *network, const aei_safetensors *file);

#endif
