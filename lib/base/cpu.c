/* SPDX-License-Identifier: BSD-3-Clause */
/* Which instructions may this process use, and how many processors? In a container the second is
 * not what the machine has: affinity and quotas of control groups count. */
#include "base/cpu_internal.h"

#include "base/system.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

enum { PATH_SIZE = 4096 };

#if defined(__x86_64__) || defined(__i386__)

/* The register sets that the operating system saves; to be asked only when CPUID shows OSXSAVE. */
static uint64_t saved_state(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool has(uint64_t word, uint64_t bits)
{
    return (word & bits) == bits;
}

static unsigned native_isa(void)
{
    enum { FMA = 1 << 12, OSXSAVE = 1 << 27, AVX = 1 << 28, F16C = 1 << 29 }; /* 1: ECX */
    enum {
        AVX2 = 1 << 5,
        AVX512F = 1 << 16,
        AVX512DQ = 1 << 17,
        AVX512BW = 1 << 30
    };                                           /* 7.0: EBX */
    const unsigned avx512vl = 1U << 31;          /* 7.0: EBX */
    enum { AVX512_BF16 = 1 << 5 };               /* 7.1: EAX */
    enum { YMM_STATE = 0x06, ZMM_STATE = 0xE6 }; /* XCR0 */
    unsigned a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, FMA | OSXSAVE | AVX | F16C))
        return 0;
    uint64_t saved = saved_state();
    if (!has(saved, YMM_STATE) || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has(b, AVX2))
        return 0;
    unsigned isa = AEI_ISA_AVX2;
    if (has(saved, ZMM_STATE) && has(b, AVX512F | AVX512DQ | AVX512BW | avx512vl))
        isa |= AEI_ISA_AVX512;
    /* Leaf 7 says in EAX how many subleaves it has; the ones beyond read as something else. */
    if ((isa & AEI_ISA_AVX512) != 0 && a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) &&
        has(a, AVX512_BF16))
        isa |= AEI_ISA_AVX512_BF16;
    return isa;
}

#elif defined(__aarch64__)

static unsigned native_isa(void)
{
    return aei_system_has_neon() ? AEI_ISA_NEON : 0;
}

#else

static unsigned native_isa(void)
{
    return 0;
}

#endif

unsigned aei_cpu_isa_cap(unsigned isa, const char *name)
{
    static const struct {
        const char *name;
        unsigned allowed;
    } caps[] = {
        {"baseline", 0},
        {"neon", AEI_ISA_NEON},
        {"avx2", AEI_ISA_AVX2},
        {"avx512", AEI_ISA_AVX2 | AEI_ISA_AVX512},
        {"avx512_bf16", AEI_ISA_AVX2 | AEI_ISA_AVX512 | AEI_ISA_AVX512_BF16},
    };
    if (name == NULL)
        return isa;
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++)
        if (strcmp(name, caps[i].name) == 0)
            return isa & caps[i].allowed;
    return isa;
}

unsigned aei_cpu_isa(void)
{
#ifdef AEI_TEST_HOOKS
    return aei_cpu_isa_cap(native_isa(), getenv("AE_ISA"));
#else
    return native_isa();
#endif
}

/* The first line of a small file, without its newline. */
static bool first_line(char *line, size_t size, const char *path)
{
    FILE *stream = fopen(path, "re");
    if (stream == NULL)
        return false;
    bool read = fgets(line, (int)size, stream) != NULL;
    (void)fclose(stream);
    if (read)
        line[strcspn(line, "\n")] = '\0';
    return read;
}

size_t aei_cpu_parse_quota(const char *quota, const char *period)
{
    char *end;
    if (*quota < '0' || *quota > '9') /* "max", or -1 in version 1 */
        return SIZE_MAX;
    uint64_t time = strtoull(quota, &end, 10);
    uint64_t each = strtoull(period == NULL ? end : period, NULL, 10);
    if (time == 0 || each == 0)
        return SIZE_MAX;
    uint64_t cores = time / each + (time % each != 0);
    return cores < SIZE_MAX ? (size_t)cores : SIZE_MAX;
}

/* What one control group's own folder says. */
static size_t folder_quota(const char *folder)
{
    char path[PATH_SIZE + 32], quota[64], period[64];
    (void)snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (first_line(quota, sizeof quota, path))
        return aei_cpu_parse_quota(quota, NULL);
    (void)snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (!first_line(quota, sizeof quota, path))
        return SIZE_MAX;
    (void)snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    return first_line(period, sizeof period, path) ? aei_cpu_parse_quota(quota, period) : SIZE_MAX;
}

/*
 * The smallest quota from mount/group up to mount. In a container the group is often named as the
 * host sees it and has no folder here; the container's own limit is then at the mount itself.
 */
static size_t smallest_quota(const char *mount, const char *group)
{
    char folder[PATH_SIZE];
    size_t root = strlen(mount);
    int length = snprintf(folder, sizeof folder, "%s%s", mount, group);
    if (length < 0 || (size_t)length >= sizeof folder || strstr(group, "/..") != NULL)
        (void)snprintf(folder, sizeof folder, "%s", mount);
    size_t smallest = SIZE_MAX;
    for (;;) {
        size_t quota = folder_quota(folder);
        smallest = quota < smallest ? quota : smallest;
        char *slash = strrchr(folder, '/');
        if (slash == NULL || (size_t)(slash - folder) < root)
            return smallest;
        *slash = '\0';
    }
}

/* Whether a version 1 line's list of controllers ("cpu,cpuacct") has the processor's. */
static bool lists_cpu(const char *controllers)
{
    while (*controllers != '\0') {
        size_t length = strcspn(controllers, ",");
        if (length == 3 && memcmp(controllers, "cpu", 3) == 0)
            return true;
        controllers += length + (controllers[length] == ',');
    }
    return false;
}

size_t aei_cpu_quota(const char *membership, const char *mount)
{
    FILE *stream = fopen(membership, "re");
    if (stream == NULL)
        return SIZE_MAX;
    size_t smallest = SIZE_MAX;
    char line[PATH_SIZE], folder[PATH_SIZE];
    /* Lines read "number:controllers:group"; version 2 is number 0 with no controllers. */
    while (fgets(line, sizeof line, stream) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
        if (group == NULL || group[1] != '/')
            continue;
        *controllers++ = '\0';
        *group++ = '\0';
        if (*controllers != '\0' && !lists_cpu(controllers))
            continue;
        int length = snprintf(folder, sizeof folder, *controllers == '\0' ? "%s" : "%s/cpu", mount);
        if (length < 0 || (size_t)length >= sizeof folder)
            continue;
        size_t quota = smallest_quota(folder, strcmp(group, "/") == 0 ? "" : group);
        smallest = quota < smallest ? quota : smallest;
    }
    (void)fclose(stream);
    return smallest;
}

size_t aei_cpu_cores(void)
{
    size_t cores = aei_system_processors();
    size_t quota = aei_cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    return quota < cores ? quota : cores;
}
