/* SPDX-License-Identifier: BSD-3-Clause */
/* Matrix products against the reference: see kernel_arrays.h for the bounds. */
#include "kernel_arrays.h"
#include "suites.h"

/* Frobenius norms of c - reference and of the products of magnitudes, over n columns; the others
 * must be 0. */
static void check_product(const aei_kernels *k, size_t rows, size_t n, size_t terms, const float *c,
                          const float *reference, const double *magnitude)
{
    double residual = 0, scale = 0;
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < k->panel; j++) {
            const double got = (double)c[r * k->panel + j],
                         d = got - (double)reference[r * WIDE + j];
            if (j >= n) {
                REQUIRE(got == 0, "%s: column %zu of %zu holds %g, not 0", k->name, j, n, got);
                continue;
            }
            residual += d * d;
            scale += magnitude[r * WIDE + j] * magnitude[r * WIDE + j];
        }
    /* c_ij errs by at most (terms + 1) u (|A| |B|)_ij, hence the norms too; random errors grow like
     * the root of that.
     */
    const double bound = (2 * sqrt((double)terms) + 1) * u * sqrt(scale);
    ck_assert_msg(sqrt(residual) <= bound, "%s: %zu x %zu x %zu: residual %g > %g", k->name, rows,
                  terms, n, sqrt(residual), bound);
}

static void check_nn(const aei_kernels *k, size_t rows, size_t depth, size_t n)
{
    const size_t panels = (depth + WIDE - 1) / WIDE, narrow = (depth + k->panel - 1) / k->panel;
    float *a = random_array(panels * rows * WIDE, -1, 1), *b = random_array(depth * WIDE, -1, 1);
    double *magnitude = calloc(rows * WIDE, sizeof *magnitude);
    ck_assert_ptr_nonnull(magnitude);
    for (size_t i = 0; i < depth; i++)
        memset(b + i * WIDE + n, 0, (WIDE - n) * sizeof *b);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < depth; i++)
            for (size_t j = 0; j < n; j++)
                magnitude[r * WIDE + j] += fabs((double)a[(i / WIDE * rows + r) * WIDE + i % WIDE] *
                                                (double)b[i * WIDE + j]);
    float *mine_a = to_panels(a, rows, depth, k->panel),
          *mine_b = to_panels(b, depth, k->panel, k->panel);
    float *c = array(rows * k->panel), *reference = array(rows * WIDE);
    aei_kernels_reference.gemm_nn(rows, depth, n, a, b, reference, NULL);
    if (k->pack != NULL) {
        const size_t floats = k->pack_floats(rows, depth);
        float *packed = array(floats);
        k->pack(rows, depth, mine_a, packed);
        k->gemm_nn(rows, depth, n, packed, mine_b, c, NULL);
        release(packed, floats);
    } else {
        k->gemm_nn(rows, depth, n, mine_a, mine_b, c, NULL);
    }
    check_product(k, rows, n, depth, c, reference, magnitude);
    free(magnitude);
    release(a, panels * rows * WIDE), release(b, depth * WIDE);
    release(mine_a, narrow * rows * k->panel), release(mine_b, depth * k->panel);
    release(c, rows * k->panel), release(reference, rows * WIDE);
}

START_TEST(product_agrees_with_reference)
{
    const aei_kernels *k = table(_i);
    size_t shape = 0;
    for (size_t r = 0; r < COUNT(row_counts); r++)
        for (size_t d = 0; d < COUNT(depths); d++)
            for (size_t n = 0; n < COUNT(widths); n++)
                if (widths[n] <= k->panel && !skipped(shape++))
                    check_nn(k, row_counts[r], depths[d], widths[n]);
}
END_TEST

START_TEST(one_row_for_two_panels_has_the_bits_of_two_products)
{
    const aei_kernels *k = table(_i);
    for (size_t d = 0; k->gemm_row != NULL && d < COUNT(depths); d++) {
        const size_t panel = k->panel, depth = depths[d],
                     whole = (depth + panel - 1) / panel * panel;
        float *a = random_array(whole, -1, 1), *b = random_array(2 * depth * panel, -1, 1);
        float *c = array(2 * panel), *expected = array(2 * panel);
        for (size_t p = 0; p < 2; p++)
            k->gemm_nn(1, depth, panel, a, b + p * depth * panel, expected + p * panel, NULL);
        k->gemm_row(depth, a, b, c);
        ck_assert_mem_eq(c, expected, 2 * panel * sizeof *c);
        uint16_t *low = aligned_alloc(64, 2 * depth * panel * sizeof *low);
        ck_assert_ptr_nonnull(low);
        k->to_bf16(2 * depth * panel, b, low);
        k->round_bf16(2 * depth * panel, b, b);
        k->gemm_row(depth, a, b, expected);
        k->gemm_row_bf16(depth, a, low, c);
        ck_assert_mem_eq(c, expected, 2 * panel * sizeof *c);
        free(low);
        release(a, whole), release(b, 2 * depth * panel);
        release(c, 2 * panel), release(expected, 2 * panel);
    }
}
END_TEST

static void check_tn(const aei_kernels *k, size_t rows, size_t kb, size_t n)
{
    float *a = random_array(rows * WIDE, -1, 1), *b = random_array(rows * WIDE, -1, 1);
    double magnitude[WIDE * WIDE] = {0};
    for (size_t r = 0; r < rows; r++) {
        memset(b + r * WIDE + n, 0, (WIDE - n) * sizeof *b);
        for (size_t i = 0; i < kb; i++)
            for (size_t j = 0; j < n; j++)
                magnitude[i * WIDE + j] += fabs((double)a[r * WIDE + i] * (double)b[r * WIDE + j]);
    }
    float *mine_a = to_panels(a, rows, k->panel, k->panel),
          *mine_b = to_panels(b, rows, k->panel, k->panel);
    float *c = array(kb * k->panel), *reference = array(kb * WIDE), *later = array(kb * k->panel);
    const float *const prefetch[3] = {later, later, later};
    aei_kernels_reference.gemm_tn(rows, kb, n, a, b, reference, prefetch);
    k->gemm_tn(rows, kb, n, mine_a, mine_b, c, prefetch);
    check_product(k, kb, n, rows, c, reference, magnitude);
    release(a, rows * WIDE), release(b, rows * WIDE);
    release(mine_a, rows * k->panel), release(mine_b, rows * k->panel);
    release(c, kb * k->panel), release(reference, kb * WIDE), release(later, kb * k->panel);
}

START_TEST(transposed_product_agrees_with_reference)
{
    const aei_kernels *k = table(_i);
    const size_t more[] = {
        255, 257, 512, TN_ROWS_MOST}; /* around the pieces in which a table may take long sums */
    size_t shape = 0;
    for (size_t r = 0; r < COUNT(row_counts) + COUNT(more); r++)
        for (size_t kb = 0; kb < COUNT(widths); kb++)
            for (size_t n = 0; n < COUNT(widths); n++)
                if (widths[kb] <= k->panel && widths[n] <= k->panel && !skipped(shape++))
                    check_tn(k, r < COUNT(row_counts) ? row_counts[r] : more[r - COUNT(row_counts)],
                             widths[kb], widths[n]);
}
END_TEST

/* A diverging run must show, so a NaN reaches every column of its row, and nothing else. */
START_TEST(product_carries_nan_along_its_row)
{
    const aei_kernels *k = table(_i);
    const size_t rows = 29, depth = 45, panels = (depth + k->panel - 1) / k->panel, sick = 13;
    float *a = random_array(panels * rows * k->panel, -1, 1),
          *b = random_array(depth * k->panel, -1, 1);
    float *c = array(rows * k->panel);
    a[(40 / k->panel * rows + sick) * k->panel + 40 % k->panel] = NAN;
    const size_t floats = k->pack == NULL ? 0 : k->pack_floats(rows, depth);
    float *packed = array(floats);
    if (k->pack != NULL)
        k->pack(rows, depth, a, packed);
    k->gemm_nn(rows, depth, k->panel, k->pack == NULL ? a : packed, b, c, NULL);
    for (size_t i = 0; i < rows * k->panel; i++)
        REQUIRE((isnan(c[i]) != 0) == (i / k->panel == sick), "%s: row %zu", k->name, i / k->panel);
    release(a, panels * rows * k->panel), release(b, depth * k->panel), release(c, rows * k->panel);
    release(packed, floats);
}
END_TEST

Suite *gemm_suite(void)
{
    Suite *suite = suite_create("gemm");
    TCase *each = tcase_create("each table");
    const int last = (int)tables();
    tcase_set_timeout(each, 120);
    tcase_add_loop_test(each, product_agrees_with_reference, 0, last);
    tcase_add_loop_test(each, one_row_for_two_panels_has_the_bits_of_two_products, 0, last);
    tcase_add_loop_test(each, transposed_product_agrees_with_reference, 0, last);
    tcase_add_loop_test(each, product_carries_nan_along_its_row, 0, last);
    suite_add_tcase(suite, each);
    return suite;
}
