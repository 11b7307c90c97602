/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_AHEAD_H
#define AEI_AHEAD_H

#include <libae/trainer.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "data/reader.h"

/*
 * The order of the epoch under way. Where rows come from a file, also that of the epoch after it:
 * the reader's thread makes it before the epoch ends, so that reading ahead does not stop there.
 * The thread has it all while a batch is being read; the owner after aei_reader_rest.
 */
typedef struct aei_ahead {
    const ae_trainer_options *options;
    const ae_dataset *dataset; /* NULL where rows come from other ranks too */
    aei_reader *reader;        /* NULL there */
    size_t rows;
    uint32_t *order, *next; /* next is NULL where rows are in memory, or too many */
    uint32_t *blocks;       /* scratch, where the order is of blocks */
    uint64_t epoch;         /* that the order is for, from 0 */
    bool made;              /* the owner's: there is such an order */
    uint64_t next_epoch;    /* that `next` is for; 0: none */
    int process;            /* which made it: a child of fork may have half of it */
    size_t asked;           /* places of the order whose blocks were asked for */
} aei_ahead;

/* Take the memory for orders of so many rows from an arena, twice, as it wants it. Options and
 * dataset stay. */
void aei_ahead_lay_out(aei_ahead *ahead, const ae_trainer_options *options,
                       const ae_dataset *dataset, size_t rows, aei_arena *arena);

/* Once there is a reader of that dataset. */
void aei_ahead_follow(aei_ahead *ahead, aei_reader *reader);

/* The order of this epoch from now on, a number for each row. */
const uint32_t *aei_ahead_turn(aei_ahead *ahead, uint64_t epoch);

#endif
