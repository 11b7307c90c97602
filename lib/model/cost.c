/* SPDX-License-Identifier: BSD-3-Clause */
/* What does training make smaller, and which way is down? One table of the four costs and of the
 * factor that begins each gradient. The default, L2, is the mean length of a row's error. */
#include "model/cost.h"

#include "base/error.h"
#include "base/options.h"

#include <math.h>
#include <string.h>

AEI_OPTIONS_INIT(ae_score_options)

static const char *const names[] = {
    [AE_COST_L2] = "l2", [AE_COST_SSE] = "sse", [AE_COST_MSE] = "mse", [AE_COST_BCE] = "bce"};

const char *aei_cost_name(ae_cost cost)
{
    return names[cost];
}

/* By name, since files hold names: enumerators may get new numbers, names may not. */
bool aei_cost_parse(ae_cost *cost, const char *name)
{
    for (int i = AE_COST_L2; name != NULL && i <= AE_COST_BCE; i++)
        if (strcmp(name, names[i]) == 0) {
            *cost = (ae_cost)i;
            return true;
        }
    return false;
}

/*
 * The cost, and for each row the factor that turns y - t into dC/dy (for BCE: into dC/du, u being
 * the sigmoid's argument).
 *
 *     L2   C = sum_r |d_r| / n           dC/dy = d / (|d_r| n), and 0 where |d_r| = 0
 *     SSE  C = sum_r |d_r|^2 / n         dC/dy = 2 d / n
 *     MSE  the same over F features      dC/dy = 2 d / (n F)
 *     BCE  C = sum_r bce_r / (n F)       dC/du = d / (n F)
 *
 * Where values are missing, a row's sum is first multiplied by a weight (fill.h), and with it its
 * derivative. A row's own weight multiplies its term and so its factor. n stays the number of rows:
 * what a row adds to the gradient must not depend on which rows happen to share its batch.
 */
double aei_cost_of_rows(ae_cost kind, size_t row_count, size_t batch_rows, size_t features,
                        size_t panels, const float *sums, const aei_there *there,
                        const float *weights, float *factor)
{
    const double rows = (double)batch_rows, width = (double)features;
    double cost = 0;
    for (size_t r = 0; r < row_count; r++) {
        double sum = 0;
        for (size_t p = 0; p < panels; p++)
            sum += (double)sums[p * row_count + r];
        const double share = there == NULL ? 1 : aei_missing_weight(there, row_count, r);
        const double weight = weights == NULL ? 1 : (double)weights[r], both = weight * share;
        sum *= share;
        switch (kind) {
        case AE_COST_SSE:
            factor[r] = (float)(2 * both / rows);
            break;
        case AE_COST_MSE:
            sum /= width;
            factor[r] = (float)(2 * both / (rows * width));
            break;
        case AE_COST_BCE:
            sum /= width;
            factor[r] = (float)(both / (rows * width));
            break;
        default:
            sum = sqrt(sum);
            factor[r] = sum > 0 ? (float)(both / (sum * rows)) : 0;
        }
        cost += weight * sum;
    }
    return cost;
}

static const char *const unit_names[] = {[AE_SCORE_UNITS_SCALED] = "scaled",
                                         [AE_SCORE_UNITS_CALLER] = "caller",
                                         [AE_SCORE_UNITS_SPREAD] = "spread"};

const char *aei_score_units_name(ae_score_units units)
{
    return unit_names[units];
}

bool aei_score_units_parse(ae_score_units *units, const char *name)
{
    for (int i = AE_SCORE_UNITS_SCALED; name != NULL && i <= AE_SCORE_UNITS_SPREAD; i++)
        if (strcmp(name, unit_names[i]) == 0) {
            *units = (ae_score_units)i;
            return true;
        }
    return false;
}

ae_status aei_network_check_cost(const ae_network *network, ae_cost cost)
{
    AE_TRY(aei_check_enum((int)cost, AE_COST_BCE, "cost", "ae_cost"));
    if (cost == AE_COST_BCE && network->layers[network->depth - 1].f.kind != AE_ACTIVATION_SIGMOID)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "binary cross-entropy needs a sigmoid output");
    return AE_OK;
}

static ae_status check_units(const ae_network *network, ae_cost cost, ae_score_units units)
{
    const bool scaled = network->scaling != NULL;
    AE_TRY(aei_check_enum((int)units, AE_SCORE_UNITS_SPREAD, "units", "ae_score_units"));
    if (units == AE_SCORE_UNITS_SCALED && !scaled)
        return aei_fail(AE_ERROR_NOT_SET,
                        "units are AE_SCORE_UNITS_SCALED, but the network has no scaling: "
                        "ae_network_fit_scaling makes one, before training");
    /* An option without effect would leave its caller with another number than meant. */
    if (cost == AE_COST_BCE &&
        ((units == AE_SCORE_UNITS_CALLER && scaled) || units == AE_SCORE_UNITS_SPREAD))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "units are AE_SCORE_UNITS_%s, but binary cross-entropy is of scaled values "
                        "always: leave units 0 or take another cost",
                        units == AE_SCORE_UNITS_SPREAD ? "SPREAD" : "CALLER");
    return AE_OK;
}

ae_status aei_score_form_resolve(aei_score_form *form, const ae_network *network, ae_cost cost,
                                 ae_score_units units)
{
    AE_TRY(aei_network_check_cost(network, cost));
    AE_TRY(check_units(network, cost, units));
    form->cost = cost == AE_COST_DEFAULT ? AE_COST_L2 : cost;
    form->units = units != AE_SCORE_UNITS_DEFAULT ? units
                  : network->scaling != NULL      ? AE_SCORE_UNITS_SCALED
                                                  : AE_SCORE_UNITS_CALLER;
    return AE_OK;
}

ae_status aei_score_form_read(aei_score_form *form, const float **spread, const ae_network *network,
                              const ae_score_options *options)
{
    ae_score_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_score_options"));
    AE_TRY(aei_score_form_resolve(form, network, o.cost, o.units));
    *spread = NULL;
    return form->units == AE_SCORE_UNITS_SPREAD ? aei_network_find_error_spread(spread, network)
                                                : AE_OK;
}
