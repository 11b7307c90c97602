/* SPDX-License-Identifier: BSD-3-Clause */
/* What is done to single values, columns and parameters against the reference: see
 * kernel_arrays.h. */
#include "kernel_arrays.h"
#include "suites.h"

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

/* One addition each, so the bits are the same; parts of gradients begin anywhere. */
START_TEST(gradients_are_added_and_squared_as_by_reference)
{
    const aei_kernels *k = table(_i);
    for (size_t n = 1; n <= 70; n++) {
        float *in = random_array(n + 1, -3, 5), *sum = random_array(n, -1, 1);
        float *expected = copy(sum, n);
        k->add(n, in + 1, sum);
        aei_kernels_reference.add(n, in + 1, expected);
        for (size_t i = 0; i < n; i++)
            REQUIRE(sum[i] == expected[i], "%s: %zu of %zu", k->name, i, n);
        release(in, n + 1), release(sum, n), release(expected, n);
    }
    for (size_t n = 16; n <= 1024; n += 16) {
        float *in = random_array(n, -3, 5);
        const double exact = aei_kernels_reference.square_sum(n, in);
        REQUIRE(fabs(k->square_sum(n, in) - exact) <= 1e-15 * (double)n * exact, "%s: %zu", k->name,
                n);
        release(in, n);
    }
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

Suite *elementwise_suite(void)
{
    Suite *suite = suite_create("elementwise");
    TCase *each = tcase_create("each table");
    const int last = (int)tables();
    tcase_set_timeout(each, 120);
    tcase_add_loop_test(each, normalisation_agrees_with_reference, 0, last);
    tcase_add_loop_test(each, columns_without_data_have_no_statistics, 0, last);
    tcase_add_loop_test(each, affine_agrees_with_reference_and_works_in_place, 0, last);
    tcase_add_loop_test(each, gradients_agree_with_reference, 0, last);
    tcase_add_loop_test(each, costs_agree_with_reference, 0, last);
    tcase_add_loop_test(each, updates_agree_with_reference, 0, last);
    tcase_add_loop_test(each, gradients_are_added_and_squared_as_by_reference, 0, last);
    tcase_add_loop_test(each, zeros_stay_zeros, 0, last);
    suite_add_tcase(suite, each);
    return suite;
}
