/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Training that is killed at random moments and resumed ends with the weights of a run that nobody
 * disturbed. AE_CRASH_KILLS asks for another number of kills (make soak-crash).
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, nanosleep, kill */
#include "base/philox.h"
#include "base/unconst.h"
#include "small_run.h"
#include "suites.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EPOCHS = 16 };

static const char checkpoint[] = "run.safetensors", model[] = "model.safetensors";

static ae_status run_to_the_end(void)
{
    run r = prepare(fixture_adam(0.01f));
    start(&r, (ae_trainer_options){.epochs = EPOCHS,
                                   .checkpoint_path = checkpoint,
                                   .validation = r.validation,
                                   .restore_best = AE_TOGGLE_ON,
                                   .input_noise = 0.1f});
    ae_status status = AE_OK;
    if (access(checkpoint, F_OK) == 0)
        status = ae_trainer_resume(r.trainer, checkpoint);
    if (status == AE_OK)
        status = ae_trainer_run(r.trainer);
    if (status == AE_OK)
        status = ae_network_save(r.network, model);
    if (status != AE_OK)
        fprintf(stderr, "crash: %s\n", ae_last_error());
    finish(&r);
    return status;
}

static int child_run(void *unused)
{
    (void)unused;
    return run_to_the_end() == AE_OK ? 0 : 1;
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void sleep_for(double seconds)
{
    const struct timespec t = {.tv_sec = (time_t)seconds,
                               .tv_nsec = (int32_t)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&t, NULL);
}

/* Kill a run after some time; false when it had ended by then, which it must have done well. */
static bool kill_run_after(double seconds)
{
    fflush(NULL);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(child_run(NULL));
    sleep_for(seconds);
    (void)kill(child, SIGKILL);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a resumed run failed");
    return false;
}

static size_t wanted_kills(void)
{
    const char *asked = getenv("AE_CRASH_KILLS");
    return asked == NULL ? (support_slow() ? 3 : 25) : (size_t)strtoul(asked, NULL, 10);
}

/* Runs are killed within the time of a whole one, one after another; an ended one is taken back. */
START_TEST(a_killed_run_resumes_to_the_same_weights)
{
    const double begin = now();
    ck_assert_int_eq(support_in_child(child_run, NULL), 0);
    const double whole = now() - begin;
    size_t size, kills = 0, ended = 0;
    unsigned char *wanted = support_read(model, &size);
    const size_t most = wanted_kills();
    for (size_t turn = 0; kills < most || ended == 0; turn++) {
        const float part = aei_random_uniform(5, AEI_STREAM_NOISE, 0, turn);
        if (kills < most && kill_run_after((double)part * whole)) {
            kills++;
            continue;
        }
        if (kills >= most)
            ck_assert_int_eq(support_in_child(child_run, NULL), 0);
        size_t found_size;
        unsigned char *found = support_read(model, &found_size);
        ck_assert_msg(found_size == size && memcmp(found, wanted, size) == 0,
                      "after %zu kills: other weights", kills);
        free(found);
        ended++;
        ck_assert_uint_eq(support_entries("."), 2);
        ck_assert_int_eq(remove(checkpoint), 0);
        ck_assert_int_eq(remove(model), 0);
    }
    printf("crash: %zu kills, %zu runs resumed to the end, the same weights\n", kills, ended);
    free(wanted);
}
END_TEST

/* A reader and two writers of one file: whole files only. */
static int write_for_ever(void *which)
{
    run r = prepare(fixture_adam(0.01f));
    start(&r, (ae_trainer_options){0});
    for (size_t epoch = 0; epoch < (*(const size_t *)which == 0 ? 1 : 3); epoch++)
        ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    for (size_t i = 0; i < 40; i++)
        if (ae_network_save(r.network, model) != AE_OK)
            return 1;
    finish(&r);
    return 0;
}

START_TEST(a_reader_sees_whole_files_of_either_writer)
{
    const size_t which[] = {0, 1};
    pid_t writers[2];
    ck_assert_int_eq(support_in_child(write_for_ever, aei_unconst(&which[0])), 0);
    fflush(NULL);
    for (size_t i = 0; i < 2; i++) {
        writers[i] = fork();
        ck_assert_int_ge(writers[i], 0);
        if (writers[i] == 0)
            _exit(write_for_ever(aei_unconst(&which[i])));
    }
    size_t reads = 0, left = 2;
    while (left > 0) {
        ae_network *network = NULL;
        ck_assert_ok(ae_network_load(&network, model, NULL));
        ae_network_free(network);
        reads++;
        int status;
        const pid_t ended = waitpid(-1, &status, WNOHANG);
        if (ended > 0) {
            ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            left--;
        }
    }
    printf("crash: 80 files written by two processes, %zu times read whole\n", reads);
    ck_assert_uint_eq(support_entries("."), 1);
}
END_TEST

Suite *crash_suite(void)
{
    Suite *suite = suite_create("crash");
    TCase *cases = tcase_create("crash");
    tcase_set_timeout(cases, 3600);
    tcase_add_checked_fixture(cases, support_dir_enter, support_dir_leave);
    tcase_add_test(cases, a_killed_run_resumes_to_the_same_weights);
    tcase_add_test(cases, a_reader_sees_whole_files_of_either_writer);
    suite_add_tcase(suite, cases);
    return suite;
}
