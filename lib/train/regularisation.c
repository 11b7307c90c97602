/* SPDX-License-Identifier: BSD-3-Clause */
/* Options of a trainer for regularisation and weights in the cost; model/penalty.c,
 * model/weighted.c and model/step.c do the computing. */
#include "train/regularisation.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

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

/* 1 is excluded: with nothing left of a row there is nothing to learn from, and dropout would
 * divide by 0. */
ae_status aei_check_share(const char *name, float value)
{
    if (!(value >= 0 && value < 1))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%s %g is not in [0, 1)", name, (double)value);
    return AE_OK;
}

static ae_status resolve_dropouts(ae_trainer_options *o, const ae_network *network)
{
    const size_t layers = network->depth;
    bool any = false;
    AE_TRY(aei_check_share("dropout", o->dropout));
    if (o->dropouts == NULL && o->dropout_count != 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "dropouts is NULL but dropout_count is %zu",
                        o->dropout_count);
    if (o->dropouts == NULL && o->dropout > 0 && layers == 2)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "dropout is %g, but the code is the only hidden layer: dropouts can drop "
                        "its units",
                        (double)o->dropout);
    if (o->dropouts == NULL)
        return AE_OK;
    if (o->dropout_count != layers)
        return aei_fail(AE_ERROR_SHAPE, "dropout_count is %zu, but there are %zu layers",
                        o->dropout_count, layers);
    for (size_t l = 0; l < layers; l++) {
        if (!(o->dropouts[l] >= 0 && o->dropouts[l] < 1))
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "dropouts[%zu] %g is not in [0, 1)", l,
                            (double)o->dropouts[l]);
        any = any || o->dropouts[l] > 0;
    }
    if (o->dropouts[layers - 1] > 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "dropouts[%zu] is %g: the last layer puts out the reconstruction, of which "
                        "nothing is dropped; set it to 0",
                        layers - 1, (double)o->dropouts[layers - 1]);
    o->dropout = 0;
    if (!any)
        o->dropouts = NULL;
    return AE_OK;
}

/* Weights of `what`, which are `unit`s, in the cost. All zero would leave nothing to train on. */
static ae_status check_weights(const char *what, const char *unit, const float *weights,
                               size_t given, size_t count)
{
    bool any = false;
    if (weights == NULL && given != 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%s_weights is NULL but %s_weight_count is %zu",
                        what, what, given);
    if (weights == NULL)
        return AE_OK;
    if (given != count)
        return aei_fail(AE_ERROR_SHAPE, "%s_weight_count is %zu, but there are %zu %ss", what,
                        given, count, unit);
    for (size_t i = 0; i < count; i++) {
        if (!(weights[i] >= 0 && weights[i] < INFINITY))
            return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                            "%s_weights[%zu] is %g: a weight is 0 or more, and finite", what, i,
                            (double)weights[i]);
        any = any || weights[i] > 0;
    }
    return any ? AE_OK
               : aei_fail(AE_ERROR_INVALID_ARGUMENT,
                          "%s_weights are all 0: the cost would be 0 whatever the network does",
                          what);
}

ae_status aei_regularisation_check_rows(const ae_trainer_options *o, size_t rows,
                                        size_t validation_rows)
{
    AE_TRY(check_weights("row", "row", o->row_weights, o->row_weight_count, rows));
    if (o->validation == NULL && o->validation_row_weights != NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "validation_row_weights are given, but no validation set");
    return check_weights("validation_row", "validation row", o->validation_row_weights,
                         o->validation_row_weight_count, validation_rows);
}

static ae_status copy(float **kept, const float **values, size_t count)
{
    if (*values == NULL)
        return AE_OK;
    *kept = malloc(count * sizeof **kept);
    if (*kept == NULL)
        return aei_fail_memory(count * sizeof **kept);
    aei_copy_floats(*kept, *values, count);
    *values = *kept;
    return AE_OK;
}

ae_status aei_regularisation_keep(ae_trainer *t)
{
    ae_trainer_options *o = &t->options;
    const size_t layers = t->network->depth, code = t->network->encoder_layers - 1;
    AE_TRY(copy(&t->feature_weights, &o->feature_weights, o->feature_weight_count));
    AE_TRY(copy(&t->row_weights, &o->row_weights, o->row_weight_count));
    AE_TRY(copy(&t->validation_row_weights, &o->validation_row_weights,
                o->validation_row_weight_count));
    if (o->dropouts == NULL && !(o->dropout > 0))
        return AE_OK;
    t->dropouts = calloc(layers, sizeof *t->dropouts);
    if (t->dropouts == NULL)
        return aei_fail_memory(layers * sizeof *t->dropouts);
    for (size_t l = 0; l + 1 < layers; l++)
        t->dropouts[l] = o->dropouts != NULL ? o->dropouts[l] : l == code ? 0 : o->dropout;
    o->dropouts = t->dropouts;
    o->dropout_count = layers;
    return AE_OK;
}

ae_status aei_regularisation_resolve(ae_trainer_options *o, const ae_network *network)
{
    AE_TRY(check_weight("code_l1", o->code_l1));
    AE_TRY(check_weight("code_l2", o->code_l2));
    AE_TRY(check_weight("code_kl", o->code_kl));
    AE_TRY(resolve_divergence(o, network));
    AE_TRY(check_weights("feature", "feature", o->feature_weights, o->feature_weight_count,
                         network->widths[0]));
    return resolve_dropouts(o, network);
}
