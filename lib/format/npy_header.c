/* SPDX-License-Identifier: BSD-3-Clause */
/* The text in front of an NPY file's data: one Python dictionary, of which only its three entries
 * are understood. */
#include "base/error.h"
#include "format/bytes.h"
#include "format/npy_header.h"
#include "format/text.h"

#include <stdint.h>
#include <string.h>

typedef struct scanner {
    const char *at, *end;
} scanner;

static ae_status unexpected(const scanner *s, const char *wanted)
{
    char quoted[AEI_QUOTE_SIZE];
    return aei_fail(AE_ERROR_FORMAT, "NPY header: %s expected at \"%s\"", wanted,
                    aei_quote_bytes(quoted, s->at, (size_t)(s->end - s->at)));
}

static void skip_blanks(scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t'))
        s->at++;
}

/* Take a character if it comes next. */
static bool take(scanner *s, char c)
{
    skip_blanks(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

/* Without a look at what follows: a name that only starts with the word fails at the next comma or
 * bracket. */
static bool take_word(scanner *s, const char *word)
{
    const size_t length = strlen(word);
    if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0)
        return false;
    s->at += length;
    return true;
}

/* A string in either quotes; none that matters here has escapes. */
static ae_status read_string(scanner *s, const char **text, size_t *size)
{
    skip_blanks(s);
    if (s->at == s->end || (*s->at != '\'' && *s->at != '"'))
        return unexpected(s, "a string");
    const char *close = memchr(s->at + 1, *s->at, (size_t)(s->end - s->at - 1));
    if (close == NULL)
        return unexpected(s, "a whole string");
    *text = s->at + 1;
    *size = (size_t)(close - *text);
    s->at = close + 1;
    return AE_OK;
}

/* strchr alone finds a zero byte in every string, and a file may hold one. */
static bool is_one_of(const char *set, char c)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* Types that numpy.dtype knows by a word or by C's letter, as it sizes them on 64-bit systems other
 * than Windows. A letter may have a byte order in front, a word may not. */
static const struct {
    const char *name, *type;
} names[] = {
    {"?", "b1"},       {"bool", "b1"},     {"bool_", "b1"},  {"b", "i1"},       {"byte", "i1"},
    {"int8", "i1"},    {"h", "i2"},        {"short", "i2"},  {"int16", "i2"},   {"i", "i4"},
    {"intc", "i4"},    {"int32", "i4"},    {"l", "i8"},      {"long", "i8"},    {"q", "i8"},
    {"p", "i8"},       {"longlong", "i8"}, {"int", "i8"},    {"int_", "i8"},    {"intp", "i8"},
    {"int64", "i8"},   {"B", "u1"},        {"ubyte", "u1"},  {"uint8", "u1"},   {"H", "u2"},
    {"ushort", "u2"},  {"uint16", "u2"},   {"I", "u4"},      {"uintc", "u4"},   {"uint32", "u4"},
    {"L", "u8"},       {"ulong", "u8"},    {"Q", "u8"},      {"P", "u8"},       {"ulonglong", "u8"},
    {"uint", "u8"},    {"uintp", "u8"},    {"uint64", "u8"}, {"e", "f2"},       {"half", "f2"},
    {"float16", "f2"}, {"f", "f4"},        {"single", "f4"}, {"float32", "f4"}, {"d", "f8"},
    {"double", "f8"},  {"float", "f8"},    {"float_", "f8"}, {"float64", "f8"},
};

/* Kind and bytes of a name, which stay as they are where there is no such name. */
static void translate(const char **type, size_t *size, bool ordered)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i].name) == *size && memcmp(names[i].name, *type, *size) == 0 &&
            (*size == 1 || !ordered)) {
            *type = names[i].type;
            *size = 2;
            return;
        }
}

/* '<f4': byte order, kind, bytes. Without an order, which NumPy never writes but reads, it is the
 * processor's. The two types that people do save by mistake, structured arrays and Python objects,
 * get a message that says how to save instead. */
static ae_status read_type(aei_npy *npy, scanner *s)
{
    const char *text;
    size_t size;
    char quoted[AEI_QUOTE_SIZE];
    skip_blanks(s);
    if (s->at < s->end && (*s->at == '[' || *s->at == '('))
        return aei_fail(AE_ERROR_UNSUPPORTED,
                        "a structured array: save its fields as one plain array of numbers");
    AE_TRY(read_string(s, &text, &size));
    const bool ordered = size > 0 && is_one_of("<>|=", text[0]);
    const char order = ordered ? text[0] : '=';
    const char *type = text + ordered;
    size_t length = size - ordered;
    if (length > 0 && type[0] == 'O')
        return aei_fail(AE_ERROR_UNSUPPORTED,
                        "an array of Python objects: save it with astype('float32')");
    /* NumPy has no bfloat16. That of ml_dtypes (JAX, TensorFlow) is saved as two bytes with an
     * order, which nothing else has; other bytes are "|V2". */
    if ((length == 2 && memcmp(type, "V2", 2) == 0 && order != '|' && ordered) ||
        (length == 8 && memcmp(type, "bfloat16", 8) == 0)) {
        npy->kind = 'V';
        npy->size = 2;
        npy->big = order == '>' || (order != '<' && aei_is_big_endian());
        return AE_OK;
    }
    translate(&type, &length, ordered);
    const char *sizes = "1248"; /* what bytes there may be of the kind */
    if (length > 0 && (type[0] == 'b' || type[0] == 'f'))
        sizes = type[0] == 'b' ? "1" : "248";
    if (length != 2 || !is_one_of("biuf", type[0]) || !is_one_of(sizes, type[1]))
        return aei_fail(
            AE_ERROR_UNSUPPORTED,
            "numbers of type '%s': b1, i1 to i8, u1 to u8, f2, f4 and f8 are read; save with "
            "astype('float32')",
            aei_quote_bytes(quoted, text, size));
    npy->kind = type[0];
    npy->size = (size_t)(type[1] - '0');
    npy->big = order == '>' || (order != '<' && aei_is_big_endian());
    return AE_OK;
}

/* Python's words for the two values, since the header is a Python literal. */
static ae_status read_order(aei_npy *npy, scanner *s)
{
    skip_blanks(s);
    npy->fortran = take_word(s, "True");
    return npy->fortran || take_word(s, "False") ? AE_OK : unexpected(s, "True or False");
}

/* One dimension; Python 2 wrote an L behind long ones. */
static ae_status read_dimension(scanner *s, size_t *length)
{
    const char *first = s->at;
    size_t value = 0;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        const size_t digit = (size_t)(*s->at - '0');
        if (value > (PTRDIFF_MAX - digit) / 10)
            return aei_fail(AE_ERROR_FORMAT, "NPY header: a dimension overflows the address space");
        value = value * 10 + digit;
    }
    if (s->at == first)
        return unexpected(s, "a dimension");
    if (s->at < s->end && *s->at == 'L')
        s->at++;
    *length = value;
    return AE_OK;
}

/* (), (5,) or (5, 3): a comma must stand between two and behind a single one. */
static ae_status read_shape(aei_npy *npy, scanner *s)
{
    if (!take(s, '('))
        return unexpected(s, "a tuple");
    bool comma = true;
    npy->rank = 0;
    while (!take(s, ')')) {
        if (!comma)
            return unexpected(s, "a comma or the end of the shape");
        if (npy->rank == AEI_NPY_RANK)
            return aei_fail(AE_ERROR_FORMAT, "NPY header: more than %d dimensions", AEI_NPY_RANK);
        AE_TRY(read_dimension(s, &npy->shape[npy->rank++]));
        comma = take(s, ',');
    }
    return npy->rank != 1 || comma ? AE_OK : unexpected(s, "a comma in the shape");
}

/* The three entries may come in any order and each exactly once; text behind the dictionary is
 * refused, because two readers might disagree about which part counts. */
ae_status aei_npy_parse(aei_npy *npy, const char *text, size_t size)
{
    static const struct {
        const char *name;
        ae_status (*read)(aei_npy *npy, scanner *s);
    } entries[] = {{"descr", read_type}, {"fortran_order", read_order}, {"shape", read_shape}};
    enum { ENTRIES = sizeof entries / sizeof entries[0], ALL = (1 << ENTRIES) - 1 };
    scanner s = {text, text + size};
    unsigned seen = 0;
    bool comma = true;
    if (!take(&s, '{'))
        return unexpected(&s, "a dictionary");
    while (!take(&s, '}')) {
        const char *key;
        size_t length, i = 0;
        if (!comma)
            return unexpected(&s, "a comma or the end of the dictionary");
        AE_TRY(read_string(&s, &key, &length));
        while (i < ENTRIES &&
               (strlen(entries[i].name) != length || memcmp(entries[i].name, key, length) != 0))
            i++;
        char quoted[AEI_QUOTE_SIZE];
        if (i == ENTRIES || (seen & 1U << i) != 0)
            return aei_fail(AE_ERROR_FORMAT, "NPY header: the key '%s' %s",
                            aei_quote_bytes(quoted, key, length),
                            i == ENTRIES ? "is none that the format knows" : "stands there twice");
        seen |= 1U << i;
        if (!take(&s, ':'))
            return unexpected(&s, "a colon");
        AE_TRY(entries[i].read(npy, &s));
        comma = take(&s, ',');
    }
    for (size_t i = 0; i < ENTRIES; i++)
        if ((seen & 1U << i) == 0)
            return aei_fail(AE_ERROR_FORMAT, "NPY header: the key '%s' is missing",
                            entries[i].name);
    skip_blanks(&s);
    return s.at == s.end ? AE_OK : unexpected(&s, "the header's end");
}
