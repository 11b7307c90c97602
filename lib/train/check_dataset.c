/* SPDX-License-Identifier: BSD-3-Clause */
#include "train/check_dataset.h"

#include "base/error.h"
#include "data/dataset_internal.h"
#include "model/network_internal.h"

#include <libae/evaluate.h>

ae_status aei_network_check_dataset(const ae_network *network, const ae_dataset *dataset,
                                    const char *what)
{
    const aei_columns_info columns = aei_dataset_columns(dataset);
    return aei_network_check_columns(network, &columns, what);
}

ae_status ae_network_check_dataset(const ae_network *network, const ae_dataset *dataset)
{
    AE_REQUIRE(network);
    AE_REQUIRE(dataset);
    return aei_network_check_dataset(network, dataset, "dataset");
}
