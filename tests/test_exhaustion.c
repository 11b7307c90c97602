/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that runs out in any public call: each allocation fails in turn, alone and with all that
 * come after it. The call says so and leaks nothing; the network computes what it did; files are
 * as they were; and the call works when memory is there again. A public function that returns a
 * status and is not in the list fails the suite.
 */
#include "public_calls.h"
#include "suites.h"
#include "world_state.h"

static void fail_each(const struct call *c, bool all_later)
{
    world w;
    begin(&w);
    picture before = look(&w);
    size_t n = 1;
    for (;; n++) {
        const ptrdiff_t held = support_held_memory();
        support_fail_allocation(n);
        support_fail_later_allocations(all_later);
        const ae_status status = c->call(&w);
        const int failed = support_allocation_failed();
        support_fail_allocation(0);
        if (!failed) {
            ck_assert_msg(status == AE_OK, "%s: %s", c->name, ae_last_error());
            break;
        }
        if (status == AE_OK && (c->changes & COMPLETES) != 0)
            continue;
        ck_assert_msg(status == AE_ERROR_OUT_OF_MEMORY, "%s, allocation %zu: %s: %s", c->name, n,
                      ae_status_name(status), ae_last_error());
        ck_assert(support_contains(ae_last_error(), "memory") ||
                  support_contains(ae_last_error(), "byte"));
        ck_assert_msg(support_held_memory() == held, "%s, allocation %zu: %td bytes leaked",
                      c->name, n, support_held_memory() - held);
        if ((c->changes & PROGRESS) == 0)
            compare(&w, &before, c->name, n);
    }
    ck_assert_msg(n > c->least, "%s: %zu allocations", c->name, n - 1);
    if ((c->changes & NETWORK) == 0)
        ck_assert(fixture_same_state(w.network, before.network));
    if ((c->changes & FILES) == 0)
        ck_assert_uint_eq(files_state(), before.files);
    ae_network_free(before.network);
    end(&w);
}

/* An even test number fails one allocation, an odd one all from there on. */
START_TEST(every_public_call_survives_without_memory)
{
    fail_each(&calls[_i / 2], _i % 2 == 1);
}
END_TEST

static bool listed(const char *name, size_t length)
{
    for (size_t i = 0; i < COUNT(calls); i++)
        if (strlen(calls[i].name) == length && memcmp(calls[i].name, name, length) == 0)
            return true;
    return false;
}

/* Every function of the headers that can report a failure. */
START_TEST(the_list_is_complete)
{
    static const char mark[] = "AE_API ae_status ";
    size_t found = 0;
    DIR *folder = opendir(support_source("../include/libae"));
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[64];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "../include/libae/%.40s", entry->d_name);
        char *text = (char *)support_read(support_source(path), NULL);
        for (const char *at = text; (at = strstr(at, mark)) != NULL; found++) {
            at += strlen(mark);
            const size_t length = strcspn(at, "(");
            ck_assert_msg(listed(at, length), "%.*s is not in the list", (int)length, at);
        }
        free(text);
    }
    (void)closedir(folder);
    ck_assert_uint_ge(found, 100);
}
END_TEST

Suite *exhaustion_suite(void)
{
    Suite *suite = suite_create("exhaustion");
    TCase *tcase = tcase_create("exhaustion");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_loop_test(tcase, every_public_call_survives_without_memory, 0, 2 * COUNT(calls));
    tcase_add_test(tcase, the_list_is_complete);
    suite_add_tcase(suite, tcase);
    return suite;
}
