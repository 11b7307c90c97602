/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Small networks computed in float64 by another program (tests/golden/): first outputs and
 * gradients, the cost of each step, parameters after the last, and inference. Repeated for every
 * kind of kernels this machine has.
 */
#include "fixtures.h"
#include "suites.h"

#include <stdio.h>

/*
 * float32 carries 6e-8 an operation and these networks sum at most 37 terms a layer over six
 * layers, so 1e-5 leaves room for conditioning only; Adam's division by a small sqrt(v) in the
 * first steps magnifies it, hence 1e-4 after.
 */
static const double single_pass = 1e-5, after_training = 1e-4;

static const char *const files[] = {"golden/tiny_adam.txt", "golden/small_sgd.txt",
                                    "golden/odd_adam.txt"};
enum { FILES = sizeof files / sizeof files[0], MOST_WIDTHS = 16, MOST_VALUES = 1 << 14 };

typedef struct golden {
    char *text;
    size_t widths[MOST_WIDTHS];
    size_t width_count, batch, steps;
    char optimizer[16];
    double learning_rate;
} golden;

/* Reads the line of conventions; 0 if it is not there or lacks something. */
static int parse_head(golden *g)
{
    const char *at = strstr(g->text, "# dims ");
    if (at == NULL)
        return 0;
    at += strlen("# dims ");
    char *end;
    for (g->width_count = 0; g->width_count < MOST_WIDTHS; at = end) {
        const size_t width = strtoul(at, &end, 10);
        if (end == at)
            break;
        g->widths[g->width_count++] = width;
    }
    return g->width_count >= 3 &&
           sscanf(at, " batch %zu steps %zu optimizer %15s learning_rate %lf", &g->batch, &g->steps,
                  g->optimizer, &g->learning_rate) == 4;
}

/* A tensor's values in file order; returns how many, 0 when it is missing or does not have as many
 * as its shape says.
 */
static size_t parse_tensor(const golden *g, const char *name, float *values, size_t room)
{
    char key[80];
    const int length = snprintf(key, sizeof key, "\ntensor %s ", name);
    const char *at = strstr(g->text, key);
    if (at == NULL)
        return 0;
    char *end;
    at += length;
    const size_t rank = strtoul(at, &end, 10);
    size_t count = 1;
    for (size_t i = 0; i < rank; i++)
        count *= strtoul(end, &end, 10);
    size_t found = 0;
    while (*end == ' ')
        end++;
    for (at = end; *at != 't' && *at != '\0' && found <= count; at = end) {
        const double value = strtod(at, &end);
        if (end == at)
            break;
        if (found < room)
            values[found] = (float)value;
        found++;
        while (*end == ' ' || *end == '\n')
            end++;
    }
    return found == count && found <= room ? found : 0;
}

static golden load(const char *name)
{
    golden g = {.text = (char *)support_read(support_source(name), NULL)};
    ck_assert_msg(parse_head(&g), "%s: no head", name);
    return g;
}

/* count values of a tensor, which must be there. The caller frees them. */
static float *expect(const golden *g, size_t count, const char *name)
{
    float *values = fixture_allocate(MOST_VALUES, sizeof *values);
    const size_t found = parse_tensor(g, name, values, MOST_VALUES);
    ck_assert_msg(found == count, "%s: %zu values expected, %zu found", name, count, found);
    return values;
}

/* fmax would do, but in the loop below gcc 12 for Arm ends with an internal error at it. */
static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Equal by norm, and each element within the tolerance of the tensor's largest. */
static void compare(const char *name, const float *found, const float *expected, size_t count,
                    double tolerance)
{
    double largest = 0, worst = 0;
    for (size_t i = 0; i < count; i++) {
        largest = larger(largest, fabs((double)expected[i]));
        worst = larger(worst, fabs((double)found[i] - (double)expected[i]));
    }
    const double distance = fixture_distance(found, expected, count);
    if (getenv("AE_GOLDEN_FIGURES") != NULL)
        printf("%-24s %.2e by norm, %.2e at worst\n", name, distance,
               largest > 0 ? worst / largest : worst);
    ck_assert_msg(distance <= tolerance, "%s: relative error %.3g", name, distance);
    ck_assert_msg(worst <= tolerance * largest, "%s: an element is off by %.3g of %.3g", name,
                  worst, largest);
}

static void transpose(float *to, const float *from, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            to[j * rows + i] = from[i * columns + j];
}

static const char *const parts[] = {"weight", "gamma", "beta", "running_mean", "running_var"};
enum { PARTS = sizeof parts / sizeof parts[0] };

/* The file's tensor for a tensor of the network, in the network's order ([out][in] where the file
 * has [in][out]). */
static float *expect_like(const golden *g, const ae_network *network, size_t index,
                          const char *stage)
{
    const ae_tensor_info info = fixture_tensor(network, index);
    char name[64];
    (void)snprintf(name, sizeof name, "%s.%zu.%s", stage, index / PARTS, parts[index % PARTS]);
    float *values = expect(g, info.count, name);
    if (info.rank == 2) {
        float *turned = fixture_allocate(info.count, sizeof *turned);
        transpose(turned, values, info.shape[1], info.shape[0]);
        free(values);
        return turned;
    }
    return values;
}

/* The file's network with the parameters of a stage: "init" (statistics as created) or "final". */
static ae_network *build(const golden *g, const char *kernels, const char *stage)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = g->widths, .width_count = g->width_count, .kernels = kernels));
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        if (!info.trainable && strcmp(stage, "init") == 0)
            continue;
        float *values = expect_like(g, network, i, stage);
        ck_assert_ok(ae_network_set_tensor(network, info.name, values, info.count));
        free(values);
    }
    return network;
}

static void compare_state(const golden *g, const ae_network *network, const char *stage,
                          double tolerance)
{
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        float *found = fixture_allocate(info.count, sizeof *found);
        ck_assert_ok(ae_network_get_tensor(network, info.name, found, info.count));
        float *expected = expect_like(g, network, i, stage);
        compare(info.name, found, expected, info.count, tolerance);
        free(expected);
        free(found);
    }
}

/*
 * The head of small_sgd.txt names no momentum. Its first update does not depend on one; its later
 * costs and its final parameters are those of classical momentum 0.9 (within this suite's
 * tolerances), and of no plain descent.
 */
static ae_optimizer *optimizer_of(const golden *g)
{
    const float rate = (float)g->learning_rate;
    if (strcmp(g->optimizer, "adam") == 0)
        return fixture_adam(rate);
    ae_optimizer *optimizer = NULL;
    ck_assert_ok(ae_optimizer_create_sgd(&optimizer,
                                         AE_SGD_OPTIONS(.learning_rate = rate, .momentum = 0.9f)));
    return optimizer;
}

/* Test number to file and kernels. */
#define CASE_FILE(number) (files[(size_t)(number) % FILES])
#define CASE_KERNELS(number) (ae_kernels_name((size_t)(number) / FILES))

START_TEST(parser_reads_head_and_tensors_and_notices_what_is_missing)
{
    golden g = {
        .text =
            (char *)"# head\n# dims 4 2 4 batch 3 steps 2 optimizer sgd learning_rate 0.5\n"
                    "tensor a 2 2 3\n1 -2 3e-1\n4 5 6\ntensor ab 1 2\n7 8\ntensor short 1 3\n1 2\n"
                    "tensor long 1 1\n1 2\n"};
    ck_assert_int_eq(parse_head(&g), 1);
    ck_assert_uint_eq(g.width_count, 3);
    ck_assert_uint_eq(g.widths[1], 2);
    ck_assert_uint_eq(g.batch, 3);
    ck_assert_uint_eq(g.steps, 2);
    ck_assert_str_eq(g.optimizer, "sgd");
    ck_assert_double_eq(g.learning_rate, 0.5);
    float values[8];
    ck_assert_uint_eq(parse_tensor(&g, "a", values, COUNT(values)), 6);
    ck_assert_float_eq(values[1], -2);
    ck_assert_float_eq(values[2], 0.3f);
    ck_assert_float_eq(values[5], 6);
    ck_assert_uint_eq(parse_tensor(&g, "ab", values, COUNT(values)), 2);
    ck_assert_float_eq(values[1], 8);
    ck_assert_uint_eq(parse_tensor(&g, "b", values, COUNT(values)), 0);
    ck_assert_uint_eq(parse_tensor(&g, "short", values, COUNT(values)), 0);
    ck_assert_uint_eq(parse_tensor(&g, "long", values, COUNT(values)), 0);
    ck_assert_uint_eq(parse_tensor(&g, "a", values, 5), 0);
    ck_assert_int_eq(parse_head(&(golden){.text = (char *)"# dims 4 2 4 batch 3\n"}), 0);
}
END_TEST

START_TEST(first_output_cost_and_every_gradient)
{
    golden g = load(CASE_FILE(_i));
    ae_network *network = build(&g, CASE_KERNELS(_i), "init");
    const size_t width = g.widths[0];
    float *x = expect(&g, g.steps * g.batch * width, "x");
    float *gradient = fixture_allocate(ae_network_parameter_count(network), sizeof *gradient);
    float *output = fixture_allocate(g.batch * width, sizeof *output);
    const double cost = fixture_gradient(network, AE_COST_L2, x, g.batch, 2, gradient, output);

    float *expected_cost = expect(&g, 1, "step0.cost");
    ck_assert_double_eq_tol(cost, (double)*expected_cost, single_pass * (double)*expected_cost);
    float *expected_output = expect(&g, g.batch * width, "step0.output");
    compare("step0.output", output, expected_output, g.batch * width, single_pass);
    const float *at = gradient;
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        if (!info.trainable)
            continue;
        float *expected = expect_like(&g, network, i, "step0.grad");
        compare(info.name, at, expected, info.count, single_pass);
        at += info.count;
        free(expected);
    }
    free(expected_output);
    free(expected_cost);
    free(output);
    free(gradient);
    free(x);
    ae_network_free(network);
    free(g.text);
}
END_TEST

START_TEST(costs_of_all_steps_and_parameters_after_the_last)
{
    golden g = load(CASE_FILE(_i));
    ae_network *network = build(&g, CASE_KERNELS(_i), "init");
    float *x = expect(&g, g.steps * g.batch * g.widths[0], "x");
    ae_dataset *dataset = fixture_dataset_of(x, g.steps * g.batch, g.widths[0]);
    ae_optimizer *optimizer = optimizer_of(&g);
    ae_trainer *trainer = fixture_trainer(
        network, optimizer, dataset,
        AE_TRAINER_OPTIONS(.batch = g.batch, .shuffle = AE_SHUFFLE_NONE, .threads = 2));
    for (size_t s = 0; s < g.steps; s++) {
        char name[32];
        (void)snprintf(name, sizeof name, "step%zu.cost", s);
        float *expected = expect(&g, 1, name);
        double cost = NAN;
        ck_assert_ok(ae_trainer_run_step(trainer, &cost));
        ck_assert_msg(fabs(cost - (double)*expected) <= single_pass * (double)*expected,
                      "%s: %.9g, not %.9g", name, cost, (double)*expected);
        free(expected);
    }
    compare_state(&g, network, "final", after_training);
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    ae_dataset_free(dataset);
    ae_network_free(network);
    free(x);
    free(g.text);
}
END_TEST

START_TEST(inference_with_the_final_parameters)
{
    enum { ROWS = 3 };
    golden g = load(CASE_FILE(_i));
    ae_network *network = build(&g, CASE_KERNELS(_i), "final");
    const size_t width = g.widths[0], code_width = ae_network_code_width(network);
    float *x = expect(&g, ROWS * width, "x_eval"),
          *output = expect(&g, ROWS * width, "eval.output");
    float *code = expect(&g, ROWS * code_width, "eval.code"),
          *row_cost = expect(&g, ROWS, "eval.row_cost");
    float *found = fixture_allocate(ROWS * width, sizeof *found);
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_session_reconstruct(session, x, ROWS, found));
    compare("eval.output", found, output, ROWS * width, single_pass);
    ck_assert_ok(ae_session_encode(session, x, ROWS, found));
    compare("eval.code", found, code, ROWS * code_width, single_pass);
    ck_assert_ok(ae_session_score(session, x, ROWS, found, NULL, NULL));
    compare("eval.row_cost", found, row_cost, ROWS, single_pass);

    ae_dataset *dataset = fixture_dataset_of(x, ROWS, width);
    ae_evaluation result = {.size = sizeof result};
    ck_assert_ok(ae_network_evaluate(network, dataset, &result, NULL));
    const double mean = ((double)row_cost[0] + (double)row_cost[1] + (double)row_cost[2]) / ROWS;
    ck_assert_double_eq_tol(result.l2, mean, single_pass * mean);

    ae_dataset_free(dataset);
    ae_session_free(session);
    free(found);
    free(row_cost);
    free(code);
    free(output);
    free(x);
    ae_network_free(network);
    free(g.text);
}
END_TEST

Suite *golden_suite(void)
{
    Suite *suite = suite_create("golden");
    TCase *tcase = tcase_create("golden");
    const int cases = (int)(FILES * ae_kernels_count());
    tcase_add_test(tcase, parser_reads_head_and_tensors_and_notices_what_is_missing);
    tcase_add_loop_test(tcase, first_output_cost_and_every_gradient, 0, cases);
    tcase_add_loop_test(tcase, costs_of_all_steps_and_parameters_after_the_last, 0, cases);
    tcase_add_loop_test(tcase, inference_with_the_final_parameters, 0, cases);
    suite_add_tcase(suite, tcase);
    return suite;
}
