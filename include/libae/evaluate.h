/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_EVALUATE_H
#define LIBAE_EVALUATE_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/network.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * How to evaluate. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_evaluate_options {
    size_t size;    /**< sizeof(ae_evaluate_options); AE_EVALUATE_OPTIONS fills it in */
    size_t threads; /**< up to 1024; default: the processors this process may use */
    /** of l2, sse and mse; default: scaled where the network has a scaling, as the validation cost
     * of a trainer is, so that the two compare */
    ae_score_units units;
    uint32_t reserved; /**< must be 0 */
} ae_evaluate_options;

/** Options in place: AE_EVALUATE_OPTIONS(.threads = 2). C only; C++ calls
 * ae_evaluate_options_init. */
#define AE_EVALUATE_OPTIONS(...) \
    (&(ae_evaluate_options){.size = sizeof(ae_evaluate_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_evaluate_options_init(ae_evaluate_options *options);

/**
 * Costs over a dataset, each the mean over its rows (see ae_cost). The member units says what l2,
 * sse and mse are in; bce is always computed from scaled values.
 * @since 0.1
 */
typedef struct ae_evaluation {
    size_t size;          /**< sizeof(ae_evaluation), set by the caller */
    size_t rows;          /**< rows evaluated */
    double l2;            /**< AE_COST_L2, the report's */
    double sse;           /**< AE_COST_SSE */
    double mse;           /**< AE_COST_MSE */
    double bce;           /**< AE_COST_BCE; NaN unless the output is a sigmoid */
    ae_score_units units; /**< those of l2, sse and mse; never AE_SCORE_UNITS_DEFAULT */
    uint32_t reserved;    /**< 0 */
} ae_evaluation;

/**
 * The costs of a network on a dataset in inference mode.
 *
 * @param network what to evaluate
 * @param dataset rows as wide as the network's input
 * @param evaluation filled in; evaluation->size must be set; untouched on error
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an option outside its range); AE_ERROR_SHAPE
 *         (as ae_network_check_dataset); AE_ERROR_NOT_SET (units that need a scaling or a
 *         spread, and there is none); AE_ERROR_UNSUPPORTED (reserved is not 0);
 *         AE_ERROR_OUT_OF_MEMORY; AE_ERROR_THREAD
 * Thread safety: reads network and dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_evaluate(const ae_network *network,
                                                const ae_dataset *dataset,
                                                ae_evaluation *evaluation,
                                                const ae_evaluate_options *options);

/**
 * Whether a dataset has the columns that a network was trained on: as many of them, and where both
 * sides know these, the same names in the same order, pictures of one size, uint8 values of one
 * scale. Every call that takes a network and a dataset asks this first; ask it before you hand rows
 * to a session yourself. The error text names the first column that differs;
 * ae_dataset_select_columns or the option column_names of ae_csv_options mend the order.
 *
 * @param network what knows its training set's columns
 * @param dataset what is to be used with it
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_SHAPE (they differ)
 * Thread safety: reads network and dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_check_dataset(const ae_network *network,
                                                     const ae_dataset *dataset);

/**
 * The costs of the mean baseline: of the trivial reconstruction that gives the mean row of a
 * reference dataset for every row. A network has to do better. No network is asked here, so the
 * costs are in the caller's units: those of ae_network_evaluate compare with them where the network
 * has no scaling, or with AE_SCORE_UNITS_CALLER.
 *
 * @param reference the dataset whose mean row is given
 * @param dataset the rows reconstructed, as wide as reference
 * @param evaluation filled in; evaluation->size must be set; untouched on error
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_SHAPE (the two differ as in
 *         ae_network_check_dataset); AE_ERROR_OUT_OF_MEMORY
 * Thread safety: reads both.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_evaluate_mean(const ae_dataset *reference,
                                                     const ae_dataset *dataset,
                                                     ae_evaluation *evaluation);

AE_END_DECLS

#endif
