/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_PACKED_H
#define TESTS_PACKED_H

#ifdef AEI_HAVE_ZLIB

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* One gzip member; the caller frees it. */
static inline uint8_t *pack(const void *bytes, size_t size, size_t *packed)
{
    z_stream z = {0};
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    uLong bound = deflateBound(&z, (uLong)size) + 32;
    uint8_t *out = malloc(bound), *in = malloc(size + 1);
    ck_assert_ptr_nonnull(out);
    ck_assert_ptr_nonnull(in);
    memcpy(in, bytes, size);
    z.next_in = in;
    z.avail_in = (uInt)size;
    z.next_out = out;
    z.avail_out = (uInt)bound;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    *packed = bound - z.avail_out;
    deflateEnd(&z);
    free(in);
    return out;
}

#endif

#endif
