/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gradients against central differences. The library computes in float32, too coarse for
 * differences, so a plain float64 network is written down once more (reference_network.h); its cost
 * is shown to be the library's, and its differences are what the library's gradients are compared
 * with.
 */
#include "reference_network.h"
#include "suites.h"

#include <stdio.h>

/*
 * The differences are good to about 1e-8 here. float32 rounding (6e-8) grows by the conditioning of
 * batch normalisation over a few rows; the largest error seen is 3e-5, a wrong term or a missing
 * one gives 1e-2 and more.
 */
static const double gradient_tolerance = 1e-4, cost_tolerance = 2e-6;
static const double kink_margin = 2e-4, least_gradient = 1e-3;

enum { MOST_LAYERS = 6 };

static const struct shape {
    size_t widths[MOST_LAYERS];
    size_t count, rows;
} shapes[] = {
    {{7, 33, 5, 40, 7}, 5, 6},
    {{32, 31, 1, 33, 32}, 5, 9},
    {{1, 3, 1}, 3, 7},
    {{31, 2, 31}, 3, 13},
};

typedef struct trial {
    const struct shape *shape;
    ae_activation hidden, output;
    ae_cost cost;
    bool norms[2]; /* batch normalisation in layers 0, 2, ... and 1, 3, ... */
} trial;

static void describe(char *text, size_t size, const trial *t, const char *kernels)
{
    (void)snprintf(text, size, "%s: width %zu, hidden %d, output %d, cost %d, batch norm %d %d",
                   kernels, t->shape->widths[0], (int)t->hidden, (int)t->output, (int)t->cost,
                   t->norms[0], t->norms[1]);
}

/* Weights as created from the seed, gamma in [0.5, 1.5), beta and biases in [-0.5, 0.5). */
static ae_network *build(const trial *t, const char *kernels, uint64_t seed)
{
    ae_toggle norms[MOST_LAYERS];
    for (size_t l = 0; l < MOST_LAYERS; l++)
        norms[l] = t->norms[l % 2] ? AE_TOGGLE_ON : AE_TOGGLE_OFF;
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = t->shape->widths, .width_count = t->shape->count,
                           .batch_norms = norms, .batch_norm_count = t->shape->count - 1,
                           .hidden_activation = t->hidden, .output_activation = t->output,
                           .leaky_slope = 0.2f, .seed = seed, .kernels = kernels));
    fixture_set_vectors(network, 0.5f, seed * 100);
    return network;
}

/* One trial's data and what the reference says of them; the seed is the first whose kinks are far
 * and whose units are not all dead. */
typedef struct truth {
    uint64_t seed;
    float *x;
    double cost;
    float *gradient;
} truth;

/* |a - b|, or |a| when b is NULL. */
static double norm(const float *a, const float *b, size_t count)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        const double d = (double)a[i] - (b == NULL ? 0 : (double)b[i]);
        squares += d * d;
    }
    return sqrt(squares);
}

static truth differentiate(const trial *t)
{
    const struct shape *s = t->shape;
    const size_t values = s->rows * s->widths[0];
    const reference n = {.widths = s->widths,
                         .depth = s->count - 1,
                         .norms = t->norms,
                         .hidden = t->hidden,
                         .output = t->output,
                         .slope = (double)0.2f,
                         .epsilon = (double)1e-3f};
    const bool kinks = t->hidden == AE_ACTIVATION_RELU || t->hidden == AE_ACTIVATION_LEAKY_RELU;
    double *scratch = fixture_allocate(reference_units(&n, s->rows), sizeof *scratch),
           *x = fixture_allocate(values, sizeof *x);
    truth result = {0};
    for (uint64_t seed = 1; seed < 200 && result.gradient == NULL; seed++) {
        result.seed = seed;
        result.x = fixture_values(values, 0.05f, 0.95f, seed);
        for (size_t i = 0; i < values; i++)
            x[i] = (double)result.x[i];
        ae_network *network = build(t, "reference", seed);
        const size_t count = ae_network_parameter_count(network);
        double *parameters = reference_parameters(network);
        const reference_result found = reference_run(&n, parameters, x, s->rows, t->cost, scratch);
        result.cost = found.cost;
        if (!kinks || found.margin >= kink_margin)
            result.gradient = reference_differences(&n, parameters, count, x, s->rows, t->cost,
                                                    scratch);
        if (result.gradient == NULL || norm(result.gradient, NULL, count) < least_gradient) {
            free(result.gradient);
            free(result.x);
            result.gradient = result.x = NULL;
        }
        free(parameters);
        ae_network_free(network);
    }
    free(scratch);
    free(x);
    ck_assert_msg(result.gradient != NULL, "no seed keeps away from the kinks");
    return result;
}

/* Every tensor by norm; one whose gradient is small beside the whole is measured by a hundredth of
 * that. */
static void compare(const char *text, const ae_network *network, const float *found,
                    const float *expected)
{
    const double whole = norm(expected, NULL, ae_network_parameter_count(network));
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        if (!info.trainable)
            continue;
        const double size = fmax(norm(expected, NULL, info.count), whole / 100);
        const double off = norm(found, expected, info.count) / size;
        if (getenv("AE_GRADIENT_FIGURES") != NULL)
            printf("%.2e %s %s\n", off, text, info.name);
        ck_assert_msg(off <= gradient_tolerance, "%s: %s off by %.3g of its norm %.3g", text,
                      info.name, off, size);
        found += info.count;
        expected += info.count;
    }
}

static void run_trial(const trial *t)
{
    const truth expected = differentiate(t);
    for (size_t k = 0; k < ae_kernels_count(); k++) {
        char text[120];
        describe(text, sizeof text, t, ae_kernels_name(k));
        ae_network *network = build(t, ae_kernels_name(k), expected.seed);
        float *gradient = fixture_allocate(ae_network_parameter_count(network), sizeof *gradient);
        const double cost = fixture_gradient(network, t->cost, expected.x, t->shape->rows,
                                             1 + k % 3, gradient, NULL);
        ck_assert_msg(fabs(cost - expected.cost) <= cost_tolerance * expected.cost,
                      "%s: cost %.9g, not %.9g", text, cost, expected.cost);
        compare(text, network, gradient, expected.gradient);
        free(gradient);
        ae_network_free(network);
    }
    free(expected.x);
    free(expected.gradient);
}

/* A test number is an activation and whether there is batch normalisation. */
static void run_costs(int number, ae_cost first, ae_cost last)
{
    const ae_activation kind = (ae_activation)(number / 2 + 1);
    for (ae_cost cost = first; cost <= last; cost = (ae_cost)(cost + 1)) {
        for (size_t s = 0; s < COUNT(shapes); s++) {
            if (support_slow_arithmetic() && s == 1)
                continue;
            const trial t = {.shape = &shapes[s],
                             .hidden = kind,
                             .output = cost == AE_COST_BCE ? AE_ACTIVATION_SIGMOID : kind,
                             .cost = cost,
                             .norms = {number % 2 == 1, number % 2 == 1}};
            run_trial(&t);
        }
    }
}

START_TEST(distance_costs_have_the_gradients_that_differences_give)
{
    run_costs(_i, AE_COST_L2, AE_COST_MSE);
}
END_TEST

START_TEST(cross_entropy_has_the_gradients_that_differences_give)
{
    run_costs(_i, AE_COST_BCE, AE_COST_BCE);
}
END_TEST

/* A test number is an activation and which layers normalise: 0, 2, ... or 1, 3, ... Not linear: a
 * bias that the next layer's normalisation takes off again has a gradient of rounding errors. */
START_TEST(mixed_networks_have_the_gradients_that_differences_give)
{
    const ae_activation kind = (ae_activation)(_i / 2 + 1);
    for (size_t s = 0; s < COUNT(shapes); s++) {
        if (s == 1) /* the widest, and slow */
            continue;
        const trial t = {.shape = &shapes[s],
                         .hidden = kind,
                         .output = kind,
                         .cost = AE_COST_MSE,
                         .norms = {_i % 2 == 0, _i % 2 == 1}};
        run_trial(&t);
    }
}
END_TEST

/* The identity on positive numbers: relu(x I) I, without batch normalisation. */
static ae_network *positive_identity(const char *kernels)
{
    const size_t widths[] = {2, 2, 2};
    const float identity[] = {1, 0, 0, 1};
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = widths, .width_count = COUNT(widths),
                           .batch_norm = AE_TOGGLE_OFF, .kernels = kernels,
                           .hidden_activation = AE_ACTIVATION_RELU,
                           .output_activation = AE_ACTIVATION_LINEAR));
    ck_assert_ok(ae_network_set_tensor(network, "encoder.0.weight", identity, COUNT(identity)));
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.weight", identity, COUNT(identity)));
    return network;
}

START_TEST(l2_gradient_at_zero_distance_is_zero)
{
    const float exact[] = {0.25f, 0.5f, 1, 2, 3, 0.125f};
    ae_network *network = positive_identity(ae_kernels_name((size_t)_i));
    float gradient[12];
    memset(gradient, 0xff, sizeof gradient);
    ck_assert_double_eq(fixture_gradient(network, AE_COST_L2, exact, 3, 1, gradient, NULL), 0);
    for (size_t i = 0; i < COUNT(gradient); i++)
        ck_assert_msg(gradient[i] == 0, "element %zu is %g", i, (double)gradient[i]);
    ae_network_free(network);
}
END_TEST

START_TEST(a_row_at_zero_distance_adds_nothing_to_the_others)
{
    /* The second row loses its negative feature: distance 1. */
    const float mixed[] = {0.25f, 0.5f, -1, 2}, alone[] = {-1, 2};
    ae_network *network = positive_identity(ae_kernels_name((size_t)_i));
    float both[12], one[12];
    ck_assert_double_eq(fixture_gradient(network, AE_COST_L2, mixed, 2, 1, both, NULL), 0.5);
    ck_assert_double_eq(fixture_gradient(network, AE_COST_L2, alone, 1, 1, one, NULL), 1);
    int different_from_zero = 0;
    for (size_t i = 0; i < COUNT(both); i++) {
        ck_assert_float_eq(both[i], one[i] / 2);
        different_from_zero += both[i] != 0;
    }
    ck_assert_int_gt(different_from_zero, 0);
    ae_network_free(network);
}
END_TEST

Suite *gradient_suite(void)
{
    Suite *suite = suite_create("gradient");
    TCase *tcase = tcase_create("gradient");
    const int cases = 2 * AE_ACTIVATION_LINEAR, kernels = (int)ae_kernels_count();
    tcase_add_loop_test(tcase, distance_costs_have_the_gradients_that_differences_give, 0, cases);
    tcase_add_loop_test(tcase, cross_entropy_has_the_gradients_that_differences_give, 0, cases);
    tcase_add_loop_test(tcase, mixed_networks_have_the_gradients_that_differences_give, 0,
                        2 * (AE_ACTIVATION_LINEAR - 1));
    tcase_add_loop_test(tcase, l2_gradient_at_zero_distance_is_zero, 0, kernels);
    tcase_add_loop_test(tcase, a_row_at_zero_distance_adds_nothing_to_the_others, 0, kernels);
    suite_add_tcase(suite, tcase);
    return suite;
}
