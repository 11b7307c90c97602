/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include "ranks/messages.h"

#include "faulty_transport.h"
#include "rank_threads.h"
#include "suites.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- two ranks of one thread ------------------------------------------------------------------ */

enum { BYTES = 100 };

/* Nothing waits unless it is told to, so that one thread can be both ranks. */
typedef struct duo {
    ae_transport *inner[2];
    faulty_transport faulty[2];
    aei_messages *m[2];
    aei_slot out, in; /* from rank 0 to rank 1 */
} duo;

static _Alignas(64) unsigned char out_memory[AEI_MESSAGE_HEADER + BYTES];
static _Alignas(64) unsigned char in_memory[AEI_MESSAGE_HEADER + BYTES];

static void duo_open(duo *d, double patience)
{
    memset(d, 0, sizeof *d);
    ck_assert_ok(ae_transport_create_threads(d->inner, 2));
    for (size_t i = 0; i < 2; i++) {
        faulty_wrap(&d->faulty[i], d->inner[i]);
        ck_assert_ok(aei_messages_create(&d->m[i], &d->faulty[i].outer, patience));
        aei_messages_begin(d->m[i], 17, AEI_WORD_GO, AE_OK);
    }
    d->out = (aei_slot){.memory = out_memory, .bytes = BYTES, .rank = 1, .tag = 4};
    d->in = (aei_slot){.memory = in_memory, .bytes = BYTES, .rank = 0, .tag = 4};
    memset(out_memory, 0x5A, sizeof out_memory);
    memset(in_memory, 0, sizeof in_memory);
}

static void duo_close(duo *d)
{
    for (size_t i = 0; i < 2; i++)
        aei_messages_free(d->m[i]);
    for (size_t i = 0; i < 2; i++)
        faulty_free(&d->faulty[i]);
    ae_transport_free_threads(d->inner, 2);
}

/* Send and receive; the receiver's status. */
static ae_status duo_pass(duo *d)
{
    bool done = false;
    ck_assert_ok(aei_messages_send(d->m[0], &d->out));
    ck_assert_ok(aei_messages_receive(d->m[1], &d->in));
    ck_assert(d->out.pending && d->in.pending);
    const ae_status status = aei_messages_test(d->m[1], &d->in, &done);
    ck_assert_int_eq(done, status == AE_OK);
    if (d->faulty[0].kind == FAULTY_NOT) {
        ck_assert_ok(aei_messages_test(d->m[0], &d->out, &done));
        ck_assert(done);
    }
    return status;
}

START_TEST(a_message_carries_its_payload_and_its_ranks_word)
{
    duo d;
    duo_open(&d, 60);
    aei_messages_begin(d.m[0], 18, AEI_WORD_FAILED, AE_ERROR_NO_SPACE);
    aei_messages_begin(d.m[1], 18, AEI_WORD_CANCELLED, AE_OK);
    size_t rank = 7;
    ae_status status = AE_OK;
    ck_assert_int_eq(aei_messages_word(d.m[1], &rank, &status), AEI_WORD_CANCELLED);
    ck_assert_uint_eq(rank, 1);
    ck_assert_ok(duo_pass(&d));
    ck_assert_int_eq(memcmp(in_memory + AEI_MESSAGE_HEADER, out_memory + AEI_MESSAGE_HEADER, BYTES),
                     0);
    ck_assert_int_eq(aei_messages_word(d.m[1], &rank, &status), AEI_WORD_FAILED);
    ck_assert_uint_eq(rank, 0);
    ck_assert_int_eq(status, AE_ERROR_NO_SPACE);
    ck_assert_uint_eq(aei_messages_bytes_sent(d.m[0]), AEI_MESSAGE_HEADER + BYTES);
    ck_assert_uint_eq(aei_messages_bytes_sent(d.m[1]), 0);
    aei_messages_begin(d.m[1], 19, AEI_WORD_GO, AE_OK);
    ck_assert_int_eq(aei_messages_word(d.m[1], NULL, NULL), AEI_WORD_GO);
    d.out.bytes = d.in.bytes = 0;
    aei_messages_begin(d.m[0], 19, AEI_WORD_DIVERGED, AE_OK);
    ck_assert_ok(duo_pass(&d));
    ck_assert_int_eq(aei_messages_word(d.m[1], NULL, NULL), AEI_WORD_DIVERGED);
    duo_close(&d);
    ck_assert_uint_eq(d.faulty[0].abandoned + d.faulty[1].abandoned, 0);
}
END_TEST

START_TEST(a_message_of_the_step_before_says_nothing_of_this_one)
{
    duo d;
    duo_open(&d, 60);
    bool done;
    aei_messages_begin(d.m[0], 17, AEI_WORD_CANCELLED, AE_OK);
    ck_assert_ok(aei_messages_receive(d.m[1], &d.in));
    ck_assert_ok(aei_messages_send(d.m[0], &d.out));
    aei_messages_begin(d.m[1], 18, AEI_WORD_GO, AE_OK);
    ck_assert_ok(aei_messages_test(d.m[1], &d.in, &done));
    ck_assert(done);
    ck_assert_int_eq(aei_messages_word(d.m[1], NULL, NULL), AEI_WORD_GO);
    ck_assert_ok(aei_messages_wait(d.m[0], &d.out, 1));
    duo_close(&d);
}
END_TEST

/* Every bit of the header and of the payload. */
START_TEST(any_flipped_bit_is_seen)
{
    for (size_t bit = 0; bit < 8 * sizeof in_memory; bit += support_slow() ? 7 : 1) {
        duo d;
        duo_open(&d, 60);
        d.faulty[0].kind = FAULTY_FLIP;
        d.faulty[0].at = 1;
        d.faulty[0].where = bit;
        const ae_status status = duo_pass(&d);
        ck_assert_msg(status == AE_ERROR_COMMUNICATION, "bit %zu", bit);
        ck_assert_msg(support_contains(ae_last_error(), "rank 0 (node00)"), "bit %zu: %s", bit,
                      ae_last_error());
        if (bit >= (size_t)8 * AEI_MESSAGE_HEADER)
            ck_assert_str_eq(ae_last_error(), "a message of rank 0 (node00) for step 17 arrived "
                                              "damaged (checksum)");
        duo_close(&d);
    }
}
END_TEST

START_TEST(any_cut_is_seen)
{
    for (size_t left = 1; left < sizeof in_memory; left++) {
        duo d;
        duo_open(&d, 60);
        d.faulty[0].kind = FAULTY_CUT;
        d.faulty[0].at = 1;
        d.faulty[0].where = left - 1;
        ck_assert_status(duo_pass(&d), AE_ERROR_COMMUNICATION, "arrived damaged");
        duo_close(&d);
    }
    duo d; /* the message before, whole in the receiver's memory, does not pass for this one */
    duo_open(&d, 60);
    ck_assert_ok(duo_pass(&d));
    d.faulty[0].kind = FAULTY_CUT;
    d.faulty[0].at = 1;
    out_memory[AEI_MESSAGE_HEADER] = 1;
    ck_assert_status(duo_pass(&d), AE_ERROR_COMMUNICATION, "arrived damaged");
    duo_close(&d);
}
END_TEST

START_TEST(a_message_of_another_step_is_named)
{
    duo d;
    duo_open(&d, 60);
    aei_messages_begin(d.m[0], 18, AEI_WORD_GO, AE_OK);
    ck_assert_status(duo_pass(&d), AE_ERROR_COMMUNICATION,
                     "a message of rank 0 (node00) for step 18 came instead of that for step 17");
    duo_close(&d);
    duo_open(&d, 60);
    d.out.bytes--;
    ck_assert_status(duo_pass(&d), AE_ERROR_COMMUNICATION, "arrived damaged (length)");
    duo_close(&d);
}
END_TEST

START_TEST(after_an_error_every_call_fails_with_its_text)
{
    duo d;
    duo_open(&d, 60);
    d.faulty[1].kind = FAULTY_REFUSE;
    d.faulty[1].at = 1;
    const char *text = "rank 0 (node00) cannot be reached at step 17, never heard: the transport "
                       "reports 77; the rank may have ended";
    unsigned char all[2];
    bool done;
    ck_assert_status(aei_messages_receive(d.m[1], &d.in), AE_ERROR_COMMUNICATION, text);
    ck_assert_status(aei_messages_send(d.m[1], &d.in), AE_ERROR_COMMUNICATION, text);
    ck_assert_status(aei_messages_test(d.m[1], &d.in, &done), AE_ERROR_COMMUNICATION, text);
    ck_assert_status(aei_messages_wait(d.m[1], &d.in, 1), AE_ERROR_COMMUNICATION, text);
    ck_assert_status(aei_messages_wait(d.m[1], NULL, 0), AE_ERROR_COMMUNICATION, text);
    ck_assert_status(aei_messages_rest(d.m[1]), AE_ERROR_COMMUNICATION, text);
    ck_assert_status(aei_messages_all_gather(d.m[1], "a", 1, all), AE_ERROR_COMMUNICATION, text);
    ck_assert_status(aei_messages_broadcast(d.m[1], 1, all, 1), AE_ERROR_COMMUNICATION, text);
    ck_assert_status(aei_messages_fail(d.m[1], "other"), AE_ERROR_COMMUNICATION, text);
    ck_assert_uint_eq(d.faulty[1].abandoned, 1);
    ck_assert_uint_eq(d.faulty[1].count, 1);
    duo_close(&d);
    ck_assert_uint_eq(d.faulty[1].abandoned, 1);
}
END_TEST

START_TEST(freeing_abandons_what_is_pending)
{
    duo d;
    duo_open(&d, 60);
    ck_assert_ok(aei_messages_receive(d.m[1], &d.in));
    duo_close(&d);
    ck_assert_uint_eq(d.faulty[0].abandoned, 0);
    ck_assert_uint_eq(d.faulty[1].abandoned, 1);
    aei_messages_free(NULL);
    duo_open(&d, 60);
    ck_assert_ok(aei_messages_receive(d.m[1], &d.in));
    ck_assert_status(aei_messages_fail(d.m[1], "enough"), AE_ERROR_COMMUNICATION, "enough");
    duo_close(&d);
    ck_assert_uint_eq(d.faulty[1].abandoned, 1);
}
END_TEST

/* --- silence ---------------------------------------------------------------------------------- */

START_TEST(all_silent_ranks_are_named)
{
    ae_transport *t[8];
    faulty_transport faulty = {0};
    aei_messages *m = NULL;
    ck_assert_ok(ae_transport_create_threads(t, 8));
    faulty_wrap(&faulty, t[1]);
    ck_assert_ok(aei_messages_create(&m, &faulty.outer, 0.01));
    aei_messages_begin(m, 812, AEI_WORD_GO, AE_OK);
    aei_slot slots[8] = {{0}};
    for (size_t r = 2; r < 8; r++) {
        slots[r] = (aei_slot){.memory = out_memory, .bytes = 8, .rank = r};
        ck_assert_ok(aei_messages_receive(m, &slots[r]));
    }
    ck_assert_status(
        aei_messages_wait(m, slots, 8), AE_ERROR_COMMUNICATION,
        "rank 2 (node02), rank 3 (node03), rank 4 (node04), rank 5 (node05) and 2 more "
        "silent for 0.01 s at step 812, never heard");
    aei_messages_free(m);
    faulty_free(&faulty);
    ae_transport_free_threads(t, 8);
}
END_TEST

START_TEST(a_silent_rank_was_last_heard_at_its_last_step)
{
    duo d;
    duo_open(&d, 0.01);
    ck_assert_ok(duo_pass(&d));
    aei_messages_begin(d.m[1], 18, AEI_WORD_GO, AE_OK);
    ck_assert_ok(aei_messages_receive(d.m[1], &d.in));
    ck_assert_status(aei_messages_wait(d.m[1], &d.in, 1), AE_ERROR_COMMUNICATION,
                     "rank 0 (node00) silent for 0.01 s at step 18, last heard at step 17");
    duo_close(&d);
}
END_TEST

/* What a rank does itself is no silence of the others: only a note starts their time again. */
START_TEST(patience_begins_with_a_note)
{
    duo d;
    duo_open(&d, 0.05);
    ck_assert_ok(aei_messages_receive(d.m[1], &d.in));
    for (int i = 0; i < 5; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
        aei_messages_note(d.m[1]);
    }
    ae_status status = AE_OK;
    while (status == AE_OK)
        status = aei_messages_rest(d.m[1]);
    ck_assert_status(aei_messages_rest(d.m[1]), AE_ERROR_COMMUNICATION, "silent for 0.05 s");
    duo_close(&d);
}
END_TEST

/* --- arguments -------------------------------------------------------------------------------- */

static void refused(const ae_transport *t, double patience, ae_status status, const char *part)
{
    aei_messages *m = NULL;
    ck_assert_status(aei_messages_create(&m, t, patience), status, part);
    ck_assert_ptr_null(m);
}

START_TEST(a_transport_is_checked_field_by_field)
{
    ae_transport *t[2];
    ck_assert_ok(ae_transport_create_threads(t, 2));
    const ae_transport good = *t[0];
    ae_transport bad = good;
    refused(NULL, 0, AE_ERROR_INVALID_ARGUMENT, "transport is NULL");
#define REFUSED(change, part)                              \
    do {                                                   \
        bad = good;                                        \
        bad.change;                                        \
        refused(&bad, 0, AE_ERROR_INVALID_ARGUMENT, part); \
    } while (0)
    REFUSED(size = 0, "ae_transport.size is 0");
    REFUSED(rank = 2, "ae_transport.rank is 2 of 2");
    REFUSED(rank_count = 0, "ae_transport.rank_count is 0");
    REFUSED(rank_count = 100000, "ae_transport.rank_count is 100000");
    REFUSED(send = NULL, "ae_transport.send is NULL");
    REFUSED(receive = NULL, "ae_transport.receive is NULL");
    REFUSED(test = NULL, "ae_transport.test is NULL");
    REFUSED(abandon = NULL, "ae_transport.abandon is NULL");
    REFUSED(size = offsetof(ae_transport, abandon), "ae_transport.abandon is NULL");
    refused(&good, -1, AE_ERROR_INVALID_ARGUMENT, "patience_seconds is -1");
    refused(&good, NAN, AE_ERROR_INVALID_ARGUMENT, "patience_seconds is nan");
    refused(&good, INFINITY, AE_ERROR_INVALID_ARGUMENT, "patience_seconds is inf");
    for (size_t n = 1; n <= 2; n++) {
        support_fail_allocation(n);
        refused(&good, 0, AE_ERROR_OUT_OF_MEMORY, "out of memory");
    }
    support_fail_allocation(0);
    bad = good;
    bad.size = offsetof(ae_transport, host); /* of a program whose header had no such field */
    bad.host = (const char *(*)(void *, size_t))(uintptr_t)1;
    aei_messages *m = NULL;
    ck_assert_ok(aei_messages_create(&m, &bad, 0));
    ck_assert_status(aei_messages_fail(m, "%d", 5), AE_ERROR_COMMUNICATION, "5");
    aei_messages_free(m);
    ae_transport_free_threads(t, 2);
}
END_TEST

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
    TCase *two = tcase_create("two ranks");
    tcase_add_test(two, a_message_carries_its_payload_and_its_ranks_word);
    tcase_add_test(two, a_message_of_the_step_before_says_nothing_of_this_one);
    tcase_add_test(two, any_flipped_bit_is_seen);
    tcase_add_test(two, any_cut_is_seen);
    tcase_add_test(two, a_message_of_another_step_is_named);
    tcase_add_test(two, after_an_error_every_call_fails_with_its_text);
    tcase_add_test(two, freeing_abandons_what_is_pending);
    tcase_add_test(two, a_transport_is_checked_field_by_field);
    suite_add_tcase(suite, two);
    TCase *silence = tcase_create("silence");
    tcase_add_test(silence, all_silent_ranks_are_named);
    tcase_add_test(silence, a_silent_rank_was_last_heard_at_its_last_step);
    tcase_add_test(silence, patience_begins_with_a_note);
    suite_add_tcase(suite, silence);
    TCase *collective = tcase_create("collective");
    tcase_add_test(collective, collective_calls_reach_every_rank);
    suite_add_tcase(suite, collective);
    return suite;
}
