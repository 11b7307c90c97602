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

/*
 * Outside the promise that docs/abi-policy.md gives: what this header declares may change or go in
 * any release. libae.h does not include it; a program that uses it includes both.
 */

/**
 * What a diagnosis warns of: flags in ae_diagnosis.warnings.
 * @since 0.1
 */
typedef enum ae_warning {
    AE_WARNING_WORSE_THAN_MEAN = 1, /**< test_cost is not below mean_cost: nothing was learnt */
    AE_WARNING_WORSE_THAN_PCA = 2,  /**< test_cost is not below pca_cost: a linear map does it */
    AE_WARNING_DEAD_UNITS = 4,      /**< more than 5 % of a layer's units are dead */
    AE_WARNING_COLLAPSED_CODE = 8,  /**< a unit of the code is inactive or redundant */
    AE_WARNING_OVERFIT = 16         /**< gap is over 10 % */
} ae_warning;

/**
 * How to diagnose. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_diagnose_options {
    size_t size; /**< sizeof(ae_diagnose_options); AE_DIAGNOSE_OPTIONS fills it in */
    /** up to 1024; default: the processors this process may use. Does not change the result */
    size_t threads;
    ae_cost cost;      /**< to compare by; default AE_COST_L2 */
    uint32_t reserved; /**< must be 0 */
} ae_diagnose_options;

/** Options in place: AE_DIAGNOSE_OPTIONS(.cost = AE_COST_MSE). C only; C++ calls
 * ae_diagnose_options_init. */
#define AE_DIAGNOSE_OPTIONS(...) \
    (&(ae_diagnose_options){.size = sizeof(ae_diagnose_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_diagnose_options_init(ae_diagnose_options *options);

/**
 * Diagnostics of a trained network: its cost beside two baselines, dead units, a collapsed code,
 * over-fitting.
 *
 * All costs are in inference mode, so training and test compare. (The costs that a trainer reports
 * do not: they are in training mode, of a network that still changes.) With a scaling in the
 * network all of them are costs of scaled values, as in training.
 * @since 0.1
 */
typedef struct ae_diagnosis {
    size_t size;         /**< sizeof(ae_diagnosis), set by the caller */
    unsigned warnings;   /**< flags of ae_warning; 0: none */
    ae_cost cost;        /**< compared by */
    uint64_t train_rows; /**< rows of the training set */
    uint64_t test_rows;  /**< rows of the test set */
    double train_cost;   /**< of the network on the training set */
    double test_cost;    /**< of the network on the test set */
    double gap;          /**< (test_cost - train_cost) / train_cost */
    double mean_cost;    /**< of the mean baseline on the test set: always the mean training row */
    /** on the test set, of PCA with as many components as the code has features, fitted on the
     * training set; NaN for AE_COST_BCE and for rows of more than 4096 features */
    double pca_cost;
    size_t pca_components;   /**< features of the code */
    size_t units;            /**< of all layers together */
    size_t dead_units;       /**< as ae_network_dead_units counts them, of all layers together */
    size_t dead_layer;       /**< with the greatest share of dead units; 0 when there are none */
    size_t dead_layer_units; /**< dead units of that layer */
    size_t inactive_codes;   /**< units of the code that are dead */
    /** units of the code whose correlation with an earlier one is above 0.999 in magnitude; not
     * searched for in codes of more than 512 features */
    size_t redundant_codes;
} ae_diagnosis;

/**
 * Diagnose a network.
 *
 * PCA's components come from block power iteration on the covariance of the training set. For the
 * 60,000 rows of 784 features of MNIST that takes a second or two.
 *
 * @param network what to diagnose
 * @param train_set the rows it was trained on, as wide as its input
 * @param test_set rows that it was not trained on, as wide
 * @param diagnosis filled in up to diagnosis->size, which the caller sets; untouched on error
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a size not set, an option outside its range,
 *         AE_COST_BCE without a sigmoid output); AE_ERROR_SHAPE (columns differ); AE_ERROR_DATA
 *         (values so large that PCA's numbers overflow float32); AE_ERROR_OUT_OF_MEMORY;
 *         AE_ERROR_THREAD
 * Thread safety: reads network, train_set and test_set.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_diagnose(const ae_network *network,
                                                const ae_dataset *train_set,
                                                const ae_dataset *test_set, ae_diagnosis *diagnosis,
                                                const ae_diagnose_options *options);

/**
 * Count each layer's dead units.
 *
 * A unit is dead when its output does not vary: its standard deviation over the rows is below a
 * thousandth of the layer's root mean square output. An output of the last layer is not counted
 * when its input feature is constant. Of more than 4096 rows, 4096 evenly spaced ones are used.
 *
 * @param network whose layers
 * @param dataset rows as wide as its input
 * @param counts receives a count for each layer; untouched on error
 * @param count the number of layers
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_SHAPE (columns differ, count is not
 *         the number of layers); AE_ERROR_OUT_OF_MEMORY; AE_ERROR_THREAD
 * Thread safety: reads network and dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_dead_units(const ae_network *network,
                                                  const ae_dataset *dataset, size_t *counts,
                                                  size_t count);

/** Bytes that always suffice for ae_diagnosis_text. @since 0.1 */
#define AE_DIAGNOSIS_TEXT_SIZE 512

/**
 * Say a diagnosis in three lines of English, each ending in a newline: costs, units and code,
 * over-fitting. Numbers have a decimal point whatever the locale.
 *
 * @param diagnosis as ae_network_diagnose filled it in
 * @param buffer receives the text and a zero byte
 * @param capacity bytes at buffer; AE_DIAGNOSIS_TEXT_SIZE always suffices
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a size not set, numbers that no diagnosis has);
 *         AE_ERROR_BUFFER_SIZE (capacity too small: nothing is written)
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_diagnosis_text(const ae_diagnosis *diagnosis, char *buffer,
                                              size_t capacity);

/**
 * Create a dataset of drawn digits, for examples and tests: 28 x 28, uint8, labelled 0 to 9.
 *
 * Row i shows digit i mod 10 and depends on seed and i alone. A digit is strokes under a random
 * affine map, thickness and offset.
 *
 * @param dataset receives the dataset, which the caller frees; untouched on error
 * @param rows at least 1
 * @param seed of the random numbers
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
