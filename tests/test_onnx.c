/* SPDX-License-Identifier: BSD-3-Clause */
/* Exported ONNX models: what onnx's checker and onnxruntime make of them, their bytes, what is
 * refused. */
#define _POSIX_C_SOURCE 200809L
#include "fixtures.h"
#include "python.h"
#include "suites.h"

#ifdef AEI_HAVE_PROTOBUF

#include "format/proto/onnx.pb-c.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { ROWS = 100 };

#define ALL(kind)                                      \
    (const ae_activation[])                            \
    {                                                  \
        kind, kind, kind, kind, kind, kind, kind, kind \
    }

static const size_t report[] = {784, 1000, 500, 250, 4, 250, 500, 1000, 784},
                    small[] = {33, 20, 3, 17, 40, 33}, least[] = {5, 1, 5};

/* After the four inner kinds the linear output; and the code itself linear, so that it comes out of
 * Gemm or norm. */
static const ae_activation mixed[] = {AE_ACTIVATION_TANH, AE_ACTIVATION_LEAKY_RELU,
                                      AE_ACTIVATION_RELU, AE_ACTIVATION_SIGMOID,
                                      AE_ACTIVATION_LINEAR},
                           linear_code[] = {AE_ACTIVATION_RELU, AE_ACTIVATION_LINEAR,
                                            AE_ACTIVATION_TANH, AE_ACTIVATION_LEAKY_RELU,
                                            AE_ACTIVATION_TANH};

static const ae_toggle some[] = {AE_TOGGLE_ON, AE_TOGGLE_OFF, AE_TOGGLE_OFF, AE_TOGGLE_DEFAULT,
                                 AE_TOGGLE_OFF};

static const struct model {
    const size_t *widths;
    size_t count, encoder_layers;
    ae_toggle batch_norm, fold;
    const ae_activation *activations;
    bool scaled;
    const ae_toggle *norms; /* of each layer; NULL: as batch_norm */
} models[] = {
    {report, COUNT(report), 4, AE_TOGGLE_ON, AE_TOGGLE_OFF, ALL(AE_ACTIVATION_SIGMOID), false,
     NULL},
    {report, COUNT(report), 4, AE_TOGGLE_ON, AE_TOGGLE_ON, ALL(AE_ACTIVATION_SIGMOID), false, NULL},
    {small, COUNT(small), 2, AE_TOGGLE_ON, AE_TOGGLE_OFF, mixed, false, NULL},
    {small, COUNT(small), 2, AE_TOGGLE_ON, AE_TOGGLE_ON, mixed, false, NULL},
    {small, COUNT(small), 2, AE_TOGGLE_OFF, AE_TOGGLE_OFF, mixed, false, NULL},
    {small, COUNT(small), 2, AE_TOGGLE_OFF, AE_TOGGLE_ON, linear_code, false,
     NULL}, /* nothing to fold */
    {small, COUNT(small), 3, AE_TOGGLE_ON, AE_TOGGLE_DEFAULT, linear_code, false, NULL},
    {small, COUNT(small), 2, AE_TOGGLE_ON, AE_TOGGLE_ON, linear_code, false, NULL},
    {least, COUNT(least), 1, AE_TOGGLE_ON, AE_TOGGLE_OFF, ALL(AE_ACTIVATION_LINEAR), false, NULL},
    {least, COUNT(least), 1, AE_TOGGLE_ON, AE_TOGGLE_ON, ALL(AE_ACTIVATION_LINEAR), false, NULL},
    {small, COUNT(small), 2, AE_TOGGLE_ON, AE_TOGGLE_OFF, mixed, true, NULL},
    {small, COUNT(small), 2, AE_TOGGLE_ON, AE_TOGGLE_ON, linear_code, true, NULL},
    {least, COUNT(least), 1, AE_TOGGLE_OFF, AE_TOGGLE_OFF, ALL(AE_ACTIVATION_LINEAR), true, NULL},
    {small, COUNT(small), 2, AE_TOGGLE_ON, AE_TOGGLE_OFF, mixed, false, some},
    {small, COUNT(small), 2, AE_TOGGLE_ON, AE_TOGGLE_ON, mixed, false, some},
};

/* Every parameter its own: gammas and running statistics that a fresh network has as 1 and 0 would
 * hide mistakes. */
static ae_network *make_network(const struct model *m)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = m->widths, .width_count = m->count,
                           .encoder_layers = m->encoder_layers, .batch_norm = m->batch_norm,
                           .activations = m->activations, .activation_count = m->count - 1,
                           .batch_norms = m->norms,
                           .batch_norm_count = m->norms == NULL ? 0 : m->count - 1,
                           .leaky_slope = 0.125f, .bn_epsilon = 0.02f, .seed = 3));
    fixture_set_vectors(network, 0.25f, 10);
    if (m->scaled) {
        float *offset = fixture_values(m->widths[0], -5, 5, 30),
              *scale = fixture_values(m->widths[0], 0.25f, 4, 31);
        scale[1] = 0; /* a constant feature */
        ck_assert_ok(ae_network_set_scaling(network, offset, scale));
        free(offset);
        free(scale);
    }
    return network;
}

static void expected_operators(char *text, size_t size, const struct model *m)
{
    static const char *const names[] = {[AE_ACTIVATION_SIGMOID] = ",Sigmoid",
                                        [AE_ACTIVATION_TANH] = ",Tanh",
                                        [AE_ACTIVATION_RELU] = ",Relu",
                                        [AE_ACTIVATION_LEAKY_RELU] = ",LeakyRelu",
                                        [AE_ACTIVATION_LINEAR] = ""};
    size_t used = (size_t)snprintf(text, size, "%s", m->scaled ? "Sub,Div," : "");
    for (size_t l = 0; l + 1 < m->count; l++) {
        const bool norm = m->batch_norm == AE_TOGGLE_ON &&
                          (m->norms == NULL || m->norms[l] != AE_TOGGLE_OFF);
        used += (size_t)snprintf(text + used, size - used, "%sGemm%s%s", l == 0 ? "" : ",",
                                 norm && m->fold != AE_TOGGLE_ON ? ",BatchNormalization" : "",
                                 names[m->activations[l]]);
    }
    used += (size_t)snprintf(text + used, size - used, "%s", m->scaled ? ",Mul,Add" : "");
    ck_assert_uint_lt(used, size);
}

static void write_floats(const char *name, const float *values, size_t count)
{
    support_write(support_path(name), values, count * sizeof *values);
}

/* Sums of up to 1000 products are rounded in another order: 1e-5 is 80 units of float32. */
START_TEST(onnxruntime_computes_the_same)
{
    const struct model *m = &models[_i];
    ae_network *network = make_network(m);
    const size_t width = m->widths[0], code_width = m->widths[m->encoder_layers];
    float *rows = fixture_values(ROWS * width, 0, 1, 5),
          *outputs = fixture_allocate(ROWS * width, sizeof *outputs);
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    write_floats("rows.f32", rows, ROWS * width);
    ck_assert_ok(ae_session_encode(session, rows, ROWS, outputs));
    write_floats("code.f32", outputs, ROWS * code_width);
    ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, outputs));
    write_floats("reconstruction.f32", outputs, ROWS * width);
    ck_assert_ok(ae_network_export_onnx(network, support_path("model.onnx"),
                                        AE_EXPORT_ONNX_OPTIONS(.fold_batch_norm = m->fold)));

    char code[24], operators[512], texts[9][24];
    const char *arguments[16] = {"check", support_dir(), code, operators};
    snprintf(code, sizeof code, "%zu", m->encoder_layers);
    expected_operators(operators, sizeof operators, m);
    for (size_t i = 0; i < m->count; i++) {
        snprintf(texts[i], sizeof texts[i], "%zu", m->widths[i]);
        arguments[4 + i] = texts[i];
    }
    ck_assert_int_eq(python_run("onnx_runs.py", arguments), 0);
    ae_session_free(session);
    free(outputs);
    free(rows);
    ae_network_free(network);
}
END_TEST

static Aei__Onnx__Model *read_model(const char *path)
{
    size_t size;
    unsigned char *data = support_read(path, &size);
    Aei__Onnx__Model *model = aei__onnx__model__unpack(NULL, size, data);
    ck_assert_ptr_nonnull(model);
    free(data);
    return model;
}

/* A constant of the graph, which the caller frees. */
static float *constant(const Aei__Onnx__Graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const Aei__Onnx__Tensor *tensor = graph->initializer[i];
        if (strcmp(tensor->name, name) != 0)
            continue;
        float *values = fixture_allocate(tensor->raw_data.len / 4, sizeof *values);
        for (size_t k = 0; k < tensor->raw_data.len / 4; k++) {
            const unsigned char *b = tensor->raw_data.data + 4 * k;
            const uint32_t bits = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
                                  (uint32_t)b[3] << 24;
            memcpy(&values[k], &bits, sizeof bits);
        }
        return values;
    }
    ck_abort_msg("no constant %s", name);
}

/* In float64, by ONNX's definitions of Gemm (transB = 1) and BatchNormalization. */
static size_t gemm(const Aei__Onnx__Graph *graph, const Aei__Onnx__Node *node, double *x,
                   size_t width)
{
    double out[1000] = {0};
    float *b = constant(graph, node->input[1]),
          *c = node->n_input > 2 ? constant(graph, node->input[2]) : NULL;
    size_t count = 0;
    for (size_t i = 0; i < graph->n_initializer; i++)
        if (strcmp(graph->initializer[i]->name, node->input[1]) == 0)
            count = (size_t)graph->initializer[i]->dims[0];
    for (size_t j = 0; j < count; j++) {
        out[j] = c == NULL ? 0 : (double)c[j];
        for (size_t i = 0; i < width; i++)
            out[j] += x[i] * (double)b[j * width + i];
    }
    memcpy(x, out, count * sizeof *x);
    free(c);
    free(b);
    return count;
}

static void normalise(const Aei__Onnx__Graph *graph, const Aei__Onnx__Node *node, double *x,
                      size_t width)
{
    float *p[4];
    for (size_t i = 0; i < 4; i++)
        p[i] = constant(graph, node->input[1 + i]);
    ck_assert_str_eq(node->attribute[0]->name, "epsilon");
    for (size_t j = 0; j < width; j++)
        x[j] = (double)p[0][j] * (x[j] - (double)p[2][j]) /
                   sqrt((double)p[3][j] + (double)node->attribute[0]->f) +
               (double)p[1][j];
    for (size_t i = 0; i < 4; i++)
        free(p[i]);
}

static double elementwise(const Aei__Onnx__Node *node, double x, float b)
{
    const char *op = node->op_type;
    return strcmp(op, "Sub") == 0         ? x - (double)b
           : strcmp(op, "Div") == 0       ? x / (double)b
           : strcmp(op, "Mul") == 0       ? x * (double)b
           : strcmp(op, "Add") == 0       ? x + (double)b
           : strcmp(op, "Sigmoid") == 0   ? 1 / (1 + exp(-x))
           : strcmp(op, "Tanh") == 0      ? tanh(x)
           : strcmp(op, "Relu") == 0      ? fmax(x, 0)
           : strcmp(op, "LeakyRelu") == 0 ? (x > 0 ? x : (double)node->attribute[0]->f * x)
                                          : (double)NAN;
}

static void close_to(const double *x, const float *wanted, size_t count, const char *node)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(fabs(x[i] - (double)wanted[i]) <= 1e-5 * fmax(1, fabs((double)wanted[i])),
                      "%s: element %zu: %.9g, the session's %.9g", node, i, x[i],
                      (double)wanted[i]);
}

/* Without a runtime: the graph's constants and attributes, folded or not, give what a session
 * gives. */
START_TEST(the_graph_computes_what_a_session_does)
{
    const struct model *m = &models[_i];
    ae_network *network = make_network(m);
    ck_assert_ok(ae_network_export_onnx(network, support_path("model.onnx"),
                                        AE_EXPORT_ONNX_OPTIONS(.fold_batch_norm = m->fold)));
    Aei__Onnx__Model *model = read_model(support_path("model.onnx"));
    const Aei__Onnx__Graph *graph = model->graph;
    size_t width = m->widths[0];
    float *row = fixture_values(width, 0, 1, 5), code[1000], reconstruction[1000];
    double x[1000];
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_session_encode(session, row, 1, code));
    ck_assert_ok(ae_session_reconstruct(session, row, 1, reconstruction));
    for (size_t i = 0; i < width; i++)
        x[i] = (double)row[i];
    for (size_t n = 0; n < graph->n_node; n++) {
        const Aei__Onnx__Node *node = graph->node[n];
        if (strcmp(node->op_type, "Gemm") == 0) {
            width = gemm(graph, node, x, width);
        } else if (strcmp(node->op_type, "BatchNormalization") == 0) {
            normalise(graph, node, x, width);
        } else {
            float *b = node->n_input > 1 ? constant(graph, node->input[1]) : NULL;
            for (size_t i = 0; i < width; i++)
                x[i] = elementwise(node, x[i], b == NULL ? 0 : b[i]);
            free(b);
        }
        if (strcmp(node->output[0], "code") == 0)
            close_to(x, code, width, "code");
    }
    ck_assert_str_eq(graph->node[graph->n_node - 1]->output[0], "reconstruction");
    ck_assert_uint_eq(width, m->widths[0]);
    close_to(x, reconstruction, width, "reconstruction");
    ae_session_free(session);
    free(row);
    aei__onnx__model__free_unpacked(model, NULL);
    ae_network_free(network);
}
END_TEST

START_TEST(the_file_begins_with_the_bytes_of_the_format)
{
    static const unsigned char wanted[] = "\x08\x08\x12\x05libae\x1a";
    ae_network *network = make_network(&models[2]);
    size_t size;
    ck_assert_ok(ae_network_export_onnx(network, support_path("model.onnx"), NULL));
    unsigned char *data = support_read(support_path("model.onnx"), &size);
    ck_assert_uint_gt(size, sizeof wanted);
    ck_assert_mem_eq(data, wanted, sizeof wanted - 1);
    static const unsigned char opset[] = "\x42\x04\x0a\x00\x10\x0f",
                               trans[] = "\x0a\x06transB\x18\x01\xa0\x01\x02";
    size_t opsets = 0, transes = 0;
    for (size_t i = 0; i + sizeof trans <= size; i++) {
        opsets += memcmp(data + i, opset, sizeof opset - 1) == 0;
        transes += memcmp(data + i, trans, sizeof trans - 1) == 0;
    }
    ck_assert_uint_eq(opsets, 1);
    ck_assert_uint_eq(transes, 5);
    free(data);
    ae_network_free(network);
}
END_TEST

/* Unfolded, the constants are the network's tensors under their own names, bit for bit. */
START_TEST(tensors_keep_their_names_and_bits)
{
    ae_network *network = make_network(&models[2]);
    ck_assert_ok(ae_network_export_onnx(network, support_path("model.onnx"), NULL));
    Aei__Onnx__Model *model = read_model(support_path("model.onnx"));
    ck_assert_uint_eq(model->graph->n_initializer, ae_network_tensor_count(network));
    for (size_t i = 0; i < model->graph->n_initializer; i++) {
        const Aei__Onnx__Tensor *tensor = model->graph->initializer[i];
        const ae_tensor_info info = fixture_tensor(network, i);
        float *values = fixture_allocate(info.count, sizeof *values);
        ck_assert_str_eq(tensor->name, info.name);
        ck_assert_ok(ae_network_get_tensor(network, info.name, values, info.count));
        ck_assert_uint_eq(tensor->n_dims, info.rank);
        for (size_t d = 0; d < info.rank; d++)
            ck_assert_uint_eq((size_t)tensor->dims[d], info.shape[d]);
        ck_assert_uint_eq(tensor->raw_data.len, info.count * sizeof *values);
        float *written = constant(model->graph, info.name);
        ck_assert_mem_eq(written, values, info.count * sizeof *values);
        free(written);
        free(values);
    }
    aei__onnx__model__free_unpacked(model, NULL);
    ae_network_free(network);
}
END_TEST

START_TEST(what_cannot_be_exported_is_refused_and_leaves_no_file)
{
    ae_network *network = make_network(&models[8]);
    const char *path = support_path("model.onnx");
    ck_assert_status(ae_network_export_onnx(NULL, path, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "network");
    ck_assert_status(ae_network_export_onnx(network, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "path");
    ck_assert_status(ae_network_export_onnx(
                         network, path, AE_EXPORT_ONNX_OPTIONS(.fold_batch_norm = (ae_toggle)3)),
                     AE_ERROR_INVALID_ARGUMENT, "fold_batch_norm");
    ck_assert_status(
        ae_network_export_onnx(network, path, AE_EXPORT_ONNX_OPTIONS(.score = (ae_toggle)3)),
        AE_ERROR_INVALID_ARGUMENT, "score is 3");
    ae_export_onnx_options options = {0};
    ck_assert_status(ae_network_export_onnx(network, path, &options), AE_ERROR_INVALID_ARGUMENT,
                     "ae_export_onnx_options.size");
    ae_export_onnx_options_init(&options);
    ck_assert_uint_eq(options.size, sizeof options);
    ae_export_onnx_options_init(NULL);
    ck_assert_status(ae_network_export_onnx(network, support_path("no/model.onnx"), NULL),
                     AE_ERROR_NOT_FOUND, "no/");

    /* gamma / sqrt(0 + 0.02) overflows; the graph that keeps the two apart can be written. */
    const float gamma[] = {3.4e38f}, variance[] = {0};
    ck_assert_ok(ae_network_set_tensor(network, "encoder.0.bn.weight", gamma, 1));
    ck_assert_ok(ae_network_set_tensor(network, "encoder.0.bn.running_var", variance, 1));
    ck_assert_status(ae_network_export_onnx(
                         network, path, AE_EXPORT_ONNX_OPTIONS(.fold_batch_norm = AE_TOGGLE_ON)),
                     AE_ERROR_DATA, "layer 0, feature 0");
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_ok(ae_network_export_onnx(network, path, &options));
    ae_network_free(network);
}
END_TEST

/* One that says it is large: the refusal comes before anything is read. */
START_TEST(a_network_over_two_gib_is_refused)
{
    ae_network *network = make_network(&models[8]);
    const aei_layer layer = network->layers[0];
    network->layers[0].in = 1 << 20;
    network->layers[0].out = 512;
    ck_assert_status(ae_network_export_onnx(network, support_path("model.onnx"), NULL),
                     AE_ERROR_UNSUPPORTED, "2 GiB");
    ck_assert_int_ne(access(support_path("model.onnx"), F_OK), 0);
    network->layers[0] = layer;
    ae_network_free(network);
}
END_TEST

START_TEST(failures_leave_the_old_file)
{
    static const char old[] = "the old file";
    const char *path = support_path("model.onnx");
    ae_network *network = make_network(&models[0]);
    support_write(path, old, sizeof old);
    for (size_t n = 1;; n++) {
        support_fail_allocation(n);
        const ae_status status = ae_network_export_onnx(network, path, NULL);
        const int failed = support_allocation_failed();
        support_fail_allocation(0);
        if (!failed) {
            ck_assert_int_eq(status, AE_OK);
            break;
        }
        ck_assert_int_eq(status, AE_ERROR_OUT_OF_MEMORY);
        unsigned char *data = support_read(path, NULL);
        ck_assert_str_eq((const char *)data, old);
        free(data);
    }
    support_write(path, old, sizeof old);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){100000, 100000}) != 0)
            _exit(2);
        const ae_status status = ae_network_export_onnx(network, path, NULL);
        ae_network_free(network); /* leak checkers look at the child too */
        _exit(status == AE_ERROR_NO_SPACE && support_contains(ae_last_error(), "model.onnx") ? 0
                                                                                             : 1);
    }
    int result;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert_msg(WIFEXITED(result) && WEXITSTATUS(result) == 0, "the child ended with %d", result);
    unsigned char *data = support_read(path, NULL);
    ck_assert_str_eq((const char *)data, old);
    free(data);
    ae_network_free(network);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_set_timeout(tcase, 240); /* importing onnxruntime takes seconds */
    support_add_loop_test(
        tcase, onnxruntime_computes_the_same, 0, COUNT(models),
        python_lacks("onnx_runs.py", "$AE_PYTHON or python3 has no onnx or onnxruntime"));
    tcase_add_loop_test(tcase, the_graph_computes_what_a_session_does, 0, (int)COUNT(models));
    tcase_add_test(tcase, the_file_begins_with_the_bytes_of_the_format);
    tcase_add_test(tcase, tensors_keep_their_names_and_bits);
    tcase_add_test(tcase, what_cannot_be_exported_is_refused_and_leaves_no_file);
    tcase_add_test(tcase, a_network_over_two_gib_is_refused);
    tcase_add_test(tcase, failures_leave_the_old_file);
}

#else

START_TEST(without_protobuf_the_call_says_so)
{
    ae_network *network = FIXTURE_NETWORK(5, 2, 5);
    ck_assert_status(ae_network_export_onnx(network, support_path("model.onnx"), NULL),
                     AE_ERROR_UNSUPPORTED, "protobuf-c");
    ck_assert_int_ne(access(support_path("model.onnx"), F_OK), 0);
    ae_network_free(network);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, without_protobuf_the_call_says_so);
}

#endif

Suite *onnx_suite(void)
{
    Suite *suite = suite_create("onnx");
    TCase *tcase = tcase_create("export");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    add_tests(tcase);
    suite_add_tcase(suite, tcase);
    return suite;
}
