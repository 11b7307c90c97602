/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/text.h"

#include "suites.h"
#include "support.h"

#include <string.h>

static void assert_quoted(const char *foreign, const char *wanted)
{
    char quoted[AEI_QUOTE_SIZE];
    ck_assert_str_eq(aei_quote(quoted, foreign), wanted);
}

START_TEST(quoted_text_is_utf8_without_controls)
{
    assert_quoted("", "");
    assert_quoted("plain ~", "plain ~");
    assert_quoted("\x1b[2J\x7f\n", "?[2J??");
    assert_quoted("\xc2\x9b"
                  "2J \xc2\xa0",
                  "?2J \xc2\xa0"); /* U+009B starts a sequence, too */
    assert_quoted("K\xc3\xa4se \xe2\x82\xac", "K\xc3\xa4se \xe2\x82\xac");
    assert_quoted("\xff\xc3 \xe2\x82", "?? ??"); /* no UTF-8: a mark for each byte */
}
END_TEST

START_TEST(a_zero_byte_is_quoted_as_any_other)
{
    char quoted[AEI_QUOTE_SIZE];
    ck_assert_str_eq(aei_quote_bytes(quoted, "a\0b", 3), "a?b");
    ck_assert_str_eq(aei_quote_bytes(quoted, "abc", 2), "ab");
}
END_TEST

/* Whatever the length, the quote has its zero byte, and no character is cut in two. */
START_TEST(long_text_is_cut_between_characters)
{
    char quoted[AEI_QUOTE_SIZE + 1], text[3 * AEI_QUOTE_SIZE];
    for (size_t shift = 0; shift < 2; shift++) {
        for (size_t i = 0; i + 1 < sizeof text; i++)
            text[i] = (i + shift) % 2 == 0 ? '\xc3' : '\xa4';
        for (size_t size = 1; size < sizeof text; size++) {
            quoted[AEI_QUOTE_SIZE] = 'x';
            (void)aei_quote_bytes(quoted, text, size);
            ck_assert_int_eq(quoted[AEI_QUOTE_SIZE], 'x');
            const size_t length = strlen(quoted);
            ck_assert_uint_lt(length, AEI_QUOTE_SIZE);
            ck_assert_int_eq(strcmp(quoted + (length < 3 ? 0 : length - 3), "...") == 0, size > 60);
            for (size_t i = 0; i < length; i += quoted[i] == '\xc3' ? 2 : 1)
                ck_assert(quoted[i] != '\xa4');
        }
    }
}
END_TEST

static void assert_clean(const char *foreign, const char *wanted)
{
    char name[32];
    const size_t size = strlen(foreign);
    memcpy(name, foreign, size + 1);
    aei_clean(name, size);
    ck_assert_str_eq(name, wanted);
    ck_assert(aei_is_clean(wanted, size));
    ck_assert_int_eq(aei_is_clean(foreign, size), strcmp(foreign, wanted) == 0);
    ck_assert(aei_same_name(foreign, size, wanted, size));
    ck_assert(aei_same_name(wanted, size, foreign, size));
    ck_assert(!aei_same_name(wanted, size, foreign, size - 1));
    name[size - 1] = 'z';
    ck_assert(!aei_same_name(foreign, size, name, size));
}

START_TEST(clean_names_are_utf8_on_one_line)
{
    assert_clean("Temp\n[K]\t\r\n", "Temp [K]   ");
    assert_clean("\x1b[2J\x7f.", "?[2J?.");
    assert_clean("\xc2\x9b"
                 "2J",
                 "??2J");
    assert_clean("K\xc3\xa4se\xe2\x82\xac", "K\xc3\xa4se\xe2\x82\xac");
    assert_clean("Gr\xf6\xdf"
                 "e\xe2\x82",
                 "Gr??e??");
}
END_TEST

Suite *text_suite(void)
{
    Suite *suite = suite_create("text");
    TCase *tcase = tcase_create("text");
    tcase_add_test(tcase, quoted_text_is_utf8_without_controls);
    tcase_add_test(tcase, a_zero_byte_is_quoted_as_any_other);
    tcase_add_test(tcase, long_text_is_cut_between_characters);
    tcase_add_test(tcase, clean_names_are_utf8_on_one_line);
    suite_add_tcase(suite, tcase);
    return suite;
}
