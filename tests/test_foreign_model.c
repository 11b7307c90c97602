/* SPDX-License-Identifier: BSD-3-Clause */
/* Model files of other programs: what their tensors show, and what options add to that. */
#include "fixtures.h"
#include "suites.h"

#include "base/quote.h"

#include <stdio.h>

/* A container put together tensor by tensor, as another program would. */
typedef struct builder {
    char header[8192];
    unsigned char data[1 << 16];
    size_t used;
} builder;

static void add(builder *b, const char *name, const char *dtype, size_t element, const char *shape,
                const void *values, size_t count)
{
    const size_t length = strlen(b->header);
    snprintf(b->header + length, sizeof b->header - length,
             "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
             length == 0 ? "{" : ",", name, dtype, shape, b->used, b->used + count * element);
    memcpy(b->data + b->used, values, count * element);
    fixture_little_endian(b->data + b->used, count, element);
    b->used += count * element;
}

/* The container's bytes, which the caller frees. */
static unsigned char *assemble(const builder *b, size_t *size)
{
    const size_t header = strlen(b->header) + 1;
    *size = 8 + header + b->used;
    unsigned char *file = fixture_allocate(*size, 1);
    file[0] = (unsigned char)header, file[1] = (unsigned char)(header >> 8);
    memcpy(file + 8, b->header, header - 1);
    file[8 + header - 1] = '}';
    memcpy(file + 8 + header, b->data, b->used);
    return file;
}

static ae_status load_built(ae_network **network, const builder *b)
{
    size_t size;
    unsigned char *file = assemble(b, &size);
    const ae_status status = ae_network_load_memory(network, file, size, NULL);
    free(file);
    return status;
}

static void check_tensor(const ae_network *network, const char *name, const float *wanted,
                         size_t count)
{
    float values[16];
    ck_assert_ok(ae_network_get_tensor(network, name, values, count));
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(!(values[i] < wanted[i]) && !(values[i] > wanted[i]), "%s[%zu]: %g, not %g",
                      name, i, (double)values[i], (double)wanted[i]);
}

/* JSON's escapes may name any character; a name may be as long as the header. */
START_TEST(a_hostile_name_is_quoted_in_every_error)
{
    static const float weight[] = {1, 2}, wrong[] = {1, NAN};
    static builder b;
    static const char *const names[] = {"m\\u001b[2J\\u007f*/\\n?\?/.decoder.0.weight",
                                        "a\x7F.decoder.0.weight"};
    char name[4096];
    for (size_t i = 0; i <= COUNT(names); i++) {
        ae_network *network = NULL;
        memset(name, 'x', sizeof name);
        strcpy(name + sizeof name - sizeof ".decoder.0.weight", ".decoder.0.weight");
        b = (builder){.header = ""};
        add(&b, "a.encoder.0.weight", "F32", 4, "[1,2]", weight, 2);
        add(&b, i < COUNT(names) ? names[i] : name, "F32", 4, "[2,1]", wrong, 2);
        ck_assert_int_eq(load_built(&network, &b), AE_ERROR_FORMAT);
        const char *text = ae_last_error();
        ck_assert_msg(aei_is_clean(text, strlen(text)), "%s", text);
        ck_assert_ptr_null(strstr(text, "\n"));
        ck_assert_msg(strlen(text) < 400, "%s", text);
    }
}
END_TEST

/* No metadata, several number formats, a bias in front of batch normalisation, tensors of no
 * interest. */
START_TEST(a_file_of_another_program_is_understood)
{
    static const double weight[] = {0.5, -0.25};
    static const uint16_t half[] = {0x3c00, 0xc000},
                          brain[] = {0x3f80, 0xc000}; /* 1, -2 in both formats */
    static const float one[] = {1, 1}, mean[] = {3, 4}, bias[] = {0.5f, -1}, extra[] = {NAN};
    static builder b;
    b = (builder){.header = ""};
    add(&b, "optimizer.extra", "F32", 4, "[1]", extra, 1);
    add(&b, "encoder.0.weight", "F64", 8, "[1,2]", weight, 2);
    add(&b, "decoder.0.weight", "F16", 2, "[2,1]", half, 2);
    add(&b, "encoder.0.bn.weight", "F32", 4, "[1]", one, 1);
    add(&b, "encoder.0.bn.bias", "F32", 4, "[1]", one, 1);
    add(&b, "encoder.0.bn.running_mean", "F32", 4, "[1]", mean, 1);
    add(&b, "encoder.0.bn.running_var", "F32", 4, "[1]", one, 1);
    add(&b, "decoder.0.bn.weight", "BF16", 2, "[2]", brain, 2);
    add(&b, "decoder.0.bn.bias", "F32", 4, "[2]", one, 2);
    add(&b, "decoder.0.bn.running_mean", "F32", 4, "[2]", mean, 2);
    add(&b, "decoder.0.bn.running_var", "F32", 4, "[2]", one, 2);
    add(&b, "decoder.0.bias", "F32", 4, "[2]", bias, 2);
    ae_network *network = NULL;
    ck_assert_ok(load_built(&network, &b));
    ck_assert_uint_eq(ae_network_layer_count(network), 2);
    ck_assert_uint_eq(ae_network_input_width(network), 2);
    ck_assert_uint_eq(ae_network_code_width(network), 1);
    ck_assert_int_eq(fixture_info(network).batch_norm, 1);
    ck_assert_int_eq(fixture_layer(network, 0).activation, AE_ACTIVATION_SIGMOID);
    ck_assert_int_eq(fixture_layer(network, 1).activation, AE_ACTIVATION_SIGMOID);
    const float wanted_weight[] = {0.5f, -0.25f}, wanted_half[] = {1, -2}, folded[] = {2.5f, 5};
    check_tensor(network, "encoder.0.weight", wanted_weight, 2);
    check_tensor(network, "decoder.0.weight", wanted_half, 2);
    check_tensor(network, "decoder.0.bn.weight", wanted_half, 2);
    check_tensor(network, "encoder.0.bn.running_mean", mean, 1);
    check_tensor(network, "decoder.0.bn.running_mean", folded, 2);
    const float epsilon = 1e-5f; /* PyTorch's, where the file says nothing */
    ck_assert_mem_eq(&network->bn_epsilon, &epsilon, sizeof(float));
    ae_network_free(network);
}
END_TEST

static void minimal(builder *b, const char *encoder_shape, const char *decoder_shape, size_t count)
{
    static const float zeros[1024];
    *b = (builder){.header = ""};
    add(b, "encoder.0.weight", "F32", 4, encoder_shape, zeros, count);
    add(b, "decoder.0.weight", "F32", 4, decoder_shape, zeros, count);
}

START_TEST(shapes_that_are_no_autoencoder_are_refused)
{
    static builder b;
    static const float zeros[8];
    ae_network *network = NULL;
    b = (builder){.header = ""};
    add(&b, "weight", "F32", 4, "[2]", zeros, 2);
    ck_assert_status(load_built(&network, &b), AE_ERROR_FORMAT,
                     "no autoencoder: two linear layers at least");
    b = (builder){.header = ""};
    add(&b, "encoder.0.weight", "F32", 4, "[2,1]", zeros, 2);
    ck_assert_status(load_built(&network, &b), AE_ERROR_FORMAT,
                     "docs/pytorch.md); the file has encoder.0.weight [2, 1] F32");
    minimal(&b, "[2,4]", "[8,1]", 8);
    ck_assert_status(load_built(&network, &b), AE_ERROR_FORMAT,
                     "no autoencoder: its linear layers do not follow each other");
    minimal(&b, "[2,4]", "[4,2]", 8);
    add(&b, "encoder.0.bias", "F32", 4, "[1,2]", zeros, 2);
    ck_assert_status(load_built(&network, &b), AE_ERROR_FORMAT,
                     "tensor encoder.0.bias: shape [1, 2], not [2]");
    minimal(&b, "[4,2]", "[2,4]", 8);
    add(&b, "encoder.0.bias", "F32", 4, "[4]", zeros, 4);
    add(&b, "decoder.0.bias", "F32", 4, "[]", zeros, 1);
    ck_assert_status(load_built(&network, &b), AE_ERROR_FORMAT,
                     "tensor decoder.0.bias: shape [], not [2]");
    minimal(&b, "[2,4]", "[3,2]", 0);
    b.header[0] = '\0', b.used = 0;
    add(&b, "encoder.0.weight", "F32", 4, "[2,4]", (float[8]){0}, 8);
    add(&b, "decoder.0.weight", "F32", 4, "[3,2]", (float[6]){0}, 6);
    ck_assert_status(load_built(&network, &b), AE_ERROR_FORMAT,
                     "the first as many as the last gives");
    minimal(&b, "[0,2]", "[2,0]", 0);
    ck_assert_status(load_built(&network, &b), AE_ERROR_FORMAT,
                     "tensor encoder.0.weight: a shape of two dimensions");
    minimal(&b, "[1,2]", "[2,1]", 2);
    add(&b, "encoder.99999999999999999999.weight", "F32", 4, "[2,1]", zeros, 2);
    ck_assert_status(load_built(&network, &b), AE_ERROR_FORMAT, "do not follow each other");
    ck_assert_ptr_null(network);
}
END_TEST

/* The network would be made next, and refused for its output width; of types with few bits it could
 * be huge. */
START_TEST(types_that_cannot_be_read_are_refused_before_a_network_is_made)
{
    static builder b;
    static const float zeros[8];
    ae_network *network = NULL;
    b = (builder){.header = ""};
    add(&b, "encoder.0.weight", "F4", 1, "[1,16]", zeros, 8);
    add(&b, "decoder.0.weight", "F16", 2, "[16,1]", zeros, 16);
    ck_assert_status(load_built(&network, &b), AE_ERROR_FORMAT,
                     "tensor encoder.0.weight: dtype is F4; F32");
    b = (builder){.header = ""};
    add(&b, "encoder.0.weight", "F16", 2, "[1,2]", zeros, 2);
    add(&b, "decoder.0.weight", "F8_E4M3", 1, "[2,1]", zeros, 2);
    ck_assert_status(load_built(&network, &b), AE_ERROR_FORMAT,
                     "tensor decoder.0.weight: dtype is F8_E4M3; F32");
    ck_assert_ptr_null(network);
}
END_TEST

START_TEST(metadata_may_add_to_a_foreign_file)
{
    static const float zeros[8];
    static builder b;
    minimal(&b, "[2,4]", "[4,2]", 8);
    add(&b, "encoder.0.bias", "F32", 4, "[2]", zeros, 2);
    add(&b, "decoder.0.bias", "F32", 4, "[4]", zeros, 4);
    const size_t used = strlen(b.header);
    snprintf(b.header + used, sizeof b.header - used, "%s",
             ",\"__metadata__\":{\"libae.architecture\":\"{\\\"activations\\\":[\\\"relu\\\","
             "\\\"linear\\\"]}\"}");
    ae_network *network = NULL;
    ck_assert_ok(load_built(&network, &b));
    ck_assert_int_eq(fixture_layer(network, 0).activation, AE_ACTIVATION_RELU);
    ck_assert_int_eq(fixture_layer(network, 1).activation, AE_ACTIVATION_LINEAR);
    ck_assert_int_eq(fixture_info(network).batch_norm, 0);
    ae_network_free(network);
}
END_TEST

/* Two layers without batch normalisation and without metadata. */
static const char *bare_file(void)
{
    static const float zeros[8];
    static builder b;
    minimal(&b, "[2,4]", "[4,2]", 8);
    add(&b, "encoder.0.bias", "F32", 4, "[2]", zeros, 2);
    add(&b, "decoder.0.bias", "F32", 4, "[4]", zeros, 4);
    const char *path = support_path("bare.safetensors");
    size_t size;
    unsigned char *file = assemble(&b, &size);
    support_write(path, file, size);
    free(file);
    return path;
}

START_TEST(options_say_what_a_file_does_not)
{
    static const ae_activation each[] = {AE_ACTIVATION_DEFAULT, AE_ACTIVATION_LEAKY_RELU};
    const char *path = bare_file();
    ae_load_options o;
    ae_load_options_init(&o);
    ae_load_options_init(NULL);
    ae_network *network = NULL;
    ck_assert_ok(ae_network_load(&network, path, &o));
    ck_assert_int_eq(fixture_layer(network, 0).activation, AE_ACTIVATION_SIGMOID);
    ck_assert_int_eq(fixture_layer(network, 1).activation, AE_ACTIVATION_SIGMOID);
    ae_network_free(network);
    ck_assert_ok(ae_network_load(&network, path,
                                 AE_LOAD_OPTIONS(.hidden_activation = AE_ACTIVATION_TANH,
                                                 .output_activation = AE_ACTIVATION_LINEAR,
                                                 .kernels = "reference")));
    ck_assert_int_eq(fixture_layer(network, 0).activation, AE_ACTIVATION_TANH);
    ck_assert_int_eq(fixture_layer(network, 1).activation, AE_ACTIVATION_LINEAR);
    ck_assert_str_eq(ae_network_kernels(network), "reference");
    ae_network_free(network);
    o.activations = each, o.activation_count = 2, o.hidden_activation = AE_ACTIVATION_TANH;
    o.leaky_slope = 0.25f, o.bn_epsilon = 0.5f, o.bn_decay = 0.75f;
    ck_assert_ok(ae_network_load(&network, path, &o));
    ck_assert_int_eq(fixture_layer(network, 0).activation,
                     AE_ACTIVATION_SIGMOID); /* the list has overridden it with the default */
    ck_assert_int_eq(fixture_layer(network, 1).activation, AE_ACTIVATION_LEAKY_RELU);
    ck_assert_mem_eq(&network->leaky_slope, &o.leaky_slope, sizeof(float));
    ck_assert_mem_eq(&network->bn_epsilon, &o.bn_epsilon, sizeof(float));
    ck_assert_mem_eq(&network->bn_decay, &o.bn_decay, sizeof(float));
    ae_network_free(network);
}
END_TEST

START_TEST(options_that_cannot_be_are_refused)
{
    static const ae_activation each[3];
    const char *path = bare_file();
    ae_network *network = NULL;
    ck_assert_status(ae_network_load(&network, path,
                                     AE_LOAD_OPTIONS(.activations = each, .activation_count = 3)),
                     AE_ERROR_SHAPE, "activation_count is 3, but there are 2 layers");
    ck_assert_status(ae_network_load(&network, path, AE_LOAD_OPTIONS(.activation_count = 2)),
                     AE_ERROR_INVALID_ARGUMENT, "activations is NULL");
    ck_assert_status(
        ae_network_load(&network, path, AE_LOAD_OPTIONS(.output_activation = (ae_activation)6)),
        AE_ERROR_INVALID_ARGUMENT, "layer 1: activation 6");
    ck_assert_status(ae_network_load(&network, path, AE_LOAD_OPTIONS(.leaky_slope = 1)),
                     AE_ERROR_INVALID_ARGUMENT, "leaky_slope 1");
    ck_assert_status(ae_network_load(&network, path, AE_LOAD_OPTIONS(.bn_epsilon = -1)),
                     AE_ERROR_INVALID_ARGUMENT, "bn_epsilon -1");
    ck_assert_status(ae_network_load(&network, path, AE_LOAD_OPTIONS(.bn_decay = NAN)),
                     AE_ERROR_INVALID_ARGUMENT, "bn_decay nan");
    ck_assert_status(ae_network_load(&network, path, AE_LOAD_OPTIONS(.activations = each)),
                     AE_ERROR_SHAPE, "activation_count is 0");
    ck_assert_status(ae_network_load(&network, path, AE_LOAD_OPTIONS(.kernels = "none such")),
                     AE_ERROR_UNSUPPORTED, "none such");
    ck_assert_status(ae_network_load(&network, path, &(ae_load_options){0}),
                     AE_ERROR_INVALID_ARGUMENT, "ae_load_options.size");
    ck_assert_status(ae_network_load(NULL, path, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_load(&network, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "path is NULL");
    ck_assert_status(ae_network_load(&network, support_path("none"), NULL), AE_ERROR_NOT_FOUND,
                     "none");
    ck_assert_ptr_null(network);
}
END_TEST

/* libae's own files say everything: options that repeat it are welcome, others are not. */
START_TEST(options_unlike_the_file_are_refused)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){4, 2, 4}, .width_count = 3,
                           .hidden_activation = AE_ACTIVATION_TANH, .bn_epsilon = 0.125f));
    const char *path = support_path("whole.safetensors");
    ck_assert_ok(ae_network_save(network, path));
    ae_network_free(network);
    network = NULL;
    ck_assert_status(
        ae_network_load(&network, path, AE_LOAD_OPTIONS(.hidden_activation = AE_ACTIVATION_RELU)),
        AE_ERROR_INVALID_ARGUMENT,
        "layer 0: tanh in the file's libae.architecture, relu in the options");
    ck_assert_status(ae_network_load(&network, path, AE_LOAD_OPTIONS(.bn_epsilon = 0.25f)),
                     AE_ERROR_INVALID_ARGUMENT,
                     "bn_epsilon: 0.125 in the file's libae.architecture, 0.25");
    ck_assert_status(ae_network_load(&network, path, AE_LOAD_OPTIONS(.leaky_slope = 0.5f)),
                     AE_ERROR_INVALID_ARGUMENT, "leaky_slope");
    ck_assert_status(ae_network_load(&network, path, AE_LOAD_OPTIONS(.bn_decay = 0.5f)),
                     AE_ERROR_INVALID_ARGUMENT, "bn_decay");
    ck_assert_ptr_null(network);
    ck_assert_ok(ae_network_load(&network, path,
                                 AE_LOAD_OPTIONS(.hidden_activation = AE_ACTIVATION_TANH,
                                                 .output_activation = AE_ACTIVATION_SIGMOID,
                                                 .bn_epsilon = 0.125f)));
    ae_network_free(network);
}
END_TEST

START_TEST(files_that_cannot_be_read_are_named)
{
    ae_network *network = NULL;
    const char *path = support_path("absent.safetensors"), *text = support_path("text");
    ck_assert_status(ae_network_load(&network, path, NULL), AE_ERROR_NOT_FOUND,
                     "absent.safetensors");
    ck_assert_status(ae_network_load(&network, support_dir(), NULL), AE_ERROR_IO, "folder");
    support_write(text, "hello, world", 12);
    ck_assert_status(ae_network_load(&network, text, NULL), AE_ERROR_FORMAT,
                     "text: a text file, not a safetensors file");
    support_write(text, "", 0);
    ck_assert_status(ae_network_load(&network, text, NULL), AE_ERROR_FORMAT,
                     "text: not safetensors: 0 bytes");
    ck_assert_ptr_null(network);
}
END_TEST

/* Tensors scaling.offset and scaling.scale, as libae writes them. */
START_TEST(a_scaling_is_read_or_refused)
{
    static const float zeros[8], offset[] = {1, 2};
    const float scales[] = {0.5f, -1, NAN, INFINITY};
    static builder b;
    for (size_t i = 0; i <= COUNT(scales); i++) {
        const bool whole = i < COUNT(scales);
        const float scale[] = {0, whole ? scales[i] : 1};
        minimal(&b, "[1,2]", "[2,1]", 2);
        add(&b, "encoder.0.bias", "F32", 4, "[1]", zeros, 1);
        add(&b, "decoder.0.bias", "F32", 4, "[2]", zeros, 2);
        add(&b, "scaling.scale", "F32", 4, "[2]", scale, 2);
        if (whole)
            add(&b, "scaling.offset", "F32", 4, "[2]", offset, 2);
        ae_network *network = NULL;
        if (i > 0) {
            ck_assert_status(load_built(&network, &b), AE_ERROR_FORMAT,
                             whole ? "scaling.scale: element 1" : "scaling.offset is missing");
            ck_assert_ptr_null(network);
            continue;
        }
        float read[4];
        ck_assert_ok(load_built(&network, &b));
        ck_assert_ok(ae_network_get_scaling(network, read, read + 2));
        ck_assert_mem_eq(read, offset, sizeof offset);
        ck_assert_mem_eq(read + 2, scale, sizeof scale);
        ae_network_free(network);
    }
}
END_TEST

Suite *foreign_model_suite(void)
{
    Suite *suite = suite_create("foreign_model");
    TCase *tcase = tcase_create("foreign_model");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_test(tcase, a_hostile_name_is_quoted_in_every_error);
    tcase_add_test(tcase, a_file_of_another_program_is_understood);
    tcase_add_test(tcase, shapes_that_are_no_autoencoder_are_refused);
    tcase_add_test(tcase, types_that_cannot_be_read_are_refused_before_a_network_is_made);
    tcase_add_test(tcase, metadata_may_add_to_a_foreign_file);
    tcase_add_test(tcase, options_say_what_a_file_does_not);
    tcase_add_test(tcase, options_that_cannot_be_are_refused);
    tcase_add_test(tcase, options_unlike_the_file_are_refused);
    tcase_add_test(tcase, files_that_cannot_be_read_are_named);
    tcase_add_test(tcase, a_scaling_is_read_or_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
