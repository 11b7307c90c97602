/* SPDX-License-Identifier: BSD-3-Clause */
/* How are powers, logarithms and cosines computed with the same bits everywhere? From additions,
 * products, quotients and square roots alone, which IEEE 754 rounds in one way. frexp is exact. */
#include "base/elementary.h"

#include <math.h>

static const double pi = 3.141592653589793, ln2 = 0.6931471805599453;

/* The exponent's integer part by squares, its fraction by square roots, a bit each. Bits beyond 53
 * would not show: a root is then closer to 1 than the next double. */
double aei_power(double base, uint64_t dividend, uint64_t divisor)
{
    double result = 1, square = base, root = base;
    for (uint64_t whole = dividend / divisor; whole > 0; whole /= 2, square *= square)
        if (whole % 2 == 1)
            result *= square;
    uint64_t rest = dividend % divisor;
    for (int bit = 0; bit < 53 && rest > 0; bit++) {
        root = sqrt(root);
        const uint64_t missing = divisor - rest; /* 2 rest could overflow */
        if (rest >= missing) {
            result *= root;
            rest -= missing;
        } else
            rest *= 2;
    }
    return result;
}

/* x = 2^e m with m in [sqrt(1/2), sqrt(2)), and log(m) = 2 artanh((m - 1) / (m + 1)). The argument
 * is at most 0.172, so the first power that is left out, the 23rd, is below 2^-60. */
double aei_log(double x)
{
    int e;
    double m = frexp(x, &e);
    if (m < 0.7071067811865476) {
        m *= 2;
        e--;
    }
    const double z = (m - 1) / (m + 1);
    double sum = 0;
    for (int k = 21; k > 0; k -= 2)
        sum = sum * (z * z) + 1.0 / k;
    return e * ln2 + 2 * z * sum;
}

/* Taylor's series, 1 - z^2 / (n (n - 1)) (1 - z^2 / ((n - 2) (n - 3)) ...) from the inside: cos(z)
 * for an even `last`, sin(z) / z for an odd one. z is at most pi / 4, so the powers that are left
 * out after the 16th are below 2^-58. */
static double series(double z, int last)
{
    double sum = 1;
    for (int k = last; k > 1; k -= 2)
        sum = 1 - z * z * sum / (k * (k - 1));
    return sum;
}

/* Brought into the first half turn, then the first quarter, then the first eighth. The differences
 * are exact. */
double aei_cos_turns(double turns)
{
    const double half = turns > 0.5 ? 1 - turns : turns;
    const double quarter = half > 0.25 ? 0.5 - half : half;
    const double rest = 2 * pi * (0.25 - quarter);
    const double cosine = quarter > 0.125 ? rest * series(rest, 17) : series(2 * pi * quarter, 16);
    return half > 0.25 ? -cosine : cosine;
}
