/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_EVALUATE_H
#define LIBAE_EVALUATE_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/network.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>

AE_BEGIN_DECLS

/** How to evaluate. Zero in any field but size means its default. @since 0.1 */
typedef struct ae_evaluate_options {
    size_t size; /**< sizeof(ae_evaluate_options); AE_EVALUATE_OPTIONS fills it in */
    /** rows at a time, of which 128 at most are computed together; never changes the result.
     * Default 256 */
    size_t batch;
    size_t threads; /**< default: the processors this process may use */
} ae_evaluate_options;

/** Options in place. C only; C++ calls ae_evaluate_options_init. */
#define AE_EVALUATE_OPTIONS(...) \
    (&(ae_evaluate_options){.size = sizeof(ae_evaluate_options), __VA_ARGS__})

/** Options with every default. NULL is ignored. Thread safety: safe. @since 0.1 */
AE_API void ae_evaluate_options_init(ae_evaluate_options *options);

/**
 * Costs over a dataset, each the mean over its rows (see ae_cost), in the caller's units where the
 * network has a scaling; bce is of scaled values. @since 0.1
 */
typedef struct ae_evaluation {
    size_t size; /**< sizeof(ae_evaluation), set by the caller */
    size_t rows; /**< rows seen */
    double l2;   /**< AE_COST_L2, the report's */
    double sse;  /**< AE_COST_SSE */
    double mse;  /**< AE_COST_MSE */
    double bce;  /**< AE_COST_BCE; NaN unless the output is a sigmoid */
} ae_evaluation;

/**
 * The costs of a network on a dataset in inference mode.
 *
 * @param result filled in; result->size must be set; untouched on error
 * @param network what to evaluate
 * @param dataset rows as wide as the network's input
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an option outside its range); AE_ERROR_SHAPE
 *         (network and dataset differ in width); AE_ERROR_OUT_OF_MEMORY; AE_ERROR_THREAD
 * Thread safety: reads network and dataset. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_evaluate(ae_evaluation *result, const ae_network *network,
                                                const ae_dataset *dataset,
                                                const ae_evaluate_options *options);

/**
 * The costs of the trivial reconstruction that always answers with a mean row: what a network has
 * to beat.
 *
 * @param result filled in; result->size must be set
 * @param reference the dataset whose mean row answers
 * @param dataset the rows judged, as wide as reference
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_SHAPE; AE_ERROR_OUT_OF_MEMORY
 * Thread safety: reads both. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_evaluate_mean(ae_evaluation *result,
                                                     const ae_dataset *reference,
                                                     const ae_dataset *dataset);

AE_END_DECLS

#endif
