/* SPDX-License-Identifier: BSD-3-Clause */
#include "ranks/checksum.h"

#include "suites.h"
#include "support.h"

#include <stdbool.h>
#include <string.h>

static bool same(aei_checksum a, aei_checksum b)
{
    return a.plain == b.plain && a.weighted == b.weighted;
}

static aei_checksum checksum(const unsigned char *data, size_t bytes)
{
    return aei_checksum_add((aei_checksum){0}, data, bytes);
}

START_TEST(a_checksum_sees_one_and_two_flipped_bits_and_swapped_words)
{
    enum { SIZE = 203 };
    unsigned char data[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (unsigned char)(i * 7 + i / 256 + 93);
    const aei_checksum whole = checksum(data, SIZE);
    for (size_t i = 0; i < (size_t)8 * SIZE; i++) {
        data[i / 8] ^= (unsigned char)(1 << i % 8);
        ck_assert_uint_ne(checksum(data, SIZE).plain, whole.plain);
        for (size_t j = i + 1; j < (size_t)8 * SIZE; j += support_slow_arithmetic() ? 17 : 1) {
            data[j / 8] ^= (unsigned char)(1 << j % 8);
            ck_assert_msg(!same(checksum(data, SIZE), whole), "bits %zu and %zu", i, j);
            data[j / 8] ^= (unsigned char)(1 << j % 8);
        }
        data[i / 8] ^= (unsigned char)(1 << i % 8);
    }
    for (size_t i = 0; i + 36 <= SIZE; i += 4) {
        unsigned char swapped[SIZE];
        memcpy(swapped, data, SIZE);
        memcpy(swapped + i, data + i + 32, 4);
        memcpy(swapped + i + 32, data + i, 4);
        ck_assert_msg(!same(checksum(swapped, SIZE), whole), "words at %zu", i);
    }
}
END_TEST

Suite *checksum_suite(void)
{
    Suite *suite = suite_create("checksum");
    TCase *damage = tcase_create("damage");
    tcase_add_test(damage, a_checksum_sees_one_and_two_flipped_bits_and_swapped_words);
    suite_add_tcase(suite, damage);
    return suite;
}
