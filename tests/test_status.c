/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/arena.h"
#include "base/error.h"
#include "base/options.h"
#include "suites.h"
#include "support.h"

#include <libae/libae.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(every_status_has_its_name_and_a_message)
{
#define CHECK_STATUS(name, value, message)         \
    ck_assert_int_eq(name, value);                 \
    ck_assert_str_eq(ae_status_name(name), #name); \
    ck_assert_str_eq(ae_status_message(name), message);
    AE_STATUS_LIST(CHECK_STATUS)
#undef CHECK_STATUS
}
END_TEST

START_TEST(a_value_outside_the_list_still_has_a_text)
{
    ck_assert_str_eq(ae_status_name((ae_status)-1000), "AE_STATUS_UNKNOWN");
    ck_assert_str_eq(ae_status_message((ae_status)1), "unknown status");
}
END_TEST

START_TEST(the_error_text_is_empty_at_first_and_then_the_last_failure)
{
    ck_assert_str_eq(ae_last_error(), "");
    ck_assert_int_eq(aei_fail(AE_ERROR_SHAPE, "layer %d: width %d", 3, 0), AE_ERROR_SHAPE);
    ck_assert_str_eq(ae_last_error(), "layer 3: width 0");
    ck_assert_int_eq(aei_fail_within(AE_ERROR_IO, "%s", "model.safetensors"), AE_ERROR_IO);
    ck_assert_str_eq(ae_last_error(), "model.safetensors: layer 3: width 0");
}
END_TEST

START_TEST(a_long_error_text_is_cut_at_511_bytes)
{
    char text[700];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)aei_fail(AE_ERROR_IO, "%s", text);
    ck_assert_uint_eq(strlen(ae_last_error()), 511);
    (void)aei_fail_within(AE_ERROR_IO, "in front");
    ck_assert_uint_eq(strlen(ae_last_error()), 511);
    ck_assert_int_eq(strncmp(ae_last_error(), "in front: xxx", 13), 0);
    (void)aei_fail_within(AE_ERROR_IO, "%s", text);
    ck_assert_uint_eq(strlen(ae_last_error()), 511);
}
END_TEST

static void *fail_in_a_thread(void *unused)
{
    (void)unused;
    const char *before = ae_last_error();
    int empty = before[0] == '\0';
    (void)aei_fail(AE_ERROR_THREAD, "the other thread's");
    return empty ? NULL : "not empty";
}

START_TEST(each_thread_has_its_own_error_text)
{
    (void)aei_fail(AE_ERROR_DATA, "this thread's");
    pthread_t thread;
    void *result = "not run";
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_in_a_thread, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_null(result);
    ck_assert_str_eq(ae_last_error(), "this thread's");
}
END_TEST

START_TEST(the_version_is_the_headers)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", AE_VERSION_MAJOR, AE_VERSION_MINOR, AE_VERSION_PATCH);
    ck_assert_str_eq(ae_version_string(), text);
    ck_assert_str_eq(AE_VERSION_STRING, text);
    ck_assert_int_eq(ae_version_number(), AE_VERSION_NUMBER);
}
END_TEST

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
    theirs.size = 0;
    ck_assert_status(aei_result_write(&theirs, &mine, sizeof mine, "info"),
                     AE_ERROR_INVALID_ARGUMENT, "info.size");
}
END_TEST

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

Suite *status_suite(void)
{
    Suite *suite = suite_create("status");
    TCase *status = tcase_create("status");
    tcase_add_test(status, every_status_has_its_name_and_a_message);
    tcase_add_test(status, a_value_outside_the_list_still_has_a_text);
    tcase_add_test(status, the_error_text_is_empty_at_first_and_then_the_last_failure);
    tcase_add_test(status, a_long_error_text_is_cut_at_511_bytes);
    tcase_add_test(status, each_thread_has_its_own_error_text);
    tcase_add_test(status, the_version_is_the_headers);
    suite_add_tcase(suite, status);
    TCase *structs = tcase_create("structs");
    tcase_add_test(structs, options_of_an_older_program_leave_new_fields_at_their_defaults);
    tcase_add_test(structs, options_of_a_newer_program_pass_unless_they_ask_for_something_new);
    tcase_add_test(structs, options_without_a_size_are_refused);
    tcase_add_test(structs, a_result_is_written_as_far_as_its_size_says);
    suite_add_tcase(suite, structs);
    TCase *support = tcase_create("support");
    tcase_add_test(support, temporary_files_come_back_as_written_and_go_away);
    tcase_add_test(support, only_the_librarys_allocations_are_counted_and_fail);
    suite_add_tcase(suite, support);
    return suite;
}
