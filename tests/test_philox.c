/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/philox.h"
#include "suites.h"

#include <math.h>
#include <stdbool.h>

/* The known answers that come with the authors' Random123 library for philox4x32, 10 rounds. */
START_TEST(philox_gives_its_authors_known_answers)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint32_t out[4];
        aei_philox(out, known[i].counter, known[i].key);
        ck_assert_mem_eq(out, known[i].out, sizeof out);
    }
}
END_TEST

START_TEST(random_blocks_depend_on_every_part_of_their_place)
{
    uint32_t block[6][4];
    aei_random_block(block[0], 1, AEI_STREAM_WEIGHTS, 2, 3);
    aei_random_block(block[1], 1ULL << 32 | 1, AEI_STREAM_WEIGHTS, 2, 3);
    aei_random_block(block[2], 1, AEI_STREAM_SHUFFLE, 2, 3);
    aei_random_block(block[3], 1, AEI_STREAM_WEIGHTS, 3, 3);
    aei_random_block(block[4], 1, AEI_STREAM_WEIGHTS, 2, 4);
    aei_random_block(block[5], 1, AEI_STREAM_WEIGHTS, 2, 1ULL << 32 | 3);
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < i; j++)
            ck_assert_mem_ne(block[i], block[j], sizeof block[i]);
}
END_TEST

START_TEST(blocks_side_by_side_are_blocks_one_by_one)
{
    static const uint64_t places[] = {0, 5, UINT32_MAX - 3, 1ULL << 40};
    for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
        uint32_t many[4 * AEI_BLOCKS], one[4];
        aei_random_blocks(many, 0x0123456789abcdefULL, AEI_STREAM_MASK, 77, places[p]);
        for (size_t i = 0; i < AEI_BLOCKS; i++) {
            aei_random_block(one, 0x0123456789abcdefULL, AEI_STREAM_MASK, 77, places[p] + i);
            ck_assert_mem_eq(many + 4 * i, one, sizeof one);
        }
    }
}
END_TEST

/* Bounds are 5 standard errors of the mean and variance of n independent draws. */
START_TEST(uniform_and_normal_have_their_moments)
{
    enum { N = 200000 };
    double sum = 0, squares = 0, normal_sum = 0, normal_squares = 0;
    for (uint64_t i = 0; i < N; i++) {
        float u = aei_random_uniform(42, AEI_STREAM_NOISE, 0, i);
        float z = aei_random_normal(42, AEI_STREAM_NOISE, 0, i);
        ck_assert(u > 0.0f && u < 1.0f && isfinite(z));
        sum += u, squares += (u - 0.5) * (u - 0.5);
        normal_sum += z, normal_squares += (double)z * z;
    }
    ck_assert_double_le(fabs(sum / N - 0.5), 5 * sqrt(1.0 / 12 / N));
    ck_assert_double_le(fabs(squares / N - 1.0 / 12), 5 * sqrt(1.0 / 180 / N));
    ck_assert_double_le(fabs(normal_sum / N), 5 * sqrt(1.0 / N));
    ck_assert_double_le(fabs(normal_squares / N - 1), 5 * sqrt(2.0 / N));
}
END_TEST

/* Chi-squared with 23 degrees of freedom over the 24 orders of 4: below 53 but for one seed in
 * 4000. */
START_TEST(permutations_are_complete_and_even)
{
    enum { N = 1000, DRAWS = 24000 };
    static uint32_t order[N];
    bool seen[N] = {false};
    aei_random_permutation(order, N, 1, AEI_STREAM_SHUFFLE, 0);
    for (size_t i = 0; i < N; i++) {
        ck_assert_uint_lt(order[i], N);
        ck_assert(!seen[order[i]]);
        seen[order[i]] = true;
    }
    size_t times[256] = {0};
    for (uint32_t draw = 0; draw < DRAWS; draw++) {
        uint32_t four[4];
        aei_random_permutation(four, 4, 7, AEI_STREAM_SHUFFLE, draw);
        times[four[0] << 6 | four[1] << 4 | four[2] << 2 | four[3]]++;
    }
    double chi_squared = 0;
    size_t orders = 0;
    for (size_t i = 0; i < 256; i++) {
        double excess = (double)times[i] - DRAWS / 24.0;
        orders += times[i] != 0;
        chi_squared += times[i] == 0 ? 0 : excess * excess / (DRAWS / 24.0);
    }
    ck_assert_uint_eq(orders, 24);
    ck_assert_double_lt(chi_squared, 53);
    aei_random_permutation(order, 0, 1, AEI_STREAM_SHUFFLE, 0);
    aei_random_permutation(order, 1, 1, AEI_STREAM_SHUFFLE, 0);
    ck_assert_uint_eq(order[0], 0);
}
END_TEST

Suite *philox_suite(void)
{
    Suite *suite = suite_create("philox");
    TCase *tcase = tcase_create("random");
    tcase_add_test(tcase, philox_gives_its_authors_known_answers);
    tcase_add_test(tcase, random_blocks_depend_on_every_part_of_their_place);
    tcase_add_test(tcase, blocks_side_by_side_are_blocks_one_by_one);
    tcase_add_test(tcase, uniform_and_normal_have_their_moments);
    tcase_add_test(tcase, permutations_are_complete_and_even);
    suite_add_tcase(suite, tcase);
    return suite;
}
