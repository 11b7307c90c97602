/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_FILE_KIND_H
#define AEI_FILE_KIND_H

#include <libae/status.h>
#include <stddef.h>

/* What a file is by its first bytes: for the error texts of readers that were given another. */

/* Who wanted the file: readers of rows, and the reader of models and checkpoints. */
typedef enum aei_reader {
    AEI_READER_NONE,
    AEI_READER_CSV,
    AEI_READER_NPY,
    AEI_READER_IDX,
    AEI_READER_SAFETENSORS
} aei_reader;

/* So many bytes tell all kinds apart. */
enum { AEI_KIND_BYTES = 512 };

/*
 * A reader's error. Where these first bytes are those of another kind of file its text becomes
 * "a zip archive, not an NPY file: what to do", and AE_ERROR_FORMAT is returned; else status, its
 * text left alone. Never to be asked before reading has failed: a file that its reader understands
 * may start as another kind does.
 */
ae_status aei_fail_kind(ae_status status, aei_reader reader, const unsigned char *first,
                        size_t size);

#endif
