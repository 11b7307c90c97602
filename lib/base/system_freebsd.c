/* SPDX-License-Identifier: BSD-3-Clause */
/* FreeBSD's ways. Compiled by make check-freebsd, never run. */
#include "base/system.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/param.h>

/* in this order: the set's type comes first */
#include <sys/cpuset.h>
#include <unistd.h>
#include <xlocale.h>

#ifdef __aarch64__
#include <machine/elf.h>
#include <sys/auxv.h>
#endif

/* Jails are limited by their set of processors (cpuset -j); rctl's pcpu slows a process down and is
 * not seen here. */
size_t aei_system_processors(void)
{
    cpuset_t set;
    CPU_ZERO(&set);
    const int count = cpuset_getaffinity(CPU_LEVEL_WHICH, CPU_WHICH_TID, -1, sizeof set, &set) == 0
                          ? (int)CPU_COUNT(&set)
                          : 0;
    const int64_t online = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (size_t)count : online > 0 ? (size_t)online : 1;
}

bool aei_system_has_neon(void)
{
#ifdef __aarch64__
    uint64_t features = 0; /* as wide as a long here */
    return elf_aux_info(AT_HWCAP, &features, (int)sizeof features) == 0 &&
           (features & HWCAP_ASIMD) != 0;
#else
    return false;
#endif
}

int aei_system_sync(int descriptor)
{
    return fsync(descriptor);
}

int aei_system_format(char *text, size_t size, const char *format, va_list arguments)
{
    return vsnprintf_l(text, size, NULL, format, arguments); /* NULL: C's locale */
}

void aei_system_read_random(int descriptor)
{
    (void)posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM);
}

void aei_system_read_soon(int descriptor, size_t size, size_t offset)
{
    (void)posix_fadvise(descriptor, (off_t)offset, (off_t)size, POSIX_FADV_WILLNEED);
}

/* The kernel makes superpages of aligned memory by itself. */
void aei_system_huge_pages(void *begin, size_t size)
{
    (void)begin;
    (void)size;
}
