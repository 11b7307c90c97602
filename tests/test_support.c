/* SPDX-License-Identifier: BSD-3-Clause */
/* The helpers that other suites stand on. */
#include "base/arena.h"
#include "suites.h"
#include "support.h"

#include <libae/libae.h>
#include <stdio.h>
#include <stdlib.h>

START_TEST(temporary_files_come_back_as_written_and_go_away)
{
    const char *path = support_path("data");
    support_write(path, "a\0b", 3);
    size_t size;
    unsigned char *data = support_read(path, &size);
    ck_assert_uint_eq(size, 3);
    ck_assert_mem_eq(data, "a\0b", 4);
    free(data);
    support_dir_remove();
    ck_assert_ptr_null(fopen(path, "rb"));
}
END_TEST

START_TEST(only_the_librarys_allocations_are_counted_and_fail)
{
    aei_arena arena = {0};
    (void)aei_arena_take(&arena, 10, sizeof(float));
    size_t before = support_allocations();
    void *mine = malloc(1);
    ck_assert_ptr_nonnull(mine);
    free(mine);
    ck_assert_uint_eq(support_allocations(), before);

    support_fail_allocation(1);
    ck_assert_int_eq(support_allocation_failed(), 0);
    ck_assert_status(aei_arena_allocate(&arena), AE_ERROR_OUT_OF_MEMORY, "out of memory");
    ck_assert_int_eq(support_allocation_failed(), 1);
    ck_assert_uint_eq(support_allocations(), before + 1);

    ck_assert_ok(aei_arena_allocate(&arena));
    ck_assert_uint_eq(support_allocations(), before + 2);
    aei_arena_free(&arena);
}
END_TEST

Suite *support_suite(void)
{
    Suite *suite = suite_create("support");
    TCase *tcase = tcase_create("support");
    tcase_add_test(tcase, temporary_files_come_back_as_written_and_go_away);
    tcase_add_test(tcase, only_the_librarys_allocations_are_counted_and_fail);
    suite_add_tcase(suite, tcase);
    return suite;
}
