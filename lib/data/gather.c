/* SPDX-License-Identifier: BSD-3-Clause */
/* How do rows of any dataset become float32, some features at a time? This is the hottest read of
 * the library: every step and every evaluation goes through it. */
#include "data/dataset_internal.h"
#include "data/storage.h"
#include "format/bytes.h"

#include <math.h>
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

/*
 * Half precision by its bits, without branches: F16C would be quicker, but only files of
 * lib/compute are compiled for one instruction set, and a row is read once a step. Three cases:
 * exponent 0 is a multiple of 2^-24, exponent 31 is not finite, the others change their bias.
 */
static inline float from_half(uint16_t half)
{
    const uint32_t magnitude = (half & 0x7FFFu) << 13, sign = (half & 0x8000u) << 16;
    const float small = (float)(int32_t)(half & 0x3FFu) * 0x1p-24f;
    const uint32_t rebiased = magnitude + (112u << 23),
                   endless = magnitude >= 31u << 23 ? 112u << 23 : 0;
    const uint32_t bits = magnitude < 1u << 23 ? aei_bits_from_float(small) : rebiased + endless;
    return aei_float_from_bits(bits | sign);
}

static inline void widen_halves(float *restrict to, const uint16_t *restrict from, size_t count)
{
    size_t j = 0;
    for (; j + RUN <= count; j += RUN)
        for (size_t k = 0; k < RUN; k++)
            to[j + k] = from_half(from[j + k]);
    for (; j < count; j++)
        to[j] = from_half(from[j]);
}

static inline void widen_bf16(float *restrict to, const uint16_t *restrict from, size_t count)
{
    size_t j = 0;
    for (; j + RUN <= count; j += RUN)
        for (size_t k = 0; k < RUN; k++)
            to[j + k] = aei_float_from_bits((uint32_t)from[j + k] << 16);
    for (; j < count; j++)
        to[j] = aei_float_from_bits((uint32_t)from[j] << 16);
}

void aei_dataset_gather(const void *source, const uint32_t *rows, size_t row_count, size_t first,
                        size_t count, float *out, size_t stride)
{
    const ae_dataset *dataset = source;
    const uint32_t *index = dataset->index;
    const void *values = dataset->storage->values;
    const size_t origin = dataset->first, step = dataset->storage->stride;
    const aei_storage_type type = dataset->storage->type;
    const float scale = dataset->storage->scale;
    for (size_t r = 0; r < row_count; r++) {
        const size_t row = index != NULL ? index[rows[r]] : origin + rows[r];
        const size_t from = row * step + first;
        if (type == AEI_STORAGE_F32)
            copy_floats(out + r * stride, (const float *)values + from, count);
        else if (type == AEI_STORAGE_U8)
            scale_bytes(out + r * stride, (const uint8_t *)values + from, count, scale);
        else if (type == AEI_STORAGE_F16)
            widen_halves(out + r * stride, (const uint16_t *)values + from, count);
        else
            widen_bf16(out + r * stride, (const uint16_t *)values + from, count);
    }
}
