/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_VERSION_H
#define LIBAE_VERSION_H

#include <libae/attributes.h>

/* The one place the version stands: Makefile, libae.pc and the shared object's name read it
 * here. */
#define AE_VERSION_MAJOR 0
#define AE_VERSION_MINOR 1
#define AE_VERSION_PATCH 0
#define AE_VERSION_STRING "0.1.0"
#define AE_VERSION_NUMBER (AE_VERSION_MAJOR * 10000 + AE_VERSION_MINOR * 100 + AE_VERSION_PATCH)

AE_BEGIN_DECLS

/**
 * The version of the library that runs, which may be newer than the header compiled against.
 *
 * @return AE_VERSION_NUMBER of the library: major * 10000 + minor * 100 + patch
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API int ae_version_number(void);

/**
 * The version as text, for instance "0.1.0".
 *
 * @return a string that lives as long as the program
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API const char *ae_version_string(void);

AE_END_DECLS

#endif
