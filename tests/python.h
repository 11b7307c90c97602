/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_PYTHON_H
#define TESTS_PYTHON_H

/* Other projects' readers, run by $AE_PYTHON or python3; scripts of tests/ say 77 when a package is
 * missing. */

#include "support.h"

#include <stdlib.h>
#include <unistd.h>

enum { PYTHON_ABSENT = 77 };

static inline int python_execute(void *arguments)
{
    char *const *all = arguments;
    (void)execvp(all[0], all);
    return PYTHON_ABSENT;
}

/* Run a script of tests/ with arguments, a list that ends in NULL, and return its exit status. */
static inline int python_run(const char *script, const char *const arguments[])
{
    const char *interpreter = getenv("AE_PYTHON");
    interpreter = interpreter != NULL && interpreter[0] != '\0' ? interpreter : "python3";
    const char *all[32] = {interpreter, support_source(script)};
    for (size_t i = 0; arguments[i] != NULL; i++) {
        if (i + 3 == sizeof all / sizeof all[0])
            return -1;
        all[i + 2] = arguments[i];
    }
    return support_in_child(python_execute, all);
}

/* What support_add_test takes: NULL, or `missing` where a script's packages are not there. Any
 * other end of its probe is for its tests to find. */
static inline const char *python_lacks(const char *script, const char *missing)
{
    const int status = python_run(script, (const char *const[]){"probe", NULL});
    return status == PYTHON_ABSENT ? missing : NULL;
}

#endif
