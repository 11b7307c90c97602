/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_BYTES_H
#define AEI_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0;
        uint32_t half = 0;
        memcpy(size == 8 ? (void *)&value : (void *)&half, bytes + i * size, size);
        aei_store(bytes + i * size, size == 8 ? value : half, size);
    }
}

#endif
