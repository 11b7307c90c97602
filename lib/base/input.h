/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_INPUT_H
#define AEI_INPUT_H

#include <libae/status.h>
#include <stddef.h>

/* A file being read from front to back, or mapped. Only what aei_input_open says names the path. */
typedef struct aei_input aei_input;

/* Open a regular file. AE_ERROR_NOT_FOUND, AE_ERROR_IO, AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_input_open(aei_input **input, const char *path);
void aei_input_close(aei_input *input);

/* Bytes that the file had when it was opened. */
size_t aei_input_size(const aei_input *input);

/* The next size bytes; *got is less at the end of the file only. AE_ERROR_IO. */
ae_status aei_input_read(aei_input *input, void *data, size_t size, size_t *got);

/*
 * All of a file that is not empty, read-only, until aei_unmap; the input can be closed before.
 * Whoever reads behind the end of a file that has shrunk since gets SIGBUS. AE_ERROR_IO,
 * AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_input_map(aei_input *input, void **data, size_t *size);
void aei_unmap(void *data, size_t size);

#endif
