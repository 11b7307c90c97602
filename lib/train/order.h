/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_ORDER_H
#define AEI_ORDER_H

#include <libae/trainer.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The order in which an epoch takes the rows: a function of seed and epoch alone, so that a resumed
 * run finds the same.
 */

/* Check a trainer's options about the order and put in the defaults. AE_ERROR_INVALID_ARGUMENT. */
ae_status aei_order_resolve(ae_trainer_options *options);

/* Blocks among so many rows; 0 where the order has none. */
size_t aei_order_blocks(const ae_trainer_options *options, size_t rows);

/* The numbers 0 to rows - 1 in the order of an epoch, from 0; `blocks` is scratch for as many
 * numbers as there are blocks. */
void aei_order_make(const ae_trainer_options *options, uint32_t *blocks, uint32_t *numbers,
                    uint32_t rows, uint64_t epoch);

/* Where the order has blocks: the place at which the window of this step begins. */
size_t aei_order_window(const ae_trainer_options *options, size_t step);

/*
 * Where the order has blocks and the dataset is a file: blocks that will be needed are asked for in
 * whole, from place *asked of the order on to some way ahead of this step. Behind the last place
 * comes the first of `next`, the next epoch's order, unless it is NULL.
 */
void aei_order_hint(const ae_trainer_options *options, const ae_dataset *dataset,
                    const uint32_t *numbers, const uint32_t *next, size_t step, size_t *asked);

#endif
