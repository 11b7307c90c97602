/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole runs over several ranks in which a message goes astray: each ends, and what it leaves on
 * disk is whole. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, nanosleep */
#include "faulty_transport.h"
#include "rank_run.h"
#include "suites.h"

#include <stdio.h>

enum { RANKS = 3, GROUPS = 6, ROUNDS = 20 };

/* One run, and the rank of it that strikes. */
typedef struct group {
    pthread_t thread;
    faulty_transport fault;
    size_t culprit;
    double patience;
    unsigned number;
    char path[512];
    const rank_file *whole; /* the model of a run in which nothing goes wrong */
    ae_status status[RANKS];
} group;

static rank_plan plan_of(const group *g)
{
    return (rank_plan){
        .validated = true,
        .options = {.checkpoint_path = g->path, .patience_seconds = g->patience, .epochs = 4}};
}

/* The trainer is good for nothing more, and says why each time. */
static void judge_broken(const group *g, ae_trainer *trainer)
{
    char text[512];
    strcpy(text, ae_last_error());
    ck_assert_msg(ae_trainer_step_count(trainer) % EPOCH_STEPS == 0,
                  "fault %u: a state within an epoch", g->number);
    ck_assert_int_eq(ae_trainer_run_step(trainer, NULL), AE_ERROR_COMMUNICATION);
    ck_assert_str_eq(ae_last_error(), text);
    ck_assert_int_eq(ae_trainer_run(trainer), AE_ERROR_COMMUNICATION);
    ck_assert_int_eq(ae_trainer_save_checkpoint(trainer, g->path), AE_ERROR_COMMUNICATION);
    ck_assert_int_eq(ae_trainer_resume(trainer, g->path), AE_ERROR_COMMUNICATION);
    ck_assert_str_eq(ae_last_error(), text);
}

static void run_rank(ae_transport *inner, void *context)
{
    group *g = context;
    faulty_transport faulty = {0};
    if (inner->rank == g->culprit)
        faulty = g->fault;
    faulty_wrap(&faulty, inner);
    const rank_plan plan = plan_of(g);
    rank_run r = rank_run_prepare(&plan);
    ae_status status = rank_run_create(&r, &plan, &faulty.outer);
    if (status == AE_OK) {
        status = ae_trainer_run(r.trainer);
        if (status != AE_OK)
            judge_broken(g, r.trainer);
    }
    g->status[inner->rank] = status;
    ck_assert_msg(status == AE_OK || status == AE_ERROR_COMMUNICATION, "fault %u: %s", g->number,
                  ae_last_error());
    if (status == AE_OK) {
        rank_file model = rank_run_model(r.network);
        ck_assert_msg(rank_file_same(&model, g->whole), "fault %u: other weights", g->number);
        rank_file_free(&model);
    }
    rank_run_finish(&r);
    faulty_free(&faulty);
}

static void *run_group(void *argument)
{
    rank_threads_run(RANKS, run_rank, argument);
    return NULL;
}

/* If there is a checkpoint one rank goes on from it, to the same weights. */
static void judge_file(const group *g)
{
    rank_plan plan = plan_of(g);
    rank_run r = rank_run_start(&plan, NULL);
    const ae_status status = ae_trainer_resume(r.trainer, g->path);
    ck_assert_msg(status == AE_OK || status == AE_ERROR_NOT_FOUND, "fault %u: %s", g->number,
                  ae_last_error());
    if (status == AE_OK) {
        ck_assert_ok(ae_trainer_run(r.trainer));
        rank_file model = rank_run_model(r.network);
        ck_assert_msg(rank_file_same(&model, g->whole), "fault %u: resumed otherwise", g->number);
        rank_file_free(&model);
        (void)remove(g->path);
    }
    rank_run_finish(&r);
}

static rank_file undisturbed(void)
{
    const rank_plan plan = {.validated = true, .options = {.epochs = 4}};
    rank_run r = rank_run_start(&plan, NULL);
    ck_assert_ok(ae_trainer_run(r.trainer));
    const rank_file model = rank_run_model(r.network);
    rank_run_finish(&r);
    return model;
}

START_TEST(a_fault_ends_the_run_and_leaves_a_whole_checkpoint)
{
    static group groups[GROUPS];
    rank_file whole = undisturbed();
    for (unsigned i = 0; i < GROUPS; i++) {
        group *g = &groups[i];
        const unsigned number = (unsigned)_i * GROUPS + i;
        uint64_t random = (number + 1) * UINT64_C(0x9E3779B97F4A7C15);
        random ^= random >> 29;
        *g = (group){.number = number,
                     .whole = &whole,
                     .culprit = number % RANKS,
                     .patience = support_slow() ? 3 : 0.5};
        g->fault.kind = (faulty_kind)(number % FAULTY_KINDS);
        g->fault.at = 1 + random % 500;
        g->fault.where = random >> 17;
        g->fault.seconds = 2 * g->patience;
        (void)snprintf(g->path, sizeof g->path, "%s/fault%u.safetensors", support_dir(), number);
        ck_assert_int_eq(pthread_create(&g->thread, NULL, run_group, g), 0);
    }
    for (unsigned i = 0; i < GROUPS; i++)
        (void)pthread_join(groups[i].thread, NULL);
    for (unsigned i = 0; i < GROUPS; i++)
        judge_file(&groups[i]);
    rank_file_free(&whole);
}
END_TEST

Suite *rank_faults_suite(void)
{
    Suite *suite = suite_create("rank_faults");
    TCase *cases = tcase_create("rank_faults");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, a_fault_ends_the_run_and_leaves_a_whole_checkpoint, 0,
                        support_slow() ? 4 : ROUNDS);
    suite_add_tcase(suite, cases);
    return suite;
}
