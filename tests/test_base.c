/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE /* unshare */
#include "base/arena.h"
#include "base/cpu_internal.h"
#include "base/error.h"
#include "base/file.h"
#include "base/input.h"
#include "base/number.h"
#include "base/options.h"
#include "base/philox.h"
#include "base/team.h"
#include "suites.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_SIZE = 512, BIG = 300000, SKIPPED = 77 };

/* A folder for one test; every test starts with an empty one and is in it. */
static char folder[PATH_SIZE];
static char home[PATH_SIZE * 8];

static void enter_folder(void)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder, sizeof folder, "%s/libae-base-XXXXXX",
                   base == NULL || *base == '\0' ? "/tmp" : base);
    ck_assert_ptr_nonnull(getcwd(home, sizeof home));
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void remove_all(const char *path)
{
    DIR *entries = opendir(path);
    if (entries != NULL) {
        for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
            char inner[PATH_SIZE * 2];
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            (void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            struct stat about;
            if (lstat(inner, &about) == 0 && S_ISDIR(about.st_mode))
                remove_all(inner);
            else
                (void)unlink(inner);
        }
        (void)closedir(entries);
    }
    (void)rmdir(path);
}

static void leave_folder(void)
{
    ck_assert_int_eq(chdir(home), 0);
    remove_all(folder);
}

static int in_child(int (*function)(void))
{
    pid_t child = fork();
    if (child == 0)
        _exit(function());
    ck_assert_int_gt(child, 0);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static size_t count_entries(const char *path)
{
    DIR *entries = opendir(path);
    size_t count = 0;
    if (entries == NULL)
        return 0;
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    (void)closedir(entries);
    return count;
}

static void put(const char *path, const char *text)
{
    FILE *stream = fopen(path, "w");
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_ge(fputs(text, stream), 0);
    ck_assert_int_eq(fclose(stream), 0);
}

static bool holds(const char *path, const char *text)
{
    void *data;
    size_t size;
    if (aei_file_read(&data, &size, path, SIZE_MAX) != AE_OK)
        return false;
    bool same = size == strlen(text) && memcmp(data, text, size) == 0;
    free(data);
    return same;
}

static ae_status replace(const char *path, const char *text)
{
    aei_file *file;
    AE_TRY(aei_file_create(&file, path));
    (void)aei_file_write(file, text, strlen(text));
    return aei_file_commit(file);
}

static bool error_starts_with(const char *text)
{
    return strncmp(ae_last_error(), text, strlen(text)) == 0;
}

static mode_t mode_of(const char *path)
{
    struct stat about;
    ck_assert_int_eq(stat(path, &about), 0);
    return about.st_mode & 07777;
}

START_TEST(arena_counts_then_gives_aligned_zeroed_arrays_in_the_same_places)
{
    static const size_t counts[] = {1, 0, 17, 64, 1000003};
    enum { ARRAYS = sizeof counts / sizeof counts[0] };
    aei_arena arena = {0};
    for (size_t i = 0; i < ARRAYS; i++)
        ck_assert_ptr_null(aei_arena_take(&arena, counts[i], sizeof(float)));
    size_t counted = arena.used;
    ck_assert_int_eq(aei_arena_allocate(&arena), AE_OK);
    float *last_end = NULL;
    for (size_t i = 0; i < ARRAYS; i++) {
        float *array = aei_arena_take(&arena, counts[i], sizeof(float));
        ck_assert_ptr_nonnull(array);
        ck_assert_uint_eq((uintptr_t)array % AEI_ALIGNMENT, 0);
        ck_assert(last_end == NULL || array >= last_end);
        last_end = array + counts[i];
        size_t set = 0;
        for (size_t j = 0; j < counts[i]; j++) {
            set += array[j] < 0.0f || array[j] > 0.0f;
            array[j] = 1.0f;
        }
        ck_assert_uint_eq(set, 0);
    }
    ck_assert_uint_eq(arena.used, counted);
    for (size_t i = 0; i < AEI_SLACK;
         i++) /* readable past the last array: AddressSanitizer watches */
        ck_assert_uint_eq(arena.base[arena.used + i], 0);
    ck_assert_ptr_null(aei_arena_take(&arena, AEI_ALIGNMENT + 1, 1));
    ck_assert(arena.overflow);
    aei_arena_free(&arena);
    aei_arena_free(&arena);
    ck_assert_ptr_null(arena.base);
}
END_TEST

START_TEST(arena_refuses_sizes_beyond_the_address_space)
{
    aei_arena arena = {0};
    ck_assert_ptr_null(aei_arena_take(&arena, SIZE_MAX / 2, 4));
    ck_assert_int_eq(aei_arena_allocate(&arena), AE_ERROR_OUT_OF_MEMORY);
    ck_assert_ptr_null(arena.base);
    arena = (aei_arena){0};
    for (int i = 0; i < 3; i++)
        (void)aei_arena_take(&arena, SIZE_MAX / 4, 1);
    ck_assert(arena.overflow);
    ck_assert_int_eq(aei_arena_allocate(&arena), AE_ERROR_OUT_OF_MEMORY);
}
END_TEST

START_TEST(error_text_is_cut_to_its_room_and_can_be_put_in_context)
{
    char lengthy[2000];
    memset(lengthy, 'x', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    ck_assert_int_eq(aei_fail(AE_ERROR_SHAPE, "layer %d: %s", 3, lengthy), AE_ERROR_SHAPE);
    ck_assert_uint_eq(strlen(ae_last_error()), 511);
    ck_assert(error_starts_with("layer 3: xxx"));
    ck_assert_int_eq(aei_fail_within(AE_ERROR_IO, "file %s", "f"), AE_ERROR_IO);
    ck_assert(error_starts_with("file f: layer 3: xxx"));
    ck_assert_uint_eq(strlen(ae_last_error()), 511);
    (void)aei_fail_within(AE_ERROR_IO, "%s", lengthy);
    ck_assert_uint_eq(strlen(ae_last_error()), 511);
    (void)aei_fail_memory(12);
    ck_assert_str_eq(ae_last_error(), "out of memory: 12 bytes");
}
END_TEST

/* What a caller compiled with an older, the same and a newer header hands over. */
typedef struct options {
    size_t size;
    int first, second;
} options;

typedef struct newer_options {
    options known;
    double later;
} newer_options;

START_TEST(options_of_other_versions_are_read_as_far_as_both_know_them)
{
    options mine = {1, 2, 3};
    ck_assert_int_eq(aei_options_read(&mine, sizeof mine, NULL, "options"), AE_OK);
    ck_assert(mine.size == sizeof mine && mine.first == 0 && mine.second == 0);

    options theirs = {sizeof theirs, 7, 8};
    ck_assert_int_eq(aei_options_read(&mine, sizeof mine, &theirs, "options"), AE_OK);
    ck_assert(mine.first == 7 && mine.second == 8);

    theirs.size = offsetof(options, second);
    ck_assert_int_eq(aei_options_read(&mine, sizeof mine, &theirs, "options"), AE_OK);
    ck_assert(mine.size == sizeof mine && mine.first == 7 && mine.second == 0);

    newer_options newer = {{sizeof newer, 5, 6}, 0.0};
    ck_assert_int_eq(aei_options_read(&mine, sizeof mine, &newer, "options"), AE_OK);
    ck_assert(mine.size == sizeof mine && mine.first == 5 && mine.second == 6);
    newer.later = 1.0;
    ck_assert_int_eq(aei_options_read(&mine, sizeof mine, &newer, "options"), AE_ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(ae_last_error(), "options"));
}
END_TEST

START_TEST(options_without_a_size_are_refused)
{
    options mine, theirs = {0, 7, 8};
    ck_assert_int_eq(aei_options_read(&mine, sizeof mine, &theirs, "options"),
                     AE_ERROR_INVALID_ARGUMENT);
    ck_assert(error_starts_with("options.size is 0"));
    theirs.size = SIZE_MAX;
    ck_assert_int_eq(aei_options_read(&mine, sizeof mine, &theirs, "options"),
                     AE_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(results_never_exceed_the_callers_struct)
{
    const options mine = {sizeof mine, 7, 8};
    options theirs = {offsetof(options, second), 1, 2};
    ck_assert_int_eq(aei_result_write(&theirs, &mine, sizeof mine, "result"), AE_OK);
    ck_assert(theirs.size == offsetof(options, second) && theirs.first == 7 && theirs.second == 2);
    newer_options newer = {{sizeof newer, 1, 2}, 3.0};
    ck_assert_int_eq(aei_result_write(&newer, &mine, sizeof mine, "result"), AE_OK);
    ck_assert(newer.known.size == sizeof newer && newer.known.first == 7 &&
              newer.known.second == 8);
    ck_assert(newer.later == 3.0);
    theirs.size = 0;
    ck_assert_int_eq(aei_result_write(&theirs, &mine, sizeof mine, "result"),
                     AE_ERROR_INVALID_ARGUMENT);
}
END_TEST

/* The known answers that come with the authors' Random123 library for philox4x32, 10 rounds. */
START_TEST(philox_gives_its_authors_known_answers)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint32_t out[4];
        aei_philox(out, known[i].counter, known[i].key);
        ck_assert_mem_eq(out, known[i].out, sizeof out);
    }
}
END_TEST

START_TEST(random_blocks_depend_on_every_part_of_their_place)
{
    uint32_t block[6][4];
    aei_random_block(block[0], 1, AEI_STREAM_WEIGHTS, 2, 3);
    aei_random_block(block[1], 1ULL << 32 | 1, AEI_STREAM_WEIGHTS, 2, 3);
    aei_random_block(block[2], 1, AEI_STREAM_SHUFFLE, 2, 3);
    aei_random_block(block[3], 1, AEI_STREAM_WEIGHTS, 3, 3);
    aei_random_block(block[4], 1, AEI_STREAM_WEIGHTS, 2, 4);
    aei_random_block(block[5], 1, AEI_STREAM_WEIGHTS, 2, 1ULL << 32 | 3);
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < i; j++)
            ck_assert_mem_ne(block[i], block[j], sizeof block[i]);
}
END_TEST

START_TEST(blocks_side_by_side_are_blocks_one_by_one)
{
    static const uint64_t places[] = {0, 5, UINT32_MAX - 3, 1ULL << 40};
    for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
        uint32_t many[4 * AEI_BLOCKS], one[4];
        aei_random_blocks(many, 0x0123456789abcdefULL, AEI_STREAM_MASK, 77, places[p]);
        for (size_t i = 0; i < AEI_BLOCKS; i++) {
            aei_random_block(one, 0x0123456789abcdefULL, AEI_STREAM_MASK, 77, places[p] + i);
            ck_assert_mem_eq(many + 4 * i, one, sizeof one);
        }
    }
}
END_TEST

/* Bounds are 5 standard errors of the mean and variance of n independent draws. */
START_TEST(uniform_and_normal_have_their_moments)
{
    enum { N = 200000 };
    double sum = 0, squares = 0, normal_sum = 0, normal_squares = 0;
    for (uint64_t i = 0; i < N; i++) {
        float u = aei_random_uniform(42, AEI_STREAM_NOISE, 0, i);
        float z = aei_random_normal(42, AEI_STREAM_NOISE, 0, i);
        ck_assert(u > 0.0f && u < 1.0f && isfinite(z));
        sum += u, squares += (u - 0.5) * (u - 0.5);
        normal_sum += z, normal_squares += (double)z * z;
    }
    ck_assert_double_le(fabs(sum / N - 0.5), 5 * sqrt(1.0 / 12 / N));
    ck_assert_double_le(fabs(squares / N - 1.0 / 12), 5 * sqrt(1.0 / 180 / N));
    ck_assert_double_le(fabs(normal_sum / N), 5 * sqrt(1.0 / N));
    ck_assert_double_le(fabs(normal_squares / N - 1), 5 * sqrt(2.0 / N));
}
END_TEST

/* Chi-squared with 23 degrees of freedom over the 24 orders of 4: below 53 but for one seed in
 * 4000. */
START_TEST(permutations_are_complete_and_even)
{
    enum { N = 1000, DRAWS = 24000 };
    static uint32_t order[N];
    bool seen[N] = {false};
    aei_random_permutation(order, N, 1, AEI_STREAM_SHUFFLE, 0);
    for (size_t i = 0; i < N; i++) {
        ck_assert_uint_lt(order[i], N);
        ck_assert(!seen[order[i]]);
        seen[order[i]] = true;
    }
    size_t times[256] = {0};
    for (uint32_t draw = 0; draw < DRAWS; draw++) {
        uint32_t four[4];
        aei_random_permutation(four, 4, 7, AEI_STREAM_SHUFFLE, draw);
        times[four[0] << 6 | four[1] << 4 | four[2] << 2 | four[3]]++;
    }
    double chi_squared = 0;
    size_t orders = 0;
    for (size_t i = 0; i < 256; i++) {
        double excess = (double)times[i] - DRAWS / 24.0;
        orders += times[i] != 0;
        chi_squared += times[i] == 0 ? 0 : excess * excess / (DRAWS / 24.0);
    }
    ck_assert_uint_eq(orders, 24);
    ck_assert_double_lt(chi_squared, 53);
    aei_random_permutation(order, 0, 1, AEI_STREAM_SHUFFLE, 0);
    aei_random_permutation(order, 1, 1, AEI_STREAM_SHUFFLE, 0);
    ck_assert_uint_eq(order[0], 0);
}
END_TEST

static void add_thread(void *context, size_t thread)
{
    size_t *sums = context;
    sums[thread] += thread + 1;
}

START_TEST(team_runs_work_in_every_thread)
{
    aei_team *team;
    size_t sums[3] = {0};
    ck_assert_int_eq(aei_team_create(&team, 3), AE_OK);
    ck_assert_int_eq(aei_team_run(team, add_thread, sums), AE_OK);
    ck_assert_int_eq(aei_team_run(team, add_thread, sums), AE_OK);
    aei_team_free(team);
    ck_assert(sums[0] == 2 && sums[1] == 4 && sums[2] == 6);
}
END_TEST

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
    put("membership", "0::/a/b\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), SIZE_MAX);
    ck_assert_int_eq(mkdir("cgroup", 0700), 0);
    ck_assert_int_eq(mkdir("cgroup/a", 0700), 0);
    ck_assert_int_eq(mkdir("cgroup/a/b", 0700), 0);
    put("cgroup/cpu.max", "900000 100000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 9);
    put("cgroup/a/b/cpu.max", "max 100000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 9);
    put("cgroup/a/cpu.max", "250000 100000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 3);
    put("cgroup/a/b/cpu.max", "600000 100000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 3);
    /* Groups named as another namespace sees them: the mount itself still counts. */
    put("membership", "0::/../elsewhere\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 9);
    put("membership", "0::/host/name/of/it\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 9);
    put("membership", "nonsense\n\n0:\n:::\n0::relative\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), SIZE_MAX);
    /* In a container: the root is the group's own, and half a processor is one thread. */
    put("membership", "0::/\n");
    put("cgroup/cpu.max", "50000 100000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 1);
}
END_TEST

START_TEST(version_1_quota_is_found_under_its_controller)
{
    put("membership", "4:memory:/m\n3:cpuset:/a\n2:cpuacct,cpu:/a\n0::/\n");
    ck_assert_int_eq(mkdir("cgroup", 0700), 0);
    ck_assert_int_eq(mkdir("cgroup/cpu", 0700), 0);
    ck_assert_int_eq(mkdir("cgroup/cpu/a", 0700), 0);
    put("cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    put("cgroup/cpu/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), SIZE_MAX);
    put("cgroup/cpu/a/cpu.cfs_quota_us", "120000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), SIZE_MAX); /* no period */
    put("cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(aei_cpu_quota("membership", "cgroup"), 2);
    put("cgroup/cpu/cpu.cfs_quota_us",
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

START_TEST(files_of_every_length_come_back_as_written)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, BIG};
    unsigned char *bytes = malloc(BIG);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < BIG; i++)
        bytes[i] = (unsigned char)(i * 31 + i / 251);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t piece = 1; piece <= BIG; piece *= 63) {
            aei_file *file;
            ck_assert_int_eq(aei_file_create(&file, "data"), AE_OK);
            for (size_t at = 0; at < sizes[i]; at += piece) {
                size_t rest = sizes[i] - at;
                ck_assert_int_eq(aei_file_write(file, bytes + at, rest < piece ? rest : piece),
                                 AE_OK);
            }
            ck_assert_int_eq(aei_file_commit(file), AE_OK);
            void *data;
            size_t size;
            ck_assert_int_eq(aei_file_read(&data, &size, "data", sizes[i]), AE_OK);
            ck_assert_uint_eq(size, sizes[i]);
            ck_assert(memcmp(data, bytes, size) == 0);
            free(data);
        }
    }
    ck_assert_uint_eq(count_entries("."), 1);
    free(bytes);
}
END_TEST

START_TEST(reading_refuses_what_is_not_a_file_or_too_long)
{
    void *data = NULL;
    size_t size = 99;
    ck_assert_int_eq(aei_file_read(&data, &size, "absent", 10), AE_ERROR_NOT_FOUND);
    ck_assert(error_starts_with("absent: "));
    ck_assert_ptr_nonnull(strstr(ae_last_error(), strerror(ENOENT)));
    ck_assert_int_eq(aei_file_read(&data, &size, "", 10), AE_ERROR_NOT_FOUND);
    ck_assert_int_eq(aei_file_read(&data, &size, ".", 10), AE_ERROR_IO);
    ck_assert(error_starts_with(".: is a folder"));
    ck_assert_int_eq(aei_file_read(&data, &size, "/dev/zero", 10), AE_ERROR_IO);
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    ck_assert_int_eq(aei_file_read(&data, &size, "pipe", 10), AE_ERROR_IO);
    put("eleven", "12345678901");
    ck_assert_int_eq(aei_file_read(&data, &size, "eleven", 10), AE_ERROR_FORMAT);
    ck_assert(error_starts_with("eleven: 11 bytes"));
    ck_assert_int_eq(aei_file_read(&data, &size, "eleven/inside", 10), AE_ERROR_NOT_FOUND);
    ck_assert_int_eq(aei_file_read(&data, &size, NULL, 10), AE_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(aei_file_read(NULL, &size, "eleven", 10), AE_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(aei_file_read(&data, NULL, "eleven", 10), AE_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(data);
    ck_assert_uint_eq(size, 99);
    ck_assert_int_eq(aei_file_read(&data, &size, "eleven", 11), AE_OK);
    free(data);
}
END_TEST

START_TEST(nothing_is_seen_before_commit_and_discard_leaves_no_trace)
{
    put("old", "old text");
    aei_file *file, *fresh;
    ck_assert_int_eq(aei_file_create(&file, "old"), AE_OK);
    ck_assert_int_eq(aei_file_create(&fresh, "fresh"), AE_OK);
    ck_assert_int_eq(aei_file_write(file, "new text", 8), AE_OK);
    ck_assert(holds("old", "old text"));
    ck_assert_int_ne(access("fresh", F_OK), 0);
    aei_file_discard(file);
    aei_file_discard(fresh);
    aei_file_discard(NULL);
    ck_assert(holds("old", "old text"));
    ck_assert_uint_eq(count_entries("."), 1);
    ck_assert_int_eq(replace("old", "new text"), AE_OK);
    ck_assert(holds("old", "new text"));
    ck_assert_uint_eq(count_entries("."), 1);
}
END_TEST

START_TEST(two_writers_of_one_path_do_not_mix)
{
    aei_file *first, *second;
    ck_assert_int_eq(aei_file_create(&first, "same"), AE_OK);
    ck_assert_int_eq(aei_file_create(&second, "same"), AE_OK);
    ck_assert_int_eq(aei_file_print(first, "%s", "first"), AE_OK);
    ck_assert_int_eq(aei_file_print(second, "%s", "second"), AE_OK);
    ck_assert_int_eq(aei_file_commit(second), AE_OK);
    ck_assert_int_eq(aei_file_commit(first), AE_OK);
    ck_assert(holds("same", "first"));
    ck_assert_uint_eq(count_entries("."), 1);
}
END_TEST

START_TEST(the_target_is_fixed_when_the_file_is_created)
{
    aei_file *file;
    ck_assert_int_eq(mkdir("elsewhere", 0700), 0);
    ck_assert_int_eq(aei_file_create(&file, "here"), AE_OK);
    ck_assert_int_eq(chdir("elsewhere"), 0);
    ck_assert_int_eq(aei_file_commit(file), AE_OK);
    ck_assert_uint_eq(count_entries("."), 0);
    ck_assert_int_eq(chdir(".."), 0);
    ck_assert(holds("here", ""));
}
END_TEST

START_TEST(modes_follow_the_umask_or_the_old_file)
{
    mode_t before = umask(027);
    ck_assert_int_eq(replace("fresh", "a"), AE_OK);
    ck_assert_uint_eq(mode_of("fresh"), 0640);
    put("kept", "a");
    ck_assert_int_eq(chmod("kept", 0606), 0);
    ck_assert_int_eq(replace("kept", "b"), AE_OK);
    ck_assert_uint_eq(mode_of("kept"), 0606);
    ck_assert_uint_eq(umask(before), 027);
}
END_TEST

START_TEST(symbolic_links_are_followed_even_when_nothing_is_there_yet)
{
    struct stat about;
    ck_assert_int_eq(mkdir("store", 0700), 0);
    put("store/model", "old");
    ck_assert_int_eq(symlink("store/hop", "link"), 0);
    ck_assert_int_eq(symlink("model", "store/hop"), 0);
    ck_assert_int_eq(replace("link", "new"), AE_OK);
    ck_assert(lstat("link", &about) == 0 && S_ISLNK(about.st_mode));
    ck_assert(lstat("store/hop", &about) == 0 && S_ISLNK(about.st_mode));
    ck_assert(holds("store/model", "new"));
    ck_assert_int_eq(symlink("store/later", "dangling"), 0);
    ck_assert_int_eq(replace("dangling", "born"), AE_OK);
    ck_assert(holds("store/later", "born"));
    char absolute[PATH_SIZE + 16];
    (void)snprintf(absolute, sizeof absolute, "%s/store/far", folder);
    ck_assert_int_eq(symlink(absolute, "absolute"), 0);
    ck_assert_int_eq(replace("absolute", "far"), AE_OK);
    ck_assert(holds("store/far", "far"));
    ck_assert_int_eq(symlink("circle", "circle"), 0);
    ck_assert_int_eq(replace("circle", "x"), AE_ERROR_IO);
    ck_assert(error_starts_with("circle: "));
    ck_assert_uint_eq(count_entries("store"), 4);
}
END_TEST

START_TEST(impossible_targets_are_refused_by_name)
{
    char name[300];
    ck_assert_int_eq(mkdir("d", 0700), 0);
    put("f", "text");
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    ck_assert_int_eq(replace("missing/x", "x"), AE_ERROR_NOT_FOUND);
    ck_assert(error_starts_with("missing/x: "));
    ck_assert_ptr_nonnull(strstr(ae_last_error(), strerror(ENOENT)));
    ck_assert_int_eq(replace("f/x", "x"), AE_ERROR_NOT_FOUND);
    ck_assert_int_eq(replace("", "x"), AE_ERROR_NOT_FOUND);
    ck_assert_int_eq(replace("d", "x"), AE_ERROR_IO);
    ck_assert(error_starts_with("d: is a folder"));
    ck_assert_int_eq(replace("d/", "x"), AE_ERROR_IO);
    ck_assert_int_eq(replace("pipe", "x"), AE_ERROR_IO);
    ck_assert_int_eq(replace("/dev/null", "x"), AE_ERROR_IO);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_int_eq(replace(name, "x"), AE_ERROR_IO);
    name[255] = '\0';
    ck_assert_int_eq(replace(name, "longest name"), AE_OK);
    ck_assert(holds(name, "longest name"));
    aei_file *file = NULL;
    ck_assert_int_eq(aei_file_create(&file, NULL), AE_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(aei_file_create(NULL, "x"), AE_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(aei_file_commit(NULL), AE_ERROR_INVALID_ARGUMENT);
    ck_assert_uint_eq(count_entries("."), 4);
}
END_TEST

/* A target that becomes a folder meanwhile makes the rename fail, the last step that can. */
START_TEST(a_failed_rename_removes_the_temporary_file)
{
    aei_file *file;
    ck_assert_int_eq(aei_file_create(&file, "target"), AE_OK);
    ck_assert_int_eq(aei_file_write(file, "x", 1), AE_OK);
    ck_assert_int_eq(mkdir("target", 0700), 0);
    ck_assert_int_eq(aei_file_commit(file), AE_ERROR_IO);
    ck_assert(error_starts_with("target: "));
    ck_assert_uint_eq(count_entries("."), 1);
}
END_TEST

/* Root may write anywhere: the child is nobody. */
static int write_without_permission(void)
{
    if (geteuid() == 0 && (chmod(folder, 0755) != 0 || chmod("locked", 0555) != 0 ||
                           setgid(65534) != 0 || setuid(65534) != 0))
        return SKIPPED;
    if (replace("locked/x", "x") != AE_ERROR_IO || !error_starts_with("locked/x: ") ||
        strstr(ae_last_error(), strerror(EACCES)) == NULL)
        return 1;
    if (replace("open/readonly", "x") != AE_ERROR_IO || !holds("open/readonly", "precious"))
        return 2;
    return count_entries("locked") == 0 && count_entries("open") == 1 ? 0 : 3;
}

START_TEST(missing_permissions_are_named_and_change_nothing)
{
    ck_assert_int_eq(mkdir("locked", 0555), 0);
    ck_assert_int_eq(mkdir("open", 0700), 0);
    ck_assert_int_eq(chmod("open", 0777), 0);
    put("open/readonly", "precious");
    ck_assert_int_eq(chmod("open/readonly", 0444), 0);
    int result = in_child(write_without_permission);
    ck_assert_msg(result == 0 || result == SKIPPED, "the child ended with %d", result);
    ck_assert_int_eq(chmod("locked", 0700), 0);
}
END_TEST

/* Fill up what there is; the failure must be reported at once, at commit again, and leave the old
 * file. */
static int overfill(void)
{
    static const char block[BIG];
    aei_file *file;
    if (aei_file_create(&file, "precious") != AE_OK)
        return 1;
    if (aei_file_write(file, block, sizeof block) != AE_ERROR_NO_SPACE ||
        !error_starts_with("precious: "))
        return 2;
    (void)aei_fail(AE_ERROR_DATA, "something else");
    if (aei_file_print(file, "%d", 1) != AE_ERROR_NO_SPACE)
        return 3;
    if (aei_file_commit(file) != AE_ERROR_NO_SPACE || !error_starts_with("precious: "))
        return 4;
    return holds("precious", "old text") && count_entries(".") == 1 ? 0 : 5;
}

/* Less than a buffer is noticed at commit only. */
static int overfill_at_commit(void)
{
    static const char block[60000];
    aei_file *file;
    if (aei_file_create(&file, "precious") != AE_OK ||
        aei_file_write(file, block, sizeof block) != AE_OK)
        return 6;
    if (aei_file_commit(file) != AE_ERROR_NO_SPACE)
        return 7;
    return holds("precious", "old text") && count_entries(".") == 1 ? 0 : 8;
}

static int overfill_the_limit(void)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){40000, 40000}) != 0)
        return SKIPPED;
    int result = overfill();
    return result != 0 ? result : overfill_at_commit();
}

/* A file system of 40 kB that only this child sees; mounting it may not be permitted. */
static int overfill_a_small_disk(void)
{
    if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
        return SKIPPED;
    (void)mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL);
    if (mount("tmpfs", "disk", "tmpfs", 0, "size=40k") != 0 || chdir("disk") != 0)
        return SKIPPED;
    FILE *old = fopen("precious", "w");
    if (old == NULL || fputs("old text", old) < 0 || fclose(old) != 0)
        return SKIPPED;
    int result = overfill();
    return result != 0 ? result : overfill_at_commit();
}

START_TEST(a_full_disk_keeps_the_old_file)
{
    put("precious", "old text");
    int result = in_child(overfill_the_limit);
    ck_assert_msg(result == 0 || result == SKIPPED, "the child ended with %d", result);
    ck_assert_int_eq(mkdir("disk", 0700), 0);
    result = in_child(overfill_a_small_disk);
    ck_assert_msg(result == 0 || result == SKIPPED, "the child with its own disk ended with %d",
                  result);
}
END_TEST

static int killed_while_writing(void)
{
    static const char block[BIG];
    aei_file *file;
    if (aei_file_create(&file, "precious") != AE_OK ||
        aei_file_write(file, block, sizeof block) != AE_OK)
        return 1;
    (void)raise(SIGKILL);
    return 2;
}

START_TEST(a_kill_while_writing_keeps_the_old_file)
{
    put("precious", "old text");
    ck_assert_int_eq(in_child(killed_while_writing), -1);
    ck_assert(holds("precious", "old text"));
    ck_assert_int_eq(replace("precious", "new text"), AE_OK);
    ck_assert(holds("precious", "new text"));
}
END_TEST

START_TEST(printed_text_may_be_longer_than_any_buffer)
{
    static char lengthy[100001];
    aei_file *file;
    memset(lengthy, 'y', sizeof lengthy - 1);
    ck_assert_int_eq(aei_file_create(&file, "text"), AE_OK);
    ck_assert_int_eq(aei_file_print(file, "%s", lengthy), AE_OK);
    ck_assert_int_eq(aei_file_print(file, "%s", ""), AE_OK);
    ck_assert_int_eq(aei_file_print(file, "%.511s", lengthy), AE_OK);
    ck_assert_int_eq(aei_file_print(file, "%.512s|%d\n", lengthy, 42), AE_OK);
    ck_assert_int_eq(aei_file_commit(file), AE_OK);
    void *data;
    size_t size;
    ck_assert_int_eq(aei_file_read(&data, &size, "text", SIZE_MAX), AE_OK);
    ck_assert_uint_eq(size, 100000 + 511 + 512 + 4);
    ck_assert_mem_eq((char *)data + size - 5, "y|42\n", 5);
    free(data);
}
END_TEST

static void check_doubles(void)
{
    static const double values[] = {0.0,
                                    -0.0,
                                    1.0,
                                    0.1,
                                    1.0 / 3,
                                    -2.5e-300,
                                    5e-324,
                                    1.7976931348623157e308,
                                    123456.789,
                                    1e21,
                                    1e-5,
                                    0.1f,
                                    16777217.0,
                                    3.973,
                                    -1234567890123.0};
    char text[32];
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        ck_assert_ptr_eq(aei_format_double(text, sizeof text, values[i]), text);
        ck_assert_uint_eq(strspn(text, "+-.0123456789e"), strlen(text));
        for (char *point = strchr(text, '.'); point != NULL; point = NULL)
            (void)memmove(point, localeconv()->decimal_point,
                          1); /* one byte in the locales below */
        double back = strtod(text, NULL);
        ck_assert_mem_eq(&back, &values[i], sizeof back);
    }
    ck_assert_str_eq(aei_format_double(text, sizeof text, 3.973), "3.973");
    ck_assert_str_eq(aei_format_double(text, sizeof text, 0.1), "0.1");
    ck_assert_str_eq(aei_format_double(text, sizeof text, 1.0 / 3), "0.33333333333333331");
    ck_assert_str_eq(aei_format_double(text, sizeof text, -1e300), "-1e+300");
    ck_assert_str_eq(aei_format_double(text, sizeof text, (double)NAN), "null");
    ck_assert_str_eq(aei_format_double(text, sizeof text, (double)-INFINITY), "null");
}

START_TEST(doubles_have_a_point_and_read_back_in_every_locale)
{
    static const char *const names[] = {"C",     "de_DE.UTF-8", "fr_FR.UTF-8",
                                        "de_DE", "es_ES.UTF-8", "pl_PL.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (setlocale(LC_NUMERIC, names[i]) != NULL)
            check_doubles();
    (void)setlocale(LC_NUMERIC, "C");
}
END_TEST

Suite *base_suite(void)
{
    Suite *suite = suite_create("base");
    TCase *memory = tcase_create("memory");
    tcase_add_test(memory, arena_counts_then_gives_aligned_zeroed_arrays_in_the_same_places);
    tcase_add_test(memory, arena_refuses_sizes_beyond_the_address_space);
    tcase_add_test(memory, error_text_is_cut_to_its_room_and_can_be_put_in_context);
    tcase_add_test(memory, options_of_other_versions_are_read_as_far_as_both_know_them);
    tcase_add_test(memory, options_without_a_size_are_refused);
    tcase_add_test(memory, results_never_exceed_the_callers_struct);
    suite_add_tcase(suite, memory);
    TCase *random = tcase_create("random");
    tcase_set_timeout(random, 60);
    tcase_add_test(random, philox_gives_its_authors_known_answers);
    tcase_add_test(random, random_blocks_depend_on_every_part_of_their_place);
    tcase_add_test(random, blocks_side_by_side_are_blocks_one_by_one);
    tcase_add_test(random, uniform_and_normal_have_their_moments);
    tcase_add_test(random, permutations_are_complete_and_even);
    suite_add_tcase(suite, random);
    TCase *processor = tcase_create("processor");
    tcase_add_checked_fixture(processor, enter_folder, leave_folder);
    tcase_add_test(processor, team_runs_work_in_every_thread);
    tcase_add_test(processor, isa_levels_include_what_they_build_on);
    tcase_add_test(processor, isa_can_be_capped_by_name);
    tcase_add_test(processor, quota_text_is_rounded_up_to_processors);
    tcase_add_test(processor, smallest_quota_on_the_way_up_counts);
    tcase_add_test(processor, version_1_quota_is_found_under_its_controller);
    tcase_add_test(processor, cores_follow_the_affinity);
    suite_add_tcase(suite, processor);
    TCase *files = tcase_create("files");
    tcase_set_timeout(files, 60);
    tcase_add_checked_fixture(files, enter_folder, leave_folder);
    tcase_add_test(files, files_of_every_length_come_back_as_written);
    tcase_add_test(files, reading_refuses_what_is_not_a_file_or_too_long);
    tcase_add_test(files, nothing_is_seen_before_commit_and_discard_leaves_no_trace);
    tcase_add_test(files, two_writers_of_one_path_do_not_mix);
    tcase_add_test(files, the_target_is_fixed_when_the_file_is_created);
    tcase_add_test(files, modes_follow_the_umask_or_the_old_file);
    tcase_add_test(files, symbolic_links_are_followed_even_when_nothing_is_there_yet);
    tcase_add_test(files, impossible_targets_are_refused_by_name);
    tcase_add_test(files, a_failed_rename_removes_the_temporary_file);
    tcase_add_test(files, missing_permissions_are_named_and_change_nothing);
    tcase_add_test(files, a_full_disk_keeps_the_old_file);
    tcase_add_test(files, a_kill_while_writing_keeps_the_old_file);
    tcase_add_test(files, printed_text_may_be_longer_than_any_buffer);
    tcase_add_test(files, doubles_have_a_point_and_read_back_in_every_locale);
    suite_add_tcase(suite, files);
    return suite;
}
