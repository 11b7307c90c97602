/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How do threads of one process play the ranks of a run? Each rank has a mailbox, with the messages
 * sent to it that nobody waits for yet, and its receives that have no message yet. Whoever comes
 * second, sender or receiver, finds the other there and copies the bytes. So there is one copy, no
 * memory of the transport's own for what is in between, and no thread.
 */
#include <libae/transport.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { RANKS_MAX = 1024 };

/* What the functions return. */
enum { GONE = 1, NO_MEMORY = 2, TOO_LONG = 3, NO_RANK = 4 };

enum { FREE, WAITING, DONE, FAILED };

/* One message, seen by one of its two ranks. It is its owner's, but whoever holds the lock of the
 * mailbox may fill and finish it while it waits there. */
typedef struct request {
    struct request *next;  /* in the mailbox */
    struct request *other; /* of the same owner */
    ae_message message;
    size_t owner;
    bool incoming;
    atomic_int state;
} request;

typedef struct mailbox {
    pthread_mutex_t lock;
    request *queues[2]; /* messages, receives */
    atomic_int gone;    /* its rank has given up */
} mailbox;

typedef struct endpoint {
    ae_transport transport;
    struct thread_ranks *ranks;
    request *requests;
} endpoint;

typedef struct thread_ranks {
    size_t count;
    mailbox *mailboxes;
    endpoint *endpoints;
} thread_ranks;

/* The mailbox is always the receiver's. */
static mailbox *mailbox_of(const thread_ranks *ranks, const request *r)
{
    return &ranks->mailboxes[r->incoming ? r->owner : r->message.rank];
}

/* Requests are kept and used again: a run soon allocates no more of them. */
static request *take(endpoint *e)
{
    request *r = e->requests;
    while (r != NULL && atomic_load_explicit(&r->state, memory_order_relaxed) != FREE)
        r = r->other;
    if (r != NULL)
        return r;
    r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->owner = e->transport.rank;
    r->other = e->requests;
    e->requests = r;
    return r;
}

/* The longest-waiting counterpart, out of its queue. */
static request *take_match(mailbox *box, const request *r)
{
    for (request **at = &box->queues[!r->incoming]; *at != NULL; at = &(*at)->next) {
        request *found = *at;
        if (found->owner == r->message.rank && found->message.rank == r->owner &&
            found->message.tag == r->message.tag) {
            *at = found->next;
            return found;
        }
    }
    return NULL;
}

/* A message that is too long for its receive is the receiver's error: its sender cannot know. */
static void deliver(request *out, request *in)
{
    const bool fits = out->message.bytes <= in->message.bytes;
    if (fits)
        memcpy(in->message.data, out->message.data, out->message.bytes);
    atomic_store(&in->state, fits ? DONE : FAILED);
    atomic_store(&out->state, DONE);
}

static int post(endpoint *e, const ae_message *message, bool incoming, void **handle)
{
    const thread_ranks *ranks = e->ranks;
    if (message->rank >= ranks->count)
        return NO_RANK;
    if (atomic_load(&ranks->mailboxes[e->transport.rank].gone))
        return GONE;
    request *r = take(e);
    if (r == NULL)
        return NO_MEMORY;
    r->message = *message;
    r->incoming = incoming;
    r->next = NULL;
    atomic_store(&r->state, WAITING);
    mailbox *box = mailbox_of(ranks, r);
    (void)pthread_mutex_lock(&box->lock);
    request *match = take_match(box, r);
    if (match != NULL) {
        deliver(incoming ? match : r, incoming ? r : match);
    } else {
        request **end = &box->queues[incoming];
        while (*end != NULL)
            end = &(*end)->next;
        *end = r;
    }
    (void)pthread_mutex_unlock(&box->lock);
    *handle = r;
    return 0;
}

static int send_message(void *user, const ae_message *message, void **handle)
{
    return post(user, message, false, handle);
}

static int receive_message(void *user, const ae_message *message, void **handle)
{
    return post(user, message, true, handle);
}

/* A rank may have done its part just before it gave up, so the state is read again after that is
 * seen. */
static int test_message(void *user, void **handle, int *done)
{
    const endpoint *e = user;
    request *r = *handle;
    int state = atomic_load(&r->state);
    if (state == WAITING && atomic_load(&e->ranks->mailboxes[r->message.rank].gone)) {
        state = atomic_load(&r->state);
        if (state == WAITING)
            return GONE;
    }
    if (state == FAILED)
        return TOO_LONG;
    *done = state == DONE;
    if (*done) {
        atomic_store(&r->state, FREE);
        *handle = NULL;
    }
    return 0;
}

/* Afterwards nobody reads or writes the memory of this rank's messages: what waits is taken out
 * under the lock under which it would be copied. */
static void give_up(void *user)
{
    endpoint *e = user;
    atomic_store(&e->ranks->mailboxes[e->transport.rank].gone, 1);
    for (request *r = e->requests; r != NULL; r = r->other) {
        if (atomic_load(&r->state) == FREE)
            continue;
        mailbox *box = mailbox_of(e->ranks, r);
        (void)pthread_mutex_lock(&box->lock);
        request **at = &box->queues[r->incoming];
        while (*at != NULL && *at != r)
            at = &(*at)->next;
        if (*at == r)
            *at = r->next;
        (void)pthread_mutex_unlock(&box->lock);
        atomic_store(&r->state, FREE);
    }
}

static void free_ranks(thread_ranks *ranks)
{
    for (size_t i = 0; ranks->mailboxes != NULL && i < ranks->count; i++)
        (void)pthread_mutex_destroy(&ranks->mailboxes[i].lock);
    for (size_t i = 0; ranks->endpoints != NULL && i < ranks->count; i++) {
        for (request *r = ranks->endpoints[i].requests; r != NULL;) {
            request *other = r->other;
            free(r);
            r = other;
        }
    }
    free(ranks->mailboxes);
    free(ranks->endpoints);
    free(ranks);
}

static ae_status make(thread_ranks *ranks, size_t rank_count)
{
    ranks->mailboxes = calloc(rank_count, sizeof *ranks->mailboxes);
    ranks->endpoints = calloc(rank_count, sizeof *ranks->endpoints);
    if (ranks->mailboxes == NULL || ranks->endpoints == NULL)
        return aei_fail_memory(rank_count * (sizeof(mailbox) + sizeof(endpoint)));
    for (; ranks->count < rank_count; ranks->count++) {
        if (pthread_mutex_init(&ranks->mailboxes[ranks->count].lock, NULL) != 0)
            return aei_fail(AE_ERROR_THREAD, "rank %zu: no lock for its mailbox", ranks->count);
        endpoint *e = &ranks->endpoints[ranks->count];
        e->ranks = ranks;
        e->transport = (ae_transport){.size = sizeof e->transport,
                                      .user = e,
                                      .rank = ranks->count,
                                      .rank_count = rank_count,
                                      .send = send_message,
                                      .receive = receive_message,
                                      .test = test_message,
                                      .abandon = give_up};
    }
    return AE_OK;
}

ae_status ae_transport_create_threads(ae_transport **transports, size_t rank_count)
{
    AE_REQUIRE(transports);
    if (rank_count < 1 || rank_count > RANKS_MAX)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "rank_count is %zu, not 1 to %d", rank_count,
                        RANKS_MAX);
    thread_ranks *ranks = calloc(1, sizeof *ranks);
    if (ranks == NULL)
        return aei_fail_memory(sizeof *ranks);
    const ae_status status = make(ranks, rank_count);
    if (status != AE_OK) {
        free_ranks(ranks);
        return status;
    }
    for (size_t i = 0; i < rank_count; i++)
        transports[i] = &ranks->endpoints[i].transport;
    return AE_OK;
}

void ae_transport_free_threads(ae_transport **transports, size_t rank_count)
{
    if (transports == NULL || rank_count == 0 || transports[0] == NULL)
        return;
    free_ranks(((endpoint *)transports[0]->user)->ranks);
    memset(transports, 0, rank_count * sizeof(ae_transport *));
}
