/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_GUNZIP_H
#define AEI_GUNZIP_H

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Unpacks gzip data piece by piece; members that follow one another are joined, as gzip does. */
typedef struct aei_gunzip aei_gunzip;

/* Gives the next packed bytes, at most UINT_MAX, which stay where they are until the next call; at
 * the end none. */
typedef ae_status (*aei_gunzip_source)(void *context, const unsigned char **data, size_t *size);

/* Whether data start as gzip does. */
bool aei_is_gzip(const unsigned char *data, size_t size);

/* AE_ERROR_UNSUPPORTED in builds without zlib, AE_ERROR_OUT_OF_MEMORY. raw: deflated data without
 * gzip's header and checksum, as zip archives hold them. */
ae_status aei_gunzip_create(aei_gunzip **gunzip, aei_gunzip_source source, void *context, bool raw);

/* The checksum of zip and gzip, gone on with; 0 at the beginning, and in builds without zlib. */
uint32_t aei_crc32(uint32_t crc, const void *data, size_t size);

/*
 * The next size bytes. *got is less only where the data end, as they should, with a whole member
 * and its right checksum. AE_ERROR_FORMAT (damaged, cut off, followed by something else),
 * AE_ERROR_OUT_OF_MEMORY, the source's errors.
 */
ae_status aei_gunzip_read(aei_gunzip *gunzip, void *out, size_t size, size_t *got);

/* NULL is allowed. */
void aei_gunzip_free(aei_gunzip *gunzip);

#endif
