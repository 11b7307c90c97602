/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_C_COMPILER_H
#define TESTS_C_COMPILER_H

/*
 * C sources compiled as for a machine without a C library, by the compiler of this build, by clang
 * and as C++, every warning an error, linked with nothing, and loaded. Build 0 is always there.
 */

#include <check.h>
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

enum { C_BUILDS = 5 };

/* Compile a file of support_dir() into another and return the compiler's exit status; log NULL, or
 * the file that takes what it complains of. */
int c_compile(size_t build, const char *source, const char *object, const char *log);

/* What support_add_test takes: NULL, or that this machine has not the compiler of a build. */
const char *c_missing(size_t build);

/* Compile and load. To be closed with dlclose. */
void *c_load(size_t build, const char *source);

/* ISO C knows no cast from an object's address to a function's. */
#define C_FUNCTION(type, variable, library, name)              \
    type *variable;                                            \
    do {                                                       \
        void *found = dlsym(library, name);                    \
        ck_assert_msg(found != NULL, "no function %s", name);  \
        memcpy((void *)&(variable), &found, sizeof(variable)); \
    } while (0)

#endif
