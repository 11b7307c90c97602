/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_ARGUMENTS_H
#define EXAMPLES_ARGUMENTS_H

#include <libae/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What the command line of mnist asks for. Strings point into argv. */
typedef struct arguments {
    const char *data; /* NULL: look for the data */
    const char *out;
    const char *tensorboard; /* NULL: tensorboard in out */
    ae_precision precision;
    const char *kernels; /* NULL: the fastest here */
    uint64_t epochs;
    uint64_t seed;
    size_t code;
    size_t batch;
    size_t threads; /* 0: every processor this process may use */
    float rate;
    bool resume;
} arguments;

/* Read the command line. --help prints itself and exits with 0; a mistake is explained and exits
 * with 2. */
arguments arguments_parse(int argc, char **argv);

/* Print the command line again, quoted for a shell, with --resume in it. */
void arguments_print_resume(FILE *stream, int argc, char **argv);

#endif
