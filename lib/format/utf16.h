/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_UTF16_H
#define AEI_UTF16_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* UTF-16 as UTF-8, piece by piece; start with the byte order and zeros. */
typedef struct aei_utf16 {
    bool big;           /* the high byte of a unit comes first */
    bool half;          /* a piece ended within a unit, whose first byte is kept */
    unsigned char kept; /* that byte */
    uint32_t high;      /* the first unit of a pair whose second has not come yet, or 0 */
} aei_utf16;

/* Whether text starts with the mark of UTF-16, and in which byte order. UTF-32's is none. */
bool aei_is_utf16(const unsigned char *bytes, size_t size, bool *big);

/*
 * Convert a piece; returns the bytes written to out: 3 for each 2 at most, and up to 6 more. out
 * may lie in front of bytes in one array, size bytes away or more. Units that pair with nothing
 * become U+FFFD; a byte left over at the end of the text is lost.
 */
size_t aei_utf16_convert(aei_utf16 *state, const unsigned char *bytes, size_t size,
                         unsigned char *out);

#endif
