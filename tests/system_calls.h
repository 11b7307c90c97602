/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_SYSTEM_CALLS_H
#define TESTS_SYSTEM_CALLS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The library's system calls that a writer makes (mk/check.mk sends them here): open, openat,
 * write, fsync, flock, renameat, linkat, unlinkat, unlink and close. Those of the tests do not
 * count.
 */

/* What a call that is made to fail does. A short write writes half; the others write nothing. A
 * close closes all the same. */
typedef enum calls_fault { CALLS_ERROR, CALLS_INTERRUPTED, CALLS_SHORT } calls_fault;

/*
 * Count from 0, and make the n-th call from now on fail: with this errno, with EINTR where the call
 * may be interrupted, or as a short write where it writes. n 0: none. A fault that such a call
 * cannot have is not made.
 */
void calls_watch(size_t n, calls_fault fault, int error);

size_t calls_made(void);
bool calls_fault_was_made(void);

/* The name of the call that failed, and whether it is one that removes or releases. */
const char *calls_failed_call(void);

/* Folders that were synced since calls_watch, and whether one was after the last rename. */
bool calls_folder_synced_last(void);

#endif
