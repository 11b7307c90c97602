/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_ARROW_H
#define LIBAE_ARROW_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/*
 * The Arrow C data interface and C stream interface: how pyarrow, Polars, DuckDB, pandas and others
 * hand tables over within a process. The structs are those of Apache Arrow's specification, which
 * asks every project to declare them itself, under these guards.
 */

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

#endif

/**
 * How an Arrow table becomes a dataset. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_arrow_options {
    /** sizeof(ae_arrow_options); AE_ARROW_OPTIONS fills it in. */
    size_t size;
    /** Which columns are features, in this order; default all but label_name's. */
    const char *const *column_names;
    /** Entries of column_names. */
    size_t column_count;
    /** The column with labels, integers or booleans; default none. */
    const char *label_name;
    /**
     * Nulls, and NaN. Default AE_MISSING_REFUSE. Null in the column of labels is always an error.
     */
    ae_missing missing;
    /** Must be 0. */
    uint32_t reserved;
    /** The rows of a picture, as in ae_dataset_options. */
    size_t image_height;
    /** The columns of a picture. */
    size_t image_width;
} ae_arrow_options;

/**
 * Options in place: AE_ARROW_OPTIONS(.label_name = "class"). C only; C++ calls
 * ae_arrow_options_init.
 */
#define AE_ARROW_OPTIONS(...) (&(ae_arrow_options){.size = sizeof(ae_arrow_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_arrow_options_init(ae_arrow_options *options);

/**
 * A dataset from an Arrow stream. Columns are of numbers: integers and floats of any width, which
 * become float32, rounded to nearest, and booleans, 0 and 1. A column of lists of fixed size
 * (embeddings, pictures) is as many features as a list has elements. Names of columns are kept
 * unless one is of lists, with characters replaced as by ae_network_set_column_names.
 *
 * Values are copied once, batch by batch, so that a stream may be larger than the memory that its
 * producer uses. Not copied is a single column of float32, or of lists of it, that comes in one
 * piece without nulls: the dataset then keeps the producer's array and releases it when the last
 * view is freed.
 *
 * The stream is used up: whatever this returns, it has been released, and its member release is
 * NULL. A Python object gives one by `__arrow_c_stream__()`; docs/formats.md has an example.
 *
 * @param dataset receives the dataset, which the caller frees with ae_dataset_free; untouched on
 *         error
 * @param stream of batches (structs of columns) or of arrays of one column; released by this call
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a stream that is already released, an option
 *         outside its range, a column named twice); AE_ERROR_NOT_FOUND (no such column);
 *         AE_ERROR_FORMAT (no rows, no columns, arrays that do not fit their schema);
 *         AE_ERROR_UNSUPPORTED (a column of another type, more than 4294967295 rows);
 *         AE_ERROR_DATA (a null, a value not finite, a label that is no int32, by row and column,
 *         counted from 0); AE_ERROR_IO (the stream failed; the text has its error);
 *         AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: uses stream. Where the array is kept, it is released in the thread that frees the
 * last view.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_create_from_arrow(ae_dataset **dataset,
                                                         struct ArrowArrayStream *stream,
                                                         const ae_arrow_options *options);

AE_END_DECLS

#endif
