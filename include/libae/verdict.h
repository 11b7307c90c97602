/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_VERDICT_H
#define LIBAE_VERDICT_H

#include <libae/dataset.h>
#include <libae/export.h>
#include <libae/network.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/* What somebody who has trained many autoencoders would look at after a run, as numbers and as three lines of text. */

/** What a verdict finds wanting; flags in ae_verdict.findings. @since 0.1 */
typedef enum ae_finding {
    AE_FINDING_WORSE_THAN_MEAN = 1, /**< test_cost is no lower than mean_cost: the network has learnt nothing */
    AE_FINDING_WORSE_THAN_PCA = 2,  /**< test_cost is no lower than pca_cost: a linear map does as well */
    AE_FINDING_DEAD_UNITS = 4,      /**< more than 5 % of a layer's units are dead */
    AE_FINDING_COLLAPSED_CODE = 8,  /**< a feature of the code is flat or a duplicate */
    AE_FINDING_OVERFIT = 16         /**< gap is over 10 % */
} ae_finding;

/** How to judge. Zero in any field but size means its default. @since 0.1 */
typedef struct ae_verdict_options {
    size_t size;    /**< sizeof(ae_verdict_options); AE_VERDICT_OPTIONS fills it in */
    ae_cost cost;   /**< to judge by; default AE_COST_L2 */
    size_t threads; /**< up to 1024; default: the processors this process may use. Does not change the result */
    /** NULL, or receives each layer's dead units: ae_network_layer_count() numbers, the caller's. */
    size_t *dead_by_layer;
} ae_verdict_options;

/** Options in place: AE_VERDICT_OPTIONS(.cost = AE_COST_MSE). C only; C++ calls ae_verdict_options_init. */
#define AE_VERDICT_OPTIONS(...) (&(ae_verdict_options){.size = sizeof(ae_verdict_options), __VA_ARGS__})

/** Options with every default. NULL is ignored. Thread safety: safe. @since 0.1 */
AE_API void ae_verdict_options_init(ae_verdict_options *options);

/**
 * A network judged on a training and a test set. All costs are in inference mode, so that training
 * and test compare; a run's training costs, in training mode and taken while it learnt, do not. With a
 * scaling in the network they are costs of scaled values, as in training, PCA's and the mean row's too.
 * @since 0.1
 */
typedef struct ae_verdict {
    size_t size;           /**< sizeof(ae_verdict), set by the caller */
    unsigned findings;     /**< flags of ae_finding; 0: nothing is wanting */
    ae_cost cost;          /**< judged by */
    uint64_t train_rows;   /**< rows of the training set */
    uint64_t test_rows;    /**< rows of the test set */
    double train_cost;     /**< of the network on the training set */
    double test_cost;      /**< of the network on the test set */
    double gap;            /**< (test_cost - train_cost) / train_cost */
    double mean_cost;      /**< on the test set, of always answering with the mean training row */
    double pca_cost;       /**< on the test set, of PCA with as many components as the code has features, fitted on the
                            * training set; NaN for AE_COST_BCE and for rows of more than 4096 features */
    size_t pca_components; /**< features of the code */
    size_t units;          /**< of all layers together */
    size_t dead_units;     /**< whose output does not vary: its deviation over up to 4096 test rows is below a
                            * thousandth of the layer's root mean square output. In the last layer outputs whose
                            * input feature does not vary either are in their right and not counted */
    size_t dead_layer;     /**< the layer, from 0, with the greatest share of dead units; 0 when there are none */
    size_t dead_layer_units; /**< dead units of that layer */
    size_t flat_codes;       /**< features of the code that are dead */
    size_t duplicate_codes;  /**< features of the code whose correlation with an earlier one is beyond 0.999 in size;
                              * not looked for in codes of more than 512 features */
} ae_verdict;

/**
 * Judge a network.
 *
 * PCA's components come from block power iteration on the covariance of the training set; for the
 * 60,000 rows of 784 features of MNIST that takes a second or two.
 *
 * @param verdict filled in; verdict->size must be set; untouched on error
 * @param network what to judge
 * @param train_set the rows it was trained on, as wide as its input
 * @param test_set rows that it was not trained on, as wide
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a size not set, an option outside its range, AE_COST_BCE
 *         without a sigmoid output); AE_ERROR_SHAPE (widths differ); AE_ERROR_DATA (values so large that
 *         PCA's numbers leave float32); AE_ERROR_OUT_OF_MEMORY; AE_ERROR_THREAD
 * Thread safety: reads network and datasets. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_verdict(ae_verdict *verdict, const ae_network *network,
                                               const ae_dataset *train_set, const ae_dataset *test_set,
                                               const ae_verdict_options *options);

/** Bytes that always suffice for ae_verdict_text. @since 0.1 */
#define AE_VERDICT_TEXT 512

/**
 * A verdict in three lines of English, each ending in a newline: costs, units and code, over-fitting.
 * Numbers have a decimal point whatever the locale.
 *
 * @param verdict as ae_network_verdict filled it in
 * @param buffer receives the text and a zero byte
 * @param size bytes at buffer; AE_VERDICT_TEXT always suffices
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a size not set, size too small: nothing is written)
 * Thread safety: safe. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_verdict_text(const ae_verdict *verdict, char *buffer, size_t size);

AE_END_DECLS

#endif
