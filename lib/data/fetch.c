/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows wherever they are: in memory, in a mapped file, in the parts of a dataset of many files, or
 * with a program that supplies them. Whether values are finite is known of those in memory; of the
 * others it is seen here, each time they are read, so that opening a file reads none of them.
 */
#include "base/error.h"
#include "base/input.h"
#include "data/dataset_internal.h"
#include "data/storage.h"

#include <math.h>
#include <stdbool.h>

/* Rows at a time whose numbers are on the stack. */
enum { BLOCK = 256 };

/*
 * From so many bytes on that lie side by side a mapped file is read rather than looked at. A page
 * that is looked at must be mapped into the process, and taken out of it again on all processors
 * when memory is short: that costs more than a call. Rows that share a page are looked at sooner
 * than read, but whoever looks behind the end of a file that has become shorter gets SIGBUS. So it
 * is done on request only, by the option map_in_place.
 */
enum { LEAST_READ = 1024 };

bool aei_dataset_is_resident(const ae_dataset *dataset)
{
    const aei_storage *storage = dataset->storage;
    return storage->path == NULL && storage->parts == NULL && storage->source == NULL;
}

static bool is_refused(float value, bool missing)
{
    return !(fabsf(value) < INFINITY) && !(missing && isnan(value));
}

static ae_status refuse(const ae_dataset *dataset, size_t row, size_t column, float value)
{
    const aei_storage *storage = dataset->storage;
    const size_t there = aei_storage_row(dataset, row);
    return aei_fail(
        AE_ERROR_DATA, "row %zu, column %zu: %g is not finite (row %zu of %s): replace the value%s",
        row, column, (double)value, there, storage->path != NULL ? storage->path : "the source",
        isnan(value) ? ", leave the row out, or keep missing values by the option "
                       "missing"
                     : " or leave the row out");
}

static ae_status check(const ae_dataset *dataset, const uint32_t *rows, size_t count,
                       const float *values)
{
    const size_t features = dataset->storage->features;
    const bool missing = dataset->storage->missing;
    for (size_t r = 0; r < count; r++) {
        const float *row = values + r * features;
        bool bad = false;
        for (size_t j = 0; j < features; j++)
            bad |= !(fabsf(row[j]) < INFINITY);
        for (size_t j = 0; bad && j < features; j++)
            if (is_refused(row[j], missing))
                return refuse(dataset, rows[r], j, row[j]);
    }
    return AE_OK;
}

/* How many rows from the beginning are in one part, at most BLOCK; their numbers there. */
static size_t same_part(const ae_dataset *dataset, const uint32_t *rows, size_t count,
                        uint32_t there[BLOCK], size_t *part)
{
    const aei_parts *parts = dataset->storage->parts;
    *part = aei_parts_find(parts, aei_storage_row(dataset, rows[0]));
    const size_t first = parts->first[*part], last = parts->first[*part + 1];
    size_t run = 0;
    for (; run < count && run < BLOCK; run++) {
        const size_t row = aei_storage_row(dataset, rows[run]);
        if (row < first || row >= last)
            break;
        there[run] = (uint32_t)(row - first);
    }
    return run;
}

static ae_status fetch_parts(const ae_dataset *dataset, const uint32_t *rows, size_t count,
                             float *values)
{
    uint32_t there[BLOCK];
    for (size_t done = 0, part; done < count;) {
        const size_t run = same_part(dataset, rows + done, count - done, there, &part);
        const ae_status status = aei_dataset_fetch(dataset->storage->parts->datasets[part], there,
                                                   run, values + done * dataset->storage->features);
        if (status != AE_OK)
            return aei_fail_within(status, "part %zu", part);
        done += run;
    }
    return AE_OK;
}

/* How many of these rows, from the first on, lie side by side in the storage. */
static size_t side_by_side(const ae_dataset *dataset, const uint32_t *rows, size_t count)
{
    const size_t first = aei_storage_row(dataset, rows[0]);
    size_t run = 1;
    while (run < count && aei_storage_row(dataset, rows[run]) == first + run)
        run++;
    return run;
}

static ae_status fetch_file(const ae_dataset *dataset, const uint32_t *rows, size_t count,
                            float *values)
{
    const aei_storage *storage = dataset->storage;
    const size_t features = storage->features,
                 bytes = storage->stride * aei_storage_size(storage->type);
    for (size_t r = 0, run; r < count; r += run) {
        float *out = values + r * features;
        run = side_by_side(dataset, rows + r, count - r);
        if (storage->mapping != NULL && (run * bytes < LEAST_READ || storage->file.descriptor == 0))
            aei_dataset_gather(dataset, rows + r, run, 0, features, out, features);
        else
            AE_TRY(aei_storage_read(storage, aei_storage_row(dataset, rows[r]) * storage->stride,
                                    run * features, out));
    }
    return AE_OK;
}

ae_status aei_dataset_fetch(const ae_dataset *dataset, const uint32_t *rows, size_t count,
                            float *values)
{
    const aei_storage *storage = dataset->storage;
    if (storage->parts != NULL)
        return fetch_parts(dataset, rows, count, values);
    if (storage->source != NULL)
        AE_TRY(aei_source_read(storage->source, dataset, rows, count, values));
    else if (storage->path != NULL)
        AE_TRY(fetch_file(dataset, rows, count, values));
    else
        aei_dataset_gather(dataset, rows, count, 0, storage->features, values, storage->features);
    return storage->unchecked ? check(dataset, rows, count, values) : AE_OK;
}

static void parts_will_need(const ae_dataset *dataset, const uint32_t *rows, size_t count)
{
    uint32_t there[BLOCK];
    for (size_t done = 0, part; done < count;) {
        const size_t run = same_part(dataset, rows + done, count - done, there, &part);
        aei_dataset_will_need(dataset->storage->parts->datasets[part], there, run);
        done += run;
    }
}

void aei_dataset_will_need(const ae_dataset *dataset, const uint32_t *rows, size_t count)
{
    const aei_storage *storage = dataset->storage;
    if (storage->parts != NULL)
        parts_will_need(dataset, rows, count);
    if (storage->path == NULL)
        return;
    const size_t bytes = storage->stride * aei_storage_size(storage->type);
    for (size_t r = 0, run; r < count; r += run) {
        const size_t first = aei_storage_row(dataset, rows[r]);
        run = side_by_side(dataset, rows + r, count - r);
        aei_will_need(storage->file, run * bytes, storage->begin + first * bytes);
    }
}

ae_status ae_dataset_read(const ae_dataset *dataset, size_t first, size_t count, float *values)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(values);
    if (first > dataset->rows || count > dataset->rows - first)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%zu rows from row %zu on: the dataset has %zu",
                        count, first, dataset->rows);
    for (size_t done = 0; done < count;) {
        uint32_t rows[BLOCK];
        const size_t block = count - done < BLOCK ? count - done : BLOCK;
        for (size_t i = 0; i < block; i++)
            rows[i] = (uint32_t)(first + done + i);
        aei_dataset_will_need(dataset, rows, block);
        AE_TRY(aei_dataset_fetch(dataset, rows, block, values + done * dataset->storage->features));
        done += block;
    }
    return AE_OK;
}
