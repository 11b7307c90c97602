/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CHECKPOINT_INTERNAL_H
#define AEI_CHECKPOINT_INTERNAL_H

#include "format/text.h"
#include "train/history_internal.h"

#include <libae/checkpoint.h>

/*
 * A checkpoint is a model file with more in it:
 *
 *     optimizer.first.NAME, optimizer.second.NAME   F32: moments
 *     best.NAME                                     F32: weights and statistics of the best epoch
 *     history                                       F64 [epochs, columns]
 *     libae.history_fields                          metadata: names of those columns
 *     libae.checkpoint                              metadata: JSON {"run": {...}, ...}
 *
 * so that ae_network_load opens it as well. Integers stand in strings, since a JSON number is a
 * double for many readers.
 */

/* The numbers of aei_progress: counts and reals. */
enum { AEI_PROGRESS_FIELDS = 12 };
extern const aei_field aei_progress_fields[AEI_PROGRESS_FIELDS];

/* All that two runs must share for one to go on where the other stopped, as a JSON object of
 * strings. */
void aei_run_describe(aei_text *json, const ae_trainer *trainer);

/* A hash of the bits of a long list. */
uint64_t aei_run_mark(const float *values, size_t count);

/* The cost that the best epoch is chosen by: "validation", with a mark of the rows' weights where
 * they have any, or "training". */
enum { AEI_CRITERION_TEXT = 64 };
void aei_run_criterion(const ae_trainer *trainer, char text[AEI_CRITERION_TEXT]);

#endif
