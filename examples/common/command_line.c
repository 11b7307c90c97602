/* SPDX-License-Identifier: BSD-3-Clause */
#define _DEFAULT_SOURCE /* winsize */
#include "command_line.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { USUAL_COLUMNS = 80, LEAST_COLUMNS = 20 };

static size_t columns_of_output(void)
{
    struct winsize window;
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0;
    const size_t columns = known ? window.ws_col : USUAL_COLUMNS;
    return columns < LEAST_COLUMNS ? LEAST_COLUMNS : columns;
}

void print_wrapped(const char *text, size_t indent)
{
    const size_t columns = columns_of_output();
    size_t used = 0;
    for (const char *word = text; *word != '\0';) {
        const size_t length = strcspn(word, " \n");
        if (used > 0 && used + 1 + length >= columns) {
            printf("\n%*s", (int)indent, "");
            used = indent;
        } else if (used > 0) {
            putchar(' ');
            used++;
        }
        printf("%.*s", (int)length, word);
        used += length;
        word += length;
        if (*word == '\n') {
            putchar('\n');
            used = 0;
        }
        word += *word != '\0';
    }
    putchar('\n');
}

static void print_help(const program *what, const char *called)
{
    const char *slash = strrchr(called, '/');
    printf("usage: %s [options]%s%s\n\n", slash != NULL ? slash + 1 : called,
           what->operands != NULL ? " " : "", what->operands != NULL ? what->operands : "");
    print_wrapped(what->about, 0);
    putchar('\n');
    for (size_t i = 0; i < what->option_count; i++) {
        const program_option *o = &what->options[i];
        printf("  --%s%s%s\n      ", o->name, o->value != NULL ? " " : "",
               o->value != NULL ? o->value : "");
        print_wrapped(o->help, 6);
    }
    printf("  --help\n      this text\n");
    exit(EXIT_SUCCESS);
}

/* A rate too small for float32 would become 0, which asks the library for its default. */
static float parse_rate(const char *name, const char *text)
{
    char *end = NULL;
    const float value = strtof(text, &end);
    const bool number = end != text && *end == '\0' &&
                        strspn(text, "0123456789.eE+-") == strlen(text);
    if (!number || !isfinite(value) || value <= 0.0f)
        refuse("%s %s: give a finite number above 0, for instance 0.001", name,
               *text != '\0' ? text : "''");
    return value;
}

static void take(const program_option *o, const char *value)
{
    char name[64];
    snprintf(name, sizeof name, "--%s", o->name);
    if (o->on != NULL)
        *o->on = true;
    else if (o->number != NULL)
        *o->number = number_argument(name, value, o->least, o->most);
    else if (o->rate != NULL)
        *o->rate = parse_rate(name, value);
    else if (o->choice != NULL)
        *o->choice = name_argument(name, value, o->names);
    else if (*value == '\0')
        refuse("%s '': give a name that is not empty", name);
    else
        *o->text = value;
}

static const program_option *find(const program *what, const char *name, size_t length)
{
    for (size_t i = 0; i < what->option_count; i++)
        if (strlen(what->options[i].name) == length &&
            memcmp(what->options[i].name, name, length) == 0)
            return &what->options[i];
    refuse("--%.*s is no option; --help lists them", (int)length, name);
}

/* Takes the option at argv[i]; returns how many arguments that were. */
static int take_option(const program *what, char **argv, int i)
{
    const char *name = argv[i] + 2, *equals = strchr(name, '=');
    const size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const program_option *o = find(what, name, length);
    if (o->value == NULL) {
        if (equals != NULL)
            refuse("--%s takes no value", o->name);
        return take(o, ""), 1;
    }
    if (equals != NULL)
        return take(o, equals + 1), 1;
    if (argv[i + 1] == NULL)
        refuse("--%s needs a value: --%s %s", o->name, o->name, o->value);
    return take(o, argv[i + 1]), 2;
}

void options_parse(const program *what, int argc, char **argv, const char **operands)
{
    size_t count = 0;
    bool options = true;
    for (int i = 1; i < argc;) {
        const char *text = argv[i];
        if (options && (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0))
            print_help(what, argv[0]);
        if (options && strcmp(text, "--") == 0) {
            options = false;
            i++;
        } else if (options && strncmp(text, "--", 2) == 0) {
            i += take_option(what, argv, i);
        } else if (options && text[0] == '-' && text[1] != '\0') {
            refuse("%s is no option; --help lists them", text);
        } else {
            if (count == what->operand_count)
                refuse("%s: an option was expected; --help lists them", text);
            operands[count++] = text;
            i++;
        }
    }
    if (count < what->operand_count)
        refuse("%s expected; --help says more", what->operands);
}
