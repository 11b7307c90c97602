/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_CHECK_H
#define EXAMPLES_CHECK_H

#include <libae/status.h>

/*
 * What the examples do about errors: say which call failed and why, and leave. A program that has
 * more to lose looks at the status instead.
 */

/* Go on after AE_OK; otherwise print ae_last_error() and exit with 1. */
void check(ae_status status);

/* Print "program: text" on standard error. */
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);

/* The same, then exit with 1. */
__attribute__((format(printf, 1, 2), noreturn)) void fail(const char *format, ...);

/* The text of the thread's last error, or of the status when a call left none. */
const char *error_text(ae_status status);

#endif
