/* SPDX-License-Identifier: BSD-3-Clause */
#include <libae/transport.h>

#include "rank_threads.h"
#include "suites.h"

#include <libae/cpu.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static ae_message message_of(void *data, size_t bytes, size_t rank, uint32_t tag)
{
    return (ae_message){sizeof(ae_message), data, bytes, rank, tag, 0};
}

static void *start(ae_transport *t, unsigned incoming, void *data, size_t bytes, size_t rank,
                   uint32_t tag)
{
    void *request = NULL;
    const ae_message message = message_of(data, bytes, rank, tag);
    ck_assert_int_eq((incoming ? t->receive : t->send)(t->user, &message, &request), 0);
    ck_assert_ptr_nonnull(request);
    return request;
}

static int is_done(ae_transport *t, void **request)
{
    int done = 7;
    ck_assert_int_eq(t->test(t->user, request, &done), 0);
    ck_assert(done == 0 || (done == 1 && *request == NULL));
    return done;
}

static void finish(ae_transport *t, void *request)
{
    while (!is_done(t, &request))
        (void)sched_yield();
}

/* Two ranks of one thread, which the functions allow since none of them waits. */
typedef struct pair {
    ae_transport *t[2];
} pair;

static pair make_pair(void)
{
    pair p;
    ck_assert_ok(ae_transport_create_threads(p.t, 2));
    return p;
}

START_TEST(a_message_arrives_whoever_comes_first)
{
    pair p = make_pair();
    for (unsigned receiver_first = 0; receiver_first < 2; receiver_first++) {
        char out[] = "seven", in[8] = "";
        void *r[2];
        r[receiver_first] = start(p.t[receiver_first], receiver_first, receiver_first ? in : out, 6,
                                  !receiver_first, 3);
        ck_assert_int_eq(is_done(p.t[receiver_first], &r[receiver_first]), 0);
        r[!receiver_first] = start(p.t[!receiver_first], !receiver_first, receiver_first ? out : in,
                                   6, receiver_first, 3);
        ck_assert_int_eq(is_done(p.t[0], &r[0]), 1);
        ck_assert_int_eq(is_done(p.t[1], &r[1]), 1);
        ck_assert_str_eq(in, "seven");
    }
    ae_transport_free_threads(p.t, 2);
    ck_assert_ptr_null(p.t[0]);
    ck_assert_ptr_null(p.t[1]);
}
END_TEST

START_TEST(messages_match_by_rank_and_tag_in_order)
{
    ae_transport *t[3];
    ck_assert_ok(ae_transport_create_threads(t, 3));
    char a = 'a', b = 'b', c = 'c', d = 'd', in[4] = "";
    void *out[] = {start(t[0], 0, &a, 1, 2, 1), start(t[0], 0, &b, 1, 2, 1),
                   start(t[0], 0, &c, 1, 2, 9), start(t[1], 0, &d, 1, 2, 1)};
    void *r[] = {start(t[2], 1, &in[0], 1, 1, 1), start(t[2], 1, &in[1], 1, 0, 9),
                 start(t[2], 1, &in[2], 1, 0, 1), start(t[2], 1, &in[3], 1, 0, 1)};
    for (size_t i = 0; i < 4; i++) {
        finish(t[2], r[i]);
        finish(t[i == 3], out[i]);
    }
    ck_assert_int_eq(memcmp(in, "dcab", 4), 0);
    ae_transport_free_threads(t, 3);
}
END_TEST

/* Every rank to every other, under several tags at once, many times. */
enum { TRAFFIC_RANKS = 5, TAGS = 3, ROUNDS = 200 };

static void traffic(ae_transport *t, void *context)
{
    (void)context;
    static _Thread_local size_t out[TRAFFIC_RANKS][TAGS][64], in[TRAFFIC_RANKS][TAGS][64];
    for (size_t round = 0; round < ROUNDS; round++) {
        void *requests[2 * TRAFFIC_RANKS * TAGS];
        size_t count = 0;
        for (size_t r = 0; r < TRAFFIC_RANKS; r++) {
            for (uint32_t tag = 0; tag < TAGS && r != t->rank; tag++) {
                for (size_t i = 0; i < 64; i++)
                    out[r][tag][i] = (t->rank * 100 + r) * 1000 + round * 10 + tag;
                requests[count++] = start(t, 1, in[r][tag], sizeof in[r][tag], r, tag);
                requests[count++] = start(t, 0, out[r][tag], sizeof out[r][tag], r, tag);
            }
        }
        while (count > 0)
            finish(t, requests[--count]);
        for (size_t r = 0; r < TRAFFIC_RANKS; r++)
            for (uint32_t tag = 0; tag < TAGS && r != t->rank; tag++)
                for (size_t i = 0; i < 64; i++)
                    ck_assert_uint_eq(in[r][tag][i], (r * 100 + t->rank) * 1000 + round * 10 + tag);
    }
}

START_TEST(threads_exchange_at_the_same_time)
{
    rank_threads_run(TRAFFIC_RANKS, traffic, NULL);
}
END_TEST

START_TEST(messages_under_way_are_dropped_when_freed)
{
    pair p = make_pair();
    char byte = 1;
    (void)start(p.t[0], 0, &byte, 1, 1, 0);
    (void)start(p.t[1], 1, &byte, 1, 0, 5);
    ae_transport_free_threads(p.t, 2);
    ae_transport_free_threads(p.t, 2);
    ae_transport_free_threads(NULL, 2);
}
END_TEST

START_TEST(a_rank_that_gave_up_fails_the_others)
{
    pair p = make_pair();
    char out[2] = "ab", in[3] = {0};
    void *before = start(p.t[1], 0, &out[0], 1, 0, 0);
    void *first = start(p.t[0], 1, &in[0], 1, 1, 0);
    ck_assert_int_eq(is_done(p.t[1], &before), 1);
    void *never = start(p.t[0], 1, &in[1], 1, 1, 0);
    (void)start(p.t[1], 0, &out[1], 1, 0, 7); /* nobody waits for it, and its memory is not read */
    p.t[1]->abandon(p.t[1]->user);
    ck_assert_int_eq(is_done(p.t[0], &first), 1);
    ck_assert_int_eq(in[0], 'a');
    int done = 0;
    ck_assert_int_ne(p.t[0]->test(p.t[0]->user, &never, &done), 0);
    void *late = start(p.t[0], 1, &in[2], 1, 1, 7);
    ck_assert_int_ne(p.t[0]->test(p.t[0]->user, &late, &done), 0);
    void *request = NULL;
    const ae_message message = message_of(in, 1, 0, 0);
    ck_assert_int_ne(p.t[1]->send(p.t[1]->user, &message, &request), 0);
    ae_transport_free_threads(p.t, 2);
}
END_TEST

START_TEST(a_message_longer_than_expected_fails_its_receiver)
{
    pair p = make_pair();
    char out[4] = "abc", in[4] = "xyz";
    void *sent = start(p.t[0], 0, out, 3, 1, 0), *received = start(p.t[1], 1, in, 2, 0, 0);
    int done = 0;
    ck_assert_int_ne(p.t[1]->test(p.t[1]->user, &received, &done), 0);
    ck_assert_int_eq(is_done(p.t[0], &sent), 1);
    ck_assert_str_eq(in, "xyz");
    void *request = NULL;
    const ae_message nowhere = message_of(out, 1, 2, 0);
    ck_assert_int_ne(p.t[0]->send(p.t[0]->user, &nowhere, &request), 0);
    ae_transport_free_threads(p.t, 2);
}
END_TEST

START_TEST(arguments_are_checked)
{
    ae_transport *t[2] = {NULL};
    ck_assert_status(ae_transport_create_threads(NULL, 2), AE_ERROR_INVALID_ARGUMENT, "transports");
    ck_assert_status(ae_transport_create_threads(t, 0), AE_ERROR_INVALID_ARGUMENT, "rank_count");
    ck_assert_status(ae_transport_create_threads(t, 1025), AE_ERROR_INVALID_ARGUMENT, "1025");
    for (size_t n = 1; n <= 3; n++) {
        support_fail_allocation(n);
        ck_assert_status(ae_transport_create_threads(t, 2), AE_ERROR_OUT_OF_MEMORY, "bytes");
        ck_assert_ptr_null(t[0]);
    }
    support_fail_allocation(0);
    ck_assert_ok(ae_transport_create_threads(t, 1));
    ae_transport_free_threads(t, 1);
    pair p = make_pair();
    char byte = 0;
    const ae_message message = message_of(&byte, 1, 1, 0);
    void *request = NULL;
    support_fail_allocation(1);
    ck_assert_int_ne(p.t[0]->send(p.t[0]->user, &message, &request), 0);
    support_fail_allocation(0);
    ae_transport_free_threads(p.t, 2);
}
END_TEST

/* --- kernels for all -------------------------------------------------------------------------- */

static void agree(ae_transport *t, void *context)
{
    (void)context;
    char name[32] = "untouched", small[4] = "xyz";
    if (t->rank == 1)
        ck_assert_status(ae_transport_agree_kernels(t, 0, small, sizeof small),
                         AE_ERROR_BUFFER_SIZE, "size is 4");
    else
        ck_assert_ok(ae_transport_agree_kernels(t, 0, name, sizeof name));
    ck_assert_str_eq(small, "xyz");
    ck_assert_ok(ae_transport_agree_kernels(t, 0, name, sizeof name));
    ae_cpu_info info = {.size = sizeof info};
    ck_assert_ok(ae_cpu_get_info(&info));
    ck_assert_str_eq(name, info.kernels);
}

START_TEST(ranks_on_one_machine_agree_on_its_widest_kernels)
{
    for (size_t ranks = 1; ranks <= 5; ranks++)
        rank_threads_run(ranks, agree, NULL);
}
END_TEST

START_TEST(agreeing_checks_its_arguments)
{
    pair p = make_pair();
    char name[32];
    ck_assert_status(ae_transport_agree_kernels(NULL, 0, name, sizeof name),
                     AE_ERROR_INVALID_ARGUMENT, "transport is NULL");
    ck_assert_status(ae_transport_agree_kernels(p.t[0], 0, NULL, 0), AE_ERROR_INVALID_ARGUMENT,
                     "name is NULL");
    ck_assert_status(ae_transport_agree_kernels(p.t[0], -1, name, sizeof name),
                     AE_ERROR_INVALID_ARGUMENT, "patience_seconds");
    ck_assert_status(ae_transport_agree_kernels(p.t[0], 0.01, name, sizeof name),
                     AE_ERROR_COMMUNICATION, "rank 1 silent for 0.01 s");
    ck_assert_status(ae_transport_agree_kernels(p.t[1], 5, name, sizeof name),
                     AE_ERROR_COMMUNICATION, "rank 0 cannot be reached");
    ae_transport_free_threads(p.t, 2);
}
END_TEST

Suite *transport_suite(void)
{
    Suite *suite = suite_create("transport");
    TCase *threads = tcase_create("threads");
    tcase_add_test(threads, a_message_arrives_whoever_comes_first);
    tcase_add_test(threads, messages_match_by_rank_and_tag_in_order);
    tcase_add_test(threads, threads_exchange_at_the_same_time);
    tcase_add_test(threads, messages_under_way_are_dropped_when_freed);
    tcase_add_test(threads, a_rank_that_gave_up_fails_the_others);
    tcase_add_test(threads, a_message_longer_than_expected_fails_its_receiver);
    tcase_add_test(threads, arguments_are_checked);
    suite_add_tcase(suite, threads);
    TCase *kernels = tcase_create("kernels");
    tcase_add_test(kernels, ranks_on_one_machine_agree_on_its_widest_kernels);
    tcase_add_test(kernels, agreeing_checks_its_arguments);
    suite_add_tcase(suite, kernels);
    return suite;
}
