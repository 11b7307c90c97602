/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE_ERROR = 2 };

static void print(const char *format, va_list arguments)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print(format, arguments);
    va_end(arguments);
}

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print(format, arguments);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

void refuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print(format, arguments);
    va_end(arguments);
    exit(USAGE_ERROR);
}

const char *error_text(ae_status status)
{
    const char *text = ae_last_error();
    return text[0] != '\0' ? text : ae_status_message(status);
}

void check(ae_status status)
{
    if (status != AE_OK)
        fail("%s", error_text(status));
}

/* strtoull would take signs, blanks and a number with text behind it. */
size_t number_argument(const char *name, const char *text, size_t least, size_t most)
{
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0' || errno != 0 || value < least ||
        value > most)
        refuse("%s %s: give a whole number from %zu to %zu", name, *text != '\0' ? text : "''",
               least, most);
    return (size_t)value;
}

int name_argument(const char *name, const char *text, const char *const *names)
{
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(text, names[i]) == 0)
            return i + 1;
    refuse("%s %s is unknown; --help lists the options", name, text);
}
