/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_BLOCKS_H
#define AEI_BLOCKS_H

#include <stdbool.h>

#include "model/panels.h"

/*
 * How the rows of a batch fall into blocks. A block has batch statistics and a gradient of its own;
 * where the borders are depends on the batch alone, not on who computes which block.
 */
typedef struct aei_blocks {
    size_t rows;  /* of the batch */
    size_t block; /* rows of a block; 0: all rows are one block */
    bool join;    /* a last block of one row joins the one before it: its variance would be 0 */
} aei_blocks;

static inline size_t aei_block_count(const aei_blocks *b)
{
    if (b->block == 0 || b->rows <= b->block)
        return 1;
    const size_t rest = b->rows % b->block;
    return b->rows / b->block + (rest > (b->join ? 1 : 0) ? 1 : 0);
}

/* The rows of one block. */
static inline aei_range aei_block_rows(const aei_blocks *b, size_t index)
{
    const bool last = index + 1 == aei_block_count(b);
    return (aei_range){index * b->block, last ? b->rows : (index + 1) * b->block};
}

#endif
