/* SPDX-License-Identifier: BSD-3-Clause */
/* Principal components: against cases with known axes, the definition, and odd data. */
#include "train/pca.h"

#include "fixtures.h"
#include "suites.h"

enum { AXES = 8, ROWS = 2 * AXES };

/* Orthonormal: a Hadamard matrix over sqrt(8). */
static double axis(size_t i, size_t j)
{
    size_t bits = i & j, parity = 0;
    for (; bits != 0; bits >>= 1)
        parity ^= bits & 1;
    return (parity != 0 ? -1 : 1) / sqrt(AXES);
}

/* Size of the rows along an axis; the last two have none, so that the data do not fill the
 * space. */
static double size_along(size_t i)
{
    return i < 6 ? (double)(6 - i) : 0;
}

/* Rows offset + size * axis and offset - size * axis, for each axis: covariance eigenvalues 2
 * size^2 / ROWS. */
static ae_dataset *known_axes(void)
{
    float values[ROWS * AXES];
    for (size_t r = 0; r < ROWS; r++)
        for (size_t j = 0; j < AXES; j++)
            values[r * AXES + j] = (float)(10 + (double)j +
                                           (r % 2 == 0 ? 1 : -1) * size_along(r / 2) *
                                               axis(r / 2, j));
    return fixture_dataset_of(values, ROWS, AXES);
}

START_TEST(components_are_the_known_axes)
{
    ae_dataset *dataset = known_axes();
    for (size_t k = 1; k <= AXES; k++) {
        ae_network *linear = NULL;
        ck_assert_ok(aei_pca_network(&linear, dataset, k, 2, ae_kernels_name((size_t)_i), NULL));
        float weights[AXES * AXES];
        ck_assert_ok(ae_network_get_tensor(linear, "encoder.0.weight", weights, k * AXES));
        for (size_t i = 0; i < k && size_along(i) > 0; i++) {
            double along = 0;
            for (size_t j = 0; j < AXES; j++)
                along += (double)weights[i * AXES + j] * axis(i, j);
            ck_assert_double_eq_tol(fabs(along), 1, 1e-6);
        }
        ae_evaluation result = {.size = sizeof result};
        ck_assert_ok(ae_network_evaluate(linear, dataset, &result, NULL));
        double left = 0;
        for (size_t i = k; i < AXES; i++)
            left += 2 * size_along(i) * size_along(i) / ROWS;
        /* The rows are rounded to float32, and so is the way there and back: 1e-6 of values up to
         * 20, squared. */
        ck_assert_double_eq_tol(result.sse, left, 1e-5 * left + 1e-8);
        ae_network_free(linear);
    }
    ae_dataset_free(dataset);
}
END_TEST

/* C w = lambda w, on digits: the covariance by the definition, in float64. */
START_TEST(components_of_digits_are_eigenvectors)
{
    enum { N = 300, PIXELS = 784, K = 6 };
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_digits(&dataset, N, 3));
    ae_network *linear = NULL;
    ck_assert_ok(aei_pca_network(&linear, dataset, K, 1, NULL, NULL));
    float *values = fixture_allocate(N * PIXELS, sizeof *values),
          *w = fixture_allocate(K * PIXELS, sizeof *w);
    float mean[PIXELS];
    ck_assert_ok(ae_dataset_read(dataset, 0, N, values));
    ck_assert_ok(ae_dataset_mean(dataset, mean));
    ck_assert_ok(ae_network_get_tensor(linear, "encoder.0.weight", w, K * PIXELS));
    double before = INFINITY;
    for (size_t k = 0; k < K; k++) {
        double image[PIXELS] = {0}, lambda = 0, size = 0, off = 0;
        for (size_t r = 0; r < N; r++) {
            double along = 0;
            for (size_t j = 0; j < PIXELS; j++)
                along += ((double)values[r * PIXELS + j] - (double)mean[j]) *
                         (double)w[k * PIXELS + j];
            for (size_t j = 0; j < PIXELS; j++)
                image[j] += along * ((double)values[r * PIXELS + j] - (double)mean[j]) / N;
        }
        for (size_t j = 0; j < PIXELS; j++) {
            lambda += image[j] * (double)w[k * PIXELS + j];
            size += (double)w[k * PIXELS + j] * (double)w[k * PIXELS + j];
        }
        for (size_t j = 0; j < PIXELS; j++) {
            const double d = image[j] - lambda * (double)w[k * PIXELS + j];
            off += d * d;
        }
        ck_assert_double_eq_tol(size, 1, 1e-6);
        ck_assert_double_le(sqrt(off), 1e-3 * lambda);
        ck_assert_double_lt(lambda, before);
        before = lambda;
    }
    free(w), free(values);
    ae_network_free(linear);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(components_do_not_depend_on_threads)
{
    ae_dataset *dataset = fixture_dataset(600, 70, 1);
    ae_network *one = NULL;
    ck_assert_ok(aei_pca_network(&one, dataset, 5, 1, NULL, NULL));
    static const size_t teams[] = {2, 3, 4, 7};
    for (size_t i = 0; i < COUNT(teams); i++) {
        ae_network *many = NULL;
        ck_assert_ok(aei_pca_network(&many, dataset, 5, teams[i], NULL, NULL));
        ck_assert(fixture_same_state(one, many));
        ae_network_free(many);
    }
    ae_network_free(one);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(odd_data_have_components_too)
{
    const float same[12] = {1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3};
    ae_dataset *constant = fixture_dataset_of(same, 4, 3), *single = fixture_dataset_of(same, 1, 3);
    ae_evaluation result = {.size = sizeof result};
    ae_network *linear = NULL;
    ck_assert_ok(aei_pca_network(&linear, constant, 2, 1, NULL, NULL));
    ck_assert_ok(ae_network_evaluate(linear, constant, &result, NULL));
    ck_assert_double_le(result.sse, 1e-12);
    ae_network_free(linear);
    ck_assert_ok(aei_pca_network(&linear, single, 5, 3, NULL,
                                 NULL)); /* more components than features, more threads than work */
    ck_assert_ok(ae_network_evaluate(linear, single, &result, NULL));
    ck_assert_double_le(result.sse, 1e-12);
    ae_network_free(linear);
    const float far[] = {1e25f, 0, -1e25f, 0};
    ae_dataset *huge = fixture_dataset_of(far, 2, 2);
    linear = NULL;
    ck_assert_status(aei_pca_network(&linear, huge, 1, 1, NULL, NULL), AE_ERROR_DATA, "column 0");
    ck_assert_ptr_null(linear);
    ae_dataset_free(huge), ae_dataset_free(single), ae_dataset_free(constant);
}
END_TEST

Suite *pca_suite(void)
{
    Suite *suite = suite_create("pca");
    TCase *tcase = tcase_create("pca");
    tcase_add_loop_test(tcase, components_are_the_known_axes, 0, (int)ae_kernels_count());
    tcase_add_test(tcase, components_of_digits_are_eigenvectors);
    tcase_add_test(tcase, components_do_not_depend_on_threads);
    tcase_add_test(tcase, odd_data_have_components_too);
    suite_add_tcase(suite, tcase);
    return suite;
}
