/* SPDX-License-Identifier: BSD-3-Clause */
#include "ranks/messages.h"

#include "rank_threads.h"
#include "suites.h"

#include <stdlib.h>
#include <string.h>

/* --- collective calls ------------------------------------------------------------------------- */

/* Sizes below, at and beyond one piece. */
static const size_t sizes[] = {0, 1, 13, 256, (1 << 17) - 1, 1 << 17, (1 << 17) + 5, 300001};

static unsigned char byte_of(size_t rank, size_t i)
{
    return (unsigned char)(rank * 31 + i * 7 + i / 256);
}

static void collect(ae_transport *t, void *context)
{
    (void)context;
    aei_messages *m = NULL;
    ck_assert_ok(aei_messages_create(&m, t, 60));
    const size_t ranks = aei_messages_ranks(m), rank = aei_messages_rank(m);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        const size_t n = sizes[s];
        unsigned char *mine = malloc(n + 1), *all = malloc(ranks * n + 1);
        for (size_t i = 0; i < n; i++)
            mine[i] = byte_of(rank, i);
        ck_assert_ok(aei_messages_all_gather(m, mine, n, all));
        for (size_t r = 0; r < ranks; r++)
            for (size_t i = 0; i < n; i++)
                if (all[r * n + i] != byte_of(r, i))
                    ck_abort_msg("%zu bytes: byte %zu of rank %zu", n, i, r);
        for (size_t root = 0; root < ranks; root++) {
            for (size_t i = 0; i < n; i++)
                mine[i] = rank == root ? byte_of(root, i + 1) : 0;
            ck_assert_ok(aei_messages_broadcast(m, root, mine, n));
            for (size_t i = 0; i < n; i++)
                if (mine[i] != byte_of(root, i + 1))
                    ck_abort_msg("%zu bytes of root %zu: byte %zu", n, root, i);
        }
        free(mine);
        free(all);
    }
    aei_messages_free(m);
}

START_TEST(collective_calls_reach_every_rank)
{
    for (size_t ranks = 1; ranks <= 8; ranks += ranks < 5 ? 1 : 3)
        rank_threads_run(ranks, collect, NULL);
}
END_TEST

Suite *messages_suite(void)
{
    Suite *suite = suite_create("messages");
    TCase *collective = tcase_create("collective");
    tcase_add_test(collective, collective_calls_reach_every_rank);
    suite_add_tcase(suite, collective);
    return suite;
}
