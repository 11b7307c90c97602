/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fuzz targets have been given before: every file of tests/fuzz/corpus goes through its
 * target once more. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "suites.h"
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define TARGET(name) int fuzz_##name(const uint8_t *data, size_t size);
#include "fuzz_targets.inc"
#undef TARGET

static const struct target {
    const char *name;
    int (*run)(const uint8_t *data, size_t size);
} targets[] = {
#define TARGET(name) {#name, fuzz_##name},
#include "fuzz_targets.inc"
#undef TARGET
};

enum { TARGETS = sizeof targets / sizeof targets[0] };

/* An input that breaks a promise ends the test's process, which has said which one it read. */
static size_t replay(const struct target *target)
{
    char folder[64], path[512];
    (void)snprintf(folder, sizeof folder, "fuzz/corpus/%s", target->name);
    DIR *entries = opendir(support_source(folder));
    ck_assert_msg(entries != NULL, "no %s", support_source(folder));
    size_t count = 0;
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        size_t size;
        unsigned char *data = support_read(support_source(path), &size);
        mark_point();
        (void)setenv("AE_FUZZ_INPUT", path, 1);
        (void)target->run(data, size);
        free(data);
        count++;
    }
    (void)closedir(entries);
    return count;
}

START_TEST(every_known_input_keeps_the_promises)
{
    const size_t count = replay(&targets[_i]);
    ck_assert_msg(count >= 10, "%zu inputs for %s: 10 at least", count, targets[_i].name);
}
END_TEST

Suite *fuzz_corpus_suite(void)
{
    Suite *suite = suite_create("fuzz_corpus");
    TCase *tcase = tcase_create("inputs");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, every_known_input_keeps_the_promises, 0, TARGETS);
    suite_add_tcase(suite, tcase);
    return suite;
}
