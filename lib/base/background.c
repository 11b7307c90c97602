/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L /* pthread_sigmask */
#include "base/background.h"

#include "base/error.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * The thread with everything it touches. As in a team, a child of fork drops it and makes another:
 * its mutex may be locked by a thread that the child does not have.
 */
typedef struct bench {
    pthread_mutex_t mutex;
    pthread_cond_t posted, finished;
    uint64_t asked, done; /* jobs */
    bool ending;
    aei_background_job job;
    void *context;
    pthread_t thread;
    pid_t process;
} bench;

struct aei_background {
    bench *bench;
};

static void *work(void *argument)
{
    bench *b = argument;
    (void)pthread_mutex_lock(&b->mutex);
    for (;;) {
        while (b->asked == b->done && !b->ending)
            (void)pthread_cond_wait(&b->posted, &b->mutex);
        if (b->ending)
            break;
        const uint64_t number = b->done;
        (void)pthread_mutex_unlock(&b->mutex);
        b->job(b->context, number);
        (void)pthread_mutex_lock(&b->mutex);
        b->done++;
        (void)pthread_cond_broadcast(&b->finished);
    }
    (void)pthread_mutex_unlock(&b->mutex);
    return NULL;
}

static void bench_free(bench *b)
{
    (void)pthread_cond_destroy(&b->posted);
    (void)pthread_cond_destroy(&b->finished);
    (void)pthread_mutex_destroy(&b->mutex);
    free(b);
}

/* Signals are blocked in the thread, since handlers belong in the program's own. */
static ae_status bench_create(bench **out, aei_background_job job, void *context, uint64_t number)
{
    bench *b = malloc(sizeof *b);
    if (b == NULL)
        return aei_fail_memory(sizeof *b);
    *b = (bench){.mutex = PTHREAD_MUTEX_INITIALIZER,
                 .posted = PTHREAD_COND_INITIALIZER,
                 .finished = PTHREAD_COND_INITIALIZER,
                 .asked = number,
                 .done = number,
                 .job = job,
                 .context = context,
                 .process = getpid()};
    sigset_t all, before;
    (void)sigfillset(&all);
    int error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error == 0) {
        error = pthread_create(&b->thread, NULL, work, b);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (error != 0) {
        bench_free(b);
        return aei_fail(AE_ERROR_THREAD,
                        "the thread that reads ahead could not be started (error %d)", error);
    }
    *out = b;
    return AE_OK;
}

ae_status aei_background_create(aei_background **worker, aei_background_job job, void *context)
{
    aei_background *made = malloc(sizeof *made);
    if (made == NULL)
        return aei_fail_memory(sizeof *made);
    const ae_status status = bench_create(&made->bench, job, context, 0);
    if (status != AE_OK) {
        free(made);
        return status;
    }
    *worker = made;
    return AE_OK;
}

void aei_background_free(aei_background *worker)
{
    if (worker == NULL)
        return;
    bench *b = worker->bench;
    if (b->process != getpid()) {
        free(b); /* after fork: its thread is the parent's */
    } else {
        (void)pthread_mutex_lock(&b->mutex);
        b->ending = true;
        (void)pthread_cond_signal(&b->posted);
        (void)pthread_mutex_unlock(&b->mutex);
        (void)pthread_join(b->thread, NULL);
        bench_free(b);
    }
    free(worker);
}

uint64_t aei_background_post(aei_background *worker)
{
    bench *b = worker->bench;
    (void)pthread_mutex_lock(&b->mutex);
    const uint64_t number = b->asked++;
    (void)pthread_cond_signal(&b->posted);
    (void)pthread_mutex_unlock(&b->mutex);
    return number;
}

void aei_background_wait(aei_background *worker, uint64_t number)
{
    bench *b = worker->bench;
    (void)pthread_mutex_lock(&b->mutex);
    while (b->done <= number)
        (void)pthread_cond_wait(&b->finished, &b->mutex);
    (void)pthread_mutex_unlock(&b->mutex);
}

void aei_background_finish(aei_background *worker)
{
    bench *b = worker->bench;
    (void)pthread_mutex_lock(&b->mutex);
    while (b->done < b->asked)
        (void)pthread_cond_wait(&b->finished, &b->mutex);
    (void)pthread_mutex_unlock(&b->mutex);
}

ae_status aei_background_mend(aei_background *worker, bool *lost)
{
    bench *old = worker->bench;
    *lost = old->process != getpid();
    if (!*lost)
        return AE_OK;
    AE_TRY(bench_create(&worker->bench, old->job, old->context, old->asked));
    free(old);
    return AE_OK;
}
