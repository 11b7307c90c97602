/* SPDX-License-Identifier: BSD-3-Clause */
/* Which features a score is made of. */
#include <libae/session.h>

#include "base/error.h"

#include <math.h>

/* NaN, of a sensor that is lost, is the first that a reader wants to know of. */
static int is_greater(float a, float b)
{
    return isnan(a) ? !isnan(b) : a > b;
}

/* Insertion into a short list: the usual call wants three to ten of some hundred features. */
ae_status ae_contributions_top(const float *contributions, size_t features, size_t count,
                               size_t *indices)
{
    AE_REQUIRE(contributions);
    AE_REQUIRE(indices);
    if (count > features)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "count is %zu, but there are %zu features",
                        count, features);
    for (size_t j = 0, filled = 0; j < features && count > 0; j++) {
        size_t at = filled;
        while (at > 0 && is_greater(contributions[j], contributions[indices[at - 1]]))
            at--;
        if (at == count)
            continue;
        filled += filled < count;
        for (size_t i = filled - 1; i > at; i--)
            indices[i] = indices[i - 1];
        indices[at] = j;
    }
    return AE_OK;
}
