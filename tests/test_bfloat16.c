/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bfloat16 in pairs: the products against double, the step and the session against their emulation.
 * Where the processor has the instruction its table is tested; everywhere, two that do the same
 * with float32 multiplications.
 */
#include "compute/kernels.h"
#include "fixtures.h"
#include "model/session_internal.h"
#include "suites.h"

extern const aei_bf16_kernels test_pairs16, test_pairs32;

enum { TABLES = 3 };

static const aei_bf16_kernels *table(int index)
{
    if (index < 2)
        return index == 0 ? &test_pairs16 : &test_pairs32;
    const aei_kernels *fastest = aei_kernels_at(aei_kernels_count() - 1);
    return aei_bf16_kernels_find(fastest);
}

static float rounded(float value)
{
    float padded[16] = {value};
    aei_kernels_reference.round_bf16(16, padded, padded);
    return padded[0];
}

static uint16_t half(float value)
{
    const float low = rounded(value);
    uint32_t bits;
    memcpy(&bits, &low, sizeof bits);
    return (uint16_t)(bits >> 16);
}

/* Memory of exactly so many bytes, so that a sanitizer sees a step outside; 64-byte aligned, all
 * bits set. */
static void *block(size_t bytes)
{
    void *made = aligned_alloc(64, (bytes + 63) / 64 * 64);
    ck_assert_ptr_nonnull(made);
    memset(made, 0xff, bytes);
    return made;
}

/* [rows][P], of which n columns hold data. */
static float *matrix(size_t rows, size_t panel, size_t n, uint64_t seed)
{
    float *values = block(rows * panel * sizeof *values);
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < panel; j++)
            values[r * panel + j] = j < n ? 2 * fixture_uniform(&seed) - 1 : 0;
    return values;
}

START_TEST(pairs_are_neighbouring_rows_rounded)
{
    const aei_bf16_kernels *t = table(_i);
    for (size_t rows = 1; rows <= 5; rows++) {
        float *in = matrix(rows, t->panel, t->panel, rows);
        uint32_t *out = block((rows + 1) / 2 * t->panel * sizeof *out);
        in[0] = NAN;
        t->pack_pairs(rows, in, out);
        for (size_t i = 0; i < (rows + 1) / 2 * t->panel; i++) {
            const size_t row = i / t->panel * 2, at = row * t->panel + i % t->panel;
            const uint32_t second = row + 1 < rows ? half(in[at + t->panel]) : 0;
            ck_assert_uint_eq(out[i], second << 16 | half(in[at]));
        }
        free(in), free(out);
    }
}
END_TEST

/* The sum in double of products of rounded numbers errs by at most (terms + 1) 2^-24 of the
 * magnitudes, as in kernel_arrays.h. */
static void check_sum(const aei_bf16_kernels *t, float got, double sum, double magnitude,
                      size_t terms)
{
    const double bound = (double)(terms + 1) * 0x1p-24 * magnitude + 1e-30;
    if (!(fabs((double)got - sum) <= bound))
        ck_abort_msg("%s: %g, not %g, in %zu terms", t->name, (double)got, sum, terms);
}

static void check_nn(const aei_bf16_kernels *t, size_t rows, size_t k, size_t n)
{
    const size_t panel = t->panel, panels = (k + panel - 1) / panel;
    /* What fills up the last panel of a is nobody's concern: NaN, which must not come through. */
    float *a = fixture_values(rows * k, -1, 1, 1), *b = matrix(k, panel, n, 2);
    uint16_t *low = block(panels * rows * panel * sizeof *low);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < k; i++)
            low[(i / panel * rows + r) * panel + i % panel] = half(a[r * k + i]);
    uint32_t *pairs = block((k + 1) / 2 * panel * sizeof *pairs);
    float *c = block(rows * panel * sizeof *c);
    t->pack_pairs(k, b, pairs);
    t->gemm_nn(rows, k, n, low, pairs, c);
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < panel; j++) {
            double sum = 0, magnitude = 0;
            for (size_t i = 0; i < k && j < n; i++) {
                const double product = (double)rounded(a[r * k + i]) *
                                       (double)rounded(b[i * panel + j]);
                sum += product;
                magnitude += fabs(product);
            }
            check_sum(t, c[r * panel + j], sum, magnitude, k);
        }
    free(a), free(b), free(low), free(pairs), free(c);
}

START_TEST(products_over_features_agree_with_double)
{
    static const size_t rows[] = {1, 2, 5, 6, 7, 12, 13, 25},
                        depths[] = {1, 2, 3, 15, 16, 17, 32, 33, 65, 100};
    static const size_t widths[] = {1, 4, 7, 8, 16, 17, 31, 32};
    const aei_bf16_kernels *t = table(_i);
    for (size_t r = 0; r < COUNT(rows); r++)
        for (size_t k = 0; k < COUNT(depths); k++)
            for (size_t n = 0; n < COUNT(widths); n++)
                if (widths[n] <= t->panel && !(support_slow_arithmetic() && (r + k + n) % 5 != 0))
                    check_nn(t, rows[r], depths[k], widths[n]);
}
END_TEST

static void check_tn(const aei_bf16_kernels *t, size_t rows, size_t kb, size_t n)
{
    const size_t panel = t->panel, pair_rows = (rows + 1) / 2;
    float *a = matrix(rows, panel, kb, 3), *b = matrix(rows, panel, n, 4),
          *c = block(kb * panel * sizeof *c);
    uint32_t *pairs_a = block(pair_rows * panel * sizeof *pairs_a),
             *pairs_b = block(pair_rows * panel * sizeof *pairs_b);
    const float *const prefetch[3] = {a, b, c};
    t->pack_pairs(rows, a, pairs_a);
    t->pack_pairs(rows, b, pairs_b);
    t->gemm_tn(rows, kb, n, pairs_a, pairs_b, c, prefetch);
    for (size_t i = 0; i < kb; i++)
        for (size_t j = 0; j < panel; j++) {
            double sum = 0, magnitude = 0;
            for (size_t r = 0; r < rows && j < n; r++) {
                const double product = (double)rounded(a[r * panel + i]) *
                                       (double)rounded(b[r * panel + j]);
                sum += product;
                magnitude += fabs(product);
            }
            check_sum(t, c[i * panel + j], sum, magnitude, rows);
        }
    free(a), free(b), free(c), free(pairs_a), free(pairs_b);
}

START_TEST(products_over_rows_agree_with_double)
{
    static const size_t rows[] = {1, 2, 3, 31, 100, 255, 257, 600};
    static const size_t widths[] = {1, 4, 6, 7, 12, 13, 16, 17, 31, 32};
    const aei_bf16_kernels *t = table(_i);
    for (size_t r = 0; r < COUNT(rows); r++)
        for (size_t kb = 0; kb < COUNT(widths); kb++)
            for (size_t n = 0; n < COUNT(widths); n++)
                if (widths[kb] <= t->panel && widths[n] <= t->panel &&
                    !(support_slow_arithmetic() && (r + kb + n) % 5 != 0))
                    check_tn(t, rows[r], widths[kb], widths[n]);
}
END_TEST

static size_t pairs_given;

static const aei_bf16_kernels *any_pairs(const aei_kernels *kernels)
{
    pairs_given++;
    return kernels->pack != NULL ? NULL : kernels->panel == 16 ? &test_pairs16 : &test_pairs32;
}

static const aei_bf16_kernels *no_pairs(const aei_kernels *kernels)
{
    (void)kernels;
    return NULL;
}

/* Widths that are odd, and neither divide by panels nor tiles. */
static const size_t odd_widths[] = {33, 65, 40, 7, 40, 65, 33};
enum { DEPTH = COUNT(odd_widths) - 1, ROWS = 31, MORE = 3, WIDTH = 33 };

/* The source is an array: a dataset would refuse the NaN of a sick batch. */
static void gather(const void *source, const uint32_t *rows, size_t row_count, size_t first,
                   size_t count, float *out, size_t stride)
{
    const float *values = source;
    for (size_t r = 0; r < row_count; r++)
        memcpy(out + r * stride, values + rows[r] * WIDTH + first, count * sizeof *out);
}

/* The gradient of one step in bfloat16, on so many threads, with these pairs; the caller frees
 * it. */
static float *gradient_of(const char *kernels, const aei_bf16_kernels *(*hook)(const aei_kernels *),
                          ae_toggle norm, unsigned flags, size_t threads, bool after_a_sick_batch,
                          double *cost, size_t *count)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = odd_widths, .width_count = COUNT(odd_widths),
                           .kernels = kernels, .seed = 3, .batch_norm = norm));
    aei_team *team = NULL;
    aei_step *step = NULL;
    uint32_t order[ROWS + MORE];
    for (uint32_t r = 0; r < ROWS + MORE; r++)
        order[r] = r;
    float *values = fixture_values((size_t)(ROWS + MORE) * WIDTH, 0, 1, 5);
    ck_assert_ok(aei_team_create(&team, threads));
    aei_bf16_kernels_hook = hook;
    ck_assert_ok(aei_step_create(&step, network, team, ROWS + MORE, 0,
                                 AEI_STEP_GRADIENT | AEI_STEP_BF16 | flags, NULL));
    aei_bf16_kernels_hook = NULL;
    aei_step_job job = {.gather = gather,
                        .source = values,
                        .rows = order,
                        .row_count = ROWS + MORE,
                        .cost = AE_COST_L2,
                        .keep_parameters = true,
                        .noise = {.sd = flags & AEI_STEP_NOISE ? 0.1f : 0, .seed = 7}};
    double norm_found;
    if (after_a_sick_batch) { /* larger, and full of NaN, which must not stay anywhere */
        values[ROWS * WIDTH] = NAN;
        ck_assert_int_eq(aei_step_run(step, &job, cost, &norm_found), AE_ERROR_DIVERGED);
        ck_assert_ptr_null(aei_step_gradient(step));
    }
    job.row_count = ROWS;
    ck_assert_ok(aei_step_run(step, &job, cost, &norm_found));
    *count = network->parameter_floats;
    float *copy = fixture_allocate(*count, sizeof *copy);
    memcpy(copy, aei_step_gradient(step), *count * sizeof *copy);
    aei_step_free(step);
    aei_team_free(team);
    ae_network_free(network);
    free(values);
    return copy;
}

/*
 * Both round the same operands and differ in the order of sums, so in 1e-7; where that moves a
 * number across the middle between two of bfloat16, which is rare, by 2^-8 of this number.
 */
START_TEST(a_step_in_pairs_is_the_emulated_one)
{
    const char *kernels = ae_kernels_name((size_t)_i / 4);
    const ae_toggle norm = _i & 1 ? AE_TOGGLE_OFF : AE_TOGGLE_ON;
    const unsigned room = _i & 2 ? AEI_STEP_NOISE : 0;
    double costs[2];
    size_t count;
    pairs_given = 0;
    float *emulated = gradient_of(kernels, no_pairs, norm, room, 1, false, &costs[0], &count);
    float *paired = gradient_of(kernels, any_pairs, norm, room, 1, false, &costs[1], &count);
    ck_assert_uint_eq(pairs_given, 1);
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        const double d = (double)paired[i] - (double)emulated[i];
        difference += d * d;
        size += (double)emulated[i] * (double)emulated[i];
    }
    ck_assert_double_gt(size, 0);
    ck_assert_double_eq_tol(costs[1], costs[0], 1e-4 * costs[0]);
    ck_assert_msg(sqrt(difference) <= 4e-3 * sqrt(size), "%s: %g of %g", kernels, sqrt(difference),
                  sqrt(size));
    for (size_t threads = 2; threads <= 7; threads += 5) {
        double cost;
        float *shared = gradient_of(kernels, any_pairs, norm, room, threads, true, &cost, &count);
        ck_assert_mem_eq(shared, paired, count * sizeof *shared);
        free(shared);
    }
    free(emulated), free(paired);
}
END_TEST

static ae_session *session_with(const ae_network *network,
                                const aei_bf16_kernels *(*hook)(const aei_kernels *))
{
    ae_session *session = NULL;
    aei_bf16_kernels_hook = hook;
    ck_assert_ok(ae_session_create(
        &session, network,
        AE_SESSION_OPTIONS(.max_batch = 16, .threads = 2, .precision = AE_PRECISION_BF16)));
    aei_bf16_kernels_hook = NULL;
    return session;
}

/* Each layer alone: the activations are rounded besides the weights, by up to 2^-9, and the slope
 * of sigmoid is 1 / 4.
 */
START_TEST(a_layer_in_pairs_is_near_the_emulated_one)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = odd_widths, .width_count = COUNT(odd_widths),
                           .kernels = ae_kernels_name((size_t)_i), .seed = 3));
    pairs_given = 0;
    ae_session *emulated = session_with(network, no_pairs),
               *paired = session_with(network, any_pairs);
    ck_assert_uint_eq(pairs_given, 1);
    float *rows = fixture_values((size_t)ROWS * 65, 0, 1, 1);
    for (size_t l = 0; l < DEPTH; l++) {
        const size_t count = ROWS * odd_widths[l + 1];
        float ours[ROWS * 65], theirs[ROWS * 65], single[65];
        ck_assert_ok(aei_session_layers(emulated, l, l + 1, rows, ROWS, theirs));
        ck_assert_ok(aei_session_layers(paired, l, l + 1, rows, ROWS, ours));
        for (size_t j = 0; j < count; j++)
            ck_assert_float_eq_tol(ours[j], theirs[j], 0x1p-8f);
        ck_assert_ok(aei_session_layers(paired, l, l + 1, rows + 3 * odd_widths[l], 1, single));
        ck_assert_mem_eq(single, ours + 3 * odd_widths[l + 1], odd_widths[l + 1] * sizeof *single);
    }
    free(rows);
    ae_session_free(emulated), ae_session_free(paired);
    ae_network_free(network);
}
END_TEST

START_TEST(a_session_in_pairs_sees_changes_of_every_layer)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = odd_widths, .width_count = COUNT(odd_widths),
                           .kernels = ae_kernels_name((size_t)_i), .seed = 3));
    ae_session *session = session_with(network, any_pairs);
    float *rows = fixture_values((size_t)ROWS * WIDTH, 0, 1, 1);
    float before[ROWS * WIDTH], after[ROWS * WIDTH], expected[ROWS * WIDTH];
    ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, before));
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        if (info.rank != 2)
            continue;
        float *values = fixture_values(info.count, -0.3f, 0.3f, i);
        ck_assert_ok(ae_network_set_tensor(network, info.name, values, info.count));
        free(values);
        ae_session *fresh = session_with(network, any_pairs);
        ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, after));
        ck_assert_ok(ae_session_reconstruct(fresh, rows, ROWS, expected));
        ck_assert_mem_eq(after, expected, sizeof after);
        ck_assert_mem_ne(after, before, sizeof after);
        memcpy(before, after, sizeof after);
        ae_session_free(fresh);
    }
    free(rows);
    ae_session_free(session);
    ae_network_free(network);
}
END_TEST

/* Two halves are read as one word, as the instructions of little-endian processors have them. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
static const char *const pairs_missing = "pairs of bfloat16 are for little-endian processors";
#else
static const char *const pairs_missing = NULL;
#endif

Suite *bfloat16_suite(void)
{
    Suite *suite = suite_create("bfloat16");
    TCase *products = tcase_create("products");
    tcase_set_timeout(products, 300);
    for (int i = 0; i < TABLES; i++) {
        const char *missing = table(i) != NULL ? pairs_missing
                                               : "no instruction for pairs of bfloat16";
        support_add_loop_test(products, pairs_are_neighbouring_rows_rounded, i, i + 1, missing);
        support_add_loop_test(products, products_over_features_agree_with_double, i, i + 1,
                              missing);
        support_add_loop_test(products, products_over_rows_agree_with_double, i, i + 1, missing);
    }
    suite_add_tcase(suite, products);
    const int kernels = (int)ae_kernels_count();
    TCase *users = tcase_create("users");
    tcase_set_timeout(users, 120);
    support_add_loop_test(users, a_step_in_pairs_is_the_emulated_one, 0, 4 * kernels,
                          pairs_missing);
    support_add_loop_test(users, a_layer_in_pairs_is_near_the_emulated_one, 0, kernels,
                          pairs_missing);
    tcase_add_loop_test(users, a_session_in_pairs_sees_changes_of_every_layer, 0, kernels);
    suite_add_tcase(suite, users);
    return suite;
}
