/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_MISSING_H
#define LIBAE_MISSING_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/network.h>
#include <libae/status.h>

AE_BEGIN_DECLS

/*
 * Rows with missing values. A missing value is a NaN. A dataset keeps them when its option missing
 * is AE_MISSING_KEEP; a session's caller writes NAN where a sensor is silent.
 *
 * A network handles them once it has fill values, one for each feature: what its input reads in
 * place of a missing value. A trainer fits them to its training set when that set or the validation
 * set has missing values and the network has no fill values yet. They are the means of the values
 * that are there, in the caller's units, as scikit-learn's SimpleImputer computes them.
 *
 * A missing value has no error: it is left out of the cost, of its gradient, of the score and of
 * the contributions. A row's sum over the features that are there is multiplied by
 * features / features that are there (as in scikit-learn's nan_euclidean_distances), so that the
 * costs and scores of rows compare, however many values they lack. Where a trainer's
 * feature_weights weigh the cost, the factor is the sum of all weights / the sum of the weights of
 * the features that are there. A row without any value costs 0, and so does one without any that
 * has a weight; the score of a row without any value is NaN, which
 * ae_session_detect flags. A reconstruction has a value for every feature.
 *
 * Without fill values a NaN in a row makes its reconstruction and its score NaN, and its
 * contributions NaN for the features that are NaN and 0 for the others.
 */

/**
 * Fit a network's fill values to a dataset, usually the training set: the mean of each feature over
 * the rows that have it.
 *
 * @param network replaces the fill values it may have had; a threshold is removed, because scores
 *                change
 * @param dataset rows as wide as the network's input, with or without missing values; only read
 *                during the call
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_SHAPE (network and dataset differ in
 *         width); AE_ERROR_DATA (a column without any value, by number and name);
 *         AE_ERROR_OUT_OF_MEMORY; the network is unchanged after an error
 *
 * Thread safety: changes network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_fit_fill(ae_network *network, const ae_dataset *dataset);

/**
 * Set the fill values.
 *
 * @param network replaces the fill values it may have had; a threshold is removed
 * @param values input width floats in the caller's units, finite; copied
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_DATA (a value that is not finite, by
 *         index); AE_ERROR_OUT_OF_MEMORY; the network is unchanged after an error
 *
 * Thread safety: changes network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_set_fill(ae_network *network, const float *values);

/**
 * Copy the fill values out.
 *
 * @param network whose fill values
 * @param values receives input width floats
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_NOT_SET (the network has none)
 *
 * Thread safety: reads network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_get_fill(const ae_network *network, float *values);

/**
 * Whether the network has fill values, and so takes rows with missing values. 0 for NULL.
 *
 * Thread safety: reads network.
 * @since 0.1
 */
AE_API int ae_network_has_fill(const ae_network *network);

/**
 * Remove the fill values, if there are any, and with them the threshold. NULL is ignored.
 *
 * Thread safety: changes network.
 * @since 0.1
 */
AE_API void ae_network_clear_fill(ae_network *network);

AE_END_DECLS

#endif
