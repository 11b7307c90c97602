/* SPDX-License-Identifier: BSD-3-Clause */
/* A network's threshold, and rows judged by it. Fitting one needs a dataset: lib/train/threshold.c. */
#include <libae/anomaly.h>

#include "base/error.h"
#include "base/options.h"
#include "model/session.h"

#include <math.h>

/* Rows whose scores wait on the stack. */
enum { FEW = 512 };

ae_status aei_network_check_cost(const ae_network *network, ae_cost cost)
{
    if ((int)cost < AE_COST_DEFAULT || (int)cost > AE_COST_BCE)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "cost %d is not an ae_cost", (int)cost);
    if (cost == AE_COST_BCE && network->layers[network->depth - 1].f.kind != AE_SIGMOID)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "binary cross-entropy needs a sigmoid output");
    return AE_OK;
}

const ae_threshold *aei_network_threshold(const ae_network *network)
{
    const bool holds = network->threshold.size != 0 && network->threshold_generation == network->generation;
    return holds ? &network->threshold : NULL;
}

void aei_network_keep_threshold(ae_network *network, const ae_threshold *threshold)
{
    static const ae_threshold none;
    network->threshold = threshold == NULL ? none : *threshold;
    network->threshold_generation = network->generation;
}

/* The threshold, or the reason why there is none. */
static ae_status find(const ae_threshold **threshold, const ae_network *network)
{
    *threshold = aei_network_threshold(network);
    if (*threshold != NULL)
        return AE_OK;
    return aei_fail(AE_ERROR_STATE, network->threshold.size == 0
                                        ? "the network has no threshold: ae_network_fit_threshold makes one"
                                        : "the network has changed since its threshold was fitted: fit it again");
}

ae_status ae_network_set_threshold(ae_network *network, ae_cost cost, double value)
{
    AE_REQUIRE(network);
    AE_TRY(aei_network_check_cost(network, cost));
    if (!isfinite(value))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "threshold %g is not finite", value);
    aei_network_keep_threshold(network, &(ae_threshold){.size = sizeof(ae_threshold),
                                                        .value = value,
                                                        .cost = cost == AE_COST_DEFAULT ? AE_COST_L2 : cost,
                                                        .rule = AE_THRESHOLD_GIVEN});
    return AE_OK;
}

ae_status ae_network_threshold(const ae_network *network, ae_threshold *threshold)
{
    AE_REQUIRE(network);
    AE_REQUIRE(threshold);
    const ae_threshold *mine;
    AE_TRY(find(&mine, network));
    return aei_result_write(threshold, mine, sizeof *mine, "ae_threshold");
}

ae_status ae_is_anomaly(ae_session *session, const float *rows, size_t count, unsigned char *flags, float *scores)
{
    AE_REQUIRE(session);
    const ae_network *network = aei_session_network(session);
    const ae_threshold *threshold;
    AE_TRY(find(&threshold, network));
    if (count == 0)
        return AE_OK;
    AE_REQUIRE(rows);
    AE_REQUIRE(flags);
    float few[FEW] = {0};
    for (size_t done = 0; done < count;) {
        const size_t batch = scores != NULL || count - done < FEW ? count - done : FEW;
        float *to = scores != NULL ? scores + done : few;
        AE_TRY(ae_score(session, threshold->cost, rows + done * network->widths[0], batch, to, NULL));
        for (size_t r = 0; r < batch; r++)
            flags[done + r] = !((double)to[r] <= threshold->value); /* NaN is anomalous */
        done += batch;
    }
    return AE_OK;
}
