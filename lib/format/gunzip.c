/* SPDX-License-Identifier: BSD-3-Clause */
/* How do the bytes of a gzip file unpack, piece by piece? zlib does the work. This file adds what a
 * file may be beyond one stream: several members one behind the other, as concatenated files have,
 * and damage, each kind with its own message. */
#include "format/gunzip.h"

#include "base/error.h"

/* RFC 1952, 2.3.1. The content tells, since a name need not end in .gz. Neither IDX nor NPY nor
 * UTF-8 text can start with these two bytes. */
bool aei_is_gzip(const unsigned char *data, size_t size)
{
    return size >= 2 && data[0] == 0x1F && data[1] == 0x8B;
}

#ifdef AEI_HAVE_ZLIB

#define ZLIB_CONST /* next_in points to const */
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

struct aei_gunzip {
    z_stream z;
    aei_gunzip_source source;
    void *context;
    bool raw;   /* a single deflated stream: no members, and no checksum */
    bool ended; /* the last member is complete and nothing follows */
};

/* zlib's memory is asked for here, where the tests can make it run out. */
static voidpf allocate(voidpf unused, uInt items, uInt size)
{
    (void)unused;
    return calloc(items, size);
}

static void release(voidpf unused, voidpf block)
{
    (void)unused;
    free(block);
}

/* 16 on top of the window's size asks zlib for gzip and nothing else. The largest window reads
 * every file. */
ae_status aei_gunzip_create(aei_gunzip **gunzip, aei_gunzip_source source, void *context, bool raw)
{
    enum { GZIP_ONLY = 16 };
    aei_gunzip *made = calloc(1, sizeof *made);
    if (made == NULL)
        return aei_fail_memory(sizeof *made);
    made->source = source;
    made->context = context;
    made->raw = raw;
    made->z.zalloc = allocate;
    made->z.zfree = release;
    if (inflateInit2(&made->z, raw ? -MAX_WBITS : MAX_WBITS + GZIP_ONLY) != Z_OK) {
        free(made);
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "out of memory: zlib could not start");
    }
    *gunzip = made;
    return AE_OK;
}

void aei_gunzip_free(aei_gunzip *gunzip)
{
    if (gunzip == NULL)
        return;
    (void)inflateEnd(&gunzip->z);
    free(gunzip);
}

/* Only when zlib has used up all it had: its input stays where it lies, in the stream's block. */
static ae_status refill(aei_gunzip *gunzip)
{
    size_t size;
    if (gunzip->z.avail_in != 0)
        return AE_OK;
    AE_TRY(gunzip->source(gunzip->context, &gunzip->z.next_in, &size));
    gunzip->z.avail_in = (uInt)size;
    return AE_OK;
}

/* A member is complete: end there, or go on with the next one. Zero bytes behind a member, the rest
 * of a tape's block, are passed over, as Python does. */
static ae_status next_member(aei_gunzip *gunzip)
{
    if (gunzip->raw) {
        gunzip->ended = true;
        return AE_OK;
    }
    AE_TRY(refill(gunzip));
    while (gunzip->z.avail_in > 0 && *gunzip->z.next_in == 0) {
        gunzip->z.next_in++;
        gunzip->z.avail_in--;
        AE_TRY(refill(gunzip));
    }
    gunzip->ended = gunzip->z.avail_in == 0;
    if (gunzip->ended)
        return AE_OK;
    /* One byte is enough to tell: zlib refuses the header by itself when the second is wrong. */
    if (*gunzip->z.next_in != 0x1F)
        return aei_fail(AE_ERROR_FORMAT, "the gzip data are followed by something else");
    (void)inflateReset(&gunzip->z);
    return AE_OK;
}

/* An error leaves *got at 0: bytes in front of a damaged place have not been checked against the
 * member's checksum, which comes last. */
ae_status aei_gunzip_read(aei_gunzip *gunzip, void *out, size_t size, size_t *got)
{
    size_t done = 0;
    *got = 0;
    while (done < size && !gunzip->ended) {
        AE_TRY(refill(gunzip));
        const uInt room = size - done < UINT_MAX ? (uInt)(size - done) : UINT_MAX;
        gunzip->z.next_out = (unsigned char *)out + done;
        gunzip->z.avail_out = room;
        const int answer = inflate(&gunzip->z, Z_NO_FLUSH);
        done += room - gunzip->z.avail_out;
        if (answer == Z_STREAM_END)
            AE_TRY(next_member(gunzip));
        else if (answer == Z_MEM_ERROR)
            return aei_fail(AE_ERROR_OUT_OF_MEMORY, "out of memory: zlib could not go on");
        else if (answer == Z_BUF_ERROR) /* no progress: there is room, so there are no bytes */
            return aei_fail(AE_ERROR_FORMAT, "the gzip data are cut off");
        else if (answer != Z_OK)
            return aei_fail(AE_ERROR_FORMAT, "the gzip data are damaged: %s",
                            gunzip->z.msg != NULL ? gunzip->z.msg : "unknown reason");
    }
    *got = done;
    return AE_OK;
}

uint32_t aei_crc32(uint32_t crc, const void *data, size_t size)
{
    return (uint32_t)crc32_z(crc, data, size);
}

#else

uint32_t aei_crc32(uint32_t crc, const void *data, size_t size)
{
    (void)crc, (void)data, (void)size;
    return 0;
}

ae_status aei_gunzip_create(aei_gunzip **gunzip, aei_gunzip_source source, void *context, bool raw)
{
    (void)gunzip, (void)source, (void)context, (void)raw;
    return aei_fail(AE_ERROR_UNSUPPORTED,
                    "this libae was built without zlib: unpack the file with gunzip first");
}

ae_status aei_gunzip_read(aei_gunzip *gunzip, void *out, size_t size, size_t *got)
{
    (void)gunzip, (void)out, (void)size, (void)got;
    return aei_fail(AE_ERROR_UNSUPPORTED, "this libae was built without zlib");
}

void aei_gunzip_free(aei_gunzip *gunzip)
{
    (void)gunzip;
}

#endif
