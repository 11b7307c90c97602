/* SPDX-License-Identifier: BSD-3-Clause */
#include "command_line.h"

#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE_ERROR = 2 };

/* strtoull would take signs, blanks and a leading part of the text: only digits are a number
 * here. */
size_t number_argument(const char *name, const char *text, size_t least, size_t most)
{
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (*text != '\0' && text[strspn(text, "0123456789")] == '\0' && errno == 0 && value >= least &&
        value <= most)
        return (size_t)value;
    note("%s %s: give a whole number from %zu to %zu", name, *text != '\0' ? text : "''", least,
         most);
    exit(USAGE_ERROR);
}

int name_argument(const char *name, const char *text, const char *const *names)
{
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(text, names[i]) == 0)
            return i + 1;
    note("%s %s is unknown; --help lists the options", name, text);
    exit(USAGE_ERROR);
}
