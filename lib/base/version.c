/* SPDX-License-Identifier: BSD-3-Clause */
#include <libae/version.h>

int ae_version_number(void)
{
    return AE_VERSION_NUMBER;
}

const char *ae_version_string(void)
{
    return AE_VERSION_STRING;
}
