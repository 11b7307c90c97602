/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "c_compiler.h"

#include "support.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ABSENT = 127, MOST_ARGUMENTS = 40 };

#define WARNINGS \
    "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror"
#define FREESTANDING "-ffreestanding", "-nostdlib", "-fPIC", "-shared", "-Wl,-z,defs"

static const char *const builds[C_BUILDS][20] = {
    {TEST_CC, TEST_FLOATS "-std=c99", "-O2", "-Wstrict-prototypes", "-Wmissing-prototypes",
     FREESTANDING, WARNINGS, NULL},
    {TEST_CC, TEST_FLOATS "-std=c99", "-O0", FREESTANDING, WARNINGS, NULL},
    {TEST_CC, TEST_FLOATS "-std=c99", "-O3", FREESTANDING, WARNINGS, NULL},
    {TEST_CLANG, "-std=c99", "-O2", FREESTANDING, WARNINGS, NULL},
    {TEST_CXX, "-x", "c++", "-std=c++98", "-Os", FREESTANDING, WARNINGS, NULL},
};

int c_compile(size_t build, const char *source, const char *object, const char *log)
{
    const char *arguments[MOST_ARGUMENTS];
    char compiler[256], *rest = NULL;
    size_t count = 0;
    (void)snprintf(compiler, sizeof compiler, "%s", builds[build][0]); /* may be "ccache gcc" */
    for (char *word = strtok_r(compiler, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        arguments[count++] = word;
    for (size_t i = 1; builds[build][i] != NULL; i++)
        arguments[count++] = builds[build][i];
    arguments[count++] = "-o";
    arguments[count++] = support_path(object);
    arguments[count++] = support_path(source);
    arguments[count] = NULL;
    const char *log_path = log == NULL ? NULL : support_path(log);
    fflush(NULL);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        const int file = log_path == NULL ? -1 : open(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        if (file >= 0)
            (void)dup2(file, STDERR_FILENO);
        (void)execvp(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(ABSENT);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const char *c_missing(size_t build)
{
    char command[256];
    const char *name = builds[build][0];
    (void)snprintf(command, sizeof command, "command -v %.*s >/dev/null 2>&1",
                   (int)strcspn(name, " "), name);
    return build == 0 || system(command) == 0 ? NULL : "no clang or no C++ compiler";
}

void *c_load(size_t build, const char *source)
{
    ck_assert_int_eq(c_compile(build, source, "export.so", NULL), 0);
    void *library = dlopen(support_path("export.so"), RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library != NULL, "%s", dlerror());
    return library;
}
