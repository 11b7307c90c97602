/* SPDX-License-Identifier: BSD-3-Clause */
#include "model/tree.h"

#include "model/bf16_wire.h"

size_t aei_tree_parts(size_t blocks)
{
    size_t parts = 1;
    for (size_t covered = 1; covered < blocks; covered *= 2)
        parts += 2; /* sizes rise up to the largest node, then fall */
    return parts;
}

/* Whether the two parts are the halves of one node. */
static int are_halves(const aei_tree_node *left, const aei_tree_node *right)
{
    return left->blocks == right->blocks && left->first % (2 * left->blocks) == 0;
}

/* Chan, Golub and LeVeque 1979: no squares of means are subtracted, so nothing is lost where the
 * mean is large beside the spread. */
static void add_statistics(float *left, const aei_tree_node *left_node, const float *right,
                           const aei_tree_node *right_node, size_t floats)
{
    const size_t count = floats / 2;
    const float rows = (float)(left_node->rows + right_node->rows);
    const float a = (float)left_node->rows / rows, b = (float)right_node->rows / rows;
    for (size_t i = 0; i < count; i++) {
        const float apart = right[i] - left[i];
        left[count + i] = a * left[count + i] + b * right[count + i] + a * b * apart * apart;
        left[i] += b * apart;
    }
}

/* Rounding what is rounded already changes nothing, so a part may be pushed again elsewhere. */
static void round_last(const aei_tree *tree, size_t floats)
{
    float *part = tree->parts + (tree->height - 1) * tree->stride;
    for (size_t i = 0; i < floats; i++)
        part[i] = aei_bf16_round(part[i]);
}

static void join_last(aei_tree *tree, size_t floats)
{
    const size_t right = --tree->height, left = right - 1;
    aei_tree_node *l = &tree->nodes[left];
    const aei_tree_node *r = &tree->nodes[right];
    float *sum = tree->parts + left * tree->stride;
    const float *part = tree->parts + right * tree->stride;
    if (tree->statistics)
        add_statistics(sum, l, part, r, floats);
    else
        tree->kernels->add(floats, part, sum);
    l->blocks += r->blocks;
    l->rows += r->rows;
    if (l->blocks == tree->rounded)
        round_last(tree, floats);
}

void aei_tree_push(aei_tree *tree, aei_tree_node node, size_t floats)
{
    tree->nodes[tree->height++] = node;
    if (node.blocks == tree->rounded)
        round_last(tree, floats);
    while (tree->height > 1 &&
           are_halves(&tree->nodes[tree->height - 2], &tree->nodes[tree->height - 1]))
        join_last(tree, floats);
}

/* The last node of those that are rounded may have too few blocks to be full. */
static void round_rest(const aei_tree *tree, size_t floats)
{
    const aei_tree_node *last = &tree->nodes[tree->height - 1];
    if (last->blocks < tree->rounded && last->first % tree->rounded == 0)
        round_last(tree, floats);
}

/* What is left are nodes of falling size: the last two are joined first, as the tree has them. */
float *aei_tree_finish(aei_tree *tree, size_t floats)
{
    for (; tree->height > 1; join_last(tree, floats))
        round_rest(tree, floats);
    round_rest(tree, floats);
    tree->height = 0;
    return tree->parts;
}
