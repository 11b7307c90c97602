/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_FAULTY_TRANSPORT_H
#define TESTS_FAULTY_TRANSPORT_H

#include "support.h"

#include <libae/transport.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * A transport around another one that does something wrong once, at its k-th message. It belongs to
 * one rank. Messages to send are copied, so that a flipped or cut one leaves the sender's memory
 * alone; a request is a faulty_request.
 */

typedef enum faulty_kind {
    FAULTY_NOT,
    FAULTY_DROP,   /* a message to send never leaves, and counts as sent */
    FAULTY_DELAY,  /* a message is under way for longer than `seconds` */
    FAULTY_CUT,    /* a message to send is shorter than it should be */
    FAULTY_FLIP,   /* one bit of a message to send is another */
    FAULTY_REFUSE, /* a call returns a failure */
    FAULTY_DIE,    /* the rank is gone from then on, as if it had been killed: nothing is told */
    FAULTY_KINDS
} faulty_kind;

typedef struct faulty_request {
    void *inner;
    unsigned char *copy;
    double until;
    int lost; /* never done */
    struct faulty_request *next;
} faulty_request;

typedef struct faulty_transport {
    ae_transport outer; /* what the library gets */
    ae_transport *inner;
    faulty_kind kind;
    size_t at;      /* the message, counted from 1 over sends and receives */
    uint64_t where; /* bit, or length of what is left, modulo the message's size */
    double seconds; /* of a delay */
    size_t count;   /* of messages so far */
    uint64_t bytes; /* sent so far */
    size_t abandoned;
    faulty_request *requests;
    int struck; /* the fault has happened */
    int dead;
} faulty_transport;

static inline double faulty_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Whether the fault of this kind strikes the present message. Those that concern what is sent wait
 * for a message to send. */
static inline faulty_kind faulty_strike(faulty_transport *f, int incoming)
{
    const int any = f->kind == FAULTY_DELAY || f->kind == FAULTY_REFUSE || f->kind == FAULTY_DIE;
    f->count++;
    if (f->struck || f->kind == FAULTY_NOT || f->count < f->at || (incoming && !any))
        return FAULTY_NOT;
    f->struck = 1;
    f->dead = f->kind == FAULTY_DIE;
    return f->kind;
}

static inline int faulty_start(faulty_transport *f, const ae_message *message, int incoming,
                               void **handle)
{
    const faulty_kind kind = faulty_strike(f, incoming);
    if (kind == FAULTY_REFUSE)
        return 77;
    faulty_request *r = calloc(1, sizeof *r);
    ae_message changed = *message;
    r->next = f->requests;
    f->requests = r;
    *handle = r;
    if (f->dead || kind == FAULTY_DROP) {
        r->lost = f->dead;
        return 0;
    }
    if (!incoming) {
        r->copy = malloc(message->bytes);
        memcpy(r->copy, message->data, message->bytes);
        changed.data = r->copy;
        f->bytes += message->bytes;
    }
    if (kind == FAULTY_DELAY)
        r->until = faulty_now() + f->seconds;
    else if (kind == FAULTY_CUT)
        changed.bytes = 1 + f->where % (message->bytes - 1);
    else if (kind == FAULTY_FLIP)
        r->copy[f->where / 8 % message->bytes] ^= (unsigned char)(1 << f->where % 8);
    return (incoming ? f->inner->receive : f->inner->send)(f->inner->user, &changed, &r->inner);
}

static inline int faulty_send(void *user, const ae_message *message, void **handle)
{
    return faulty_start(user, message, 0, handle);
}

static inline int faulty_receive(void *user, const ae_message *message, void **handle)
{
    return faulty_start(user, message, 1, handle);
}

static inline int faulty_test(void *user, void **handle, int *done)
{
    faulty_transport *f = user;
    faulty_request *r = *handle;
    *done = 0;
    if (f->dead || r->lost || (r->until > 0 && faulty_now() < r->until))
        return 0;
    *done = 1;
    const int code = r->inner == NULL ? 0 : f->inner->test(f->inner->user, &r->inner, done);
    if (code == 0 && *done)
        *handle = NULL;
    return code;
}

static inline void faulty_abandon(void *user)
{
    faulty_transport *f = user;
    f->abandoned++;
    f->inner->abandon(f->inner->user);
}

static inline const char *faulty_host(void *user, size_t rank)
{
    (void)user;
    static const char *const hosts[] = {"node00", "node01", "node02", "node03",
                                        "node04", "node05", "node06", "node07"};
    return rank < 8 ? hosts[rank] : NULL;
}

/* Fill in the outer transport; kind, at, where and seconds are the caller's. */
static inline void faulty_wrap(faulty_transport *f, ae_transport *inner)
{
    f->inner = inner;
    f->outer = (ae_transport){.size = sizeof f->outer,
                              .user = f,
                              .rank = inner->rank,
                              .rank_count = inner->rank_count,
                              .send = faulty_send,
                              .receive = faulty_receive,
                              .test = faulty_test,
                              .abandon = faulty_abandon,
                              .host = faulty_host};
}

/* When nothing is under way any more. */
static inline void faulty_free(faulty_transport *f)
{
    while (f->requests != NULL) {
        faulty_request *next = f->requests->next;
        free(f->requests->copy);
        free(f->requests);
        f->requests = next;
    }
}

#endif
