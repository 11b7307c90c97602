/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole files; reading from front to back and maps are tested by the readers of formats. */
#include "base/input.h"

#include "suites.h"
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

START_TEST(reading_refuses_what_is_not_a_file_or_too_long)
{
    void *data = NULL;
    size_t size = 99;
    ck_assert_status(aei_file_read(&data, &size, "absent", 10), AE_ERROR_NOT_FOUND, "absent: ");
    ck_assert_ptr_nonnull(strstr(ae_last_error(), strerror(ENOENT)));
    ck_assert_int_eq(aei_file_read(&data, &size, "", 10), AE_ERROR_NOT_FOUND);
    ck_assert_status(aei_file_read(&data, &size, ".", 10), AE_ERROR_IO, ".: is a folder");
    ck_assert_int_eq(aei_file_read(&data, &size, "/dev/zero", 10), AE_ERROR_IO);
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    ck_assert_int_eq(aei_file_read(&data, &size, "pipe", 10), AE_ERROR_IO);
    support_put("eleven", "12345678901");
    ck_assert_status(aei_file_read(&data, &size, "eleven", 10), AE_ERROR_FORMAT,
                     "eleven: 11 bytes");
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

Suite *input_suite(void)
{
    Suite *suite = suite_create("input");
    TCase *tcase = tcase_create("input");
    tcase_add_checked_fixture(tcase, support_dir_enter, support_dir_leave);
    tcase_add_test(tcase, reading_refuses_what_is_not_a_file_or_too_long);
    suite_add_tcase(suite, tcase);
    return suite;
}
