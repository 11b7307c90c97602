/* SPDX-License-Identifier: BSD-3-Clause */
#define _XOPEN_SOURCE 700 /* mkdtemp, nftw */
#include "support.h"

#include "base/unconst.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATHS = 8, MOST_SKIPS = 16 };

static char folder[PATH_MAX];
static pid_t folder_owner; /* a forked test makes a folder of its own */

int support_contains(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

const char *support_dir(void)
{
    if (folder_owner == getpid())
        return folder;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/libae-test-XXXXXX",
             base != NULL && base[0] != '\0' ? base : "/tmp");
    if (mkdtemp(folder) == NULL) /* a passing assertion is an error while no test runs */
        ck_abort_msg("mkdtemp %s: %s", folder, strerror(errno));
    folder_owner = getpid();
    return folder;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

void support_dir_remove(void)
{
    if (folder_owner != getpid())
        return;
    (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    folder_owner = 0;
}

static char home[PATH_MAX];

void support_dir_enter(void)
{
    ck_assert_ptr_nonnull(getcwd(home, sizeof home));
    ck_assert_int_eq(chdir(support_dir()), 0);
}

void support_dir_leave(void)
{
    ck_assert_int_eq(chdir(home), 0);
    support_dir_remove();
}

size_t support_entries(const char *path)
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

static const char *join(const char *directory, const char *name)
{
    static char paths[PATHS][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % PATHS];
    if (snprintf(path, PATH_MAX, "%s/%s", directory, name) >= PATH_MAX)
        path[0] = '\0'; /* leads nowhere */
    return path;
}

const char *support_path(const char *name)
{
    return join(support_dir(), name);
}

const char *support_source(const char *name)
{
    return join(TESTS_DIR, name);
}

void support_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    size_t written = size == 0 ? 0 : fwrite(data, 1, size, file);
    ck_assert_msg(fclose(file) == 0 && written == size, "%s: %s", path, strerror(errno));
}

void support_put(const char *path, const char *text)
{
    support_write(path, text, strlen(text));
}

int support_holds(const char *path, const char *text)
{
    size_t size;
    unsigned char *data = support_read(path, &size);
    const int same = size == strlen(text) && memcmp(data, text, size) == 0;
    free(data);
    return same;
}

void support_replace(unsigned char *data, size_t size, const char *old, const char *new)
{
    const size_t length = strlen(old);
    ck_assert_uint_le(strlen(new), length);
    for (size_t i = 0; i + length <= size; i++)
        if (memcmp(data + i, old, length) == 0) {
            memset(data + i, ' ', length);
            memcpy(data + i, new, strlen(new));
            return;
        }
    ck_abort_msg("no %s in the file", old);
}

unsigned char *support_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    size_t used = 0, room = 4096;
    unsigned char *data = malloc(room + 1);
    while (data != NULL) {
        used += fread(data + used, 1, room - used, file);
        if (used < room)
            break;
        room *= 2;
        data = realloc(data, room + 1);
    }
    ck_assert_ptr_nonnull(data);
    ck_assert_msg(ferror(file) == 0, "%s: cannot be read", path);
    fclose(file);
    data[used] = 0;
    if (size != NULL)
        *size = used;
    return data;
}

int support_set_locale(const char *name)
{
    char command[8192];
    /* The shell sees the folder as a variable, whatever is in its name. */
    const int known = setenv("LOCPATH", support_dir(), 1) == 0;
    snprintf(command, sizeof command,
             "localedef -i %s -f UTF-8 \"$LOCPATH/%s.UTF-8\" >/dev/null 2>&1", name, name);
    const int made = known && system(command) >= 0;
    snprintf(command, sizeof command, "%s.UTF-8", name);
    const int set = made && setlocale(LC_ALL, command) != NULL;
    (void)unsetenv("LOCPATH");
    return (set || setlocale(LC_ALL, command) != NULL) &&
           strcmp(localeconv()->decimal_point, ".") != 0;
}

int support_in_child(int (*function)(void *), void *argument)
{
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0)
        _exit(function(argument));
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

typedef struct limited {
    size_t bytes;
    int (*function)(void *);
    void *argument;
} limited;

static int run_limited(void *argument)
{
    const limited *l = argument;
    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){l->bytes, l->bytes}) != 0)
        return 255;
    return l->function(l->argument);
}

int support_in_child_with_file_limit(size_t bytes, int (*function)(void *), void *argument)
{
    return support_in_child(run_limited, &(limited){bytes, function, argument});
}

static int try_locale(void *name)
{
    const int set = support_set_locale(name);
    support_dir_remove();
    return !set;
}

const char *support_no_locale(const char *name)
{
    return support_in_child(try_locale, aei_unconst(name)) == 0
               ? NULL
               : "no locale whose decimal point is none, and no localedef to make one";
}

/* One for each thing that is missing. Suites are made before any test runs, in the one process that
 * prints. */
static struct skip {
    const char *missing;
    int checks;
    char tests[2048];
} skips[MOST_SKIPS];

void support_skip(const char *test, int checks, const char *missing)
{
    struct skip *skip = skips;
    while (skip->missing != NULL && strcmp(skip->missing, missing) != 0)
        if (++skip == skips + MOST_SKIPS)
            abort();
    const size_t used = strlen(skip->tests);
    if (strstr(skip->tests, test) == NULL)
        (void)snprintf(skip->tests + used, sizeof skip->tests - used, "%s%s", used == 0 ? "" : ", ",
                       test);
    skip->missing = missing;
    skip->checks += checks;
}

void support_print_skipped(void)
{
    for (size_t i = 0; i < MOST_SKIPS && skips[i].missing != NULL; i++)
        printf("skipped %d checks: %s (%s)\n", skips[i].checks, skips[i].missing, skips[i].tests);
}

const char *support_no_mnist(void)
{
    return ae_test_data_dir() != NULL ? NULL : "AE_DATA_DIR does not lead to MNIST's files";
}

const char *ae_test_data_dir(void)
{
    static const char *const names[] = {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
                                        "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"};
    const char *directory = getenv("AE_DATA_DIR");
    if (directory == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (access(join(directory, names[i]), R_OK) != 0)
            return NULL;
    return directory;
}

int support_slow_arithmetic(void)
{
    return getenv("AE_TEST_SLOW") != NULL;
}

int support_slow(void)
{
    return support_slow_arithmetic() && strcmp(getenv("AE_TEST_SLOW"), "sanitizers") != 0;
}

static atomic_size_t allocations;
static atomic_size_t countdown; /* to the allocation that fails; 0 when none does */
static atomic_int failed, all_later;

size_t support_allocations(void)
{
    return atomic_load(&allocations);
}

void support_fail_allocation(size_t n)
{
    atomic_store(&failed, 0);
    atomic_store(&all_later, 0);
    atomic_store(&countdown, n);
}

void support_fail_later_allocations(int wanted)
{
    atomic_store(&all_later, wanted);
}

int support_allocation_failed(void)
{
    return atomic_load(&failed);
}

/* Count one allocation; true when it is the one that fails. */
static int allocate(void)
{
    atomic_fetch_add(&allocations, 1);
    size_t left = atomic_load(&countdown);
    while (left != 0 && !atomic_compare_exchange_weak(&countdown, &left, left - 1))
        ;
    if (left != 1 && !(left == 0 && atomic_load(&failed) && atomic_load(&all_later)))
        return 0;
    atomic_store(&failed, 1);
    errno = ENOMEM;
    return 1;
}

/* Bytes that the library holds, and the most since somebody has asked. Blocks that others have made
 * and the library frees make it less than 0. */
static atomic_ptrdiff_t held, most, watched_from;

static void *hold(void *block)
{
    const ptrdiff_t size = block == NULL ? 0 : (ptrdiff_t)malloc_usable_size(block);
    const ptrdiff_t now = atomic_fetch_add(&held, size) + size;
    ptrdiff_t before = atomic_load(&most);
    while (before < now && !atomic_compare_exchange_weak(&most, &before, now))
        ;
    return block;
}

static void let_go(void *block)
{
    if (block != NULL)
        atomic_fetch_sub(&held, (ptrdiff_t)malloc_usable_size(block));
}

void support_watch_memory(void)
{
    atomic_store(&watched_from, atomic_load(&held));
    atomic_store(&most, atomic_load(&held));
}

size_t support_most_memory(void)
{
    return (size_t)(atomic_load(&most) - atomic_load(&watched_from));
}

ptrdiff_t support_held_memory(void)
{
    return atomic_load(&held);
}

/* The build sends the library's calls here (mk/check.mk); the names are the linker's. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **block, size_t alignment, size_t size);
void __wrap_free(void *block);

void *__wrap_malloc(size_t size)
{
    return allocate() ? NULL : hold(malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return allocate() ? NULL : hold(calloc(count, size));
}

/* While a block moves both are there. */
void *__wrap_realloc(void *block, size_t size)
{
    if (allocate())
        return NULL;
    const ptrdiff_t before = block == NULL ? 0 : (ptrdiff_t)malloc_usable_size(block);
    void *grown = realloc(block, size);
    if (grown == NULL)
        return NULL;
    hold(grown);
    atomic_fetch_sub(&held, before);
    return grown;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return allocate() ? NULL : hold(aligned_alloc(alignment, size));
}

int __wrap_posix_memalign(void **block, size_t alignment, size_t size)
{
    if (allocate())
        return ENOMEM;
    const int status = posix_memalign(block, alignment, size);
    if (status == 0)
        hold(*block);
    return status;
}

void __wrap_free(void *block)
{
    let_go(block);
    free(block);
}
