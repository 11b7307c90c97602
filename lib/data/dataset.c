/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/error.h"
#include "base/input.h"
#include "base/options.h"
#include "data/storage.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

AEI_OPTIONS_INIT(ae_dataset_options)

static ae_status check_options(const ae_dataset_options *o, size_t features)
{
    if ((int)o->borrow < AE_TOGGLE_DEFAULT || (int)o->borrow > AE_TOGGLE_OFF)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "borrow is %d, not an ae_toggle",
                        (int)o->borrow);
    /* The largest value that the scale makes must be a float too. */
    if (!(o->scale > 0 && o->scale * 255.0f < INFINITY))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "scale is %g: it must be finite and above 0",
                        (double)o->scale);
    if (o->stride < features)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "stride %zu is less than the %zu features of a row", o->stride, features);
    if (o->height == 0 && o->width == 0)
        return AE_OK;
    if (o->height == 0 || o->width == 0 || features % o->height != 0 ||
        features / o->height != o->width)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "height %zu x width %zu is not the %zu features of a row", o->height,
                        o->width, features);
    return AE_OK;
}

ae_status aei_dataset_resolve(ae_dataset_options *resolved, size_t *bytes,
                              const ae_dataset_options *options, size_t rows, size_t features,
                              size_t element_size)
{
    if (rows == 0 || features == 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "%zu rows of %zu features: a dataset has at least one of each", rows,
                        features);
    if (rows > UINT32_MAX)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%zu rows: a dataset holds at most %u", rows,
                        (unsigned)UINT32_MAX);
    AE_TRY(aei_options_read(resolved, sizeof *resolved, options, "ae_dataset_options"));
    resolved->scale = resolved->scale == 0 ? 1.0f / 255.0f : resolved->scale;
    resolved->stride = resolved->stride == 0 ? features : resolved->stride;
    AE_TRY(check_options(resolved, features));
    /* Pointers into the values are subtracted, so ptrdiff_t is the bound. */
    if (resolved->stride > PTRDIFF_MAX / element_size / rows)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "%zu rows, %zu elements apart, overflow the address space", rows,
                        resolved->stride);
    *bytes = rows * features * element_size;
    return AE_OK;
}

ae_status aei_dataset_share(ae_dataset **dataset, aei_storage *storage, size_t rows, unsigned with)
{
    size_t index_bytes = (with & AEI_WITH_INDEX) != 0 ? sizeof(uint32_t) : 0;
    size_t label_bytes = (with & AEI_WITH_LABELS) != 0 ? sizeof(uint8_t) : 0;
    if (rows > (PTRDIFF_MAX - sizeof **dataset) / (sizeof(uint32_t) + sizeof(uint8_t)))
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "%zu rows overflow the address space", rows);
    size_t size = sizeof **dataset + rows * (index_bytes + label_bytes);
    ae_dataset *made = malloc(size);
    if (made == NULL)
        return aei_fail_memory(size);
    uint32_t *behind = (uint32_t *)(void *)(made + 1);
    *made = (ae_dataset){.storage = storage, .rows = rows};
    if (index_bytes != 0)
        made->index = behind;
    if (label_bytes != 0)
        made->labels = (uint8_t *)behind + rows * index_bytes;
    atomic_fetch_add_explicit(&storage->users, 1, memory_order_relaxed);
    *dataset = made;
    return AE_OK;
}

void aei_storage_release(aei_storage *storage)
{
    free(storage->block);
    free(storage->names);
    aei_unmap(storage->mapping, storage->mapped);
}

static void storage_free(aei_storage *storage)
{
    aei_storage_release(storage);
    free(storage);
}

ae_status aei_dataset_adopt(ae_dataset **dataset, aei_storage *draft, size_t rows, unsigned with)
{
    aei_storage *storage = malloc(sizeof *storage);
    if (storage == NULL) {
        aei_storage_release(draft);
        return aei_fail_memory(sizeof *storage);
    }
    memcpy(storage, draft, sizeof *storage);
    atomic_init(&storage->users, 0);
    ae_status status = aei_dataset_share(dataset, storage, rows, with);
    if (status != AE_OK)
        storage_free(storage);
    return status;
}

void ae_dataset_free(ae_dataset *dataset)
{
    if (dataset == NULL)
        return;
    /* Releasing says that this user's reads are over; the last one has to see all the others say
     * so. */
    if (atomic_fetch_sub_explicit(&dataset->storage->users, 1, memory_order_acq_rel) == 1)
        storage_free(dataset->storage);
    free(dataset);
}

ae_status aei_check_finite(const float *values, size_t rows, size_t features, size_t stride)
{
    for (size_t r = 0; r < rows; r++) {
        const float *row = values + r * stride;
        bool bad = false;
        for (size_t j = 0; j < features; j++)
            bad |= !(fabsf(row[j]) < INFINITY);
        if (!bad)
            continue;
        size_t column = 0;
        while (fabsf(row[column]) < INFINITY)
            column++;
        return aei_fail(
            AE_ERROR_DATA,
            "row %zu, column %zu: %g is not finite: replace the value or leave the row out", r,
            column, (double)row[column]);
    }
    return AE_OK;
}

/* Rows side by side in memory of the library's own. */
static ae_status copy_rows(void **block, const void *values, size_t rows, size_t row_bytes,
                           size_t stride_bytes)
{
    unsigned char *copy = malloc(rows * row_bytes);
    if (copy == NULL)
        return aei_fail_memory(rows * row_bytes);
    for (size_t r = 0; r < rows; r++)
        memcpy(copy + r * row_bytes, (const unsigned char *)values + r * stride_bytes, row_bytes);
    *block = copy;
    return AE_OK;
}

static ae_status create(ae_dataset **dataset, const void *values, size_t rows, size_t features,
                        aei_element element, const ae_dataset_options *options)
{
    ae_dataset_options o;
    size_t element_size = element == AEI_F32 ? sizeof(float) : sizeof(uint8_t);
    size_t bytes;
    AE_TRY(aei_dataset_resolve(&o, &bytes, options, rows, features, element_size));
    if (element == AEI_F32)
        AE_TRY(aei_check_finite(values, rows, features, o.stride));
    aei_storage draft = {.values = values,
                         .element = element,
                         .scale = o.scale,
                         .features = features,
                         .stride = o.stride,
                         .height = o.height,
                         .width = o.width};
    if (o.borrow != AE_TOGGLE_ON) {
        AE_TRY(copy_rows(&draft.block, values, rows, bytes / rows, o.stride * element_size));
        draft.values = draft.block;
        draft.stride = features;
    }
    return aei_dataset_adopt(dataset, &draft, rows, 0);
}

ae_status ae_dataset_create_f32(ae_dataset **dataset, const float *values, size_t rows,
                                size_t features, const ae_dataset_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(values);
    return create(dataset, values, rows, features, AEI_F32, options);
}

ae_status ae_dataset_create_u8(ae_dataset **dataset, const uint8_t *values, size_t rows,
                               size_t features, const ae_dataset_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(values);
    return create(dataset, values, rows, features, AEI_U8, options);
}

ae_status ae_dataset_create_from_callback(ae_dataset **dataset, size_t rows, size_t features,
                                          ae_row_callback callback, void *user,
                                          const ae_dataset_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(callback);
    ae_dataset_options o;
    size_t bytes = 0;
    AE_TRY(aei_dataset_resolve(&o, &bytes, options, rows, features, sizeof(float)));
    if (o.borrow == AE_TOGGLE_ON || o.stride != features)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "borrow and stride are for memory: a callback's rows are copied");
    /* Zeroed, since a callback may leave elements alone. */
    float *values = calloc(rows, features * sizeof *values);
    if (values == NULL)
        return aei_fail_memory(bytes);
    ae_status status = AE_OK;
    for (size_t r = 0; r < rows; r++) {
        int answer = callback(user, r, values + r * features);
        if (answer != 0) {
            status = aei_fail(AE_ERROR_CANCELLED, "row %zu: the callback returned %d", r, answer);
            goto cleanup;
        }
    }
    AE_CHECK(aei_check_finite(values, rows, features, features));
    aei_storage draft = {.block = values,
                         .values = values,
                         .element = AEI_F32,
                         .scale = o.scale,
                         .features = features,
                         .stride = features,
                         .height = o.height,
                         .width = o.width};
    values = NULL; /* taken over */
    status = aei_dataset_adopt(dataset, &draft, rows, 0);
cleanup:
    free(values);
    return status;
}

size_t ae_dataset_row_count(const ae_dataset *dataset)
{
    return dataset == NULL ? 0 : dataset->rows;
}

size_t ae_dataset_feature_count(const ae_dataset *dataset)
{
    return dataset == NULL ? 0 : dataset->storage->features;
}

size_t ae_dataset_image_height(const ae_dataset *dataset)
{
    return dataset == NULL ? 0 : dataset->storage->height;
}

size_t ae_dataset_image_width(const ae_dataset *dataset)
{
    return dataset == NULL ? 0 : dataset->storage->width;
}

const char *ae_dataset_column_name(const ae_dataset *dataset, size_t column)
{
    const bool named = dataset != NULL && dataset->storage->names != NULL &&
                       column < dataset->storage->features;
    return named ? dataset->storage->names[column] : NULL;
}

int ae_dataset_label(const ae_dataset *dataset, size_t row)
{
    return dataset == NULL || dataset->labels == NULL || row >= dataset->rows
               ? -1
               : dataset->labels[row];
}
