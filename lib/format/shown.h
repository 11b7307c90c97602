/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_SHOWN_H
#define AEI_SHOWN_H

#include <stddef.h>

/* Text from a file as an error text can quote it: cut, and what is not plain ASCII as question
 * marks. */
enum { AEI_QUOTED = 48 };

static inline const char *aei_quoted(char quoted[AEI_QUOTED], const char *text, size_t size)
{
    size_t i = 0;
    for (; i < size && i + 4 < AEI_QUOTED; i++)
        quoted[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    for (size_t dots = 0; i < size && dots < 3; dots++)
        quoted[i + dots] = '.';
    quoted[i < size ? i + 3 : i] = '\0';
    return quoted;
}

#endif
