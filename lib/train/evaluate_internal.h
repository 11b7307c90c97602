/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_EVALUATE_INTERNAL_H
#define AEI_EVALUATE_INTERNAL_H

#include <libae/evaluate.h>

#include "data/reader.h"
#include "model/session_internal.h"

/*
 * The costs of a session's network on a dataset of the right width, in units that are resolved and
 * whose spread is there; a trainer's are scaled, which without a scaling are the caller's too. The
 * first reads a dataset in batches of at most aei_session_max_batch rows, and allocates nothing;
 * each row's costs are multiplied by its weight (NULL: all 1).
 */
ae_status aei_evaluate_reader(ae_evaluation *evaluation, ae_session *session, aei_reader *reader,
                              ae_score_units units, const float *row_weights);
ae_status aei_evaluate_session(ae_evaluation *evaluation, ae_session *session,
                               const ae_dataset *dataset, ae_score_units units);

/* ae_dataset_evaluate_mean of values scaled for a network; scaling NULL: as they are. Widths and
 * evaluation->size are not checked. */
ae_status aei_evaluate_mean(ae_evaluation *evaluation, const ae_dataset *reference,
                            const ae_dataset *dataset, const aei_scaling *scaling);

/* A session for a whole dataset: threads 0 is all processors, where a caller's session has one
 * thread. The caller frees it. */
ae_status aei_session_for_dataset(ae_session **session, const ae_network *network, size_t threads);

/* The one that an ae_cost names. */
double aei_evaluation_cost(const ae_evaluation *evaluation, ae_cost cost);

#endif
