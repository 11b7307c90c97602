/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs of messages in which one rank does something wrong once: 300 faults. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, nanosleep */
#include "base/error.h"
#include "faulty_transport.h"
#include "rank_threads.h"
#include "ranks/messages.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANKS = 3, STEPS = 5, GROUPS = 25, BYTES = 100 };

/* One group of ranks, one of which strikes. */
typedef struct group {
    faulty_transport plan;
    size_t culprit;
    double patience;
    ae_status status[RANKS];
    char text[RANKS][512];
    int struck, dead_end; /* dead_end: broken calls did not go on failing as they should */
    pthread_t thread;
} group;

/* No byte is what it was in the step before, so that no cut goes unseen for want of harm. */
static unsigned char step_byte(size_t step, size_t from, size_t to, size_t i)
{
    return (unsigned char)(2 * (59 * from + 37 * step + 17 * to + i) + 1);
}

typedef struct traffic {
    aei_messages *m;
    aei_slot slots[4];
    unsigned char (*memory)[2][AEI_MESSAGE_HEADER + BYTES];
} traffic;

static ae_status exchange(traffic *t, size_t step)
{
    const size_t rank = aei_messages_rank(t->m);
    for (size_t i = 0; i < 4; i++) {
        aei_slot *slot = &t->slots[i];
        const size_t other = (rank + 1 + i / 2) % RANKS;
        unsigned char *memory = t->memory[i / 2][i % 2];
        *slot = (aei_slot){.memory = memory, .bytes = BYTES, .rank = other, .tag = 1};
        for (size_t j = 0; j < BYTES && i % 2 == 0; j++)
            memory[AEI_MESSAGE_HEADER + j] = step_byte(step, rank, other, j);
        AE_TRY(i % 2 == 0 ? aei_messages_send(t->m, slot) : aei_messages_receive(t->m, slot));
    }
    AE_TRY(aei_messages_wait(t->m, t->slots, 4));
    for (size_t i = 1; i < 4; i += 2)
        for (size_t j = 0; j < BYTES; j++)
            if (t->slots[i].memory[AEI_MESSAGE_HEADER + j] !=
                step_byte(step, t->slots[i].rank, rank, j))
                ck_abort_msg("step %zu: a damaged message of rank %zu passed", step,
                             t->slots[i].rank);
    unsigned char mine = step_byte(step, rank, 0, 0), all[RANKS];
    AE_TRY(aei_messages_all_gather(t->m, &mine, 1, all));
    for (size_t r = 0; r < RANKS; r++)
        ck_assert_uint_eq(all[r], step_byte(step, r, 0, 0));
    return aei_messages_broadcast(t->m, step % RANKS, &mine, 1);
}

static void run_rank(ae_transport *inner, void *context)
{
    group *g = context;
    const size_t rank = inner->rank;
    faulty_transport faulty = {0};
    if (rank == g->culprit)
        faulty = g->plan;
    faulty_wrap(&faulty, inner);
    traffic t = {.memory = aligned_alloc(64, 4 * 192)};
    memset(t.memory, 0, 4 * 192);
    ae_status status = aei_messages_create(&t.m, &faulty.outer, g->patience);
    for (size_t step = 0; step < STEPS && status == AE_OK; step++) {
        aei_messages_begin(t.m, step, AEI_WORD_GO, AE_OK);
        status = exchange(&t, step);
    }
    g->status[rank] = status;
    if (status != AE_OK) {
        strcpy(g->text[rank], ae_last_error());
        const size_t before = faulty.count;
        if (exchange(&t, STEPS) != status || strcmp(g->text[rank], ae_last_error()) != 0 ||
            faulty.count != before || faulty.abandoned != 1)
            g->dead_end = 1;
    } else if (faulty.abandoned != 0) {
        g->dead_end = 1;
    }
    aei_messages_free(t.m);
    if (rank == g->culprit)
        g->struck = faulty.struck;
    faulty_free(&faulty);
    free(t.memory);
}

static void *run_group(void *argument)
{
    rank_threads_run(RANKS, run_rank, argument);
    return NULL;
}

/* Some rank has failed if there was a fault. Every error names another rank, and that of a survivor
 * names the one that is to blame, if only the first of them. */
static void judge(const group *g, unsigned number)
{
    size_t failed = 0, survivors = 0, blamed = 0;
    char culprit[32];
    (void)snprintf(culprit, sizeof culprit, "rank %zu (node0%zu)", g->culprit, g->culprit);
    ck_assert_msg(!g->dead_end, "fault %u: a call after the error", number);
    for (size_t r = 0; r < RANKS; r++) {
        if (g->status[r] == AE_OK)
            continue;
        failed++;
        ck_assert_msg(g->status[r] == AE_ERROR_COMMUNICATION && strstr(g->text[r], "rank ") != NULL,
                      "fault %u: %s", number, g->text[r]);
        char own[32];
        (void)snprintf(own, sizeof own, "rank %zu (", r);
        ck_assert_msg(strstr(g->text[r], own) == NULL, "fault %u: rank %zu says: %s", number, r,
                      g->text[r]);
        survivors += r != g->culprit;
        blamed += r != g->culprit && strstr(g->text[r], culprit) != NULL;
    }
    ck_assert_msg((failed > 0) == (g->struck && g->plan.kind != FAULTY_NOT),
                  "fault %u of kind %d, struck %d: %zu ranks failed", number, (int)g->plan.kind,
                  g->struck, failed);
    ck_assert_msg(survivors == 0 || blamed > 0, "fault %u of kind %d by rank %zu: %s | %s | %s",
                  number, (int)g->plan.kind, g->culprit, g->text[0], g->text[1], g->text[2]);
}

/* That this ends at all is the point: Check's time limit is the judge. */
START_TEST(a_fault_ends_the_run_everywhere_and_is_blamed_on_its_rank)
{
    static group groups[GROUPS];
    for (unsigned i = 0; i < GROUPS; i++) {
        const unsigned number = (unsigned)_i * GROUPS + i;
        uint64_t random = (number + 1) * UINT64_C(0x9E3779B97F4A7C15);
        random ^= random >> 29;
        group *g = &groups[i];
        memset(g, 0, sizeof *g);
        g->culprit = number % RANKS;
        g->patience = support_slow() ? 3 : 0.4;
        g->plan.kind = (faulty_kind)(number % FAULTY_KINDS);
        g->plan.at = 1 + random % 45;
        g->plan.where = random >> 17;
        g->plan.seconds = 2 * g->patience;
        ck_assert_int_eq(pthread_create(&g->thread, NULL, run_group, g), 0);
    }
    for (unsigned i = 0; i < GROUPS; i++)
        (void)pthread_join(groups[i].thread, NULL);
    for (unsigned i = 0; i < GROUPS; i++)
        judge(&groups[i], (unsigned)_i * GROUPS + i);
}
END_TEST

Suite *faults_suite(void)
{
    Suite *suite = suite_create("faults");
    TCase *faults = tcase_create("faults");
    tcase_set_timeout(faults, 60);
    tcase_add_loop_test(faults, a_fault_ends_the_run_everywhere_and_is_blamed_on_its_rank, 0,
                        support_slow() ? 2 : 12);
    suite_add_tcase(suite, faults);
    return suite;
}
