/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/error.h"
#include "base/file.h"
#include "base/options.h"
#include "data/storage.h"
#include "format/gunzip.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * IDX, the format of MNIST: 00 00, a byte for the type, a byte for the number of dimensions, each
 * dimension as a big-endian uint32, then the values, big-endian, the last dimension fastest.
 */
enum { IDX_U8 = 0x08, IDX_F32 = 0x0D, HEADER_MAX = 4 + 4 * 255 };

/* A file is refused before it is read beyond this, which is more than memory will hold for
 * years. */
static const size_t file_limit = (size_t)(SIZE_MAX > UINT32_MAX ? UINT64_C(1) << 36 : SIZE_MAX / 4);

/* Where the bytes come from: memory, or a gzip stream over it. */
typedef struct source {
    const unsigned char *data;
    size_t size;
    size_t used;
    aei_gunzip *gzip; /* NULL: plain */
} source;

typedef struct idx {
    void *block; /* holds the values; for free() */
    unsigned char *values;
    int type;
    size_t dimensions;
    size_t rows;
    size_t features;
    size_t height;
    size_t width;
} idx;

static ae_status source_read(source *from, void *out, size_t size, size_t *got)
{
    if (from->gzip != NULL)
        return aei_gunzip_read(from->gzip, out, size, got);
    *got = size < from->size - from->used ? size : from->size - from->used;
    memcpy(out, from->data + from->used, *got);
    from->used += *got;
    return AE_OK;
}

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
           (uint32_t)bytes[3];
}

static ae_status check_type(int type)
{
    static const char *const names[] = {
        [0x09] = "int8", [0x0B] = "int16", [0x0C] = "int32", [0x0E] = "float64"};
    if (type == IDX_U8 || type == IDX_F32)
        return AE_OK;
    const char *name = (size_t)type < sizeof names / sizeof names[0] ? names[type] : NULL;
    return aei_fail(AE_ERROR_FORMAT,
                    "IDX type 0x%02X (%s): only 0x08 (uint8) and 0x0D (float32) are read",
                    (unsigned)type, name != NULL ? name : "unknown");
}

/* Reads the header and leaves the source at the first value; *bytes receives what the values should
 * take. */
static ae_status read_header(idx *file, source *from, size_t *bytes)
{
    unsigned char header[HEADER_MAX];
    size_t got;
    AE_TRY(source_read(from, header, 4, &got));
    if (got < 4 || header[0] != 0 || header[1] != 0)
        return aei_fail(AE_ERROR_FORMAT,
                        "not an IDX file: it does not start with 00 00 and a type");
    file->type = header[2];
    file->dimensions = header[3];
    AE_TRY(check_type(file->type));
    if (file->dimensions == 0)
        return aei_fail(AE_ERROR_FORMAT, "IDX file without dimensions");
    AE_TRY(source_read(from, header, 4 * file->dimensions, &got));
    if (got < 4 * file->dimensions)
        return aei_fail(AE_ERROR_FORMAT, "the IDX header is cut off: %zu dimensions are announced",
                        file->dimensions);
    const size_t element_size = file->type == IDX_U8 ? 1 : 4;
    size_t elements = 1;
    for (size_t i = 0; i < file->dimensions; i++) {
        size_t length = big_endian(header + 4 * i);
        if (length == 0)
            return aei_fail(AE_ERROR_FORMAT, "dimension %zu of the IDX header is 0", i + 1);
        if (elements > PTRDIFF_MAX / element_size / length)
            return aei_fail(AE_ERROR_FORMAT,
                            "the %zu dimensions of the IDX header overflow the address space",
                            file->dimensions);
        elements *= length;
    }
    *bytes = elements * element_size;
    file->rows = big_endian(header);
    file->features = elements / file->rows;
    if (file->dimensions == 3) {
        file->height = big_endian(header + 4);
        file->width = big_endian(header + 8);
    }
    return AE_OK;
}

static ae_status fail_length(size_t expected, size_t found, const char *more)
{
    return aei_fail(AE_ERROR_FORMAT, "%zu bytes of values expected, %s%zu found", expected, more,
                    found);
}

/* Plain: the values stay where the file was read to. */
static ae_status take_plain(idx *file, void **data, const source *from, size_t bytes)
{
    if (from->size - from->used != bytes)
        return fail_length(bytes, from->size - from->used, "");
    file->values = (unsigned char *)*data + from->used;
    file->block = *data;
    *data = NULL;
    return AE_OK;
}

/* Gzip: unpacked straight into their place, whose size the header says and the packed size
 * bounds. */
static ae_status take_packed(idx *file, source *from, size_t bytes)
{
    if (bytes / AEI_DEFLATE_RATIO > from->size)
        return aei_fail(AE_ERROR_FORMAT,
                        "%zu bytes of values expected, more than %zu bytes of gzip can hold", bytes,
                        from->size);
    unsigned char *values = malloc(bytes);
    if (values == NULL)
        return aei_fail_memory(bytes);
    unsigned char beyond;
    size_t got, more = 0;
    ae_status status;
    AE_CHECK(source_read(from, values, bytes, &got));
    if (got < bytes) {
        status = fail_length(bytes, got, "");
        goto cleanup;
    }
    AE_CHECK(source_read(from, &beyond, 1, &more));
    if (more != 0) {
        status = fail_length(bytes, bytes, "more than ");
        goto cleanup;
    }
    file->block = file->values = values;
    values = NULL;
cleanup:
    free(values);
    return status;
}

/* From the file's bytes to its values; *data is set to NULL when file has taken them over. */
static ae_status parse(idx *file, void **data, size_t size)
{
    source from = {.data = *data, .size = size};
    size_t bytes;
    if (size == 0)
        return aei_fail(AE_ERROR_FORMAT, "the file is empty");
    if (aei_is_gzip(from.data, size))
        AE_TRY(aei_gunzip_create(&from.gzip, from.data, size));
    ae_status status;
    AE_CHECK(read_header(file, &from, &bytes));
    status = from.gzip == NULL ? take_plain(file, data, &from, bytes)
                               : take_packed(file, &from, bytes);
cleanup:
    aei_gunzip_free(from.gzip);
    return status;
}

static ae_status read_idx(idx *file, const char *path)
{
    void *data;
    size_t size;
    *file = (idx){0};
    AE_TRY(aei_file_read(&data, &size, path, file_limit));
    ae_status status = parse(file, &data, size);
    free(data);
    return status == AE_OK ? AE_OK : aei_fail_within(status, "%s", path);
}

/* In place: the header's length is a multiple of four, so the values are aligned. */
static void to_native_floats(unsigned char *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = big_endian(values + 4 * i);
        memcpy(values + 4 * i, &bits, sizeof bits);
    }
}

ae_status ae_dataset_open_idx(ae_dataset **dataset, const char *path,
                              const ae_dataset_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(path);
    ae_dataset_options asked, o;
    size_t bytes;
    AE_TRY(aei_options_read(&asked, sizeof asked, options, "ae_dataset_options"));
    if (asked.borrow == AE_TOGGLE_ON || asked.stride != 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "borrow and stride are for memory: a file has neither");
    idx file;
    AE_TRY(read_idx(&file, path));
    ae_status status;
    const bool f32 = file.type == IDX_F32;
    if (asked.height == 0 && asked.width == 0) {
        asked.height = file.height;
        asked.width = file.width;
    }
    AE_CHECK(
        aei_dataset_resolve(&o, &bytes, &asked, file.rows, file.features, f32 ? sizeof(float) : 1));
    if (f32) {
        to_native_floats(file.values, file.rows * file.features);
        AE_CHECK(aei_check_finite((const float *)(void *)file.values, file.rows, file.features,
                                  file.features));
    }
    aei_storage draft = {.block = file.block,
                         .values = file.values,
                         .element = f32 ? AEI_F32 : AEI_U8,
                         .scale = o.scale,
                         .features = file.features,
                         .stride = file.features,
                         .height = o.height,
                         .width = o.width};
    file.block = NULL; /* taken over */
    status = aei_dataset_adopt(dataset, &draft, file.rows, 0);
cleanup:
    free(file.block);
    return status == AE_OK ? AE_OK : aei_fail_within(status, "%s", path);
}

ae_status ae_dataset_open_idx_labels(ae_dataset **labelled, const ae_dataset *dataset,
                                     const char *path)
{
    AE_REQUIRE(labelled);
    AE_REQUIRE(dataset);
    AE_REQUIRE(path);
    idx file;
    AE_TRY(read_idx(&file, path));
    ae_status status;
    if (file.type != IDX_U8 || file.dimensions != 1) {
        status = aei_fail(AE_ERROR_FORMAT,
                          "%s: IDX type 0x%02X with %zu dimensions: labels are uint8 in one", path,
                          (unsigned)file.type, file.dimensions);
        goto cleanup;
    }
    if (file.rows != dataset->rows) {
        status = aei_fail(AE_ERROR_SHAPE, "%s: %zu labels for %zu rows", path, file.rows,
                          dataset->rows);
        goto cleanup;
    }
    ae_dataset *made;
    unsigned with = AEI_WITH_LABELS | (dataset->index != NULL ? AEI_WITH_INDEX : 0U);
    AE_CHECK(aei_dataset_share(&made, dataset->storage, dataset->rows, with));
    made->first = dataset->first;
    if (made->index != NULL)
        memcpy(made->index, dataset->index, made->rows * sizeof *made->index);
    memcpy(made->labels, file.values, made->rows);
    *labelled = made;
cleanup:
    free(file.block);
    return status;
}
