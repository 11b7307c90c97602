/* SPDX-License-Identifier: BSD-3-Clause */
/* How is a reader kept busy where one epoch ends and another begins? */
#define _POSIX_C_SOURCE 200809L /* getpid */
#include "train/ahead.h"

#include "data/dataset_internal.h"
#include "train/order.h"

#include <unistd.h>

/* More rows than these have long epochs, in which the border is little, and a long second order. */
enum { MOST = 1 << 22 };

void aei_ahead_lay_out(aei_ahead *a, const ae_trainer_options *options, const ae_dataset *dataset,
                       size_t rows, aei_arena *arena)
{
    a->options = options;
    a->dataset = dataset;
    a->rows = rows;
    a->order = aei_arena_take(arena, rows, sizeof *a->order);
    a->blocks = aei_arena_take(arena, aei_order_blocks(options, rows), sizeof *a->blocks);
    if (rows <= MOST && dataset != NULL && !aei_dataset_is_resident(dataset))
        a->next = aei_arena_take(arena, rows, sizeof *a->next);
}

static bool is_ready(const aei_ahead *a)
{
    return a->next_epoch != 0 && a->process == (int)getpid();
}

/* Batches before the end at which the next epoch's rows begin to be asked for. */
static size_t lead(const ae_trainer_options *o)
{
    const size_t rows = o->shuffle == AE_SHUFFLE_BLOCKS ? o->shuffle_block * o->shuffle_window : 0;
    return AEI_READER_HINTS + 1 + rows / o->batch;
}

/* In the reader's thread. */
static void look(void *context, size_t number, bool first)
{
    aei_ahead *a = context;
    const uint32_t rows = (uint32_t)a->rows;
    if (a->next != NULL && number + lead(a->options) >= aei_reader_count(a->reader)) {
        if (!is_ready(a)) {
            aei_order_make(a->options, a->blocks, a->next, rows, a->epoch + 1);
            a->next_epoch = a->epoch + 1;
            a->process = (int)getpid();
        }
        aei_reader_promise(a->reader, a->next);
    }
    if (first)
        a->asked = aei_order_window(a->options, number);
    aei_order_hint(a->options, a->dataset, a->order, is_ready(a) ? a->next : NULL, number,
                   &a->asked);
}

void aei_ahead_follow(aei_ahead *a, aei_reader *reader)
{
    a->reader = reader;
    aei_reader_watch(reader, look, a);
}

const uint32_t *aei_ahead_turn(aei_ahead *a, uint64_t epoch)
{
    const size_t rows = a->rows;
    if (a->made && a->epoch == epoch)
        return a->order;
    if (a->reader != NULL)
        aei_reader_rest(a->reader); /* before the orders change under it */
    if (is_ready(a) && a->next_epoch == epoch) {
        uint32_t *const order = a->next;
        a->next = a->order;
        a->order = order;
        a->asked = a->asked > rows ? a->asked - rows : 0;
    } else {
        aei_order_make(a->options, a->blocks, a->order, (uint32_t)rows, epoch);
    }
    a->next_epoch = 0;
    a->epoch = epoch;
    a->made = true;
    if (a->reader != NULL)
        aei_reader_begin(a->reader, a->order);
    return a->order;
}
