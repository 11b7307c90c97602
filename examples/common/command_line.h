/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_COMMAND_LINE_H
#define EXAMPLES_COMMAND_LINE_H

#include <stddef.h>

/* An argument by its name in messages, a whole number from least to most; a mistake is explained
 * and ends the program with 2. */
size_t number_argument(const char *name, const char *text, size_t least, size_t most);

/* The same for one of some names, a list that ends in NULL: its place in it, from 1 on. */
int name_argument(const char *name, const char *text, const char *const *names);

#endif
