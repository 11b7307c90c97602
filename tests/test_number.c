/* SPDX-License-Identifier: BSD-3-Clause */
/* Text to float32 and double, float32 to text, against the C library's own functions in the C
 * locale. */
#define _POSIX_C_SOURCE 200809L
#include "base/number.h"

#include "fixtures.h"
#include "suites.h"

#include <float.h>
#include <locale.h>
#include <stdio.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void check_double(const char *text)
{
    double value = -7;
    const double wanted = strtod(text, NULL);
    const aei_number kind = aei_parse_double(&value, text, strlen(text));
    ck_assert_msg(kind == (isinf(wanted) ? AEI_NUMBER_TOO_BIG : AEI_NUMBER), "%s: kind %d", text,
                  (int)kind);
    ck_assert_msg(isinf(wanted) || memcmp(&value, &wanted, sizeof value) == 0, "%s: %a, not %a",
                  text, value, wanted);
}

static void check(const char *text)
{
    check_double(text);
    float value = -7;
    const float wanted = strtof(text, NULL);
    const aei_number kind = aei_parse_float(&value, text, strlen(text));
    if (isinf(wanted)) {
        ck_assert_msg(kind == AEI_NUMBER_TOO_BIG, "%s: kind %d", text, (int)kind);
        return;
    }
    ck_assert_msg(kind == AEI_NUMBER, "%s: kind %d", text, (int)kind);
    ck_assert_msg(bits_of(value) == bits_of(wanted), "%s: %a, not %a", text, (double)value,
                  (double)wanted);
}

static uint64_t draw(uint64_t *state)
{
    (void)fixture_uniform(state);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

START_TEST(parsing_agrees_with_strtof_to_the_bit)
{
    static const char *const formats[] = {"%.9g", "%.17g", "%.3f", "%g", "%.25e", "%.60f", "%+.8e"};
    uint64_t state = 5;
    char text[600];
    for (int i = 0; i < (support_slow() ? 2000 : 200000); i++) {
        const uint64_t bits = draw(&state);
        double value = (double)float_of((uint32_t)bits);
        if (i % 3 == 1) /* a double nearby, and one halfway between two floats */
            value *= 1 + ldexp((double)(bits >> 40), -52);
        if (i % 3 == 2)
            value = ((double)float_of((uint32_t)bits) + (double)float_of((uint32_t)bits + 1)) / 2;
        if (!isfinite(value))
            continue;
        snprintf(text, sizeof text, formats[bits >> 33 & 7 ? (bits >> 33) % COUNT(formats) : 0],
                 value);
        check(text);
    }
}
END_TEST

/* The exact decimals of points between two floats, with something added or taken away far
 * behind. */
START_TEST(ties_are_broken_by_digits_however_far_behind)
{
    uint64_t state = 6;
    char text[1200];
    for (int i = 0; i < 2000; i++) {
        const uint32_t bits = (uint32_t)draw(&state) & 0x7fffffffu;
        if (bits >= 0x7f7fffffu)
            continue;
        const double tie = ((double)float_of(bits) + (double)float_of(bits + 1)) / 2;
        const int length = snprintf(text, sizeof text - 400, "%.160f", tie);
        check(text);
        memset(text + length, '0', 200);
        memcpy(text + length + 200, "1", 2);
        check(text);
    }
}
END_TEST

/* The same for doubles, at any exponent: a tie is m + 1/2 units of the last place, up to 768
 * digits. */
START_TEST(ties_between_doubles_are_broken_too)
{
    uint64_t state = 9;
    char text[1200];
    for (int i = 0; i < (support_slow() ? 100 : 3000); i++) {
        const uint64_t whole = 1 | draw(&state) >> 10; /* 54 bits: odd, so a tie */
        const int exponent = i % 3 == 0 ? -1075 : (int)(draw(&state) % 2000) - 1075;
        const long double tie = ldexpl((long double)whole, exponent);
        (void)snprintf(text, sizeof text, "%.800Le", tie);
        check_double(text);
        strchr(text, 'e')[-1] = '1';
        check_double(text);
    }
}
END_TEST

static const char *const edge_texts[] = {
    "0",
    "-0",
    "+0.0",
    "1",
    "-1.",
    ".5",
    "+.5e1",
    "1e0",
    "1E+05",
    "1e-45",
    "7e-46",
    "7.0064923e-46",
    "7.1e-46",
    "3.4028234e38",
    "3.4028235e38",
    "3.4028236e38",
    "340282356779733661637539395458142568447",
    "340282356779733661637539395458142568448",
    "-1e39",
    "1e99999999999999999999",
    "-1e-99999999999999999999",
    "0e99999999999999999999",
    "1.17549435e-38",
    "1.17549421e-38",
    "16777217",
    "2.4703282292062327e-324",
    "2.4703282292062328e-324",
    "4.9e-324",
    "2.2250738585072011e-308",
    "1.7976931348623157e308",
    "1.7976931348623158e308",
    "1.7976931348623159e308",
    "9007199254740991e22",
    "999999999999999e23",
    "16777219",
    "9007199254740993",
    "0.1",
    "000000000000000000000000000000000000000000000001",
    "1e22",
    "1e23",
    "123456789012345678901234567890",
    "0.000000000000000000000000000000000000000000000000001e51"};

START_TEST(edges)
{
    for (size_t i = 0; i < COUNT(edge_texts); i++)
        check(edge_texts[i]);
    /* A long row of zeros on either side, brought back by the exponent. */
    char *text = fixture_allocate(300020, 1);
    memset(text, '0', 300000);
    text[1] = '.';
    memcpy(text + 300000, "15e300000", 10);
    check(text);
    memset(text, '0', 300000);
    text[0] = '2';
    memcpy(text + 300000, "e-300001", 9);
    check(text);
    free(text);
}
END_TEST

START_TEST(what_is_no_number_is_told_apart)
{
    static const char *const none[] = {
        "",   " ",    "abc",   "1x",    "1 2", "0x10",        "1e",    "e5",   ".",
        "+",  "--1",  "1..2",  "1.2.3", "1,5", "1e+",         "1e5.",  "nano", "in",
        "na", "1e5x", "infin", "n",     "N/A", "\xC2\xA0\61", "1_000", "i"};
    static const char *const special[] = {"nan",  "NaN",       "-nan", "inf",
                                          "+INF", "-Infinity", " inf "};
    float value = 3;
    for (size_t i = 0; i < COUNT(none); i++)
        ck_assert_msg(aei_parse_float(&value, none[i], strlen(none[i])) == AEI_NUMBER_NONE,
                      "\"%s\"", none[i]);
    for (size_t i = 0; i < COUNT(special); i++)
        ck_assert_msg(aei_parse_float(&value, special[i], strlen(special[i])) == AEI_NUMBER_SPECIAL,
                      "%s", special[i]);
    ck_assert_float_eq(value, 3);
    ck_assert_int_eq(aei_parse_float(&value, " \t 2.5 \t", 8), AEI_NUMBER);
    ck_assert_float_eq(value, 2.5f);
    /* Only so many bytes are looked at. */
    ck_assert_int_eq(aei_parse_float(&value, "123", 2), AEI_NUMBER);
    ck_assert_float_eq(value, 12);
}
END_TEST

static void check_format(float value)
{
    char text[AEI_FLOAT_TEXT];
    float back = 0;
    const size_t length = aei_format_float(text, value);
    ck_assert_uint_eq(length, strlen(text));
    ck_assert_msg(strspn(text, "+-0123456789e.") == length, "%s", text);
    ck_assert_int_eq(aei_parse_float(&back, text, length), AEI_NUMBER);
    ck_assert_msg(bits_of(back) == bits_of(value), "%a became %s", (double)value, text);
}

static const char *const locales[] = {"C", "de_DE", "ps_AF"};

START_TEST(no_locale_changes_a_number)
{
    ck_assert(_i == 0 || support_set_locale(locales[_i]));
    uint64_t state = 7;
    for (int i = 0; i < 3000; i++) {
        const float value = float_of((uint32_t)draw(&state));
        if (isfinite(value))
            check_format(value);
    }
    float value;
    ck_assert_int_eq(aei_parse_float(&value, "1.5000000000000000000000000000000001", 36),
                     AEI_NUMBER);
    ck_assert_float_eq(value, 1.5f);
    ck_assert_int_eq(aei_parse_float(&value, "1,5", 3), AEI_NUMBER_NONE);
    ck_assert_ptr_nonnull(setlocale(LC_ALL, "C"));
}
END_TEST

START_TEST(formatting_is_short_and_reads_back)
{
    static const struct {
        float value;
        const char *text;
    } known[] = {{0.1f, "0.1"},       {1, "1"},
                 {-0.0f, "-0"},       {0.5f, "0.5"},
                 {1e-7f, "1e-07"},    {16777216, "16777216"},
                 {NAN, "nan"},        {INFINITY, "inf"},
                 {-INFINITY, "-inf"}, {FLT_MAX, "3.4028235e+38"}};
    char text[AEI_FLOAT_TEXT];
    for (size_t i = 0; i < COUNT(known); i++) {
        ck_assert_uint_eq(aei_format_float(text, known[i].value), strlen(known[i].text));
        ck_assert_str_eq(text, known[i].text);
    }
    uint64_t state = 8;
    for (int i = 0; i < (support_slow() ? 1000 : 50000); i++) {
        const float value = float_of((uint32_t)draw(&state));
        if (isfinite(value))
            check_format(value);
    }
}
END_TEST

/* By the definition of binary16, in double. */
START_TEST(halves_are_exact)
{
    for (unsigned bits = 0; bits < 1 << 16; bits++) {
        const int exponent = (int)(bits >> 10 & 31), fraction = bits & 1023;
        const double sign = bits >> 15 ? -1 : 1;
        const float value = aei_float_from_half((uint16_t)bits);
        if (exponent == 31) {
            ck_assert(fraction == 0 ? isinf(value) && (value < 0) == (sign < 0) : isnan(value));
            continue;
        }
        const double wanted = sign * (exponent == 0 ? fraction * 0x1p-24
                                                    : (1024 + fraction) * pow(2, exponent - 25));
        ck_assert_msg(bits_of(value) == bits_of((float)wanted), "0x%04x: %a, not %a", bits,
                      (double)value, wanted);
    }
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
    ck_assert(_i == 0 || support_set_locale(locales[_i]));
    check_doubles();
    ck_assert_ptr_nonnull(setlocale(LC_ALL, "C"));
}
END_TEST

Suite *number_suite(void)
{
    Suite *suite = suite_create("number");
    TCase *tcase = tcase_create("text");
    tcase_add_test(tcase, parsing_agrees_with_strtof_to_the_bit);
    tcase_add_test(tcase, ties_are_broken_by_digits_however_far_behind);
    tcase_add_test(tcase, ties_between_doubles_are_broken_too);
    tcase_add_test(tcase, edges);
    tcase_add_test(tcase, what_is_no_number_is_told_apart);
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    for (int i = 0; i < (int)COUNT(locales); i++) {
        const char *missing = i == 0 ? NULL : support_no_locale(locales[i]);
        support_add_loop_test(tcase, no_locale_changes_a_number, i, i + 1, missing);
        if (i < 2)
            support_add_loop_test(tcase, doubles_have_a_point_and_read_back_in_every_locale, i,
                                  i + 1, missing);
    }
    tcase_add_test(tcase, formatting_is_short_and_reads_back);
    tcase_add_test(tcase, halves_are_exact);
    suite_add_tcase(suite, tcase);
    return suite;
}
