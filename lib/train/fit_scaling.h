/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_FIT_SCALING_H
#define AEI_FIT_SCALING_H

#include <libae/dataset.h>

#include "model/network_internal.h"

/* Give a network without column names those of a dataset of its width, if that has any.
 * AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_take_column_names(ae_network *network, const ae_dataset *dataset);

#endif
