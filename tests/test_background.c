/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include "base/background.h"

#include "sanitized.h"
#include "suites.h"
#include "support.h"

#include <stdatomic.h>
#include <time.h>

enum { JOBS = 50 };

typedef struct journal {
    aei_background *worker;
    uint64_t numbers[4 * JOBS];
    atomic_size_t count;
    atomic_int held; /* jobs wait while it is 1 */
    atomic_int begun;
} journal;

static void nap(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

static void note(void *context, uint64_t number)
{
    journal *l = context;
    atomic_store(&l->begun, 1);
    while (atomic_load(&l->held) != 0)
        nap();
    l->numbers[atomic_load(&l->count)] = number;
    atomic_fetch_add(&l->count, 1);
}

START_TEST(jobs_are_done_in_order_and_waited_for)
{
    journal l = {0};
    ck_assert_ok(aei_background_create(&l.worker, note, &l));
    for (uint64_t i = 0; i < JOBS; i++)
        ck_assert_uint_eq(aei_background_post(l.worker), i);
    aei_background_wait(l.worker, 3);
    ck_assert_uint_ge(atomic_load(&l.count), 4);
    aei_background_finish(l.worker);
    ck_assert_uint_eq(atomic_load(&l.count), JOBS);
    for (uint64_t i = 0; i < JOBS; i++)
        ck_assert_uint_eq(l.numbers[i], i);
    aei_background_free(l.worker);
}
END_TEST

START_TEST(freeing_ends_the_job_under_way_and_begins_no_other)
{
    journal l = {0};
    atomic_store(&l.held, 1);
    ck_assert_ok(aei_background_create(&l.worker, note, &l));
    for (int i = 0; i < JOBS; i++)
        (void)aei_background_post(l.worker);
    nap();
    atomic_store(&l.held, 0);
    aei_background_free(l.worker);
    const size_t done = atomic_load(&l.count);
    nap();
    ck_assert_uint_eq(atomic_load(&l.count), done);
    aei_background_free(NULL);
}
END_TEST

START_TEST(a_worker_without_jobs_sleeps)
{
    journal l = {0};
    ck_assert_ok(aei_background_create(&l.worker, note, &l));
    aei_background_wait(l.worker, aei_background_post(l.worker));
    const clock_t before = clock();
    for (int i = 0; i < 250; i++)
        nap();
    const double busy = (double)(clock() - before) / CLOCKS_PER_SEC;
    ck_assert_msg(busy < 0.04, "%g s of processor time in 50 ms of sleep", busy);
    aei_background_free(l.worker);
}
END_TEST

static int goes_on(void *context)
{
    journal *l = context;
    bool lost = false;
    if (aei_background_mend(l->worker, &lost) != AE_OK || !lost)
        return 1;
    atomic_store(&l->held, 0);
    const size_t before = atomic_load(&l->count);
    aei_background_wait(l->worker, aei_background_post(l->worker));
    if (atomic_load(&l->count) != before + 1)
        return 2;
    if (aei_background_mend(l->worker, &lost) != AE_OK || lost)
        return 3;
    aei_background_free(l->worker);
    return 0;
}

static int only_free(void *context)
{
    aei_background_free(((journal *)context)->worker);
    return 0;
}

START_TEST(a_child_born_in_the_middle_of_a_job_gets_a_thread_of_its_own)
{
    journal l = {0};
    bool lost = true;
    ck_assert_ok(aei_background_create(&l.worker, note, &l));
    atomic_store(&l.held, 1);
    (void)aei_background_post(l.worker);
    (void)aei_background_post(l.worker);
    /* A thread that is only starting holds the address sanitizer's locks, which a child would wait
     * for. */
    while (atomic_load(&l.begun) == 0)
        nap();
    if (!THREAD_SANITIZER) {
        ck_assert_int_eq(support_in_child(goes_on, &l), 0);
        ck_assert_int_eq(support_in_child(only_free, &l), 0);
    }
    ck_assert_ok(aei_background_mend(l.worker, &lost));
    ck_assert(!lost);
    atomic_store(&l.held, 0);
    aei_background_finish(l.worker);
    ck_assert_uint_eq(atomic_load(&l.count), 2);
    aei_background_free(l.worker);
}
END_TEST

START_TEST(failing_allocations_start_nothing)
{
    journal l = {0};
    for (size_t n = 1;; n++) {
        support_fail_allocation(n);
        const ae_status status = aei_background_create(&l.worker, note, &l);
        support_fail_allocation(0);
        if (status == AE_OK) {
            ck_assert_uint_eq(n, 3);
            break;
        }
        ck_assert_int_eq(status, AE_ERROR_OUT_OF_MEMORY);
        ck_assert_ptr_null(l.worker);
    }
    aei_background_free(l.worker);
}
END_TEST

Suite *background_suite(void)
{
    Suite *suite = suite_create("background");
    TCase *tcase = tcase_create("background");
    tcase_add_test(tcase, jobs_are_done_in_order_and_waited_for);
    tcase_add_test(tcase, freeing_ends_the_job_under_way_and_begins_no_other);
    tcase_add_test(tcase, a_worker_without_jobs_sleeps);
    tcase_add_test(tcase, a_child_born_in_the_middle_of_a_job_gets_a_thread_of_its_own);
    tcase_add_test(tcase, failing_allocations_start_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
