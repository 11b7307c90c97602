/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/cpu_internal.h"
#include "suites.h"
#include "support.h"

#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

START_TEST(isa_levels_include_what_they_build_on)
{
    unsigned isa = aei_cpu_isa();
    ck_assert_uint_eq(isa, aei_cpu_isa());
    if (isa & AEI_ISA_AVX512)
        ck_assert(isa & AEI_ISA_AVX2);
    if (isa & AEI_ISA_AVX512_BF16)
        ck_assert(isa & AEI_ISA_AVX512);
    ck_assert(!(isa & AEI_ISA_NEON) || isa == AEI_ISA_NEON);
    if (getenv("AE_ISA") != NULL)
        return;
#if defined(__x86_64__)
    /* An independent opinion: the compiler's own runtime, which looks at the saved state as
     * well. */
    ck_assert_int_eq((isa & AEI_ISA_AVX2) != 0,
                     __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
    ck_assert_int_eq((isa & AEI_ISA_AVX512) != 0,
                     __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"));
    ck_assert_int_eq((isa & AEI_ISA_AVX512_BF16) != 0,
                     (isa & AEI_ISA_AVX512) != 0 && __builtin_cpu_supports("avx512bf16"));
#elif defined(__aarch64__)
    ck_assert_uint_eq(isa, AEI_ISA_NEON); /* no Arm of 64 bits that runs Linux is without */
#endif
}
END_TEST

START_TEST(isa_can_be_capped_by_name)
{
    unsigned all = AEI_ISA_AVX2 | AEI_ISA_AVX512 | AEI_ISA_AVX512_BF16;
    ck_assert_uint_eq(aei_cpu_isa_cap(all, NULL), all);
    ck_assert_uint_eq(aei_cpu_isa_cap(all, "baseline"), 0);
    ck_assert_uint_eq(aei_cpu_isa_cap(all, "avx2"), AEI_ISA_AVX2);
    ck_assert_uint_eq(aei_cpu_isa_cap(all, "avx512"), AEI_ISA_AVX2 | AEI_ISA_AVX512);
    ck_assert_uint_eq(aei_cpu_isa_cap(all, "avx512_bf16"),
                      AEI_ISA_AVX2 | AEI_ISA_AVX512 | AEI_ISA_AVX512_BF16);
    ck_assert_uint_eq(aei_cpu_isa_cap(AEI_ISA_AVX2, "avx512"), AEI_ISA_AVX2);
    ck_assert_uint_eq(aei_cpu_isa_cap(AEI_ISA_NEON, "neon"), AEI_ISA_NEON);
}
END_TEST

START_TEST(quota_text_is_rounded_up_to_processors)
{
    static const struct {
        const char *quota, *period;
        size_t cores;
    } known[] = {
        {"max 100000", NULL, SIZE_MAX}, {"100000 100000", NULL, 1},   {"150000 100000", NULL, 2},
        {"1000 100000", NULL, 1},       {"400000 100000", NULL, 4},   {"-1", "100000", SIZE_MAX},
        {"250000", "100000", 3},        {"250000", "0", SIZE_MAX},    {"", NULL, SIZE_MAX},
        {"250000", NULL, SIZE_MAX},     {"0 100000", NULL, SIZE_MAX},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        ck_assert_uint_eq(aei_cpu_parse_quota(known[i].quota, known[i].period), known[i].cores);
}
END_TEST

START_TEST(smallest_quota_on_the_way_up_counts)
{
    ck_assert_uint_eq(aei_cpu_quota("absent", "cgroup"), SIZE_MAX);
    support_put("membership", "0::/a/b\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), SIZE_MAX);
    ck_assert_int_eq(mkdir("cgroup", 0700), 0);
    ck_assert_int_eq(mkdir("cgroup/a", 0700), 0);
    ck_assert_int_eq(mkdir("cgroup/a/b", 0700), 0);
    support_put("cgroup/cpu.max", "900000 100000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 9);
    support_put("cgroup/a/b/cpu.max", "max 100000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 9);
    support_put("cgroup/a/cpu.max", "250000 100000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 3);
    support_put("cgroup/a/b/cpu.max", "600000 100000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 3);
    /* Groups named as another namespace sees them: the mount itself still counts. */
    support_put("membership", "0::/../elsewhere\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 9);
    support_put("membership", "0::/host/name/of/it\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 9);
    support_put("membership", "nonsense\n\n0:\n:::\n0::relative\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), SIZE_MAX);
    /* In a container: the root is the group's own, and half a processor is one thread. */
    support_put("membership", "0::/\n");
    support_put("cgroup/cpu.max", "50000 100000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 1);
}
END_TEST

START_TEST(version_1_quota_is_found_under_its_controller)
{
    support_put("membership", "4:memory:/m\n3:cpuset:/a\n2:cpuacct,cpu:/a\n0::/\n");
    ck_assert_int_eq(mkdir("cgroup", 0700), 0);
    ck_assert_int_eq(mkdir("cgroup/cpu", 0700), 0);
    ck_assert_int_eq(mkdir("cgroup/cpu/a", 0700), 0);
    support_put("cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    support_put("cgroup/cpu/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), SIZE_MAX);
    support_put("cgroup/cpu/a/cpu.cfs_quota_us", "120000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), SIZE_MAX); /* no period */
    support_put("cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 2);
    support_put("cgroup/cpu/cpu.cfs_quota_us",
                "10000\n"); /* the group above has the last word: a tenth of one */
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 1);
}
END_TEST

START_TEST(cores_follow_the_affinity)
{
    cpu_set_t before, one;
    CPU_ZERO(&one);
    ck_assert_int_eq(sched_getaffinity(0, sizeof before, &before), 0);
    size_t cores = aei_cpu_cores();
    ck_assert_uint_ge(cores, 1);
    ck_assert_uint_le(cores, (size_t)CPU_COUNT(&before));
    size_t first = 0;
    while (!CPU_ISSET(first, &before))
        first++;
    CPU_SET(first, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_uint_eq(aei_cpu_cores(), 1);
    ck_assert_int_eq(sched_setaffinity(0, sizeof before, &before), 0);
}
END_TEST

Suite *cpu_suite(void)
{
    Suite *suite = suite_create("cpu");
    TCase *tcase = tcase_create("processor");
    tcase_add_checked_fixture(tcase, support_dir_enter, support_dir_leave);
    tcase_add_test(tcase, isa_levels_include_what_they_build_on);
    tcase_add_test(tcase, isa_can_be_capped_by_name);
    tcase_add_test(tcase, quota_text_is_rounded_up_to_processors);
    tcase_add_test(tcase, smallest_quota_on_the_way_up_counts);
    tcase_add_test(tcase, version_1_quota_is_found_under_its_controller);
    tcase_add_test(tcase, cores_follow_the_affinity);
    suite_add_tcase(suite, tcase);
    return suite;
}
