/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_TREE_H
#define AEI_TREE_H

#include <stdbool.h>

#include "compute/kernels.h"

/*
 * Adds up what the blocks of a batch computed, in one fixed order: a balanced tree over the blocks'
 * numbers, whose left half is the largest power of two that leaves something for the right one.
 * A sum then has the same bits whoever adds which part of it, and when.
 *
 *     blocks 0 to 5:   ((0 + 1) + (2 + 3)) + (4 + 5)
 *
 * Parts come in the order of their blocks. A part is one block, or the sum of 2^k blocks whose
 * first number is a multiple of 2^k: a node of that tree.
 */
enum { AEI_TREE_HEIGHT = 48 }; /* for 2^23 blocks */

/* The first block of a part, its blocks and their rows. */
typedef struct aei_tree_node {
    size_t first, blocks, rows;
} aei_tree_node;

typedef struct aei_tree {
    const aei_kernels *kernels;
    bool statistics; /* parts are means of columns, then their variances, floats / 2 each; their
                      * sum are those of the rows of both. Else parts are gradients. */
    size_t
        rounded;   /* gradients of nodes of so many blocks, a power of two, are rounded to bfloat16,
                      * and of the last node where it has fewer; 0: none are */
    float *parts;  /* [height][stride]: sums that wait for what is on their right */
    size_t stride; /* floats from one to the next */
    size_t height;
    aei_tree_node nodes[AEI_TREE_HEIGHT];
} aei_tree;

/* Parts that wait at once, at most, for so many blocks from any number on, the one that is being
 * written included. */
size_t aei_tree_parts(size_t blocks);

/* Where the next part is to be written. */
static inline float *aei_tree_next(const aei_tree *tree)
{
    return tree->parts + tree->height * tree->stride;
}

/* The part of `node` is there: add it to what it completes. */
void aei_tree_push(aei_tree *tree, aei_tree_node node, size_t floats);

/* The sum of all parts, in parts[0]; the tree is empty again. */
float *aei_tree_finish(aei_tree *tree, size_t floats);

#endif
