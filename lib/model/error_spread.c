/* SPDX-License-Identifier: BSD-3-Clause */
/* The spread of each feature's error, kept in the network. lib/train/fit_error_spread.c fits it. */
#include <libae/error_spread.h>

#include "base/error.h"
#include "model/network_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const float *aei_network_error_spread(const ae_network *network)
{
    return network->error_spread_generation == network->generation ? network->error_spread : NULL;
}

ae_status aei_network_find_error_spread(const float **spread, const ae_network *network)
{
    *spread = aei_network_error_spread(network);
    if (*spread != NULL)
        return AE_OK;
    return aei_fail(AE_ERROR_NOT_SET,
                    network->error_spread == NULL
                        ? "the network has no spread of its errors: ae_network_fit_error_spread, "
                          "or ae_network_fit_threshold with AE_SCORE_UNITS_SPREAD, makes one"
                        : "the network has changed since the spread of its errors was fitted or "
                          "set: fit it again");
}

/* A threshold in the old spread's units would compare scores with a number of another meaning. */
static void replace(ae_network *network, float *spread)
{
    static const ae_threshold none;
    free(network->error_spread);
    network->error_spread = spread;
    network->error_spread_generation = network->generation;
    if (network->threshold.units == AE_SCORE_UNITS_SPREAD)
        network->threshold = none;
}

void aei_network_move_error_spread(ae_network *to, ae_network *from)
{
    float *moved = from->error_spread;
    const bool holds = aei_network_error_spread(from) != NULL;
    from->error_spread = NULL;
    replace(to, holds ? moved : NULL);
    if (!holds)
        free(moved);
}

ae_status ae_network_set_error_spread(ae_network *network, const float *spread)
{
    AE_REQUIRE(network);
    AE_REQUIRE(spread);
    const size_t features = network->widths[0];
    for (size_t j = 0; j < features; j++)
        if (!(spread[j] > 0 && spread[j] < INFINITY))
            return aei_fail(AE_ERROR_DATA, "spread[%zu] is %g: it must be positive and finite", j,
                            (double)spread[j]);
    float *mine = malloc(features * sizeof *mine);
    if (mine == NULL)
        return aei_fail_memory(features * sizeof *mine);
    replace(network, memcpy(mine, spread, features * sizeof *mine));
    return AE_OK;
}

ae_status ae_network_get_error_spread(const ae_network *network, float *spread)
{
    AE_REQUIRE(network);
    AE_REQUIRE(spread);
    const float *mine;
    AE_TRY(aei_network_find_error_spread(&mine, network));
    memcpy(spread, mine, network->widths[0] * sizeof *mine);
    return AE_OK;
}

int ae_network_has_error_spread(const ae_network *network)
{
    return network != NULL && aei_network_error_spread(network) != NULL;
}

void ae_network_clear_error_spread(ae_network *network)
{
    if (network != NULL)
        replace(network, NULL);
}
