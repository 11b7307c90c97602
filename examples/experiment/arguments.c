/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE /* getopt_long */
#include "experiment.h"

#include "common/check.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_COUNT = 1000000, LARGEST_CODE = 1 << 20, MOST_THREADS = 1024 };

static const char usage[] =
    "usage: mnist [options]\n"
    "\n"
    "Train the autoencoder 784-1000-500-250-4-250-500-1000-784 on MNIST, then draw its curves and\n"
    "reconstructions and compare its costs with the published ones.\n"
    "\n"
    "  --data DIR      folder of train-images-idx3-ubyte and t10k-images-idx3-ubyte, plain or "
    ".gz;\n"
    "                  then $AE_DATA_DIR, data/mnist, scripts/fetch-mnist, built-in digits are "
    "tried\n"
    "  --epochs N      passes over the training images, from the beginning of the run (200)\n"
    "  --rate R        learning rate of Adam (0.001)\n"
    "  --code N        width of the code layer (4)\n"
    "  --batch N       images in a batch (100)\n"
    "  --seed N        of the initial weights and of the shuffling (1)\n"
    "  --threads N     0: every processor this process may use (0)\n"
    "  --kernels NAME  compute kernels: auto%s (auto)\n"
    "  --bf16          products of operands rounded to bfloat16\n"
    "  --out DIR       folder for the results, made when missing (mnist-out)\n"
    "  --tensorboard DIR\n"
    "                  folder for a TensorBoard log, made when missing (tensorboard in --out's "
    "folder)\n"
    "  --resume        go on from DIR/checkpoint.safetensors; other options as they were, but for\n"
    "                  --epochs, --rate, --threads\n"
    "  --help          this text\n"
    "\n"
    "Ctrl-C stops after the step under way and saves a checkpoint. Progress goes to standard "
    "error;\n"
    "the last line of standard output is: result epochs=N train=X validation=X test=X seconds=X\n";

static void print_help(void)
{
    char kernels[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < ae_kernels_count() && used < sizeof kernels; ++i)
        used += (size_t)snprintf(kernels + used, sizeof kernels - used, ", %s", ae_kernels_name(i));
    printf(usage, kernels);
}

/* A rate too small for float32 would become 0, which asks the library for its default. */
static float parse_rate(const char *name, const char *text)
{
    char *end = NULL;
    float value = strtof(text, &end);
    bool number = end != text && *end == '\0' && strspn(text, "0123456789.eE+-") == strlen(text);
    if (!number || !isfinite(value) || value <= 0.0f)
        refuse("%s %s: give a finite number above 0, for instance 0.001", name,
               *text != '\0' ? text : "''");
    return value;
}

static const char *parse_text(const char *name, const char *text)
{
    if (*text == '\0')
        refuse("%s '': give a name that is not empty", name);
    return text;
}

static void take(arguments *given, int letter, const char *text)
{
    if (letter == 'd')
        given->data = parse_text("--data", text);
    else if (letter == 'e')
        given->epochs = number_argument("--epochs", text, 1, LARGEST_COUNT);
    else if (letter == 'r')
        given->rate = parse_rate("--rate", text);
    else if (letter == 'c')
        given->code = number_argument("--code", text, 1, LARGEST_CODE);
    else if (letter == 'b')
        given->batch = number_argument("--batch", text, 2, LARGEST_COUNT);
    else if (letter == 's')
        given->seed = number_argument("--seed", text, 0, SIZE_MAX);
    else if (letter == 't')
        given->threads = number_argument("--threads", text, 0, MOST_THREADS);
    else if (letter == 'k')
        given->kernels = parse_text("--kernels", text);
    else if (letter == 'B')
        given->precision = AE_PRECISION_BF16;
    else if (letter == 'o')
        given->out = parse_text("--out", text);
    else if (letter == 'T')
        given->tensorboard = parse_text("--tensorboard", text);
    else if (letter == 'R')
        given->resume = true;
    else if (letter == 'h')
        print_help(), exit(EXIT_SUCCESS);
    else
        refuse("--help lists the options");
}

arguments arguments_parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"data", required_argument, NULL, 'd'},
        {"epochs", required_argument, NULL, 'e'},
        {"rate", required_argument, NULL, 'r'},
        {"code", required_argument, NULL, 'c'},
        {"batch", required_argument, NULL, 'b'},
        {"seed", required_argument, NULL, 's'},
        {"threads", required_argument, NULL, 't'},
        {"kernels", required_argument, NULL, 'k'},
        {"bf16", no_argument, NULL, 'B'},
        {"out", required_argument, NULL, 'o'},
        {"resume", no_argument, NULL, 'R'},
        {"help", no_argument, NULL, 'h'},
        {"tensorboard", required_argument, NULL, 'T'},
        {0},
    };
    arguments given = {
        .out = "mnist-out", .epochs = 200, .seed = 1, .code = 4, .batch = 100, .rate = 0.001f};
    for (int letter; (letter = getopt_long(argc, argv, "h", options, NULL)) != -1;)
        take(&given, letter, optarg);
    if (optind < argc)
        refuse("%s: an option was expected; --help lists them", argv[optind]);
    return given;
}

static void print_quoted(const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%";
    if (*text != '\0' && text[strspn(text, plain)] == '\0') {
        fputs(text, stderr);
        return;
    }
    fputc('\'', stderr);
    for (; *text != '\0'; ++text) {
        if (*text == '\'')
            fputs("'\\''", stderr);
        else
            fputc(*text, stderr);
    }
    fputc('\'', stderr);
}

/* --resume goes first, where no "--" can hide it; giving it twice does no harm. */
void arguments_print_resume(int argc, char **argv)
{
    print_quoted(argv[0]);
    fputs(" --resume", stderr);
    for (int i = 1; i < argc; ++i) {
        if (strcmp(argv[i], "--resume") == 0)
            continue;
        fputc(' ', stderr);
        print_quoted(argv[i]);
    }
    fputc('\n', stderr);
}
