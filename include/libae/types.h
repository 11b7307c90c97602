/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_TYPES_H
#define LIBAE_TYPES_H

/*
 * Small types that several headers share. In every enumeration of options 0 means "the default",
 * so that a zeroed options struct asks for the defaults. "The report", here and in the other
 * headers, is G. Moon, "Autoencoder on MNIST" (2017): docs/experiment.md.
 */

/**
 * A switch whose default the option's description names. 0 and false mean that default, not off:
 * to switch something off, write AE_TOGGLE_OFF.
 * @since 0.1
 */
typedef enum ae_toggle { AE_TOGGLE_DEFAULT = 0, AE_TOGGLE_ON = 1, AE_TOGGLE_OFF = 2 } ae_toggle;

/**
 * What to do with missing values when a dataset is made. In a dataset a missing value is a NaN.
 * @since 0.1
 */
typedef enum ae_missing {
    AE_MISSING_DEFAULT = 0, /**< AE_MISSING_REFUSE */
    AE_MISSING_REFUSE = 1,  /**< an error, by row and column */
    AE_MISSING_KEEP = 2     /**< kept as NaN; ae_dataset_has_missing tells whether there are any */
} ae_missing;

/**
 * A layer's non-linearity, applied after batch normalisation.
 * @since 0.1
 */
typedef enum ae_activation {
    AE_ACTIVATION_DEFAULT = 0,    /**< sigmoid, as in the report */
    AE_ACTIVATION_SIGMOID = 1,    /**< 1 / (1 + exp(-x)) */
    AE_ACTIVATION_TANH = 2,       /**< tanh(x) */
    AE_ACTIVATION_RELU = 3,       /**< max(x, 0) */
    AE_ACTIVATION_LEAKY_RELU = 4, /**< x for x > 0, slope * x otherwise */
    AE_ACTIVATION_LINEAR = 5      /**< x */
} ae_activation;

/**
 * A cost (loss). Each is the mean over the rows of the row's cost, with d the reconstruction minus
 * the input and F the number of features.
 * @since 0.1
 */
typedef enum ae_cost {
    AE_COST_DEFAULT = 0, /**< AE_COST_L2, the report's */
    AE_COST_L2 = 1,      /**< sqrt(sum d^2); its gradient at d = 0 is taken as 0 */
    AE_COST_SSE = 2,     /**< sum d^2 */
    AE_COST_MSE = 3,     /**< sum d^2 / F */
    AE_COST_BCE = 4      /**< -sum(t log y + (1 - t) log(1 - y)) / F; needs a sigmoid output */
} ae_cost;

/**
 * What a score's unit is: which numbers d, the reconstruction minus the input, are squared and
 * added up (see ae_session_score).
 *
 * AE_COST_BCE is a cross-entropy of what the network itself sees, always of scaled values: it has
 * no other unit, and AE_SCORE_UNITS_CALLER (where there is a scaling) and AE_SCORE_UNITS_SPREAD are
 * refused with it.
 * @since 0.1
 */
typedef enum ae_score_units {
    /** AE_SCORE_UNITS_SCALED where the network has a scaling, else AE_SCORE_UNITS_CALLER */
    AE_SCORE_UNITS_DEFAULT = 0,
    /**
     * d between scaled values, as in training: every feature counts by its own range or deviation
     * in the training set. A constant feature is 0 there, so that its changes go unseen.
     */
    AE_SCORE_UNITS_SCALED = 1,
    /** d as it is: a column in pascal outweighs one in millimetres */
    AE_SCORE_UNITS_CALLER = 2,
    /**
     * d as it is, divided by that feature's own spread of d on held-out rows: a feature that is
     * usually reconstructed well counts for more. Needs ae_network_fit_error_spread, or a threshold
     * fitted with these units.
     */
    AE_SCORE_UNITS_SPREAD = 3
} ae_score_units;

/**
 * The arithmetic of the matrix products.
 * @since 0.1
 */
typedef enum ae_precision {
    AE_PRECISION_DEFAULT = 0, /**< AE_PRECISION_F32 */
    AE_PRECISION_F32 = 1,     /**< float32 throughout */
    /** Products of bfloat16 numbers. Training rounds all operands. A session rounds the weights,
     * and on processors with bfloat16 instructions the rows too. Sums, parameters, moments and all
     * else are float32. */
    AE_PRECISION_BF16 = 2
} ae_precision;

/**
 * The order in which an epoch takes the rows.
 * @since 0.1
 */
typedef enum ae_shuffle {
    /** AE_SHUFFLE_EPOCH */
    AE_SHUFFLE_DEFAULT = 0,
    /** a new random order in every epoch */
    AE_SHUFFLE_EPOCH = 1,
    /** the dataset's order in the first epoch, then a new random order in each: the report's */
    AE_SHUFFLE_AFTER_FIRST = 2,
    /** the dataset's order */
    AE_SHUFFLE_NONE = 3,
    /**
     * A new order in every epoch for files on disks that read single rows slowly: blocks of
     * `shuffle_block` rows in a random order, and the rows of `shuffle_window` blocks at a time
     * mixed with each other. Rows of one block stay within one window of the epoch, so a file
     * whose order means something (by class, by time) is mixed less well than by AE_SHUFFLE_EPOCH.
     */
    AE_SHUFFLE_BLOCKS = 4
} ae_shuffle;

#endif
