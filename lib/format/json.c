/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RFC 8259 to the letter in one pass, by recursive descent of bounded depth.
 *
 * A document is one allocation: its values, of which the root is the first, room to sort the keys
 * of an object, and a copy of the text. An escape is longer than what it stands for, so a string
 * loses its escapes where it stands in the copy. A zero byte ends the copy. No JSON has one, so the
 * reader looks ahead without asking how much is left.
 */
#include "format/json.h"

#include "base/error.h"
#include "base/number.h"
#include "format/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH = 32,
    VALUES = 1 << 21 /* names of 2^20 columns, the most there are; no more for 100 MB of header */
};

struct aei_json {
    const aei_json *next;
    const char *key;
    union {
        const aei_json *first;
        const char *string;
        double number;
        bool truth;
    };
    enum { KIND_NULL, KIND_BOOL, KIND_NUMBER, KIND_STRING, KIND_ARRAY, KIND_OBJECT } kind;
};

typedef struct reader {
    aei_json *values;
    size_t count, room;
    const char **keys; /* of one object at a time */
    unsigned char *text, *at, *end;
} reader;

static ae_status complain(const reader *r, const char *problem)
{
    return aei_fail(AE_ERROR_FORMAT, "JSON: %s at byte %zu", problem, (size_t)(r->at - r->text));
}

/* Step over a character if it is the next one. The zero byte at the end equals no character that is
 * asked for, so the end needs no test. */
static bool take(reader *r, char c)
{
    const bool there = *r->at == (unsigned char)c;
    r->at += there;
    return there;
}

static void skip_space(reader *r)
{
    while (take(r, ' ') || take(r, '\t') || take(r, '\n') || take(r, '\r'))
        ;
}

/* What the escape \uXXXX stands for, or -1. */
static int read_unit(const unsigned char *at)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    int unit = at[0] == '\\' && at[1] == 'u' ? 0 : -1;
    for (int i = 2; i < 6 && unit >= 0; i++) {
        const char *digit = memchr(digits, at[i], sizeof digits - 1);
        unit = digit == NULL ? -1 : unit * 16 + (int)(digit - digits) % 16;
    }
    return unit;
}

/* As UTF-8: a first byte that says how many follow, and six bits in each of those. */
static unsigned char *put_character(unsigned char *out, int c)
{
    static const int first[] = {0, 0xC0, 0xE0, 0xF0};
    int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    *out++ = (unsigned char)(first[more] | c >> 6 * more);
    while (more-- > 0)
        *out++ = (unsigned char)(0x80 | (c >> 6 * more & 0x3F));
    return out;
}

/* A character beyond 16 bits is two escapes, a high and a low surrogate (RFC 8259, section 7). */
static ae_status read_escape(reader *r, unsigned char **out)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *name = memchr(names, r->at[1], sizeof names - 1);
    int length = name != NULL ? 2 : 6, c = name != NULL ? meanings[name - names] : read_unit(r->at);
    if (c <= 0) /* a C string would end at 0, and two names could become one */
        return complain(r, r->at[1] == 'u' ? "a damaged or zero character" : "an unknown escape");
    if (c >= 0xD800 && c <= 0xDFFF) {
        const int low = read_unit(r->at + length);
        if (c > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
            return complain(r, "half a surrogate pair");
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        length = 12;
    }
    *out = put_character(*out, c);
    r->at += length;
    return AE_OK;
}

static ae_status read_string(reader *r, const char **string)
{
    if (*r->at != '"')
        return complain(r, "a string expected");
    unsigned char *out = ++r->at;
    *string = (const char *)out;
    while (*r->at != '"') {
        if (r->at == r->end)
            return complain(r, "a string without end");
        if (*r->at < 0x20)
            return complain(r, "a control character");
        if (*r->at == '\\') {
            AE_TRY(read_escape(r, &out));
            continue;
        }
        size_t length = aei_utf8_length(r->at, (size_t)(r->end - r->at));
        if (length == 0)
            return complain(r, "not UTF-8");
        while (length-- > 0)
            *out++ = *r->at++;
    }
    r->at++;
    *out = '\0';
    return AE_OK;
}

static bool skip_digits(reader *r)
{
    const unsigned char *first = r->at;
    while (*r->at >= '0' && *r->at <= '9')
        r->at++;
    return r->at > first;
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?: this is checked here, and the value is
 * worked out by aei_parse_double, which reads more than JSON allows, such as a leading plus or
 * spaces. */
static ae_status read_number(reader *r, aei_json *value)
{
    unsigned char *first = r->at;
    (void)take(r, '-');
    if (!take(r, '0') && !skip_digits(r))
        return complain(r, "a value expected");
    bool good = !take(r, '.') || skip_digits(r);
    if (good && (take(r, 'e') || take(r, 'E'))) {
        (void)(take(r, '+') || take(r, '-'));
        good = skip_digits(r);
    }
    if (!good)
        return complain(r, "a damaged number");
    value->kind = KIND_NUMBER;
    const size_t length = (size_t)(r->at - first);
    if (aei_parse_double(&value->number, (const char *)first, length) == AEI_NUMBER)
        return AE_OK;
    r->at = first;
    return complain(r, "a number too large");
}

/* By its first letter, so that one comparison is enough. */
static ae_status read_word(reader *r, aei_json *value)
{
    const char *word = *r->at == 't' ? "true" : *r->at == 'f' ? "false" : "null";
    value->kind = *word == 'n' ? KIND_NULL : KIND_BOOL;
    value->truth = *word == 't';
    if (strncmp((const char *)r->at, word, strlen(word)) != 0)
        return complain(r, "a value expected");
    r->at += strlen(word);
    return AE_OK;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * RFC 8259 leaves the meaning of a key that comes twice open: two readers could see two different
 * files. Sorting finds it in n log n however the keys were chosen, which no hash does by itself.
 */
static ae_status check_keys(reader *r, const aei_json *object)
{
    size_t count = 0;
    for (const aei_json *member = object->first; member != NULL; member = member->next)
        r->keys[count++] = member->key;
    qsort(r->keys, count, sizeof *r->keys, compare_keys);
    for (size_t i = 1; i < count; i++) {
        const char *a = r->keys[i - 1], *b = r->keys[i], *again = a > b ? a : b;
        const size_t at = (size_t)(again - 1 - (const char *)r->text);
        char quote[AEI_QUOTE_SIZE];
        if (strcmp(a, b) == 0)
            return aei_fail(AE_ERROR_FORMAT, "JSON: the key \"%s\" twice in an object at byte %zu",
                            aei_quote(quote, a), at);
    }
    return AE_OK;
}

static ae_status read_value(reader *r, unsigned depth);

/* An object or an array: they differ in the key in front of each value. */
static ae_status read_container(reader *r, aei_json *container, unsigned depth)
{
    const bool object = *r->at++ == '{';
    const char close = object ? '}' : ']';
    container->kind = object ? KIND_OBJECT : KIND_ARRAY;
    skip_space(r);
    if (take(r, close))
        return AE_OK;
    const aei_json **link = &container->first;
    do {
        aei_json *value = &r->values[r->count];
        const char *key = NULL;
        skip_space(r);
        if (object) {
            AE_TRY(read_string(r, &key));
            skip_space(r);
            if (!take(r, ':'))
                return complain(r, "a colon expected");
        }
        AE_TRY(read_value(r, depth + 1));
        skip_space(r);
        value->key = key;
        *link = value;
        link = &value->next;
    } while (take(r, ','));
    if (!take(r, close))
        return complain(r, "a comma or the end of the list expected");
    return object ? check_keys(r, container) : AE_OK;
}

/* Into the next of the values. Depth bounds the recursion. */
static ae_status read_value(reader *r, unsigned depth)
{
    if (r->count == r->room)
        return complain(r, "too many values");
    aei_json *value = &r->values[r->count++];
    *value = (aei_json){.kind = KIND_STRING};
    skip_space(r);
    if (*r->at == '{' || *r->at == '[')
        return depth < DEPTH ? read_container(r, value, depth) : complain(r, "nested too deeply");
    if (*r->at == '"')
        return read_string(r, &value->string);
    return *r->at >= 'a' ? read_word(r, value) : read_number(r, value);
}

/*
 * A value takes two bytes of text, one of them a comma or a bracket, but a container that is still
 * open takes one. Every text has room for as many, and only a text beyond VALUES can have too many.
 */
ae_status aei_json_parse(aei_json **root, const char *text, size_t size)
{
    const size_t most = size / 2 + DEPTH, room = most < VALUES ? most : VALUES;
    const size_t bytes = room * (sizeof(aei_json) + sizeof(char *)) + size + 1;
    reader r = {.values = malloc(bytes), .room = room};
    if (r.values == NULL)
        return aei_fail_memory(bytes);
    r.keys = (const char **)(r.values + room);
    r.text = r.at = (unsigned char *)(r.keys + room);
    r.end = r.text + size;
    memcpy(r.text, text, size);
    *r.end = '\0';
    ae_status status = read_value(&r, 0);
    skip_space(&r);
    if (status == AE_OK && r.at != r.end)
        status = complain(&r, "something follows its end");
    if (status == AE_OK)
        *root = r.values;
    else
        free(r.values);
    return status;
}

void aei_json_free(aei_json *root)
{
    free(root);
}

/* NULL is of no kind: callers can ask for a member of a member, and one check at the end finds what
 * is missing. */
static bool is(const aei_json *value, int kind)
{
    return value != NULL && (int)value->kind == kind;
}

bool aei_json_is_object(const aei_json *value)
{
    return is(value, KIND_OBJECT);
}

bool aei_json_is_array(const aei_json *value)
{
    return is(value, KIND_ARRAY);
}

const aei_json *aei_json_first(const aei_json *container)
{
    return is(container, KIND_OBJECT) || is(container, KIND_ARRAY) ? container->first : NULL;
}

const aei_json *aei_json_next(const aei_json *value)
{
    return value == NULL ? NULL : value->next;
}

const char *aei_json_key(const aei_json *value)
{
    return value == NULL ? NULL : value->key;
}

/* The first is the only one: keys that come twice were refused. */
const aei_json *aei_json_member(const aei_json *object, const char *key)
{
    const aei_json *member = is(object, KIND_OBJECT) ? object->first : NULL;
    while (member != NULL && strcmp(member->key, key) != 0)
        member = member->next;
    return member;
}

const char *aei_json_string(const aei_json *value)
{
    return is(value, KIND_STRING) ? value->string : NULL;
}

bool aei_json_bool(const aei_json *value, bool *result)
{
    if (!is(value, KIND_BOOL))
        return false;
    *result = value->truth;
    return true;
}

/* null is NAN, as aei_text_number writes it. */
bool aei_json_double(const aei_json *value, double *result)
{
    if (!is(value, KIND_NUMBER) && !is(value, KIND_NULL))
        return false;
    *result = value->kind == KIND_NULL ? (double)NAN : value->number;
    return true;
}

/* A double holds every integer up to 2^53; no larger one can be told from its neighbour. */
bool aei_json_size(const aei_json *value, size_t *result)
{
    double number;
    if (!aei_json_double(value, &number) || !(number >= 0 && number <= 0x1p53))
        return false;
    if (number > floor(number))
        return false;
    *result = (size_t)number;
    return true;
}

/* As a string of digits, which every reader keeps exactly. */
bool aei_json_u64(const aei_json *value, uint64_t *result)
{
    const char *text = aei_json_string(value);
    if (text == NULL || *text == '\0')
        return false;
    uint64_t integer = 0;
    for (; *text != '\0'; text++) {
        const unsigned digit = (unsigned)(unsigned char)*text - '0';
        if (digit > 9 || integer > (UINT64_MAX - digit) / 10)
            return false;
        integer = integer * 10 + digit;
    }
    *result = integer;
    return true;
}
