/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/error.h"
#include "data/dataset_internal.h"
#include "data/storage.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/*
 * Runs of elements, which compilers turn into vector code without a loop, then what is left. The
 * panels of features that a step or session asks for are whole runs, whatever their width.
 */
enum { RUN = 16 };

static inline void copy_floats(float *restrict to, const float *restrict from, size_t count)
{
    size_t j = 0;
    for (; j + RUN <= count; j += RUN)
        memcpy(to + j, from + j, RUN * sizeof *to);
    for (; j < count; j++)
        to[j] = from[j];
}

static inline void scale_bytes(float *restrict to, const uint8_t *restrict from, size_t count,
                               float scale)
{
    size_t j = 0;
    for (; j + RUN <= count; j += RUN)
        for (size_t k = 0; k < RUN; k++)
            to[j + k] = (float)from[j + k] * scale;
    for (; j < count; j++)
        to[j] = (float)from[j] * scale;
}

void aei_dataset_gather(const void *source, const uint32_t *rows, size_t row_count, size_t first,
                        size_t count, float *out, size_t stride)
{
    const ae_dataset *dataset = source;
    const uint32_t *index = dataset->index;
    const void *values = dataset->storage->values;
    const size_t origin = dataset->first, step = dataset->storage->stride;
    const bool f32 = dataset->storage->type == AEI_STORAGE_F32;
    const float scale = dataset->storage->scale;
    for (size_t r = 0; r < row_count; r++) {
        const size_t row = index != NULL ? index[rows[r]] : origin + rows[r];
        const size_t from = row * step + first;
        if (f32)
            copy_floats(out + r * stride, (const float *)values + from, count);
        else
            scale_bytes(out + r * stride, (const uint8_t *)values + from, count, scale);
    }
}

ae_status ae_dataset_read(const ae_dataset *dataset, size_t first, size_t count, float *values)
{
    enum { BLOCK = 64 };
    AE_REQUIRE(dataset);
    AE_REQUIRE(values);
    if (first > dataset->rows || count > dataset->rows - first)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%zu rows from row %zu on: the dataset has %zu",
                        count, first, dataset->rows);
    const size_t features = dataset->storage->features;
    for (size_t done = 0; done < count; done += BLOCK) {
        uint32_t rows[BLOCK] = {0};
        size_t block = count - done < BLOCK ? count - done : BLOCK;
        for (size_t i = 0; i < block; i++)
            rows[i] = (uint32_t)(first + done + i);
        aei_dataset_gather(dataset, rows, block, 0, features, values + done * features, features);
    }
    return AE_OK;
}

/* Features at a time where a pass needs room of its own: on the stack, so that nothing can fail. */
enum { CHUNK = 256 };

ae_status ae_dataset_mean(const ae_dataset *dataset, float *mean)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(mean);
    const size_t features = dataset->storage->features;
    for (size_t first = 0; first < features; first += CHUNK) {
        size_t count = features - first < CHUNK ? features - first : CHUNK;
        double sum[CHUNK] = {0}, present[CHUNK] = {0};
        for (size_t r = 0; r < dataset->rows; r++) {
            float row[CHUNK];
            aei_dataset_gather(dataset, &(uint32_t){(uint32_t)r}, 1, first, count, row, CHUNK);
            for (size_t j = 0; j < count; j++)
                if (!isnan(row[j])) {
                    sum[j] += (double)row[j];
                    present[j]++;
                }
        }
        for (size_t j = 0; j < count; j++)
            mean[first + j] = (float)(sum[j] / present[j]);
    }
    return AE_OK;
}

/* The comparison is written so that NaN fails it: the caller's memory (no_copy) may have changed
 * since it was checked. */
static bool is_outside(float value, float low, float high)
{
    return !(value >= low && value <= high);
}

ae_status aei_dataset_check_range(const ae_dataset *dataset, float low, float high)
{
    const aei_storage *storage = dataset->storage;
    if (storage->type == AEI_STORAGE_U8 && low <= 0 && 255.0f * storage->scale <= high)
        return AE_OK;
    for (size_t r = 0; r < dataset->rows; r++) {
        for (size_t first = 0; first < storage->features; first += CHUNK) {
            size_t count = storage->features - first < CHUNK ? storage->features - first : CHUNK;
            float row[CHUNK];
            aei_dataset_gather(dataset, &(uint32_t){(uint32_t)r}, 1, first, count, row, CHUNK);
            bool bad = false;
            for (size_t j = 0; j < count; j++)
                bad |= is_outside(row[j], low, high);
            if (!bad)
                continue;
            size_t j = 0;
            while (!is_outside(row[j], low, high))
                j++;
            return aei_fail(AE_ERROR_DATA,
                            "row %zu, column %zu: %g is outside [%g, %g]: call "
                            "ae_network_fit_scaling first or set another "
                            "output_activation, such as AE_ACTIVATION_LINEAR",
                            r, first + j, (double)row[j], (double)low, (double)high);
        }
    }
    return AE_OK;
}
