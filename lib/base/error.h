/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_ERROR_H
#define AEI_ERROR_H

#include <libae/status.h>
#include <stddef.h>

/* Set the thread's error text, or put text in front of the present one: which file, which call. */
__attribute__((format(printf, 1, 2))) void aei_error_set(const char *format, ...);
__attribute__((format(printf, 1, 2))) void aei_error_prefix(const char *format, ...);

/*
 * The same, with the status as the value: `return aei_fail(AE_ERROR_SHAPE, "layer %zu: ...", i)`.
 * Macros, because an analyzer that reads one file at a time then sees which status is returned, and
 * does not follow a failed call into the code after it.
 */
#define aei_fail(status, ...) (aei_error_set(__VA_ARGS__), (status))
#define aei_fail_within(status, ...) (aei_error_prefix(__VA_ARGS__), (status))

/* The text most often needed. */
#define aei_fail_memory(bytes) \
    aei_fail(AE_ERROR_OUT_OF_MEMORY, "out of memory: %zu bytes", (size_t)(bytes))

/* Hand an error up; AE_TRY returns, AE_CHECK goes to the function's one cleanup label with `status`
 * set. */
#define AE_TRY(call)                      \
    do {                                  \
        ae_status ae_try_status = (call); \
        if (ae_try_status != AE_OK)       \
            return ae_try_status;         \
    } while (0)

#define AE_CHECK(call)       \
    do {                     \
        status = (call);     \
        if (status != AE_OK) \
            goto cleanup;    \
    } while (0)

/* Refuse a NULL argument by name. */
#define AE_REQUIRE(pointer)                                                                   \
    do {                                                                                      \
        if ((pointer) == NULL)                                                                \
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%s: %s is NULL", __func__, #pointer); \
    } while (0)

#endif
