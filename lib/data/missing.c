/* SPDX-License-Identifier: BSD-3-Clause */
/* Values that are NaN: found when a dataset is made, so that nobody has to look for them later. */
#include "base/error.h"
#include "data/dataset_internal.h"
#include "data/storage.h"

#include <math.h>
#include <stdint.h>

static ae_status not_finite(float value, size_t number, size_t column)
{
    if (isnan(value))
        return aei_fail(AE_ERROR_DATA,
                        "row %zu, column %zu: nan is not finite: replace the value, leave the row "
                        "out, or keep missing values by the option missing",
                        number, column);
    return aei_fail(AE_ERROR_DATA,
                    "row %zu, column %zu: %g is not finite: replace the value or leave the row out",
                    number, column, (double)value);
}

static ae_status check_row(aei_storage *draft, const float *row, size_t number, size_t first,
                           size_t count, ae_missing missing)
{
    bool bad = false;
    /* No early end: a whole row at once is what compilers turn into vector code. */
    for (size_t j = 0; j < count; j++)
        bad |= !(fabsf(row[j]) < INFINITY);
    for (size_t j = 0; j < count && bad; j++) {
        if (isfinite(row[j]))
            continue;
        if (missing != AE_MISSING_KEEP || !isnan(row[j]))
            return not_finite(row[j], number, first + j);
        draft->missing = true;
    }
    return AE_OK;
}

ae_status aei_storage_check_values(aei_storage *draft, size_t rows, ae_missing missing)
{
    enum { CHUNK = 256 }; /* features at a time where they must be widened */
    const ae_dataset all = {.storage = draft, .rows = rows};
    const bool file = draft->values == NULL, wide = draft->type == AEI_STORAGE_F32 && !file;
    const size_t chunk = wide ? draft->features : CHUNK;
    for (uint32_t r = 0; r < rows; r++) {
        for (size_t first = 0; first < draft->features; first += chunk) {
            const size_t left = draft->features - first, count = left < chunk ? left : chunk;
            float widened[CHUNK];
            if (file)
                AE_TRY(aei_storage_read(draft, r * draft->stride + first, count, widened));
            else if (!wide)
                aei_dataset_gather(&all, &r, 1, first, count, widened, CHUNK);
            const float *row = wide ? (const float *)draft->values + r * draft->stride : widened;
            AE_TRY(check_row(draft, row, r, first, count, missing));
        }
    }
    return AE_OK;
}

/* The column of a row of a source: nobody knows without reading the row. */
static const size_t any_column = SIZE_MAX;

/* A row of float32, which may be in a file. One that cannot be read may lack anything: whoever
 * wants its values gets the error. */
static bool has_nan(const aei_storage *storage, size_t begin, size_t *column)
{
    enum { CHUNK = 256 };
    for (size_t first = 0; first < storage->features; first += CHUNK) {
        const size_t left = storage->features - first, count = left < CHUNK ? left : CHUNK;
        float read[CHUNK];
        const float *values = read;
        *column = any_column;
        if (storage->values != NULL)
            values = (const float *)storage->values + begin + first;
        else if (aei_storage_read(storage, begin + first, count, read) != AE_OK)
            return true;
        for (size_t j = 0; j < count; j++)
            if (isnan(values[j])) {
                *column = first + j;
                return true;
            }
    }
    return false;
}

/* Whether a row lacks a value, and the first column without one. */
static bool lacks(const ae_dataset *dataset, size_t row, size_t *column)
{
    const aei_storage *storage = dataset->storage;
    const size_t there = aei_storage_row(dataset, row);
    if (!storage->missing)
        return false;
    if (storage->source != NULL) {
        *column = any_column;
        return true;
    }
    if (storage->parts != NULL) {
        const aei_parts *parts = storage->parts;
        const size_t part = aei_parts_find(parts, there);
        return lacks(parts->datasets[part], there - parts->first[part], column);
    }
    return has_nan(storage, there * storage->stride, column);
}

/* Row and column of the first missing value. */
static bool find(const ae_dataset *dataset, size_t *row, size_t *column)
{
    for (*row = 0; dataset->storage->missing && *row < dataset->rows; ++*row)
        if (lacks(dataset, *row, column))
            return true;
    return false;
}

bool aei_dataset_find_missing(const ae_dataset *dataset)
{
    size_t row, column;
    return find(dataset, &row, &column);
}

ae_status aei_dataset_check_missing(const ae_dataset *dataset, bool filled, const char *name)
{
    size_t row, column;
    if (filled || !dataset->missing || !find(dataset, &row, &column))
        return AE_OK;
    if (column == any_column)
        return aei_fail(AE_ERROR_DATA,
                        "%s: its source may give missing values, but the network has no fill "
                        "values: ae_network_fit_fill sets them, and so does a trainer",
                        name);
    return aei_fail(AE_ERROR_DATA,
                    "%s: row %zu, column %zu: a missing value, but the network has no fill values: "
                    "ae_network_fit_fill sets them, and so does a trainer whose data have missing "
                    "values",
                    name, row, column);
}
