/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/crc32c.h"

#include "suites.h"

#include <string.h>

START_TEST(the_checksum_is_castagnolis)
{
    ck_assert_uint_eq(aei_crc32c("123456789", 9), 0xE3069283u);
    ck_assert_uint_eq(aei_crc32c("", 0), 0);
    unsigned char block[32] = {0}; /* RFC 3720, appendix B.4 */
    ck_assert_uint_eq(aei_crc32c(block, sizeof block), 0x8A9136AAu);
    memset(block, 0xFF, sizeof block);
    ck_assert_uint_eq(aei_crc32c(block, sizeof block), 0x62A8AB43u);
}
END_TEST

Suite *crc32c_suite(void)
{
    Suite *suite = suite_create("crc32c");
    TCase *tcase = tcase_create("crc32c");
    tcase_add_test(tcase, the_checksum_is_castagnolis);
    suite_add_tcase(suite, tcase);
    return suite;
}
