/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_THREAD_STARTS_H
#define TESTS_THREAD_STARTS_H

#include <stddef.h>

/*
 * The threads that the library starts (mk/check.mk sends its pthread_create here). Make the n-th
 * start from now on fail with EAGAIN, once; 0 switches this off. thread_start_failed() says whether
 * that happened since.
 */
void thread_starts_fail(size_t n);
int thread_start_failed(void);

/* The threads of this process now. */
size_t thread_count(void);

#endif
