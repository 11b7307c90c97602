/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CHECK_DATASET_H
#define AEI_CHECK_DATASET_H

#include <libae/dataset.h>
#include <libae/network.h>

/* aei_network_check_columns of a whole dataset. */
ae_status aei_network_check_dataset(const ae_network *network, const ae_dataset *dataset,
                                    const char *what);

#endif
