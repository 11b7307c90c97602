/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_SHARDS_H
#define AEI_SHARDS_H

#include <libae/dataset.h>
#include <libae/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/step.h"
#include "train/bounds.h"
#include "train/ranks.h"

/*
 * Data that are cut into shards: each rank has rows of its own, and a run's rows are those of rank
 * 0, of rank 1 and so on. A batch is what it would be with all rows in one place, so rows travel
 * from the ranks that have them to the ranks that compute with them.
 */

/* What the ranks said of their data. On one rank, and where all ranks have all rows, nobody has
 * shards. */
typedef struct aei_survey {
    bool sharded;
    size_t rows, validation_rows;             /* of all shards */
    bool missing;                             /* some rank's data have missing values */
    size_t ranks;                             /* where the rest has entries */
    size_t *first_row, *first_validation_row; /* [ranks + 1] of each rank; NULL without shards */
} aei_survey;

/*
 * Collective: ask all ranks. A dataset that is NULL has no rows. AE_ERROR_INVALID_ARGUMENT (the
 * ranks do not agree whether there are shards, or not all have validation rows), AE_ERROR_SHAPE
 * (too many rows), AE_ERROR_OUT_OF_MEMORY, AE_ERROR_COMMUNICATION.
 */
ae_status aei_survey_take(aei_survey *survey, aei_ranks *ranks, const ae_dataset *train_set,
                          const ae_dataset *validation, ae_toggle sharded);
void aei_survey_free(aei_survey *survey);

/* Rows on their way. The first members are the owner's to set. */
typedef struct aei_shards {
    aei_ranks *ranks;
    const aei_survey *survey;
    const ae_dataset *dataset; /* this rank's rows */
    const aei_bounds *bounds;  /* of its values, which are looked at as they are read */
    const aei_step *step;
    size_t batch; /* rows of a whole one */
    aei_slot *slots;
    uint32_t *numbers;          /* rows to be read */
    uint32_t *places;           /* 0, 1, ... */
    const float **row_at;       /* where each of this rank's rows of the batch is */
    const float **next_of_rank; /* scratch for that, of each rank */
    float *own;                 /* those that it has itself */
    unsigned char *memory;
} aei_shards;

/* Take the memory from an arena, twice, as it wants it; all members above `slots` are set. */
void aei_shards_lay_out(aei_shards *shards, aei_arena *arena);

/*
 * Collective: the rows that this rank's part of a batch wants, of so many numbers in the run's
 * order; `next` are those of the batch behind it, whose pages are asked for. A rank that cannot
 * read a row takes part all the same, and then fails: AE_ERROR_DATA, AE_ERROR_CANCELLED;
 * AE_ERROR_COMMUNICATION.
 */
ae_status aei_shards_take(aei_shards *shards, const uint32_t *order, size_t count, size_t next);

/* As aei_dataset_gather, of the batch at hand. */
void aei_shards_gather(const void *shards, const uint32_t *rows, size_t row_count, size_t first,
                       size_t count, float *out, size_t stride);

#endif
