/* SPDX-License-Identifier: BSD-3-Clause */
/* Values that are NaN: found when a dataset is made, so that nobody has to look for them later. */
#include "base/error.h"
#include "data/dataset_internal.h"
#include "data/storage.h"

#include <math.h>

static ae_status not_finite(const float *row, size_t number, size_t column)
{
    if (isnan(row[column]))
        return aei_fail(AE_ERROR_DATA,
                        "row %zu, column %zu: nan is not finite: replace the value, leave the row "
                        "out, or keep missing values by the option missing",
                        number, column);
    return aei_fail(AE_ERROR_DATA,
                    "row %zu, column %zu: %g is not finite: replace the value or leave the row out",
                    number, column, (double)row[column]);
}

ae_status aei_storage_check_values(aei_storage *draft, size_t rows, ae_missing missing)
{
    const float *values = draft->values;
    for (size_t r = 0; r < rows; r++) {
        const float *row = values + r * draft->stride;
        bool bad = false;
        /* No early end: a whole row at once is what compilers turn into vector code. */
        for (size_t j = 0; j < draft->features; j++)
            bad |= !(fabsf(row[j]) < INFINITY);
        for (size_t j = 0; j < draft->features && bad; j++) {
            if (isfinite(row[j]))
                continue;
            if (missing != AE_MISSING_KEEP || !isnan(row[j]))
                return not_finite(row, r, j);
            draft->missing = true;
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
