/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_SANITIZED_H
#define TESTS_SANITIZED_H

/* Under which sanitizer the tests are built. gcc says it by a macro, clang by a feature. */

#ifdef __has_feature
#define SANITIZED_BY(feature) __has_feature(feature)
#else
#define SANITIZED_BY(feature) 0
#endif

/* ThreadSanitizer knows nothing of threads that begin in a child of fork. */
#if defined(__SANITIZE_THREAD__) || SANITIZED_BY(thread_sanitizer)
enum { THREAD_SANITIZER = 1 };
#else
enum { THREAD_SANITIZER = 0 };
#endif

/* AddressSanitizer maps more memory than a limit on it may allow. */
#if defined(__SANITIZE_ADDRESS__) || SANITIZED_BY(address_sanitizer)
enum { ADDRESS_SANITIZER = 1 };
#else
enum { ADDRESS_SANITIZER = 0 };
#endif

#endif
