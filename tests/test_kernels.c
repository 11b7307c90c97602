/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables themselves, and their copies: bfloat16 and transposition. */
#include "kernel_arrays.h"
#include "suites.h"

/* Floats by their bits: every upper half with lower halves around the middle, the extremes,
 * infinities and NaNs. */
START_TEST(bfloat16_rounds_as_the_reference_does)
{
    const aei_kernels *k = table(_i);
    static const uint32_t lower[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x1234, 0xc0de};
    float *in = array(65536 * 8), *out = array(65536 * 8), *expected = array(65536 * 8);
    uint16_t *low = calloc(65536 * 8, sizeof *low);
    ck_assert_ptr_nonnull(low);
    for (uint32_t i = 0; i < 65536 * 8; i++) {
        const uint32_t bits = (i / 8) << 16 | lower[i % 8];
        memcpy(&in[i], &bits, sizeof bits);
    }
    aei_kernels_reference.round_bf16(65536 * 8, in, expected);
    k->round_bf16(65536 * 8, in, out);
    ck_assert_mem_eq(out, expected, 65536 * 8 * sizeof *out);
    memset(out, 0, 65536 * 8 * sizeof *out);
    k->to_bf16(65536 * 8, in, low);
    k->from_bf16(65536 * 8, low, out);
    ck_assert_mem_eq(out, expected, 65536 * 8 * sizeof *out);
    k->round_bf16(65536 * 8, in, in);
    ck_assert_mem_eq(in, expected, 65536 * 8 * sizeof *in);
    free(low);
    release(in, 65536 * 8), release(out, 65536 * 8), release(expected, 65536 * 8);
}
END_TEST

/* The definition itself: the nearest value of 8 significant bits, ties to the even one. */
START_TEST(bfloat16_of_known_values)
{
    const float known[16] = {1,       1.00390625f, 1.01171875f, 3.3895314e38f, 3.4028235e38f,
                             -1.004f, 0,           -0.0f};
    const float rounded[8] = {1, 1, 1.015625f, 3.3895314e38f, INFINITY, -1.0078125f, 0, -0.0f};
    float out[16];
    aei_kernels_reference.round_bf16(16, known, out);
    ck_assert_mem_eq(out, rounded, sizeof rounded);
}
END_TEST

START_TEST(transposition_is_exact)
{
    const aei_kernels *k = table(_i);
    const size_t panel = k->panel;
    for (size_t rows = 1; rows <= panel; rows++)
        for (size_t n = 1; n <= panel; n++) {
            float *in = random_array(rows * panel, -1, 1), *out = array(n * panel);
            k->transpose(rows, n, in, out);
            for (size_t j = 0; j < n; j++)
                for (size_t i = 0; i < panel; i++)
                    REQUIRE(out[j * panel + i] == (i < rows ? in[i * panel + j] : 0),
                            "%s: %zu x %zu", k->name, rows, n);
            release(in, rows * panel), release(out, n * panel);
        }
}
END_TEST

START_TEST(tables_are_found_by_name)
{
    const aei_kernels *found = NULL;
    for (size_t i = 0; i < aei_kernels_count(); i++) {
        ck_assert_ok(aei_kernels_find(&found, aei_kernels_at(i)->name));
        ck_assert_ptr_eq(found, aei_kernels_at(i));
    }
    ck_assert_ok(aei_kernels_find(&found, NULL));
    ck_assert_ptr_eq(found, aei_kernels_at(aei_kernels_count() - 1));
    found = NULL;
    ck_assert_status(aei_kernels_find(&found, "abacus"), AE_ERROR_UNSUPPORTED, "reference");
    ck_assert_ptr_null(found);
    ck_assert_ptr_null(aei_kernels_at(aei_kernels_count()));
}
END_TEST

Suite *kernels_suite(void)
{
    Suite *suite = suite_create("kernels");
    TCase *each = tcase_create("each table");
    const int last = (int)tables();
    tcase_set_timeout(each, 120);
    tcase_add_loop_test(each, bfloat16_rounds_as_the_reference_does, 0, last);
    tcase_add_loop_test(each, transposition_is_exact, 0, last);
    suite_add_tcase(suite, each);
    TCase *choice = tcase_create("choice");
    tcase_add_test(choice, tables_are_found_by_name);
    tcase_add_test(choice, bfloat16_of_known_values);
    suite_add_tcase(suite, choice);
    return suite;
}
