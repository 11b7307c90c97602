/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_ARCHIVE_H
#define AEI_ARCHIVE_H

#include "format/text.h"
#include "model/network_internal.h"

/*
 * A safetensors container being put together: tensors are named first, then all are written, one
 * at a time, so that a model is never held twice.
 */
typedef enum aei_element { AEI_I64, AEI_F64, AEI_F32 } aei_element;

/* A tensor to be written; what it points to must stay until then. */
typedef struct aei_record {
    char name[80];
    aei_element element;
    size_t rank, shape[2], count;
    const void *values;     /* count elements, or a block of the network's that `part` lies in */
    const aei_tensor *part; /* NULL: values as they are */
} aei_record;

typedef struct aei_archive {
    const ae_network *network; /* whose layout parts have */
    aei_record *records;
    size_t count, room;
    bool failed;
    aei_text metadata, header;
    size_t data_size;
} aei_archive;

/* What a finished archive goes to: a file, or memory with room for all of it. */
typedef struct aei_sink {
    struct aei_file *file;
    unsigned char *memory;
} aei_sink;

void aei_archive_free(aei_archive *archive);

/* Add a tensor; the name is a prefix and a name. A failure is remembered until
 * aei_archive_finish. */
void aei_archive_add(aei_archive *archive, const char *prefix, const char *name,
                     aei_element element, size_t rank, const size_t *shape, const void *values);

/* Add a part of a block that is laid out like the network's. */
void aei_archive_add_part(aei_archive *archive, const char *prefix, const aei_tensor *part,
                          const float *block);

/* Add a metadata string. */
void aei_archive_note(aei_archive *archive, const char *key, const char *value);

/* The same from a text, which it frees. */
void aei_archive_note_text(aei_archive *archive, const char *key, aei_text *value);

/* Put the tensors in order and make the header; nothing can be added afterwards.
 * AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_archive_finish(aei_archive *archive);

/* Bytes of the finished container. */
size_t aei_archive_size(const aei_archive *archive);

/* Write it. AE_ERROR_OUT_OF_MEMORY, and the file's errors. */
ae_status aei_archive_write(const aei_archive *archive, aei_sink sink);

/* Write it to a file, whole or not at all. */
ae_status aei_archive_save(const aei_archive *archive, const char *path);

/* Write it to a buffer; NULL: only ask for its size. size receives that (NULL: not wanted), also
 * with AE_ERROR_BUFFER_SIZE. AE_ERROR_INVALID_ARGUMENT: neither is wanted. */
ae_status aei_archive_save_memory(const aei_archive *archive, void *buffer, size_t capacity,
                                  size_t *size);

#endif
