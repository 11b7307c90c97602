/* SPDX-License-Identifier: BSD-3-Clause */
/* A step that several ranks take together. */
#include "model/step_internal.h"

#include <string.h>

aei_range aei_step_rows_of_rank(const aei_step *s, size_t batch_rows)
{
    (void)s;
    return (aei_range){0, batch_rows};
}

ae_status aei_step_decline(aei_step *s, uint64_t number, aei_word word, ae_status status)
{
    (void)s;
    (void)number;
    (void)word;
    return status;
}

size_t aei_step_stopped_by(const aei_step *s)
{
    (void)s;
    return 0;
}

ae_status aei_step_settle(aei_step *s)
{
    (void)s;
    return AE_OK;
}

ae_status aei_step_gather_running(aei_step *s)
{
    (void)s;
    return AE_OK;
}

size_t aei_step_moment_floats(const aei_step *s)
{
    return s->network->parameter_floats;
}

ae_status aei_step_gather_moments(aei_step *s, const float *share, float *whole)
{
    memcpy(whole, share, s->network->parameter_floats * sizeof *whole);
    return AE_OK;
}

void aei_step_share_moments(const aei_step *s, const float *whole, float *share)
{
    memcpy(share, whole, s->network->parameter_floats * sizeof *share);
}
