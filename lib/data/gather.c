/* SPDX-License-Identifier: BSD-3-Clause */
/* How do rows of any dataset become float32, some features at a time? This is the hottest read of
 * the library: every step and every evaluation goes through it. */
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
