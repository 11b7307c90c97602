/* SPDX-License-Identifier: BSD-3-Clause */
/* Options and results of programs that were compiled against an older or a newer header. */
#include "base/options.h"
#include "suites.h"
#include "support.h"

#include <libae/libae.h>
#include <string.h>

typedef struct older {
    size_t size;
    int first;
} older;

typedef struct newer {
    size_t size;
    int first;
    int second;
    size_t third;
} newer;

START_TEST(options_of_an_older_program_leave_new_fields_at_their_defaults)
{
    newer mine;
    ck_assert_ok(aei_options_read(&mine, sizeof mine, &(older){.size = sizeof(older), .first = 7},
                                  "options"));
    ck_assert_uint_eq(mine.size, sizeof mine);
    ck_assert_int_eq(mine.first, 7);
    ck_assert_uint_eq(mine.third, 0);
    memset(&mine, 1, sizeof mine);
    ck_assert_ok(aei_options_read(&mine, sizeof mine, NULL, "options"));
    ck_assert_int_eq(mine.first, 0);
    ck_assert_uint_eq(mine.third, 0);
}
END_TEST

START_TEST(options_of_a_newer_program_pass_unless_they_ask_for_something_new)
{
    older mine;
    newer theirs;
    memset(&theirs, 0, sizeof theirs); /* padding too: its bytes count */
    theirs.size = sizeof theirs;
    theirs.first = 7;
    ck_assert_ok(aei_options_read(&mine, sizeof mine, &theirs, "options"));
    ck_assert_int_eq(mine.first, 7);
    theirs.third = 1;
    ck_assert_status(aei_options_read(&mine, sizeof mine, &theirs, "options"), AE_ERROR_UNSUPPORTED,
                     "newer");
}
END_TEST

START_TEST(options_without_a_size_are_refused)
{
    older mine;
    ck_assert_status(aei_options_read(&mine, sizeof mine, &(older){.size = 0}, "adam"),
                     AE_ERROR_INVALID_ARGUMENT, "adam.size is 0");
    ck_assert_status(aei_options_read(&mine, sizeof mine, &(older){.size = SIZE_MAX}, "adam"),
                     AE_ERROR_INVALID_ARGUMENT, "adam.size");
}
END_TEST

START_TEST(a_result_is_written_as_far_as_its_size_says)
{
    newer mine = {.size = sizeof mine, .first = 1, .second = 2, .third = 3};
    newer theirs = {.size = offsetof(newer, third), .third = 99};
    ck_assert_ok(aei_result_write(&theirs, &mine, sizeof mine, "info"));
    ck_assert_int_eq(theirs.second, 2);
    ck_assert_uint_eq(theirs.third, 99);
    ck_assert_uint_eq(theirs.size, offsetof(newer, third));
    theirs.size = sizeof theirs;
    ck_assert_ok(aei_result_write(&theirs, &(older){.first = 8}, sizeof(older), "info"));
    ck_assert_int_eq(theirs.first, 8);
    ck_assert_uint_eq(theirs.third, 99);
    ck_assert_uint_eq(theirs.size, sizeof theirs);
    theirs.size = 0;
    ck_assert_status(aei_result_write(&theirs, &mine, sizeof mine, "info"),
                     AE_ERROR_INVALID_ARGUMENT, "info.size");
}
END_TEST

START_TEST(reserved_fields_and_unknown_enumerators_are_refused_by_name)
{
    ck_assert_ok(aei_check_reserved(0, "adam"));
    ck_assert_status(aei_check_reserved(1, "adam"), AE_ERROR_UNSUPPORTED, "adam.reserved");
    ck_assert_ok(aei_check_enum(0, 3, "cost", "ae_cost"));
    ck_assert_ok(aei_check_enum(3, 3, "cost", "ae_cost"));
    ck_assert_status(aei_check_enum(4, 3, "cost", "ae_cost"), AE_ERROR_INVALID_ARGUMENT,
                     "cost is 4, not an ae_cost");
    ck_assert_status(aei_check_enum(-1, 3, "cost", "ae_cost"), AE_ERROR_INVALID_ARGUMENT, "-1");
}
END_TEST

Suite *options_suite(void)
{
    Suite *suite = suite_create("options");
    TCase *tcase = tcase_create("options");
    tcase_add_test(tcase, options_of_an_older_program_leave_new_fields_at_their_defaults);
    tcase_add_test(tcase, options_of_a_newer_program_pass_unless_they_ask_for_something_new);
    tcase_add_test(tcase, options_without_a_size_are_refused);
    tcase_add_test(tcase, a_result_is_written_as_far_as_its_size_says);
    tcase_add_test(tcase, reserved_fields_and_unknown_enumerators_are_refused_by_name);
    suite_add_tcase(suite, tcase);
    return suite;
}
