/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/utf16.h"

enum { REPLACEMENT = 0xFFFD };

bool aei_is_utf16(const unsigned char *bytes, size_t size, bool *big)
{
    if (size < 2)
        return false;
    *big = bytes[0] == 0xFE && bytes[1] == 0xFF;
    const bool little = bytes[0] == 0xFF && bytes[1] == 0xFE;
    /* FF FE 00 00 is UTF-32's mark; as UTF-16 the text would start with a zero character. */
    return *big || (little && !(size >= 4 && bytes[2] == 0 && bytes[3] == 0));
}

static size_t put(unsigned char *out, uint32_t c)
{
    const size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (unsigned char)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    out[0] = (unsigned char)(first[length] | c);
    return length;
}

static bool is_high(uint32_t unit)
{
    return unit >= 0xD800 && unit < 0xDC00;
}

static bool is_low(uint32_t unit)
{
    return unit >= 0xDC00 && unit < 0xE000;
}

static size_t put_unit(aei_utf16 *state, uint32_t unit, unsigned char *out)
{
    size_t written = 0;
    const uint32_t high = state->high;
    state->high = 0;
    if (high != 0 && is_low(unit))
        return put(out, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
    if (high != 0)
        written = put(out, REPLACEMENT);
    if (is_high(unit)) {
        state->high = unit;
        return written;
    }
    return written + put(out + written, is_low(unit) ? REPLACEMENT : unit);
}

size_t aei_utf16_convert(aei_utf16 *state, const unsigned char *bytes, size_t size,
                         unsigned char *out)
{
    size_t written = 0;
    for (size_t i = 0; i < size; i++) {
        if (!state->half) {
            state->kept = bytes[i];
            state->half = true;
            continue;
        }
        state->half = false;
        const uint32_t first = state->kept, second = bytes[i];
        written += put_unit(state, state->big ? first << 8 | second : second << 8 | first,
                            out + written);
    }
    return written;
}
