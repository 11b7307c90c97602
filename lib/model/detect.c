/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows compared with a network's threshold. */
#include "model/session_internal.h"

#include "base/error.h"

/* Scores that the caller does not ask for are kept on the stack, this many at a time. */
enum { SCORES = 512 };

ae_status ae_session_detect(ae_session *session, const float *rows, size_t count,
                            unsigned char *flags, float *scores)
{
    AE_REQUIRE(session);
    const ae_network *network = aei_session_network(session);
    /* The scores use the cost that the threshold was fitted with: another one has other numbers. */
    const ae_threshold *threshold;
    AE_TRY(aei_network_find_threshold(&threshold, network));
    if (count == 0)
        return AE_OK;
    AE_REQUIRE(rows);
    AE_REQUIRE(flags);
    const ae_score_options options = {
        .size = sizeof options, .cost = threshold->cost, .units = threshold->units};
    const double most = threshold->value +
                        (aei_session_is_bf16(session) ? threshold->margin_bf16 : 0);
    /* Without an array of the caller's: a call allocates nothing. */
    float spare[SCORES] = {0};
    for (size_t done = 0; done < count;) {
        const size_t batch = scores != NULL || count - done < SCORES ? count - done : SCORES;
        float *to = scores != NULL ? scores + done : spare;
        AE_TRY(
            ae_session_score(session, rows + done * network->widths[0], batch, to, NULL, &options));
        for (size_t r = 0; r < batch; r++)
            flags[done + r] = !((double)to[r] <= most); /* NaN is anomalous */
        done += batch;
    }
    return AE_OK;
}
