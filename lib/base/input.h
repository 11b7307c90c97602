/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_INPUT_H
#define AEI_INPUT_H

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file being read from front to back, or mapped. Only what aei_input_open says names the path. */
typedef struct aei_input {
    int descriptor;
    bool sized;  /* a regular file; pipes and devices do not say how much they will give */
    size_t size; /* bytes that such a file had when it was opened, else 0 */
    uint64_t device, number; /* which file it is */
} aei_input;

/* A file that stays open, to read from any place of it. */
typedef struct aei_kept {
    int descriptor; /* 0: the process can have no more, so that it is opened for each reading */
    uint64_t device, number;
} aei_kept;

/* Open a regular file; closed unless that succeeds. AE_ERROR_NOT_FOUND, AE_ERROR_IO. */
ae_status aei_input_open(aei_input *input, const char *path);

/* The same for pipes and devices too. A named pipe is waited for until somebody writes to it. */
ae_status aei_input_open_any(aei_input *input, const char *path);

void aei_input_close(aei_input *input);

/* The next size bytes; *got is less at the end of the file only. AE_ERROR_IO. */
ae_status aei_input_read(const aei_input *input, void *data, size_t size, size_t *got);

/* From another place on. AE_ERROR_IO. */
ae_status aei_input_seek(const aei_input *input, size_t offset);

/* All of these bytes, wherever reading has come to. AE_ERROR_IO, also when they are not there. */
ae_status aei_input_read_at(const aei_input *input, void *data, size_t size, size_t offset);

/*
 * All of a file that is not empty, read-only, until aei_unmap; the input can be closed before.
 * Whoever reads behind the end of a file that has shrunk since gets SIGBUS. AE_ERROR_IO,
 * AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_input_map(const aei_input *input, void **data, size_t *size);
void aei_unmap(void *data, size_t size);

/* Keep the file for aei_read_at when the input is closed, until aei_let_go. */
aei_kept aei_input_keep(const aei_input *input);
void aei_let_go(aei_kept kept);

/*
 * These bytes of a file that was kept, by any number of threads at once. AE_ERROR_IO, also when the
 * file has become shorter, or when it had to be opened once more and is another one now;
 * AE_ERROR_NOT_FOUND. The error text starts with the path.
 */
ae_status aei_read_at(aei_kept kept, const char *path, void *data, size_t size, size_t offset);

/* Bytes that will be read soon: the system begins to fetch what is not in memory. Without this they
 * are fetched page by page as they are read. */
void aei_will_need(aei_kept kept, size_t size, size_t offset);

/*
 * A whole file into memory, which the caller frees with free(). A regular file only; one of more
 * than limit bytes is refused (AE_ERROR_FORMAT). AE_ERROR_NOT_FOUND, AE_ERROR_IO,
 * AE_ERROR_OUT_OF_MEMORY. The error text starts with the path.
 */
ae_status aei_file_read(void **data, size_t *size, const char *path, size_t limit);

#endif
