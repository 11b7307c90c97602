/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exp, sigmoid, tanh and log of every table against libm's in double: at most 2 ulp, an ulp being
 * the distance of the floats around the exact result, 2^-149 among the subnormals. What libm in
 * double errs by itself is below 1e-8 of that.
 */
#include "compute/blis.h"
#include "compute/kernels.h"
#include "suites.h"
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { AT_ONCE = 4096, AROUND = 2000 };

static const struct function {
    const char *name;
    int number;
    double low, high; /* bounds of the results */
} functions[] = {
    {"exp", AEI_MAP_EXP, 0, HUGE_VAL},
    {"sigmoid", AEI_MAP_SIGMOID, 0, 1},
    {"tanh", AEI_MAP_TANH, -1, 1},
    {"log", AEI_MAP_LOG, -HUGE_VAL, HUGE_VAL},
};

enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

/* The reference is libm rounded once, and tested too. */
static const aei_kernels *table(int index)
{
    const aei_kernels *kernels = aei_kernels_at((size_t)index);
    return kernels == NULL ? &aei_kernels_panel16 : kernels;
}

static double exact(int function, double x)
{
    switch (function) {
    case AEI_MAP_EXP:
        return exp(x);
    case AEI_MAP_TANH:
        return tanh(x);
    case AEI_MAP_LOG:
        return log(x);
    default:
        return 1 / (1 + exp(-x));
    }
}

static double ulps(double got, double expected)
{
    int exponent;
    (void)frexp(expected, &exponent);
    return fabs(got - expected) / ldexp(1, (exponent < -125 ? -125 : exponent) - FLT_MANT_DIG);
}

/* Check notes the place of every assertion in a file: too slow for millions of them that hold. */
#define REQUIRE(condition, ...)        \
    do {                               \
        if (!(condition))              \
            ck_abort_msg(__VA_ARGS__); \
    } while (0)

static void check_value(const char *table_name, const struct function *f, float x, float y)
{
    const double expected = exact(f->number, (double)x);
    const float rounded = (float)expected;
    if (isnan(expected)) {
        REQUIRE(isnan(y), "%s: %s(%a) is %a, not NaN", table_name, f->name, (double)x, (double)y);
        return;
    }
    REQUIRE((double)y >= f->low && (double)y <= f->high, "%s: %s(%a) is %a", table_name, f->name,
            (double)x, (double)y);
    if (isinf(rounded) || isinf(y)) {
        REQUIRE(y == rounded, "%s: %s(%a) is %a, not %a", table_name, f->name, (double)x, (double)y,
                (double)rounded);
        return;
    }
    const double error = ulps((double)y, expected);
    REQUIRE(error <= 2, "%s: %s(%a) is %a, not %a: off by %.3f ulp", table_name, f->name, (double)x,
            (double)y, expected, error);
}

static void check_all(const aei_kernels *k, const float *x, size_t n)
{
    static float y[AT_ONCE];
    for (size_t f = 0; f < FUNCTIONS; f++) {
        k->map_elementwise(functions[f].number, n, x, y);
        for (size_t i = 0; i < n; i++)
            check_value(k->name, &functions[f], x[i], y[i]);
    }
}

static float of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Every 4099th pattern of bits: all exponents, both signs, and many a NaN. */
START_TEST(whole_range_is_within_two_ulp)
{
    const aei_kernels *k = table(_i);
    const uint64_t stride = support_slow_arithmetic() ? 4099 * 31 : 4099;
    float x[AT_ONCE];
    size_t n = 0;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += stride) {
        x[n++] = of_bits((uint32_t)bits);
        if (n == AT_ONCE) {
            check_all(k, x, n);
            n = 0;
        }
    }
    check_all(k, x, n);
}
END_TEST

/* All floats near the places where a method changes over or a result leaves its range. */
START_TEST(neighbourhoods_are_within_two_ulp)
{
    const double ln2 = 0.6931471805599453;
    /*
     * tanh: polynomial or exponential; log: ends and zero of its interval; sigmoid's largest
     * errors, left of 0; sigmoid and tanh reach 1; exp: 2^127, overflow, clamp; subnormal,
     * smallest, zero, clamp.
     */
    const double places[] = {0.625,
                             sqrt(0.5),
                             1,
                             sqrt(2),
                             4.15,
                             1.1,
                             16.64,
                             17.33,
                             9.01,
                             88.0296919,
                             88.7228394,
                             89,
                             87.3365448,
                             103.2789,
                             103.9720764,
                             104,
                             (double)FLT_MIN,
                             (double)FLT_MAX};
    const aei_kernels *k = table(_i);
    const size_t count = sizeof places / sizeof places[0];
    float x[2 * AROUND];
    for (size_t p = 0; p < count + 130; p++) {
        /* Past the list: halves of ln 2 and their multiples, where exp's reduction changes over. */
        const float place = (float)(p < count ? places[p] : (double)(p - count + 1) * ln2 / 2);
        uint32_t bits;
        memcpy(&bits, &place, sizeof bits);
        for (uint32_t i = 0; i < AROUND; i++) {
            x[i] = of_bits(bits - AROUND / 2 + i);
            x[AROUND + i] = -x[i];
        }
        if (!support_slow_arithmetic() || p % 7 == 0)
            check_all(k, x, 2 * AROUND);
    }
}
END_TEST

/* Even steps, so that small integers of exponent do not get all the attention. */
START_TEST(interval_around_zero_is_within_two_ulp)
{
    const aei_kernels *k = table(_i);
    float x[AT_ONCE];
    for (int block = -128; block < 128; block += support_slow_arithmetic() ? 16 : 1) {
        for (int i = 0; i < AT_ONCE; i++)
            x[i] = ((float)block + (float)i / AT_ONCE) * 0.828125f; /* to -106 and 106 */
        check_all(k, x, AT_ONCE);
    }
}
END_TEST

START_TEST(special_values_are_exact)
{
    const float inf = HUGE_VALF, nan = NAN, tiny = 0x1p-149f;
    const struct {
        int function;
        float x, y;
    } cases[] = {
        {AEI_MAP_EXP, 0, 1},           {AEI_MAP_EXP, -0.0f, 1},
        {AEI_MAP_EXP, inf, inf},       {AEI_MAP_EXP, -inf, 0},
        {AEI_MAP_EXP, nan, nan},       {AEI_MAP_EXP, tiny, 1},
        {AEI_MAP_EXP, -tiny, 1},       {AEI_MAP_EXP, FLT_MAX, inf},
        {AEI_MAP_SIGMOID, 0, 0.5f},    {AEI_MAP_SIGMOID, inf, 1},
        {AEI_MAP_SIGMOID, -inf, 0},    {AEI_MAP_SIGMOID, nan, nan},
        {AEI_MAP_SIGMOID, FLT_MAX, 1}, {AEI_MAP_SIGMOID, -FLT_MAX, 0},
        {AEI_MAP_SIGMOID, tiny, 0.5f}, {AEI_MAP_TANH, 0, 0},
        {AEI_MAP_TANH, -0.0f, -0.0f},  {AEI_MAP_TANH, inf, 1},
        {AEI_MAP_TANH, -inf, -1},      {AEI_MAP_TANH, nan, nan},
        {AEI_MAP_TANH, tiny, tiny},    {AEI_MAP_TANH, -tiny, -tiny},
        {AEI_MAP_LOG, 1, 0},           {AEI_MAP_LOG, 0, -inf},
        {AEI_MAP_LOG, -0.0f, -inf},    {AEI_MAP_LOG, inf, inf},
        {AEI_MAP_LOG, -1, nan},        {AEI_MAP_LOG, -inf, nan},
        {AEI_MAP_LOG, -tiny, nan},     {AEI_MAP_LOG, nan, nan},
    };
    const aei_kernels *k = table(_i);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float y = 7;
        k->map_elementwise(cases[i].function, 1, &cases[i].x, &y);
        const bool same_sign = cases[i].function != AEI_MAP_TANH ||
                               !signbit(y) == !signbit(cases[i].y);
        ck_assert_msg(isnan(cases[i].y) ? isnan(y) : y == cases[i].y && same_sign,
                      "%s: case %zu: of %a is %a", k->name, i, (double)cases[i].x, (double)y);
    }
}
END_TEST

/* A vector's other lanes must not matter: what a thread's share of a row is depends on the
 * panels. */
START_TEST(position_in_a_vector_does_not_matter)
{
    const aei_kernels *k = table(_i);
    float x[67], y[67], one;
    for (size_t i = 0; i < 67; i++)
        x[i] = (float)i * 1.618f - 60;
    x[5] = NAN, x[20] = HUGE_VALF, x[33] = -HUGE_VALF;
    for (size_t f = 0; f < FUNCTIONS; f++)
        for (size_t n = 1; n <= 67; n++) {
            y[n - 1] = 7;
            if (n < 67)
                y[n] = 7;
            k->map_elementwise(functions[f].number, n, x, y);
            k->map_elementwise(functions[f].number, 1, &x[n - 1], &one);
            ck_assert_msg(isnan(one) ? isnan(y[n - 1]) : one == y[n - 1], "%s: %s at %zu", k->name,
                          functions[f].name, n);
            ck_assert_msg(n == 67 || y[n] == 7, "%s: %s wrote past %zu", k->name, functions[f].name,
                          n);
        }
}
END_TEST

Suite *vector_math_suite(void)
{
    Suite *suite = suite_create("vector_math");
    TCase *each = tcase_create("each table");
    const int last = (int)aei_kernels_count() + 1;
    tcase_set_timeout(each, 120);
    tcase_add_loop_test(each, whole_range_is_within_two_ulp, 0, last);
    tcase_add_loop_test(each, neighbourhoods_are_within_two_ulp, 0, last);
    tcase_add_loop_test(each, interval_around_zero_is_within_two_ulp, 0, last);
    tcase_add_loop_test(each, special_values_are_exact, 0, last);
    tcase_add_loop_test(each, position_in_a_vector_does_not_matter, 0, last);
    suite_add_tcase(suite, each);
    return suite;
}
