/* SPDX-License-Identifier: BSD-3-Clause */
#include "thread_starts.h"

#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

static atomic_size_t starts, wanted;

void thread_starts_fail(size_t n)
{
    starts = 0;
    wanted = n;
}

int thread_start_failed(void)
{
    return wanted != 0 && starts >= wanted;
}

size_t thread_count(void)
{
    return support_entries("/proc/self/task");
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *argument);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *argument)
{
    if (wanted != 0 && atomic_fetch_add(&starts, 1) + 1 == wanted)
        return EAGAIN;
    return pthread_create(thread, attributes, function, argument);
}
