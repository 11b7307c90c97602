/* SPDX-License-Identifier: BSD-3-Clause */
/* BLIS: what is found and chosen, the plain product, refusals, use from several threads; and a
 * build without it. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "compute/blis.h"

#include <libae/libae.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/team.h"
#include "fixtures.h"
#include "sanitized.h"
#include "suites.h"

#ifdef AEI_HAVE_BLIS

/* Aligned, and readable past the end, as kernels want it. */
static float *random_floats(size_t n, uint64_t seed)
{
    float *a = aligned_alloc(64, (n + 64 + 15) / 16 * 16 * sizeof *a);
    ck_assert_ptr_nonnull(a);
    for (size_t i = 0; i < n + 64; i++)
        a[i] = 2 * fixture_uniform(&seed) - 1;
    return a;
}

START_TEST(description_names_version_and_sub_configurations)
{
    const aei_blis_info info = aei_blis_describe();
    ck_assert(strlen(info.version) > 0 && strlen(info.native) > 0 && strlen(info.used) > 0);
    ck_assert_ptr_eq(aei_blis_describe().used, info.used);
    ae_cpu_info cpu = {.size = sizeof cpu};
    ck_assert_ok(ae_cpu_get_info(&cpu));
    ck_assert_str_eq(cpu.blis_version, info.version);
    ck_assert_str_eq(cpu.blis_native, info.native);
    ck_assert_str_eq(cpu.blis_used, info.used);
}
END_TEST

/* What the user says in BLIS_ARCH_TYPE stays; "generic" stays only where the processor has nothing
 * better to offer. */
START_TEST(choice_respects_the_user)
{
    const aei_blis_info info = aei_blis_describe();
    if (getenv("BLIS_ARCH_TYPE") != NULL)
        ck_assert_str_eq(info.used, info.native);
    if (strcmp(info.used, info.native) != 0)
        ck_assert(strcmp(info.used, "skx") == 0 || strcmp(info.used, "haswell") == 0);
}
END_TEST

START_TEST(table_is_complete)
{
    const aei_kernels *k = aei_blis_kernels();
    ck_assert_str_eq(k->name, "blis");
    ck_assert_uint_eq(k->panel * sizeof(float) % 64, 0);
    ck_assert_ptr_eq(k, aei_blis_kernels());
    ck_assert(k->pack_floats != NULL && k->pack != NULL && k->gemm_nn != NULL &&
              k->gemm_tn != NULL);
    ck_assert(k->transpose != NULL && k->norm_forward != NULL && k->affine_forward != NULL &&
              k->norm_backward != NULL);
    ck_assert(k->bias_backward != NULL && k->row_costs != NULL && k->cost_gradient != NULL &&
              k->update != NULL);
    ck_assert(k->map_elementwise != NULL);
    ck_assert(k->gemm_row == NULL && k->gemm_row_bf16 == NULL);
    /* Room for a smaller matrix is never more: scratch is made for the largest. */
    for (size_t rows = 1; rows < 40; rows++)
        for (size_t columns = 1; columns < 40; columns++) {
            ck_assert_uint_ge(k->pack_floats(rows, columns), rows * columns);
            ck_assert_uint_le(k->pack_floats(rows, columns), k->pack_floats(40, 40));
        }
}
END_TEST

/* c = a b with room between the rows; that room stays as it was. */
static void check_gemm(size_t m, size_t n, size_t k)
{
    const size_t lda = k + 3, ldb = n + 1, ldc = n + 5;
    float *a = random_floats(m * lda, 1), *b = random_floats(k * ldb, 2),
          *c = random_floats(m * ldc, 3);
    float *before = random_floats(m * ldc, 3);
    ck_assert_ok(aei_blis_gemm(m, n, k, a, lda, b, ldb, c, ldc));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < ldc; j++) {
            if (j >= n) {
                if (c[i * ldc + j] != before[i * ldc + j])
                    ck_abort_msg("%zu x %zu x %zu: written between the rows", m, n, k);
                continue;
            }
            double sum = 0, magnitude = 0;
            for (size_t p = 0; p < k; p++) {
                const double term = (double)a[i * lda + p] * (double)b[p * ldb + j];
                sum += term;
                magnitude += fabs(term);
            }
            /* Products and sums in float, in any order: at most (k + 1) u of the terms' magnitudes,
             * u = 2^-24. */
            if (!(fabs((double)c[i * ldc + j] - sum) <= (double)(k + 1) * 0x1p-24 * magnitude))
                ck_abort_msg("%zu x %zu x %zu at %zu, %zu: %g, not %g", m, n, k, i, j,
                             (double)c[i * ldc + j], sum);
        }
    free(a), free(b), free(c), free(before);
}

START_TEST(product_agrees_with_double)
{
    const size_t sizes[] = {1, 2, 5, 16, 33, 100};
    for (size_t m = 0; m < 6; m++)
        for (size_t n = 0; n < 6; n++)
            for (size_t k = 0; k < 6; k++)
                check_gemm(sizes[m], sizes[n], sizes[k]);
    check_gemm(100, 250, 784);
    check_gemm(7, 784, 1000);
}
END_TEST

START_TEST(product_refuses_what_blis_would_abort_on)
{
    float a[16] = {0}, b[16] = {0}, c[16] = {7};
    const ae_status bad = AE_ERROR_INVALID_ARGUMENT;
    ck_assert_status(aei_blis_gemm(0, 4, 4, a, 4, b, 4, c, 4), bad, "0 x 4");
    ck_assert_status(aei_blis_gemm(4, 0, 4, a, 4, b, 4, c, 4), bad, "4 x 0");
    ck_assert_status(aei_blis_gemm(4, 4, 0, a, 4, b, 4, c, 4), bad, "0 x 4");
    ck_assert_status(aei_blis_gemm((size_t)INT_MAX + 1, 1, 1, a, 1, b, 1, c, 1), bad, "2147483648");
    ck_assert_status(aei_blis_gemm(1, SIZE_MAX, 1, a, 1, b, SIZE_MAX, c, SIZE_MAX), bad, "sizes");
    ck_assert_status(aei_blis_gemm(4, 4, 4, a, 3, b, 4, c, 4), bad, "leading dimensions 3");
    ck_assert_status(aei_blis_gemm(4, 4, 4, a, 4, b, 3, c, 4), bad, "leading dimensions 4, 3");
    ck_assert_status(aei_blis_gemm(4, 4, 4, a, 4, b, 4, c, 3), bad, "4, 4 and 3");
    ck_assert_status(aei_blis_gemm(1, 1, 1, a, SIZE_MAX, b, 1, c, 1), bad, "leading");
    ck_assert_status(aei_blis_gemm(4, 4, 4, NULL, 4, b, 4, c, 4), bad, "a is NULL");
    ck_assert_status(aei_blis_gemm(4, 4, 4, a, 4, NULL, 4, c, 4), bad, "b is NULL");
    ck_assert_status(aei_blis_gemm(4, 4, 4, a, 4, b, 4, NULL, 4), bad, "c is NULL");
    ck_assert(c[0] == 7);
}
END_TEST

enum { THREADS = 4, ROWS = 101, DEPTH = 300, ROUNDS = 20 };

typedef struct shared {
    const float *a, *b; /* [panels][ROWS][P], [DEPTH][P]; [ROWS][P] twice for gemm_tn */
    const float *product, *gradient;
    size_t differences[THREADS];
} shared;

static size_t product_floats(const aei_kernels *k)
{
    return ROWS * k->panel;
}

static void compute(const aei_kernels *k, const float *a, const float *b, float *packed,
                    float *product, float *gradient)
{
    const float *const prefetch[3] = {a, a, a};
    k->pack(ROWS, DEPTH, a, packed);
    k->gemm_nn(ROWS, DEPTH, k->panel, packed, b, product, NULL);
    k->gemm_tn(ROWS, k->panel, k->panel, a, b, gradient, prefetch);
}

static void compute_and_compare(void *context, size_t thread)
{
    shared *s = context;
    const aei_kernels *k = aei_blis_kernels();
    float *packed = random_floats(k->pack_floats(ROWS, DEPTH), 4),
          *product = random_floats(product_floats(k), 5);
    float *gradient = random_floats(k->panel * k->panel, 6);
    for (int round = 0; round < ROUNDS; round++) {
        compute(k, s->a, s->b, packed, product, gradient);
        s->differences[thread] += memcmp(product, s->product,
                                         product_floats(k) * sizeof *product) != 0;
        s->differences[thread] += memcmp(gradient, s->gradient,
                                         k->panel * k->panel * sizeof *gradient) != 0;
        float c[9];
        s->differences[thread] += aei_blis_gemm(3, 3, 50, s->a, 50, s->b, 3, c, 3) != AE_OK;
    }
    free(packed), free(product), free(gradient);
}

START_TEST(a_wrong_blis_arch_type_leaves_blis_out_and_the_process_alive)
{
    ck_assert_int_eq(setenv("BLIS_ARCH_TYPE", "99", 1), 0);
    ae_network *network = NULL;
    ck_assert_ok(ae_network_create(&network, NULL));
    ae_network_free(network);
    ck_assert_uint_ge(ae_kernels_count(), 2);
    ae_cpu_info cpu = {.size = sizeof cpu};
    ck_assert_ok(ae_cpu_get_info(&cpu));
    ck_assert_ptr_nonnull(cpu.blis_used);
}
END_TEST

START_TEST(threads_get_the_same_bits)
{
    const aei_kernels *k = aei_blis_kernels();
    const size_t panels = (DEPTH + k->panel - 1) / k->panel;
    float *a = random_floats(panels * ROWS * k->panel, 1), *b = random_floats(DEPTH * k->panel, 2);
    float *product = random_floats(product_floats(k), 3),
          *gradient = random_floats(k->panel * k->panel, 3);
    float *packed = random_floats(k->pack_floats(ROWS, DEPTH), 4);
    compute(k, a, b, packed, product, gradient);
    shared s = {a, b, product, gradient, {0}};
    aei_team *team = NULL;
    ck_assert_ok(aei_team_create(&team, THREADS));
    ck_assert_ok(aei_team_run(team, compute_and_compare, &s));
    aei_team_free(team);
    for (size_t t = 0; t < THREADS; t++)
        ck_assert_uint_eq(s.differences[t], 0);
    free(a), free(b), free(product), free(gradient), free(packed);
}
END_TEST

/* This program anew, which asks for the kernels and no more, with so much memory. */
static int start_again(void *argument)
{
    const rlim_t bytes = *(const rlim_t *)argument;
    const struct rlimit limit = {bytes, bytes};
    if (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL ||
        setrlimit(RLIMIT_AS, &limit) != 0)
        return 126;
    return execl("/proc/self/exe", "check", "--isa", (char *)NULL);
}

/* From too little to be loaded up to enough: BLIS would end the process in between. */
START_TEST(blis_without_memory_is_left_out_and_the_process_alive)
{
    enum { PAGE = 4096, PAGES = 64 };
    rlim_t few = 1 << 20, enough = 1 << 30;
    ck_assert_int_eq(support_in_child(start_again, &enough), 0);
    while (enough - few > PAGE) {
        rlim_t middle = (few + enough) / 2 / PAGE * PAGE;
        if (support_in_child(start_again, &middle) == 0)
            enough = middle;
        else
            few = middle;
    }
    for (rlim_t bytes = enough - PAGES * PAGE; bytes < enough + PAGES * PAGE; bytes += PAGE)
        ck_assert_msg(support_in_child(start_again, &bytes) >= 0, "a signal with %zu bytes",
                      (size_t)bytes);
}
END_TEST

static void add_tests(TCase *tests)
{
    support_add_test(tests, blis_without_memory_is_left_out_and_the_process_alive,
                     ADDRESS_SANITIZER || THREAD_SANITIZER || support_slow()
                         ? "sanitizers and emulators map more memory than a limit allows"
                         : NULL);
    tcase_add_test(tests, description_names_version_and_sub_configurations);
    tcase_add_test(tests, choice_respects_the_user);
    const char *missing = aei_blis_kernels() != NULL ? NULL
                                                     : "BLIS has no kernels for this processor";
    support_add_test(tests, table_is_complete, missing);
    tcase_add_test(tests, product_agrees_with_double);
    tcase_add_test(tests, product_refuses_what_blis_would_abort_on);
    support_add_test(tests, threads_get_the_same_bits, missing);
    tcase_add_test(tests, a_wrong_blis_arch_type_leaves_blis_out_and_the_process_alive);
}

#else

START_TEST(absent_blis_is_reported)
{
    const aei_blis_info info = aei_blis_describe();
    ck_assert_str_eq(info.version, "");
    ck_assert_str_eq(info.native, "");
    ck_assert_str_eq(info.used, "");
    ck_assert_ptr_null(aei_blis_kernels());
    const float a = 1;
    float c = 7;
    ck_assert_status(aei_blis_gemm(1, 1, 1, &a, 1, &a, 1, &c, 1), AE_ERROR_UNSUPPORTED,
                     "without BLIS");
    ck_assert(c == 7);
    for (size_t i = 0; i < ae_kernels_count(); i++)
        ck_assert_str_ne(ae_kernels_name(i), "blis");
}
END_TEST

static void add_tests(TCase *tests)
{
    tcase_add_test(tests, absent_blis_is_reported);
}

#endif

Suite *blis_suite(void)
{
    Suite *suite = suite_create("blis");
    TCase *tests = tcase_create("blis");
    add_tests(tests);
    suite_add_tcase(suite, tests);
    return suite;
}
