/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Networks as C source: compiled as for a machine without a C library, by the compiler of this
 * build, by clang and as C++, every warning an error, linked with nothing, loaded, and compared
 * with sessions.
 */
#define _POSIX_C_SOURCE 200809L
#include "base/file.h"

#include "fixtures.h"
#include "suites.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 20, ABSENT = 127, MOST_ARGUMENTS = 40 };

typedef void map(const float *in, float *out);
typedef float score(const float *row);
typedef int judge(const float *row);
typedef const float *look(void);

#define WARNINGS \
    "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror"
#define FREESTANDING "-ffreestanding", "-nostdlib", "-fPIC", "-shared", "-Wl,-z,defs"

static const char *const builds[][20] = {
    {TEST_CC, "-std=c99", "-O2", "-Wstrict-prototypes", "-Wmissing-prototypes", FREESTANDING,
     WARNINGS, NULL},
    {TEST_CC, "-std=c99", "-O0", FREESTANDING, WARNINGS, NULL},
    {TEST_CC, "-std=c99", "-O3", FREESTANDING, WARNINGS, NULL},
    {TEST_CLANG, "-std=c99", "-O2", FREESTANDING, WARNINGS, NULL},
    {TEST_CXX, "-x", "c++", "-std=c++98", "-Os", FREESTANDING, WARNINGS, NULL},
};

/* Compile a file of support_dir() into another and return the compiler's exit status; it may write
 * into log. */
static int compile(size_t build, const char *source, const char *object, const char *log)
{
    const char *arguments[MOST_ARGUMENTS];
    char compiler[256], *rest = NULL;
    size_t count = 0;
    (void)snprintf(compiler, sizeof compiler, "%s", builds[build][0]); /* may be "ccache gcc" */
    for (char *word = strtok_r(compiler, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        arguments[count++] = word;
    for (size_t i = 1; builds[build][i] != NULL; i++)
        arguments[count++] = builds[build][i];
    arguments[count++] = "-o";
    arguments[count++] = support_path(object);
    arguments[count++] = support_path(source);
    arguments[count] = NULL;
    const char *log_path = log == NULL ? NULL : support_path(log);
    fflush(NULL);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        const int file = log_path == NULL ? -1 : open(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        if (file >= 0)
            (void)dup2(file, STDERR_FILENO);
        (void)execvp(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(ABSENT);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* NULL where this machine has no such compiler. */
static void *build_and_load(size_t build, const char *source)
{
    const int status = compile(build, source, "frozen.so", NULL);
    if (status == ABSENT && build > 0) {
        printf("freeze: skipped, there is no %s\n", builds[build][0]);
        return NULL;
    }
    ck_assert_int_eq(status, 0);
    void *library = dlopen(support_path("frozen.so"), RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library != NULL, "%s", dlerror());
    return library;
}

/* ISO C knows no cast from an object's address to a function's. */
#define FUNCTION(type, variable, library, name)                \
    type *variable;                                            \
    do {                                                       \
        void *found = dlsym(library, name);                    \
        ck_assert_msg(found != NULL, "no function %s", name);  \
        memcpy((void *)&(variable), &found, sizeof(variable)); \
    } while (0)

static const struct net {
    size_t widths[10];
    size_t width_count;
    ae_toggle batch_norm;
    ae_activation hidden, output;
} nets[] = {
    {{64, 32, 8, 32, 64}, 5, AE_TOGGLE_ON, AE_ACTIVATION_SIGMOID, AE_ACTIVATION_SIGMOID},
    {{64, 32, 8, 32, 64}, 5, AE_TOGGLE_OFF, AE_ACTIVATION_TANH, AE_ACTIVATION_LINEAR},
    {{33, 20, 3, 17, 40, 33}, 6, AE_TOGGLE_ON, AE_ACTIVATION_RELU, AE_ACTIVATION_SIGMOID},
    {{33, 20, 3, 17, 40, 33}, 6, AE_TOGGLE_OFF, AE_ACTIVATION_LEAKY_RELU, AE_ACTIVATION_TANH},
    {{7, 1, 7}, 3, AE_TOGGLE_ON, AE_ACTIVATION_LINEAR, AE_ACTIVATION_RELU},
    {{1, 5, 2, 1}, 4, AE_TOGGLE_OFF, AE_ACTIVATION_TANH, AE_ACTIVATION_LEAKY_RELU},
    {{784, 1000, 500, 250, 4, 250, 500, 1000, 784},
     9,
     AE_TOGGLE_ON,
     AE_ACTIVATION_SIGMOID,
     AE_ACTIVATION_SIGMOID}, /* the report's, the last */
};

/* Every tensor with values of its own, running statistics too, as training leaves them. */
static ae_network *lively(const struct net *net)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = net->widths, .width_count = net->width_count,
                           .batch_norm = net->batch_norm, .seed = 3,
                           .hidden_activation = net->hidden, .output_activation = net->output,
                           .leaky_slope = 0.07f));
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        if (info.rank == 2)
            continue;
        const bool positive = strstr(info.name, "running_var") != NULL ||
                              strstr(info.name, "bn.weight") != NULL;
        float *values = fixture_values(info.count, positive ? 0.5f : -0.5f, positive ? 1.5f : 0.5f,
                                       i);
        ck_assert_ok(ae_network_set_tensor(network, info.name, values, info.count));
        free(values);
    }
    return network;
}

/* Sums of up to 1000 float32 products in two orders differ by some 1e-6 in what is of order 1. */
static void compare(const float *frozen, const float *session, size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++) {
        const float scale = fabsf(session[i]) > 1 ? fabsf(session[i]) : 1;
        ck_assert_msg(fabsf(frozen[i] - session[i]) <= 1e-5f * scale,
                      "%s: element %zu: %.9g, the session's %.9g", what, i, (double)frozen[i],
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
    FUNCTION(map, encode, library, "net_encode");
    FUNCTION(map, decode, library, "net_decode");
    FUNCTION(map, reconstruct, library, "net_reconstruct");
    FUNCTION(score, measure, library, "net_score");
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
        const float frozen = measure(row);
        compare(&frozen, &l2, 1, "score");
    }
    ae_session_free(session);
    free(given);
    free(codes);
    free(wanted);
    free(rows);
}

START_TEST(frozen_functions_agree_with_a_session)
{
    const size_t net = (size_t)_i / COUNT(builds), build = (size_t)_i % COUNT(builds);
    if (net + 1 == COUNT(nets) && (support_slow() || build > 0))
        return; /* 45 MB of source */
    ae_network *network = lively(&nets[net]);
    ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
    void *library = build_and_load(build, "net.c");
    if (library != NULL) {
        compare_functions(library, network);
        ck_assert_int_eq(dlclose(library), 0);
    }
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
    const size_t net = (size_t)_i / COUNT(builds), build = (size_t)_i % COUNT(builds);
    ae_network *network = lively(&nets[net]);
    ae_export_c_info plain = {.size = sizeof plain}, scaled = {.size = sizeof scaled};
    ck_assert_ok(ae_network_export_c(network, support_path("net"), &plain, NULL));
    give_scaling(network);
    ck_assert_ok(ae_network_export_c(network, support_path("net"), &scaled, NULL));
    ck_assert_uint_eq(scaled.weight_bytes, plain.weight_bytes + 8 * nets[net].widths[0]);
    void *library = build_and_load(build, "net.c");
    if (library != NULL) {
        compare_functions(library, network);
        FUNCTION(map, encode, library, "net_encode");
        const size_t width = nets[net].widths[0];
        float *row = fixture_allocate(width, sizeof *row), code[8];
        row[width / 2] = NAN; /* the constant one */
        encode(row, code);
        ck_assert(isnan(code[0]));
        free(row);
        ck_assert_int_eq(dlclose(library), 0);
    }
    ae_network_free(network);
}
END_TEST

START_TEST(a_half_of_a_scaled_network_has_its_scaling)
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
    void *library = build_and_load(0, "net.c");
    FUNCTION(map, half, library, encodes ? "net_encode" : "net_decode");
    float *in = fixture_values(64, 0, 1, 4), wanted[64], given[64];
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok((encodes ? ae_session_encode : ae_session_decode)(session, in, 1, wanted));
    half(in, given);
    compare(given, wanted, encodes ? 8 : 64, "half");
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
    void *library = build_and_load(0, "net.c");
    FUNCTION(judge, is_anomaly, library, "net_is_anomaly");
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
        void *library = build_and_load(0, "net.c");
        FUNCTION(judge, is_anomaly, library, "net_is_anomaly");
        ck_assert_int_eq(is_anomaly(&middle), side < 0);
        dlclose(library);
    }
    for (int sign = -1; sign <= 1; sign += 2) { /* beyond every float */
        ck_assert_ok(ae_network_set_threshold(network, sign * 1e300, NULL));
        ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
        void *library = build_and_load(0, "net.c");
        FUNCTION(judge, is_anomaly, library, "net_is_anomaly");
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
    ck_assert_int_eq(compile(0, "check.c", "check.so", NULL), 0);
    ae_network_free(network);
}
END_TEST

START_TEST(a_half_has_its_own_function_and_arrays_alone)
{
    const bool encodes = _i == 0;
    ae_network *network = lively(&nets[2]); /* 33 20 3 17 40 33 */
    ae_export_c_info info = {.size = sizeof info};
    ck_assert_ok(ae_network_export_c(
        network, support_path("half"), &info,
        AE_EXPORT_C_OPTIONS(.prefix = "net",
                            .part = encodes ? AE_EXPORT_PART_ENCODER : AE_EXPORT_PART_DECODER)));
    ck_assert_uint_eq(info.multiply_adds, encodes ? 33 * 20 + 20 * 3 : 3 * 17 + 17 * 40 + 40 * 33);
    ck_assert_uint_eq(info.weight_bytes,
                      4 * (info.multiply_adds + (encodes ? 20 + 3 : 17 + 40 + 33)));
    ck_assert_uint_eq(info.buffer_bytes, 4 * (encodes ? 20 : 17 + 40));
    void *library = build_and_load(0, "half.c");
    FUNCTION(map, half, library, encodes ? "net_encode" : "net_decode");
    ck_assert_ptr_null(dlsym(library, encodes ? "net_decode" : "net_encode"));
    ck_assert_ptr_null(dlsym(library, "net_reconstruct"));
    ck_assert_ptr_null(dlsym(library, "net_score"));
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    float *in = fixture_values(33, 0, 1, 4), wanted[33], given[33];
    ck_assert_ok((encodes ? ae_session_encode : ae_session_decode)(session, in, 1, wanted));
    half(in, given);
    compare(given, wanted, encodes ? 3 : 33, "half");
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
    void *library = build_and_load(0, "net.c");
    FUNCTION(map, f, library, "net_encode");
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
    void *library = build_and_load(0, "net.c");
    FUNCTION(score, measure, library, "net_score");
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
        void *library = build_and_load(0, "net.c");
        FUNCTION(look, peek, library, "peek");
        ck_assert_mem_eq(peek(), values, sizeof values);
        dlclose(library);
    }
    ae_network_free(network);
}
END_TEST

START_TEST(the_header_of_another_export_is_refused)
{
    ae_network *network = lively(&nets[4]);
    ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
    unsigned char *old = support_read(support_path("net.h"), NULL);
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.bn.bias",
                                       (const float[7]){1, 2, 3, 4, 5, 6, 7}, 7));
    ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
    ck_assert_int_eq(compile(0, "net.c", "net.so", NULL), 0);
    support_write(support_path("net.h"), old, strlen((const char *)old));
    free(old);
    ck_assert_int_ne(compile(0, "net.c", "net.so", "log"), 0);
    unsigned char *log = support_read(support_path("log"), NULL);
    ck_assert(strstr((const char *)log, "of another export") != NULL);
    free(log);
    ae_network_free(network);
}
END_TEST

static const struct {
    const char *path, *prefix, *message;
} refused[] = {
    {"my-net", NULL, "\"my-net\" is no prefix"},
    {"my-net", NULL, "set options->prefix"},
    {"net", "", "\"\" is no prefix"},
    {"net", "3d", "is no prefix"},
    {"net", "_net", "is no prefix"},
    {"net", "a__b", "is no prefix"},
    {"net", "net_", "is no prefix"},
    {"net", "n\xc3\xa4h", "is no prefix"},
    {"net", "a b", "is no prefix"},
    {"net", "abcdefghijklmnopqrstuvwxyzabcdefghijklmno", "is no prefix"},
    {"a\"b", "net", "could not include"},
    {"a\\b", "net", "could not include"},
    {"a\nb.c", "net", "could not include"},
    {"a\x7f", "net", "could not include"},
    {"a?\?'", "net", "could not include"},
    {"", "net", "no name for a file"},
    {"folder/", "net", "no name for a file"},
};

START_TEST(names_that_c_does_not_allow_are_refused)
{
    ae_network *network = lively(&nets[4]);
    ck_assert_int_eq(chdir(support_dir()), 0);
    ck_assert_status(ae_network_export_c(network, refused[_i].path, NULL,
                                         AE_EXPORT_C_OPTIONS(.prefix = refused[_i].prefix)),
                     AE_ERROR_INVALID_ARGUMENT, refused[_i].message);
    ck_assert_int_ne(access("net.c", F_OK), 0);
    ck_assert_int_ne(access("my-net.c", F_OK), 0);
    ae_network_free(network);
}
END_TEST

START_TEST(names_that_c_allows_are_taken)
{
    static const char *const prefixes[] = {"a", "Net2_x",
                                           "abcdefghijklmnopqrstuvwxyzabcdefghijklmn"};
    ae_network *network = lively(&nets[4]);
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        ck_assert_ok(ae_network_export_c(network, support_path("my-net.c"), NULL,
                                         AE_EXPORT_C_OPTIONS(.prefix = prefixes[i])));
        ck_assert_int_eq(compile(0, "my-net.c", "net.so", NULL), 0);
    }
    ae_network_free(network);
}
END_TEST

START_TEST(a_file_name_goes_into_the_source_as_it_is)
{
    char longest[201] = "";
    memset(longest, 'x', 198);
    memcpy(longest + 198, ".c", 3);
    const char *const names[] = {"at@home.c", "ca$h.c", "100%s?.c", longest};
    ae_network *network = lively(&nets[4]);
    for (size_t i = 0; i < COUNT(names); i++) {
        ck_assert_ok(ae_network_export_c(network, support_path(names[i]), NULL,
                                         AE_EXPORT_C_OPTIONS(.prefix = "net")));
        char wanted[256];
        snprintf(wanted, sizeof wanted, "#include \"%.*s.h\"\n", (int)strlen(names[i]) - 2,
                 names[i]);
        size_t size;
        char *text = (char *)support_read(support_path(names[i]), &size);
        ck_assert(support_contains(text, wanted));
        free(text);
        ck_assert_int_eq(compile(0, names[i], "net.so", NULL), 0);
    }
    ae_network_free(network);
}
END_TEST

START_TEST(bad_arguments_are_named_and_leave_both_files_alone)
{
    ae_network *network = lively(&nets[4]);
    const char *path = support_path("net");
    support_write(support_path("net.c"), "old c", 5);
    support_write(support_path("net.h"), "old h", 5);
    ae_export_c_info info = {.size = sizeof info, .weight_bytes = 7}, unset = {0};
    ck_assert_status(ae_network_export_c(NULL, path, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_export_c(network, NULL, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "path is NULL");
    ck_assert_status(ae_network_export_c(network, path, NULL, &(ae_export_c_options){0}),
                     AE_ERROR_INVALID_ARGUMENT, "ae_export_c_options.size");
    ck_assert_status(ae_network_export_c(network, path, &unset, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "ae_export_c_info");
    ck_assert_status(
        ae_network_export_c(network, path, &info, AE_EXPORT_C_OPTIONS(.part = (ae_export_part)4)),
        AE_ERROR_INVALID_ARGUMENT, "part is 4");
    ck_assert_status(ae_network_export_c(network, support_path("none/net"), &info, NULL),
                     AE_ERROR_NOT_FOUND, "none/net.c");
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.bn.weight",
                                       (const float[7]){1, 1, 1, 3e38f, 1, 1, 1}, 7));
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.bn.running_var",
                                       (const float[7]){1, 1, 1, 0, 1, 1, 1}, 7));
    ck_assert_status(ae_network_export_c(network, path, &info, NULL), AE_ERROR_DATA,
                     "layer 1, feature 3"); /* bias */
    ck_assert_ok(
        ae_network_set_tensor(network, "decoder.0.bn.running_mean", (const float[7]){0}, 7));
    ck_assert_status(ae_network_export_c(network, path, &info, NULL), AE_ERROR_DATA,
                     "layer 1, feature 3"); /* weight */
    ck_assert_uint_eq(info.weight_bytes, 7);
    unsigned char *c = support_read(support_path("net.c"), NULL),
                  *h = support_read(support_path("net.h"), NULL);
    ck_assert_str_eq((const char *)c, "old c");
    ck_assert_str_eq((const char *)h, "old h");
    free(c);
    free(h);
    ae_network_free(network);
}
END_TEST

/* The header's place turns into a folder after both files were opened, so its rename fails when the
 * source's is done.
 */
START_TEST(if_one_file_cannot_be_put_in_place_neither_is)
{
    const bool replaces = _i == 1;
    aei_file *first = NULL, *second = NULL;
    if (replaces)
        support_write(support_path("first"), "old", 3);
    ck_assert_ok(aei_file_create(&first, support_path("first")));
    ck_assert_ok(aei_file_create(&second, support_path("second")));
    ck_assert_ok(aei_file_write(first, "new", 3));
    ck_assert_ok(aei_file_write(second, "new", 3));
    ck_assert_int_eq(mkdir(support_path("second"), 0777), 0);
    ck_assert_status(aei_file_commit_both(first, second), AE_ERROR_IO, "second");
    ck_assert_int_eq(access(support_path("first"), F_OK) == 0, replaces);
    if (replaces) {
        unsigned char *data = support_read(support_path("first"), NULL);
        ck_assert_str_eq((const char *)data, "old");
        free(data);
        ck_assert_int_eq(unlink(support_path("first")), 0);
    }
    ck_assert_int_eq(rmdir(support_path("second")), 0);
    ck_assert_int_eq(rmdir(support_dir()), 0); /* nothing else was left there */
    ck_assert_int_eq(mkdir(support_dir(), 0777), 0);
}
END_TEST

START_TEST(memory_that_runs_out_leaves_no_file)
{
    ae_network *network = lively(&nets[4]);
    size_t n = 1;
    for (;; n++) {
        support_fail_allocation(n);
        const ae_status status = ae_network_export_c(network, support_path("net"), NULL, NULL);
        const int failed = support_allocation_failed();
        support_fail_allocation(0);
        if (!failed) {
            ck_assert_int_eq(status, AE_OK);
            break;
        }
        ck_assert_status(status, AE_ERROR_OUT_OF_MEMORY, "memory");
        ck_assert_int_eq(rmdir(support_dir()), 0);
        ck_assert_int_eq(mkdir(support_dir(), 0777), 0);
    }
    ck_assert_uint_ge(n, 4);
    ae_network_free(network);
}
END_TEST

Suite *c_source_suite(void)
{
    Suite *suite = suite_create("c_source");
    TCase *agree = tcase_create("agreement");
    tcase_add_checked_fixture(agree, NULL, support_dir_remove);
    tcase_set_timeout(agree, 240); /* the report's network is 45 MB of source */
    tcase_add_loop_test(agree, frozen_functions_agree_with_a_session, 0,
                        (int)(COUNT(nets) * COUNT(builds)));
    tcase_add_loop_test(agree, a_scaled_network_takes_and_gives_the_callers_units, 0,
                        (int)(6 * COUNT(builds)));
    tcase_add_loop_test(agree, a_half_of_a_scaled_network_has_its_scaling, 0, 2);
    tcase_add_loop_test(agree, anomalies_are_those_of_a_session, 0, 3);
    tcase_add_test(agree, a_threshold_keeps_its_side_of_a_float);
    tcase_add_test(agree,
                   a_threshold_that_does_not_hold_is_left_out_and_one_of_cross_entropy_refused);
    tcase_add_test(agree, sizes_are_those_of_the_arrays);
    tcase_add_loop_test(agree, a_half_has_its_own_function_and_arrays_alone, 0, 2);
    tcase_add_loop_test(agree, sigmoid_and_tanh_are_within_float_rounding_everywhere, 0, 2);
    tcase_add_test(agree, the_scores_root_is_right_for_all_sizes);
    tcase_add_test(agree, weights_are_written_exactly_in_every_locale);
    suite_add_tcase(suite, agree);
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, NULL, support_dir_remove);
    tcase_add_test(files, the_header_of_another_export_is_refused);
    tcase_add_loop_test(files, names_that_c_does_not_allow_are_refused, 0, (int)COUNT(refused));
    tcase_add_test(files, names_that_c_allows_are_taken);
    tcase_add_test(files, a_file_name_goes_into_the_source_as_it_is);
    tcase_add_test(files, bad_arguments_are_named_and_leave_both_files_alone);
    tcase_add_loop_test(files, if_one_file_cannot_be_put_in_place_neither_is, 0, 2);
    tcase_add_test(files, memory_that_runs_out_leaves_no_file);
    suite_add_tcase(suite, files);
    return suite;
}
