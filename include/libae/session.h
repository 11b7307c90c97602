/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_SESSION_H
#define LIBAE_SESSION_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/network.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * Inference with a network. A session's memory is allocated when it is created, and nothing is
 * allocated afterwards, but for new threads in the first call after a fork.
 *
 * Where the network has a scaling (ae_network_fit_scaling), rows and reconstructions are in the
 * caller's units all the same. Scores and contributions are then of scaled values, as the costs of
 * training are, unless ae_score_options.units asks for others. Codes are never scaled.
 *
 * Batch normalisation uses the running statistics, so a row's result does not depend on the rows
 * beside it. Results have the same bits for any max_batch and any number of threads.
 *
 * Values are not checked. Where the network has fill values (<libae/missing.h>), a NaN in a row is
 * a missing value. Otherwise NaN in gives NaN out, for that row alone; its contributions are NaN
 * for the features that are NaN and 0 for the others, so that they name the sensor that failed.
 *
 * Thread safety: a session serves one thread at a time; any number of sessions may run on one
 * network at once. A session sees changes made to its network between two calls.
 * @since 0.1
 */
typedef struct ae_session ae_session;

/**
 * How to build a session. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_session_options {
    size_t size; /**< sizeof(ae_session_options); AE_SESSION_OPTIONS fills it in */
    /**
     * The most rows computed at a time, 1 to 128; longer calls are cut into pieces. Default 128. A
     * smaller number needs less memory.
     */
    size_t max_batch;
    size_t threads; /**< threads that share each call's work, up to 1024; default 1 */
    /**
     * AE_PRECISION_BF16: the session keeps a copy of the weights in bfloat16, half their size.
     * Processors with instructions for such numbers (AVX512_BF16) also round the input of each
     * layer to bfloat16; others multiply it in float32. Default AE_PRECISION_F32: the network's own
     * weights.
     */
    ae_precision precision;
    uint32_t reserved; /**< must be 0 */
} ae_session_options;

/** Options in place: AE_SESSION_OPTIONS(.max_batch = 1). C only; C++ calls
 * ae_session_options_init. */
#define AE_SESSION_OPTIONS(...) \
    (&(ae_session_options){.size = sizeof(ae_session_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_session_options_init(ae_session_options *options);

/**
 * Create a session.
 *
 * @param session receives the session, which the caller frees with ae_session_free; untouched on
 *                error
 * @param network must outlive the session
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, max_batch over 128, threads over 1024,
 *         precision not an ae_precision); AE_ERROR_UNSUPPORTED (reserved is not 0);
 *         AE_ERROR_OUT_OF_MEMORY; AE_ERROR_THREAD
 * Thread safety: reads network.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_create(ae_session **session, const ae_network *network,
                                              const ae_session_options *options);

/**
 * Free a session; NULL is allowed.
 *
 * Thread safety: uses session.
 * @since 0.1
 */
AE_API void ae_session_free(ae_session *session);

/**
 * Encode rows: the output of the encoder's last layer, which is called the code (latent vector,
 * embedding).
 *
 * @param rows count x input width floats, row-major; the width is not passed: compare yours with
 *             ae_network_input_width once
 * @param count rows; 0 does nothing
 * @param codes receives count x code width floats, row-major; must not overlap rows
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); after a fork, with threads > 1, the first call
 *         starts new threads: AE_ERROR_THREAD, AE_ERROR_OUT_OF_MEMORY
 * Thread safety: uses session.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_encode(ae_session *session, const float *rows, size_t count,
                                              float *codes);

/**
 * Decode codes into reconstructions.
 *
 * @param codes count x code width floats
 * @param count codes; 0 does nothing
 * @param reconstructions receives count x input width floats; must not overlap codes
 * @return as ae_session_encode
 * Thread safety: uses session.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_decode(ae_session *session, const float *codes, size_t count,
                                              float *reconstructions);

/**
 * Reconstruct rows: ae_session_encode, then ae_session_decode.
 *
 * @param rows count x input width floats
 * @param count rows; 0 does nothing
 * @param reconstructions receives count x input width floats; must not overlap rows
 * @return as ae_session_encode
 * Thread safety: uses session.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_reconstruct(ae_session *session, const float *rows,
                                                   size_t count, float *reconstructions);

/**
 * The output of any layer, after its activation. Rows are scaled as for ae_session_encode. The
 * output of an inner layer is never scaled; that of the last layer is in the caller's units, as
 * ae_session_reconstruct gives it.
 *
 * @param rows count x input width floats
 * @param count rows; 0 does nothing
 * @param layer which layer, from 0; ae_network_layer_count - 1 is the last
 * @param outputs receives count x that layer's width floats, row-major; must not overlap rows
 * @return as ae_session_encode, and AE_ERROR_INVALID_ARGUMENT when there is no such layer
 * Thread safety: uses session.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_forward(ae_session *session, const float *rows, size_t count,
                                               size_t layer, float *outputs);

/**
 * Which cost a score is. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_score_options {
    size_t size;  /**< sizeof(ae_score_options); AE_SCORE_OPTIONS fills it in */
    ae_cost cost; /**< default AE_COST_L2; AE_COST_BCE needs a sigmoid output */
    /** default: scaled where the network has a scaling, else the caller's */
    ae_score_units units;
} ae_score_options;

/** Options in place: AE_SCORE_OPTIONS(.cost = AE_COST_MSE). C only; C++ calls
 * ae_score_options_init. */
#define AE_SCORE_OPTIONS(...) (&(ae_score_options){.size = sizeof(ae_score_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_score_options_init(ae_score_options *options);

/**
 * Score rows: how badly each row is reconstructed, and how much each feature contributes to that.
 *
 * With d the reconstruction minus the input, in the units that options ask for, and F the number
 * of features, the contribution of a feature is
 *
 *     AE_COST_L2   d^2 / sqrt(sum d^2), or 0 when all d are 0
 *     AE_COST_SSE  d^2
 *     AE_COST_MSE  d^2 / F
 *     AE_COST_BCE  -(t log y + (1 - t) log(1 - y)) / F
 *
 * computed in float64 (the logarithms in float32) and rounded to float32. The score is the float64
 * sum of these float32 contributions in the order of the features, rounded to float32, so that
 * adding up
 *
 *     double sum = 0;
 *     for (size_t j = 0; j < F; j++)
 *         sum += contributions[j];
 *
 * gives (float)sum == score exactly, whether contributions were asked for or not. NaN in a row
 * gives a score of NaN; infinity gives infinity or NaN.
 *
 * @param rows count x input width floats
 * @param count rows; 0 does nothing
 * @param scores receives count floats, the cost of each row
 * @param contributions NULL, or receives count x input width floats: the contribution of each
 *                      feature; must not overlap rows
 * @param options NULL for AE_COST_L2 in the default units
 * @return as ae_session_encode, and AE_ERROR_INVALID_ARGUMENT (an unknown cost or units,
 *         AE_COST_BCE without a sigmoid output or in units that it does not have);
 *         AE_ERROR_NOT_SET (AE_SCORE_UNITS_SCALED without a scaling, AE_SCORE_UNITS_SPREAD without
 *         a spread that holds for the parameters)
 * Thread safety: uses session.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_score(ae_session *session, const float *rows, size_t count,
                                             float *scores, float *contributions,
                                             const ae_score_options *options);

/**
 * The features that contribute most to a row's score, the greatest first. NaN counts as the
 * greatest of all; of equal contributions the one further left comes first.
 * ae_network_column_name gives a feature's name.
 *
 * @param contributions of one row, from ae_session_score
 * @param features how many there are, the network's input width
 * @param count how many are wanted, up to features
 * @param indices receives count indices of features
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, count over features)
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_contributions_top(const float *contributions, size_t features,
                                                 size_t count, size_t *indices);

/**
 * Detect anomalies: rows whose score, of the threshold's cost and in its units, is greater than the
 * network's threshold (ae_network_fit_threshold). A score that is NaN counts as anomalous. A
 * session of AE_PRECISION_BF16 adds the threshold's margin_bf16 to the value. ae_session_score
 * tells which features are to blame, if it is given the threshold's cost and units.
 *
 * @param rows count x input width floats
 * @param count rows; 0 does nothing
 * @param flags receives count bytes, 1 for an anomalous row and 0 for the others
 * @param scores NULL, or receives count floats: ae_session_score by the threshold's cost and units
 * @return as ae_session_encode, and AE_ERROR_NOT_SET when the network has no threshold or has
 *         changed since it was fitted, or its spread is gone that the threshold's units need
 * Thread safety: uses session.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_detect(ae_session *session, const float *rows, size_t count,
                                              unsigned char *flags, float *scores);

/**
 * ae_session_encode of all rows of a dataset, in its order, into memory. Rows are read in pieces of
 * max_batch. On error the results of earlier pieces have been written.
 *
 * @param dataset rows as wide as the network's input
 * @param codes receives row count x code width floats, row-major
 * @return as ae_session_encode, and AE_ERROR_SHAPE when network and dataset differ in width,
 *         AE_ERROR_OUT_OF_MEMORY
 * Thread safety: uses session, reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_encode_dataset(ae_session *session,
                                                      const ae_dataset *dataset, float *codes);

/**
 * ae_session_reconstruct of all rows of a dataset.
 *
 * @param reconstructions receives row count x input width floats, row-major
 * @return as ae_session_encode_dataset
 * Thread safety: uses session, reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_reconstruct_dataset(ae_session *session,
                                                           const ae_dataset *dataset,
                                                           float *reconstructions);

/**
 * ae_session_score of all rows of a dataset.
 *
 * @param scores receives row count floats
 * @param contributions NULL, or receives row count x input width floats, row-major
 * @param options NULL for AE_COST_L2 in the default units
 * @return as ae_session_encode_dataset and ae_session_score
 * Thread safety: uses session, reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_score_dataset(ae_session *session, const ae_dataset *dataset,
                                                     float *scores, float *contributions,
                                                     const ae_score_options *options);

/**
 * ae_session_detect of all rows of a dataset.
 *
 * @param flags receives row count bytes, 1 for an anomalous row and 0 for the others
 * @param scores NULL, or receives row count floats
 * @return as ae_session_encode_dataset and ae_session_detect
 * Thread safety: uses session, reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_detect_dataset(ae_session *session,
                                                      const ae_dataset *dataset,
                                                      unsigned char *flags, float *scores);

AE_END_DECLS

#endif
