/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_STREAM_H
#define AEI_STREAM_H

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/input.h"
#include "format/file_kind.h"

/*
 * The bytes of a file or pipe, or of memory that holds one, from front to back. gzip is told by its
 * first two bytes and unpacked on the way:
 *
 *     file --> block --+-----------> reader      plain
 *     memory ----------+--> zlib --> reader      gzip
 */
typedef struct aei_stream aei_stream;

/* path and data stay the caller's and must outlive the stream. The errors of aei_input_open;
 * AE_ERROR_UNSUPPORTED (gzip without zlib). */
ae_status aei_stream_open(aei_stream **stream, const char *path);
ae_status aei_stream_open_memory(aei_stream **stream, const void *data, size_t size);

/*
 * Before anything is read: whether the bytes are those of a zip archive, and to go on with those of
 * one array in it, as aei_zip_find finds it. AE_ERROR_UNSUPPORTED (a build without zlib), the
 * errors of aei_zip_find, AE_ERROR_IO, AE_ERROR_OUT_OF_MEMORY.
 */
bool aei_stream_is_zip(const aei_stream *stream);
ae_status aei_stream_enter(aei_stream *stream, const char *name);

/*
 * Free. Returns status, with the path in front of the error text if there is an error. A file that
 * could not be understood is looked at once more: aei_fail_kind says whether it is of another kind.
 */
ae_status aei_stream_close(aei_stream *stream, aei_reader reader, ae_status status);

/* The next size bytes; *got is less at the end only. AE_ERROR_FORMAT (gzip that is damaged, cut off
 * or followed by something else), AE_ERROR_IO, AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_stream_read(aei_stream *stream, void *data, size_t size, size_t *got);

/* Bytes of gzip that have been read so far; SIZE_MAX of what is not packed. */
size_t aei_stream_packed(const aei_stream *stream);

/*
 * Announce that size bytes of values follow, and nothing else, before memory is taken for them:
 * AE_ERROR_FORMAT where that can be known to be untrue.
 */
ae_status aei_stream_expect(aei_stream *stream, size_t size);

/* The next size of the bytes announced. AE_ERROR_FORMAT too when there are fewer or more. */
ae_status aei_stream_values(aei_stream *stream, void *values, size_t size);

/* Where the bytes announced lie in the file; 0 where they do not lie in one as they are: memory, a
 * pipe, gzip, an archive, or a place that is no multiple of alignment. */
size_t aei_stream_place(const aei_stream *stream, size_t alignment);

/* Of a file with such a place: as aei_input_keep and aei_input_map. */
aei_kept aei_stream_keep(const aei_stream *stream);
ae_status aei_stream_map(const aei_stream *stream, void **mapping, size_t *mapped);

#endif
