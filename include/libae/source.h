/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_SOURCE_H
#define LIBAE_SOURCE_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/status.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * Fills one row.
 *
 * @param user as given to ae_dataset_create_from_callback
 * @param row which, from 0
 * @param values receives features floats; they are 0 before
 * @return 0, or anything else to stop
 */
typedef int (*ae_row_callback)(void *user, size_t row, float *values);

/**
 * A dataset in memory whose rows a function supplies. The function is called once for each row, in
 * order, in the calling thread, before this returns.
 *
 * @param dataset receives the dataset, which the caller frees; untouched on error
 * @param rows 1 to 4294967295
 * @param features at least 1
 * @param callback fills a row
 * @param user passed on to it
 * @param options NULL for the defaults; no_copy, map and stride must be 0
 * @return as ae_dataset_create_f32, and AE_ERROR_CANCELLED when the callback returned non-zero
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_create_from_callback(ae_dataset **dataset, size_t rows,
                                                            size_t features,
                                                            ae_row_callback callback, void *user,
                                                            const ae_dataset_options *options);

/**
 * Fills rows that are wanted.
 *
 * @param user as given in ae_row_source
 * @param rows count numbers, from 0, in any order, perhaps with repeats
 * @param count 1 to 256
 * @param values receives count x features floats, row-major, all NaN before the call: a value
 *        that is not set is refused, or a missing value where those are kept
 * @return 0, or anything else to stop
 */
typedef int (*ae_rows_callback)(void *user, const uint64_t *rows, size_t count, float *values);

/** Called once, when nobody will read any more. */
typedef void (*ae_release_callback)(void *user);

/**
 * Rows that a program supplies when they are wanted: from a data base, a format of its own, or a
 * file larger than memory. libae keeps none of them beyond the batches it is working on, so a row
 * is asked for in every epoch, and must be the same each time.
 * @since 0.1
 */
typedef struct ae_row_source {
    /** sizeof(ae_row_source) */
    size_t size;
    /** 1 to 4294967295 */
    size_t rows;
    /** of a row, at least 1 */
    size_t features;
    /**
     * Supplies rows. A trainer calls it from a thread of its own, two batches ahead, also between
     * two steps, until it is freed; other functions call it while they run. It is never called
     * twice at once. It must not use the dataset or the trainer.
     */
    ae_rows_callback read;
    /**
     * Called when the last dataset, view and trainer that reads from the source has been freed,
     * by the thread that frees it; default none. Not called when creating the dataset fails.
     */
    ae_release_callback release;
    /** passed on to both */
    void *user;
} ae_row_source;

/**
 * A dataset of rows that stay with the program and are asked for when they are needed. Training,
 * evaluation, scaling, views and everything else work on it as on one in memory, with the same
 * results bit for bit. Values are looked at each time they are read: one that is not finite is an
 * error of the call that reads it (AE_ERROR_DATA by row and column), and so is a source that stops
 * (AE_ERROR_CANCELLED by row). In a trainer that is the step; what was before the step stays.
 *
 * With AE_MISSING_KEEP a NaN that the source gives is a missing value (missing.h). As nothing is
 * read to find out, ae_dataset_has_missing then says 1 of the dataset and its views: a trainer fits
 * fill values to a network that has none, in one more reading, and other calls want a network that
 * has them.
 *
 * @param dataset receives the dataset, which the caller frees; untouched on error
 * @param source copied; what user points to must stay until release is called
 * @param options NULL for the defaults; no_copy, map and stride must be 0
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a zero, an option outside its range);
 *         AE_ERROR_SHAPE (label_count is not rows); AE_ERROR_UNSUPPORTED (an option that this
 *         release does not know); AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_create_from_source(ae_dataset **dataset,
                                                          const ae_row_source *source,
                                                          const ae_dataset_options *options);

AE_END_DECLS

#endif
