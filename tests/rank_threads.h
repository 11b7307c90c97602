/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_RANK_THREADS_H
#define TESTS_RANK_THREADS_H

#include "support.h"

#include <libae/transport.h>
#include <pthread.h>

/* Threads as ranks: each runs `run` with the transport of its own, and all are joined. */

enum { RANK_THREADS_MAX = 16 };

typedef struct rank_thread {
    ae_transport *transport;
    void (*run)(ae_transport *transport, void *context);
    void *context;
} rank_thread;

static void *rank_thread_main(void *argument)
{
    const rank_thread *mine = argument;
    mine->run(mine->transport, mine->context);
    return NULL;
}

static inline void rank_threads_run(size_t ranks, void (*run)(ae_transport *, void *),
                                    void *context)
{
    ae_transport *transports[RANK_THREADS_MAX];
    rank_thread each[RANK_THREADS_MAX];
    pthread_t threads[RANK_THREADS_MAX];
    ck_assert_uint_le(ranks, RANK_THREADS_MAX);
    ck_assert_ok(ae_transport_create_threads(transports, ranks));
    for (size_t r = 0; r < ranks; r++) {
        each[r] = (rank_thread){transports[r], run, context};
        ck_assert_int_eq(pthread_create(&threads[r], NULL, rank_thread_main, &each[r]), 0);
    }
    for (size_t r = 0; r < ranks; r++)
        (void)pthread_join(threads[r], NULL);
    ae_transport_free_threads(transports, ranks);
}

#endif
