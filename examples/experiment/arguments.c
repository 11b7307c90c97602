/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE /* getopt_long */
#include "arguments.h"

#include "common/check.h"
#include <libae/cpu.h>

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE_ERROR = 2, LARGEST_COUNT = 1000000, LARGEST_CODE = 1 << 20, MOST_THREADS = 1024 };

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

static _Noreturn void refuse(const char *option, const char *text, const char *wanted)
{
    note("--%s %s: give %s; --help lists the options", option, *text != '\0' ? text : "''", wanted);
    exit(USAGE_ERROR);
}

/* strtoull would take signs, blanks and a leading part of the text: only digits are a number
 * here. */
static uint64_t parse_count(const char *option, const char *text, uint64_t least, uint64_t most)
{
    char wanted[80];
    snprintf(wanted, sizeof wanted, "a whole number from %ju to %ju", (uintmax_t)least,
             (uintmax_t)most);
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
        refuse(option, text, wanted);
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (errno != 0 || value < least || value > most)
        refuse(option, text, wanted);
    return value;
}

/* A rate too small for float32 would become 0, which asks the library for its default. */
static float parse_rate(const char *option, const char *text)
{
    char *end = NULL;
    float value = strtof(text, &end);
    bool number = end != text && *end == '\0' && strspn(text, "0123456789.eE+-") == strlen(text);
    if (!number || !isfinite(value) || value <= 0.0f)
        refuse(option, text, "a finite number above 0, for instance 0.001");
    return value;
}

static const char *parse_name(const char *option, const char *text)
{
    if (*text == '\0')
        refuse(option, text, "a name that is not empty");
    return text;
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
    int letter;
    while ((letter = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (letter) {
        case 'd':
            given.data = parse_name("data", optarg);
            break;
        case 'e':
            given.epochs = parse_count("epochs", optarg, 1, LARGEST_COUNT);
            break;
        case 'r':
            given.rate = parse_rate("rate", optarg);
            break;
        case 'c':
            given.code = (size_t)parse_count("code", optarg, 1, LARGEST_CODE);
            break;
        case 'b':
            given.batch = (size_t)parse_count("batch", optarg, 2, LARGEST_COUNT);
            break;
        case 's':
            given.seed = parse_count("seed", optarg, 0, UINT64_MAX);
            break;
        case 't':
            given.threads = (size_t)parse_count("threads", optarg, 0, MOST_THREADS);
            break;
        case 'B':
            given.precision = AE_PRECISION_BF16;
            break;
        case 'k':
            given.kernels = parse_name("kernels", optarg);
            break;
        case 'o':
            given.out = parse_name("out", optarg);
            break;
        case 'T':
            given.tensorboard = parse_name("tensorboard", optarg);
            break;
        case 'R':
            given.resume = true;
            break;
        case 'h':
            print_help();
            exit(EXIT_SUCCESS);
        default:
            note("--help lists the options");
            exit(USAGE_ERROR);
        }
    }
    if (optind < argc) {
        note("%s: an option was expected; --help lists them", argv[optind]);
        exit(USAGE_ERROR);
    }
    return given;
}

static void print_quoted(FILE *stream, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%";
    if (*text != '\0' && text[strspn(text, plain)] == '\0') {
        fputs(text, stream);
        return;
    }
    fputc('\'', stream);
    for (; *text != '\0'; ++text) {
        if (*text == '\'')
            fputs("'\\''", stream);
        else
            fputc(*text, stream);
    }
    fputc('\'', stream);
}

/* --resume goes first, where no "--" can hide it; giving it twice does no harm. */
void arguments_print_resume(FILE *stream, int argc, char **argv)
{
    print_quoted(stream, argv[0]);
    fputs(" --resume", stream);
    for (int i = 1; i < argc; ++i) {
        if (strcmp(argv[i], "--resume") == 0)
            continue;
        fputc(' ', stream);
        print_quoted(stream, argv[i]);
    }
    fputc('\n', stream);
}
