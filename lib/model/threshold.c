/* SPDX-License-Identifier: BSD-3-Clause */
/* A network's threshold. lib/model/detect.c compares rows with it, lib/train/fit_threshold.c fits
 * it. */
#include <libae/threshold.h>

#include "base/error.h"
#include "base/options.h"
#include "model/cost.h"
#include "model/network_internal.h"

#include <float.h>
#include <math.h>

/* Kept but not given out once the generation has moved: a threshold of other parameters would flag
 * the wrong rows, and the error can then say that there was one. */
const ae_threshold *aei_network_threshold(const ae_network *network)
{
    const bool holds = network->threshold.size != 0 &&
                       network->threshold_generation == network->generation;
    return holds ? &network->threshold : NULL;
}

/* A score is greater than a float64 exactly if it is greater than the float32 at or below that. No
 * score is negative, and C has no constant for an infinity. */
float aei_threshold_float(const ae_threshold *threshold)
{
    const float nearest = (float)threshold->value;
    return fmaxf((double)nearest > threshold->value ? nextafterf(nearest, -INFINITY) : nearest,
                 -FLT_MAX);
}

void aei_network_keep_threshold(ae_network *network, const ae_threshold *threshold)
{
    static const ae_threshold none;
    network->threshold = threshold == NULL ? none : *threshold;
    network->threshold_generation = network->generation;
}

ae_status aei_network_find_threshold(const ae_threshold **threshold, const ae_network *network)
{
    *threshold = aei_network_threshold(network);
    if (*threshold != NULL)
        return AE_OK;
    return aei_fail(
        AE_ERROR_NOT_SET,
        network->threshold.size == 0
            ? "the network has no threshold: ae_network_fit_threshold makes one"
            : "the network has changed since its threshold was fitted or set: fit it again");
}

/* Any finite value, also a negative one: scores are not negative, so that flags every row. */
ae_status ae_network_set_threshold(ae_network *network, double value,
                                   const ae_score_options *options)
{
    AE_REQUIRE(network);
    aei_score_form form;
    const float *spread;
    AE_TRY(aei_score_form_read(&form, &spread, network, options));
    if (!isfinite(value))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "threshold %g is not finite", value);
    aei_network_keep_threshold(network, &(ae_threshold){.size = sizeof(ae_threshold),
                                                        .value = value,
                                                        .cost = form.cost,
                                                        .units = form.units,
                                                        .rule = AE_THRESHOLD_GIVEN});
    return AE_OK;
}

ae_status ae_network_get_threshold(const ae_network *network, ae_threshold *threshold)
{
    AE_REQUIRE(network);
    AE_REQUIRE(threshold);
    const ae_threshold *mine;
    AE_TRY(aei_network_find_threshold(&mine, network));
    return aei_result_write(threshold, mine, sizeof *mine, "ae_threshold");
}

int ae_network_has_threshold(const ae_network *network)
{
    return network != NULL && aei_network_threshold(network) != NULL;
}

void ae_network_clear_threshold(ae_network *network)
{
    if (network != NULL)
        aei_network_keep_threshold(network, NULL);
}
