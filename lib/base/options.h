/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_OPTIONS_H
#define AEI_OPTIONS_H

#include <libae/status.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Structs that callers hand over start with their own size, so that a program compiled against an
 * older or newer header still works: a shorter struct leaves the later fields zero, a longer one
 * is refused only when it asks for something this library does not know.
 */

/* Bounds that several options share. */
enum { AEI_THREADS_MAX = 1024, AEI_BATCH_MAX = 1 << 20 };

/* Copy a caller's options over `mine` (size bytes, zeroed here); options NULL: all defaults. */
ae_status aei_options_read(void *mine, size_t size, const void *options, const char *name);

/* The function that fills a caller's options with every default: each public options type has
 * one. */
#define AEI_OPTIONS_INIT(type)                          \
    void type##_init(type *options)                     \
    {                                                   \
        if (options != NULL)                            \
            *options = (type){.size = sizeof *options}; \
    }

/* A field that keeps a struct free of padding must be 0, so that a later release can use its
 * bytes. */
ae_status aei_check_reserved(uint32_t reserved, const char *name);

/* An option's number up to a bound. AE_ERROR_INVALID_ARGUMENT. */
ae_status aei_check_most(size_t value, size_t most, const char *name);

/* An option's enumerator from 0, its default, to last; `name` is the option's, `type` its
 * enum's. */
ae_status aei_check_enum(int value, int last, const char *name, const char *type);

/* Refuse a caller's result struct whose size field was not set, before any work is done for it. */
ae_status aei_result_check(const void *theirs, const char *name);

/* Copy a result of size bytes into a caller's struct, as much as its size says; the size field
 * stays the caller's. */
ae_status aei_result_write(void *theirs, const void *mine, size_t size, const char *name);

#endif
