/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_PYTHON_H
#define TESTS_PYTHON_H

/* Other projects' readers, run by $AE_PYTHON or python3; scripts of tests/ say 77 when a package is
 * missing. */

#include "base/unconst.h"
#include "support.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PYTHON_ABSENT = 77 };

/* Run a script of tests/ with arguments, a list that ends in NULL, and return its exit status. */
static inline int python_run(const char *script, const char *const arguments[])
{
    const char *interpreter = getenv("AE_PYTHON");
    interpreter = interpreter != NULL && interpreter[0] != '\0' ? interpreter : "python3";
    const char *all[32] = {interpreter, support_source(script)};
    for (size_t i = 0; arguments[i] != NULL; i++) {
        ck_assert_uint_lt(i + 3, sizeof all / sizeof all[0]);
        all[i + 2] = arguments[i];
    }
    fflush(NULL);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)execvp(interpreter, aei_unconst(all));
        _exit(PYTHON_ABSENT);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Whether a script's packages are not there, which is said. */
static inline bool python_lacks(const char *script, const char *what)
{
    const int status = python_run(script, (const char *const[]){"probe", NULL});
    ck_assert_msg(status == 0 || status == PYTHON_ABSENT, "%s probe ended with %d", script, status);
    if (status == PYTHON_ABSENT)
        printf("%s: skipped, $AE_PYTHON or python3 has no %s\n", script, what);
    return status == PYTHON_ABSENT;
}

#endif
