/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_CHECK_H
#define EXAMPLES_CHECK_H

#include <libae/status.h>
#include <stddef.h>

/*
 * What the examples do about errors: say what failed and why, and leave. A program that has more to
 * lose looks at the status instead.
 */

/* Go on after AE_OK; otherwise print ae_last_error() and exit with 1. */
void check(ae_status status);

/* Print "program: text" on standard error. */
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);

/* The same, then exit with 1. */
__attribute__((format(printf, 1, 2), noreturn)) void fail(const char *format, ...);

/* The same for a mistake in the command line: exit with 2. */
__attribute__((format(printf, 1, 2), noreturn)) void refuse(const char *format, ...);

/* The text of the thread's last error, or of the status when a call left none. */
const char *error_text(ae_status status);

/* The value of an argument, a whole number from least to most; anything else is refused. */
size_t number_argument(const char *name, const char *text, size_t least, size_t most);

/* The same for one of some names, a list that ends in NULL: its place in the list, from 1 on. */
int name_argument(const char *name, const char *text, const char *const *names);

#endif
