/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_PYTHON_H
#define TESTS_PYTHON_H

/* Another program's view of a file: a Python script of tests/ in a process of its own. Needs _POSIX_C_SOURCE. */

#include "support.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PYTHON_ABSENT = 77 };

/* Run tests/SCRIPT COMMAND FOLDER with $AE_PYTHON or python3; its exit status, PYTHON_ABSENT when it cannot be run. */
static inline int python_run(const char *script, const char *command)
{
    const char *interpreter = getenv("AE_PYTHON");
    interpreter = interpreter != NULL && interpreter[0] != '\0' ? interpreter : "python3";
    const char *path = support_source(script), *folder = support_dir();
    fflush(NULL);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)execlp(interpreter, interpreter, path, command, folder, (char *)NULL);
        _exit(PYTHON_ABSENT);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Whether a test has to be left because the script's packages are not there, which is said. */
static inline int python_is_missing(const char *script)
{
    const int status = python_run(script, "probe");
    ck_assert_msg(status == 0 || status == PYTHON_ABSENT, "%s probe ended with %d", script, status);
    if (status == PYTHON_ABSENT)
        printf("%s: skipped, $AE_PYTHON or python3 lacks its packages\n", script);
    return status == PYTHON_ABSENT;
}

#endif
