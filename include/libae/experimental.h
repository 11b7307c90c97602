/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_EXPERIMENTAL_H
#define LIBAE_EXPERIMENTAL_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/network.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/* What somebody who has trained many autoencoders would look at after a run, as numbers and as
 * three lines of text. */

/** What a verdict finds wanting; flags in ae_diagnosis.warnings. @since 0.1 */
typedef enum ae_warning {
    AE_WARNING_WORSE_THAN_MEAN =
        1, /**< test_cost is no lower than mean_cost: the network has learnt nothing */
    AE_WARNING_WORSE_THAN_PCA =
        2, /**< test_cost is no lower than pca_cost: a linear map does as well */
    AE_WARNING_DEAD_UNITS = 4,     /**< more than 5 % of a layer's units are dead */
    AE_WARNING_COLLAPSED_CODE = 8, /**< a feature of the code is flat or a duplicate */
    AE_WARNING_OVERFIT = 16        /**< gap is over 10 % */
} ae_warning;

/** How to judge. Zero in any field but size means its default. @since 0.1 */
typedef struct ae_diagnose_options {
    size_t size;  /**< sizeof(ae_diagnose_options); AE_DIAGNOSE_OPTIONS fills it in */
    ae_cost cost; /**< to judge by; default AE_COST_L2 */
    /** up to 1024; default: the processors this process may use. Does not change the result */
    size_t threads;
    /** NULL, or receives each layer's dead units: ae_network_layer_count() numbers, the
     * caller's. */
    size_t *dead_by_layer;
} ae_diagnose_options;

/** Options in place: AE_DIAGNOSE_OPTIONS(.cost = AE_COST_MSE). C only; C++ calls
 * ae_diagnose_options_init. */
#define AE_DIAGNOSE_OPTIONS(...) \
    (&(ae_diagnose_options){.size = sizeof(ae_diagnose_options), __VA_ARGS__})

/** Options with every default. NULL is ignored. Thread safety: safe. @since 0.1 */
AE_API void ae_diagnose_options_init(ae_diagnose_options *options);

/**
 * A network judged on a training and a test set. All costs are in inference mode, so that training
 * and test compare; a run's training costs, in training mode and taken while it learnt, do not.
 * With a scaling in the network they are costs of scaled values, as in training, PCA's and the mean
 * row's too.
 * @since 0.1
 */
typedef struct ae_diagnosis {
    size_t size;         /**< sizeof(ae_diagnosis), set by the caller */
    unsigned warnings;   /**< flags of ae_warning; 0: nothing is wanting */
    ae_cost cost;        /**< judged by */
    uint64_t train_rows; /**< rows of the training set */
    uint64_t test_rows;  /**< rows of the test set */
    double train_cost;   /**< of the network on the training set */
    double test_cost;    /**< of the network on the test set */
    double gap;          /**< (test_cost - train_cost) / train_cost */
    double mean_cost;    /**< on the test set, of always answering with the mean training row */
    /** on the test set, of PCA with as many components as the code has features, fitted on the
     * training set; NaN for AE_COST_BCE and for rows of more than 4096 features */
    double pca_cost;
    size_t pca_components; /**< features of the code */
    size_t units;          /**< of all layers together */
    /** whose output does not vary: its deviation over up to 4096 test rows is below a thousandth
     * of the layer's root mean square output. In the last layer outputs whose input feature does
     * not vary either are in their right and not counted */
    size_t dead_units;
    /** the layer, from 0, with the greatest share of dead units; 0 when there are none */
    size_t dead_layer;
    size_t dead_layer_units; /**< dead units of that layer */
    size_t flat_codes;       /**< features of the code that are dead */
    /** features of the code whose correlation with an earlier one is beyond 0.999 in size; not
     * looked for in codes of more than 512 features */
    size_t duplicate_codes;
} ae_diagnosis;

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
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a size not set, an option outside its range,
 *         AE_COST_BCE without a sigmoid output); AE_ERROR_SHAPE (widths differ); AE_ERROR_DATA
 *         (values so large that PCA's numbers leave float32); AE_ERROR_OUT_OF_MEMORY;
 *         AE_ERROR_THREAD
 * Thread safety: reads network and datasets. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_diagnose(ae_diagnosis *verdict, const ae_network *network,
                                                const ae_dataset *train_set,
                                                const ae_dataset *test_set,
                                                const ae_diagnose_options *options);

/** Bytes that always suffice for ae_diagnosis_text. @since 0.1 */
#define AE_DIAGNOSIS_TEXT_SIZE 512

/**
 * A verdict in three lines of English, each ending in a newline: costs, units and code,
 * over-fitting. Numbers have a decimal point whatever the locale.
 *
 * @param verdict as ae_network_diagnose filled it in
 * @param buffer receives the text and a zero byte
 * @param size bytes at buffer; AE_DIAGNOSIS_TEXT_SIZE always suffices
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a size not set, size too small: nothing is
 *         written)
 * Thread safety: safe. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_diagnosis_text(const ae_diagnosis *verdict, char *buffer,
                                              size_t size);

/**
 * Handwriting-like digits drawn by the library: strokes under a random affine map, thickness and
 * offset, 28 x 28, uint8, labelled; row i shows digit i mod 10 and depends on seed and i alone.
 *
 * @param dataset receives the dataset, which the caller frees; untouched on error
 * @param rows at least 1
 * @param seed of the counter-based generator
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (dataset NULL, rows 0 or too many);
 *         AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_create_digits(ae_dataset **dataset, size_t rows,
                                                     uint64_t seed);

AE_END_DECLS

#endif
