/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_NPY_FILE_H
#define TESTS_NPY_FILE_H

/* NPY files by hand: any version and header. */
#include "fixtures.h"

/* A file with this header text, in a version of our choice. Numbers behind it, which are in the
 * processor's order, get the header's. */
static inline const char *make_file(int version, const char *header, const void *data, size_t size)
{
    const size_t length = strlen(header), prefix = version == 1 ? 10 : 12;
    unsigned char *bytes = fixture_allocate(prefix + length + size, 1);
    memcpy(bytes, "\x93NUMPY", 6);
    bytes[6] = (unsigned char)version;
    for (size_t i = 8; i < prefix; i++)
        bytes[i] = (unsigned char)(length >> 8 * (i - 8));
    memcpy(bytes + prefix, header, length);
    if (size > 0)
        memcpy(bytes + prefix + length, data, size);
    const size_t wide = strstr(header, "<f8") != NULL ? 8 : strstr(header, "<f4") != NULL ? 4 : 1;
    fixture_little_endian(bytes + prefix + length, size / wide, wide);
    const char *path = support_path("made.npy");
    support_write(path, bytes, prefix + length + size);
    free(bytes);
    return path;
}

/* What is saved is in the processor's order. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define FLOAT ">f4"
#else
#define FLOAT "<f4"
#endif

#endif
