/* SPDX-License-Identifier: BSD-3-Clause */
/* What does a failed call leave behind? A status that says the kind, and a text of the thread that
 * says what happened where. Callers on the way up put their context in front. */
#include "base/error.h"

#include "base/quote.h"
#include "base/system.h"

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

/* A text that fills its room may have been cut within a character of UTF-8: what is left of that
 * goes too. */
static void drop_half_a_character(void)
{
    size_t end = sizeof last_error - 1, start = end;
    if (strlen(last_error) < end)
        return;
    do
        start--;
    while (end - start < 4 && ((unsigned char)last_error[start] & 0xC0) == 0x80);
    const unsigned char first = (unsigned char)last_error[start];
    const size_t length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (length > end - start)
        last_error[start] = '\0';
}

/* 0.0 / 0.0 is a NaN with a sign on x86, which printf shows and nobody should read anything
 * into. */
static void drop_sign_of_nan(char *text)
{
    for (char *nan = strstr(text, " -nan"); nan != NULL; nan = strstr(nan + 1, " -nan"))
        memmove(nan + 1, nan + 2, strlen(nan + 2) + 1);
}

/* Whatever a file or a path has put into a text, a terminal and a log can take it. Callers quote
 * what is foreign, which bounds its length too; this holds for those who forget. */
static void clean_up(void)
{
    aei_clean(last_error, strlen(last_error));
}

/* Cut where it does not fit: an error must not need memory, since running out of that is one of
 * them. */
void aei_error_set(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)aei_system_format(last_error, sizeof last_error, format, arguments);
    va_end(arguments);
    drop_half_a_character();
    drop_sign_of_nan(last_error);
    clean_up();
}

void aei_error_prefix(const char *format, ...)
{
    /* The new text is written over the old one. What does not fit is cut at its end: the context in
     * front says more than the last words behind. */
    char inner[TEXT_SIZE];
    memcpy(inner, last_error, sizeof inner);
    va_list arguments;
    va_start(arguments, format);
    int written = aei_system_format(last_error, sizeof last_error, format, arguments);
    va_end(arguments);
    size_t used = written < 0 ? 0 : (size_t)written;
    size_t length = strlen(inner) + 1;
    if (used + 2 < sizeof last_error) {
        size_t room = sizeof last_error - used - 2;
        memcpy(last_error + used, ": ", 2);
        memcpy(last_error + used + 2, inner, length < room ? length : room);
        last_error[sizeof last_error - 1] = '\0';
    }
    drop_half_a_character();
    clean_up();
}
