/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_DATASET_H
#define LIBAE_DATASET_H

#include <libae/export.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * Rows of features, held as float32 or uint8 and read as float32. Never changes after creation;
 * storage is shared by views and lives until the last of them is freed.
 *
 * Thread safety: any number of threads may read one dataset at once. @since 0.1
 */
typedef struct ae_dataset ae_dataset;

/** How memory and files become a dataset. Zero in any field but size means its default. @since 0.1 */
typedef struct ae_dataset_options {
    size_t size; /**< sizeof(ae_dataset_options); AE_DATASET_OPTIONS fills it in */
    /** AE_ON: keep the caller's memory, which must outlive the dataset and its views. Default off: a copy. */
    ae_toggle borrow;
    float scale;   /**< uint8 value to float32, finite and > 0; default 1/255. float32 is taken as it is */
    size_t stride; /**< elements from one row to the next, at least features; default features */
    size_t height; /**< picture rows, for those who draw; default 0 (unknown), or what the file says */
    size_t width;  /**< picture columns; height * width must equal features unless both are 0 */
} ae_dataset_options;

/** Options in place: AE_DATASET_OPTIONS(.borrow = AE_ON). C only; C++ calls ae_dataset_options_init. */
#define AE_DATASET_OPTIONS(...) (&(ae_dataset_options){.size = sizeof(ae_dataset_options), __VA_ARGS__})

/** Options with every default. NULL is ignored. Thread safety: safe. @since 0.1 */
AE_API void ae_dataset_options_init(ae_dataset_options *options);

/**
 * A dataset from float32 memory. NaN and infinite values are refused here, by row and column.
 *
 * @param dataset receives the dataset, which the caller frees with ae_dataset_free; untouched on error
 * @param values rows x features floats, row-major (stride apart when the option says so)
 * @param rows 1 to 4294967295
 * @param features at least 1
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a zero, sizes that overflow, an option outside
 *         its range); AE_ERROR_DATA (a value not finite); AE_ERROR_OUT_OF_MEMORY
 * Thread safety: safe. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_create_f32(ae_dataset **dataset, const float *values, size_t rows,
                                                  size_t features, const ae_dataset_options *options);

/**
 * A dataset from uint8 memory, which stays uint8: a value reads as value * scale.
 *
 * @return as ae_dataset_create_f32, less AE_ERROR_DATA
 * Thread safety: safe. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_create_u8(ae_dataset **dataset, const uint8_t *values, size_t rows,
                                                 size_t features, const ae_dataset_options *options);

/**
 * Fills one row.
 *
 * @param user as given to ae_dataset_create_callback
 * @param row which, from 0
 * @param values receives features floats
 * @return 0, or anything else to stop
 */
typedef int (*ae_row_callback)(void *user, size_t row, float *values);

/**
 * A dataset whose rows a function supplies: called once for each row, in order, in the calling
 * thread, before this returns.
 *
 * @param callback fills a row
 * @param user passed on to it
 * @return as ae_dataset_create_f32, and AE_ERROR_CANCELLED when the callback returned non-zero
 * Thread safety: safe. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_create_callback(ae_dataset **dataset, size_t rows, size_t features,
                                                       ae_row_callback callback, void *user,
                                                       const ae_dataset_options *options);

/**
 * Handwriting-like digits drawn by the library: strokes under a random affine map, thickness and
 * offset, 28 x 28, uint8, labelled; row i shows digit i mod 10 and depends on seed and i alone.
 *
 * @param rows at least 1
 * @param seed of the counter-based generator
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (dataset NULL, rows 0 or too many); AE_ERROR_OUT_OF_MEMORY
 * Thread safety: safe. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_create_digits(ae_dataset **dataset, size_t rows, uint64_t seed);

/**
 * Read an IDX file (the format of MNIST), plain or gzip, told apart by content. The first
 * dimension is the rows, the others multiply to the features. Types uint8 (kept as it is) and
 * float32 (converted from big-endian) are read.
 *
 * @param path file name
 * @param options NULL for the defaults; borrow and stride must be 0
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT; AE_ERROR_NOT_FOUND; AE_ERROR_IO; AE_ERROR_FORMAT (no IDX,
 *         another type, too short, too long, damaged gzip); AE_ERROR_DATA (float not finite);
 *         AE_ERROR_UNSUPPORTED (gzip in a build without zlib); AE_ERROR_OUT_OF_MEMORY
 * Thread safety: safe. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_open_idx(ae_dataset **dataset, const char *path,
                                                const ae_dataset_options *options);

/**
 * A dataset of the same rows with labels read from a one-dimensional uint8 IDX file.
 *
 * @param labelled receives the new dataset (it shares the rows' storage), which the caller frees
 * @param dataset rows to label; freed by the caller as before
 * @param path label file, with as many labels as rows
 * @return as ae_dataset_open_idx, and AE_ERROR_SHAPE when the counts differ
 * Thread safety: reads dataset. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_open_idx_labels(ae_dataset **labelled, const ae_dataset *dataset,
                                                       const char *path);

/**
 * Rows first to first + count - 1, without copying.
 *
 * @param view receives the view, which the caller frees
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, count 0); AE_ERROR_SHAPE (past the end);
 *         AE_ERROR_OUT_OF_MEMORY
 * Thread safety: reads dataset. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_view(ae_dataset **view, const ae_dataset *dataset, size_t first, size_t count);

/**
 * Rows in an order of the caller's choosing, repeats allowed, without copying features.
 *
 * @param rows count row numbers, copied
 * @return as ae_dataset_view
 * Thread safety: reads dataset. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_select(ae_dataset **view, const ae_dataset *dataset, const size_t *rows,
                                              size_t count);

/**
 * All rows in a random order that depends on seed and the number of rows alone (Fisher-Yates over
 * Philox4x32-10, Salmon et al. 2011), without copying features.
 *
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_OUT_OF_MEMORY
 * Thread safety: reads dataset. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_shuffle(ae_dataset **view, const ae_dataset *dataset, uint64_t seed);

/**
 * Two views: the first count rows, and the rest.
 *
 * @param first receives the rows 0 to count - 1
 * @param rest receives the others
 * @param count 1 to rows - 1
 * @return as ae_dataset_view; both are untouched on error
 * Thread safety: reads dataset. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_split(ae_dataset **first, ae_dataset **rest, const ae_dataset *dataset,
                                             size_t count);

/** Free a dataset or view; NULL is allowed. Storage goes with its last user. @since 0.1 */
AE_API void ae_dataset_free(ae_dataset *dataset);

/** Rows. 0 for NULL. Thread safety: safe. @since 0.1 */
AE_API size_t ae_dataset_rows(const ae_dataset *dataset);

/** Features of a row. 0 for NULL. @since 0.1 */
AE_API size_t ae_dataset_features(const ae_dataset *dataset);

/** Picture rows, 0 if unknown or NULL. @since 0.1 */
AE_API size_t ae_dataset_height(const ae_dataset *dataset);

/** Picture columns, 0 if unknown or NULL. @since 0.1 */
AE_API size_t ae_dataset_width(const ae_dataset *dataset);

/** A row's label, or -1 when there are none, for NULL and past the end. @since 0.1 */
AE_API int ae_dataset_label(const ae_dataset *dataset, size_t row);

/**
 * Copy rows out as float32.
 *
 * @param first first row
 * @param count rows
 * @param values receives count x features floats, row-major
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_SHAPE (past the end)
 * Thread safety: reads dataset. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_read(const ae_dataset *dataset, size_t first, size_t count, float *values);

/**
 * The mean of every feature, summed in float64.
 *
 * @param mean receives features floats
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_OUT_OF_MEMORY
 * Thread safety: reads dataset. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_mean(const ae_dataset *dataset, float *mean);

AE_END_DECLS

#endif
