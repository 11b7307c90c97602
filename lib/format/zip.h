/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_ZIP_H
#define AEI_ZIP_H

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The directory of a zip archive (PKWARE's APPNOTE 6.3, zip64 included), as numpy.savez writes it:
 *
 *     header, name, bytes of each member | a directory entry for each member | the directory's end
 */
typedef struct aei_zip_member {
    size_t offset; /* of its bytes in the archive */
    size_t packed; /* how many */
    bool deflated; /* else stored */
    size_t size;   /* unpacked, as the directory says */
    uint32_t crc;  /* of the unpacked bytes */
} aei_zip_member;

/* Bytes of an archive, all of which are inside it. */
typedef ae_status (*aei_zip_read)(const void *archive, void *data, size_t size, size_t offset);

bool aei_is_zip(const unsigned char *bytes, size_t size);

/*
 * Find the array `name` in an archive of size bytes: the member of this name, or of this name
 * and .npy. NULL: the only .npy in it. AE_ERROR_FORMAT (damaged, no .npy), AE_ERROR_NOT_FOUND (no
 * such member; the text lists them), AE_ERROR_INVALID_ARGUMENT (several, and none is named),
 * AE_ERROR_UNSUPPORTED (encrypted, or packed otherwise than by deflate), AE_ERROR_OUT_OF_MEMORY,
 * the errors of read.
 */
ae_status aei_zip_find(aei_zip_member *member, aei_zip_read read, const void *archive, size_t size,
                       const char *name);

#endif
