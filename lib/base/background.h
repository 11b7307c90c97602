/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_BACKGROUND_H
#define AEI_BACKGROUND_H

#include <libae/status.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * One thread that does jobs in the background, in the order in which they were asked for. Jobs are
 * numbered from 0; what a number means is the owner's affair. Asleep while there is nothing to do.
 * All calls come from one thread at a time, the owner's.
 */
typedef struct aei_background aei_background;

typedef void (*aei_background_job)(void *context, uint64_t number);

/* AE_ERROR_OUT_OF_MEMORY, AE_ERROR_THREAD. */
ae_status aei_background_create(aei_background **worker, aei_background_job job, void *context);

/* Waits for the job under way; those behind it are not begun. */
void aei_background_free(aei_background *worker);

/* Ask for one more job; its number. */
uint64_t aei_background_post(aei_background *worker);

/* Until this job is done. */
void aei_background_wait(aei_background *worker, uint64_t number);

/* Until all jobs are done. */
void aei_background_finish(aei_background *worker);

/*
 * To be called before the others wherever a fork may have happened. A child of fork has no such
 * thread: it gets one, *lost is true, and jobs that had not been waited for must be posted again.
 * AE_ERROR_OUT_OF_MEMORY, AE_ERROR_THREAD.
 */
ae_status aei_background_mend(aei_background *worker, bool *lost);

#endif
