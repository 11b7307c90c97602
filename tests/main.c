/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs every suite, or those named on the command line. Check's summary is the last thing printed,
 * and counts what ran; in front of it stands what was left out. --isa prints the widest instruction
 * set here instead.
 */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "suites.h"
#include "support.h"

#include <libae/cpu.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct entry {
    const char *name;
    Suite *(*create)(void);
} suites[] = {
#define SUITE(name) {#name, name##_suite},
#include "suites.inc"
#undef SUITE
};

enum { SUITES = sizeof suites / sizeof suites[0] };

static bool wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc <= 1;
}

static bool known(const char *name)
{
    for (size_t i = 0; i < SUITES; i++)
        if (strcmp(suites[i].name, name) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--isa") == 0) {
        ae_cpu_info cpu = {.size = sizeof cpu};
        const bool said = ae_cpu_get_info(&cpu) == AE_OK && puts(cpu.isa) >= 0;
        return said ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    for (int i = 1; i < argc; i++) {
        if (!known(argv[i])) {
            fprintf(stderr, "no suite %s: there is no tests/test_%s.c\n", argv[i], argv[i]);
            return EXIT_FAILURE;
        }
    }
    /* A program's own locale, as its users have it. */
    const char *locale = getenv("AE_TEST_LOCALE");
    if (locale != NULL && setlocale(LC_ALL, locale) == NULL) {
        fprintf(stderr, "there is no locale %s\n", locale);
        return EXIT_FAILURE;
    }
    /* Check's 4 seconds are meant for smaller things; a hanging test still ends. */
    (void)setenv("CK_DEFAULT_TIMEOUT", "60", 0);

    SRunner *runner = srunner_create(NULL);
    for (size_t i = 0; i < SUITES; i++)
        if (wanted(suites[i].name, argc, argv))
            srunner_add_suite(runner, suites[i].create());
    printf("Running suites:");
    for (size_t i = 0; i < SUITES; i++)
        if (wanted(suites[i].name, argc, argv))
            printf(" %s", suites[i].name);
    puts("");
    fflush(stdout);
    srunner_run_all(runner, CK_SILENT);
    support_print_skipped();
    srunner_print(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
