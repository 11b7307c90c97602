/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_SANITIZED_H
#define TESTS_SANITIZED_H

/* ThreadSanitizer knows nothing of threads that begin in a child of fork. */
#ifdef __SANITIZE_THREAD__
enum { THREAD_SANITIZER = 1 };
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
enum { THREAD_SANITIZER = 1 };
#else
enum { THREAD_SANITIZER = 0 };
#endif
#else
enum { THREAD_SANITIZER = 0 };
#endif

#endif
