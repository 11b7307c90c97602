/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_SESSION_H
#define LIBAE_SESSION_H

#include <libae/attributes.h>
#include <libae/network.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>

AE_BEGIN_DECLS

/**
 * Scratch memory for inference on a network, sized once: nothing is allocated afterwards, but for
 * new threads in the first call after a fork.
 *
 * Where the network has a scaling (ae_network_fit_scaling), rows, reconstructions, scores and parts
 * are in the caller's units, but for AE_COST_BCE, which is of scaled values; codes have no unit.
 *
 * Thread safety: a session serves one thread at a time; any number of sessions may run on one
 * network at once. A session sees changes made to its network between two calls. @since 0.1
 */
typedef struct ae_session ae_session;

/** How to build a session. Zero in any field but size means its default. @since 0.1 */
typedef struct ae_session_options {
    size_t size; /**< sizeof(ae_session_options); AE_SESSION_OPTIONS fills it in */
    /** the most rows computed at a time; larger calls are cut into pieces. Default 128, and a
     * greater value (up to 2^20) means 128 too: more would not stay in the caches */
    size_t max_batch;
    size_t threads; /**< threads that share each call's work; default 1 */
    /** AE_PRECISION_BF16: the session keeps a copy of the weights in bfloat16, half their size.
     * Processors with instructions for such numbers (AVX512_BF16) have the rows of each layer
     * rounded to them too; others multiply float32 rows. Default AE_PRECISION_F32: the network's
     * own weights. */
    ae_precision precision;
} ae_session_options;

/** Options in place: AE_SESSION_OPTIONS(.max_batch = 1). C only; C++ calls
 * ae_session_options_init. */
#define AE_SESSION_OPTIONS(...) \
    (&(ae_session_options){.size = sizeof(ae_session_options), __VA_ARGS__})

/** Options with every default. NULL is ignored. Thread safety: safe. @since 0.1 */
AE_API void ae_session_options_init(ae_session_options *options);

/**
 * Create a session.
 *
 * @param session receives the session, which the caller frees with ae_session_free; untouched on
 *         error
 * @param network must outlive the session
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, max_batch over 2^20, threads over 1024,
 * precision not an ae_precision); AE_ERROR_OUT_OF_MEMORY; AE_ERROR_THREAD Thread safety: reads
 * network. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_create(ae_session **session, const ae_network *network,
                                              const ae_session_options *options);

/** Free a session; NULL is allowed. @since 0.1 */
AE_API void ae_session_free(ae_session *session);

/**
 * Codes of rows.
 *
 * Batch normalisation uses the running statistics, so a row's result does not depend on the rows
 * beside it. Values are not checked: NaN in gives NaN out, for that row alone.
 *
 * @param rows count x input width floats, row-major
 * @param count rows; 0 does nothing
 * @param codes receives count x code width floats, row-major; must not overlap rows
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); after a fork, with threads > 1, the first call
 *         starts new threads: AE_ERROR_THREAD, AE_ERROR_OUT_OF_MEMORY
 * Thread safety: uses session. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_encode(ae_session *session, const float *rows, size_t count,
                                              float *codes);

/**
 * Reconstructions from codes.
 *
 * @param codes count x code width floats
 * @param reconstructions receives count x input width floats; must not overlap codes
 * @return as ae_session_encode
 * Thread safety: uses session. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_decode(ae_session *session, const float *codes, size_t count,
                                              float *reconstructions);

/**
 * Reconstructions of rows: ae_session_encode, then ae_session_decode.
 *
 * @param rows count x input width floats
 * @param reconstructions receives count x input width floats; must not overlap rows
 * @return as ae_session_encode
 * Thread safety: uses session. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_reconstruct(ae_session *session, const float *rows,
                                                   size_t count, float *reconstructions);

/**
 * How badly each row is reconstructed, and which features are to blame.
 *
 * With d the reconstruction minus the input and F the features, a feature's part is
 *
 *     AE_COST_L2   d^2 / sqrt(sum d^2), or 0 when all d are 0
 *     AE_COST_SSE  d^2
 *     AE_COST_MSE  d^2 / F
 *     AE_COST_BCE  -(t log y + (1 - t) log(1 - y)) / F
 *
 * worked out in float64 (the logarithms in float32) and rounded to float32. The score is the
 * float64 sum of these float32 parts in the order of the features, rounded to float32, so that
 * adding up
 *
 *     double sum = 0;
 *     for (size_t j = 0; j < F; j++)
 *         sum += parts[j];
 *
 * gives (float)sum == score exactly: with or without parts, and for any max_batch, number of
 * threads and rows beside it. NaN in a row gives a score of NaN; infinity gives infinity or NaN.
 *
 * @param cost which cost; AE_COST_BCE needs a sigmoid output
 * @param rows count x input width floats
 * @param scores receives count floats, the cost of each row
 * @param parts NULL, or receives count x input width floats: each feature's part; must not overlap
 *         rows
 * @return as ae_session_encode, and AE_ERROR_INVALID_ARGUMENT for an unknown cost
 * Thread safety: uses session. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_score(ae_session *session, ae_cost cost, const float *rows,
                                             size_t count, float *scores, float *parts);

AE_END_DECLS

#endif
