/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_FILE_H
#define AEI_FILE_H

#include <libae/status.h>
#include <stddef.h>

/* The status and text of a system call's error number: "path: action: reason", without a path if
 * that is NULL. */
ae_status aei_file_fail(const char *path, const char *action, int error);

/* A file being written beside its final place: nothing is seen there until commit. */
typedef struct aei_file aei_file;

/* Open a temporary file in path's folder. AE_ERROR_NOT_FOUND (no folder), AE_ERROR_IO,
 * AE_ERROR_NO_SPACE, AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_file_create(aei_file **file, const char *path);

/* Append; a failure is remembered, so that commit reports it again. */
ae_status aei_file_write(aei_file *file, const void *data, size_t size);

/* printf into the file; doubles must go through aei_format_double (number.h). */
__attribute__((format(printf, 2, 3))) ae_status aei_file_print(aei_file *file, const char *format,
                                                               ...);

/* fsync, rename over path, fsync the folder; frees file whatever happens. A symbolic link at path
 * is followed, modes are kept. */
ae_status aei_file_commit(aei_file *file);

/*
 * Commit two files that belong together: neither is renamed before both are safely written, and if
 * the second cannot be renamed the first place gets back what it had (not on file systems without
 * hard links). Frees both whatever happens.
 */
ae_status aei_file_commit_both(aei_file *first, aei_file *second);

/* Remove the temporary file and free; NULL is allowed. */
void aei_file_discard(aei_file *file);

#endif
