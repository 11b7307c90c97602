/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_BYTES_H
#define AEI_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Numbers in files, whatever the processor's byte order and the data's alignment. */

/* The processor's own order. */
static inline bool aei_is_big_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 0;
}

/* size bytes, at most 8, as an unsigned number. */
static inline uint64_t aei_load(const unsigned char *bytes, size_t size, bool big)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[big ? i : size - 1 - i];
    return value;
}

/* IEEE 754's numbers from their bits. */
static inline float aei_float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t aei_bits_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double aei_double_from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The lowest `size` bytes of a value, least significant first, as all our files have them. */
static inline void aei_store(unsigned char *bytes, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
}

/* Elements of 4 or 8 bytes in the processor's order to little-endian, in place: the same bytes on
 * most machines. */
static inline void aei_little_endian(void *elements, size_t count, size_t size)
{
    unsigned char *bytes = elements;
    for (size_t i = 0; i < count; i++)
        aei_store(bytes + i * size, aei_load(bytes + i * size, size, aei_is_big_endian()), size);
}

#endif
