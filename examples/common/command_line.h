/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_COMMAND_LINE_H
#define EXAMPLES_COMMAND_LINE_H

#include "check.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The command line of an example: --name VALUE or --name=VALUE, switches without a value, and what
 * is no option. --help prints all of it and exits with 0; whatever is not understood is refused
 * with exit status 2. An option has one place for its value, which holds the default before.
 */
typedef struct program_option {
    const char *name;  /* without its dashes */
    const char *value; /* what the help calls the value, N or DIR; NULL: a switch */
    const char *help;  /* one sentence or two */
    const char **text; /* a name that is not empty */
    size_t *number;    /* a whole number from least to most */
    size_t least, most;
    float *rate;              /* finite, above 0 */
    bool *on;                 /* a switch */
    int *choice;              /* a place in names, from 1 on */
    const char *const *names; /* a list that ends in NULL */
} program_option;

typedef struct program {
    const char *about;    /* what it does, for the help */
    const char *operands; /* what the help calls them, "MODEL FILE"; NULL: there are none */
    size_t operand_count; /* exactly so many */
    const program_option *options;
    size_t option_count;
} program;

/* Read the command line; operands receives operand_count texts, NULL where there are none. */
void options_parse(const program *what, int argc, char **argv, const char **operands);

/* Print text on standard output, broken between words to fit the terminal; further lines of it are
 * indented. */
void print_wrapped(const char *text, size_t indent);

#endif
