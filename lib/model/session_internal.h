/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_SESSION_INTERNAL_H
#define AEI_SESSION_INTERNAL_H

#include <libae/session.h>
#include <stdint.h>

#include "base/team.h"
#include "model/step.h"

/* The most rows of a pass: with many more the activations and a panel of the weights leave the
 * second-level cache (docs/performance.md). */
enum { AEI_PASS_ROWS = 128 };

/* A session that works with a team it does not own; NULL: a team of options->threads of its own. */
ae_status aei_session_create(ae_session **session, const ae_network *network,
                             const ae_session_options *options, aei_team *team);

/* The network it runs. */
const ae_network *aei_session_network(const ae_session *session);

/*
 * Layers [first, last) alone, in inference mode: count x width[first] floats in, count x
 * width[last] out, row-major. Scaling, if there is one, is applied to the first layer's input, but
 * not taken off the last layer's output. AE_ERROR_THREAD after a fork.
 */
ae_status aei_session_layers(ae_session *session, size_t first, size_t last, const float *in,
                             size_t count, float *out);

/* Whether it computes in bfloat16. */
bool aei_session_is_bf16(const ae_session *session);

/* Bytes of scratch. */
size_t aei_session_memory(const ae_session *session);

/* The most rows that one of its passes takes. */
size_t aei_session_max_batch(const ae_session *session);

/*
 * Reconstruct up to max_batch gathered rows and give each row's sum of squared errors, in units
 * that are resolved and whose spread is there, and, unless NULL, its summed binary cross-entropy,
 * of scaled values always. AE_ERROR_THREAD after a fork.
 */
ae_status aei_session_costs(ae_session *session, aei_gather gather, const void *source,
                            const uint32_t *rows, size_t row_count, ae_score_units units,
                            double *squares, double *entropies);

/* Give the features weights in the costs of aei_session_costs, but not in scores. One for each,
 * which must outlive the session; NULL: all 1. */
void aei_session_weigh(ae_session *session, const float *feature_weights);

#endif
