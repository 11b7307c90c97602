/* SPDX-License-Identifier: BSD-3-Clause */
/* How is a JSON text put together without a check for memory after each piece? A text that failed
 * takes no more, and aei_text_check says so once at the end. */
#include "format/text.h"

#include "base/error.h"
#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void aei_text_free(aei_text *text)
{
    free(text->data);
    *text = (aei_text){0};
}

ae_status aei_text_check(const aei_text *text)
{
    return text->failed ? aei_fail_memory(text->room) : AE_OK;
}

/* Doubling keeps the copies few; one byte is always left for the zero at the end. */
static bool make_room(aei_text *text, size_t size)
{
    if (text->failed)
        return false;
    if (text->room > text->length && size < text->room - text->length)
        return true;
    size_t room = text->room == 0 ? 256 : text->room;
    while (room <= SIZE_MAX / 4 && room - text->length <= size)
        room *= 2;
    char *grown = room - text->length > size ? realloc(text->data, room) : NULL;
    text->failed = grown == NULL;
    text->room = room;
    if (grown != NULL)
        text->data = grown;
    return !text->failed;
}

void aei_text_bytes(aei_text *text, const char *bytes, size_t size)
{
    if (!make_room(text, size))
        return;
    memcpy(text->data + text->length, bytes, size);
    text->length += size;
    text->data[text->length] = '\0';
}

void aei_text_add(aei_text *text, const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length > 0)
        aei_text_bytes(text, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

void aei_text_number(aei_text *text, double value)
{
    char number[40];
    aei_text_add(text, "%s", aei_format_double(number, sizeof number, value));
}

/* The shortest text of FLT_MAX lies above it for a reader of doubles: seventeen digits then. */
void aei_text_float(aei_text *text, float value)
{
    char number[AEI_FLOAT_TEXT];
    double read = 0;
    const size_t length = aei_format_float(number, value);
    const aei_number kind = aei_parse_double(&read, number, length);
    const bool same = kind == AEI_NUMBER && fabs(read) <= (double)FLT_MAX &&
                      !((float)read < value) && !((float)read > value);
    if (same)
        aei_text_bytes(text, number, length);
    else
        aei_text_number(text, (double)value);
}

/* UTF-8 passes as it is; only quote, backslash and control characters must be escaped (RFC 8259,
 * section 7). Readers refuse a file with bytes that are not UTF-8: they become U+FFFD. */
void aei_text_string(aei_text *text, const char *value)
{
    aei_text_bytes(text, "\"", 1);
    for (const char *c = value; *c != '\0';) {
        /* The zero byte at the end continues no sequence, so none is read past it. */
        const size_t length = aei_utf8_length((const unsigned char *)c, SIZE_MAX);
        if (*c == '"' || *c == '\\')
            aei_text_bytes(text, "\\", 1);
        if (length == 0)
            aei_text_bytes(text, "\xEF\xBF\xBD", 3);
        else if ((unsigned char)*c < 0x20)
            aei_text_add(text, "\\u%04x", (unsigned)(unsigned char)*c);
        else
            aei_text_bytes(text, c, length);
        c += length == 0 ? 1 : length;
    }
    aei_text_bytes(text, "\"", 1);
}

void aei_trim(const char **text, size_t *size)
{
    while (*size > 0 && (**text == ' ' || **text == '\t'))
        ++*text, --*size;
    while (*size > 0 && ((*text)[*size - 1] == ' ' || (*text)[*size - 1] == '\t'))
        --*size;
}

ae_status aei_check_utf8(const char *name, const char *text)
{
    enum { MOST = 1024 };
    const size_t length = strlen(text);
    if (length == 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%s is empty", name);
    if (length > MOST)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%s has %zu bytes: at most %d", name, length,
                        MOST);
    for (size_t at = 0, n; at < length; at += n) {
        n = aei_utf8_length((const unsigned char *)text + at, length - at);
        if (n == 0)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%s is not UTF-8 at byte %zu", name, at);
    }
    return AE_OK;
}
