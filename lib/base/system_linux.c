/* SPDX-License-Identifier: BSD-3-Clause */
/* Linux's own ways; its control groups are in cpu.c. */
#define _GNU_SOURCE /* sched_getaffinity, CPU_COUNT_S, madvise, uselocale */
#include "base/system.h"

#include <fcntl.h>
#include <locale.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __aarch64__
#include <sys/auxv.h>
#endif

/* Those that the scheduler lets this thread run on. The kernel refuses a set smaller than its own,
 * which has at most 8192 processors. */
size_t aei_system_processors(void)
{
    cpu_set_t set[8192 / CPU_SETSIZE];
    const int count = sched_getaffinity(0, sizeof set, set) == 0 ? CPU_COUNT_S(sizeof set, set) : 0;
    const int64_t online = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (size_t)count : online > 0 ? (size_t)online : 1;
}

bool aei_system_has_neon(void)
{
#ifdef __aarch64__
    return (getauxval(AT_HWCAP) & HWCAP_ASIMD) != 0;
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
    /* Of the C library's own, so that nothing is allocated; without it the numbers are the
     * program's. */
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    const locale_t before = c == (locale_t)0 ? c : uselocale(c);
    const int length = vsnprintf(text, size, format, arguments);
    if (c != (locale_t)0) {
        (void)uselocale(before);
        freelocale(c);
    }
    return length;
}

void aei_system_read_random(int descriptor)
{
    (void)posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM);
}

void aei_system_read_soon(int descriptor, size_t size, size_t offset)
{
    (void)posix_fadvise(descriptor, (off_t)offset, (off_t)size, POSIX_FADV_WILLNEED);
}

void aei_system_huge_pages(void *begin, size_t size)
{
    (void)madvise(begin, size, MADV_HUGEPAGE);
}
