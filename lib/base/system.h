/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_SYSTEM_H
#define AEI_SYSTEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* What operating systems do in different ways: system_linux.c, system_freebsd.c, system_macos.c.
 * The build takes the one of the system that it compiles for. */

/* Processors that this process may use, as far as the system says: at least 1. */
size_t aei_system_processors(void);

/* On 64-bit Arm: whether the system lets programs use vectors. */
bool aei_system_has_neon(void);

/* As fsync: what was written is on the disk. */
int aei_system_sync(int descriptor);

/* As vsnprintf, with C's numbers (1.5) whatever the program's locale; without an allocation. */
__attribute__((format(printf, 3, 0))) int aei_system_format(char *text, size_t size,
                                                            const char *format, va_list arguments);

/* Hints about an open file or a block of memory; refusal costs speed only. Rows in any order; these
 * bytes soon; in huge pages. */
void aei_system_read_random(int descriptor);
void aei_system_read_soon(int descriptor, size_t size, size_t offset);
void aei_system_huge_pages(void *begin, size_t size);

#endif
