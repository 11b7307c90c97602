/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_STORED_THRESHOLD_H
#define AEI_STORED_THRESHOLD_H

#include "format/safetensors.h"
#include "store/archive.h"

/* A network's threshold as metadata of its file, libae.threshold: a JSON object. Readers of before
 * skip it. */

/* Add it, if the network has one that holds. */
void aei_threshold_put(aei_archive *archive, const ae_network *network);

/* Give it to the network that was just read from the same file. AE_ERROR_FORMAT when it is
 * damaged. */
ae_status aei_threshold_get(ae_network *network, const aei_safetensors *file);

#endif
