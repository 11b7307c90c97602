/* SPDX-License-Identifier: BSD-3-Clause */
/* How does a NumPy array become a dataset? Bytes, and float32 in the machine's order, are mapped or
 * read as they stand; everything else is converted block by block. */
#include "format/npy_header.h"

#include "base/error.h"
#include "data/storage.h"
#include "format/bytes.h"
#include "format/element.h"
#include "format/stream.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bytes read and converted at a time; a multiple of every element's size. */
enum { BLOCK = 1 << 13 };

typedef struct source {
    aei_stream *stream;
    const char *path; /* NULL: in memory */
    aei_npy npy;
    size_t rows, features, image_height, image_width;
} source;

/* size bytes of the header. */
static ae_status read_exactly(const source *from, void *data, size_t size)
{
    size_t got;
    AE_TRY(aei_stream_read(from->stream, data, size, &got));
    return got == size ? AE_OK : aei_fail(AE_ERROR_FORMAT, "the file ends within the NPY header");
}

/* Magic, version and the header's length. */
static ae_status read_prefix(const source *from, size_t *length)
{
    static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    unsigned char prefix[AEI_NPY_PREFIX];
    size_t got;
    AE_TRY(aei_stream_read(from->stream, prefix, 10, &got));
    if (got == 0)
        return aei_fail(AE_ERROR_FORMAT, "not an NPY file: the file is empty");
    if (got < sizeof magic || memcmp(prefix, magic, sizeof magic) != 0)
        return aei_fail(AE_ERROR_FORMAT, "not an NPY file: it does not start with 93 NUMPY");
    if (got < 10)
        return aei_fail(AE_ERROR_FORMAT, "the file ends within the NPY header");
    if (prefix[6] < 1 || prefix[6] > 3 || prefix[7] != 0)
        return aei_fail(AE_ERROR_UNSUPPORTED, "NPY version %d.%d: 1.0, 2.0 and 3.0 are read",
                        prefix[6], prefix[7]);
    *length = (size_t)prefix[8] | (size_t)prefix[9] << 8;
    if (prefix[6] > 1) {
        AE_TRY(read_exactly(from, prefix + 10, 2));
        *length |= (size_t)prefix[10] << 16 | (size_t)prefix[11] << 24;
    }
    if (*length > AEI_NPY_HEADER)
        return aei_fail(AE_ERROR_FORMAT, "an NPY header of %zu characters: at most %d are read",
                        *length, AEI_NPY_HEADER);
    return AE_OK;
}

/* Rows and features, and a picture's sides when two dimensions are left beside rows and single
 * channels. Sizes come from the file: each product is checked before it is made, for the widest
 * element. */
static ae_status read_sizes(source *from, size_t *elements)
{
    const aei_npy *npy = &from->npy;
    size_t count = 1, sides[2] = {0, 0}, side_count = 0;
    if (npy->rank == 0)
        return aei_fail(AE_ERROR_FORMAT,
                        "a single number without dimensions: rows x features expected");
    for (size_t i = 0; i < npy->rank; i++) {
        if (npy->shape[i] == 0)
            return aei_fail(AE_ERROR_FORMAT, "dimension %zu of the array is 0: there are no values",
                            i + 1);
        if (count > PTRDIFF_MAX / sizeof(double) / npy->shape[i])
            return aei_fail(AE_ERROR_FORMAT,
                            "the array's %zu dimensions overflow the address space", npy->rank);
        count *= npy->shape[i];
        if (i > 0 && (npy->rank == 3 || npy->shape[i] > 1) && side_count++ < 2)
            sides[side_count - 1] = npy->shape[i];
    }
    if (npy->shape[0] > UINT32_MAX)
        return aei_fail(AE_ERROR_UNSUPPORTED, "%zu rows: a dataset holds at most %u", npy->shape[0],
                        (unsigned)UINT32_MAX);
    *elements = count;
    from->rows = npy->shape[0];
    from->features = count / from->rows;
    if (npy->rank > 2 && side_count == 2) {
        from->image_height = sides[0];
        from->image_width = sides[1];
    }
    return AE_OK;
}

static ae_status read_header(source *from)
{
    char text[AEI_NPY_HEADER];
    size_t length = 0, elements = 0;
    AE_TRY(read_prefix(from, &length));
    AE_TRY(read_exactly(from, text, length));
    AE_TRY(aei_npy_parse(&from->npy, text, length));
    AE_TRY(read_sizes(from, &elements));
    AE_TRY(aei_stream_expect(from->stream, elements * from->npy.size));
    if (from->npy.fortran && from->npy.rank > 2)
        return aei_fail(
            AE_ERROR_UNSUPPORTED,
            "%zu dimensions in Fortran order: save numpy.ascontiguousarray of the array",
            from->npy.rank);
    return AE_OK;
}

static bool is_transposed(const aei_npy *npy)
{
    return npy->fortran && npy->rank == 2;
}

/* How a dataset keeps the values. Halves that stand as it needs them stay halves; a NaN among them
 * is none that anybody has a use for, so missing values are float32. */
static aei_storage_type kept_type(const aei_npy *npy, ae_missing missing)
{
    if (npy->kind == 'u' && npy->size == 1)
        return AEI_STORAGE_U8;
    const bool halves = npy->size == 2 && (npy->kind == 'f' || npy->kind == 'V');
    if (!halves || npy->big != aei_is_big_endian() || is_transposed(npy) ||
        missing == AE_MISSING_KEEP)
        return AEI_STORAGE_F32;
    return npy->kind == 'f' ? AEI_STORAGE_F16 : AEI_STORAGE_BF16;
}

/* Whether the data are already as a dataset keeps them. */
static bool is_native(const aei_npy *npy, aei_storage_type type)
{
    return type != AEI_STORAGE_F32 ||
           (npy->kind == 'f' && npy->size == sizeof(float) && npy->big == aei_is_big_endian());
}

/* All values in C order, as the type says. Fortran order is turned while it is read, so that the
 * array is never there twice. */
static ae_status read_values(const source *from, aei_storage_type type, void *values)
{
    const aei_npy *npy = &from->npy;
    const size_t rows = from->rows, features = from->features, elements = rows * features;
    const bool u8 = type == AEI_STORAGE_U8, transposed = is_transposed(npy);
    if (is_native(npy, type) && !transposed)
        return aei_stream_values(from->stream, values, elements * npy->size);
    uint8_t *bytes = values;
    float *floats = values;
    for (size_t done = 0; done < elements;) {
        unsigned char block[BLOCK];
        const size_t room = sizeof block / npy->size,
                     count = elements - done < room ? elements - done : room;
        AE_TRY(aei_stream_values(from->stream, block, count * npy->size));
        for (size_t i = 0; i < count; i++) {
            const size_t e = done + i, to = transposed ? e % rows * features + e / rows : e;
            if (u8)
                bytes[to] = block[i];
            else
                floats[to] = aei_element(block + i * npy->size, npy->kind, npy->size, npy->big);
        }
        done += count;
    }
    return AE_OK;
}

/* The file, and its name for messages about values that are read later. */
static ae_status keep_file(aei_storage *draft, const source *from, bool in_place)
{
    const size_t size = strlen(from->path) + 1;
    draft->path = malloc(size);
    if (draft->path == NULL)
        return aei_fail_memory(size);
    memcpy(draft->path, from->path, size);
    draft->file = aei_stream_keep(from->stream);
    if (!in_place)
        return AE_OK;
    AE_TRY(aei_stream_map(from->stream, &draft->mapping, &draft->mapped));
    draft->values = (const unsigned char *)draft->mapping + draft->begin;
    return AE_OK;
}

/* Left in the file where that serves, else in memory of our own. That is a wish: where it cannot
 * be, the values are read, and the caller notices nothing but the memory. */
static ae_status fill(aei_storage *draft, const source *from, const ae_dataset_options *o)
{
    const aei_npy *npy = &from->npy;
    size_t bytes;
    const bool as_it_is = is_native(npy, draft->type) && (!npy->fortran || npy->rank == 1);
    if (o->map == AE_TOGGLE_ON && as_it_is)
        draft->begin = aei_stream_place(from->stream, npy->size);
    if (draft->begin != 0)
        return keep_file(draft, from, o->map_in_place == AE_TOGGLE_ON);
    AE_TRY(aei_storage_allocate(draft, from->rows, &bytes));
    return read_values(from, draft->type, draft->block);
}

static ae_status read_rows(ae_dataset **dataset, aei_stream *stream, const char *path,
                           const ae_dataset_options *options, unsigned takes)
{
    source from = {.stream = stream, .path = path};
    ae_dataset_options o;
    aei_storage draft;
    AE_TRY(aei_dataset_read_options(&o, options, takes | AEI_TAKES_MEMBER));
    if (aei_stream_is_zip(stream))
        AE_TRY(aei_stream_enter(stream, o.member));
    else if (o.member != NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "member is for .npz archives: this is none");
    AE_TRY(read_header(&from));
    if (o.image_height == 0 && o.image_width == 0) {
        o.image_height = from.image_height;
        o.image_width = from.image_width;
    }
    const aei_storage_type type = kept_type(&from.npy, o.missing);
    const bool u8 = type == AEI_STORAGE_U8;
    AE_TRY(aei_storage_draft(&draft, &o, from.rows, from.features, type));
    ae_status status = fill(&draft, &from, &o);
    /* Values that stay in the file are looked at when they are read. Whether any is missing must be
     * known at once, which takes a reading. */
    draft.unchecked = draft.path != NULL && !u8 && o.missing != AE_MISSING_KEEP;
    if (status == AE_OK && !u8 && !draft.unchecked)
        status = aei_storage_check_values(&draft, from.rows, o.missing);
    if (status != AE_OK) {
        aei_storage_release(&draft);
        /* A finite float64 may be infinite here. */
        return status == AE_ERROR_DATA && from.npy.size == 8 ? aei_fail_within(status, "as float32")
                                                             : status;
    }
    return aei_dataset_adopt_labelled(dataset, &draft, from.rows, o.labels);
}

ae_status ae_dataset_open_npy(ae_dataset **dataset, const char *path,
                              const ae_dataset_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(path);
    aei_stream *stream;
    AE_TRY(aei_stream_open(&stream, path));
    return aei_stream_close(stream, AEI_READER_NPY,
                            read_rows(dataset, stream, path, options, AEI_TAKES_MAP));
}

ae_status ae_dataset_open_npy_memory(ae_dataset **dataset, const void *data, size_t size,
                                     const ae_dataset_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(data);
    aei_stream *stream;
    AE_TRY(aei_stream_open_memory(&stream, data, size));
    return aei_stream_close(stream, AEI_READER_NPY, read_rows(dataset, stream, NULL, options, 0));
}
