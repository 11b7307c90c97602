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

/*
 * The same in two parts, so that several can share out the rows: each row's own squared error and
 * cross-entropy (0 where the output gives no probabilities), of batches [first, last) of a reader
 * without an order; and the costs of all rows in their order, a piece after another from a sum of
 * 0. Whoever computes which row, the bits are those of the whole.
 */
typedef struct aei_row_costs {
    double squares, entropy;
} aei_row_costs;

typedef struct aei_cost_sum {
    size_t rows;
    double l2, sse, bce;
} aei_cost_sum;

ae_status aei_evaluate_rows(aei_row_costs *costs, ae_session *session, aei_reader *reader,
                            size_t first, size_t last, ae_score_units units);
void aei_cost_sum_add(aei_cost_sum *sum, const aei_row_costs *costs, size_t count,
                      const float *row_weights);
ae_evaluation aei_cost_sum_means(const aei_cost_sum *sum, const ae_session *session,
                                 ae_score_units units);

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
