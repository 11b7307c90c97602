/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_VIEW_H
#define LIBAE_VIEW_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/status.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * A dataset of the same rows with these labels, without copying features. Labels that the dataset
 * had are not kept.
 *
 * @param labelled receives the new dataset, which the caller frees; it shares the rows' storage
 * @param dataset rows to label; freed by the caller as before
 * @param labels a label for each row, any but AE_LABEL_NONE; copied
 * @param count labels
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a label that is AE_LABEL_NONE); AE_ERROR_SHAPE
 *         (count is not the rows); AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_create_labelled(ae_dataset **labelled,
                                                       const ae_dataset *dataset,
                                                       const int32_t *labels, size_t count);

/**
 * Rows first to first + count - 1, without copying features.
 *
 * @param view receives the view, which the caller frees
 * @param dataset freed by the caller as before, also while the view lives
 * @param first first row
 * @param count rows, at least 1
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, count 0, past the end); AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_view(ae_dataset **view, const ae_dataset *dataset,
                                            size_t first, size_t count);

/**
 * Rows in an order of the caller's choosing, repeats allowed, without copying features.
 *
 * @param view receives the view, which the caller frees
 * @param dataset freed by the caller as before, also while the view lives
 * @param rows count row numbers, copied
 * @param count rows of the view, 1 to 4294967295
 * @return as ae_dataset_view
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_select(ae_dataset **view, const ae_dataset *dataset,
                                              const size_t *rows, size_t count);

/**
 * The rows that have one of these labels, in their order, without copying features.
 *
 * @param view receives the view, which the caller frees; untouched on error
 * @param dataset with labels; freed by the caller as before, also while the view lives
 * @param labels count labels
 * @param count at least 1
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, count 0); AE_ERROR_NOT_SET (the dataset has no
 *         labels); AE_ERROR_NOT_FOUND (no row has one of them); AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_select_labels(ae_dataset **view, const ae_dataset *dataset,
                                                     const int32_t *labels, size_t count);

/**
 * Columns by name, in this order, copied as float32: to leave some out, or to bring a dataset's
 * columns into the order of a network's. Labels are kept, a picture's size is not.
 *
 * @param selected receives the dataset, which the caller frees; untouched on error
 * @param dataset with column names; freed by the caller as before
 * @param names count names
 * @param count at least 1
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, also among names, count 0); AE_ERROR_NOT_SET
 *         (the dataset has no column names); AE_ERROR_NOT_FOUND (it has no such column);
 *         AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_select_columns(ae_dataset **selected,
                                                      const ae_dataset *dataset,
                                                      const char *const *names, size_t count);

/**
 * All rows in a random order that depends on seed and the number of rows alone (Fisher-Yates over
 * Philox4x32-10, Salmon et al. 2011), without copying features.
 *
 * @param view receives the view, which the caller frees
 * @param dataset freed by the caller as before, also while the view lives
 * @param seed any number
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_shuffle(ae_dataset **view, const ae_dataset *dataset,
                                               uint64_t seed);

/**
 * Two views: the first count rows, and the rest. Rows are not mixed: shuffle a file whose order
 * means something first.
 *
 * @param first receives the rows 0 to count - 1
 * @param rest receives the others
 * @param dataset freed by the caller as before, also while the views live
 * @param count 1 to rows - 1
 * @return as ae_dataset_view; both are untouched on error
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_split(ae_dataset **first, ae_dataset **rest,
                                             const ae_dataset *dataset, size_t count);

/**
 * The rows of several datasets, one after another. Rows in memory are copied. Where a part is a
 * mapped file or a source, all parts stay where they are, so that many files can be one training
 * set larger than memory. A copy of parts of one kind stays of that kind (uint8 of one scale,
 * float16, bfloat16); else its rows are float32.
 *
 * Labels are kept if all parts have them, all as names of classes or all as integers; the names of
 * all parts are numbered anew then. Column names, image_height and image_width are kept if all
 * parts have the same ones; the same names in another order are refused.
 *
 * @param all receives the dataset, which the caller frees; untouched on error
 * @param parts count datasets with the same number of features; freed by the caller as before
 * @param count at least 1
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, count 0, more than 4294967295 rows);
 *         AE_ERROR_SHAPE (the numbers of features differ, or the order of the columns by name);
 *         AE_ERROR_DATA and AE_ERROR_CANCELLED (a part that had to be copied, as ae_dataset_read);
 *         AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: reads the parts.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_concat(ae_dataset **all, const ae_dataset *const *parts,
                                              size_t count);

AE_END_DECLS

#endif
