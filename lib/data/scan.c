/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked of all rows of a dataset, in one reading. */
#include "base/error.h"
#include "data/dataset_internal.h"
#include "data/reader.h"
#include "data/storage.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

ae_status ae_dataset_check(const ae_dataset *dataset)
{
    AE_REQUIRE(dataset);
    if (aei_dataset_is_resident(dataset))
        return AE_OK; /* since it was made */
    aei_reader *reader;
    AE_TRY(aei_reader_create(&reader, dataset, 0, NULL, NULL));
    ae_status status = AE_OK;
    for (size_t k = 0; k < aei_reader_count(reader) && status == AE_OK; k++) {
        aei_batch batch;
        status = aei_reader_take(reader, k, &batch);
    }
    aei_reader_free(reader);
    return status;
}

ae_status ae_dataset_mean(const ae_dataset *dataset, float *mean)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(mean);
    const size_t features = dataset->storage->features;
    aei_reader *reader = NULL;
    double *sum = calloc(2 * features, sizeof *sum);
    float *row = malloc(features * sizeof *row);
    ae_status status = AE_OK;
    if (sum == NULL || row == NULL)
        AE_CHECK(aei_fail_memory(features * (2 * sizeof *sum + sizeof *row)));
    double *present = sum + features;
    AE_CHECK(aei_reader_create(&reader, dataset, 0, NULL, NULL));
    for (size_t r = 0; r < dataset->rows; r++) {
        AE_CHECK(aei_reader_row(reader, r, row));
        for (size_t j = 0; j < features; j++) {
            sum[j] += isnan(row[j]) ? 0 : (double)row[j];
            present[j] += isnan(row[j]) ? 0 : 1;
        }
    }
    for (size_t j = 0; j < features; j++)
        mean[j] = (float)(sum[j] / present[j]);
cleanup:
    aei_reader_free(reader);
    free(sum);
    free(row);
    return status;
}

/* The comparison is written so that NaN fails it: the caller's memory (no_copy) may have changed
 * since it was checked. A missing value lies nowhere. */
static bool is_outside(float value, const aei_range_check *range)
{
    return !(value >= range->low && value <= range->high) && !(range->missing && isnan(value));
}

ae_status aei_check_row(const float *row, size_t number, size_t first, size_t count,
                        const aei_range_check *range)
{
    bool bad = false;
    for (size_t j = 0; j < count; j++)
        bad |= is_outside(row[j], range);
    if (!bad)
        return AE_OK;
    size_t j = 0;
    while (!is_outside(row[j], range))
        j++;
    return aei_fail(AE_ERROR_DATA,
                    "row %zu, column %zu: %g is outside [%g, %g]: call "
                    "ae_network_fit_scaling first or set another "
                    "output_activation, such as AE_ACTIVATION_LINEAR",
                    number, first + j, (double)row[j], (double)range->low,
                    (double)(range->high < FLT_MAX ? range->high : INFINITY));
}

ae_status aei_dataset_check_range(const ae_dataset *dataset, float low, float high)
{
    /* Features at a time: on the stack, so that nothing can fail. */
    enum { CHUNK = 256 };
    const aei_storage *storage = dataset->storage;
    const aei_range_check range = {low, high, dataset->missing};
    if (storage->type == AEI_STORAGE_U8 && low <= 0 && 255.0f * storage->scale <= high)
        return AE_OK;
    for (size_t r = 0; r < dataset->rows; r++) {
        for (size_t first = 0; first < storage->features; first += CHUNK) {
            size_t count = storage->features - first < CHUNK ? storage->features - first : CHUNK;
            float row[CHUNK];
            aei_dataset_gather(dataset, &(uint32_t){(uint32_t)r}, 1, first, count, row, CHUNK);
            AE_TRY(aei_check_row(row, r, first, count, &range));
        }
    }
    return AE_OK;
}
