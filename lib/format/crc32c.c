/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * zlib's crc32 has another polynomial, and Debian has no C library for this one. A record of a
 * scalar is some 60 bytes, so four bits at a time are fast enough, and the table can be checked by
 * eye.
 */
#include "format/crc32c.h"

/* The remainders of 0 to 15, reflected. */
static const uint32_t table[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

uint32_t aei_crc32c(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}
