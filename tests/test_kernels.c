/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every table of kernels against the reference, which works in double, over ragged shapes.
 *
 * Tolerances are bounds of the rounding errors, u = 2^-24 being half a float's spacing at 1: an
 * operation gives its exact result times 1 + d, |d| <= u, and a sum of n terms, in whatever order,
 * errs by at most n u times the sum of the terms' magnitudes (Higham, "Accuracy and stability of
 * numerical algorithms", 2002, sections 3.1 and 4.2). What comes out in double is rounded once
 * more.
 *
 * Every array lies between guards of NaN. A write outside is seen because it changes them, a read
 * that counts because the result is NaN; reading and ignoring is allowed behind an array.
 */
#include "compute/blis.h"
#include "compute/kernels.h"
#include "suites.h"
#include "support.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 64, WIDE = 32, TN_ROWS_MOST = 600 };

static const double u = 0x1p-24;
static const uint32_t guard_bits = 0x7fc0dead;

static const size_t row_counts[] = {1, 2, 3, 7, 11, 12, 13, 31, 32, 100, 101, 256};
static const size_t depths[] = {1, 3, 4, 31, 32, 33, 250, 784};
static const size_t widths[] = {1, 3, 4, 6, 7, 8, 12, 13, 15, 16, 17, 24, 31, 32};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Check notes the place of every assertion in a file: too slow for millions of them that hold. */
#define REQUIRE(condition, ...)        \
    do {                               \
        if (!(condition))              \
            ck_abort_msg(__VA_ARGS__); \
    } while (0)

/* Everything that is tested: all tables but the reference, and the one that only serves BLIS. */
static size_t tables(void)
{
    return aei_kernels_count();
}

static const aei_kernels *table(int index)
{
    const aei_kernels *kernels = aei_kernels_at((size_t)index + 1);
    return kernels == NULL ? &aei_kernels_panel16 : kernels;
}

/* Some of the shapes are enough where everything is slow. */
static bool skipped(size_t i)
{
    return support_slow() && i % 5 != 0;
}

static uint32_t seed = 1;

static float uniform(float low, float high)
{
    seed = seed * 1664525u + 1013904223u;
    return low + (high - low) * (float)(seed >> 8) * 0x1p-24f;
}

static float *array(size_t n)
{
    float *block = aligned_alloc(64, (n + 2 * GUARD + 15) / 16 * 16 * sizeof *block);
    ck_assert_ptr_nonnull(block);
    for (size_t i = 0; i < n + 2 * GUARD; i++)
        memcpy(block + i, &guard_bits, sizeof guard_bits);
    return block + GUARD;
}

static float *random_array(size_t n, float low, float high)
{
    float *a = array(n);
    for (size_t i = 0; i < n; i++)
        a[i] = uniform(low, high);
    return a;
}

/* Look at the guards of an array of n and free it. */
static void release(float *a, size_t n)
{
    for (size_t i = 0; i < GUARD; i++) {
        REQUIRE(memcmp(a - GUARD + i, &guard_bits, 4) == 0, "written %zu floats before an array",
                GUARD - i);
        REQUIRE(memcmp(a + n + i, &guard_bits, 4) == 0, "written %zu floats past an array's end",
                i + 1);
    }
    free(a - GUARD);
}

/* rows x columns, row by row, from panels to panels of another width; what is filled up becomes
 * 0. */
static float *to_panels(const float *from, size_t rows, size_t columns, size_t panel)
{
    const size_t panels = (columns + panel - 1) / panel;
    float *to = array(panels * rows * panel);
    memset(to, 0, panels * rows * panel * sizeof *to);
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < columns; j++)
            to[(j / panel * rows + r) * panel + j % panel] =
                from[(j / WIDE * rows + r) * WIDE + j % WIDE];
    return to;
}

static float *copy(const float *from, size_t n)
{
    float *to = array(n);
    memcpy(to, from, n * sizeof *to);
    return to;
}

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

/* |got - reference| <= bound, in the first P of the reference's columns. */
static void near(const aei_kernels *k, const char *what, size_t rows, const float *got,
                 const float *reference, const double *bounds)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < k->panel; j++) {
            const double g = (double)got[r * k->panel + j], e = (double)reference[r * WIDE + j];
            REQUIRE(fabs(g - e) <= bounds[r * WIDE + j],
                    "%s: %s: row %zu of %zu, column %zu: %.9g, not %.9g: off by %g > %g", k->name,
                    what, r, rows, j, g, e, fabs(g - e), bounds[r * WIDE + j]);
        }
}

/* An upper bound of |f'|. */
static double steepness(ae_activation kind)
{
    return kind == AE_ACTIVATION_SIGMOID ? 0.25 : 1;
}

static const ae_activation kinds[] = {AE_ACTIVATION_SIGMOID, AE_ACTIVATION_TANH, AE_ACTIVATION_RELU,
                                      AE_ACTIVATION_LEAKY_RELU, AE_ACTIVATION_LINEAR};

static void check_norm_forward(const aei_kernels *k, size_t rows, aei_nonlinearity f)
{
    const size_t p = k->panel;
    const float epsilon = 1e-5f;
    float *x = random_array(rows * WIDE, -3, 5), *gamma = random_array(WIDE, -2, 2),
          *beta = random_array(WIDE, -1, 1);
    float *mine = to_panels(x, rows, p, p), *given = copy(x, rows * WIDE);
    float *y = array(rows * p), *ry = array(rows * WIDE);
    float *mean = array(p), *variance = array(p), *inverse = array(p);
    float *rm = array(WIDE), *rv = array(WIDE), *ri = array(WIDE);
    aei_kernels_reference.norm_forward(rows, WIDE, x, ry, gamma, beta, epsilon, f, rm, rv, ri);
    k->norm_forward(rows, k->panel, mine, y, gamma, beta, epsilon, f, mean, variance, inverse);

    /*
     * With X = max |x| = 5 and n rows: the mean errs by dm <= (n + 2) u X. The sum of squares errs
     * by (n + 4) u of itself, each term (x - m)^2 by 2 |x - m| (dm + u X) + ..., in all at most 2
     * (n + 4) u (v + X sqrt(v)) + dm^2, and 1 / sqrt(v + epsilon) by half of what v errs by,
     * relatively, and 3 u. x^ = (x - m) i follows.
     */
    const double n = (double)rows, most = 5, dm = (n + 2) * u * most;
    double *bm = calloc(4 * WIDE, sizeof *bm), *bv = bm + WIDE, *bi = bm + 2 * WIDE;
    double *bx = calloc(rows * WIDE, sizeof *bx), *by = calloc(rows * WIDE, sizeof *by);
    for (size_t i = 0; i < rows * WIDE; i++) {
        const size_t j = i % WIDE;
        const double v = (double)rv[j], inv = (double)ri[j], xhat = fabs((double)x[i]),
                     g = fabs((double)gamma[j]);
        bm[j] = dm;
        bv[j] = 2 * (n + 4) * u * (v + most * sqrt(v)) + dm * dm;
        bi[j] = inv * (bv[j] / (v + (double)epsilon) + 4 * u);
        bx[i] = (dm + 2 * u * most) * inv + xhat * (bi[j] / inv + 3 * u);
        by[i] = steepness(f.kind) * (g * bx[i] + 3 * u * (g * xhat + fabs((double)beta[j]))) +
                5 * u * fabs((double)ry[i]);
    }
    near(k, "mean", 1, mean, rm, bm);
    near(k, "variance", 1, variance, rv, bv);
    near(k, "inverse", 1, inverse, ri, bi);
    near(k, "normalised", rows, mine, x, bx);
    near(k, "activation", rows, y, ry, by);
    free(bm), free(bx), free(by);
    release(x, rows * WIDE), release(gamma, WIDE), release(beta, WIDE), release(mine, rows * p);
    release(given, rows * WIDE), release(y, rows * p), release(ry, rows * WIDE);
    release(mean, p), release(variance, p), release(inverse, p), release(rm, WIDE),
        release(rv, WIDE), release(ri, WIDE);
}

START_TEST(normalisation_agrees_with_reference)
{
    for (size_t r = 0; r < COUNT(row_counts); r++)
        for (size_t a = 0; a < COUNT(kinds); a++)
            check_norm_forward(table(_i), row_counts[r], (aei_nonlinearity){kinds[a], 0.01f});
}
END_TEST

/* A panel that is not full: the columns with data as in a full one, the others' statistics and
 * gradients 0. */
START_TEST(columns_without_data_have_no_statistics)
{
    enum { ROWS = 13 };
    const aei_kernels *k = table(_i);
    const size_t panel = k->panel, size = ROWS * panel;
    const aei_nonlinearity f = {AE_ACTIVATION_SIGMOID, 0};
    float *gamma = random_array(panel, 0.5f, 1.5f), *beta = random_array(panel, -1, 1);
    float *whole[3], *part[3], *mean[2], *variance[2], *inverse[2];
    for (size_t i = 0; i < 3; i++) {
        whole[i] = random_array(size, -1, 1), part[i] = array(size);
        memcpy(part[i], whole[i], size * sizeof *part[i]);
    }
    for (size_t i = 0; i < 2; i++)
        mean[i] = random_array(panel, 1, 2), variance[i] = random_array(panel, 1, 2),
        inverse[i] = random_array(panel, 1, 2);
    for (size_t n = 1; n <= panel; n++) {
        k->norm_forward(ROWS, panel, whole[0], whole[1], gamma, beta, 1e-3f, f, mean[0],
                        variance[0], inverse[0]);
        k->norm_forward(ROWS, n, part[0], part[1], gamma, beta, 1e-3f, f, mean[1], variance[1],
                        inverse[1]);
        k->norm_backward(ROWS, panel, whole[2], whole[1], whole[0], gamma, inverse[0], f, mean[0],
                         variance[0]);
        k->norm_backward(ROWS, n, part[2], part[1], part[0], gamma, inverse[1], f, mean[1],
                         variance[1]);
        for (size_t i = 0; i < size; i++)
            for (size_t a = 0; a < 3; a++)
                REQUIRE(i % panel >= n || !(whole[a][i] < part[a][i] || whole[a][i] > part[a][i]),
                        "%s: %zu of %zu columns", k->name, n, panel);
        for (size_t j = n; j < panel;
             j++) /* whole vectors past the data; what shares one with it is as it comes */
            REQUIRE(j / 16 == (n - 1) / 16 ||
                        (mean[1][j] == 0 && variance[1][j] == 0 && inverse[1][j] == 0),
                    "%s: column %zu of %zu", k->name, j, n);
        for (size_t i = 0; i < 3; i++)
            memcpy(part[i], whole[i], size * sizeof *part[i]);
    }
    for (size_t i = 0; i < 3; i++)
        release(whole[i], size), release(part[i], size);
    for (size_t i = 0; i < 2; i++)
        release(mean[i], panel), release(variance[i], panel), release(inverse[i], panel);
    release(gamma, panel), release(beta, panel);
}
END_TEST

START_TEST(affine_agrees_with_reference_and_works_in_place)
{
    const aei_kernels *k = table(_i);
    const size_t p = k->panel;
    for (size_t r = 0; r < COUNT(row_counts); r++)
        for (size_t a = 0; a < COUNT(kinds); a++) {
            const size_t rows = row_counts[r];
            const aei_nonlinearity f = {kinds[a], 0.2f};
            float *x = random_array(rows * WIDE, -9, 9), *scale = random_array(WIDE, -2, 2),
                  *shift = random_array(WIDE, -1, 1);
            float *mine = to_panels(x, rows, p, p), *y = array(rows * p), *ry = array(rows * WIDE);
            double *bounds = calloc(rows * WIDE, sizeof *bounds);
            aei_kernels_reference.affine_forward(rows, WIDE, x, ry, scale, shift, f);
            k->affine_forward(rows, k->panel, mine, y, scale, shift, f);
            k->affine_forward(rows, k->panel, mine, mine, scale, shift, f);
            for (size_t i = 0; i < rows * WIDE;
                 i++) /* product and sum err by u each; f by 2 ulp <= 4 u */
                bounds[i] = steepness(f.kind) * 2 * u *
                                (fabs((double)scale[i % WIDE] * (double)x[i]) * 2 + 1) +
                            5 * u * fabs((double)ry[i]);
            near(k, "affine", rows, y, ry, bounds);
            ck_assert_mem_eq(y, mine, rows * p * sizeof *y);
            free(bounds);
            release(x, rows * WIDE), release(scale, WIDE), release(shift, WIDE),
                release(mine, rows * p);
            release(y, rows * p), release(ry, rows * WIDE);
        }
}
END_TEST

/* y as f would give it, so that derivatives are those that occur. */
static float *outputs(size_t n, ae_activation kind)
{
    return random_array(
        n, kind == AE_ACTIVATION_SIGMOID || kind == AE_ACTIVATION_RELU ? 0.0f : -1.0f, 1);
}

static void check_backward(const aei_kernels *k, size_t rows, aei_nonlinearity f, bool norm)
{
    const size_t p = k->panel;
    float *g = random_array(rows * WIDE, -1, 1), *given = copy(g, rows * WIDE),
          *y = outputs(rows * WIDE, f.kind);
    float *xhat = random_array(rows * WIDE, -2, 2), *gamma = random_array(WIDE, -2, 2),
          *inverse = random_array(WIDE, 0.1f, 9);
    float *mine = to_panels(g, rows, p, p), *my = to_panels(y, rows, p, p),
          *mx = to_panels(xhat, rows, p, p);
    float *dgamma = array(p), *dbeta = array(p), *rg = array(WIDE), *rb = array(WIDE);
    if (norm) {
        aei_kernels_reference.norm_backward(rows, WIDE, g, y, xhat, gamma, inverse, f, rg, rb);
        k->norm_backward(rows, k->panel, mine, my, mx, gamma, inverse, f, dgamma, dbeta);
    } else {
        aei_kernels_reference.bias_backward(rows, WIDE, g, y, f, rb);
        k->bias_backward(rows, k->panel, mine, my, f, dbeta);
    }
    /*
     * d = g f' errs by at most 4 u |g|, since |f'| <= 1. With n rows, S = sum |g| and T = sum |g
     * x^|, dbeta errs by (n + 4) u S, dgamma by (n + 5) u T, and factor (d - S / n - x^ T / n) by
     * (n + 12) u times its terms' magnitudes.
     */
    const double n = (double)rows;
    double sums[WIDE] = {0}, products[WIDE] = {0}, bs[WIDE], bp[WIDE],
           *bg = calloc(rows * WIDE, sizeof *bg);
    for (size_t i = 0; i < rows * WIDE; i++) {
        sums[i % WIDE] += fabs((double)given[i]);
        products[i % WIDE] += fabs((double)given[i] * (double)xhat[i]);
    }
    for (size_t i = 0; i < rows * WIDE; i++) {
        const size_t j = i % WIDE;
        const double size = fabs((double)given[i]) +
                            (sums[j] + fabs((double)xhat[i]) * products[j]) / n;
        bs[j] = (n + 4) * u * sums[j], bp[j] = (n + 5) * u * products[j];
        bg[i] = norm ? (n + 12) * u * fabs((double)gamma[j] * (double)inverse[j]) * size
                     : 5 * u * fabs((double)given[i]);
    }
    near(k, "gradient of beta", 1, dbeta, rb, bs);
    if (norm)
        near(k, "gradient of gamma", 1, dgamma, rg, bp);
    near(k, "gradient", rows, mine, g, bg);
    free(bg);
    release(g, rows * WIDE), release(given, rows * WIDE), release(y, rows * WIDE),
        release(xhat, rows * WIDE);
    release(gamma, WIDE), release(inverse, WIDE), release(mine, rows * p), release(my, rows * p),
        release(mx, rows * p);
    release(dgamma, p), release(dbeta, p), release(rg, WIDE), release(rb, WIDE);
}

START_TEST(gradients_agree_with_reference)
{
    for (size_t r = 0; r < COUNT(row_counts); r++)
        for (size_t a = 0; a < COUNT(kinds); a++) {
            check_backward(table(_i), row_counts[r], (aei_nonlinearity){kinds[a], 0.1f}, true);
            check_backward(table(_i), row_counts[r], (aei_nonlinearity){kinds[a], 0.1f}, false);
        }
}
END_TEST

static void check_costs(const aei_kernels *k, size_t rows, size_t n)
{
    const size_t p = k->panel;
    float *y = random_array(rows * WIDE, 0, 1), *t = random_array(rows * WIDE, 0, 1),
          *factor = random_array(rows, -1, 1);
    y[0] = 0, t[0] = 1;
    y[n - 1] = 1, t[n - 1] = 0.25f; /* logarithms of 0, kept finite */
    for (size_t i = 0; i < rows * WIDE; i++)
        if (i % WIDE >= n)
            y[i] = NAN; /* must not count */
    float *my = to_panels(y, rows, p, p), *mt = to_panels(t, rows, p, p), *g = array(rows * p),
          *rg = array(rows * WIDE);
    float *costs = array(rows), *reference = array(rows);
    for (int bce = 0; bce < 2; bce++) {
        aei_kernels_reference.row_costs(rows, n, y, t, bce, reference);
        k->row_costs(rows, n, my, mt, bce, costs);
        /* All terms are positive: n u for the sum and at most 8 u for a term, whose 1 - y costs the
         * logarithm u absolutely. */
        for (size_t r = 0; r < rows; r++)
            REQUIRE(fabs((double)costs[r] - (double)reference[r]) <=
                        ((double)n + 8) * u * ((double)reference[r] + bce * (double)n),
                    "%s: cost %d of row %zu, %zu columns: %.9g, not %.9g", k->name, bce, r, n,
                    (double)costs[r], (double)reference[r]);
    }
    aei_kernels_reference.cost_gradient(rows, n, y, t, factor, rg);
    k->cost_gradient(rows, n, my, mt, factor, g);
    for (size_t i = 0; i < rows * p; i++)
        REQUIRE(g[i] == rg[i / p * WIDE + i % p], "%s: (y - t) factor is not rounded twice",
                k->name);
    release(y, rows * WIDE), release(t, rows * WIDE), release(factor, rows), release(my, rows * p),
        release(mt, rows * p);
    release(g, rows * p), release(rg, rows * WIDE), release(costs, rows), release(reference, rows);
}

START_TEST(costs_agree_with_reference)
{
    for (size_t r = 0; r < COUNT(row_counts); r++)
        for (size_t n = 1; n <= table(_i)->panel; n++)
            check_costs(table(_i), row_counts[r], n);
}
END_TEST

static const aei_update rules[] = {
    {AEI_UPDATE_ADAM, 1, 0, 1, 0.01f, 0.9f, 0.999f, 31.6f, 1e-8f, 0}, /* the first step's factors */
    {AEI_UPDATE_ADAM, 1, 0, 1, 0.001f, 0.9f, 0.999f, 1, 1e-8f, 0},
    {AEI_UPDATE_ADAM, 0.3f, 0.01f, 1, 0.001f, 0.5f, 0.9f, 1.5f, 1e-3f,
     0}, /* clipped, decay in the gradient */
    {AEI_UPDATE_ADAM, 1, 0, 0.999f, 0.001f, 0.9f, 0.999f, 1, 1e-8f, 0}, /* AdamW */
    {AEI_UPDATE_SGD, 1, 0, 1, 0.1f, 0, 0, 0, 0, 0},
    {AEI_UPDATE_SGD, 0.5f, 0.1f, 1, 0.1f, 0.9f, 0, 0, 0, 0},
    {AEI_UPDATE_SGD, 1, 0.1f, 1, 0.1f, 0.9f, 0, 0, 0, 1}, /* Nesterov */
};

/* Magnitudes from 1e-12 to 1e3, as gradients have them. */
static float *scattered(size_t n, bool positive)
{
    float *a = array(n);
    for (size_t i = 0; i < n; i++)
        a[i] = powf(10, uniform(-12, 3)) * (positive || uniform(-1, 1) > 0 ? 1.0f : -1.0f);
    return a;
}

static void check_update(const aei_kernels *k, const aei_update *rule, size_t n)
{
    const bool adam = rule->rule == AEI_UPDATE_ADAM, moments = adam || rule->beta1 != 0;
    float *w = random_array(n, -1, 1), *g = scattered(n, false), *m = scattered(n, false),
          *v = scattered(n, true);
    g[0] = m[0] = v[0] = 0;
    float *rw = copy(w, n), *rm = copy(m, n), *rv = copy(v, n), *before = copy(w, n),
          *m0 = copy(m, n);
    aei_kernels_reference.update(rule, n, rw, g, moments ? rm : NULL, adam ? rv : NULL);
    k->update(rule, n, w, g, moments ? m : NULL, adam ? v : NULL);
    for (size_t i = 0; i < n; i++) {
        /* A moment errs by 4 u times its terms' magnitudes; v of a squared gradient by twice
         * that. */
        const double w0 = fabs((double)before[i]),
                     size = fabs((double)g[i] * (double)rule->gradient_scale) +
                            w0 * (double)rule->decay;
        const double dm = 5 * u * (fabs((double)rule->beta1 * (double)m0[i]) + size);
        const double rest = 1 - (double)rule->beta2,
                     dv = 10 * u * ((double)rv[i] + rest * size * size) + 0x1p-147;
        /* Adam's quotient: a relative 2^-22 of the fast root and division, half of v's own, and
         * that of m. */
        double dw = (double)rule->rate * 2 * (size + fabs((double)rm[i])) * 6 * u;
        if (adam) {
            const double root = sqrt((double)rv[i] + 1e-37) * (double)rule->root_scale +
                                (double)rule->epsilon;
            dw = (double)rule->rate / root *
                 (dm + fabs((double)rm[i]) * (4 * u + 8 * u + dv / ((double)rv[i] + 1e-37)));
        }
        dw += 3 * u * (w0 + fabs((double)rw[i]));
        REQUIRE(fabs((double)w[i] - (double)rw[i]) <= dw,
                "%s: rule %td: w %.9g, not %.9g (g %g, m %g, v %g)", k->name, rule - rules,
                (double)w[i], (double)rw[i], (double)g[i], (double)rm[i], (double)rv[i]);
        REQUIRE(!moments || fabs((double)m[i] - (double)rm[i]) <= dm, "%s: first moment", k->name);
        REQUIRE(!adam || fabs((double)v[i] - (double)rv[i]) <= dv, "%s: second moment", k->name);
    }
    if (rule->shrink == 1 && rule->decay == 0)
        ck_assert_msg(w[0] == before[0], "%s: a parameter without gradient and moments moved",
                      k->name);
    release(w, n), release(g, n), release(m, n), release(v, n);
    release(rw, n), release(rm, n), release(rv, n), release(before, n), release(m0, n);
}

START_TEST(updates_agree_with_reference)
{
    const size_t sizes[] = {16, 32, 48, 25088};
    for (size_t rule = 0; rule < COUNT(rules); rule++)
        for (size_t i = 0; i < COUNT(sizes); i++)
            check_update(table(_i), &rules[rule], sizes[i]);
}
END_TEST

/* Padding is zeros and stays so: nothing else keeps the sums right. */
START_TEST(zeros_stay_zeros)
{
    const aei_kernels *k = table(_i);
    for (size_t rule = 0; rule < COUNT(rules); rule++) {
        float *all[4];
        for (size_t i = 0; i < 4; i++)
            all[i] = random_array(32, 0, 0);
        k->update(&rules[rule], 32, all[0], all[1], all[2], all[3]);
        for (size_t i = 0; i < 4; i++) {
            for (size_t j = 0; j < 32; j++)
                REQUIRE(all[i][j] == 0, "%s: rule %zu", k->name, rule);
            release(all[i], 32);
        }
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
    TCase *each = tcase_create("each table"), *choice = tcase_create("choice");
    const int last = (int)tables();
    tcase_set_timeout(each, 120);
    tcase_add_loop_test(each, product_agrees_with_reference, 0, last);
    tcase_add_loop_test(each, transposed_product_agrees_with_reference, 0, last);
    tcase_add_loop_test(each, product_carries_nan_along_its_row, 0, last);
    tcase_add_loop_test(each, one_row_for_two_panels_has_the_bits_of_two_products, 0, last);
    tcase_add_loop_test(each, bfloat16_rounds_as_the_reference_does, 0, last);
    tcase_add_loop_test(each, transposition_is_exact, 0, last);
    tcase_add_loop_test(each, normalisation_agrees_with_reference, 0, last);
    tcase_add_loop_test(each, columns_without_data_have_no_statistics, 0, last);
    tcase_add_loop_test(each, affine_agrees_with_reference_and_works_in_place, 0, last);
    tcase_add_loop_test(each, gradients_agree_with_reference, 0, last);
    tcase_add_loop_test(each, costs_agree_with_reference, 0, last);
    tcase_add_loop_test(each, updates_agree_with_reference, 0, last);
    tcase_add_loop_test(each, zeros_stay_zeros, 0, last);
    suite_add_tcase(suite, each);
    tcase_add_test(choice, tables_are_found_by_name);
    tcase_add_test(choice, bfloat16_of_known_values);
    suite_add_tcase(suite, choice);
    return suite;
}
