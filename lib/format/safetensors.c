/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading containers: every size is taken for a lie until it agrees with the bytes that are
 * there. */
#include "format/safetensors.h"

#include "base/error.h"
#include "format/bytes.h"
#include "format/file_kind.h"
#include "format/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The format's own bound: safetensors 0.4. */
#define SIZE_LIMIT ((uint64_t)1 << 48)

enum { LENGTH_BYTES = 8 };

static const struct {
    const char *name;
    unsigned bits;
} dtypes[] = {
    {"BOOL", 8},    {"U8", 8},      {"I8", 8},          {"I16", 16},        {"U16", 16},
    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},        {"U64", 64},        {"F8_E4M3", 8},
    {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F6_E2M3", 6},
    {"F6_E3M2", 6}, {"F4", 4},
};

/* Types narrower than a byte are packed, hence bits. 0: unknown. */
static unsigned dtype_bits(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (strcmp(dtypes[i].name, name) == 0)
            return dtypes[i].bits;
    return 0;
}

static ae_status complain(const char *name, const char *problem)
{
    char text[AEI_QUOTE_SIZE];
    return aei_fail(AE_ERROR_FORMAT, "tensor %s: %s", aei_quote(text, name), problem);
}

/* Dimensions and their product, which SIZE_LIMIT keeps from overflowing. More than two dimensions
 * are counted but not kept: such a tensor fits no network, and the error says how many it has. */
static ae_status read_shape(aei_stored *tensor, const aei_json *shape)
{
    if (!aei_json_is_array(shape))
        return complain(tensor->name, "shape is not a list");
    bool empty = false;
    uint64_t product = 1;
    for (const aei_json *d = aei_json_first(shape); d != NULL; d = aei_json_next(d)) {
        size_t dimension;
        if (!aei_json_size(d, &dimension))
            return complain(tensor->name, "a dimension is not a whole number");
        if (tensor->rank < 2)
            tensor->shape[tensor->rank] = dimension;
        tensor->rank++;
        empty = empty || dimension == 0;
        if (dimension != 0 && product > SIZE_LIMIT / dimension)
            return complain(tensor->name, "its shape is too large");
        product *= dimension == 0 ? 1 : dimension;
    }
    if (!empty && product > SIZE_MAX / 16)
        return complain(tensor->name, "its shape is too large");
    tensor->elements = empty ? 0 : (size_t)product;
    return AE_OK;
}

/* One tensor, by itself; whether its bytes are there and nobody else's is for check_cover. dtype,
 * shape and offsets say the same size twice over; a file in which they differ is damaged or
 * hostile. */
static ae_status read_entry(aei_stored *tensor, const aei_json *entry)
{
    *tensor = (aei_stored){.name = aei_json_key(entry), .shape = {1, 1}};
    if (!aei_json_is_object(entry))
        return complain(tensor->name, "its entry is not an object");
    tensor->dtype = aei_json_string(aei_json_member(entry, "dtype"));
    const unsigned bits = dtype_bits(tensor->dtype);
    if (bits == 0)
        return complain(tensor->name, "dtype is missing or unknown");
    AE_TRY(read_shape(tensor, aei_json_member(entry, "shape")));
    const aei_json *offsets = aei_json_member(entry, "data_offsets");
    const aei_json *begin = aei_json_is_array(offsets) ? aei_json_first(offsets) : NULL,
                   *end = aei_json_next(begin);
    if (!aei_json_size(begin, &tensor->begin) || !aei_json_size(end, &tensor->end) ||
        aei_json_next(end) != NULL)
        return complain(tensor->name, "data_offsets are not two whole numbers");
    if (tensor->end < tensor->begin)
        return complain(tensor->name, "data_offsets run backwards");
    const uint64_t all_bits = (uint64_t)tensor->elements * bits;
    if (all_bits % 8 != 0 || all_bits / 8 != tensor->end - tensor->begin)
        return complain(tensor->name, "dtype and shape do not fit data_offsets");
    return AE_OK;
}

static int by_offset(const void *a, const void *b)
{
    const aei_stored *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const aei_stored *)a)->name, ((const aei_stored *)b)->name);
}

/* Tensors cover the bytes from first to last without holes and without sharing any. In the order of
 * offsets first: then a hole or an overlap shows between neighbours, in one walk. By name
 * afterwards, so that a tensor is found by bisection. */
static ae_status check_cover(aei_safetensors *file, const unsigned char *data, size_t size)
{
    qsort(file->tensors, file->count, sizeof *file->tensors, by_offset);
    size_t at = 0;
    for (size_t i = 0; i < file->count; i++) {
        aei_stored *tensor = &file->tensors[i];
        if (tensor->begin != at)
            return complain(tensor->name, tensor->begin < at
                                              ? "its data overlap the tensor's before it"
                                              : "there is a hole in front of its data");
        if (tensor->end > size)
            return complain(tensor->name, "its data reach past the end of the file");
        tensor->data = data + at;
        at = tensor->end;
    }
    if (at != size)
        return aei_fail(AE_ERROR_FORMAT, "%zu bytes follow the last tensor", size - at);
    qsort(file->tensors, file->count, sizeof *file->tensors, by_name);
    return AE_OK;
}

/* Strings only, as the format has it; numbers and lists inside are JSON texts of their own. */
static ae_status read_metadata(aei_safetensors *file, const aei_json *metadata)
{
    double number;
    if (aei_json_double(metadata, &number) && isnan(number)) /* null: the reference reads it */
        return AE_OK;
    if (!aei_json_is_object(metadata))
        return aei_fail(AE_ERROR_FORMAT, "__metadata__ is not an object");
    for (const aei_json *note = aei_json_first(metadata); note != NULL; note = aei_json_next(note))
        if (aei_json_string(note) == NULL)
            return aei_fail(AE_ERROR_FORMAT, "__metadata__ holds a value that is not a string");
    file->metadata = metadata;
    return AE_OK;
}

/* One tensor for each member but the metadata. The list is as long as the header, which the file
 * really holds. */
static ae_status read_header(aei_safetensors *file)
{
    if (!aei_json_is_object(file->header))
        return aei_fail(AE_ERROR_FORMAT, "the header is not a JSON object");
    size_t members = 0;
    for (const aei_json *e = aei_json_first(file->header); e != NULL; e = aei_json_next(e))
        members++;
    file->tensors = malloc((members + 1) * sizeof *file->tensors);
    if (file->tensors == NULL)
        return aei_fail_memory((members + 1) * sizeof *file->tensors);
    for (const aei_json *e = aei_json_first(file->header); e != NULL; e = aei_json_next(e)) {
        if (strcmp(aei_json_key(e), "__metadata__") == 0)
            AE_TRY(read_metadata(file, e));
        else
            AE_TRY(read_entry(&file->tensors[file->count++], e));
    }
    return AE_OK;
}

static ae_status open_bytes(aei_safetensors *file, const unsigned char *bytes, size_t size)
{
    if (size < LENGTH_BYTES)
        return aei_fail(AE_ERROR_FORMAT, "not safetensors: %zu bytes, fewer than 8", size);
    const uint64_t length = aei_load(bytes, 8, false);
    if (length > AEI_SAFETENSORS_HEADER)
        return aei_fail(AE_ERROR_FORMAT,
                        "not safetensors: a header of %" PRIu64 " bytes, more than %u", length,
                        AEI_SAFETENSORS_HEADER);
    if (length > size - LENGTH_BYTES)
        return aei_fail(AE_ERROR_FORMAT,
                        "truncated: a header of %" PRIu64 " bytes in a file of %zu", length, size);
    const size_t header = (size_t)length, rest = size - LENGTH_BYTES - header;
    if (header == 0 || bytes[LENGTH_BYTES] != '{')
        return aei_fail(AE_ERROR_FORMAT, "not safetensors: the header does not start with {");
    /* Everything up to here bounds what the JSON reader is given to the bytes that are in hand. */
    aei_safetensors f = {0};
    ae_status status = aei_json_parse(&f.header, (const char *)bytes + LENGTH_BYTES, header);
    if (status != AE_OK)
        return status == AE_ERROR_FORMAT ? aei_fail_within(status, "header") : status;
    AE_CHECK(read_header(&f));
    AE_CHECK(check_cover(&f, bytes + LENGTH_BYTES + header, rest));
    *file = f;
    return AE_OK;
cleanup:
    aei_safetensors_close(&f);
    return status;
}

/* Cheap refusals come first: a picture or a text given by mistake is told from the first nine
 * bytes. */
ae_status aei_safetensors_open(aei_safetensors *file, const void *data, size_t size)
{
    const ae_status status = open_bytes(file, data, size);
    return status == AE_ERROR_FORMAT ? aei_fail_kind(status, AEI_READER_SAFETENSORS, data, size)
                                     : status;
}

void aei_safetensors_close(aei_safetensors *file)
{
    aei_json_free(file->header);
    free(file->tensors);
    *file = (aei_safetensors){0};
}

const aei_stored *aei_safetensors_find(const aei_safetensors *file, const char *name)
{
    const aei_stored key = {.name = name};
    return bsearch(&key, file->tensors, file->count, sizeof key, by_name);
}

const char *aei_safetensors_note(const aei_safetensors *file, const char *key)
{
    return aei_json_string(aei_json_member(file->metadata, key));
}

ae_status aei_safetensors_json(aei_json **json, const aei_safetensors *file, const char *key)
{
    const char *text = aei_safetensors_note(file, key);
    *json = NULL;
    if (text == NULL)
        return AE_OK;
    const ae_status status = aei_json_parse(json, text, strlen(text));
    return status == AE_ERROR_FORMAT ? aei_fail_within(status, "%s", key) : status;
}

bool aei_stored_count(uint64_t *value, const aei_stored *tensor)
{
    if (strcmp(tensor->dtype, "I64") != 0 || tensor->elements != 1)
        return false;
    const uint64_t count = aei_load(tensor->data, 8, false);
    if (count > INT64_MAX)
        return false;
    *value = count;
    return true;
}
