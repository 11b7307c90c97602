/* SPDX-License-Identifier: BSD-3-Clause */
/* A model file into another form: C source that needs no libae, ONNX, NumPy arrays, safetensors. */
#include <libae/libae.h>

#include "common/command_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct request {
    const char *from, *to, *form, *prefix;
    ae_export_part part;
    ae_load_options load;
} request;

static void to_c(const ae_network *network, const request *asked)
{
    ae_export_c_info info = {.size = sizeof info};
    check(ae_network_export_c(network, asked->to, &info,
                              AE_EXPORT_C_OPTIONS(.prefix = asked->prefix, .part = asked->part)));
    printf("%zu bytes of weights, %zu of buffers, %zu multiplications a row\n", info.weight_bytes,
           info.buffer_bytes, info.multiply_adds);
}

static void to_onnx(const ae_network *network, const request *asked)
{
    check(ae_network_export_onnx(network, asked->to, NULL));
}

static void to_safetensors(const ae_network *network, const request *asked)
{
    check(ae_network_save(network, asked->to));
    printf("%zu parameters\n", ae_network_parameter_count(network));
}

/* TO.npy names as many files as there are tensors: TO.encoder.0.weight.npy and so on. */
static void to_npy(const ae_network *network, const request *asked)
{
    const char *dot = strrchr(asked->to, '.');
    const size_t stem = dot != NULL && strcmp(dot, ".npy") == 0 ? (size_t)(dot - asked->to)
                                                                : strlen(asked->to);
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        ae_tensor_info t = {.size = sizeof t};
        check(ae_network_get_tensor_info(network, i, &t));
        float *values = calloc(t.count, sizeof *values);
        char path[4096];
        if (values == NULL ||
            snprintf(path, sizeof path, "%.*s.%s.npy", (int)stem, asked->to, t.name) >= 4096)
            fail("%s: too large", t.name);
        check(ae_network_get_tensor(network, t.name, values, t.count));
        check(ae_npy_write(path, values, t.shape[0], t.rank == 2 ? t.shape[1] : 0));
        free(values);
    }
}

/* A form is a line here. Its name is the ending of its files, too. */
static const struct {
    const char *name, *what;
    void (*write)(const ae_network *network, const request *asked);
} forms[] = {
    {"c", "C source, TO.c and TO.h, that needs no library", to_c},
    {"npy", "NumPy arrays, TO.TENSOR.npy", to_npy},
    {"onnx", "an ONNX model with outputs code and reconstruction", to_onnx},
    {"safetensors", "a model file with its architecture, for libae and PyTorch", to_safetensors},
};

enum { FORMS = sizeof forms / sizeof forms[0] };

static request parse(int argc, char **argv)
{
    static const char *const activations[] = {"sigmoid",    "tanh",   "relu",
                                              "leaky_relu", "linear", NULL};
    static const char *const parts[] = {"all", "encoder", "decoder", NULL};
    static const char hidden_help[] = "activation of the inner layers, where FROM does not say: "
                                      "sigmoid, tanh, relu, leaky_relu, linear";
    request asked = {.load = {.size = sizeof(ae_load_options)}};
    int hidden = 0, code = 0, output = 0, part = 0;
    char about[1024] = "Read a model of libae or of PyTorch (docs/pytorch.md) and write it in the "
                       "form of TO's ending:";
    for (size_t i = 0; i < FORMS; i++)
        snprintf(about + strlen(about), sizeof about - strlen(about), "\n.%s: %s", forms[i].name,
                 forms[i].what);
    const program_option options[] = {
        {"form", "NAME", "c, npy, onnx or safetensors, whatever TO's ending is",
         .text = &asked.form},
        {"hidden", "NAME", hidden_help, .choice = &hidden, .names = activations},
        {"code", "NAME", "the same of the layer that gives the code, often linear", .choice = &code,
         .names = activations},
        {"output", "NAME", "the same of the last layer", .choice = &output, .names = activations},
        {"prefix", "NAME", "C: what the names in the source start with (TO without folders)",
         .text = &asked.prefix},
        {"part", "NAME", "C: all, encoder or decoder (all)", .choice = &part, .names = parts}};
    const char *files[2] = {NULL, NULL};
    options_parse(&(program){.about = about,
                             .operands = "FROM.safetensors TO",
                             .operand_count = 2,
                             .options = options,
                             .option_count = sizeof options / sizeof *options},
                  argc, argv, files);
    asked.from = files[0], asked.to = files[1], asked.part = (ae_export_part)part;
    asked.load.hidden_activation = (ae_activation)hidden;
    asked.load.code_activation = (ae_activation)code;
    asked.load.output_activation = (ae_activation)output;
    const char *dot = strrchr(asked.to, '.');
    asked.form = asked.form != NULL ? asked.form : dot != NULL ? dot + 1 : "";
    return asked;
}

int main(int argc, char **argv)
{
    const request asked = parse(argc, argv);
    size_t form = 0;
    while (form < FORMS && strcmp(asked.form, forms[form].name) != 0)
        form++;
    if (form == FORMS)
        refuse("\"%s\" is no form that can be written; --help lists the forms", asked.form);
    ae_network *network = NULL;
    check(ae_network_load(&network, asked.from, &asked.load));
    forms[form].write(network, &asked);
    ae_network_free(network);
    return EXIT_SUCCESS;
}
