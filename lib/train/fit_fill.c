/* SPDX-License-Identifier: BSD-3-Clause */
/* Fill values from a dataset: the mean of what is there, which the input reads elsewhere. */
#include "base/error.h"
#include "model/network_internal.h"
#include "train/check_dataset.h"

#include <libae/missing.h>
#include <math.h>
#include <stdlib.h>

/* A column without any value has no mean, and a network could learn nothing from it. */
static ae_status check_means(const float *means, size_t features, const ae_dataset *dataset)
{
    for (size_t j = 0; j < features; j++) {
        if (!isnan(means[j]))
            continue;
        const char *name = ae_dataset_column_name(dataset, j);
        return aei_fail(AE_ERROR_DATA,
                        "column %zu (%s): every value is missing: leave the column out", j,
                        name == NULL ? "no name" : name);
    }
    return AE_OK;
}

ae_status ae_network_fit_fill(ae_network *network, const ae_dataset *dataset)
{
    AE_REQUIRE(network);
    AE_REQUIRE(dataset);
    const size_t features = network->widths[0];
    AE_TRY(aei_network_check_dataset(network, dataset, "dataset"));
    float *means = malloc(features * sizeof *means);
    if (means == NULL)
        return aei_fail_memory(features * sizeof *means);
    ae_status status = ae_dataset_mean(dataset, means);
    if (status == AE_OK)
        status = check_means(means, features, dataset);
    if (status == AE_OK)
        status = ae_network_set_fill(network, means);
    free(means);
    return status;
}
