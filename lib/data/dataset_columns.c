/* SPDX-License-Identifier: BSD-3-Clause */
/* What a dataset knows of its columns, and a dataset of some of them. */
#include "base/columns.h"

#include "base/error.h"
#include "base/quote.h"
#include "data/dataset_internal.h"
#include "data/storage.h"

#include <libae/view.h>
#include <math.h>
#include <stdlib.h>

float ae_dataset_uint8_scale(const ae_dataset *dataset)
{
    const bool bytes = dataset != NULL && dataset->storage->type == AEI_STORAGE_U8;
    return bytes ? dataset->storage->scale : 0;
}

/*
 * Pixels that came by way of CSV or float32 and that nobody has scaled: whole numbers up to 255.
 * Some rows are enough to tell, and mostly the first value is. Of those in a file nothing is said,
 * since reading them can fail.
 */
static float whole_most(const ae_dataset *dataset)
{
    enum { ROWS = 64, CHUNK = 256 };
    const size_t features = dataset->storage->features;
    float most = 0, values[CHUNK];
    if (dataset->storage->type == AEI_STORAGE_U8 || !aei_dataset_is_resident(dataset))
        return 0;
    for (size_t r = 0; r < dataset->rows && r < ROWS; r++)
        for (size_t first = 0; first < features; first += CHUNK) {
            const size_t count = features - first < CHUNK ? features - first : CHUNK;
            aei_dataset_gather(dataset, &(uint32_t){(uint32_t)r}, 1, first, count, values, CHUNK);
            for (size_t j = 0; j < count; j++) {
                if (!(values[j] >= 0 && values[j] <= 255 && floorf(values[j]) >= values[j]))
                    return 0;
                most = values[j] > most ? values[j] : most;
            }
        }
    return most;
}

aei_columns_info aei_dataset_columns(const ae_dataset *dataset)
{
    const aei_storage *storage = dataset->storage;
    return (aei_columns_info){
        .count = storage->features,
        .names = (const char *const *)storage->names,
        .image_height = storage->image_height,
        .image_width = storage->image_width,
        .uint8_scale = ae_dataset_uint8_scale(dataset),
        .whole_most = whole_most(dataset),
    };
}

static ae_status find_columns(size_t *numbers, const ae_dataset *dataset, const char *const *names,
                              size_t count)
{
    const aei_storage *storage = dataset->storage;
    char quoted[AEI_QUOTE_SIZE];
    for (size_t i = 0; i < count; i++) {
        numbers[i] = aei_names_find((const char *const *)storage->names, storage->features,
                                    names[i]);
        if (numbers[i] == storage->features)
            return aei_fail(AE_ERROR_NOT_FOUND, "names[%zu]: the dataset has no column \"%s\"", i,
                            aei_quote(quoted, names[i]));
    }
    return AE_OK;
}

/* Rows are copied, as by ae_dataset_concat: a map of columns would slow every gather down. */
static ae_status copy_columns(aei_storage *draft, const ae_dataset *dataset, const size_t *numbers,
                              size_t count)
{
    const size_t features = dataset->storage->features;
    float *row = malloc(features * sizeof *row), *out = draft->block;
    if (row == NULL)
        return aei_fail_memory(features * sizeof *row);
    ae_status status = AE_OK;
    for (size_t r = 0; r < dataset->rows && status == AE_OK; r++, out += count) {
        status = ae_dataset_read(dataset, r, 1, row);
        for (size_t i = 0; i < count && status == AE_OK; i++)
            out[i] = row[numbers[i]];
    }
    free(row);
    return status;
}

ae_status ae_dataset_select_columns(ae_dataset **selected, const ae_dataset *dataset,
                                    const char *const *names, size_t count)
{
    AE_REQUIRE(selected);
    AE_REQUIRE(dataset);
    AE_REQUIRE(names);
    if (dataset->storage->names == NULL)
        return aei_fail(AE_ERROR_NOT_SET, "the dataset has no column names");
    if (count == 0 || count > PTRDIFF_MAX / sizeof(float) / dataset->rows)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%zu columns of %zu rows", count, dataset->rows);
    aei_storage draft = {.type = AEI_STORAGE_F32, .scale = 1, .features = count};
    size_t bytes, *numbers = NULL;
    ae_status status = AE_OK;
    AE_CHECK(aei_names_copy(&draft.names, names, count));
    numbers = malloc(count * sizeof *numbers);
    if (numbers == NULL)
        AE_CHECK(aei_fail_memory(count * sizeof *numbers));
    AE_CHECK(find_columns(numbers, dataset, names, count));
    AE_CHECK(aei_storage_allocate(&draft, dataset->rows, &bytes));
    AE_CHECK(copy_columns(&draft, dataset, numbers, count));
    AE_CHECK(aei_storage_check_values(&draft, dataset->rows, AE_MISSING_KEEP));
    free(numbers);
    return aei_dataset_adopt_labelled(selected, &draft, dataset->rows, dataset->labels);
cleanup:
    free(numbers);
    aei_storage_release(&draft);
    return status;
}
