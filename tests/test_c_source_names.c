/* SPDX-License-Identifier: BSD-3-Clause */
/* Networks as C source: the names and files of an export, and what is refused. */
#define _POSIX_C_SOURCE 200809L
#include "base/file.h"
#include "c_compiler.h"
#include "fixtures.h"
#include "suites.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(the_header_of_another_export_is_refused)
{
    ae_network *network = FIXTURE_NETWORK(7, 1, 7);
    ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
    unsigned char *old = support_read(support_path("net.h"), NULL);
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.bn.bias",
                                       (const float[7]){1, 2, 3, 4, 5, 6, 7}, 7));
    ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
    ck_assert_int_eq(c_compile(0, "net.c", "net.so", NULL), 0);
    support_write(support_path("net.h"), old, strlen((const char *)old));
    free(old);
    ck_assert_int_ne(c_compile(0, "net.c", "net.so", "log"), 0);
    unsigned char *log = support_read(support_path("log"), NULL);
    ck_assert(strstr((const char *)log, "of another export") != NULL);
    free(log);
    ae_network_free(network);
}
END_TEST

/* digits.c is what a program of that subject is called too. */
START_TEST(a_file_that_libae_did_not_write_is_not_replaced)
{
    static const char program[] = "int main(void) { return 0; }\n";
    static const char *const files[] = {"net.c", "net.h"};
    ae_network *network = FIXTURE_NETWORK(7, 1, 7);
    for (size_t i = 0; i < COUNT(files); i++) {
        support_put(support_path(files[i]), program);
        ck_assert_status(ae_network_export_c(network, support_path("net"), NULL, NULL),
                         AE_ERROR_INVALID_ARGUMENT, "not replaced, since libae did not write it");
        ck_assert(support_contains(ae_last_error(), files[i]));
        ck_assert(support_holds(support_path(files[i]), program));
        ck_assert_uint_eq(support_entries(support_dir()), 1);
        ck_assert_int_eq(unlink(support_path(files[i])), 0);
    }
    support_put(support_path("net.c"), ""); /* as mktemp leaves it */
    for (int times = 0; times < 2; times++)
        ck_assert_ok(ae_network_export_c(network, support_path("net"), NULL, NULL));
    ae_network_free(network);
}
END_TEST

static const struct {
    const char *path, *prefix, *message;
} refused[] = {
    {"my-net", NULL, "\"my-net\" is no prefix"},
    {"my-net", NULL, "set options->prefix"},
    {"net", "", "\"\" is no prefix"},
    {"net", "3d", "is no prefix"},
    {"net", "_net", "is no prefix"},
    {"net", "a__b", "is no prefix"},
    {"net", "net_", "is no prefix"},
    {"net", "n\xc3\xa4h", "is no prefix"},
    {"net", "a b", "is no prefix"},
    {"net", "abcdefghijklmnopqrstuvwxyzabcdefghijklmno", "is no prefix"},
    {"a\"b", "net", "could not include"},
    {"a\\b", "net", "could not include"},
    {"a\nb.c", "net", "could not include"},
    {"a\x7f", "net", "could not include"},
    {"a?\?'", "net", "could not include"},
    {"", "net", "no name for a file"},
    {"folder/", "net", "no name for a file"},
};

START_TEST(names_that_c_does_not_allow_are_refused)
{
    ae_network *network = FIXTURE_NETWORK(7, 1, 7);
    ck_assert_int_eq(chdir(support_dir()), 0);
    ck_assert_status(ae_network_export_c(network, refused[_i].path, NULL,
                                         AE_EXPORT_C_OPTIONS(.prefix = refused[_i].prefix)),
                     AE_ERROR_INVALID_ARGUMENT, refused[_i].message);
    ck_assert_int_ne(access("net.c", F_OK), 0);
    ck_assert_int_ne(access("my-net.c", F_OK), 0);
    ae_network_free(network);
}
END_TEST

START_TEST(names_that_c_allows_are_taken)
{
    static const char *const prefixes[] = {"a", "Net2_x",
                                           "abcdefghijklmnopqrstuvwxyzabcdefghijklmn"};
    ae_network *network = FIXTURE_NETWORK(7, 1, 7);
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        ck_assert_ok(ae_network_export_c(network, support_path("my-net.c"), NULL,
                                         AE_EXPORT_C_OPTIONS(.prefix = prefixes[i])));
        ck_assert_int_eq(c_compile(0, "my-net.c", "net.so", NULL), 0);
    }
    ae_network_free(network);
}
END_TEST

START_TEST(a_file_name_goes_into_the_source_as_it_is)
{
    char longest[201] = "";
    memset(longest, 'x', 198);
    memcpy(longest + 198, ".c", 3);
    const char *const names[] = {"at@home.c", "ca$h.c", "100%s?.c", longest};
    ae_network *network = FIXTURE_NETWORK(7, 1, 7);
    for (size_t i = 0; i < COUNT(names); i++) {
        ck_assert_ok(ae_network_export_c(network, support_path(names[i]), NULL,
                                         AE_EXPORT_C_OPTIONS(.prefix = "net")));
        char wanted[256];
        snprintf(wanted, sizeof wanted, "#include \"%.*s.h\"\n", (int)strlen(names[i]) - 2,
                 names[i]);
        size_t size;
        char *text = (char *)support_read(support_path(names[i]), &size);
        ck_assert(support_contains(text, wanted));
        free(text);
        ck_assert_int_eq(c_compile(0, names[i], "net.so", NULL), 0);
    }
    ae_network_free(network);
}
END_TEST

START_TEST(bad_arguments_are_named_and_leave_both_files_alone)
{
    ae_network *network = FIXTURE_NETWORK(7, 1, 7);
    const char *path = support_path("net");
    support_put(support_path("net.c"), "/* exported by libae */ old c");
    support_put(support_path("net.h"), "/* exported by libae */ old h");
    ae_export_c_info info = {.size = sizeof info, .weight_bytes = 7}, unset = {0};
    ck_assert_status(ae_network_export_c(NULL, path, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_export_c(network, NULL, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "path is NULL");
    ck_assert_status(ae_network_export_c(network, path, NULL, &(ae_export_c_options){0}),
                     AE_ERROR_INVALID_ARGUMENT, "ae_export_c_options.size");
    ck_assert_status(ae_network_export_c(network, path, &unset, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "ae_export_c_info");
    ck_assert_status(
        ae_network_export_c(network, path, &info, AE_EXPORT_C_OPTIONS(.units = (ae_score_units)4)),
        AE_ERROR_INVALID_ARGUMENT, "units is 4");
    ck_assert_status(
        ae_network_export_c(network, path, &info, AE_EXPORT_C_OPTIONS(.part = (ae_export_part)4)),
        AE_ERROR_INVALID_ARGUMENT, "part is 4");
    ck_assert_status(ae_network_export_c(network, support_path("none/net"), &info, NULL),
                     AE_ERROR_NOT_FOUND, "none/net.c");
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.bn.weight",
                                       (const float[7]){1, 1, 1, 3e38f, 1, 1, 1}, 7));
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.bn.running_var",
                                       (const float[7]){1, 1, 1, 0, 1, 1, 1}, 7));
    ck_assert_status(ae_network_export_c(network, path, &info, NULL), AE_ERROR_DATA,
                     "layer 1, feature 3"); /* bias */
    ck_assert_ok(
        ae_network_set_tensor(network, "decoder.0.bn.running_mean", (const float[7]){0}, 7));
    ck_assert_status(ae_network_export_c(network, path, &info, NULL), AE_ERROR_DATA,
                     "layer 1, feature 3"); /* weight */
    ck_assert_uint_eq(info.weight_bytes, 7);
    unsigned char *c = support_read(support_path("net.c"), NULL),
                  *h = support_read(support_path("net.h"), NULL);
    ck_assert_str_eq((const char *)c, "/* exported by libae */ old c");
    ck_assert_str_eq((const char *)h, "/* exported by libae */ old h");
    free(c);
    free(h);
    ae_network_free(network);
}
END_TEST

/* The header's place turns into a folder after both files were opened, so its rename fails when the
 * source's is done.
 */
START_TEST(if_one_file_cannot_be_put_in_place_neither_is)
{
    const bool replaces = _i == 1;
    aei_file *first = NULL, *second = NULL;
    if (replaces)
        support_write(support_path("first"), "old", 3);
    ck_assert_ok(aei_file_create(&first, support_path("first")));
    ck_assert_ok(aei_file_create(&second, support_path("second")));
    ck_assert_ok(aei_file_write(first, "new", 3));
    ck_assert_ok(aei_file_write(second, "new", 3));
    ck_assert_int_eq(mkdir(support_path("second"), 0777), 0);
    ck_assert_status(aei_file_commit_both(first, second), AE_ERROR_IO, "second");
    ck_assert_int_eq(access(support_path("first"), F_OK) == 0, replaces);
    if (replaces) {
        unsigned char *data = support_read(support_path("first"), NULL);
        ck_assert_str_eq((const char *)data, "old");
        free(data);
        ck_assert_int_eq(unlink(support_path("first")), 0);
    }
    ck_assert_int_eq(rmdir(support_path("second")), 0);
    ck_assert_int_eq(rmdir(support_dir()), 0); /* nothing else was left there */
    ck_assert_int_eq(mkdir(support_dir(), 0777), 0);
}
END_TEST

START_TEST(memory_that_runs_out_leaves_no_file)
{
    ae_network *network = FIXTURE_NETWORK(7, 1, 7);
    size_t n = 1;
    for (;; n++) {
        support_fail_allocation(n);
        const ae_status status = ae_network_export_c(network, support_path("net"), NULL, NULL);
        const int failed = support_allocation_failed();
        support_fail_allocation(0);
        if (!failed) {
            ck_assert_int_eq(status, AE_OK);
            break;
        }
        ck_assert_status(status, AE_ERROR_OUT_OF_MEMORY, "memory");
        ck_assert_int_eq(rmdir(support_dir()), 0);
        ck_assert_int_eq(mkdir(support_dir(), 0777), 0);
    }
    ck_assert_uint_ge(n, 4);
    ae_network_free(network);
}
END_TEST

Suite *c_source_names_suite(void)
{
    Suite *suite = suite_create("c_source_names");
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, NULL, support_dir_remove);
    tcase_add_test(files, the_header_of_another_export_is_refused);
    tcase_add_test(files, a_file_that_libae_did_not_write_is_not_replaced);
    tcase_add_loop_test(files, names_that_c_does_not_allow_are_refused, 0, (int)COUNT(refused));
    tcase_add_test(files, names_that_c_allows_are_taken);
    tcase_add_test(files, a_file_name_goes_into_the_source_as_it_is);
    tcase_add_test(files, bad_arguments_are_named_and_leave_both_files_alone);
    tcase_add_loop_test(files, if_one_file_cannot_be_put_in_place_neither_is, 0, 2);
    tcase_add_test(files, memory_that_runs_out_leaves_no_file);
    suite_add_tcase(suite, files);
    return suite;
}
