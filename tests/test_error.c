/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/error.h"
#include "suites.h"
#include "support.h"

#include <libae/libae.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
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

START_TEST(an_error_text_has_no_control_characters_and_is_utf8)
{
    (void)aei_fail(AE_ERROR_IO, "a\nb\033[2J\x7F\xFF \xC2\x9B K\xC3\xA4se");
    ck_assert_str_eq(ae_last_error(), "a b?[2J?? ?? K\xC3\xA4se");
    (void)aei_fail_within(AE_ERROR_IO, "%s", "\033\xC3");
    ck_assert_str_eq(ae_last_error(), "??: a b?[2J?? ?? K\xC3\xA4se");
}
END_TEST

START_TEST(a_long_error_text_is_cut_at_511_bytes)
{
    char text[700];
    memset(text, '-', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)aei_fail(AE_ERROR_IO, "%s", text);
    ck_assert_uint_eq(strlen(ae_last_error()), 511);
    (void)aei_fail_within(AE_ERROR_IO, "in front");
    ck_assert_uint_eq(strlen(ae_last_error()), 511);
    ck_assert_int_eq(strncmp(ae_last_error(), "in front: ---", 13), 0);
    (void)aei_fail_within(AE_ERROR_IO, "%s", text);
    ck_assert_uint_eq(strlen(ae_last_error()), 511);
    ck_assert_int_eq(aei_fail_memory(12), AE_ERROR_OUT_OF_MEMORY);
    ck_assert_str_eq(ae_last_error(), "out of memory: 12 bytes");
}
END_TEST

/* Characters of two, three and four bytes at every place where the cut may fall. */
START_TEST(a_cut_text_ends_with_a_whole_character)
{
    static const char *const characters[] = {"\xC3\xB6", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (size_t i = 0; i < 3; i++) {
        const size_t length = strlen(characters[i]);
        for (size_t shift = 0; shift < length; shift++) {
            char text[700] = "";
            memset(text, 'x', shift);
            for (size_t at = shift; at + length < sizeof text; at += length)
                memcpy(text + at, characters[i], length);
            (void)aei_fail(AE_ERROR_IO, "%s", text);
            ck_assert_uint_eq(strlen(ae_last_error()), 511 - (511 - shift) % length);
            (void)aei_fail_within(AE_ERROR_IO, "a");
            ck_assert_uint_eq(strlen(ae_last_error()), 511 - (511 - 3 - shift) % length);
        }
    }
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

/* A program in a locale with another decimal point gets the same texts, and keeps its locale. */
START_TEST(numbers_have_a_point_in_every_locale)
{
    ck_assert(support_set_locale("de_DE"));
    (void)aei_fail(AE_ERROR_DATA, "the value %g", 1.5);
    ck_assert_str_eq(ae_last_error(), "the value 1.5");
    (void)aei_fail_within(AE_ERROR_DATA, "column %.2f", 0.25);
    ck_assert_str_eq(ae_last_error(), "column 0.25: the value 1.5");
    ck_assert_str_ne(localeconv()->decimal_point, ".");
    ck_assert_ptr_nonnull(setlocale(LC_ALL, "C"));
}
END_TEST

START_TEST(a_nan_has_no_sign)
{
    (void)aei_fail(AE_ERROR_DATA, "row 3: %g, %g and x-nan", -NAN, -NAN);
    ck_assert_str_eq(ae_last_error(), "row 3: nan, nan and x-nan");
}
END_TEST

Suite *error_suite(void)
{
    Suite *suite = suite_create("error");
    TCase *tcase = tcase_create("error");
    tcase_add_test(tcase, a_nan_has_no_sign);
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    support_add_test(tcase, numbers_have_a_point_in_every_locale, support_no_locale("de_DE"));
    tcase_add_test(tcase, every_status_has_its_name_and_a_message);
    tcase_add_test(tcase, a_value_outside_the_list_still_has_a_text);
    tcase_add_test(tcase, the_error_text_is_empty_at_first_and_then_the_last_failure);
    tcase_add_test(tcase, an_error_text_has_no_control_characters_and_is_utf8);
    tcase_add_test(tcase, a_long_error_text_is_cut_at_511_bytes);
    tcase_add_test(tcase, a_cut_text_ends_with_a_whole_character);
    tcase_add_test(tcase, each_thread_has_its_own_error_text);
    tcase_add_test(tcase, the_version_is_the_headers);
    suite_add_tcase(suite, tcase);
    return suite;
}
