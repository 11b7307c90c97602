/* SPDX-License-Identifier: BSD-3-Clause */
/* Options of a trainer for regularisation; the computing is in model/penalty.c. */
#include "train/regularisation.h"

#include "base/error.h"

#include <math.h>

static ae_status check_weight(const char *name, float value)
{
    if (!(value >= 0 && value < INFINITY))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%s %g is negative or not finite", name,
                        (double)value);
    return AE_OK;
}

/* The divergence compares chances, so a unit has to lie between 0 and 1. */
static ae_status resolve_divergence(ae_trainer_options *o, const ae_network *network)
{
    const size_t code = network->encoder_layers - 1;
    if (!(o->code_kl_target >= 0 && o->code_kl_target < 1))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "code_kl_target %g is not in (0, 1)",
                        (double)o->code_kl_target);
    if (o->code_kl > 0 && network->layers[code].f.kind != AE_ACTIVATION_SIGMOID)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "code_kl %g needs a sigmoid code, and layer %zu, whose output is the code, "
                        "has another activation: code_l1 takes any",
                        (double)o->code_kl, code);
    if (o->code_kl > 0)
        o->code_kl_target = o->code_kl_target > 0 ? o->code_kl_target : 0.05f;
    else if (o->code_kl_target > 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "code_kl_target is %g, but code_kl, the weight of that penalty, is 0",
                        (double)o->code_kl_target);
    return AE_OK;
}

ae_status aei_regularisation_resolve(ae_trainer_options *o, const ae_network *network)
{
    AE_TRY(check_weight("code_l1", o->code_l1));
    AE_TRY(check_weight("code_l2", o->code_l2));
    AE_TRY(check_weight("code_kl", o->code_kl));
    return resolve_divergence(o, network);
}
