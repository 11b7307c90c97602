/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE /* sched_setaffinity */
#include "base/team.h"
#include "suites.h"
#include "support.h"

#include <check.h>
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__has_feature)
#define FEATURE(name) __has_feature(name)
#else
#define FEATURE(name) 0
#endif
#if defined(__SANITIZE_THREAD__) || FEATURE(thread_sanitizer)
#define THREAD_SANITIZER \
    true /* has a thread of its own, and allows none in the child of a threaded process */
#else
#define THREAD_SANITIZER false
#endif

enum { MOST = 8, ROUNDS = 200, SKIPPED = 77 };

/* Threads of this process, from its own /proc entry. */
static size_t count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL)
        return 0;
    size_t count = 0;
    for (struct dirent *entry = readdir(tasks); entry != NULL; entry = readdir(tasks))
        count += entry->d_name[0] != '.';
    (void)closedir(tasks);
    return count;
}

/* A joined thread may stay in /proc for an instant: wait for the expected number, two seconds at
 * most. */
static size_t settled_threads(size_t expected)
{
    size_t count = count_threads();
    for (int i = 0; i < 2000 && count != expected; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        count = count_threads();
    }
    return count;
}

static void mark(void *context, size_t thread)
{
    size_t *calls = context;
    calls[thread]++;
}

START_TEST(sizes_outside_1_to_1024_are_refused_and_the_result_is_left_alone)
{
    aei_team *team = NULL;
    ck_assert_int_eq(aei_team_create(&team, 0), AE_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(ae_last_error(), "threads is 0"));
    ck_assert_int_eq(aei_team_create(&team, 1025), AE_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(ae_last_error(), "threads is 1025"));
    ck_assert_int_eq(aei_team_create(NULL, 2), AE_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(team);
    aei_team_free(NULL);
}
END_TEST

START_TEST(every_thread_runs_once_a_run)
{
    for (size_t threads = 1; threads <= MOST; threads++) {
        aei_team *team;
        size_t calls[MOST] = {0};
        ck_assert_int_eq(aei_team_create(&team, threads), AE_OK);
        ck_assert_uint_eq(aei_team_threads(team), threads);
        for (size_t round = 1; round <= ROUNDS; round++) {
            ck_assert_int_eq(aei_team_run(team, mark, calls), AE_OK);
            for (size_t i = 0; i < MOST; i++)
                ck_assert_uint_eq(calls[i], i < threads ? round : 0);
        }
        aei_team_free(team);
    }
}
END_TEST

/* Two queues with a barrier between; plain counts, so that ThreadSanitizer sees a task taken
 * twice. */
typedef struct harvest {
    aei_team *team;
    aei_work_queue queues[2][MOST];
    size_t counts[2][ROUNDS];
} harvest;

static void take_tasks(void *context, size_t thread)
{
    harvest *h = context;
    const size_t threads = aei_team_threads(h->team);
    for (size_t i = 0; i < 2; i++) {
        for (size_t task; aei_work_queue_pop(h->queues[i], threads, thread, &task);)
            h->counts[i][task]++;
        aei_team_barrier(h->team);
    }
}

START_TEST(every_task_of_a_queue_is_taken_once)
{
    for (size_t threads = 1; threads <= MOST; threads++) {
        harvest h = {0};
        ck_assert_int_eq(aei_team_create(&h.team, threads), AE_OK);
        for (size_t run = 1; run <= 3; run++) {
            aei_work_queue_reset(h.queues[0], threads, ROUNDS);
            aei_work_queue_reset(h.queues[1], threads, ROUNDS);
            ck_assert_int_eq(aei_team_run(h.team, take_tasks, &h), AE_OK);
            for (size_t i = 0; i < ROUNDS; i++) {
                ck_assert_uint_eq(h.counts[0][i], run);
                ck_assert_uint_eq(h.counts[1][i], run);
            }
        }
        aei_team_free(h.team);
    }
}
END_TEST

START_TEST(a_thread_takes_its_own_tasks_first_and_then_steals_from_the_end_of_others)
{
    static const size_t expected[] = {2, 3, 6, 5, 4, 1, 0};
    aei_work_queue queues[3];
    aei_work_queue_reset(queues, 3, 7); /* 0 1, 2 3, 4 5 6 */
    size_t task;
    for (size_t i = 0; i < 7; i++) {
        ck_assert(aei_work_queue_pop(queues, 3, 1, &task));
        ck_assert_uint_eq(task, expected[i]);
    }
    for (size_t thread = 0; thread < 3; thread++)
        ck_assert(!aei_work_queue_pop(queues, 3, thread, &task));
    aei_work_queue_reset(queues, 3, 0);
    ck_assert(!aei_work_queue_pop(queues, 3, 0, &task));
}
END_TEST

START_TEST(a_team_never_used_can_be_freed)
{
    aei_team *team;
    ck_assert_int_eq(aei_team_create(&team, 4), AE_OK);
    aei_team_free(team);
}
END_TEST

START_TEST(thread_0_is_the_caller_and_a_team_of_one_starts_none)
{
    aei_team *team;
    size_t before = count_threads();
    ck_assert_int_eq(aei_team_create(&team, 1), AE_OK);
    ck_assert_uint_eq(count_threads(), before);
    aei_team_barrier(team);
    aei_team_free(team);

    ck_assert_int_eq(aei_team_create(&team, 3), AE_OK);
    if (before != 0 && !THREAD_SANITIZER)
        ck_assert_uint_eq(count_threads(), before + 2);
    aei_team_free(team);
    if (!THREAD_SANITIZER)
        ck_assert_uint_eq(settled_threads(before), before);
}
END_TEST

/* A table that is wrong as prefetch as one thread passes a barrier before another has reached
 * it. */
typedef struct relay {
    aei_team *team;
    size_t threads;
    size_t step[MOST]; /* plain memory: ThreadSanitizer checks that the barrier orders it */
    size_t errors[MOST];
    pthread_t self[MOST];
} relay;

static void pass_on(void *context, size_t thread)
{
    relay *r = context;
    r->self[thread] = pthread_self();
    for (size_t round = 1; round <= ROUNDS; round++) {
        r->step[thread]++;
        aei_team_barrier(r->team);
        for (size_t i = 0; i < r->threads; i++)
            r->errors[thread] += r->step[i] != r->step[thread];
        aei_team_barrier(r->team);
    }
}

static void check_relay(size_t threads)
{
    relay r = {.threads = threads};
    ck_assert_int_eq(aei_team_create(&r.team, threads), AE_OK);
    for (size_t run = 1; run <= 3; run++) {
        ck_assert_int_eq(aei_team_run(r.team, pass_on, &r), AE_OK);
        for (size_t i = 0; i < threads; i++) {
            ck_assert_uint_eq(r.errors[i], 0);
            ck_assert_uint_eq(r.step[i], run * ROUNDS);
            ck_assert_int_eq(pthread_equal(r.self[i], pthread_self()) != 0, i == 0);
        }
    }
    aei_team_free(r.team);
}

START_TEST(no_thread_passes_a_barrier_before_all_are_there)
{
    check_relay((size_t)_i);
}
END_TEST

START_TEST(more_threads_than_processors_make_progress)
{
    cpu_set_t before, one;
    CPU_ZERO(&one);
    ck_assert_int_eq(sched_getaffinity(0, sizeof before, &before), 0);
    size_t first = 0;
    while (!CPU_ISSET(first, &before))
        first++;
    CPU_SET(first, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    check_relay(MOST);
    ck_assert_int_eq(sched_setaffinity(0, sizeof before, &before), 0);
}
END_TEST

static int64_t processor_time(void)
{
    struct timespec used;
    ck_assert_int_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* Asleep uses next to nothing: 20 ms of processor time in 200 ms would be a tenth of one spinning
 * thread. */
START_TEST(an_idle_team_sleeps)
{
    aei_team *team;
    size_t calls[MOST] = {0};
    ck_assert_int_eq(aei_team_create(&team, 4), AE_OK);
    ck_assert_int_eq(aei_team_run(team, mark, calls), AE_OK);
    (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    int64_t before = processor_time();
    (void)nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    ck_assert_int_lt(processor_time() - before, 20000000);
    ck_assert_int_eq(aei_team_run(team, mark, calls), AE_OK);
    ck_assert_uint_eq(calls[3], 2);
    aei_team_free(team);
}
END_TEST

typedef struct late {
    aei_team *team;
    size_t straggler;
    bool done;
    bool seen[MOST];
} late;

static void arrive_late(void *context, size_t thread)
{
    late *l = context;
    if (thread == l->straggler) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
        l->done = true;
    }
    aei_team_barrier(l->team);
    l->seen[thread] = l->done;
}

/* Three milliseconds are far more than the time spent awake, so that the others are asleep. */
START_TEST(a_late_thread_wakes_those_asleep_at_the_barrier)
{
    late l = {.straggler = 0};
    ck_assert_int_eq(aei_team_create(&l.team, 2), AE_OK);
    for (l.straggler = 0; l.straggler < 2; l.straggler++) {
        l.done = false;
        ck_assert_int_eq(aei_team_run(l.team, arrive_late, &l), AE_OK);
        ck_assert(l.seen[0] && l.seen[1]);
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    aei_team_free(l.team);
}
END_TEST

static void read_mask(void *context, size_t thread)
{
    sigset_t *masks = context;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &masks[thread]);
}

START_TEST(signals_stay_with_the_programs_own_threads)
{
    aei_team *team;
    sigset_t before, masks[2];
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    ck_assert_int_eq(aei_team_create(&team, 2), AE_OK);
    ck_assert_int_eq(aei_team_run(team, read_mask, masks), AE_OK);
    aei_team_free(team);
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGUSR1, SIGCHLD, SIGPROF};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        ck_assert_int_eq(sigismember(&masks[0], signals[i]), sigismember(&before, signals[i]));
        ck_assert_int_eq(sigismember(&masks[1], signals[i]), 1);
    }
}
END_TEST

static int run_and_free(void *argument)
{
    aei_team *team = argument;
    const size_t before =
        count_threads(); /* more than this one where an emulator has a thread of its own */
    size_t calls[MOST] = {0};
    for (int i = 0; i < ROUNDS; i++)
        if (aei_team_run(team, mark, calls) != AE_OK)
            return 1;
    for (size_t i = 0; i < MOST; i++)
        if (calls[i] != (i < aei_team_threads(team) ? ROUNDS : 0))
            return 2;
    aei_team_free(team);
    return settled_threads(before) <= before ? 0 : 3;
}

static int only_free(void *argument)
{
    aei_team_free(argument);
    return 0;
}

static int fork_again(void *argument)
{
    return support_in_child(run_and_free, argument) == 0 ? run_and_free(argument) : 4;
}

START_TEST(a_team_works_in_parent_and_child_after_fork)
{
    aei_team *team;
    size_t calls[MOST] = {0};
    ck_assert_int_eq(aei_team_create(&team, 4), AE_OK);
    ck_assert_int_eq(aei_team_run(team, mark, calls), AE_OK);
    ck_assert_int_eq(support_in_child(only_free, team), 0);
    if (!THREAD_SANITIZER) {
        ck_assert_int_eq(support_in_child(run_and_free, team), 0);
        ck_assert_int_eq(support_in_child(fork_again, team), 0);
    }
    ck_assert_int_eq(aei_team_run(team, mark, calls), AE_OK);
    ck_assert_uint_eq(calls[3], 2);
    aei_team_free(team);
}
END_TEST

typedef struct birth {
    aei_team *team;
    int status;
} birth;

/* The child has a run half done, by threads it does not have, and asks for another. */
static void fork_inside(void *context, size_t thread)
{
    birth *b = context;
    aei_team_barrier(
        /* threads still starting may hold AddressSanitizer's locks, which a child keeps */
        b->team);
    if (thread == 0) {
        pid_t child = fork();
        if (child == 0)
            _exit(run_and_free(b->team));
        if (child < 0 || waitpid(child, &b->status, 0) != child)
            b->status = -1;
    }
    aei_team_barrier(b->team);
}

START_TEST(a_child_born_in_the_middle_of_a_run_starts_afresh)
{
    birth b = {.status = THREAD_SANITIZER ? 0 : -1};
    ck_assert_int_eq(aei_team_create(&b.team, 4), AE_OK);
    if (!THREAD_SANITIZER)
        ck_assert_int_eq(aei_team_run(b.team, fork_inside, &b), AE_OK);
    ck_assert(WIFEXITED(b.status));
    ck_assert_int_eq(WEXITSTATUS(b.status), 0);
    aei_team_free(b.team);
}
END_TEST

/*
 * As nobody, with room for a few processes only: every limit below what the team needs must give
 * the error and leave no thread behind, whether the first thread fails or a later one.
 */
static int create_under_limits(void *argument)
{
    (void)argument;
    if (geteuid() == 0 && setuid(65534) != 0)
        return SKIPPED;
    size_t before = count_threads();
    size_t refused = 0;
    for (rlim_t limit = 1; limit < 4096; limit++) {
        if (setrlimit(RLIMIT_NPROC, &(struct rlimit){limit, 4096}) != 0)
            return SKIPPED;
        aei_team *team = NULL;
        ae_status status = aei_team_create(&team, MOST);
        if (status == AE_OK) {
            aei_team_free(team);
            return refused > 0 ? 0 : SKIPPED;
        }
        if (status != AE_ERROR_THREAD || team != NULL ||
            strstr(ae_last_error(), " of 8 could not be started") == NULL)
            return 1;
        if (settled_threads(before) != before)
            return 2;
        refused++;
    }
    return SKIPPED;
}

START_TEST(a_thread_that_cannot_start_gives_an_error_and_leaves_none)
{
    ck_assert_int_eq(support_in_child(create_under_limits, NULL), 0);
}
END_TEST

Suite *team_suite(void)
{
    Suite *suite = suite_create("team");
    TCase *runs = tcase_create("runs");
    tcase_set_timeout(runs, 60);
    tcase_add_test(runs, sizes_outside_1_to_1024_are_refused_and_the_result_is_left_alone);
    tcase_add_test(runs, every_thread_runs_once_a_run);
    tcase_add_test(runs, every_task_of_a_queue_is_taken_once);
    tcase_add_test(runs, a_thread_takes_its_own_tasks_first_and_then_steals_from_the_end_of_others);
    tcase_add_test(runs, a_team_never_used_can_be_freed);
    tcase_add_test(runs, thread_0_is_the_caller_and_a_team_of_one_starts_none);
    tcase_add_loop_test(runs, no_thread_passes_a_barrier_before_all_are_there, 1, MOST + 1);
    tcase_add_test(runs, more_threads_than_processors_make_progress);
    tcase_add_test(runs, a_late_thread_wakes_those_asleep_at_the_barrier);
    tcase_add_test(runs, an_idle_team_sleeps);
    suite_add_tcase(suite, runs);
    TCase *process = tcase_create("process");
    tcase_set_timeout(process, 60);
    tcase_add_test(process, signals_stay_with_the_programs_own_threads);
    tcase_add_test(process, a_team_works_in_parent_and_child_after_fork);
    tcase_add_test(process, a_child_born_in_the_middle_of_a_run_starts_afresh);
    support_add_test(process, a_thread_that_cannot_start_gives_an_error_and_leaves_none,
                     support_in_child(create_under_limits, NULL) == SKIPPED
                         ? "no limit of processes for another user"
                         : NULL);
    suite_add_tcase(suite, process);
    return suite;
}
