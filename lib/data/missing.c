/* SPDX-License-Identifier: BSD-3-Clause */
/* Values that are NaN: found when a dataset is made, so that nobody has to look for them later. */
#include "base/error.h"
#include "data/dataset_internal.h"
#include "data/storage.h"

#include <math.h>

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
    const bool wide = draft->type == AEI_STORAGE_F32;
    const size_t chunk = wide ? draft->features : CHUNK;
    for (uint32_t r = 0; r < rows; r++) {
        for (size_t first = 0; first < draft->features; first += chunk) {
            const size_t left = draft->features - first, count = left < chunk ? left : chunk;
            float widened[CHUNK];
            if (!wide)
                aei_dataset_gather(&all, &r, 1, first, count, widened, CHUNK);
            const float *row = wide ? (const float *)draft->values + r * draft->stride : widened;
            AE_TRY(check_row(draft, row, r, first, count, missing));
        }
    }
    return AE_OK;
}

/* Storage row and column of the first NaN. */
static bool find(const ae_dataset *dataset, size_t *row, size_t *column)
{
    const aei_storage *storage = dataset->storage;
    const float *values = storage->values;
    if (!storage->missing)
        return false;
    for (*row = 0; *row < dataset->rows; ++*row) {
        const float *from = values + aei_storage_row(dataset, *row) * storage->stride;
        for (*column = 0; *column < storage->features; ++*column)
            if (isnan(from[*column]))
                return true;
    }
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
    return aei_fail(AE_ERROR_DATA,
                    "%s: row %zu, column %zu: a missing value, but the network has no fill values: "
                    "ae_network_fit_fill sets them, and so does a trainer whose data have missing "
                    "values",
                    name, row, column);
}
