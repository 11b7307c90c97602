/* SPDX-License-Identifier: BSD-3-Clause */
#include <libae/version.h>

/* The library's own, compiled in: a program that compares them with its headers' macros finds out
 * what it was linked with. */
int ae_version_number(void)
{
    return AE_VERSION_NUMBER;
}

const char *ae_version_string(void)
{
    return AE_VERSION_STRING;
}
