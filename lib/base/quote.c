/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/quote.h"

#include <string.h>

/* Unicode standard, table 3-7. */
size_t aei_utf8_length(const unsigned char *b, size_t left)
{
    if (b[0] < 0x80)
        return 1;
    if (b[0] < 0xC2 || b[0] > 0xF4)
        return 0;
    const size_t length = b[0] < 0xE0 ? 2 : b[0] < 0xF0 ? 3 : 4;
    if (length > left)
        return 0;
    const unsigned least = b[0] == 0xE0 ? 0xA0 : b[0] == 0xF0 ? 0x90 : 0x80;
    const unsigned most = b[0] == 0xED ? 0x9F : b[0] == 0xF4 ? 0x8F : 0xBF;
    if (b[1] < least || b[1] > most)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (b[i] < 0x80 || b[i] > 0xBF)
            return 0;
    return length;
}

/* Escape sequences for a terminal start with a byte below 0x20, or with U+0080 to U+009F: C2 80 to
 * C2 9F. */
static bool controls(const unsigned char *c, size_t length)
{
    return c[0] < 0x20 || c[0] == 0x7F || (length == 2 && c[0] == 0xC2 && c[1] < 0xA0);
}

const char *aei_quote_into(char *quoted, size_t room, const char *bytes, size_t size)
{
    static const char dots[] = "...";
    size_t used = 0;
    for (size_t i = 0; i < size;) {
        const unsigned char *c = (const unsigned char *)bytes + i;
        const size_t length = aei_utf8_length(c, size - i);
        const bool shown = length > 0 && !controls(c, length);
        const size_t more = shown ? length : 1;
        if (used + more + sizeof dots > room) {
            memcpy(quoted + used, dots, sizeof dots);
            return quoted;
        }
        memcpy(quoted + used, shown ? bytes + i : "?", more);
        used += more;
        i += length > 0 ? length : 1;
    }
    quoted[used] = '\0';
    return quoted;
}

const char *aei_quote_bytes(char quoted[AEI_QUOTE_SIZE], const char *bytes, size_t size)
{
    return aei_quote_into(quoted, AEI_QUOTE_SIZE, bytes, size);
}

const char *aei_quote(char quoted[AEI_QUOTE_SIZE], const char *foreign)
{
    return aei_quote_bytes(quoted, foreign, strlen(foreign));
}

/* What stands in place of the byte at `at`, which is itself where it needs no replacement; *left
 * counts the bytes of a character that was looked at before. */
static char clean_byte(const char *name, size_t size, size_t at, size_t *left, char *instead)
{
    const unsigned char *c = (const unsigned char *)name + at;
    if (*left == 0) {
        const size_t length = aei_utf8_length(c, size - at);
        *left = length == 0 ? 1 : length;
        *instead = length == 0 || controls(c, length) ? '?' : '\0';
        if (*c >= '\t' && *c <= '\r')
            *instead = ' ';
    }
    --*left;
    return *instead != '\0' ? *instead : name[at];
}

void aei_clean(char *name, size_t size)
{
    char instead = '\0';
    for (size_t i = 0, left = 0; i < size; i++)
        name[i] = clean_byte(name, size, i, &left, &instead);
}

bool aei_is_clean(const char *name, size_t size)
{
    size_t i = 0, left = 0;
    char instead = '\0';
    while (i < size && clean_byte(name, size, i, &left, &instead) == name[i])
        i++;
    return i == size;
}

static bool is_plain(char c)
{
    return c >= 0x20 && c < 0x7F;
}

bool aei_same_name(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t i = 0;
    char a_instead = '\0', b_instead = '\0';
    if (a_size != b_size)
        return false;
    while (i < a_size && a[i] == b[i])
        i++;
    /* Most names differ in letters, and tables of many columns compare them all. */
    if (i == a_size || (is_plain(a[i]) && is_plain(b[i])))
        return i == a_size;
    i = 0;
    for (size_t a_left = 0, b_left = 0; i < a_size; i++)
        if (clean_byte(a, a_size, i, &a_left, &a_instead) !=
            clean_byte(b, b_size, i, &b_left, &b_instead))
            break;
    return i == a_size;
}
