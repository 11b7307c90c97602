/* SPDX-License-Identifier: BSD-3-Clause */
/* Networks as C source: compiled in several ways, loaded, and compared with sessions. */
#define _POSIX_C_SOURCE 200809L
#include "c_compiler.h"
#include "fixtures.h"
#include "suites.h"

#include <locale.h>
#include <stdio.h>
#include <unistd.h>

enum { ROWS = 20 };

typedef void map(const float *in, float *out);
typedef float score(const float *row);
typedef int judge(const float *row);
typedef const float *look(void);

static const ae_toggle some[] = {AE_TOGGLE_ON, AE_TOGGLE_OFF, AE_TOGGLE_OFF, AE_TOGGLE_DEFAULT};

static const struct net {
    size_t widths[10];
    size_t width_count;
    ae_toggle batch_norm;
    ae_activation hidden, output;
    const ae_toggle *norms; /* of each layer; NULL: as batch_norm */
} nets[] = {
    {{64, 32, 8, 32, 64}, 5, AE_TOGGLE_ON, AE_ACTIVATION_SIGMOID, AE_ACTIVATION_SIGMOID, NULL},
    {{64, 32, 8, 32, 64}, 5, AE_TOGGLE_OFF, AE_ACTIVATION_TANH, AE_ACTIVATION_LINEAR, NULL},
    {{33, 20, 3, 17, 40, 33}, 6, AE_TOGGLE_ON, AE_ACTIVATION_RELU, AE_ACTIVATION_SIGMOID, NULL},
    {{33, 20, 3, 17, 40, 33}, 6, AE_TOGGLE_OFF, AE_ACTIVATION_LEAKY_RELU, AE_ACTIVATION_TANH, NULL},
    {{7, 1, 7}, 3, AE_TOGGLE_ON, AE_ACTIVATION_LINEAR, AE_ACTIVATION_RELU, NULL},
    {{1, 5, 2, 1}, 4, AE_TOGGLE_OFF, AE_ACTIVATION_TANH, AE_ACTIVATION_LEAKY_RELU, NULL},
    {{64, 32, 8, 32, 64}, 5, AE_TOGGLE_ON, AE_ACTIVATION_TANH, AE_ACTIVATION_LINEAR, some},
    {{784, 1000, 500, 250, 4, 250, 500, 1000, 784},
     9,
     AE_TOGGLE_ON,
     AE_ACTIVATION_SIGMOID,
     AE_ACTIVATION_SIGMOID,
     NULL}, /* the report's, the last */
};

/* Every tensor with values of its own, running statistics too, as training leaves them. */
static ae_network *lively(const struct net *net)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = net->widths, .width_count = net->width_count,
                           .batch_norm = net->batch_norm, .batch_norms = net->norms,
                           .batch_norm_count = net->norms == NULL ? 0 : net->width_count - 1,
                           .seed = 3, .hidden_activation = net->hidden,
                           .output_activation = net->output, .leaky_slope = 0.07f));
    fixture_set_vectors(network, 0.5f, 0);
    return network;
}

/* Sums of up to 1000 float32 products in two orders differ by some 1e-6 in what is of order 1. */
static void compare(const float *exported, const float *session, size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++) {
        const float scale = fabsf(session[i]) > 1 ? fabsf(session[i]) : 1;
        ck_assert_msg(fabsf(exported[i] - session[i]) <= 1e-5f * scale,
                      "%s: element %zu: %.9g, the session's %.9g", what, i, (double)exported[i],
                      (double)session[i]);
    }
}

static void compare_functions(void *library, const ae_network *network)
{
    const size_t width = ae_network_input_width(network),
                 code_width = ae_network_code_width(network);
    float *rows = fixture_values(ROWS * width, 0, 1, 9),
          *wanted = fixture_allocate(width, sizeof *wanted);
    float *codes = fixture_allocate(code_width, sizeof *codes),
          *given = fixture_allocate(width + code_width, sizeof *given);
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, AE_SESSION_OPTIONS(.max_batch = 1)));
    C_FUNCTION(map, encode, library, "net_encode");
    C_FUNCTION(map, decode, library, "net_decode");
    C_FUNCTION(map, reconstruct, library, "net_reconstruct");
    C_FUNCTION(score, measure, library, "net_score");
    for (size_t r = 0; r < ROWS; r++) {
        const float *row = rows + r * width;
        float l2;
        ck_assert_ok(ae_session_encode(session, row, 1, codes));
        encode(row, given);
        compare(given, codes, code_width, "encode");
        ck_assert_ok(ae_session_decode(session, codes, 1, wanted));
        decode(codes, given);
        compare(given, wanted, width, "decode");
        ck_assert_ok(ae_session_reconstruct(session, row, 1, wanted));
        reconstruct(row, given);
        compare(given, wanted, width, "reconstruct");
        ck_assert_ok(ae_session_score(session, row, 1, &l2, NULL, NULL));
        const float exported = measure(row);
        compare(&exported, &l2, 1, "score");
    }
    ae_session_free(session);
    free(given);
    free(codes);
    free(wanted);
    free(rows);
}

START_TEST(exported_functions_agree_with_a_session)
{
    const size_t net = (size_t)_i / C_BUILDS, build = (size_t)_i % C_BUILDS;
    ae_network *network = lively(&nets[net]);
    ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
    void *library = c_load(build, "net.c");
    compare_functions(library, network);
    ck_assert_int_eq(dlclose(library), 0);
    ae_network_free(network);
}
END_TEST

/* Features in units of their own, one of them constant, one with an offset far beyond its scale. */
static void give_scaling(ae_network *network)
{
    const size_t width = ae_network_input_width(network);
    float *offset = fixture_values(width, -5, 5, 21), *scale = fixture_values(width, 0.5f, 4, 22);
    offset[0] = 100, scale[width / 2] = 0;
    ck_assert_ok(ae_network_set_scaling(network, offset, scale));
    free(offset);
    free(scale);
}

START_TEST(a_scaled_network_takes_and_gives_the_callers_units)
{
    const size_t net = (size_t)_i / C_BUILDS, build = (size_t)_i % C_BUILDS;
    ae_network *network = lively(&nets[net]);
    ae_export_c_info plain = {.size = sizeof plain}, scaled = {.size = sizeof scaled};
    ck_assert_ok(ae_network_export_c(network, support_path("net"), &plain, NULL));
    give_scaling(network);
    ck_assert_ok(ae_network_export_c(network, support_path("net"), &scaled, NULL));
    ck_assert_uint_eq(scaled.weight_bytes, plain.weight_bytes + 8 * nets[net].widths[0]);
    void *library = c_load(build, "net.c");
    compare_functions(library, network);
    C_FUNCTION(map, encode, library, "net_encode");
    const size_t width = nets[net].widths[0];
    float *row = fixture_allocate(width, sizeof *row), code[8];
    row[width / 2] = NAN; /* the constant one */
    encode(row, code);
    ck_assert(isnan(code[0]));
    free(row);
    ck_assert_int_eq(dlclose(library), 0);
    ae_network_free(network);
}
END_TEST

START_TEST(a_part_of_a_scaled_network_has_its_scaling)
{
    const bool encodes = _i == 0;
    ae_network *network = lively(&nets[0]); /* 64 32 8 32 64 */
    ae_export_c_info info = {.size = sizeof info};
    give_scaling(network);
    ck_assert_ok(ae_network_export_c(
        network, support_path("net"), &info,
        AE_EXPORT_C_OPTIONS(.part = encodes ? AE_EXPORT_PART_ENCODER : AE_EXPORT_PART_DECODER)));
    ck_assert_uint_eq(info.buffer_bytes,
                      4 * (encodes ? 32 + 64 : 32)); /* a decoder scales no row */
    void *library = c_load(0, "net.c");
    C_FUNCTION(map, part, library, encodes ? "net_encode" : "net_decode");
    float *in = fixture_values(64, 0, 1, 4), wanted[64], given[64];
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok((encodes ? ae_session_encode : ae_session_decode)(session, in, 1, wanted));
    part(in, given);
    compare(given, wanted, encodes ? 8 : 64, "part");
    ae_session_free(session);
    free(in);
    dlclose(library);
    ae_network_free(network);
}
END_TEST

/* Thresholds between the scores of rows, well apart, so that rounding cannot decide. */
START_TEST(anomalies_are_those_of_a_session)
{
    static const ae_cost costs[] = {AE_COST_L2, AE_COST_SSE, AE_COST_MSE};
    ae_network *network = lively(&nets[0]);
    float *rows = fixture_values(ROWS * 64, 0, 1, 9), scores[ROWS], sum = 0;
    unsigned char flags[ROWS];
    int flagged = 0;
    for (size_t r = 0; r < ROWS; r++)
        for (size_t j = 0; j < 64; j++)
            rows[r * 64 + j] *= 1 + 0.1f * (float)r;
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(
        ae_session_score(session, rows, ROWS, scores, NULL, AE_SCORE_OPTIONS(.cost = costs[_i])));
    for (size_t r = 0; r < ROWS; r++)
        sum += scores[r];
    ck_assert_ok(ae_network_set_threshold(network, (double)(sum / ROWS),
                                          AE_SCORE_OPTIONS(.cost = costs[_i])));
    ck_assert_ok(ae_session_detect(session, rows, ROWS, flags, NULL));
    ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
    void *library = c_load(0, "net.c");
    C_FUNCTION(judge, is_anomaly, library, "net_is_anomaly");
    for (size_t r = 0; r < ROWS; r++) {
        ck_assert_int_eq(is_anomaly(rows + r * 64), flags[r]);
        flagged += flags[r];
    }
    ck_assert(flagged > 0 && flagged < ROWS);
    rows[3] = NAN;
    ck_assert_int_eq(is_anomaly(rows), 1);
    ae_session_free(session);
    free(rows);
    dlclose(library);
    ae_network_free(network);
}
END_TEST

/* Always reconstructed as 0, the score is the number itself: greater than float64 thresholds next
 * to a float or not. */
START_TEST(a_threshold_keeps_its_side_of_a_float)
{
    static const float middle = 0.75f;
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){1, 1, 1}, .width_count = 3,
                           .batch_norm = AE_TOGGLE_OFF, .output_activation = AE_ACTIVATION_LINEAR));
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.weight", &(float){0}, 1));
    for (int side = -1; side <= 1; side++) {
        ck_assert_ok(ae_network_set_threshold(network, (double)middle + side * 1e-12, NULL));
        ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
        void *library = c_load(0, "net.c");
        C_FUNCTION(judge, is_anomaly, library, "net_is_anomaly");
        ck_assert_int_eq(is_anomaly(&middle), side < 0);
        dlclose(library);
    }
    for (int sign = -1; sign <= 1; sign += 2) { /* beyond every float */
        ck_assert_ok(ae_network_set_threshold(network, sign * 1e300, NULL));
        ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
        void *library = c_load(0, "net.c");
        C_FUNCTION(judge, is_anomaly, library, "net_is_anomaly");
        ck_assert_int_eq(is_anomaly(&middle), sign < 0);
        ck_assert_int_eq(is_anomaly(&(float){0}), sign < 0);
        dlclose(library);
    }
    ae_network_free(network);
}
END_TEST

START_TEST(a_threshold_that_does_not_hold_is_left_out_and_one_of_cross_entropy_refused)
{
    ae_network *network = lively(&nets[0]);
    ck_assert_ok(ae_network_set_threshold(network, 1, AE_SCORE_OPTIONS(.cost = AE_COST_BCE)));
    ck_assert_status(ae_network_export_c(network, support_path("net"), NULL, NULL),
                     AE_ERROR_UNSUPPORTED, "cross-entropy");
    ck_assert_int_ne(access(support_path("net.c"), F_OK), 0);
    ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL,
                                     AE_EXPORT_C_OPTIONS(.part = AE_EXPORT_PART_ENCODER)));
    ck_assert_ok(ae_network_set_threshold(network, 1, NULL));
    ck_assert_ok(ae_network_set_tensor(network, "encoder.1.bn.bias", (const float[8]){0},
                                       8)); /* makes it void */
    ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
    unsigned char *header = support_read(support_path("net.h"), NULL);
    ck_assert_ptr_null(strstr((const char *)header, "anomal"));
    free(header);
    ae_network_free(network);
}
END_TEST

/* What the source declares is what the header's macros and the info say; the compiler has the last
 * word. */
START_TEST(sizes_are_those_of_the_arrays)
{
    static const char check[] =
        "#include \"net.c\"\n"
        "#define FLASH (sizeof net_weights0 + sizeof net_weights1 + sizeof net_weights2 + sizeof "
        "net_weights3 + \\\n"
        "    sizeof net_biases0 + sizeof net_biases1 + sizeof net_biases2 + sizeof net_biases3)\n"
        "extern char flash[FLASH == NET_WEIGHT_BYTES && FLASH == 18976 ? 1 : -1];\n"
        "extern char ram[sizeof net_buffer0 + sizeof net_buffer1 == NET_BUFFER_BYTES && "
        "NET_BUFFER_BYTES == 160 ? 1 : "
        "-1];\n"
        "extern char adds[NET_MULTIPLY_ADDS == 4608 && NET_INPUT_WIDTH == 64 && NET_CODE_WIDTH == "
        "8 ? 1 : -1];\n";
    ae_network *network = lively(&nets[0]);
    ae_export_c_info info = {.size = sizeof info};
    ck_assert_ok(ae_network_export_c(network, support_path("net.c"), &info, NULL));
    ck_assert_uint_eq(info.size, sizeof info);
    ck_assert_uint_eq(info.weight_bytes, 4 * (2 * (64 * 32 + 32 * 8) + 32 + 8 + 32 + 64));
    ck_assert_uint_eq(info.buffer_bytes, 4 * (32 + 8));
    ck_assert_uint_eq(info.multiply_adds, 2 * (64 * 32 + 32 * 8));
    support_write(support_path("check.c"), check, sizeof check - 1);
    ck_assert_int_eq(c_compile(0, "check.c", "check.so", NULL), 0);
    ae_network_free(network);
}
END_TEST

START_TEST(a_part_has_its_own_function_and_arrays_alone)
{
    const bool encodes = _i == 0;
    ae_network *network = lively(&nets[2]); /* 33 20 3 17 40 33 */
    ae_export_c_info info = {.size = sizeof info};
    ck_assert_ok(ae_network_export_c(
        network, support_path("part"), &info,
        AE_EXPORT_C_OPTIONS(.prefix = "net",
                            .part = encodes ? AE_EXPORT_PART_ENCODER : AE_EXPORT_PART_DECODER)));
    ck_assert_uint_eq(info.multiply_adds, encodes ? 33 * 20 + 20 * 3 : 3 * 17 + 17 * 40 + 40 * 33);
    ck_assert_uint_eq(info.weight_bytes,
                      4 * (info.multiply_adds + (encodes ? 20 + 3 : 17 + 40 + 33)));
    ck_assert_uint_eq(info.buffer_bytes, 4 * (encodes ? 20 : 17 + 40));
    void *library = c_load(0, "part.c");
    C_FUNCTION(map, part, library, encodes ? "net_encode" : "net_decode");
    ck_assert_ptr_null(dlsym(library, encodes ? "net_decode" : "net_encode"));
    ck_assert_ptr_null(dlsym(library, "net_reconstruct"));
    ck_assert_ptr_null(dlsym(library, "net_score"));
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    float *in = fixture_values(33, 0, 1, 4), wanted[33], given[33];
    ck_assert_ok((encodes ? ae_session_encode : ae_session_decode)(session, in, 1, wanted));
    part(in, given);
    compare(given, wanted, encodes ? 3 : 33, "part");
    ae_session_free(session);
    free(in);
    dlclose(library);
    ae_network_free(network);
}
END_TEST

/* A network that is one sigmoid or tanh: its code of a number is the function itself. */
START_TEST(sigmoid_and_tanh_are_within_float_rounding_everywhere)
{
    const bool hyperbolic = _i == 1;
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){1, 1, 1}, .width_count = 3,
                           .batch_norm = AE_TOGGLE_OFF,
                           .hidden_activation = hyperbolic ? AE_ACTIVATION_TANH
                                                           : AE_ACTIVATION_SIGMOID));
    ck_assert_ok(ae_network_set_tensor(network, "encoder.0.weight", &(float){1}, 1));
    ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
    void *library = c_load(0, "net.c");
    C_FUNCTION(map, f, library, "net_encode");
    double worst = 0;
    for (int i = -2000000; i <= 2000000; i++) {
        const float x = (float)i * 5e-5f; /* to +-100 */
        float y;
        f(&x, &y);
        const double wanted = hyperbolic ? tanh((double)x) : 1 / (1 + exp(-(double)x));
        /* Results below 2^-120 may be flushed to 0: exp stops at -87. */
        const double error = fabs((double)y - wanted) /
                             (fabs(wanted) < 0x1p-120 ? 0x1p-100 : fabs(wanted));
        worst = error > worst ? error : worst;
    }
    ck_assert_msg(worst < 4 * 0x1p-24, "%g ulp", worst / 0x1p-23);
    static const float limits[] = {1e4f, 3e38f, INFINITY};
    for (size_t i = 0; i < COUNT(limits); i++) {
        float y, minus = -limits[i];
        f(&limits[i], &y);
        ck_assert(y >= 1 && y <= 1);
        f(&minus, &y);
        ck_assert(hyperbolic ? y >= -1 && y <= -1 : y >= 0 && y <= 0);
    }
    float y, nan = NAN;
    f(&nan, &y);
    ck_assert(isnan(y));
    dlclose(library);
    ae_network_free(network);
}
END_TEST

/* One feature that is always reconstructed as 0: the score of a number is the root of its
 * square. */
START_TEST(the_scores_root_is_right_for_all_sizes)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){1, 1, 1}, .width_count = 3,
                           .batch_norm = AE_TOGGLE_OFF, .output_activation = AE_ACTIVATION_LINEAR));
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.weight", &(float){0}, 1));
    ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
    void *library = c_load(0, "net.c");
    C_FUNCTION(score, measure, library, "net_score");
    uint64_t state = 1;
    for (int exponent = -60; exponent < 64; exponent++) {
        for (size_t i = 0; i < 200; i++) {
            const float x = ldexpf(1 + fixture_uniform(&state), exponent), got = measure(&x);
            const float wanted = (float)sqrt((double)(x * x));
            ck_assert_msg(fabsf(got - wanted) <= 0x1p-23f * wanted, "%.9g: %.9g", (double)x,
                          (double)got);
        }
    }
    ck_assert(measure(&(float){0}) <= 0);
    ck_assert(isinf(measure(&(float){1e30f}))); /* the square is beyond float32 */
    ck_assert(isnan(measure(&(float){NAN})));
    dlclose(library);
    ae_network_free(network);
}
END_TEST

/* Among them 1, -0, the smallest and the largest: as constants each must be of type float and the
 * same bits. */
START_TEST(weights_are_written_exactly_in_every_locale)
{
    static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE",
                                          "es_ES.UTF-8"};
    static const float values[6] = {1, -0.0f, 1e-45f, 3.40282347e+38f, 0.1f, -16777216};
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){2, 3, 2}, .width_count = 3,
                           .batch_norm = AE_TOGGLE_OFF));
    ck_assert_ok(ae_network_set_tensor(network, "encoder.0.weight", values, 6));
    for (size_t i = 0; i < COUNT(locales); i++) {
        if (setlocale(LC_NUMERIC, locales[i]) == NULL)
            continue;
        ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
        (void)setlocale(LC_NUMERIC, "C");
        static const char tail[] =
            "\nconst float *peek(void);\nconst float *peek(void) { return net_weights0; }\n";
        FILE *file = fopen(support_path("net.c"), "a");
        ck_assert(file != NULL && fputs(tail, file) >= 0 && fclose(file) == 0);
        void *library = c_load(0, "net.c");
        C_FUNCTION(look, peek, library, "peek");
        ck_assert_mem_eq(peek(), values, sizeof values);
        dlclose(library);
    }
    ae_network_free(network);
}
END_TEST
Suite *c_source_suite(void)
{
    Suite *suite = suite_create("c_source");
    TCase *agree = tcase_create("agreement");
    tcase_add_checked_fixture(agree, NULL, support_dir_remove);
    tcase_set_timeout(agree, 240); /* the report's network is 45 MB of source */
    for (int build = 0; build < C_BUILDS; build++) {
        const char *missing = c_missing((size_t)build);
        for (int net = 0; net < (int)COUNT(nets); net++) {
            const int i = net * C_BUILDS + build;
            /* The last is the report's network, 45 MB of source: compiled once. */
            if (net + 1 < (int)COUNT(nets) || (build == 0 && !support_slow()))
                support_add_loop_test(agree, exported_functions_agree_with_a_session, i, i + 1,
                                      missing);
            if (net < 6)
                support_add_loop_test(agree, a_scaled_network_takes_and_gives_the_callers_units, i,
                                      i + 1, missing);
        }
    }
    tcase_add_loop_test(agree, a_part_of_a_scaled_network_has_its_scaling, 0, 2);
    tcase_add_loop_test(agree, anomalies_are_those_of_a_session, 0, 3);
    tcase_add_test(agree, a_threshold_keeps_its_side_of_a_float);
    tcase_add_test(agree,
                   a_threshold_that_does_not_hold_is_left_out_and_one_of_cross_entropy_refused);
    tcase_add_test(agree, sizes_are_those_of_the_arrays);
    tcase_add_loop_test(agree, a_part_has_its_own_function_and_arrays_alone, 0, 2);
    tcase_add_loop_test(agree, sigmoid_and_tanh_are_within_float_rounding_everywhere, 0, 2);
    tcase_add_test(agree, the_scores_root_is_right_for_all_sizes);
    tcase_add_test(agree, weights_are_written_exactly_in_every_locale);
    suite_add_tcase(suite, agree);
    return suite;
}
