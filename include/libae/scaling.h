/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_SCALING_H
#define LIBAE_SCALING_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/network.h>
#include <libae/status.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * How a scaling is fitted to a feature's values.
 * @since 0.1
 */
typedef enum ae_scaling {
    AE_SCALING_DEFAULT = 0, /**< AE_SCALING_MIN_MAX */
    AE_SCALING_MIN_MAX = 1, /**< minimum to 0, maximum to 1: for a sigmoid output */
    /** mean to 0, standard deviation (of the population) to 1: for a linear output */
    AE_SCALING_Z_SCORE = 2
} ae_scaling;

/**
 * How to fit a scaling. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_scaling_options {
    size_t size;       /**< sizeof(ae_scaling_options); AE_SCALING_OPTIONS fills it in */
    ae_scaling kind;   /**< default AE_SCALING_MIN_MAX */
    uint32_t reserved; /**< must be 0 */
} ae_scaling_options;

/** Options in place: AE_SCALING_OPTIONS(.kind = AE_SCALING_Z_SCORE). C only; C++ calls
 * ae_scaling_options_init. */
#define AE_SCALING_OPTIONS(...) \
    (&(ae_scaling_options){.size = sizeof(ae_scaling_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_scaling_options_init(ae_scaling_options *options);

/**
 * Fit a scaling of each feature to a dataset, usually the training set, and keep it in the network.
 *
 * From then on the caller's values stay in the caller's units. The network works on
 * (value - offset) / scale and answers offset + scale * output. Trainers, sessions and
 * ae_network_evaluate scale by themselves; model files, checkpoints and ae_network_clone keep the
 * scaling. Costs during training are of scaled values, so that every feature counts alike, and so
 * are scores, thresholds and the costs of ae_network_evaluate unless their options name other units
 * (ae_score_units).
 *
 * A feature with a single value is a constant: its scale is 0, the network sees 0 and answers that
 * value. Missing values do not count. Values outside the dataset's range are scaled by the same
 * rule and may leave [0, 1].
 *
 * A trainer checks its training set when it is created: fit the scaling before, and leave it alone
 * while a trainer exists. A network without column names takes the dataset's, and so its picture
 * size and uint8 scale.
 *
 * @param network replaces the scaling it may have had
 * @param dataset rows as wide as the network's input; only read during the call
 * @param options NULL for the defaults. Min-max: offset = min, scale = max - min. Z-score: offset =
 *         mean, scale = standard deviation, both summed in float64
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an unknown kind); AE_ERROR_SHAPE (network and
 *         dataset differ in their columns: ae_network_check_dataset); AE_ERROR_DATA (a column whose
 *         range float32 cannot hold, or without any value); AE_ERROR_OUT_OF_MEMORY; whatever
 *         reading a mapped file or a source returns; the network is unchanged after an error
 *
 * Thread safety: changes network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_fit_scaling(ae_network *network, const ae_dataset *dataset,
                                                   const ae_scaling_options *options);

/**
 * Set the scaling.
 *
 * @param network replaces the scaling it may have had
 * @param offset input width floats, finite; copied
 * @param scale input width floats, finite, not negative, 0 for a constant; copied
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_DATA (a value outside those bounds,
 *         by index); AE_ERROR_OUT_OF_MEMORY; the network is unchanged after an error
 *
 * Thread safety: changes network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_set_scaling(ae_network *network, const float *offset,
                                                   const float *scale);

/**
 * Copy the scaling out.
 *
 * @param network whose scaling
 * @param offset NULL, or receives input width floats
 * @param scale NULL, or receives input width floats
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (network NULL); AE_ERROR_NOT_SET (the network has none)
 *
 * Thread safety: reads network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_get_scaling(const ae_network *network, float *offset,
                                                   float *scale);

/**
 * Whether the network scales its features. 0 for NULL.
 *
 * Thread safety: reads network.
 * @since 0.1
 */
AE_API int ae_network_has_scaling(const ae_network *network);

/**
 * Remove the scaling, if there is one. NULL is ignored.
 *
 * Thread safety: changes network.
 * @since 0.1
 */
AE_API void ae_network_clear_scaling(ae_network *network);

AE_END_DECLS

#endif
