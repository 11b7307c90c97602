/* SPDX-License-Identifier: BSD-3-Clause */
/* Linux's own ways; its control groups are in cpu.c. */
#define _GNU_SOURCE /* sched_getaffinity, CPU_ALLOC, madvise */
#include "base/system.h"

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __aarch64__
#include <sys/auxv.h>
#endif

enum { CPUS_MAX = 1 << 20 };

/* Those that the scheduler lets this thread run on; the kernel refuses a set smaller than its
 * own. */
size_t aei_system_processors(void)
{
    for (size_t cpus = 1024; cpus <= CPUS_MAX; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (set == NULL)
            break;
        size_t size = CPU_ALLOC_SIZE(cpus);
        int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0)
            return (size_t)count;
    }
    int64_t online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
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

void aei_system_map_random(void *mapped, size_t size)
{
    (void)madvise(mapped, size, MADV_RANDOM);
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
