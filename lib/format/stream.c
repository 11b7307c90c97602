/* SPDX-License-Identifier: BSD-3-Clause */
/* How are a file, memory and gzip read in one way? Readers above see bytes from front to back and
 * no difference. A reader announces the bytes that its header promises, and a promise that cannot
 * be kept is refused before memory is taken for it. */
#include "format/stream.h"

#include "base/error.h"
#include "base/input.h"
#include "format/gunzip.h"
#include "format/zip.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A block of a file; gzip in memory goes to zlib in one piece, as large as zlib can count. */
enum { BLOCK = 1 << 16, PIECE = 1 << 30 };

struct aei_stream {
    const char *path; /* NULL: memory */
    aei_input input;
    aei_gunzip *gunzip;        /* NULL: plain */
    const unsigned char *next; /* left bytes at hand, in the block or the caller's memory */
    size_t left;
    bool sized;             /* size is known: a pipe does not say how much it will give */
    size_t size;            /* of the file or memory */
    size_t packed;          /* bytes given to zlib so far */
    size_t used;            /* bytes given to the reader so far, unpacked */
    size_t first, expected; /* values announced: where they start, and how many bytes */
    size_t rest;            /* bytes of a file that are to be read still, at most */
    aei_zip_member member;  /* offset is 0: the whole file is read */
    uint32_t crc;           /* of the member's bytes so far */
    unsigned char start[AEI_KIND_BYTES]; /* the first of the bytes used */
    unsigned char block[];               /* BLOCK bytes, of files only */
};

static bool in_member(const aei_stream *stream)
{
    return stream->member.offset != 0;
}

/* Up to the end of the file, or of the member that is read. */
static ae_status read_file(aei_stream *stream, void *data, size_t size, size_t *got)
{
    AE_TRY(aei_input_read(&stream->input, data, size < stream->rest ? size : stream->rest, got));
    stream->rest -= *got;
    return AE_OK;
}

static ae_status refill(aei_stream *stream)
{
    if (stream->left > 0 || stream->path == NULL)
        return AE_OK;
    stream->next = stream->block;
    return read_file(stream, stream->block, BLOCK, &stream->left);
}

/* For zlib: the next bytes, none at the end. */
static ae_status give(void *context, const unsigned char **data, size_t *size)
{
    aei_stream *stream = context;
    AE_TRY(refill(stream));
    *data = stream->next;
    *size = stream->left < PIECE ? stream->left : PIECE;
    stream->next += *size;
    stream->left -= *size;
    stream->packed += *size;
    return AE_OK;
}

/* The first block is read at once, since the two bytes that tell gzip stand in it. */
static ae_status start(aei_stream *stream)
{
    AE_TRY(refill(stream));
    if (!aei_is_gzip(stream->next, stream->left))
        return AE_OK;
    return aei_gunzip_create(&stream->gunzip, give, stream, false);
}

ae_status aei_stream_open(aei_stream **stream, const char *path)
{
    aei_stream *made = malloc(sizeof *made + BLOCK);
    if (made == NULL)
        return aei_fail_memory(sizeof *made + BLOCK);
    *made = (aei_stream){.path = path, .rest = SIZE_MAX};
    ae_status status = aei_input_open_any(&made->input, path);
    if (status != AE_OK) {
        free(made);
        return status;
    }
    made->sized = made->input.sized;
    made->size = made->input.size;
    status = start(made);
    if (status != AE_OK)
        return aei_stream_close(made, AEI_READER_NONE, status);
    *stream = made;
    return AE_OK;
}

ae_status aei_stream_open_memory(aei_stream **stream, const void *data, size_t size)
{
    aei_stream *made = malloc(sizeof *made);
    if (made == NULL)
        return aei_fail_memory(sizeof *made);
    *made = (aei_stream){.next = data, .left = size, .sized = true, .size = size};
    const ae_status status = start(made);
    if (status != AE_OK)
        return aei_stream_close(made, AEI_READER_NONE, status);
    *stream = made;
    return AE_OK;
}

/* What is at hand first. Then large pieces of a file go where they are wanted, past the block. */
static ae_status read_plain(aei_stream *stream, unsigned char *data, size_t size, size_t *got)
{
    size_t done = 0;
    *got = 0;
    while (done < size) {
        if (stream->left == 0 && stream->path != NULL && size - done >= BLOCK) {
            size_t more;
            AE_TRY(read_file(stream, data + done, size - done, &more));
            done += more;
            break;
        }
        AE_TRY(refill(stream));
        const size_t piece = stream->left < size - done ? stream->left : size - done;
        if (piece == 0)
            break;
        memcpy(data + done, stream->next, piece);
        stream->next += piece;
        stream->left -= piece;
        done += piece;
    }
    *got = done;
    return AE_OK;
}

/* A member's bytes are what its directory promises, and no more. */
static ae_status check_member(aei_stream *stream, const void *data, size_t got)
{
    stream->crc = aei_crc32(stream->crc, data, got);
    if (stream->used > stream->member.size)
        return aei_fail(AE_ERROR_FORMAT, "the member has more than the %zu bytes of its directory",
                        stream->member.size);
    if (stream->used == stream->member.size && stream->crc != stream->member.crc)
        return aei_fail(AE_ERROR_FORMAT, "the member is damaged: its checksum is another");
    return AE_OK;
}

ae_status aei_stream_read(aei_stream *stream, void *data, size_t size, size_t *got)
{
    AE_TRY(stream->gunzip != NULL ? aei_gunzip_read(stream->gunzip, data, size, got)
                                  : read_plain(stream, data, size, got));
    if (stream->used < sizeof stream->start) {
        const size_t room = sizeof stream->start - stream->used;
        memcpy(stream->start + stream->used, data, *got < room ? *got : room);
    }
    stream->used += *got;
    return !in_member(stream) ? AE_OK : check_member(stream, data, *got);
}

size_t aei_stream_packed(const aei_stream *stream)
{
    return stream->gunzip == NULL ? SIZE_MAX : stream->packed;
}

bool aei_stream_is_zip(const aei_stream *stream)
{
    return stream->used == 0 && stream->gunzip == NULL && aei_is_zip(stream->next, stream->left);
}

static ae_status read_archive(const void *archive, void *data, size_t size, size_t offset)
{
    const aei_stream *stream = archive;
    if (stream->path != NULL)
        return aei_input_read_at(&stream->input, data, size, offset);
    memcpy(data, stream->next + offset, size);
    return AE_OK;
}

/* The directory stands at the archive's end, so that the whole has to be at hand. */
ae_status aei_stream_enter(aei_stream *stream, const char *name)
{
    if (!stream->sized)
        return aei_fail(AE_ERROR_UNSUPPORTED,
                        "a zip archive from a pipe, whose directory comes last: put it in a file");
    AE_TRY(aei_zip_find(&stream->member, read_archive, stream, stream->size, name));
#ifndef AEI_HAVE_ZLIB
    return aei_fail(AE_ERROR_UNSUPPORTED,
                    "this libae was built without zlib: unpack the archive with unzip first");
#endif
    const aei_zip_member *member = &stream->member;
    if (stream->path != NULL)
        AE_TRY(aei_input_seek(&stream->input, member->offset));
    stream->next = stream->path != NULL ? stream->block : stream->next + member->offset;
    stream->left = stream->path != NULL ? 0 : member->packed;
    stream->rest = stream->size = member->packed;
    return member->deflated ? aei_gunzip_create(&stream->gunzip, give, stream, true) : AE_OK;
}

/* The reader may have stopped at the first byte, and a kind may need more of them to be told. */
static ae_status fail_kind(aei_stream *stream, aei_reader reader, ae_status status)
{
    unsigned char more[AEI_KIND_BYTES];
    size_t size = stream->used < sizeof more ? stream->used : sizeof more, got = 0;
    const bool foreign = status == AE_ERROR_FORMAT || status == AE_ERROR_DATA ||
                         status == AE_ERROR_NOT_FOUND;
    if (!foreign || reader == AEI_READER_NONE)
        return status;
    if (size < sizeof more)
        AE_TRY(aei_stream_read(stream, more, sizeof more - size, &got));
    status = aei_fail_kind(status, reader, stream->start, size + got);
    return stream->gunzip != NULL || in_member(stream) ? aei_fail_within(status, "unpacked")
                                                       : status;
}

ae_status aei_stream_close(aei_stream *stream, aei_reader reader, ae_status status)
{
    status = fail_kind(stream, reader, status);
    if (stream->path != NULL)
        aei_input_close(&stream->input);
    if (stream->path != NULL && status != AE_OK)
        (void)aei_fail_within(status, "%s", stream->path);
    aei_gunzip_free(stream->gunzip);
    free(stream);
    return status;
}

static ae_status fail_length(const aei_stream *stream, const char *more, size_t found)
{
    return aei_fail(AE_ERROR_FORMAT, "%zu bytes of values expected, %s%zu found", stream->expected,
                    more, found);
}

/*
 * Plain bytes can be counted. Of gzip the packed size is known: deflate's longest match is 258
 * bytes and needs two bits at least, so that a byte becomes 1032 at most (RFC 1951). What a pipe
 * will give cannot be known. Memory for its values is taken as zeros, which a system provides page
 * by page as they are written.
 */
ae_status aei_stream_expect(aei_stream *stream, size_t size)
{
    enum { DEFLATE_RATIO = 1032 };
    stream->first = stream->used;
    stream->expected = size;
    if (!stream->sized)
        return AE_OK;
    if (stream->gunzip != NULL && size / DEFLATE_RATIO > stream->size)
        return aei_fail(AE_ERROR_FORMAT,
                        "%zu bytes of values expected, more than %zu bytes of gzip can hold", size,
                        stream->size);
    /* A file that is just growing may have given more than it had. */
    const bool member = in_member(stream);
    const size_t all = member ? stream->member.size : stream->size;
    const size_t found = all < stream->used ? 0 : all - stream->used;
    const bool unknown = stream->gunzip != NULL && !member;
    return unknown || found == size ? AE_OK : fail_length(stream, "", found);
}

/* Only after the last value does it pay to ask for one byte more: a file that goes on is not what
 * its header says. */
ae_status aei_stream_values(aei_stream *stream, void *values, size_t size)
{
    unsigned char beyond;
    size_t got;
    AE_TRY(aei_stream_read(stream, values, size, &got));
    if (got < size)
        return fail_length(stream, "", stream->used - stream->first);
    if (stream->used - stream->first < stream->expected)
        return AE_OK;
    AE_TRY(aei_stream_read(stream, &beyond, 1, &got));
    return got == 0 ? AE_OK : fail_length(stream, "more than ", stream->expected);
}

size_t aei_stream_place(const aei_stream *stream, size_t alignment)
{
    const bool plain = stream->path != NULL && stream->sized && stream->gunzip == NULL &&
                       !in_member(stream);
    return plain && stream->first % alignment == 0 ? stream->first : 0;
}

aei_kept aei_stream_keep(const aei_stream *stream)
{
    return aei_input_keep(&stream->input);
}

ae_status aei_stream_map(const aei_stream *stream, void **mapping, size_t *mapped)
{
    return aei_input_map(&stream->input, mapping, mapped);
}
