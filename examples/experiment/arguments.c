/* SPDX-License-Identifier: BSD-3-Clause */
#include "experiment.h"

#include "common/check.h"
#include "common/command_line.h"

#include <stdio.h>
#include <string.h>

enum { LARGEST_COUNT = 1000000, LARGEST_CODE = 1 << 20, MOST_THREADS = 1024 };

static const char about[] =
    "Train the autoencoder 784-1000-500-250-4-250-500-1000-784 on MNIST, then draw its curves and "
    "reconstructions and compare its costs with the published ones.\n"
    "Ctrl-C stops after the step under way and saves a checkpoint. Progress goes to standard "
    "error; "
    "the last line of standard output is: result epochs=N train=X validation=X test=X seconds=X "
    "data=mnist|other|drawn";

/* The help names the kernels that this machine has. */
static const char *kernels_help(void)
{
    static char text[256] = "compute kernels: auto";
    size_t used = strlen(text);
    for (size_t i = 0; i < ae_kernels_count() && used < sizeof text; ++i)
        used += (size_t)snprintf(text + used, sizeof text - used, ", %s", ae_kernels_name(i));
    return text;
}

arguments arguments_parse(int argc, char **argv)
{
    arguments a = {
        .out = "mnist-out", .epochs = 200, .seed = 1, .code = 4, .batch = 100, .rate = 0.001f};
    const program_option options[] = {
        {"data", "DIR",
         "folder of train-images-idx3-ubyte and t10k-images-idx3-ubyte, plain or .gz; else "
         "$AE_DATA_DIR; with neither, data/mnist, scripts/fetch-mnist and drawn digits are tried",
         .text = &a.data},
        {"epochs", "N", "passes over the training images, from the beginning of the run (200)",
         .number = &a.epochs, .least = 1, .most = LARGEST_COUNT},
        {"rate", "R", "learning rate of Adam (0.001)", .rate = &a.rate},
        {"code", "N", "width of the code layer (4)", .number = &a.code, .least = 1,
         .most = LARGEST_CODE},
        {"batch", "N", "images in a batch (100)", .number = &a.batch, .least = 2,
         .most = LARGEST_COUNT},
        {"seed", "N", "of the initial weights and of the shuffling (1)", .number = &a.seed,
         .most = SIZE_MAX},
        {"threads", "N", "0: every processor this process may use (0)", .number = &a.threads,
         .most = MOST_THREADS},
        {"kernels", "NAME", kernels_help(), .text = &a.kernels},
        {"bf16", NULL, "products of operands rounded to bfloat16", .on = &a.bf16},
        {"out", "DIR", "folder for the results, made when missing (mnist-out)", .text = &a.out},
        {"tensorboard", "DIR",
         "folder for a TensorBoard log, made when missing (tensorboard in --out's folder)",
         .text = &a.tensorboard},
        {"resume", NULL,
         "go on from checkpoint.safetensors in --out's folder; other options as they were, but for "
         "--epochs, --rate, --threads",
         .on = &a.resume},
    };
    options_parse(&(program){.about = about,
                             .options = options,
                             .option_count = sizeof options / sizeof *options},
                  argc, argv, NULL);
    return a;
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
