/* SPDX-License-Identifier: BSD-3-Clause */
/* How does an IDX file, MNIST's format, become a dataset? */
#include "base/error.h"
#include "data/storage.h"
#include "format/bytes.h"
#include "format/element.h"
#include "format/stream.h"

#include <libae/view.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * IDX, the format of MNIST: 00 00, a byte for the type, a byte for the number of dimensions, each
 * dimension as a big-endian uint32, then the values, big-endian, the last dimension fastest.
 */
enum {
    IDX_U8 = 0x08,
    IDX_I8 = 0x09,
    IDX_I16 = 0x0B,
    IDX_I32 = 0x0C,
    IDX_F32 = 0x0D,
    IDX_F64 = 0x0E
};
/* Bytes read and converted at a time; a multiple of every element's size. */
enum { DIMENSIONS_MAX = 255, BLOCK = 1 << 14 };

static const struct {
    const char *name; /* NULL: no type of the format */
    size_t size;
} types[] = {[IDX_U8] = {"uint8", 1},  [IDX_I8] = {"int8", 1},     [IDX_I16] = {"int16", 2},
             [IDX_I32] = {"int32", 4}, [IDX_F32] = {"float32", 4}, [IDX_F64] = {"float64", 8}};

typedef struct idx {
    unsigned type;
    size_t dimensions;
    size_t rows;
    size_t features;
    size_t image_height;
    size_t image_width;
} idx;

static bool is_float(unsigned type)
{
    return type == IDX_F32 || type == IDX_F64;
}

/* Labels have to be integers; a float label is likely a file of something else. */
static ae_status check_type(unsigned type, bool labels)
{
    if (type >= sizeof types / sizeof types[0] || types[type].name == NULL)
        return aei_fail(AE_ERROR_FORMAT, "IDX type 0x%02X: the format has no such type", type);
    if (!labels || !is_float(type))
        return AE_OK;
    return aei_fail(AE_ERROR_UNSUPPORTED,
                    "IDX type 0x%02X (%s): labels are uint8, int8, int16 or int32", type,
                    types[type].name);
}

/* Sizes come from the file, so every product is checked before it is made. Three dimensions are
 * pictures. */
static ae_status read_sizes(idx *file, const unsigned char *header)
{
    /* Of the larger: an element in the file, or the float32 that it becomes. */
    const size_t limit = PTRDIFF_MAX / sizeof(double);
    size_t elements = 1;
    for (size_t i = 0; i < file->dimensions; i++) {
        const size_t length = (size_t)aei_load(header + 4 * i, 4, true);
        if (length == 0)
            return aei_fail(AE_ERROR_FORMAT, "dimension %zu of the IDX header is 0", i + 1);
        if (elements > limit / length)
            return aei_fail(AE_ERROR_FORMAT,
                            "the %zu dimensions of the IDX header overflow the address space",
                            file->dimensions);
        elements *= length;
    }
    file->rows = (size_t)aei_load(header, 4, true);
    file->features = elements / file->rows;
    if (file->dimensions == 3) {
        file->image_height = (size_t)aei_load(header + 4, 4, true);
        file->image_width = (size_t)aei_load(header + 8, 4, true);
    }
    return AE_OK;
}

/* Leaves the stream at the first value, and announces as many bytes of values as there should
 * be. */
static ae_status read_header(idx *file, aei_stream *stream, bool labels)
{
    unsigned char header[4 * DIMENSIONS_MAX];
    size_t got;
    AE_TRY(aei_stream_read(stream, header, 4, &got));
    if (got == 0)
        return aei_fail(AE_ERROR_FORMAT, "the file is empty");
    if (got < 4 || header[0] != 0 || header[1] != 0)
        return aei_fail(AE_ERROR_FORMAT,
                        "not an IDX file: it does not start with 00 00 and a type");
    *file = (idx){.type = header[2], .dimensions = header[3]};
    AE_TRY(check_type(file->type, labels));
    if (file->dimensions == 0)
        return aei_fail(AE_ERROR_FORMAT, "IDX file without dimensions");
    if (labels && file->dimensions > 2)
        return aei_fail(AE_ERROR_FORMAT, "IDX file with %zu dimensions: labels have one or two",
                        file->dimensions);
    AE_TRY(aei_stream_read(stream, header, 4 * file->dimensions, &got));
    if (got < 4 * file->dimensions)
        return aei_fail(AE_ERROR_FORMAT, "the IDX header is cut off: %zu dimensions are announced",
                        file->dimensions);
    AE_TRY(read_sizes(file, header));
    return aei_stream_expect(stream, file->rows * file->features * types[file->type].size);
}

/* Blocks of numbers of any type but uint8 become float32. */
static ae_status read_floats(aei_stream *stream, float *values, size_t count, unsigned type)
{
    const size_t size = types[type].size;
    const char kind = is_float(type) ? 'f' : 'i';
    for (size_t done = 0; done < count;) {
        unsigned char block[BLOCK];
        const size_t room = sizeof block / size, left = count - done;
        const size_t some = left < room ? left : room;
        AE_TRY(aei_stream_values(stream, block, some * size));
        for (size_t i = 0; i < some; i++)
            values[done + i] = aei_element(block + i * size, kind, size, true);
        done += some;
    }
    return AE_OK;
}

static ae_status read_values(aei_stream *stream, aei_storage *draft, const idx *file,
                             ae_missing missing)
{
    size_t bytes;
    AE_TRY(aei_storage_allocate(draft, file->rows, &bytes));
    if (draft->type == AEI_STORAGE_U8)
        return aei_stream_values(stream, draft->block, bytes);
    AE_TRY(read_floats(stream, draft->block, file->rows * file->features, file->type));
    const ae_status status = aei_storage_check_values(draft, file->rows, missing);
    /* A finite float64 may be infinite here. */
    return status == AE_ERROR_DATA && file->type == IDX_F64 ? aei_fail_within(status, "as float32")
                                                            : status;
}

static ae_status read_rows(ae_dataset **dataset, aei_stream *stream,
                           const ae_dataset_options *options)
{
    ae_dataset_options o;
    idx file;
    aei_storage draft;
    AE_TRY(aei_dataset_read_options(&o, options, 0));
    AE_TRY(read_header(&file, stream, false));
    if (o.image_height == 0 && o.image_width == 0) {
        o.image_height = file.image_height;
        o.image_width = file.image_width;
    }
    AE_TRY(aei_storage_draft(&draft, &o, file.rows, file.features,
                             file.type == IDX_U8 ? AEI_STORAGE_U8 : AEI_STORAGE_F32));
    const ae_status status = read_values(stream, &draft, &file, o.missing);
    if (status != AE_OK) {
        aei_storage_release(&draft);
        return status;
    }
    return aei_dataset_adopt_labelled(dataset, &draft, file.rows, o.labels);
}

ae_status ae_dataset_open_idx(ae_dataset **dataset, const char *path,
                              const ae_dataset_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(path);
    aei_stream *stream;
    AE_TRY(aei_stream_open(&stream, path));
    return aei_stream_close(stream, AEI_READER_IDX, read_rows(dataset, stream, options));
}

ae_status ae_dataset_open_idx_memory(ae_dataset **dataset, const void *data, size_t size,
                                     const ae_dataset_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(data);
    aei_stream *stream;
    AE_TRY(aei_stream_open_memory(&stream, data, size));
    return aei_stream_close(stream, AEI_READER_IDX, read_rows(dataset, stream, options));
}

/* The first value of each row, of any integer type, as int32: QMNIST's labels have more about a
 * digit behind its class. Two's complement of any width: the sign bit counts below 0. */
static ae_status to_labels(int32_t *labels, const unsigned char *values, const idx *file)
{
    const size_t size = types[file->type].size;
    const int64_t sign = file->type == IDX_U8 ? 0 : (int64_t)1 << (8 * size - 1);
    for (size_t i = 0; i < file->rows; i++) {
        const int64_t bits = (int64_t)aei_load(values + i * file->features * size, size, true);
        labels[i] = (int32_t)((bits ^ sign) - sign);
        if (labels[i] == AE_LABEL_NONE)
            return aei_fail(AE_ERROR_DATA, "label %zu is %d, which is AE_LABEL_NONE", i, labels[i]);
    }
    return AE_OK;
}

static ae_status read_labels(ae_dataset **labelled, const ae_dataset *dataset, aei_stream *stream)
{
    idx file;
    AE_TRY(read_header(&file, stream, true));
    if (file.rows != dataset->rows)
        return aei_fail(AE_ERROR_SHAPE, "%zu labels for %zu rows", file.rows, dataset->rows);
    const size_t bytes = file.rows * file.features * types[file.type].size;
    const size_t room = file.rows * sizeof(int32_t);
    int32_t *labels = malloc(room + bytes);
    if (labels == NULL)
        return aei_fail_memory(room + bytes);
    unsigned char *values = (unsigned char *)(labels + file.rows);
    ae_status status = aei_stream_values(stream, values, bytes);
    if (status == AE_OK)
        status = to_labels(labels, values, &file);
    if (status == AE_OK)
        status = ae_dataset_create_labelled(labelled, dataset, labels, file.rows);
    free(labels);
    return status;
}

ae_status ae_dataset_open_idx_labels(ae_dataset **labelled, const ae_dataset *dataset,
                                     const char *path)
{
    AE_REQUIRE(labelled);
    AE_REQUIRE(dataset);
    AE_REQUIRE(path);
    aei_stream *stream;
    AE_TRY(aei_stream_open(&stream, path));
    return aei_stream_close(stream, AEI_READER_IDX, read_labels(labelled, dataset, stream));
}
