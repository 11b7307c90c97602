/* SPDX-License-Identifier: BSD-3-Clause */
/* In which order and form do tensors go into a safetensors file? Values are only pointed to until
 * they are written. The header needs every tensor's place, so all are named first; then each goes
 * out through one scratch array, and a model is never held twice. */
#include "store/archive.h"

#include "base/error.h"
#include "base/file.h"
#include "format/bytes.h"
#include "format/safetensors.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tensor bytes start on a multiple of this, for those who map the file into memory. */
enum { DATA_ALIGNMENT = 64, LENGTH_BYTES = 8 };

static const struct {
    const char *name;
    size_t size;
} elements[] = {[AEI_I64] = {"I64", 8}, [AEI_F64] = {"F64", 8}, [AEI_F32] = {"F32", 4}};

void aei_archive_free(aei_archive *archive)
{
    free(archive->records);
    aei_text_free(&archive->metadata);
    aei_text_free(&archive->header);
    *archive = (aei_archive){0};
}

/* Names are the network's own and short, so cutting them off cannot happen; see aei_tensor's size.
 * A failure is remembered, not returned: callers add dozens of tensors in a row and ask once. */
static aei_record *append(aei_archive *archive, const char *prefix, const char *name)
{
    /* Nothing is added after a failure: the file will not be written, whatever follows. */
    if (archive->failed)
        return NULL;
    if (archive->count == archive->room) {
        const size_t room = archive->room == 0 ? 64 : archive->room * 2;
        aei_record *grown = realloc(archive->records, room * sizeof *grown);
        if (grown == NULL) {
            archive->failed = true;
            return NULL;
        }
        archive->records = grown;
        archive->room = room;
    }
    aei_record *record = &archive->records[archive->count++];
    (void)snprintf(record->name, sizeof record->name, "%s%s", prefix, name);
    return record;
}

void aei_archive_add(aei_archive *archive, const char *prefix, const char *name,
                     aei_element element, size_t rank, const size_t *shape, const void *values)
{
    aei_record *record = append(archive, prefix, name);
    if (record == NULL)
        return;
    record->element = element;
    record->rank = rank;
    record->count = 1;
    for (size_t i = 0; i < 2; i++) {
        record->shape[i] = i < rank ? shape[i] : 1;
        record->count *= record->shape[i];
    }
    /* Not copied: what is saved must stay as it is until the archive has been written. */
    record->values = values;
    record->part = NULL;
}

/* Only the index of the record is kept across the call, since the records may move. */
void aei_archive_add_part(aei_archive *archive, const char *prefix, const aei_tensor *part,
                          const float *block)
{
    const aei_layer *layer = &archive->network->layers[part->layer];
    const size_t shape[2] = {layer->out, layer->in};
    const size_t before = archive->count;
    aei_archive_add(archive, prefix, part->name, AEI_F32, part->part == AEI_WEIGHT ? 2 : 1, shape,
                    block);
    if (archive->count > before)
        archive->records[before].part = part;
}

void aei_archive_note(aei_archive *archive, const char *key, const char *value)
{
    if (archive->metadata.length > 0)
        aei_text_bytes(&archive->metadata, ",", 1);
    aei_text_string(&archive->metadata, key);
    aei_text_bytes(&archive->metadata, ":", 1);
    aei_text_string(&archive->metadata, value);
}

/* A text that failed must not become a metadata string that is cut off. */
void aei_archive_note_text(aei_archive *archive, const char *key, aei_text *value)
{
    archive->failed = archive->failed || value->failed;
    if (!value->failed)
        aei_archive_note(archive, key, value->data);
    aei_text_free(value);
}

/* Larger elements first, so that without holes each tensor is aligned for its own; then by name.
 * The same network gives the same bytes, whatever the order in which its parts were added. */
static int in_file_order(const void *a, const void *b)
{
    const aei_record *x = a, *y = b;
    if (elements[x->element].size != elements[y->element].size)
        return elements[x->element].size > elements[y->element].size ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* A header entry; the comma is right because metadata always come first. */
static void describe(aei_text *header, const aei_record *record, size_t begin, size_t end)
{
    aei_text_bytes(header, ",", 1);
    aei_text_string(header, record->name);
    aei_text_add(header, ":{\"dtype\":\"%s\",\"shape\":[", elements[record->element].name);
    for (size_t i = 0; i < record->rank; i++)
        aei_text_add(header, "%s%zu", i == 0 ? "" : ",", record->shape[i]);
    aei_text_add(header, "],\"data_offsets\":[%zu,%zu]}", begin, end);
}

ae_status aei_archive_finish(aei_archive *archive)
{
    if (archive->failed)
        return aei_fail_memory(archive->room * 2 * sizeof *archive->records);
    AE_TRY(aei_text_check(&archive->metadata));
    qsort(archive->records, archive->count, sizeof *archive->records, in_file_order);
    aei_text *header = &archive->header;
    aei_text_add(header, "{\"__metadata__\":{");
    aei_text_bytes(header, archive->metadata.data, archive->metadata.length);
    aei_text_add(header, "}");
    archive->data_size = 0;
    for (size_t i = 0; i < archive->count; i++) {
        const aei_record *record = &archive->records[i];
        const size_t end = archive->data_size + record->count * elements[record->element].size;
        describe(header, record, archive->data_size, end);
        archive->data_size = end;
    }
    aei_text_add(header, "}");
    /* Spaces are the one padding that the format allows, and only here. */
    while ((LENGTH_BYTES + header->length) % DATA_ALIGNMENT != 0 && !header->failed)
        aei_text_bytes(header, " ", 1);
    /* What no reader would take is refused before anything is written. */
    if (header->length > AEI_SAFETENSORS_HEADER)
        return aei_fail(AE_ERROR_UNSUPPORTED,
                        "a header of %zu bytes, more than %u: shorten the names of the columns",
                        header->length, AEI_SAFETENSORS_HEADER);
    return aei_text_check(header);
}

size_t aei_archive_size(const aei_archive *archive)
{
    return LENGTH_BYTES + archive->header.length + archive->data_size;
}

/* Append to the sink; memory moves on by itself. Its room is not looked at here, as the size of the
 * whole is known and was asked for before. */
static ae_status put(aei_sink *sink, const void *bytes, size_t size)
{
    if (sink->memory == NULL)
        return aei_file_write(sink->file, bytes, size);
    memcpy(sink->memory, bytes, size);
    sink->memory += size;
    return AE_OK;
}

/* Bytes of the largest tensor: all the memory that writing takes. */
static size_t largest(const aei_archive *archive)
{
    size_t bytes = 1;
    for (size_t i = 0; i < archive->count; i++) {
        const size_t size = archive->records[i].count * elements[archive->records[i].element].size;
        bytes = size > bytes ? size : bytes;
    }
    return bytes;
}

/* Through scratch even where values are in plain order: little-endian is made in place, and the
 * network is const. */
ae_status aei_archive_write(const aei_archive *archive, aei_sink sink)
{
    ae_status status = AE_OK;
    unsigned char length[LENGTH_BYTES];
    void *scratch = malloc(largest(archive));
    if (scratch == NULL)
        return aei_fail_memory(largest(archive));
    aei_store(length, archive->header.length, sizeof length);
    AE_CHECK(put(&sink, length, sizeof length));
    AE_CHECK(put(&sink, archive->header.data, archive->header.length));
    for (size_t i = 0; i < archive->count; i++) {
        const aei_record *record = &archive->records[i];
        const size_t size = elements[record->element].size;
        if (record->count == 0)
            continue;
        if (record->part != NULL)
            aei_tensor_unpack(archive->network, record->part, record->values, scratch);
        else
            memcpy(scratch, record->values, record->count * size);
        aei_little_endian(scratch, record->count, size);
        AE_CHECK(put(&sink, scratch, record->count * size));
    }
cleanup:
    free(scratch);
    return status;
}

/* The old file stays until the new one is complete and synced: a program killed while it saves
 * leaves the last good model. */
ae_status aei_archive_save(const aei_archive *archive, const char *path)
{
    aei_file *file;
    AE_TRY(aei_file_create(&file, path));
    const ae_status status = aei_archive_write(archive, (aei_sink){.file = file});
    if (status != AE_OK) {
        aei_file_discard(file);
        return status;
    }
    return aei_file_commit(file);
}

/* The size is known from the header, so asking for it writes nothing; a buffer that is too small
 * stays untouched. */
ae_status aei_archive_save_memory(const aei_archive *archive, void *buffer, size_t capacity,
                                  size_t *size)
{
    const size_t needed = aei_archive_size(archive);
    ae_status status = AE_OK;
    if (buffer == NULL && size == NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "buffer and size are both NULL");
    if (buffer != NULL && capacity < needed)
        status = aei_fail(AE_ERROR_BUFFER_SIZE, "capacity is %zu: %zu bytes are needed", capacity,
                          needed);
    else if (buffer != NULL)
        status = aei_archive_write(archive, (aei_sink){.memory = buffer});
    /* Told with a buffer that is too small as well, so that the caller can get a larger one. */
    if (size != NULL && (status == AE_OK || status == AE_ERROR_BUFFER_SIZE))
        *size = needed;
    return status;
}
