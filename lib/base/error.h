/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_ERROR_H
#define AEI_ERROR_H

#include <libae/status.h>
#include <stddef.h>

/* Set the thread's error text and return the status: `return aei_fail(AE_ERROR_SHAPE, "layer %zu:
 * ...", i)`. */
__attribute__((format(printf, 2, 3))) ae_status aei_fail(ae_status status, const char *format, ...);

/* Put text in front of the present error text: which file, which call. Returns status. */
__attribute__((format(printf, 2, 3))) ae_status aei_fail_within(ae_status status,
                                                                const char *format, ...);

/* The text most often needed. */
ae_status aei_fail_memory(size_t bytes);

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
