/* SPDX-License-Identifier: BSD-3-Clause */
/* How do threads work on one function together, thousands of times a second? They are started once
 * and wait, first awake, then asleep. Waking a thread takes longer than many a phase of a step. */
#define _POSIX_C_SOURCE 200809L /* pthread_sigmask, clock_gettime */
#include "base/team.h"

#include "base/arena.h"
#include "base/cpu_internal.h"
#include "base/error.h"
#include "base/options.h"

#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    STACK_BYTES =
        1 << 20, /* kernels need little, but a program's thread-local data is cut from it too */
    SPIN_NANOSECONDS = 50000,
    SPINS_PER_LOOK = 32 /* looks at the value between two looks at the clock */
};

/* A counter that one thread at a time moves on and others wait for: awake at first, then asleep. */
typedef struct gate {
    alignas(AEI_ALIGNMENT) atomic_uint value;
    atomic_uint sleepers;
    pthread_mutex_t mutex;
    pthread_cond_t opened;
} gate;

typedef struct crew crew;

typedef struct worker {
    crew *crew;
    size_t number;
    pthread_t thread;
} worker;

/*
 * The threads with everything they touch. A child of fork has the memory but not the threads, and
 * perhaps a mutex that nobody will ever unlock: it drops the whole crew and makes another.
 */
struct crew {
    gate start;    /* opens once a run */
    gate everyone; /* opens when the last thread reaches a barrier */
    alignas(AEI_ALIGNMENT) atomic_size_t arrived;
    alignas(AEI_ALIGNMENT) aei_team_work work; /* NULL: end */
    void *context;
    size_t threads;
    bool spin;
    pid_t process;
    worker workers[]; /* threads 1, 2, ... */
};

struct aei_team {
    size_t threads;
    crew *crew; /* NULL in a team of one */
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb"); /* yield is a plain no-op on most cores */
#endif
}

static int64_t nanoseconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* True when the gate has left the value `old` within the time worth waiting awake. */
static bool gate_spin(gate *g, unsigned old)
{
    int64_t began = 0;
    for (;;) {
        for (int i = 0; i < SPINS_PER_LOOK; i++) {
            if (atomic_load_explicit(&g->value, memory_order_acquire) != old)
                return true;
            relax();
        }
        int64_t now = nanoseconds();
        if (began == 0)
            began = now;
        else if (now - began > SPIN_NANOSECONDS)
            return false;
    }
}

/*
 * The waiter counts itself and then looks at the value; the opener changes the value and then looks
 * at the count. Both in sequentially consistent order: one of them always sees the other.
 */
static void gate_wait(gate *g, unsigned old, bool spin)
{
    if (spin && gate_spin(g, old))
        return;
    (void)pthread_mutex_lock(&g->mutex);
    atomic_fetch_add(&g->sleepers, 1);
    while (atomic_load(&g->value) == old)
        (void)pthread_cond_wait(&g->opened, &g->mutex);
    atomic_fetch_sub(&g->sleepers, 1);
    (void)pthread_mutex_unlock(&g->mutex);
}

static void gate_open(gate *g)
{
    atomic_fetch_add(&g->value, 1);
    if (atomic_load(&g->sleepers) == 0)
        return;
    /* Holding the mutex once means that a waiter who saw the old value is asleep by now, not on its
     * way. */
    (void)pthread_mutex_lock(&g->mutex);
    (void)pthread_mutex_unlock(&g->mutex);
    (void)pthread_cond_broadcast(&g->opened);
}

static void gate_init(gate *g)
{
    *g = (gate){.mutex = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};
}

static void gate_destroy(gate *g)
{
    (void)pthread_cond_destroy(&g->opened);
    (void)pthread_mutex_destroy(&g->mutex);
}

/* Count this thread in; the last one clears the count for the next barrier before it lets the
 * others go. */
static void arrive(crew *c)
{
    if (atomic_fetch_add_explicit(&c->arrived, 1, memory_order_acq_rel) + 1 == c->threads) {
        atomic_store_explicit(&c->arrived, 0, memory_order_relaxed);
        gate_open(&c->everyone);
    }
}

static void barrier(crew *c)
{
    unsigned old = atomic_load_explicit(&c->everyone.value, memory_order_relaxed);
    arrive(c);
    gate_wait(&c->everyone, old, c->spin);
}

static void *work_until_dismissed(void *argument)
{
    worker *self = argument;
    crew *c = self->crew;
    for (unsigned run = 0;; run++) {
        gate_wait(&c->start, run, c->spin);
        if (c->work == NULL)
            return NULL;
        c->work(c->context, self->number);
        arrive(c); /* without waiting: only the caller needs to know that the run is over */
    }
}

/* End the first `count` workers and the crew with them. */
static void crew_dismiss(crew *c, size_t count)
{
    c->work = NULL;
    gate_open(&c->start);
    for (size_t i = 0; i < count; i++)
        (void)pthread_join(c->workers[i].thread, NULL);
    gate_destroy(&c->start);
    gate_destroy(&c->everyone);
    free(c);
}

/* Start the workers with every signal blocked, since handlers belong in the program's own
 * threads. */
static int crew_start(crew *c, size_t *started)
{
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error != 0)
        return error;
    sigset_t all, before;
    (void)sigfillset(&all);
    error = pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (error == 0)
        error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error == 0) {
        for (size_t i = 0; error == 0 && i + 1 < c->threads; i++) {
            c->workers[i].crew = c;
            c->workers[i].number = i + 1;
            error = pthread_create(&c->workers[i].thread, &attributes, work_until_dismissed,
                                   &c->workers[i]);
            *started += error == 0;
        }
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    (void)pthread_attr_destroy(&attributes);
    return error;
}

static ae_status crew_create(crew **out, size_t threads)
{
    size_t size = sizeof(crew) + (threads - 1) * sizeof(worker);
    size = (size + AEI_ALIGNMENT - 1) / AEI_ALIGNMENT * AEI_ALIGNMENT;
    crew *c = aligned_alloc(AEI_ALIGNMENT, size);
    if (c == NULL)
        return aei_fail_memory(size);
    memset(c, 0, size);
    gate_init(&c->start);
    gate_init(&c->everyone);
    atomic_init(&c->arrived, 0);
    c->threads = threads;
    c->spin = aei_cpu_cores() >=
              threads; /* otherwise spinning holds up the thread that is waited for */
    c->process = getpid();
    size_t started = 0;
    int error = crew_start(c, &started);
    if (error != 0) {
        crew_dismiss(c, started);
        return aei_fail(AE_ERROR_THREAD,
                        "thread %zu of %zu could not be started (error %d): ask for fewer threads",
                        started + 1, threads, error);
    }
    *out = c;
    return AE_OK;
}

ae_status aei_team_create(aei_team **team, size_t threads)
{
    AE_REQUIRE(team);
    if (threads < 1 || threads > AEI_THREADS_MAX)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "threads is %zu: give 1 to %d", threads,
                        (int)AEI_THREADS_MAX);
    aei_team *made = calloc(1, sizeof *made);
    if (made == NULL)
        return aei_fail_memory(sizeof *made);
    made->threads = threads;
    if (threads > 1) {
        ae_status status = crew_create(&made->crew, threads);
        if (status != AE_OK) {
            free(made);
            return status;
        }
    }
    *team = made;
    return AE_OK;
}

void aei_team_free(aei_team *team)
{
    if (team == NULL)
        return;
    if (team->crew != NULL && team->crew->process == getpid())
        crew_dismiss(team->crew, team->threads - 1);
    else
        free(team->crew); /* after fork: its threads are the parent's */
    free(team);
}

size_t aei_team_threads(const aei_team *team)
{
    return team->threads;
}

ae_status aei_team_run(aei_team *team, aei_team_work work, void *context)
{
    if (team->threads == 1) {
        work(context, 0);
        return AE_OK;
    }
    if (team->crew->process != getpid()) {
        crew *fresh = NULL;
        ae_status status = crew_create(&fresh, team->threads);
        if (fresh == NULL)
            return status;
        free(team->crew);
        team->crew = fresh;
    }
    crew *c = team->crew;
    c->work = work;
    c->context = context;
    gate_open(&c->start);
    work(context, 0);
    barrier(c);
    return AE_OK;
}

void aei_team_barrier(aei_team *team)
{
    if (team->threads > 1)
        barrier(team->crew);
}

static uint64_t range(uint64_t first, uint64_t last)
{
    return last << 32 | first;
}

void aei_work_queue_reset(aei_work_queue *queues, size_t threads, uint32_t tasks)
{
    for (size_t t = 0; t < threads; t++)
        atomic_store_explicit(&queues[t].left,
                              range(tasks * t / threads, tasks * (t + 1) / threads),
                              memory_order_relaxed);
}

/* Take the first task left, or the last one. Relaxed order suffices: the barrier that follows
 * orders the results of tasks. */
static bool pop(aei_work_queue *queue, bool from_front, size_t *task)
{
    uint64_t left = atomic_load_explicit(&queue->left, memory_order_relaxed), rest;
    do {
        const uint64_t first = left & UINT32_MAX, last = left >> 32;
        if (first >= last)
            return false;
        *task = from_front ? first : last - 1;
        rest = from_front ? range(first + 1, last) : range(first, last - 1);
    } while (!atomic_compare_exchange_weak_explicit(&queue->left, &left, rest, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

bool aei_work_queue_pop(aei_work_queue *queues, size_t threads, size_t thread, size_t *task)
{
    if (pop(&queues[thread], true, task))
        return true;
    for (size_t i = 1; i < threads; i++)
        if (pop(&queues[(thread + i) % threads], false, task))
            return true;
    return false;
}
