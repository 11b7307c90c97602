/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CHECKPOINT_H
#define AEI_CHECKPOINT_H

#include "format/text.h"
#include "train/trainer_internal.h"

/*
 * A checkpoint is a model file with more in it:
 *
 *     optimizer.first.NAME, optimizer.second.NAME   moments, F32
 *     best.NAME                                     the best epoch's weights and running
 *     statistics, F32 history                                       F64 [epochs, columns], the
 *     columns in libae.history_fields libae.checkpoint                              metadata: JSON
 *     {"run": {...}, "progress": {...}, ...}
 *
 * so that ae_network_load opens it as well. Integers stand in strings, since a JSON number is a
 * double for many readers.
 */

/* One number of aei_progress. */
typedef struct aei_progress_field {
    const char *name;
    size_t offset;
    bool real; /* a double, not a uint64_t */
} aei_progress_field;

enum { AEI_PROGRESS_FIELDS = 11, AEI_HISTORY_COLUMNS = 10 };
extern const aei_progress_field aei_progress_fields[AEI_PROGRESS_FIELDS];

/* "epoch,step,...": later versions may add columns at the end. */
extern const char aei_history_fields[];

/* All that two runs must share for one to go on where the other stopped, as a JSON object of
 * strings. */
void aei_run_describe(aei_text *json, const ae_trainer *trainer);

/* What the best epoch is judged by: "validation" or "training" cost. */
const char *aei_run_criterion(const ae_trainer *trainer);

#endif
