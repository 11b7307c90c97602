/* SPDX-License-Identifier: BSD-3-Clause */
/* What is the learning rate of a step? A function of the step's number alone: nothing is counted
 * up, so that a resumed run needs the optimizer's steps and no more. */
#include "base/elementary.h"
#include "base/error.h"
#include "base/options.h"
#include "train/optimizer_internal.h"

#include <math.h>

AEI_OPTIONS_INIT(ae_schedule_options)

/* Options are checked together here, because a schedule that lacks its period or its callback would
 * fail in the middle of a run. */
ae_status ae_optimizer_set_schedule(ae_optimizer *optimizer, const ae_schedule_options *options)
{
    AE_REQUIRE(optimizer);
    ae_schedule_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_schedule_options"));
    AE_TRY(aei_check_reserved(o.reserved, "ae_schedule_options"));
    AE_TRY(aei_check_enum((int)o.kind, AE_SCHEDULE_CALLBACK, "kind", "ae_schedule"));
    o.kind = o.kind == AE_SCHEDULE_DEFAULT ? AE_SCHEDULE_CONSTANT : o.kind;
    o.factor = o.factor == 0 ? 0.1f : o.factor;
    if (!(o.factor > 0 && o.factor <= 1))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "factor %g is not in (0, 1]", (double)o.factor);
    if (!(o.floor >= 0 && o.floor <= optimizer->learning_rate))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "floor %g is not between 0 and the learning rate %g", (double)o.floor,
                        (double)optimizer->learning_rate);
    if (o.period == 0 && (o.kind == AE_SCHEDULE_STEP || o.kind == AE_SCHEDULE_EXPONENTIAL))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "period is 0: step and exponential schedules need one, in steps");
    if ((o.callback != NULL) != (o.kind == AE_SCHEDULE_CALLBACK))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "a callback and kind AE_SCHEDULE_CALLBACK go together: one is missing");
    optimizer->schedule = o;
    return AE_OK;
}

/* In double, since float32 does not hold every step beyond 2^24. The cosine is that of Loshchilov
 * and Hutter (2017, SGDR, equation 5) without restarts; it ends with the run where no period is
 * given. Warm-up reaches the full rate with its last step, so the first one is not 0. */
float aei_optimizer_rate(const ae_optimizer *optimizer, uint64_t step)
{
    const ae_schedule_options *o = &optimizer->schedule;
    const double base = (double)optimizer->learning_rate;
    if (step < o->warmup_steps)
        return (float)(base * ((double)step + 1) / (double)o->warmup_steps);
    const uint64_t since = step - o->warmup_steps;
    const double floor = fmin((double)o->floor, base); /* the base may have been lowered since */
    uint64_t period = o->period;
    switch (o->kind) {
    case AE_SCHEDULE_STEP:
        return (float)(base * aei_power((double)o->factor, since / period, 1));
    case AE_SCHEDULE_EXPONENTIAL:
        return (float)(base * aei_power((double)o->factor, since, period));
    case AE_SCHEDULE_COSINE:
        if (period == 0)
            period = optimizer->run_steps > o->warmup_steps ? optimizer->run_steps - o->warmup_steps
                                                            : 1;
        if (since >= period)
            return (float)floor;
        return (float)(floor + (base - floor) *
                                   (1 + aei_cos_turns((double)since / (double)period / 2)) / 2);
    case AE_SCHEDULE_CALLBACK:
        return o->callback(o->user, since, optimizer->learning_rate);
    default:
        return (float)base;
    }
}
