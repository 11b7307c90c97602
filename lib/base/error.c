/* SPDX-License-Identifier: BSD-3-Clause */
/* What does a failed call leave behind? A status that says the kind, and a text of the thread that
 * says what happened where. Callers on the way up put their context in front. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE = 512 };

/* Each thread's own, as errno is: the one piece of state that belongs to no handle. */
static _Thread_local char last_error[TEXT_SIZE];

const char *ae_status_name(ae_status status)
{
    switch (status) {
#define AE_STATUS_NAME(name, value, message) \
    case name:                               \
        return #name;
        AE_STATUS_LIST(AE_STATUS_NAME)
#undef AE_STATUS_NAME
    }
    return "AE_STATUS_UNKNOWN";
}

const char *ae_status_message(ae_status status)
{
    switch (status) {
#define AE_STATUS_MESSAGE(name, value, message) \
    case name:                                  \
        return message;
        AE_STATUS_LIST(AE_STATUS_MESSAGE)
#undef AE_STATUS_MESSAGE
    }
    return "unknown status";
}

const char *ae_last_error(void)
{
    return last_error;
}

/* Cut where it does not fit: an error must not need memory, since running out of that is one of
 * them. */
ae_status aei_fail(ae_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(last_error, sizeof last_error, format, arguments);
    va_end(arguments);
    return status;
}

ae_status aei_fail_within(ae_status status, const char *format, ...)
{
    /* The new text is written over the old one. What does not fit is cut at its end: the context in
     * front says more than the last words behind. */
    char inner[TEXT_SIZE];
    memcpy(inner, last_error, sizeof inner);
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(last_error, sizeof last_error, format, arguments);
    va_end(arguments);
    size_t used = written < 0 ? 0 : (size_t)written;
    size_t length = strlen(inner) + 1;
    if (used + 2 < sizeof last_error) {
        size_t room = sizeof last_error - used - 2;
        memcpy(last_error + used, ": ", 2);
        memcpy(last_error + used + 2, inner, length < room ? length : room);
        last_error[sizeof last_error - 1] = '\0';
    }
    return status;
}

ae_status aei_fail_memory(size_t bytes)
{
    return aei_fail(AE_ERROR_OUT_OF_MEMORY, "out of memory: %zu bytes", bytes);
}
