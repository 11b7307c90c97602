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

static void hint_block(const ae_trainer_options *o, const ae_dataset *dataset, size_t first)
{
    enum { PIECE = 256 };
    const size_t left = ae_dataset_row_count(dataset) - first,
                 block = left < o->shuffle_block ? left : o->shuffle_block;
    for (size_t done = 0; done < block; done += PIECE) {
        uint32_t piece[PIECE] = {0};
        const size_t count = block - done < PIECE ? block - done : PIECE;
        for (size_t k = 0; k < count; k++)
            piece[k] = (uint32_t)(first + done + k);
        aei_dataset_will_need(dataset, piece, count);
    }
}

size_t aei_order_window(const ae_trainer_options *o, size_t step)
{
    const size_t size = o->shuffle_block * o->shuffle_window;
    return step * o->batch / size * size;
}

/*
 * The places up to which blocks have been asked for when the run comes to this one. The next window
 * is asked for evenly during the second half of this one: all at once it would push out of a small
 * memory what this one still needs.
 */
static size_t asked_at(size_t place, size_t size)
{
    const size_t in = place % size, over = 2 * in > size ? 2 * in - size : 0;
    return place - in + size + over;
}

/* Of each block exactly one row is its first, so a block is asked for once, with no list of them. A
 * short block moves the windows behind it by some rows, which a hint need not know. */
void aei_order_hint(const ae_trainer_options *o, const ae_dataset *dataset, const uint32_t *numbers,
                    const uint32_t *next, size_t step, size_t *asked)
{
    const size_t rows = ae_dataset_row_count(dataset);
    if (o->shuffle != AE_SHUFFLE_BLOCKS || aei_dataset_is_resident(dataset) ||
        o->shuffle_block >= rows || o->shuffle_window > rows / o->shuffle_block)
        return;
    const size_t end = asked_at((step + 1) * o->batch, o->shuffle_block * o->shuffle_window),
                 most = next != NULL ? 2 * rows : rows;
    for (; *asked < end && *asked < most; ++*asked) {
        const size_t row = *asked < rows ? numbers[*asked] : next[*asked - rows];
        if (row % o->shuffle_block == 0)
            hint_block(o, dataset, row);
    }
}
