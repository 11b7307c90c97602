/* SPDX-License-Identifier: BSD-3-Clause */
/* How do numbers become text and back, correctly rounded, in any locale? The C library's functions
 * obey the locale, whose decimal separator may be a comma. Parsing therefore gives them digits and
 * an exponent alone, and what they write gets its point afterwards. */
#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 113 digits tell a float32's neighbours apart, 768 a double's; what follows only breaks ties. */
enum { DIGITS_MAX = 770 };

/* Far more than any text has digits, so that those in front of an exponent never bring it back. */
static const int64_t exponent_max = (int64_t)1 << 56;

/* digits x 10^exponent, digits without leading zeros. */
typedef struct decimal {
    bool negative, cut; /* cut: more digits followed, not all of them 0 */
    size_t count;
    int64_t exponent;
    char digits[DIGITS_MAX];
} decimal;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* nan, inf, infinity. */
static bool is_special(const char *text, size_t size)
{
    static const char *const words[] = {"nan", "inf", "infinity"};
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        size_t i = 0;
        while (i < size && (text[i] | 0x20) == words[w][i] && words[w][i] != '\0')
            i++;
        if (i == size && words[w][i] == '\0')
            return true;
    }
    return false;
}

static void add_digit(decimal *d, char digit, bool fraction)
{
    if (d->count == DIGITS_MAX) {
        d->cut = d->cut || digit != '0';
        d->exponent += fraction ? 0 : 1;
        return;
    }
    if (d->count > 0 || digit != '0')
        d->digits[d->count++] = digit;
    d->exponent -= fraction ? 1 : 0;
}

static bool read_exponent(decimal *d, const char *c, const char *end)
{
    const bool negative = c < end && *c == '-';
    c += c < end && (*c == '-' || *c == '+');
    if (c == end)
        return false;
    int64_t exponent = 0;
    for (; c < end; c++) {
        if (!is_digit(*c))
            return false;
        exponent = exponent > exponent_max ? exponent : exponent * 10 + (*c - '0');
    }
    d->exponent += negative ? -exponent : exponent;
    return true;
}

/* The text without its sign. */
static bool read_decimal(decimal *d, const char *c, const char *end, char point)
{
    bool any = false, fraction = false;
    for (; c < end; c++) {
        if (is_digit(*c)) {
            add_digit(d, *c, fraction);
            any = true;
        } else if (*c == point && !fraction) {
            fraction = true;
        } else {
            break;
        }
    }
    if (!any)
        return false;
    return c == end || ((*c == 'e' || *c == 'E') && read_exponent(d, c + 1, end));
}

/* The text between blanks; d is set for AEI_NUMBER only, its digits as far as count. */
static aei_number read_text(decimal *d, const char *text, size_t size, char point)
{
    const char *c = text, *end = text + size;
    while (c < end && is_blank(*c))
        c++;
    while (c < end && is_blank(end[-1]))
        end--;
    d->negative = c < end && *c == '-';
    d->cut = false;
    d->count = 0;
    d->exponent = 0;
    c += c < end && (*c == '-' || *c == '+');
    if (read_decimal(d, c, end, point))
        return AEI_NUMBER;
    return is_special(c, (size_t)(end - c)) ? AEI_NUMBER_SPECIAL : AEI_NUMBER_NONE;
}

/*
 * Digits up to 2^53 and a power of ten up to 10^22 are doubles without an error, so one operation
 * gives the correctly rounded double (Clinger 1990, "How to read floating point numbers
 * accurately").
 */
static bool read_fast(const decimal *d, double *value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->count > 15 || d->exponent < -22 || d->exponent > 22)
        return false;
    uint64_t whole = 0;
    for (size_t i = 0; i < d->count; i++)
        whole = whole * 10 + (uint64_t)(d->digits[i] - '0');
    *value = d->exponent < 0 ? (double)whole / powers[-d->exponent]
                             : (double)whole * powers[d->exponent];
    return true;
}

/* Rounding a double once more is right unless it lies just between two float32. */
static bool rounds_to_float(double exact)
{
    uint64_t bits;
    memcpy(&bits, &exact, sizeof bits);
    const bool tie = (bits & 0x1FFFFFFF) == 0x10000000;
    return !tie && exact >= (double)FLT_MIN && exact <= (double)FLT_MAX;
}

/*
 * For strtof and strtod, which know no locale where there is no decimal separator. Digits cut off
 * become one 1 at the end: above a tie is all that they can mean.
 */
static const char *write_plain(const decimal *d, char text[DIGITS_MAX + 32])
{
    const int64_t exponent = d->exponent - d->cut;
    const int clear = exponent > 9999 ? 9999 : exponent < -9999 ? -9999 : (int)exponent;
    memcpy(text, d->digits, d->count);
    (void)snprintf(text + d->count, 32, "%se%d", d->cut ? "1" : "", clear);
    return text;
}

aei_number aei_parse_double_with(double *value, const char *text, size_t size, char point)
{
    decimal d;
    char plain[DIGITS_MAX + 32];
    const aei_number kind = read_text(&d, text, size, point);
    if (kind != AEI_NUMBER)
        return kind;
    double magnitude = 0;
    if (d.count > 0 && !read_fast(&d, &magnitude))
        magnitude = strtod(write_plain(&d, plain), NULL);
    if (!isfinite(magnitude))
        return AEI_NUMBER_TOO_BIG;
    *value = d.negative ? -magnitude : magnitude;
    return AEI_NUMBER;
}

aei_number aei_parse_float_with(float *value, const char *text, size_t size, char point)
{
    decimal d;
    char plain[DIGITS_MAX + 32];
    const aei_number kind = read_text(&d, text, size, point);
    if (kind != AEI_NUMBER)
        return kind;
    double exact;
    float magnitude = 0;
    if (d.count > 0 && read_fast(&d, &exact) && rounds_to_float(exact))
        magnitude = (float)exact;
    else if (d.count > 0)
        magnitude = strtof(write_plain(&d, plain), NULL);
    if (!isfinite(magnitude))
        return AEI_NUMBER_TOO_BIG;
    *value = d.negative ? -magnitude : magnitude;
    return AEI_NUMBER;
}

aei_number aei_parse_double(double *value, const char *text, size_t size)
{
    return aei_parse_double_with(value, text, size, '.');
}

aei_number aei_parse_float(float *value, const char *text, size_t size)
{
    return aei_parse_float_with(value, text, size, '.');
}

/* Whatever is not part of a number, of one byte or several, is the locale's decimal separator. */
static const char *set_point(char *text)
{
    const size_t before = strspn(text, "+-0123456789e");
    const size_t separator = strcspn(text + before, "+-0123456789e");
    if (separator > 0) {
        const char *after = text + before + separator;
        text[before] = '.';
        memmove(text + before + 1, after, strlen(after) + 1);
    }
    return text;
}

size_t aei_format_float(char text[AEI_FLOAT_TEXT], float value)
{
    if (!isfinite(value)) {
        const char *word = isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
        memcpy(text, word, strlen(word) + 1);
        return strlen(word);
    }
    size_t length = 0;
    for (int digits = 7; digits <= 9; digits++) {
        (void)snprintf(text, AEI_FLOAT_TEXT, "%.*g", digits, (double)value);
        length = strlen(set_point(text));
        float back;
        if (aei_parse_float(&back, text, length) == AEI_NUMBER && !(back < value || back > value))
            break;
    }
    return length;
}

const char *aei_format_double(char *text, size_t size, double value)
{
    if (!isfinite(value)) {
        (void)snprintf(text, size, "null");
        return text;
    }
    (void)snprintf(text, size, "%.9g", value);
    const double back = strtod(text, NULL);
    if (back < value || back > value)
        (void)snprintf(text, size, "%.17g", value);
    return set_point(text);
}

/* 1 sign, 5 exponent (bias 15), 10 fraction bits. */
float aei_float_from_half(uint16_t bits)
{
    const unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
    float magnitude;
    if (exponent == 31)
        magnitude = fraction == 0 ? INFINITY : NAN;
    else if (exponent == 0)
        magnitude = ldexpf((float)fraction, -24);
    else
        magnitude = ldexpf((float)(fraction + 1024), (int)exponent - 25);
    return bits >> 15 ? -magnitude : magnitude;
}
