/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libae inside a server: worker threads, each with a session of its own, share one network and take
 * requests from a queue. A worker answers what is waiting, up to a batch, in one call: that is far
 * faster than a call a request. The clients here are threads; a real server's are sockets.
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include <libae/libae.h>

#include "common/command_line.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MOST_THREADS = 256, BATCH = 32, ROWS = 1000, FEATURES = 784 };

/* A row to be scored. It lies on its client's stack; until it is done it is the worker's. */
typedef struct request {
    const float *row;
    float score;
    bool done;
    struct request *next;
} request;

typedef struct server {
    pthread_mutex_t lock;
    pthread_cond_t waiting, answered; /* workers, clients */
    request *first, **end;
    bool closed;
    size_t calls;
    ae_network *network;
    size_t requests;                          /* of each client */
    float rows[ROWS][FEATURES], scores[ROWS]; /* what clients ask, and the answers that are right */
} server;

/* Take up to BATCH requests; none once the queue is closed and empty. */
static size_t take(server *s, request **taken)
{
    size_t count = 0;
    pthread_mutex_lock(&s->lock);
    while (s->first == NULL && !s->closed)
        pthread_cond_wait(&s->waiting, &s->lock);
    for (; s->first != NULL && count < BATCH; s->first = s->first->next)
        taken[count++] = s->first;
    if (s->first == NULL)
        s->end = &s->first;
    s->calls += count > 0;
    pthread_mutex_unlock(&s->lock);
    return count;
}

static void *work(void *context)
{
    server *s = context;
    request *taken[BATCH];
    float rows[BATCH][FEATURES], scores[BATCH];
    ae_session *session = NULL;
    check(ae_session_create(&session, s->network, AE_SESSION_OPTIONS(.max_batch = BATCH)));
    for (size_t count; (count = take(s, taken)) > 0;) {
        for (size_t i = 0; i < count; i++)
            memcpy(rows[i], taken[i]->row, sizeof rows[i]);
        check(ae_session_score(session, rows[0], count, scores, NULL, NULL));
        pthread_mutex_lock(&s->lock);
        for (size_t i = 0; i < count; i++)
            taken[i]->score = scores[i], taken[i]->done = true;
        pthread_cond_broadcast(&s->answered);
        pthread_mutex_unlock(&s->lock);
    }
    ae_session_free(session);
    return NULL;
}

/* Ask, wait, look at the answer. A row's score has the same bits whatever is computed beside it. */
static void *ask(void *context)
{
    server *s = context;
    for (size_t i = 0; i < s->requests; i++) {
        const size_t row = i * 7 % ROWS;
        request mine = {.row = s->rows[row]};
        pthread_mutex_lock(&s->lock);
        *s->end = &mine, s->end = &mine.next;
        pthread_cond_signal(&s->waiting);
        while (!mine.done)
            pthread_cond_wait(&s->answered, &s->lock);
        pthread_mutex_unlock(&s->lock);
        if (mine.score < s->scores[row] || mine.score > s->scores[row])
            fail("row %zu: score %g, not %g", row, (double)mine.score, (double)s->scores[row]);
    }
    return NULL;
}

static void start(pthread_t *threads, size_t count, void *(*run)(void *), server *s)
{
    for (size_t i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, run, s) != 0)
            fail("thread %zu cannot be started", i);
}

/* Answer all clients and shut down: with no client left the queue empties, and workers end. */
static void serve(server *s, size_t workers, size_t clients)
{
    pthread_t working[MOST_THREADS], asking[MOST_THREADS];
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    s->end = &s->first;
    start(working, workers, work, s);
    start(asking, clients, ask, s);
    for (size_t i = 0; i < clients; i++)
        pthread_join(asking[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    const double took = (double)(end.tv_sec - begin.tv_sec) +
                        1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    const double all = (double)(s->requests * clients);
    pthread_mutex_lock(&s->lock);
    s->closed = true;
    pthread_cond_broadcast(&s->waiting);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < workers; i++)
        pthread_join(working[i], NULL);
    printf("workers=%zu clients=%zu requests=%.0f seconds=%.3f requests/s=%.0f rows/call=%.1f\n",
           workers, clients, all, took, all / took, all / (double)s->calls);
}

int main(int argc, char **argv)
{
    static server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    size_t workers = 2, clients = 16;
    s.requests = 2000;
    const program_option options[] = {
        {"workers", "N", "threads that answer (2)", .number = &workers, .least = 1, .most = 256},
        {"clients", "N", "threads that ask (16)", .number = &clients, .least = 1, .most = 256},
        {"requests", "N", "of each client (2000)", .number = &s.requests, .least = 1,
         .most = 1 << 20}};
    options_parse(&(program){"A server: worker threads that share a network.", NULL, 0, options, 3},
                  argc, argv, NULL);
    pthread_cond_init(&s.waiting, NULL);
    pthread_cond_init(&s.answered, NULL);
    ae_session *session = NULL;
    check(ae_network_create(&s.network, NULL)); /* or ae_network_load; the speed is the same */
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < FEATURES; j++)
            s.rows[i][j] = (float)((i + 1) * (j + 1) % 256) / 255;
    check(ae_session_create(&session, s.network, NULL));
    check(ae_session_score(session, s.rows[0], ROWS, s.scores, NULL, NULL));
    ae_session_free(session), serve(&s, workers, clients), ae_network_free(s.network);
}
