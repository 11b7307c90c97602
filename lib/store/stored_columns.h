/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_STORED_COLUMNS_H
#define AEI_STORED_COLUMNS_H

#include "format/safetensors.h"
#include "store/archive.h"

/* What a network knows of its columns as metadata of its file: libae.columns, their names, and
 * libae.input, picture and scale. Readers of before skip them. */

/* Add what the archive's network knows. */
void aei_columns_put(aei_archive *archive);

/* Give it to the network that was just read from the same file. AE_ERROR_FORMAT when it is
 * damaged. */
ae_status aei_columns_get(ae_network *network, const aei_safetensors *file);

#endif
