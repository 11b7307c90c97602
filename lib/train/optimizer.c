/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How do parameters move along a gradient: by Adam, AdamW, SGD, or not at all? An optimizer only
 * keeps numbers. For each step they become an aei_update, whose factors the kernels apply while a
 * gradient is in the cache. The moments belong to a layout, not to a network's handle: a network
 * that is loaded again takes them up.
 */
#include "train/optimizer_internal.h"

#include "base/elementary.h"
#include "base/error.h"
#include "base/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

AEI_OPTIONS_INIT(ae_adam_options)

AEI_OPTIONS_INIT(ae_sgd_options)

/* In the order of aei_optimizer_kind. Checkpoints hold these names, so they stay as they are. */
const char *aei_optimizer_name(aei_optimizer_kind kind)
{
    static const char *const names[] = {"none", "adam", "adamw", "sgd"};
    return names[kind];
}

/* Like the checks below, it asks whether the value is good and negates that: NaN fails every
 * comparison, so it is refused too. */
static ae_status check_rate(float rate)
{
    if (!(rate > 0 && rate < INFINITY))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "learning_rate %g is not positive and finite",
                        (double)rate);
    return AE_OK;
}

static ae_status check_fraction(const char *name, float value)
{
    if (!(value > 0 && value < 1))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%s %g is not in (0, 1)", name, (double)value);
    return AE_OK;
}

static ae_status check_decay(float decay)
{
    if (!(decay >= 0 && decay < INFINITY))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "weight_decay %g is negative or not finite",
                        (double)decay);
    return AE_OK;
}

/* Every kind starts with a constant rate; ae_optimizer_set_schedule brings another schedule. The
 * moments come later: only a network tells how many there are. */
static ae_status create(ae_optimizer **optimizer, const ae_optimizer *values)
{
    ae_optimizer *o = malloc(sizeof *o);
    if (o == NULL)
        return aei_fail_memory(sizeof *o);
    *o = *values;
    o->schedule = (ae_schedule_options){
        .size = sizeof o->schedule, .kind = AE_SCHEDULE_CONSTANT, .factor = 1};
    *optimizer = o;
    return AE_OK;
}

/* The rate stays 0, so that histories and callbacks show a rate of 0 for a run without an
 * optimizer. It is aei_step_job.keep_parameters that keeps the parameters as they are. */
ae_status aei_optimizer_create_none(ae_optimizer **optimizer)
{
    return create(optimizer, &(ae_optimizer){.kind = AEI_NO_OPTIMIZER});
}

/* Defaults are those of Kingma and Ba (2015), which PyTorch has too, but without weight decay for
 * AdamW as well. 0 asks for the default, so a beta or epsilon of exactly 0 cannot be asked for;
 * epsilon has to be positive anyway, or a gradient of 0 would divide 0 by 0. */
static ae_status create_adam(ae_optimizer **optimizer, const ae_adam_options *options,
                             aei_optimizer_kind kind)
{
    AE_REQUIRE(optimizer);
    ae_adam_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_adam_options"));
    AE_TRY(aei_check_reserved(o.reserved, "ae_adam_options"));
    o.learning_rate = o.learning_rate == 0 ? 0.001f : o.learning_rate;
    o.beta1 = o.beta1 == 0 ? 0.9f : o.beta1;
    o.beta2 = o.beta2 == 0 ? 0.999f : o.beta2;
    o.epsilon = o.epsilon == 0 ? 1e-8f : o.epsilon;
    AE_TRY(check_rate(o.learning_rate));
    AE_TRY(check_fraction("beta1", o.beta1));
    AE_TRY(check_fraction("beta2", o.beta2));
    AE_TRY(check_decay(o.weight_decay));
    if (!(o.epsilon > 0 && o.epsilon < INFINITY))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "epsilon %g is not positive and finite",
                        (double)o.epsilon);
    return create(optimizer, &(ae_optimizer){
                                 .kind = kind,
                                 .learning_rate = o.learning_rate,
                                 .beta1 = o.beta1,
                                 .beta2 = o.beta2,
                                 .epsilon = o.epsilon,
                                 .weight_decay = o.weight_decay,
                             });
}

ae_status ae_optimizer_create_adam(ae_optimizer **optimizer, const ae_adam_options *options)
{
    return create_adam(optimizer, options, AEI_ADAM);
}

ae_status ae_optimizer_create_adamw(ae_optimizer **optimizer, const ae_adam_options *options)
{
    return create_adam(optimizer, options, AEI_ADAMW);
}

ae_status ae_optimizer_create_sgd(ae_optimizer **optimizer, const ae_sgd_options *options)
{
    AE_REQUIRE(optimizer);
    ae_sgd_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_sgd_options"));
    o.learning_rate = o.learning_rate == 0 ? 0.01f : o.learning_rate;
    AE_TRY(check_rate(o.learning_rate));
    AE_TRY(check_decay(o.weight_decay));
    if (!(o.momentum >= 0 && o.momentum < 1))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "momentum %g is not in [0, 1)",
                        (double)o.momentum);
    AE_TRY(aei_check_enum((int)o.nesterov, AE_TOGGLE_OFF, "nesterov", "ae_toggle"));
    if (o.nesterov == AE_TOGGLE_ON && o.momentum == 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "nesterov needs a momentum above 0");
    return create(optimizer, &(ae_optimizer){
                                 .kind = AEI_SGD,
                                 .learning_rate = o.learning_rate,
                                 .weight_decay = o.weight_decay,
                                 .momentum = o.momentum,
                                 .nesterov = o.nesterov == AE_TOGGLE_ON,
                             });
}

/* Back to step 0 together with the moments: bias correction counts the steps since they were
 * zero. */
static void detach(ae_optimizer *optimizer)
{
    aei_arena_free(&optimizer->arena);
    free(optimizer->layout);
    optimizer->layout = NULL;
    optimizer->first = optimizer->second = NULL;
    optimizer->steps = 0;
}

void ae_optimizer_free(ae_optimizer *optimizer)
{
    if (optimizer == NULL)
        return;
    detach(optimizer);
    free(optimizer);
}

/* The panel counts because moments are stored in panels: kernels with another width would read
 * another parameter's moments. Batch normalisation counts because it decides which parameters there
 * are. */
bool aei_optimizer_matches(const ae_optimizer *optimizer, const ae_network *network)
{
    const size_t depth = network->depth;
    if (optimizer->layout == NULL || optimizer->depth != depth ||
        optimizer->panel != network->kernels->panel || optimizer->tied != network->tied ||
        memcmp(optimizer->layout, network->widths, (depth + 1) * sizeof *network->widths) != 0)
        return false;
    for (size_t l = 0; l < depth; l++)
        if (optimizer->layout[depth + 1 + l] != network->layers[l].batch_norm)
            return false;
    return true;
}

static bool same_share(const aei_optimizer_share *a, const aei_optimizer_share *b)
{
    return a->rank == b->rank && a->ranks == b->ranks && a->block == b->block &&
           a->floats == b->floats;
}

bool aei_optimizer_fits(const ae_optimizer *optimizer, const ae_network *network,
                        const aei_optimizer_share *share)
{
    return aei_optimizer_matches(optimizer, network) && same_share(&optimizer->share, share);
}

/* What aei_optimizer_matches compares. */
static void copy_layout(size_t *layout, const ae_network *network)
{
    const size_t depth = network->depth;
    memcpy(layout, network->widths, (depth + 1) * sizeof *layout);
    for (size_t l = 0; l < depth; l++)
        layout[depth + 1 + l] = network->layers[l].batch_norm;
}

size_t aei_optimizer_moments(const ae_optimizer *optimizer)
{
    if (optimizer->kind == AEI_ADAM || optimizer->kind == AEI_ADAMW)
        return 2;
    return optimizer->momentum > 0 ? 1 : 0;
}

/* The other ranks have the rest, so these moments are of use where they are and nowhere else. */
static ae_status check_share(const ae_optimizer *optimizer, const aei_optimizer_share *share)
{
    const aei_optimizer_share *mine = &optimizer->share;
    if (optimizer->layout == NULL || mine->ranks == 1 || same_share(mine, share))
        return AE_OK;
    return aei_fail(AE_ERROR_STATE,
                    "the optimizer has the moments of rank %zu of %zu alone, for a run like the "
                    "one it was in: give this run a new optimizer and resume a checkpoint",
                    mine->rank, mine->ranks);
}

/* Called twice, as aei_arena wants it. */
static void lay_out(aei_attachment *a, size_t moments)
{
    const size_t floats = a->share.floats;
    float *first = aei_arena_take(&a->arena, moments > 0 ? floats : 0, sizeof(float));
    float *second = aei_arena_take(&a->arena, moments > 1 ? floats : 0, sizeof(float));
    a->first = moments > 0 ? first : NULL;
    a->second = moments > 1 ? second : NULL;
}

/* A fresh arena is zero, and zero moments are where every rule starts. */
ae_status aei_optimizer_prepare(aei_attachment *attachment, const ae_optimizer *optimizer,
                                const ae_network *network, const aei_step *step,
                                const aei_optimizer_share *share)
{
    *attachment = (aei_attachment){.share = *share};
    AE_TRY(check_share(optimizer, share));
    attachment->kept = aei_optimizer_fits(optimizer, network, share);
    if (attachment->kept)
        return AE_OK;
    const size_t layout_size = (2 * network->depth + 1) * sizeof *optimizer->layout;
    const size_t moments = aei_optimizer_moments(optimizer);
    attachment->layout = malloc(layout_size);
    if (attachment->layout == NULL)
        return aei_fail_memory(layout_size);
    copy_layout(attachment->layout, network);
    lay_out(attachment, moments);
    const ae_status status = aei_arena_allocate(&attachment->arena);
    if (status != AE_OK) {
        aei_attachment_free(attachment);
        return status;
    }
    lay_out(attachment, moments);
    if (!aei_optimizer_matches(optimizer, network))
        return AE_OK;
    if (moments > 0)
        aei_step_share_moments(step, optimizer->first, attachment->first);
    if (moments > 1)
        aei_step_share_moments(step, optimizer->second, attachment->second);
    return AE_OK;
}

void aei_attachment_free(aei_attachment *attachment)
{
    aei_arena_free(&attachment->arena);
    free(attachment->layout);
    attachment->layout = NULL;
}

void aei_optimizer_attach(ae_optimizer *optimizer, const ae_network *network,
                          aei_attachment *attachment)
{
    if (attachment->kept)
        return;
    const uint64_t steps = aei_optimizer_matches(optimizer, network) ? optimizer->steps : 0;
    detach(optimizer);
    optimizer->steps = steps;
    optimizer->arena = attachment->arena;
    optimizer->first = attachment->first;
    optimizer->second = attachment->second;
    optimizer->share = attachment->share;
    optimizer->state_floats = attachment->share.floats;
    optimizer->layout = attachment->layout;
    optimizer->depth = network->depth;
    optimizer->panel = network->kernels->panel;
    optimizer->tied = network->tied;
}

/*
 * Adam's bias corrections (Kingma and Ba 2015, algorithm 1) need no division for each parameter:
 * the first goes into the rate, the second into the root's scale. epsilon is added after that
 * scale, as in algorithm 1 and PyTorch. The powers are taken in double, because in float32 1 -
 * beta2^t has few digits in the first steps.
 */
aei_update aei_optimizer_update(const ae_optimizer *o, float base_rate, bool decays)
{
    const double rate = (double)base_rate;
    const uint64_t t = o->steps + 1;
    const float decay = decays ? o->weight_decay : 0;
    aei_update u = {.gradient_scale = 1, .shrink = 1, .rate = base_rate};
    if (o->kind == AEI_SGD || o->kind == AEI_NO_OPTIMIZER) {
        u.rule = AEI_UPDATE_SGD;
        u.decay = decay;
        u.beta1 = o->momentum;
        u.nesterov = o->nesterov;
        return u;
    }
    u.rule = AEI_UPDATE_ADAM;
    u.beta1 = o->beta1;
    u.beta2 = o->beta2;
    u.epsilon = o->epsilon;
    u.rate = (float)(rate / (1 - aei_power((double)o->beta1, t, 1)));
    u.root_scale = (float)(1 / sqrt(1 - aei_power((double)o->beta2, t, 1)));
    /* Decoupled decay: it is not divided by the second moment (Loshchilov and Hutter 2019,
     * algorithm 2). Its rate is without bias correction, as in PyTorch. */
    if (o->kind == AEI_ADAMW)
        u.shrink = (float)(1 - rate * (double)decay);
    else
        u.decay = decay;
    return u;
}

ae_status ae_optimizer_set_learning_rate(ae_optimizer *optimizer, float learning_rate)
{
    AE_REQUIRE(optimizer);
    AE_TRY(check_rate(learning_rate));
    optimizer->learning_rate = learning_rate;
    return AE_OK;
}

/* Of the step to come, which is the rate that a caller wants to see beside a progress bar. */
float ae_optimizer_learning_rate(const ae_optimizer *optimizer)
{
    return optimizer == NULL ? 0 : aei_optimizer_rate(optimizer, optimizer->steps);
}

uint64_t ae_optimizer_step_count(const ae_optimizer *optimizer)
{
    return optimizer == NULL ? 0 : optimizer->steps;
}
