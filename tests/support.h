/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <check.h>
#include <libae/status.h>
#include <stddef.h>
#include <stdint.h>

/* What the suites share. Helpers that cannot do their work fail the test that called them. */

/* The call succeeds; if not, its status and error text are shown. */
#define ck_assert_ok(call)                                                                      \
    do {                                                                                        \
        ae_status ck_ok_status = (call);                                                        \
        ck_assert_msg(ck_ok_status == AE_OK, "%s: %s: %s", #call, ae_status_name(ck_ok_status), \
                      ae_last_error());                                                         \
    } while (0)

/* The call fails with this status, and the error text contains this part. */
#define ck_assert_status(call, status, part)                                                       \
    do {                                                                                           \
        ae_status ck_status = (call);                                                              \
        ck_assert_msg(ck_status == (status), "%s: %s expected, %s found (%s)", #call,              \
                      ae_status_name(status), ae_status_name(ck_status), ae_last_error());         \
        ck_assert_msg(support_contains(ae_last_error(), (part)), "%s: no \"%s\" in \"%s\"", #call, \
                      (part), ae_last_error());                                                    \
    } while (0)

int support_contains(const char *text, const char *part);

/*
 * A folder for one test's files, below $TMPDIR or /tmp. The calling process removes it, with all
 * that is in it, in support_dir_remove, which also suits tcase_add_checked_fixture's teardown.
 */
const char *support_dir(void);
void support_dir_remove(void);

/* The path of a file in support_dir(). The text lives until the eighth call from now. */
const char *support_path(const char *name);

/* The path of a file that comes with the tests: support_source("golden/tiny_adam.txt"). Same
 * lifetime. */
const char *support_source(const char *name);

/* Checked fixtures for tests of short names: the working folder is an empty support_dir(). */
void support_dir_enter(void);
void support_dir_leave(void);

/* The entries of a folder; 0 if there is none. */
size_t support_entries(const char *path);

/* Write a whole file; the second writes a text. */
void support_write(const char *path, const void *data, size_t size);
void support_put(const char *path, const char *text);

/* The first `old` in a file's bytes becomes `new`, which is no longer, and blanks behind it. */
void support_replace(unsigned char *data, size_t size, const char *old, const char *new);

/* A whole file, which the caller frees; one zero byte follows the contents. size may be NULL. */
unsigned char *support_read(const char *path, size_t *size);

/*
 * A locale whose decimal point is none, made here where the system has localedef and its sources:
 * "de_DE" has a comma, "ps_AF" two bytes. 0: it cannot be had, which support_no_locale() says as
 * support_add_test wants it.
 */
int support_set_locale(const char *name);
const char *support_no_locale(const char *name);

/* Whether a file holds this text and nothing else. */
int support_holds(const char *path, const char *text);

/* Run function in a child process; its exit status, or -1 when a signal ended it. */
int support_in_child(int (*function)(void *), void *argument);

/* The same where no file may grow beyond `bytes`, which stands in for a full disk: both cut a write
 * short. */
int support_in_child_with_file_limit(size_t bytes, int (*function)(void *), void *argument);

/*
 * Add a test, or a loop of them, to a test case unless something is missing here: a text says what,
 * NULL means nothing. A test that is left out counts as neither passed nor failed, and the runner
 * says so in front of Check's summary.
 */
#define support_add_loop_test(tcase, test, start, end, missing)          \
    do {                                                                 \
        const char *add_missing = (missing);                             \
        if (add_missing == NULL)                                         \
            tcase_add_loop_test(tcase, test, start, end);                \
        else                                                             \
            support_skip(#test, (int)(end) - (int)(start), add_missing); \
    } while (0)
#define support_add_test(tcase, test, missing) support_add_loop_test(tcase, test, 0, 1, missing)

void support_skip(const char *test, int checks, const char *missing);

/* Print what was left out, one line for each thing that is missing. */
void support_print_skipped(void);

/* The folder of $AE_DATA_DIR if MNIST's four .gz files are there, or NULL; support_no_mnist() is
 * what support_add_test takes. */
const char *ae_test_data_dir(void);
const char *support_no_mnist(void);

/*
 * Whether the tests run many times slower than usual (AE_TEST_SLOW: valgrind, qemu): shorten loops
 * then, keep the point. Under AE_TEST_SLOW=sanitizers only loops of long arithmetic are shortened,
 * where support_slow_arithmetic() holds; bytes of files are tried as often as ever.
 */
int support_slow(void);
int support_slow_arithmetic(void);

/*
 * Allocations that the library has made in this process so far: malloc, calloc, realloc,
 * aligned_alloc and posix_memalign in lib/ itself; those of the tests, Check and zlib do
 * not count.
 */
size_t support_allocations(void);

/*
 * The most memory that these allocations have held at once since support_watch_memory, in bytes
 * beyond what they held then.
 */
void support_watch_memory(void);
size_t support_most_memory(void);

/* What the library's allocations hold now, as far as they know: see support.c. */
ptrdiff_t support_held_memory(void);

/*
 * Make the n-th allocation of the library from now on fail, once; 1 is the next one, 0 switches
 * this off. support_allocation_failed() says whether that happened since.
 */
void support_fail_allocation(size_t n);
int support_allocation_failed(void);

/* Called behind support_fail_allocation: all allocations after the n-th fail too. */
void support_fail_later_allocations(int wanted);

#endif
