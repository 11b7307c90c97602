/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_UNCONST_H
#define AEI_UNCONST_H

#include <stdint.h>

/* The same pointer for another library's parameter or field that lacks a const and never writes:
 * execvp, getopt and madvise in the C library, BLIS, what protoc-c makes. */
static inline void *aei_unconst(const void *pointer)
{
    return (void *)(uintptr_t)pointer;
}

#endif
