/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/npy_header.h"

#include "base/error.h"
#include "base/input.h"
#include "base/number.h"
#include "base/options.h"
#include "data/storage.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bytes read and converted at a time; a multiple of every element's size. */
enum { BLOCK = 1 << 16 };

/* An open file after its header. */
typedef struct source {
    aei_input *input;
    aei_npy npy;
    size_t offset; /* of the data in the file */
    size_t rows, features, height, width;
} source;

static ae_status read_exactly(aei_input *input, void *data, size_t size, const char *what)
{
    size_t got;
    AE_TRY(aei_input_read(input, data, size, &got));
    return got == size ? AE_OK : aei_fail(AE_ERROR_FORMAT, "the file ends within %s", what);
}

/* Magic, version and the header's length. */
static ae_status read_prefix(source *from, size_t *length)
{
    static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    unsigned char prefix[AEI_NPY_PREFIX];
    size_t got;
    AE_TRY(aei_input_read(from->input, prefix, 10, &got));
    if (got >= 2 && prefix[0] == 'P' && prefix[1] == 'K')
        return aei_fail(AE_ERROR_FORMAT,
                        "a zip archive, perhaps .npz: unpack it, each member is an .npy file");
    if (got < sizeof magic || memcmp(prefix, magic, sizeof magic) != 0)
        return aei_fail(AE_ERROR_FORMAT, "not an NPY file: it does not start with 93 NUMPY");
    if (got < 10)
        return aei_fail(AE_ERROR_FORMAT, "the file ends within the NPY header");
    if (prefix[6] < 1 || prefix[6] > 3 || prefix[7] != 0)
        return aei_fail(AE_ERROR_UNSUPPORTED, "NPY version %d.%d: 1.0, 2.0 and 3.0 are read",
                        prefix[6], prefix[7]);
    *length = (size_t)prefix[8] | (size_t)prefix[9] << 8;
    from->offset = 10;
    if (prefix[6] > 1) {
        AE_TRY(read_exactly(from->input, prefix + 10, 2, "the NPY header"));
        *length |= (size_t)prefix[10] << 16 | (size_t)prefix[11] << 24;
        from->offset = 12;
    }
    from->offset += *length;
    if (*length > AEI_NPY_HEADER)
        return aei_fail(AE_ERROR_FORMAT, "an NPY header of %zu characters: at most %d are read",
                        *length, AEI_NPY_HEADER);
    return AE_OK;
}

/* Rows and features, and a picture's sides when two dimensions are left beside rows and single
 * channels. */
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
        from->height = sides[0];
        from->width = sides[1];
    }
    return AE_OK;
}

static ae_status read_header(source *from)
{
    char text[AEI_NPY_HEADER];
    size_t length = 0, elements = 0;
    AE_TRY(read_prefix(from, &length));
    AE_TRY(read_exactly(from->input, text, length, "the NPY header"));
    AE_TRY(aei_npy_parse(&from->npy, text, length));
    AE_TRY(read_sizes(from, &elements));
    const size_t expected = elements * from->npy.size, size = aei_input_size(from->input);
    const size_t found = size < from->offset ? 0 : size - from->offset; /* a file just growing */
    if (found != expected)
        return aei_fail(AE_ERROR_FORMAT, "%zu bytes of values expected, %zu found", expected,
                        found);
    if (from->npy.fortran && from->npy.rank > 2)
        return aei_fail(
            AE_ERROR_UNSUPPORTED,
            "%zu dimensions in Fortran order: save numpy.ascontiguousarray of the array",
            from->npy.rank);
    return AE_OK;
}

static uint64_t load(const unsigned char *bytes, size_t size, bool big)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[big ? i : size - 1 - i];
    return value;
}

/* An element as float32: rounded to the nearest where it must be, infinite where it is too
 * large. */
static float element(const aei_npy *npy, const unsigned char *bytes)
{
    const uint64_t bits = load(bytes, npy->size, npy->big);
    const uint64_t sign = (uint64_t)1 << (8 * npy->size - 1);
    if (npy->kind == 'u')
        return (float)bits;
    if (npy->kind == 'b')
        return bits != 0 ? 1.0f : 0.0f;
    if (npy->kind == 'i') /* two's complement of any width: the sign bit counts below 0 */
        return (bits & sign) == 0 ? (float)bits : -(float)((sign << 1) - bits);
    if (npy->size == 2)
        return aei_float_from_half((uint16_t)bits);
    if (npy->size == 4) {
        const uint32_t half = (uint32_t)bits;
        float value;
        memcpy(&value, &half, sizeof value);
        return value;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return (float)value;
}

/* Whether the data are already as a dataset keeps them. */
static bool is_native(const aei_npy *npy)
{
    const uint32_t one = 1;
    unsigned char probe[sizeof one];
    memcpy(probe, &one, sizeof one);
    return (npy->kind == 'u' && npy->size == 1) ||
           (npy->kind == 'f' && npy->size == sizeof(float) &&
            load(probe, sizeof probe, npy->big) == 1);
}

/* All values in C order, as float32 or, of type u1, as they are. */
static ae_status read_values(const source *from, void *values)
{
    const aei_npy *npy = &from->npy;
    const size_t rows = from->rows, features = from->features, elements = rows * features;
    const bool u8 = npy->kind == 'u' && npy->size == 1, transposed = npy->fortran && npy->rank == 2;
    if (is_native(npy) && !transposed)
        return read_exactly(from->input, values, elements * npy->size, "its values");
    uint8_t *bytes = values;
    float *floats = values;
    for (size_t done = 0; done < elements;) {
        unsigned char block[BLOCK];
        const size_t room = sizeof block / npy->size,
                     count = elements - done < room ? elements - done : room;
        AE_TRY(read_exactly(from->input, block, count * npy->size, "its values"));
        for (size_t i = 0; i < count; i++) {
            const size_t e = done + i, to = transposed ? e % rows * features + e / rows : e;
            if (u8)
                bytes[to] = block[i];
            else
                floats[to] = element(npy, block + i * npy->size);
        }
        done += count;
    }
    return AE_OK;
}

/* Mapped where that serves, else in memory of our own. */
static ae_status fill(aei_storage *draft, const source *from, bool borrow)
{
    const aei_npy *npy = &from->npy;
    const bool in_order = !npy->fortran || npy->rank == 1;
    if (borrow && in_order && is_native(npy) && from->offset % npy->size == 0) {
        AE_TRY(aei_input_map(from->input, &draft->mapping, &draft->mapped));
        draft->values = (const unsigned char *)draft->mapping + from->offset;
        return AE_OK;
    }
    const size_t bytes = from->rows * from->features *
                         (draft->element == AEI_U8 ? 1 : sizeof(float));
    draft->values = draft->block = malloc(bytes);
    if (draft->block == NULL)
        return aei_fail_memory(bytes);
    return read_values(from, draft->block);
}

static ae_status open_npy(ae_dataset **dataset, source *from, const ae_dataset_options *asked)
{
    ae_dataset_options sized = *asked, o;
    size_t bytes;
    AE_TRY(read_header(from));
    if (sized.height == 0 && sized.width == 0) {
        sized.height = from->height;
        sized.width = from->width;
    }
    const bool u8 = from->npy.kind == 'u' && from->npy.size == 1;
    AE_TRY(aei_dataset_resolve(&o, &bytes, &sized, from->rows, from->features,
                               u8 ? 1 : sizeof(float)));
    aei_storage draft = {.element = u8 ? AEI_U8 : AEI_F32,
                         .scale = o.scale,
                         .features = from->features,
                         .stride = from->features,
                         .height = o.height,
                         .width = o.width};
    ae_status status = fill(&draft, from, o.borrow == AE_TOGGLE_ON);
    if (status == AE_OK && !u8)
        status = aei_check_finite(draft.values, from->rows, from->features, from->features);
    if (status != AE_OK) {
        aei_storage_release(&draft);
        /* A finite float64 may be infinite here. */
        return status == AE_ERROR_DATA && from->npy.size == 8
                   ? aei_fail_within(status, "as float32")
                   : status;
    }
    return aei_dataset_adopt(dataset, &draft, from->rows, 0);
}

ae_status ae_dataset_open_npy(ae_dataset **dataset, const char *path,
                              const ae_dataset_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(path);
    ae_dataset_options asked;
    AE_TRY(aei_options_read(&asked, sizeof asked, options, "ae_dataset_options"));
    if (asked.stride != 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "stride is for memory: a file has none");
    source from = {0};
    AE_TRY(aei_input_open(&from.input, path));
    const ae_status status = open_npy(dataset, &from, &asked);
    aei_input_close(from.input);
    return status == AE_OK ? AE_OK : aei_fail_within(status, "%s", path);
}
