/* SPDX-License-Identifier: BSD-3-Clause */
/* A model file into another form: C source that needs no libae, ONNX, NumPy arrays, safetensors. */
#define _GNU_SOURCE /* getopt_long */
#include <libae/libae.h>

#include "common/check.h"

#include <getopt.h>
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

static void print_help(void)
{
    puts("usage: convert [options] FROM.safetensors TO\n\n"
         "Read a model of libae or of PyTorch (docs/pytorch.md) and write it in the form of TO's "
         "ending:\n");
    for (size_t i = 0; i < FORMS; i++)
        printf("  .%-14s %s\n", forms[i].name, forms[i].what);
    puts("\n  --form NAME      one of these, whatever TO's ending is\n"
         "  --hidden NAME    activation of the inner layers, where FROM does not say: sigmoid, "
         "tanh,\n"
         "                   relu, leaky_relu, linear\n"
         "  --code NAME      the same of the layer that gives the code, often linear\n"
         "  --output NAME    the same of the last layer\n"
         "  --prefix NAME    C: what the names in the source start with (TO without folders)\n"
         "  --part NAME      C: all, encoder or decoder (all)\n"
         "  --help           this text");
}

static request parse(int argc, char **argv)
{
    static const char *const activations[] = {"sigmoid",    "tanh",   "relu",
                                              "leaky_relu", "linear", NULL};
    static const char *const parts[] = {"all", "encoder", "decoder", NULL};
    static const struct option options[] = {
        {"form", required_argument, NULL, 'f'},   {"hidden", required_argument, NULL, 'i'},
        {"code", required_argument, NULL, 'c'},   {"output", required_argument, NULL, 'o'},
        {"prefix", required_argument, NULL, 'p'}, {"part", required_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},         {0},
    };
    request asked = {.load = {.size = sizeof(ae_load_options)}};
    for (int letter; (letter = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (letter == 'f')
            asked.form = optarg;
        else if (letter == 'i')
            asked.load.hidden_activation = (ae_activation)name_argument("--hidden", optarg,
                                                                        activations);
        else if (letter == 'c')
            asked.load.code_activation = (ae_activation)name_argument("--code", optarg,
                                                                      activations);
        else if (letter == 'o')
            asked.load.output_activation = (ae_activation)name_argument("--output", optarg,
                                                                        activations);
        else if (letter == 'p')
            asked.prefix = optarg;
        else if (letter == 'a')
            asked.part = (ae_export_part)name_argument("--part", optarg, parts);
        else if (letter == 'h')
            print_help(), exit(EXIT_SUCCESS);
        else
            refuse("--help lists the options");
    }
    if (optind + 2 != argc)
        refuse("two files are needed, FROM and TO; --help lists the options");
    asked.from = argv[optind], asked.to = argv[optind + 1];
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
