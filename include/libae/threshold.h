/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_THRESHOLD_H
#define LIBAE_THRESHOLD_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/network.h>
#include <libae/session.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/*
 * Anomalies are rows that a network trained on normal rows reconstructs badly: their score is
 * greater than a threshold. The threshold is fitted on normal rows that the network was not trained
 * on, belongs to the network, and is saved and loaded with it. ae_session_detect compares rows with
 * it.
 *
 * Any change of a parameter or of the scaling (a training step, ae_network_set_tensor, best weights
 * put back) removes the threshold, because scores change with them. Fit it last, then save. A
 * threshold in AE_SCORE_UNITS_SPREAD also goes when the spread is fitted, set or cleared.
 *
 * A threshold keeps the cost and the units that it was fitted with; ae_session_detect, exported C
 * and ONNX use them. Which units to choose: docs/anomaly.md.
 */

/**
 * How a threshold is computed from the held-out rows' scores.
 * @since 0.1
 */
typedef enum ae_threshold_rule {
    AE_THRESHOLD_DEFAULT = 0, /**< AE_THRESHOLD_QUANTILE */
    /**
     * A quantile of the scores, interpolated linearly between order statistics (Hyndman and Fan
     * 1996, type 7: NumPy's and R's default). A quantile of 1 is the greatest score: for rows known
     * to be clean.
     */
    AE_THRESHOLD_QUANTILE = 1,
    /**
     * mean + k standard deviations, those of the sample (n - 1). One gross outlier among the rows
     * moves both.
     */
    AE_THRESHOLD_MEAN_SD = 2,
    /**
     * median + k MAD. MAD is the median of |score - median| times 1.4826, which makes it the
     * standard deviation where scores are normal (Rousseeuw and Croux 1993), so that k means the
     * same as in AE_THRESHOLD_MEAN_SD. Robust: up to half of the rows may be outliers.
     */
    AE_THRESHOLD_MEDIAN_MAD = 3,
    AE_THRESHOLD_GIVEN = 4 /**< set by ae_network_set_threshold; no rule for fitting */
} ae_threshold_rule;

/**
 * How to fit a threshold. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_threshold_options {
    size_t size;            /**< sizeof(ae_threshold_options); AE_THRESHOLD_OPTIONS fills it in */
    ae_threshold_rule rule; /**< default AE_THRESHOLD_QUANTILE */
    /** of the score, as in ae_session_score; default AE_COST_L2. AE_COST_BCE falls for values
     * beyond [0, 1], so that such anomalies go unseen. */
    ae_cost cost;
    /** of AE_THRESHOLD_QUANTILE, refused with another rule: in (0, 1]; default 0.99, which flags
     * about 1 % of normal rows */
    double quantile;
    /** of the other rules, refused with a quantile: deviations above the centre, > 0 and finite;
     * default 3 */
    double k;
    size_t threads; /**< up to 1024; default: the processors this process may use */
    /**
     * of the score, as in ae_session_score; default: scaled where the network has a scaling, else
     * the caller's. AE_SCORE_UNITS_SPREAD fits the network's spread on the same rows, unless it has
     * one that holds already (ae_network_fit_error_spread).
     */
    ae_score_units units;
    uint32_t reserved; /**< must be 0 */
} ae_threshold_options;

/** Options in place: AE_THRESHOLD_OPTIONS(.quantile = 1). C only; C++ calls
 * ae_threshold_options_init. */
#define AE_THRESHOLD_OPTIONS(...) \
    (&(ae_threshold_options){.size = sizeof(ae_threshold_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_threshold_options_init(ae_threshold_options *options);

/**
 * A network's threshold and where it comes from.
 * @since 0.1
 */
typedef struct ae_threshold {
    size_t size; /**< sizeof(ae_threshold), set by the caller */
    /** a row is anomalous when its score is greater: what the rule gives, plus margin */
    double value;
    ae_cost cost;           /**< of the score */
    ae_threshold_rule rule; /**< how it was computed */
    double quantile;        /**< of AE_THRESHOLD_QUANTILE, else 0 */
    double k;               /**< of AE_THRESHOLD_MEAN_SD and AE_THRESHOLD_MEDIAN_MAD, else 0 */
    /** the held-out scores' mean for AE_THRESHOLD_MEAN_SD, else their median; 0 if given */
    double centre;
    /** their standard deviation for AE_THRESHOLD_MEAN_SD, else their scaled MAD; 0 if given */
    double spread;
    uint64_t rows; /**< held-out rows; 0 if given */
    /**
     * How far the score of a row may move by rounding alone, in other kernels, exported C or ONNX
     * runtimes; 0 if given. Part of value, so that none of them flags a row that a rule left on or
     * below the threshold. It is eight times the greatest difference between the session's score
     * and the same in float64, on up to 128 rows next to the threshold, and at least eight ulp.
     */
    double margin;
    /**
     * What a session of AE_PRECISION_BF16 adds to value: twice the greatest difference between its
     * scores and a float32 session's on those rows; 0 if given. Sets of fewer rows than some
     * hundred know little of it.
     */
    double margin_bf16;
    ae_score_units units; /**< of the score; never AE_SCORE_UNITS_DEFAULT */
    uint32_t reserved;    /**< 0 */
} ae_threshold;

/**
 * Fit a network's threshold on held-out rows and keep it in the network, in place of any before.
 *
 * @param network whose scores; its threshold is unchanged on error
 * @param held_out normal rows, as wide as the network's input, that it was not trained on: scores
 *                 of training rows are too low, and the threshold would be too. Rows that chose
 *                 the best epoch are better left out as well.
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an option outside its range or of another rule,
 *         AE_THRESHOLD_GIVEN, AE_COST_BCE without a sigmoid output or in units that it does not
 *         have); AE_ERROR_SHAPE (columns differ; under 2 rows for AE_THRESHOLD_MEAN_SD);
 *         AE_ERROR_DATA (a score that is not finite, as of a row without any value, by row);
 *         AE_ERROR_NOT_SET (AE_SCORE_UNITS_SCALED without a scaling); AE_ERROR_UNSUPPORTED
 *         (options->reserved is not 0); AE_ERROR_OUT_OF_MEMORY; AE_ERROR_THREAD
 * Thread safety: changes network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_fit_threshold(ae_network *network,
                                                     const ae_dataset *held_out,
                                                     const ae_threshold_options *options);

/**
 * Set a threshold that was computed in another way.
 *
 * @param network whose threshold
 * @param value finite
 * @param options cost and units of the scores that are compared with it; NULL for AE_COST_L2 in
 *                the default units
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (network NULL, an unknown cost or units, AE_COST_BCE
 *         without a sigmoid output or in units that it does not have, a value not finite);
 *         AE_ERROR_NOT_SET (units that need a scaling or a spread, and there is none)
 * Thread safety: changes network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_set_threshold(ae_network *network, double value,
                                                     const ae_score_options *options);

/**
 * Get a network's threshold.
 *
 * @param threshold filled in; threshold->size must be set; untouched on error
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, size 0); AE_ERROR_NOT_SET (none, or the network
 *         has changed since; the error text says which)
 * Thread safety: reads network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_network_get_threshold(const ae_network *network,
                                                     ae_threshold *threshold);

/**
 * Whether a network has a threshold that holds for its parameters.
 *
 * @return 1 or 0; 0 for NULL
 * Thread safety: reads network.
 * @since 0.1
 */
AE_API int ae_network_has_threshold(const ae_network *network);

/**
 * Remove a network's threshold, if it has one. NULL is ignored.
 *
 * Thread safety: changes network.
 * @since 0.1
 */
AE_API void ae_network_clear_threshold(ae_network *network);

AE_END_DECLS

#endif
