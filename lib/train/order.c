/* SPDX-License-Identifier: BSD-3-Clause */
#include "train/order.h"

#include "base/error.h"
#include "base/options.h"
#include "base/philox.h"
#include "data/dataset_internal.h"

#include <stdbool.h>

ae_status aei_order_resolve(ae_trainer_options *o)
{
    AE_TRY(aei_check_enum((int)o->shuffle, AE_SHUFFLE_BLOCKS, "shuffle", "ae_shuffle"));
    AE_TRY(aei_check_most(o->shuffle_block, UINT32_MAX, "shuffle_block"));
    AE_TRY(aei_check_most(o->shuffle_window, UINT32_MAX, "shuffle_window"));
    o->shuffle = o->shuffle == AE_SHUFFLE_DEFAULT ? AE_SHUFFLE_EPOCH : o->shuffle;
    if (o->shuffle != AE_SHUFFLE_BLOCKS && (o->shuffle_block != 0 || o->shuffle_window != 0))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "shuffle_block %zu and shuffle_window %zu are for AE_SHUFFLE_BLOCKS",
                        o->shuffle_block, o->shuffle_window);
    o->shuffle_block = o->shuffle_block == 0 ? 256 : o->shuffle_block;
    o->shuffle_window = o->shuffle_window == 0 ? 64 : o->shuffle_window;
    return AE_OK;
}

size_t aei_order_blocks(const ae_trainer_options *o, size_t rows)
{
    if (o->shuffle != AE_SHUFFLE_BLOCKS)
        return 0;
    return rows / o->shuffle_block + (rows % o->shuffle_block != 0 ? 1 : 0);
}

/*
 * Blocks in a random order, and the rows of so many neighbours of that order mixed with each other.
 * Whoever reads in this order needs one window at a time, and can read it in whole blocks.
 */
static void mix_blocks(const ae_trainer_options *o, uint32_t *blocks, uint32_t *numbers,
                       size_t rows, uint32_t epoch)
{
    const size_t count = aei_order_blocks(o, rows);
    aei_random_permutation(blocks, (uint32_t)count, o->seed, AEI_STREAM_BLOCKS, epoch);
    for (size_t b = 0, done = 0; b < count;) {
        const size_t first = done;
        for (size_t w = 0; w < o->shuffle_window && b < count; w++, b++) {
            const size_t from = blocks[b] * o->shuffle_block, left = rows - from,
                         size = left < o->shuffle_block ? left : o->shuffle_block;
            for (size_t i = 0; i < size; i++)
                numbers[done++] = (uint32_t)(from + i);
        }
        aei_random_mix(numbers + first, (uint32_t)(done - first), o->seed, AEI_STREAM_WINDOWS,
                       epoch, first);
    }
}

void aei_order_make(const ae_trainer_options *o, uint32_t *blocks, uint32_t *numbers, uint32_t rows,
                    uint64_t epoch)
{
    if (o->shuffle == AE_SHUFFLE_BLOCKS)
        mix_blocks(o, blocks, numbers, rows, (uint32_t)epoch);
    else if (o->shuffle == AE_SHUFFLE_NONE || (o->shuffle == AE_SHUFFLE_AFTER_FIRST && epoch == 0))
        for (uint32_t i = 0; i < rows; i++)
            numbers[i] = i;
    else
        aei_random_permutation(numbers, rows, o->seed, AEI_STREAM_SHUFFLE, (uint32_t)epoch);
}

/* Of each block exactly one row is its first, so a block is asked for once, with no list of them. A
 * short block moves the windows behind it by some rows, which a hint need not know. */
static void hint_window(const ae_trainer_options *o, const ae_dataset *dataset,
                        const uint32_t *numbers, size_t window, size_t size)
{
    enum { PIECE = 256 };
    const size_t rows = ae_dataset_row_count(dataset), first = window * size,
                 last = rows - first < size ? rows : first + size;
    for (size_t i = first; i < last; i++) {
        if (numbers[i] % o->shuffle_block != 0)
            continue;
        const size_t left = rows - numbers[i],
                     block = left < o->shuffle_block ? left : o->shuffle_block;
        for (size_t done = 0; done < block; done += PIECE) {
            uint32_t piece[PIECE] = {0};
            const size_t count = block - done < PIECE ? block - done : PIECE;
            for (size_t k = 0; k < count; k++)
                piece[k] = numbers[i] + (uint32_t)(done + k);
            aei_dataset_will_need(dataset, piece, count);
        }
    }
}

void aei_order_hint(const ae_trainer_options *o, const ae_dataset *dataset, const uint32_t *numbers,
                    size_t step, bool first)
{
    const size_t rows = ae_dataset_row_count(dataset);
    if (o->shuffle != AE_SHUFFLE_BLOCKS || aei_dataset_is_resident(dataset) ||
        o->shuffle_block >= rows || o->shuffle_window > rows / o->shuffle_block)
        return;
    const size_t size = o->shuffle_block * o->shuffle_window;
    const size_t window = step * o->batch / size,
                 before = step == 0 ? 0 : (step - 1) * o->batch / size;
    if (first)
        hint_window(o, dataset, numbers, window, size);
    if ((first || window != before) && (window + 1) * size < rows)
        hint_window(o, dataset, numbers, window + 1, size);
}
