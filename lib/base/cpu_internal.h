/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CPU_INTERNAL_H
#define AEI_CPU_INTERNAL_H

#include <stddef.h>

/* Instruction sets that libae has kernels for, as flags. */
enum {
    AEI_ISA_AVX2 = 1,        /* AVX2, FMA, F16C */
    AEI_ISA_AVX512 = 2,      /* F, BW, DQ, VL */
    AEI_ISA_AVX512_BF16 = 4, /* vdpbf16ps */
    AEI_ISA_NEON = 8
};

/*
 * What the processor has and the operating system saves on a context switch (CPUID and XGETBV on
 * x86, the system's word on Arm). In builds with AEI_TEST_HOOKS the environment variable AE_ISA
 * ("avx2", "baseline", ...) caps the result.
 */
unsigned aei_cpu_isa(void);

/* Processors this process may use: scheduler affinity, cut to the cgroup's quota rounded up; at
 * least 1. */
size_t aei_cpu_cores(void);

/*
 * The pieces of the above, for tests.
 */

/* Leave of isa what the level called name has; NULL and unknown names leave it as it is. */
unsigned aei_cpu_isa_cap(unsigned isa, const char *name);

/* Quota over period, rounded up, from a control group's text; period NULL: in quota's text.
 * SIZE_MAX: no limit. */
size_t aei_cpu_parse_quota(const char *quota, const char *period);

/* The smallest quota on the way up, given a file like /proc/self/cgroup and the folder of its
 * mounts. SIZE_MAX: none.
 */
size_t aei_cpu_quota(const char *membership, const char *mount);

#endif
