/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_TEAM_H
#define AEI_TEAM_H

#include <libae/status.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A small team of threads that run one function together, as in single program, multiple data.
 * Thread 0 is the caller's own. Created once for a trainer or session; asleep between runs; a
 * team of one has no thread at all. A team survives fork: the child starts its own threads at its
 * first run.
 */
typedef struct aei_team aei_team;

/* The team's work: every thread calls it once a run with its own number. */
typedef void (*aei_team_work)(void *context, size_t thread);

/* AE_ERROR_INVALID_ARGUMENT, AE_ERROR_OUT_OF_MEMORY, AE_ERROR_THREAD. */
ae_status aei_team_create(aei_team **team, size_t threads);
void aei_team_free(aei_team *team);
size_t aei_team_threads(const aei_team *team);

/* Run work in every thread and return when all are done. Fails (AE_ERROR_THREAD) only in the first
 * run after a fork. */
ae_status aei_team_run(aei_team *team, aei_team_work work, void *context);

/* Wait, inside work, until every thread of the team is here. */
void aei_team_barrier(aei_team *team);

/*
 * Work stealing over numbered tasks. Each thread starts with an equal share, in order; a thread
 * that has finished its own share steals from the end of another's, so that one slow core does not
 * delay the others. A task's result must not depend on the thread that runs it. `queues` has one
 * entry a thread. aei_work_queue_reset is called by one thread, between two runs.
 */
typedef struct aei_work_queue {
    alignas(64) _Atomic uint64_t left; /* tasks [first, last): first in the lower 32 bits */
} aei_work_queue;

void aei_work_queue_reset(aei_work_queue *queues, size_t threads, uint32_t tasks);

/* The next task for this thread; false when none is left. */
bool aei_work_queue_pop(aei_work_queue *queues, size_t threads, size_t thread, size_t *task);

#endif
