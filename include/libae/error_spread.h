/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_ERROR_SPREAD_H
#define LIBAE_ERROR_SPREAD_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/network.h>
#include <libae/status.h>
#include <stddef.h>

AE_BEGIN_DECLS

/*
 * The spread of each feature's reconstruction error on rows that the network was not trained on:
 * the unit of AE_SCORE_UNITS_SPREAD. It belongs to the network, is saved, loaded and cloned with
 * it, and like a threshold it holds for the parameters and the scaling that it was fitted for: any
 * change of them removes it. Fitting, setting and clearing it removes a threshold in those units.
 */

/**
 * How to fit the spread. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_error_spread_options {
    size_t size;    /**< sizeof(ae_error_spread_options); AE_ERROR_SPREAD_OPTIONS fills it in */
    size_t threads; /**< up to 1024; default: the processors this process may use */
} ae_error_spread_options;

/** Options in place: AE_ERROR_SPREAD_OPTIONS(.threads = 2). C only; C++ calls
 * ae_error_spread_options_init. */
#define AE_ERROR_SPREAD_OPTIONS(...) \
    (&(ae_error_spread_options){.size = sizeof(ae_error_spread_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_error_spread_options_init(ae_error_spread_options *options);

/**
 * Fit the spread of each feature's error and keep it in the network, in place of any before.
 *
 * With d the reconstruction minus the input, in the caller's units, a feature's spread is the
 * median of |d| over the rows, times 1.4826, which makes it the standard deviation where d is
 * normal around 0. It is a distance from 0, not from the median of d, because a score measures
 * that; up to half of the rows may be outliers. No spread is less than 2^-19 of the feature's
 * greatest magnitude among the rows: smaller errors are the rounding of float32. A constant feature
 * has that spread, so that any change of it counts for much. A feature that was 0, and
 * reconstructed as 0, in every row has the spread 1.
 *
 * Where the network has fill values, a missing value has no error and is left out.
 *
 * A feature that hardly ever leaves one value, such as a rare category, has a small spread, and
 * each rare value counts for very much: such tables are better scored in scaled units.
 *
 * @param network whose errors; unchanged on error
 * @param held_out normal rows, as wide as the network's input, that it was not trained on. Of a set
 *                 of more than 2^24 values, evenly spaced rows are taken that have no more.
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an option outside its range); AE_ERROR_SHAPE
 *         (widths differ); AE_ERROR_DATA (an error that is not finite, naming row and column;
 *         missing values and no fill values; a column without any value);
 *         AE_ERROR_OUT_OF_MEMORY; AE_ERROR_THREAD
 * Thread safety: changes network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_fit_error_spread(ae_network *network,
                                                        const ae_dataset *held_out,
                                                        const ae_error_spread_options *options);

/**
 * Set the spread: known tolerances of the features, say.
 *
 * @param network whose spread
 * @param spread input width floats, positive and finite, in the caller's units; copied
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_DATA (a value that is not positive
 *         and finite, by index); AE_ERROR_OUT_OF_MEMORY; the network is unchanged after an error
 * Thread safety: changes network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_set_error_spread(ae_network *network, const float *spread);

/**
 * Copy the spread out.
 *
 * @param network whose spread
 * @param spread receives input width floats; untouched on error
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_NOT_SET (none, or the network has
 *         changed since; the error text says which)
 * Thread safety: reads network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_get_error_spread(const ae_network *network, float *spread);

/**
 * Whether a network has a spread that holds for its parameters.
 *
 * @return 1 or 0; 0 for NULL
 * Thread safety: reads network.
 * @since 0.1
 */
AE_API int ae_network_has_error_spread(const ae_network *network);

/**
 * Remove the spread, if there is one. NULL is ignored.
 *
 * Thread safety: changes network.
 * @since 0.1
 */
AE_API void ae_network_clear_error_spread(ae_network *network);

AE_END_DECLS

#endif
