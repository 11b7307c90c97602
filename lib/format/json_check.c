/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RFC 8259 to the letter, by recursive descent of bounded depth. cJSON takes much that is not JSON
 * (control characters, "01", zero bytes) and says only that a parse failed, not why.
 */
#include "base/error.h"
#include "format/json.h"
#include "format/text.h"

#include <string.h>

enum {
    DEPTH = 32,
    VALUES =
        1
        << 20 /* cJSON takes some 100 bytes for each: a header of 100 MB must not become one of 5 GB */
};

/* Where the check has got to. The first problem is kept: the callers of the one who met it add
 * nothing. */
typedef struct scanner {
    const unsigned char *at, *end;
    size_t values;
    const char *problem;
} scanner;

static bool complain(scanner *s, const char *problem)
{
    if (s->problem == NULL)
        s->problem = problem;
    return false;
}

/* The byte here, or -1 at the end, which no comparison with a character takes for one. */
static int peek(const scanner *s)
{
    return s->at < s->end ? *s->at : -1;
}

static void skip_space(scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

/* Four hexadecimal digits behind "\u", or -1. */
static int scan_unit(scanner *s)
{
    int unit = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        const int c = peek(s);
        if (c >= '0' && c <= '9')
            unit = unit * 16 + c - '0';
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            unit = unit * 16 + (c | 0x20) - 'a' + 10;
        else
            return -1;
    }
    return unit;
}

/* One escape. A character beyond 16 bits is two of them, the surrogates of RFC 8259 section 7,
 * never one alone. */
static bool scan_escape(scanner *s)
{
    s->at++;
    const int c = peek(s);
    if (c <= 0 || strchr("\"\\/bfnrtu", c) == NULL)
        return complain(s, "an unknown escape");
    s->at++;
    if (c != 'u')
        return true;
    const int unit = scan_unit(s);
    if (unit <= 0) /* a C string would end there and two names could become one */
        return complain(s, "a damaged or zero character");
    if (unit < 0xD800 || unit > 0xDFFF)
        return true;
    if (unit > 0xDBFF || s->end - s->at < 6 || s->at[0] != '\\' || s->at[1] != 'u')
        return complain(s, "half a surrogate pair");
    s->at += 2;
    const int low = scan_unit(s);
    return (low >= 0xDC00 && low <= 0xDFFF) || complain(s, "half a surrogate pair");
}

static bool scan_string(scanner *s)
{
    if (peek(s) != '"')
        return complain(s, "a string expected");
    for (s->at++; peek(s) != '"';) {
        if (peek(s) < 0)
            return complain(s, "a string without end");
        if (peek(s) < 0x20)
            return complain(s, "a control character");
        if (peek(s) == '\\') {
            if (!scan_escape(s))
                return false;
            continue;
        }
        const size_t length = aei_utf8_length(s->at, (size_t)(s->end - s->at));
        if (length == 0)
            return complain(s, "not UTF-8");
        s->at += length;
    }
    s->at++;
    return true;
}

static bool scan_digits(scanner *s)
{
    const unsigned char *first = s->at;
    while (peek(s) >= '0' && peek(s) <= '9')
        s->at++;
    return s->at > first;
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static bool scan_number(scanner *s)
{
    const unsigned char *first = s->at;
    if (peek(s) == '-')
        s->at++;
    if (peek(s) == '0')
        s->at++;
    else if (!scan_digits(s))
        return complain(s, "a value expected");
    if (peek(s) == '.') {
        s->at++;
        if (!scan_digits(s))
            return complain(s, "a damaged number");
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->at++;
        if (peek(s) == '+' || peek(s) == '-')
            s->at++;
        if (!scan_digits(s))
            return complain(s, "a damaged number");
    }
    return s->at - first < 60 || complain(s, "a number too long"); /* cJSON cuts at 63 */
}

static bool scan_word(scanner *s, const char *word)
{
    const size_t length = strlen(word);
    if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0)
        return complain(s, "a value expected");
    s->at += length;
    return true;
}

static bool scan_value(scanner *s, unsigned depth);

/* An object or a list; they differ in the key in front of each value. Depth bounds the recursion,
 * here and in cJSON. */
static bool scan_container(scanner *s, unsigned depth)
{
    const bool object = peek(s) == '{';
    const int close = object ? '}' : ']';
    if (depth == DEPTH)
        return complain(s, "nested too deeply");
    s->at++;
    skip_space(s);
    if (peek(s) == close) {
        s->at++;
        return true;
    }
    for (;;) {
        if (object) {
            skip_space(s);
            if (!scan_string(s))
                return false;
            skip_space(s);
            if (peek(s) != ':')
                return complain(s, "a colon expected");
            s->at++;
        }
        if (!scan_value(s, depth + 1))
            return false;
        const int c = peek(s);
        if (c != ',' && c != close)
            return complain(s, "a comma or the end of the list expected");
        s->at++;
        if (c == close)
            return true;
    }
}

static bool scan_value(scanner *s, unsigned depth)
{
    if (++s->values > VALUES)
        return complain(s, "too many values");
    skip_space(s);
    const int c = peek(s);
    const bool good = c == '{' || c == '[' ? scan_container(s, depth)
                      : c == '"'           ? scan_string(s)
                      : c == 't'           ? scan_word(s, "true")
                      : c == 'f'           ? scan_word(s, "false")
                      : c == 'n'           ? scan_word(s, "null")
                                           : scan_number(s);
    skip_space(s);
    return good;
}

ae_status aei_json_check(const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    scanner s = {.at = bytes, .end = bytes + size};
    if (!scan_value(&s, 0))
        return aei_fail(AE_ERROR_FORMAT, "JSON: %s at byte %zu", s.problem, (size_t)(s.at - bytes));
    if (s.at != s.end)
        return aei_fail(AE_ERROR_FORMAT, "JSON: something follows its end at byte %zu",
                        (size_t)(s.at - bytes));
    return AE_OK;
}
