/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/gunzip.h"

#include "base/error.h"

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
    const unsigned char *next; /* what zlib has not been given yet; it counts in unsigned int */
    size_t left;
    bool ended; /* the last member is complete and nothing follows */
};

ae_status aei_gunzip_create(aei_gunzip **stream, const unsigned char *data, size_t size)
{
    enum { GZIP_ONLY = 16 };
    aei_gunzip *made = calloc(1, sizeof *made);
    if (made == NULL)
        return aei_fail_memory(sizeof *made);
    made->next = data;
    made->left = size;
    if (inflateInit2(&made->z, MAX_WBITS + GZIP_ONLY) != Z_OK) {
        free(made);
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "out of memory: zlib could not start");
    }
    *stream = made;
    return AE_OK;
}

void aei_gunzip_free(aei_gunzip *stream)
{
    if (stream == NULL)
        return;
    (void)inflateEnd(&stream->z);
    free(stream);
}

static void refill(aei_gunzip *stream)
{
    if (stream->z.avail_in != 0)
        return;
    uInt piece = stream->left < UINT_MAX ? (uInt)stream->left : UINT_MAX;
    stream->z.next_in = stream->next;
    stream->z.avail_in = piece;
    stream->next += piece;
    stream->left -= piece;
}

/* A member is complete: end there, or go on with the next one. */
static ae_status next_member(aei_gunzip *stream)
{
    refill(stream);
    if (stream->z.avail_in == 0) {
        stream->ended = true;
        return AE_OK;
    }
    /* One byte is enough to tell: zlib refuses the header by itself when the second is wrong. */
    if (*stream->z.next_in != 0x1F)
        return aei_fail(AE_ERROR_FORMAT, "%zu bytes follow the gzip data",
                        stream->z.avail_in + stream->left);
    (void)inflateReset(&stream->z);
    return AE_OK;
}

ae_status aei_gunzip_read(aei_gunzip *stream, void *out, size_t size, size_t *got)
{
    size_t done = 0;
    while (done < size && !stream->ended) {
        refill(stream);
        uInt room = size - done < UINT_MAX ? (uInt)(size - done) : UINT_MAX;
        stream->z.next_out = (unsigned char *)out + done;
        stream->z.avail_out = room;
        int answer = inflate(&stream->z, Z_NO_FLUSH);
        done += room - stream->z.avail_out;
        if (answer == Z_STREAM_END)
            AE_TRY(next_member(stream));
        else if (answer == Z_MEM_ERROR)
            return aei_fail(AE_ERROR_OUT_OF_MEMORY, "out of memory: zlib could not go on");
        else if (answer == Z_BUF_ERROR && stream->left == 0)
            return aei_fail(AE_ERROR_FORMAT, "the gzip data are cut off");
        else if (answer != Z_OK)
            return aei_fail(AE_ERROR_FORMAT, "the gzip data are damaged: %s",
                            stream->z.msg != NULL ? stream->z.msg : "unknown reason");
    }
    *got = done;
    return AE_OK;
}

#else

ae_status aei_gunzip_create(aei_gunzip **stream, const unsigned char *data, size_t size)
{
    (void)stream, (void)data, (void)size;
    return aei_fail(AE_ERROR_UNSUPPORTED,
                    "this libae was built without zlib: unpack the file with gunzip first");
}

ae_status aei_gunzip_read(aei_gunzip *stream, void *out, size_t size, size_t *got)
{
    (void)stream, (void)out, (void)size, (void)got;
    return aei_fail(AE_ERROR_UNSUPPORTED, "this libae was built without zlib");
}

void aei_gunzip_free(aei_gunzip *stream)
{
    (void)stream;
}

#endif
