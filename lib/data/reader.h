/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_READER_H
#define AEI_READER_H

#include <libae/dataset.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads a dataset batch by batch in an order that is known beforehand. Rows that are not in memory
 * are read by a thread of the reader's own, two batches ahead, and handed out as rows of a dataset
 * that is. Of a dataset in memory a reader hands out the rows themselves: it then has no thread and
 * no buffers.
 */
typedef struct aei_reader aei_reader;

/* Pages are asked for so many batches before their turn. */
enum { AEI_READER_HINTS = 8 };

/* A batch, for aei_dataset_gather: rows of `dataset` by number. */
typedef struct aei_batch {
    const ae_dataset *dataset;
    const uint32_t *rows;
    size_t count;
} aei_batch;

/*
 * Looks at a batch that was just read, row-major, in the reader's thread; `rows` are their numbers
 * in the dataset. Not called for datasets in memory.
 */
typedef ae_status (*aei_reader_check)(const void *context, const uint32_t *rows, size_t count,
                                      const float *values);

/*
 * A reader in the dataset's own order, `batch` rows at a time; 0: as suits those who take one row
 * after another. The dataset must outlive it; `check` may be NULL. AE_ERROR_OUT_OF_MEMORY,
 * AE_ERROR_THREAD.
 */
ae_status aei_reader_create(aei_reader **reader, const ae_dataset *dataset, size_t batch,
                            aei_reader_check check, const void *context);

/*
 * Rows of each batch that are read where others read the rest: a range of a batch's places, and
 * another of a batch with fewer rows than `batch`. Batches from `batches` on are not read.
 */
typedef struct aei_reader_share {
    size_t batches;
    size_t first, count;
    size_t last_first, last_count;
} aei_reader_share;

/* A reader of that share; share NULL: of everything. */
ae_status aei_reader_create_share(aei_reader **reader, const ae_dataset *dataset, size_t batch,
                                  const aei_reader_share *share, aei_reader_check check,
                                  const void *context);
void aei_reader_free(aei_reader *reader);
size_t aei_reader_memory(const aei_reader *reader);

/*
 * Read in this order from now on (NULL: the dataset's own), an entry for each row. What was read
 * ahead is forgotten and the thread idle when this returns: the array may then be changed until the
 * next batch is taken.
 */
void aei_reader_begin(aei_reader *reader, const uint32_t *order);

/* Until the thread is idle; what was read ahead is still to be had. */
void aei_reader_rest(aei_reader *reader);

/*
 * Called in the reader's thread before a batch is read, but not for datasets in memory. `first`:
 * the batch is not the one after the last, nor the first of an order that was promised.
 */
typedef void (*aei_reader_watcher)(void *context, size_t number, bool first);
void aei_reader_watch(aei_reader *reader, aei_reader_watcher watcher, void *context);

/*
 * For a watcher: this order will come after the one at hand, with the next aei_reader_begin. Pages
 * of its first batches are asked for before that. It must not change; the promise can be broken.
 */
void aei_reader_promise(aei_reader *reader, const uint32_t *order);

/*
 * Batch `number`, from 0; the last may be short. It is valid until the next call. Quick where the
 * number is one more than the last time; of a share it may be empty. On failure the batch is read
 * again by the next call. AE_ERROR_DATA, AE_ERROR_CANCELLED, whatever check returns; after a fork
 * AE_ERROR_OUT_OF_MEMORY, AE_ERROR_THREAD.
 */
ae_status aei_reader_take(aei_reader *reader, size_t number, aei_batch *batch);

/* The row at a place of the order, as features floats: quick where it comes after the last one. As
 * aei_reader_take, which it calls. */
ae_status aei_reader_row(aei_reader *reader, size_t place, float *values);

/* Batches that are read. */
size_t aei_reader_count(const aei_reader *reader);

#endif
