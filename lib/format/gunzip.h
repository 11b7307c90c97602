/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_GUNZIP_H
#define AEI_GUNZIP_H

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>

/* Unpacks gzip data in memory piece by piece; members that follow one another are joined, as gzip
 * does. */
typedef struct aei_gunzip aei_gunzip;

/* Deflate needs at least one bit for 129 bytes: no more than this comes out of a byte. */
enum { AEI_DEFLATE_RATIO = 1032 };

/* Whether data start as gzip does. */
bool aei_is_gzip(const unsigned char *data, size_t size);

/* Start on data, which stay the caller's. AE_ERROR_UNSUPPORTED in builds without zlib,
 * AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_gunzip_create(aei_gunzip **stream, const unsigned char *data, size_t size);

/*
 * The next size bytes. *got is less only where the data end, as they should, with a whole member
 * and its right checksum. AE_ERROR_FORMAT (damaged, cut off, followed by something else),
 * AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_gunzip_read(aei_gunzip *stream, void *out, size_t size, size_t *got);

/* NULL is allowed. */
void aei_gunzip_free(aei_gunzip *stream);

#endif
