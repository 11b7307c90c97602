/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many threads at once, few that can be started, little stack, and a fork in the middle of a run.
 * That a run is cancelled from another thread, a callback or a signal handler is in the suite run.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, pthread_attr_setstack */
#include "far_rows.h"
#include "public_calls.h"
#include "sanitized.h"
#include "suites.h"
#include "thread_starts.h"
#include "world_state.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

/* --- at once ---------------------------------------------------------------------------------- */

enum { CALLERS = 6, WIDE = 40, MANY = 64 };

typedef struct caller {
    pthread_t thread;
    const ae_network *network;
    const float *rows;
    size_t number;
    float output[MANY * WIDE], scores[MANY];
} caller;

/* A session of its own, with one thread or two. */
static void *infer(void *argument)
{
    caller *c = argument;
    for (size_t round = 0; round < 4; round++) {
        ae_session *session = NULL;
        ck_assert_ok(ae_session_create(
            &session, c->network,
            AE_SESSION_OPTIONS(.threads = 1 + c->number % 2, .max_batch = (size_t)8 << round)));
        for (size_t again = 0; again < 3; again++) {
            ck_assert_ok(ae_session_reconstruct(session, c->rows, MANY, c->output));
            ck_assert_ok(ae_session_score(session, c->rows, MANY, c->scores, NULL, NULL));
        }
        ae_session_free(session);
    }
    return NULL;
}

static void run_all(caller *callers, void *(*function)(void *))
{
    for (size_t i = 0; i < CALLERS; i++)
        ck_assert_int_eq(pthread_create(&callers[i].thread, NULL, function, &callers[i]), 0);
    for (size_t i = 0; i < CALLERS; i++)
        (void)pthread_join(callers[i].thread, NULL);
}

START_TEST(sessions_of_many_threads_on_one_network_compute_the_same)
{
    static caller callers[CALLERS];
    ae_network *network = FIXTURE_NETWORK(WIDE, 33, 5, 33, WIDE);
    float *rows = fixture_values(MANY * WIDE, 0, 1, 3);
    for (size_t i = 0; i < CALLERS; i++)
        callers[i] = (caller){.network = network, .rows = rows, .number = i};
    run_all(callers, infer);
    for (size_t i = 1; i < CALLERS; i++) {
        ck_assert_mem_eq(callers[i].output, callers[0].output, sizeof callers[0].output);
        ck_assert_mem_eq(callers[i].scores, callers[0].scores, sizeof callers[0].scores);
    }
    free(rows);
    ae_network_free(network);
}
END_TEST

static int count_epoch(void *user, const ae_epoch_info *info)
{
    (void)info;
    ++*(size_t *)user;
    return 0;
}

/* All objects from creation to the end, with files of its own, and an error text of its own. */
static void *live(void *argument)
{
    caller *c = argument;
    char path[512], text[64];
    size_t epochs = 0;
    (void)snprintf(path, sizeof path, "%s/%zu.safetensors", support_dir(), c->number);
    ae_network *network = FIXTURE_NETWORK(WIDE, 9, 3, 9, WIDE), *loaded = NULL;
    ae_dataset *dataset = fixture_dataset_of(c->rows, MANY, WIDE);
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(
        network, adam, dataset,
        AE_TRAINER_OPTIONS(.batch = 16, .epochs = 3, .seed = 5, .threads = 1 + c->number % 3,
                           .on_epoch = count_epoch, .user = &epochs));
    ck_assert_ok(ae_trainer_run(trainer));
    ck_assert_uint_eq(epochs, 3);
    ck_assert_ok(ae_network_save(network, path));
    ck_assert_ok(ae_network_load(&loaded, path, NULL));
    ck_assert(fixture_same_state(network, loaded));
    (void)snprintf(text, sizeof text, "layer %zu", 100 + c->number);
    ae_layer_info layer = {.size = sizeof layer};
    ck_assert_status(ae_network_get_layer(network, 100 + c->number, &layer),
                     AE_ERROR_INVALID_ARGUMENT, text);
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, loaded, NULL));
    ck_assert_ok(ae_session_reconstruct(session, c->rows, MANY, c->output));
    ck_assert(support_contains(ae_last_error(), text));
    ae_session_free(session), ae_trainer_free(trainer), ae_optimizer_free(adam);
    ae_dataset_free(dataset), ae_network_free(network), ae_network_free(loaded);
    return NULL;
}

START_TEST(lives_side_by_side_have_the_same_bits)
{
    static caller callers[CALLERS];
    float *rows = fixture_values(MANY * WIDE, 0, 1, 3);
    (void)support_dir();
    for (size_t i = 0; i < CALLERS; i++)
        callers[i] = (caller){.rows = rows, .number = i};
    run_all(callers, live);
    for (size_t i = 1; i < CALLERS; i++)
        ck_assert_mem_eq(callers[i].output, callers[0].output, sizeof callers[0].output);
    free(rows);
}
END_TEST

/* --- threads that cannot be started ----------------------------------------------------------- */

/* Rows from a source are read ahead by a thread. */
static ae_status train_from_source(world *w)
{
    far_source *source = far_source_of(w->rows, TABLE_ROWS, FEATURES);
    ae_dataset *dataset = far_dataset(source);
    ae_trainer *trainer = NULL;
    ae_status status = ae_trainer_create(&trainer, w->network, NULL, dataset,
                                         AE_TRAINER_OPTIONS(.batch = 4, .threads = 2));
    if (status == AE_OK)
        status = ae_trainer_run_step(trainer, NULL);
    ae_trainer_free(trainer), ae_dataset_free(dataset);
    free(source);
    return status;
}

static size_t fail_each_start(const char *name, attempt call)
{
    world w;
    begin(&w);
    picture before = look(&w);
    size_t n = 1;
    for (;; n++) {
        const ptrdiff_t held = support_held_memory();
        const size_t threads = thread_count();
        thread_starts_fail(n);
        const ae_status status = call(&w);
        const int failed = thread_start_failed();
        thread_starts_fail(0);
        if (!failed) {
            ck_assert_msg(status == AE_OK, "%s: %s", name, ae_last_error());
            break;
        }
        ck_assert_msg(status == AE_ERROR_THREAD, "%s, thread %zu: %s", name, n,
                      ae_status_name(status));
        if (!support_slow()) /* an emulator has threads of its own */
            ck_assert_uint_eq(thread_count(), threads);
        ck_assert_msg(support_held_memory() == held, "%s, thread %zu: %td bytes leaked", name, n,
                      support_held_memory() - held);
        compare(&w, &before, name, n);
    }
    ae_network_free(before.network);
    end(&w);
    return n - 1;
}

START_TEST(a_thread_that_cannot_be_started_is_a_status)
{
    (void)fail_each_start(calls[_i].name, calls[_i].call);
}
END_TEST

/* So the hooks see them: two threads beside the caller's, and the one that reads ahead. */
START_TEST(so_many_threads_are_started)
{
    ck_assert_uint_eq(fail_each_start("ae_session_create", create_session), 2);
    ck_assert_uint_eq(fail_each_start("ae_trainer_create", create_trainer), 2);
    ck_assert_uint_ge(fail_each_start("ae_trainer_run_step", train_from_source), 2);
}
END_TEST

/* --- little stack ----------------------------------------------------------------------------- */

enum { STACK = 64 * 1024, UNTOUCHED = 0xA5 };

/* A call, and the thread's world; the stack's bytes tell how deep it went. */
typedef struct on_stack {
    world *w;
    attempt call;
    ae_status status;
} on_stack;

static void *call_on_stack(void *argument)
{
    on_stack *s = argument;
    s->status = s->call(s->w);
    return NULL;
}

/* A quarter stays free below the deepest call and the thread's own data. */
START_TEST(a_stack_of_64_kib_is_enough)
{
    world w;
    begin(&w);
    on_stack s = {.w = &w, .call = calls[_i].call, .status = AE_ERROR_STATE};
    unsigned char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                -1, 0);
    ck_assert_ptr_ne(stack, MAP_FAILED);
    memset(stack, UNTOUCHED, STACK);
    pthread_attr_t attributes;
    pthread_t thread;
    ck_assert_int_eq(pthread_attr_init(&attributes), 0);
    ck_assert_int_eq(pthread_attr_setstack(&attributes, stack, STACK), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, call_on_stack, &s), 0);
    (void)pthread_join(thread, NULL);
    ck_assert_msg(s.status == AE_OK, "%s: %s", calls[_i].name, ae_status_name(s.status));
    size_t left = 0;
    while (left < STACK && stack[left] == UNTOUCHED)
        left++;
    ck_assert_msg(left > STACK / 4, "%s: %zu bytes of stack", calls[_i].name, STACK - left);
    (void)pthread_attr_destroy(&attributes);
    (void)munmap(stack, STACK);
    end(&w);
}
END_TEST

/* --- fork ------------------------------------------------------------------------------------- */

/* Where the child leaves its network: a child has a folder of its own. */
static char inherited_path[512];

static int go_on(void *argument)
{
    world *w = argument;
    ck_assert_ok(ae_trainer_run(w->trainer));
    ck_assert_ok(ae_network_save(w->network, inherited_path));
    world fresh;
    begin(&fresh);
    end(&fresh);
    end(w);
    return 0;
}

/* The child finishes the run that it inherits, begins one of its own, and frees both. */
START_TEST(a_run_goes_on_in_the_child_and_in_the_parent_of_a_fork)
{
    world w;
    begin(&w);
    ck_assert_ok(ae_trainer_run_step(w.trainer, NULL));
    (void)snprintf(inherited_path, sizeof inherited_path, "%s/child", support_dir());
    ck_assert_int_eq(support_in_child(go_on, &w), 0);
    ck_assert_ok(ae_trainer_run(w.trainer));
    ae_network *other = NULL;
    ck_assert_ok(ae_network_load(&other, inherited_path, NULL));
    ck_assert(fixture_same_state(other, w.network));
    ae_network_free(other);
    end(&w);
}
END_TEST

/* --- at length -------------------------------------------------------------------------------- */

/* What a process holds. Pages of memory are the system's, `held` is what libae has allocated. */
typedef struct holding {
    size_t pages, files, threads;
    ptrdiff_t held;
} holding;

static holding look_at_process(void)
{
    holding h = {.files = support_entries("/proc/self/fd"),
                 .threads = thread_count(),
                 .held = support_held_memory()};
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%*u %zu", &h.pages), 1);
    (void)fclose(file);
    return h;
}

/* Threads that train, save, load and compute beside each other, then every public call. */
static void work_mixed(const ae_network *network, const float *rows)
{
    static caller callers[CALLERS];
    (void)support_dir(); /* made by one thread, for all */
    for (size_t i = 0; i < CALLERS; i++)
        callers[i] = (caller){.network = network, .rows = rows, .number = i};
    run_all(callers, live);
    run_all(callers, infer);
    for (size_t i = 0; i < COUNT(calls); i++) {
        world w;
        begin(&w);
        ck_assert_msg(calls[i].call(&w) == AE_OK, "%s: %s", calls[i].name, ae_last_error());
        end(&w);
        support_dir_remove();
    }
}

static double soak_seconds(void)
{
    const char *asked = getenv("AE_SOAK_SECONDS");
    return asked == NULL ? 1 : strtod(asked, NULL);
}

static double seconds_now(void)
{
    struct timespec t;
    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &t), 0);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The most pages of the second third of the time, and of the last: a leak of a few bytes a round
 * shows there, and in `held` at once. */
START_TEST(mixed_work_ends_with_what_it_began_with)
{
    enum { WARM = 1, SPARE_PAGES = 64 };
    ae_network *network = FIXTURE_NETWORK(WIDE, 33, 5, 33, WIDE);
    float *rows = fixture_values(MANY * WIDE, 0, 1, 3);
    size_t rounds = 0, most[3] = {0, 0, 0};
    holding first = {0};
    const double begun = seconds_now(), wanted = soak_seconds();
    for (double gone = 0; gone < wanted || rounds <= WARM; rounds++) {
        work_mixed(network, rows);
        const holding now = look_at_process();
        if (rounds < WARM)
            first = now;
        ck_assert_uint_eq(now.files, first.files);
        if (!support_slow())
            ck_assert_uint_eq(now.threads, first.threads);
        ck_assert_int_eq(now.held, first.held);
        gone = seconds_now() - begun;
        size_t *third = &most[gone < wanted ? (size_t)(3 * gone / wanted) : 2];
        *third = now.pages > *third ? now.pages : *third;
    }
    if (getenv("AE_SOAK_SECONDS") != NULL) {
        printf("mixed work: %zu rounds, pages at most %zu, %zu, %zu in the thirds\n", rounds,
               most[0], most[1], most[2]);
        ck_assert_uint_le(most[2], most[1] + SPARE_PAGES);
    }
    free(rows);
    ae_network_free(network);
}
END_TEST

Suite *concurrency_suite(void)
{
    Suite *suite = suite_create("concurrency");
    TCase *tcase = tcase_create("concurrency");
    const char *no_fork = THREAD_SANITIZER ? "ThreadSanitizer sees no threads in a child" : NULL;
    const char *no_stack = ADDRESS_SANITIZER || THREAD_SANITIZER || support_slow()
                               ? "sanitizers and emulators take more stack"
                               : NULL;
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_test(tcase, sessions_of_many_threads_on_one_network_compute_the_same);
    tcase_add_test(tcase, lives_side_by_side_have_the_same_bits);
    tcase_add_loop_test(tcase, a_thread_that_cannot_be_started_is_a_status, 0, COUNT(calls));
    tcase_add_test(tcase, so_many_threads_are_started);
    support_add_loop_test(tcase, a_stack_of_64_kib_is_enough, 0, COUNT(calls), no_stack);
    support_add_test(tcase, a_run_goes_on_in_the_child_and_in_the_parent_of_a_fork, no_fork);
    suite_add_tcase(suite, tcase);
    TCase *length = tcase_create("length");
    tcase_set_timeout(length, 60 + soak_seconds());
    tcase_add_checked_fixture(length, NULL, support_dir_remove);
    tcase_add_test(length, mixed_work_ends_with_what_it_began_with);
    suite_add_tcase(suite, length);
    return suite;
}
