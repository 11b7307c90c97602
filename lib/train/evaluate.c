/* SPDX-License-Identifier: BSD-3-Clause */
/* How well does a network reconstruct a dataset? All four costs come from one pass, so that runs
 * trained with different costs can be compared. */
#include "train/evaluate_internal.h"

#include "base/cpu_internal.h"
#include "base/error.h"
#include "base/options.h"
#include "data/dataset_internal.h"
#include "model/cost.h"
#include "train/check_dataset.h"

#include <math.h>
#include <stdlib.h>

AEI_OPTIONS_INIT(ae_evaluate_options)

/* Sums over rows become means; each row's costs were added in the order of the rows, so that the
 * size of the pieces leaves no trace. */
static ae_evaluation means(size_t rows, size_t features, double l2, double sse, double bce)
{
    const double n = (double)rows, f = (double)features;
    return (ae_evaluation){.size = sizeof(ae_evaluation),
                           .rows = rows,
                           .l2 = l2 / n,
                           .sse = sse / n,
                           .mse = sse / n / f,
                           .bce = bce / n / f};
}

static bool gives_probabilities(const ae_session *session)
{
    const ae_network *n = aei_session_network(session);
    return n->layers[n->depth - 1].f.kind == AE_ACTIVATION_SIGMOID;
}

/* A batch of rows, of which a pass takes them all. */
static ae_status evaluate_batch(aei_row_costs *costs, ae_session *session, const aei_batch *batch,
                                ae_score_units units)
{
    double squares[AEI_PASS_ROWS], entropies[AEI_PASS_ROWS] = {0};
    const bool probabilities = gives_probabilities(session);
    AE_TRY(aei_session_costs(session, aei_dataset_gather, batch->dataset, batch->rows, batch->count,
                             units, squares, probabilities ? entropies : NULL));
    for (size_t i = 0; i < batch->count; i++)
        costs[i] = (aei_row_costs){squares[i], probabilities ? entropies[i] : 0};
    return AE_OK;
}

ae_status aei_evaluate_rows(aei_row_costs *costs, ae_session *session, aei_reader *reader,
                            size_t first, size_t last, ae_score_units units)
{
    aei_reader_begin(reader, NULL);
    for (size_t k = first; k < last; k++) {
        aei_batch batch;
        AE_TRY(aei_reader_take(reader, k, &batch));
        AE_TRY(evaluate_batch(costs, session, &batch, units));
        costs += batch.count;
    }
    return AE_OK;
}

void aei_cost_sum_add(aei_cost_sum *sum, const aei_row_costs *costs, size_t count,
                      const float *row_weights)
{
    for (size_t i = 0; i < count; i++, sum->rows++) {
        const double weight = row_weights == NULL ? 1 : (double)row_weights[sum->rows];
        sum->l2 += weight * sqrt(costs[i].squares);
        sum->sse += weight * costs[i].squares;
        sum->bce += weight * costs[i].entropy;
    }
}

/* Only a sigmoid gives probabilities: after any other output the cross-entropy is NAN. */
ae_evaluation aei_cost_sum_means(const aei_cost_sum *sum, const ae_session *session,
                                 ae_score_units units)
{
    ae_evaluation mine = means(sum->rows, aei_session_network(session)->widths[0], sum->l2,
                               sum->sse, gives_probabilities(session) ? sum->bce : (double)NAN);
    mine.units = units;
    return mine;
}

/* The trainer asks for scaled values, so that validation and training costs can be compared; a
 * caller asks for its own units. */
ae_status aei_evaluate_reader(ae_evaluation *evaluation, ae_session *session, aei_reader *reader,
                              ae_score_units units, const float *row_weights)
{
    aei_row_costs costs[AEI_PASS_ROWS];
    aei_cost_sum sum = {0};
    aei_reader_begin(reader, NULL);
    for (size_t k = 0; k < aei_reader_count(reader); k++) {
        aei_batch batch;
        AE_TRY(aei_reader_take(reader, k, &batch));
        AE_TRY(evaluate_batch(costs, session, &batch, units));
        aei_cost_sum_add(&sum, costs, batch.count, row_weights);
    }
    *evaluation = aei_cost_sum_means(&sum, session, units);
    return AE_OK;
}

ae_status aei_evaluate_session(ae_evaluation *evaluation, ae_session *session,
                               const ae_dataset *dataset, ae_score_units units)
{
    aei_reader *reader;
    AE_TRY(aei_reader_create(&reader, dataset, aei_session_max_batch(session), NULL, NULL));
    const ae_status status = aei_evaluate_reader(evaluation, session, reader, units, NULL);
    aei_reader_free(reader);
    return status;
}

double aei_evaluation_cost(const ae_evaluation *evaluation, ae_cost cost)
{
    switch (cost) {
    case AE_COST_SSE:
        return evaluation->sse;
    case AE_COST_MSE:
        return evaluation->mse;
    case AE_COST_BCE:
        return evaluation->bce;
    default:
        return evaluation->l2;
    }
}

ae_status aei_session_for_dataset(ae_session **session, const ae_network *network, size_t threads)
{
    const ae_session_options options = {.size = sizeof options,
                                        .threads = threads == 0 ? aei_cpu_cores() : threads};
    return ae_session_create(session, network, &options);
}

/* With a session of its own rather than the caller's, which has fewer threads. What can be refused
 * is refused before the rows are read. */
ae_status ae_network_evaluate(const ae_network *network, const ae_dataset *dataset,
                              ae_evaluation *evaluation, const ae_evaluate_options *options)
{
    AE_REQUIRE(network);
    AE_REQUIRE(dataset);
    AE_REQUIRE(evaluation);
    AE_TRY(aei_result_check(evaluation, "ae_evaluation"));
    ae_evaluate_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_evaluate_options"));
    AE_TRY(aei_network_check_dataset(network, dataset, "dataset"));
    AE_TRY(aei_check_reserved(o.reserved, "ae_evaluate_options"));
    aei_score_form form;
    const float *spread;
    AE_TRY(aei_score_form_resolve(&form, network, AE_COST_L2, o.units));
    if (form.units == AE_SCORE_UNITS_SPREAD)
        AE_TRY(aei_network_find_error_spread(&spread, network));
    AE_TRY(aei_dataset_check_missing(dataset, network->fill != NULL, "dataset"));
    ae_session *session;
    AE_TRY(aei_session_for_dataset(&session, network, o.threads));
    ae_evaluation mine;
    ae_status status = aei_evaluate_session(&mine, session, dataset, form.units);
    ae_session_free(session);
    if (status != AE_OK)
        return status;
    return aei_result_write(evaluation, &mine, sizeof mine, "ae_evaluation");
}

/* What a network that has learnt nothing reaches: the reference's mean as the answer to every row.
 * Values are scaled as the network's are, or the two costs would not have the same unit. The
 * logarithms have the kernels' bounds, so that both cross-entropies can be compared. */
ae_status aei_evaluate_mean(ae_evaluation *evaluation, const ae_dataset *reference,
                            const ae_dataset *dataset, const aei_scaling *scaling)
{
    const size_t features = ae_dataset_feature_count(reference),
                 rows = ae_dataset_row_count(dataset);
    float *mean = calloc(2 * features, sizeof *mean);
    if (mean == NULL)
        return aei_fail_memory(2 * features * sizeof *mean);
    float *row = mean + features;
    aei_reader *reader = NULL;
    ae_status status = AE_OK;
    double l2 = 0, sse = 0, bce = 0;
    AE_CHECK(ae_dataset_mean(reference, mean));
    if (scaling != NULL)
        aei_scaling_apply(scaling, 0, features, 1, mean, features);
    AE_CHECK(aei_reader_create(&reader, dataset, 0, NULL, NULL));
    for (size_t r = 0; r < rows; r++) {
        AE_CHECK(aei_reader_row(reader, r, row));
        if (scaling != NULL)
            aei_scaling_apply(scaling, 0, features, 1, row, features);
        double squares = 0, entropy = 0, there = 0;
        for (size_t j = 0; j < features; j++) {
            const double y = (double)mean[j], t = (double)row[j];
            if (isnan(t)) /* missing */
                continue;
            there++;
            squares += (y - t) * (y - t);
            entropy -= t * log(fmax(y, (double)AEI_LEAST_OUTPUT)) +
                       (1 - t) * log(fmax(1 - y, (double)AEI_LEAST_REST));
        }
        const double weight = there > 0 ? (double)features / there : 0;
        squares *= weight;
        bce += weight * entropy;
        l2 += sqrt(squares);
        sse += squares;
    }
    *evaluation = means(rows, features, l2, sse, bce);
    evaluation->units = scaling != NULL ? AE_SCORE_UNITS_SCALED : AE_SCORE_UNITS_CALLER;
cleanup:
    aei_reader_free(reader);
    free(mean);
    return status;
}

ae_status ae_dataset_evaluate_mean(const ae_dataset *reference, const ae_dataset *dataset,
                                   ae_evaluation *evaluation)
{
    AE_REQUIRE(reference);
    AE_REQUIRE(dataset);
    AE_REQUIRE(evaluation);
    AE_TRY(aei_result_check(evaluation, "ae_evaluation"));
    const aei_columns_info wanted = aei_dataset_columns(reference),
                           rows = aei_dataset_columns(dataset);
    if (rows.count != wanted.count)
        return aei_fail(AE_ERROR_SHAPE, "dataset: rows of %zu features, but the reference has %zu",
                        ae_dataset_feature_count(dataset), ae_dataset_feature_count(reference));
    AE_TRY(aei_columns_check(&rows, "dataset", &wanted, "the reference"));
    ae_evaluation mine;
    AE_TRY(aei_evaluate_mean(&mine, reference, dataset, NULL));
    return aei_result_write(evaluation, &mine, sizeof mine, "ae_evaluation");
}
