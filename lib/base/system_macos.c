/* SPDX-License-Identifier: BSD-3-Clause */
/* macOS's ways. Compiled by make check-macos, never run. */
#define _DARWIN_C_SOURCE /* F_FULLFSYNC, F_RDADVISE, sysctlbyname */
#include "base/system.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/sysctl.h>
#include <sys/types.h>
#include <unistd.h>
#include <xlocale.h>

/* The fast ones, where there are two kinds: a step waits for its slowest thread. A process cannot
 * be bound to some of them. */
size_t aei_system_processors(void)
{
    int count = 0;
    size_t size = sizeof count;
    if (sysctlbyname("hw.perflevel0.logicalcpu", &count, &size, NULL, 0) == 0 && count > 0)
        return (size_t)count;
    const int64_t online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
}

bool aei_system_has_neon(void)
{
    return true; /* every Arm that Apple builds has it */
}

/* fsync leaves the bytes in the drive's own memory; file systems without F_FULLFSYNC say so. */
int aei_system_sync(int descriptor)
{
    return fcntl(descriptor, F_FULLFSYNC) == 0 ? 0 : fsync(descriptor);
}

int aei_system_format(char *text, size_t size, const char *format, va_list arguments)
{
    return vsnprintf_l(text, size, NULL, format, arguments); /* NULL: C's locale */
}

void aei_system_read_random(int descriptor)
{
    (void)fcntl(descriptor, F_RDAHEAD, 0);
}

void aei_system_read_soon(int descriptor, size_t size, size_t offset)
{
    struct radvisory bytes = {.ra_offset = (off_t)offset,
                              .ra_count = size < INT_MAX ? (int)size : INT_MAX};
    (void)fcntl(descriptor, F_RDADVISE, &bytes);
}

/* Only memory that a program maps itself can have them. */
void aei_system_huge_pages(void *begin, size_t size)
{
    (void)begin;
    (void)size;
}
