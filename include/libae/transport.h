/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_TRANSPORT_H
#define LIBAE_TRANSPORT_H

#include <libae/attributes.h>
#include <libae/status.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * Bytes on their way between two ranks.
 * @since 0.1
 */
typedef struct ae_message {
    size_t size;       /**< sizeof(ae_message), filled in by libae */
    void *data;        /**< a message to send is only read; both stay where they are until done */
    size_t bytes;      /**< at least 1; sender and receiver name the same number */
    size_t rank;       /**< the other rank, which is never this one */
    uint32_t tag;      /**< at most 32767 */
    uint32_t reserved; /**< 0 */
} ae_message;

/**
 * How a rank, which is one process of a run, reaches the others. Ranks are counted from 0.
 * <libae/mpi.h> fills this in for MPI, and ae_transport_create_threads for ranks that are threads
 * of one process. A program may fill it in for anything else.
 *
 * The functions move bytes and never add, so no result depends on them. Each returns 0, or anything
 * else for a failure. Messages of one sender to one receiver under one tag arrive in the order in
 * which they were sent. A function may report a message of another length than the one expected as
 * a failure, or let it pass: every message of libae's carries its length and a checksum.
 *
 * libae calls these functions from the thread that calls the trainer only, so MPI_THREAD_FUNNELED
 * is enough.
 * @since 0.1
 */
typedef struct ae_transport {
    size_t size;       /**< sizeof(ae_transport), set by the caller */
    void *user;        /**< handed to each function */
    size_t rank;       /**< this rank, below rank_count */
    size_t rank_count; /**< at least 1 */
    /** Start to send a message and return at once. *request, NULL before the call, stands for it
     * until it is done; what leaves it NULL is done at once. */
    int (*send)(void *user, const ae_message *message, void **request);
    /** Start to receive a message and return at once. */
    int (*receive)(void *user, const ae_message *message, void **request);
    /** See whether a message is done, and never wait. If so, set *done to 1 and *request to NULL;
     * otherwise set *done to 0. */
    int (*test)(void *user, void **request, int *done);
    /** Give up: end or cancel what is under way, so that the other ranks notice if they can. libae
     * calls it once at most and calls no other function after it. */
    void (*abandon)(void *user);
    /** The name of a rank's machine for error texts, or NULL; it lives as long as the transport.
     * This function may be NULL. */
    const char *(*host)(void *user, size_t rank);
} ae_transport;

/**
 * Transports between threads of one process, each of which is a rank: to try a run over several
 * ranks and to test it without MPI, and as an example of a transport. Each thread uses the
 * transport of its own rank. When one of them gives up (abandon), messages from and to it fail in
 * the others.
 *
 * @param transports an array of rank_count pointers, which receives the transport of each rank; the
 *        caller frees them with ae_transport_free_threads; untouched on error
 * @param rank_count how many ranks, 1 to 1024
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (transports NULL, rank_count out of range);
 *         AE_ERROR_OUT_OF_MEMORY; AE_ERROR_THREAD (no lock could be made)
 *
 * Thread safety: safe. Each transport is for one thread at a time.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_transport_create_threads(ae_transport **transports,
                                                        size_t rank_count);

/**
 * Free the transports of all ranks and set their pointers to NULL. Messages that are still under
 * way are dropped.
 *
 * @param transports what ae_transport_create_threads filled in; NULL, and an array of NULLs, do
 *        nothing
 * @param rank_count the number it was called with
 *
 * Thread safety: no thread may use one of the transports any more.
 * @since 0.1
 */
AE_API void ae_transport_free_threads(ae_transport **transports, size_t rank_count);

/**
 * The widest kernels that the processors of all ranks have. Kernels of unlike widths round
 * differently, so all ranks must compute with the same: hand the name to
 * ae_network_options.kernels. BLIS's kernels are never chosen.
 *
 * The call is collective: every rank calls it, and returns when all have. A failure leaves the
 * transport good for nothing but being freed.
 *
 * @param transport this rank's
 * @param patience_seconds how long to wait for a silent rank; 0: 300
 * @param name receives the name, which ends with a zero byte; 32 bytes are enough; untouched on
 *        error
 * @param size bytes of name
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a field of the transport not set, a patience
 *         below 0 or not finite); AE_ERROR_BUFFER_SIZE (name is too small here; the other ranks are
 *         not concerned); AE_ERROR_COMMUNICATION (a rank is silent, gone or of another release);
 *         AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: safe for unlike transports.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_transport_agree_kernels(const ae_transport *transport,
                                                       double patience_seconds, char *name,
                                                       size_t size);

AE_END_DECLS

#endif
