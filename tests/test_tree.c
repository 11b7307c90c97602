/* SPDX-License-Identifier: BSD-3-Clause */
/* Sums over blocks: one shape of the tree, whoever adds which part of it. */
#include "fixtures.h"
#include "suites.h"

#include "model/blocks.h"
#include "model/tree.h"

enum { MOST = 70, WIDTH = 6 };

/* Numbers whose sum depends on the order of the additions. */
static void leaf(size_t block, float values[WIDTH])
{
    for (size_t i = 0; i < WIDTH; i++)
        values[i] = sinf((float)(block * WIDTH + i + 1)) * powf(10, (float)((block + i) % 7));
}

/* The definition: the left half has the largest power of two of blocks that leaves some over. */
static void sum_of(size_t first, size_t count, float values[WIDTH])
{
    if (count == 1) {
        leaf(first, values);
        return;
    }
    size_t left = 1;
    while (2 * left < count)
        left *= 2;
    float right[WIDTH];
    sum_of(first, left, values);
    sum_of(first + left, count - left, right);
    for (size_t i = 0; i < WIDTH; i++)
        values[i] += right[i];
}

/* The same, each node of so many blocks rounded, and the last one at that level. */
static void rounded_sum_of(size_t first, size_t count, size_t rounded, float values[WIDTH])
{
    if (count <= rounded) {
        sum_of(first, count, values);
        aei_kernels_reference.round_bf16(WIDTH, values, values);
        return;
    }
    size_t left = 1;
    while (2 * left < count)
        left *= 2;
    float right[WIDTH];
    rounded_sum_of(first, left, rounded, values);
    rounded_sum_of(first + left, count - left, rounded, right);
    for (size_t i = 0; i < WIDTH; i++)
        values[i] += right[i];
}

static aei_tree empty_tree(float *parts)
{
    return (aei_tree){.kernels = &aei_kernels_reference, .parts = parts, .stride = WIDTH};
}

static void push_leaves(aei_tree *tree, size_t first, size_t last)
{
    for (size_t b = first; b < last; b++) {
        ck_assert_uint_lt(tree->height, aei_tree_parts(MOST));
        leaf(b, aei_tree_next(tree));
        aei_tree_push(tree, (aei_tree_node){b, 1, 1}, WIDTH);
    }
}

START_TEST(blocks_are_added_in_the_order_of_the_tree)
{
    float parts[AEI_TREE_HEIGHT * WIDTH], expected[WIDTH];
    aei_tree tree = empty_tree(parts);
    for (size_t count = 1; count <= MOST; count++) {
        push_leaves(&tree, 0, count);
        ck_assert_uint_le(tree.height, aei_tree_parts(count));
        sum_of(0, count, expected);
        const float *sum = aei_tree_finish(&tree, WIDTH);
        ck_assert_msg(memcmp(sum, expected, sizeof expected) == 0, "%zu blocks", count);
    }
}
END_TEST

/* Each of several owners adds its blocks as far as the tree goes, and somebody else the rest. */
START_TEST(whoever_adds_a_part_the_bits_are_the_same)
{
    float parts[AEI_TREE_HEIGHT * WIDTH], more[AEI_TREE_HEIGHT * WIDTH], expected[WIDTH];
    for (size_t count = 1; count <= MOST; count++)
        for (size_t owners = 1; owners <= 9; owners++) {
            aei_tree all = empty_tree(parts);
            for (size_t owner = 0; owner < owners; owner++) {
                const aei_range mine = aei_share(count, owner, owners);
                aei_tree own = empty_tree(more);
                push_leaves(&own, mine.first, mine.last);
                for (size_t i = 0; i < own.height; i++) {
                    memcpy(aei_tree_next(&all), own.parts + i * WIDTH, WIDTH * sizeof(float));
                    aei_tree_push(&all, own.nodes[i], WIDTH);
                }
            }
            sum_of(0, count, expected);
            const float *sum = aei_tree_finish(&all, WIDTH);
            ck_assert_msg(memcmp(sum, expected, sizeof expected) == 0, "%zu blocks of %zu owners",
                          count, owners);
        }
}
END_TEST

/* Rounded at one level of the tree, the last node there being what is left. */
START_TEST(rounding_does_not_show_who_adds)
{
    float parts[AEI_TREE_HEIGHT * WIDTH], more[AEI_TREE_HEIGHT * WIDTH], expected[WIDTH];
    for (size_t rounded = 1; rounded <= 16; rounded *= 2)
        for (size_t count = 1; count <= MOST; count++)
            for (size_t owners = 1; owners <= 9; owners++) {
                aei_tree all = empty_tree(parts);
                all.rounded = rounded;
                for (size_t owner = 0; owner < owners; owner++) {
                    const aei_range mine = aei_share(count, owner, owners);
                    aei_tree own = empty_tree(more);
                    own.rounded = rounded;
                    push_leaves(&own, mine.first, mine.last);
                    for (size_t i = 0; i < own.height; i++) {
                        memcpy(aei_tree_next(&all), own.parts + i * WIDTH, WIDTH * sizeof(float));
                        aei_tree_push(&all, own.nodes[i], WIDTH);
                    }
                }
                rounded_sum_of(0, count, rounded, expected);
                const float *sum = aei_tree_finish(&all, WIDTH);
                ck_assert_msg(memcmp(sum, expected, sizeof expected) == 0,
                              "%zu blocks of %zu owners, rounded by %zu", count, owners, rounded);
            }
}
END_TEST

/* Means that are large beside the spread: squares of means would cancel. */
START_TEST(statistics_are_those_of_all_rows)
{
    enum { BLOCKS = 7, ROWS = 40 };
    float parts[AEI_TREE_HEIGHT * 2];
    aei_tree tree = {.statistics = true, .parts = parts, .stride = 2};
    double sum = 0, squares = 0, rows = 0;
    for (size_t b = 0; b < BLOCKS; b++) {
        const size_t count = ROWS + 3 * b;
        double mean = 0, variance = 0;
        for (size_t r = 0; r < count; r++)
            mean += (1000 + (double)b + sin((double)(b + r))) / (double)count;
        for (size_t r = 0; r < count; r++) {
            const double x = 1000 + (double)b + sin((double)(b + r));
            variance += (x - mean) * (x - mean) / (double)count;
            sum += x;
            squares += (x - 1003) * (x - 1003);
        }
        rows += (double)count;
        aei_tree_next(&tree)[0] = (float)mean;
        aei_tree_next(&tree)[1] = (float)variance;
        aei_tree_push(&tree, (aei_tree_node){b, 1, count}, 2);
    }
    const double mean = sum / rows, variance = squares / rows - (mean - 1003) * (mean - 1003);
    const float *found = aei_tree_finish(&tree, 2);
    ck_assert_double_eq_tol((double)found[0], mean, 1e-6 * mean);
    ck_assert_double_eq_tol((double)found[1], variance, 2e-4 * variance);
}
END_TEST

START_TEST(rows_fall_into_blocks_without_gap)
{
    for (size_t rows = 1; rows < 50; rows++)
        for (size_t block = 0; block < 20; block++)
            for (int join = 0; join < 2; join++) {
                const aei_blocks b = {rows, block, join};
                const size_t count = aei_block_count(&b);
                size_t next = 0;
                for (size_t i = 0; i < count; i++) {
                    const aei_range range = aei_block_rows(&b, i);
                    const size_t here = range.last - range.first;
                    ck_assert_uint_eq(range.first, next);
                    ck_assert(here >= 1 && (block == 0 || here <= block + (size_t)join));
                    ck_assert(!join || block == 1 || rows == 1 || here >= 2);
                    next = range.last;
                }
                ck_assert_uint_eq(next, rows);
            }
}
END_TEST

Suite *tree_suite(void)
{
    Suite *suite = suite_create("tree");
    TCase *tcase = tcase_create("tree");
    tcase_add_test(tcase, blocks_are_added_in_the_order_of_the_tree);
    tcase_add_test(tcase, whoever_adds_a_part_the_bits_are_the_same);
    tcase_add_test(tcase, rounding_does_not_show_who_adds);
    tcase_add_test(tcase, statistics_are_those_of_all_rows);
    tcase_add_test(tcase, rows_fall_into_blocks_without_gap);
    suite_add_tcase(suite, tcase);
    return suite;
}
