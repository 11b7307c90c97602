/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions against the C library's, and their bits against those of other machines. */
#include "base/elementary.h"

#include "fixtures.h"
#include "suites.h"

#include <float.h>

/* Within so many units in the last place, as parts of the value. */
static void check_near(const char *what, double at, double found, double expected, double units)
{
    ck_assert_msg(fabs(found - expected) <= units * DBL_EPSILON * fabs(expected),
                  "%s of %.17g is %.17g, not %.17g", what, at, found, expected);
}

START_TEST(whole_powers_are_powers)
{
    static const double bases[] = {0.001, 0.25, 0.9, (double)0.999f, 0.999999};
    for (size_t b = 0; b < COUNT(bases); b++)
        for (uint64_t n = 0; n < 100000; n += 1 + n / 7) {
            const double expected = pow(bases[b], (double)n);
            if (expected >= DBL_MIN)
                check_near("power", (double)n, aei_power(bases[b], n, 1), expected, (double)n + 1);
        }
    ck_assert_double_eq(aei_power(0.9, UINT64_MAX, 1), 0);
    ck_assert_double_eq(aei_power(1, UINT64_MAX, 1), 1);
    ck_assert_double_eq(aei_power(0, 3, 1), 0);
    ck_assert_double_eq(aei_power(0, 0, 1), 1);
}
END_TEST

/* Periods beyond 2^63 too, twice which no integer holds. */
START_TEST(powers_between_are_powers)
{
    static const uint64_t divisors[] = {2, 3, 10, 782, 1000003, 1ULL << 63, UINT64_MAX};
    static const double bases[] = {(double)FLT_MIN, 0.1, 0.5, 0.999999};
    for (size_t d = 0; d < COUNT(divisors); d++)
        for (size_t b = 0; b < COUNT(bases); b++)
            for (uint64_t i = 0; i < 16; i++) {
                const uint64_t n = divisors[d] / 16 * i + divisors[d] / (i + 1);
                const double exponent = (double)n / (double)divisors[d];
                check_near("power", exponent, aei_power(bases[b], n, divisors[d]),
                           pow(bases[b], exponent), 90);
            }
    ck_assert_double_eq(aei_power(0.25, 3, 2), 0.125);
    ck_assert_double_eq(aei_power(1, 1, 3), 1);
}
END_TEST

START_TEST(logarithms_are_logarithms)
{
    for (double x = DBL_TRUE_MIN; x < DBL_MAX / 4; x *= 2.7)
        check_near("log", x, aei_log(x), log(x), 4);
    for (double x = 0.5; x < 2; x += 0x1.6p-9)
        check_near("log", x, aei_log(x), log(x), 4);
    for (double off = 0.25; off > 0x1p-50; off /= 3) {
        check_near("log", 1 - off, aei_log(1 - off), log(1 - off), 4);
        check_near("log", 1 + off, aei_log(1 + off), log(1 + off), 4);
    }
    ck_assert_double_eq(aei_log(1), 0);
}
END_TEST

/* The C library gets a rounded 2 pi turns, which leaves it as far off as that. */
START_TEST(cosines_are_cosines)
{
    for (double turns = 0; turns <= 1; turns += 0x1.1p-12) {
        const double found = aei_cos_turns(turns), expected = cos(6.283185307179586 * turns);
        ck_assert_msg(fabs(found - expected) <= 8 * DBL_EPSILON, "cosine of %.17g turns: %.17g",
                      turns, found);
    }
    static const double turns[] = {0, 0.25, 0.5, 0.75, 1};
    static const double cosines[] = {1, 0, -1, 0, 1};
    for (size_t i = 0; i < COUNT(turns); i++)
        ck_assert_double_eq(aei_cos_turns(turns[i]), cosines[i]);
}
END_TEST

/* What makes ranks on unlike machines agree. The values are what this code gave on x86-64 with
 * glibc; every other machine must give the same. */
START_TEST(bits_are_those_of_every_machine)
{
    const double bits[][2] = {
        {aei_power((double)0.9f, 10, 1), 0x1.650befd153364p-2},
        {aei_power((double)0.999f, 12345, 1), 0x1.2244f1fb5c21ap-18},
        {aei_power(0.999999, 1000000, 1), 0x1.78b5570a8f67ap-2},
        {aei_power(0.1, 12345, 782), 0x1.7909a397560afp-53},
        {aei_power(0.5, 1, UINT64_MAX), 0x1p+0},
        {aei_log(0.7), -0x1.6d3c324e13f4fp-2},
        {aei_log(1.3), 0x1.0ca937be1b9ddp-2},
        {aei_log(0x1p-33), -0x1.6dfb516f20bbep+4},
        {aei_log(1 - 0x1p-33), -0x1.000000004p-33},
        {aei_cos_turns(0.1), 0x1.9e3779b97f4a8p-1},
        {aei_cos_turns(0.2), 0x1.3c6ef372fe94ep-2},
        {aei_cos_turns(0.3), -0x1.3c6ef372fe94ep-2},
        {aei_cos_turns(0.4), -0x1.9e3779b97f4a8p-1},
        {aei_cos_turns(0.9), 0x1.9e3779b97f4a8p-1},
    };
    for (size_t i = 0; i < COUNT(bits); i++)
        ck_assert_msg(memcmp(&bits[i][0], &bits[i][1], sizeof bits[i][0]) == 0,
                      "value %zu is %a, not %a", i, bits[i][0], bits[i][1]);
}
END_TEST

Suite *elementary_suite(void)
{
    Suite *suite = suite_create("elementary");
    TCase *tcase = tcase_create("functions");
    tcase_add_test(tcase, whole_powers_are_powers);
    tcase_add_test(tcase, powers_between_are_powers);
    tcase_add_test(tcase, logarithms_are_logarithms);
    tcase_add_test(tcase, cosines_are_cosines);
    tcase_add_test(tcase, bits_are_those_of_every_machine);
    suite_add_tcase(suite, tcase);
    return suite;
}
