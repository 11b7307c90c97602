/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_ELEMENT_H
#define AEI_ELEMENT_H

#include "base/number.h"
#include "format/bytes.h"

/*
 * A number in a file as float32: rounded to the nearest where it must be, infinite where it is too
 * large. Kinds are NumPy's: 'b' boolean, 'i' signed, 'u' unsigned, 'f' float, of 1, 2, 4 or 8
 * bytes. 'V' of 2 bytes is bfloat16, as ml_dtypes saves it.
 */
static inline float aei_element(const unsigned char *bytes, char kind, size_t size, bool big)
{
    const uint64_t bits = aei_load(bytes, size, big);
    const uint64_t sign = (uint64_t)1 << (8 * size - 1);
    if (kind == 'u')
        return (float)bits;
    if (kind == 'V')
        return aei_float_from_bits((uint32_t)bits << 16);
    if (kind == 'b')
        return bits != 0 ? 1.0f : 0.0f;
    if (kind == 'i') /* two's complement of any width: the sign bit counts below 0 */
        return (bits & sign) == 0 ? (float)bits : -(float)((sign << 1) - bits);
    if (size == 2)
        return aei_float_from_half((uint16_t)bits);
    return size == 4 ? aei_float_from_bits((uint32_t)bits) : (float)aei_double_from_bits(bits);
}

#endif
