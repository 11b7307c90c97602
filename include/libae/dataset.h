/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_DATASET_H
#define LIBAE_DATASET_H

#include <libae/attributes.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * Rows of features, kept as float32, uint8 or in 16 bits and read as float32, with or without a
 * label for each row. A dataset never changes after creation. Views share its storage, which lives
 * until the last of them is freed.
 *
 * Thread safety: any number of threads may read one dataset at once.
 * @since 0.1
 */
typedef struct ae_dataset ae_dataset;

/** What ae_dataset_label returns where there is no label. No label has this value. @since 0.1 */
#define AE_LABEL_NONE INT32_MIN

/**
 * How memory and files become a dataset. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_dataset_options {
    /** sizeof(ae_dataset_options); AE_DATASET_OPTIONS fills it in. */
    size_t size;
    /**
     * For ae_dataset_create_f32 and _u8. AE_TOGGLE_ON: the values are not copied. They stay the
     * caller's and must outlive the dataset and its views. Default off: a copy.
     */
    ae_toggle no_copy;
    /**
     * For ae_dataset_open_npy. AE_TOGGLE_ON: the values stay in the file, and are read from it when
     * they are needed. Default off: the values are read into memory at once.
     */
    ae_toggle map;
    /** A uint8 value reads as value * scale; finite and > 0; default 1/255. Not for float32. */
    float scale;
    /** NaN among values that are not uint8; default AE_MISSING_REFUSE. */
    ae_missing missing;
    /**
     * For ae_dataset_create_f32 and _u8: elements from one row to the next, at least features;
     * default features.
     */
    size_t stride;
    /** The rows of a picture, for those who draw; default 0 (unknown), or what the file says. */
    size_t image_height;
    /** The columns; image_height * image_width must equal features unless both are 0. */
    size_t image_width;
    /** A label for each row, any but AE_LABEL_NONE, copied; default none. */
    const int32_t *labels;
    /** Entries of labels: as many as rows; 0 without labels. */
    size_t label_count;
    /**
     * For ae_dataset_open_npy and _npy_memory: which array of an .npz archive, by the name that
     * NumPy shows; default the only one in it.
     */
    const char *member;
    /**
     * With map. AE_TOGGLE_ON: rows of less than 1 KiB are looked at in the file, mapped into
     * memory, which saves a system call for each. Whoever makes the file shorter then ends the
     * program by SIGBUS. Default off: a file that became shorter is an error of the call that
     * reads its rows.
     */
    ae_toggle map_in_place;
    /** Must be 0. */
    uint32_t reserved;
} ae_dataset_options;

/**
 * Options in place: AE_DATASET_OPTIONS(.no_copy = AE_TOGGLE_ON). C only; C++ calls
 * ae_dataset_options_init.
 */
#define AE_DATASET_OPTIONS(...) \
    (&(ae_dataset_options){.size = sizeof(ae_dataset_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_dataset_options_init(ae_dataset_options *options);

/**
 * A dataset from float32 memory. NaN and infinite values are refused here, by row and column; with
 * the option missing a NaN is a missing value.
 *
 * @param dataset receives the dataset, which the caller frees with ae_dataset_free; untouched on
 *         error
 * @param values rows x features floats, row-major (stride apart when the option says so)
 * @param rows 1 to 4294967295
 * @param features at least 1
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, a zero, sizes that overflow, an option outside
 *         its range); AE_ERROR_SHAPE (label_count is not rows); AE_ERROR_DATA (a value not finite);
 *         AE_ERROR_UNSUPPORTED (an option that this release does not know);
 *         AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_create_f32(ae_dataset **dataset, const float *values,
                                                  size_t rows, size_t features,
                                                  const ae_dataset_options *options);

/**
 * A dataset from uint8 memory, which stays uint8: a value reads as value * scale.
 *
 * @param dataset receives the dataset, which the caller frees; untouched on error
 * @param values rows x features bytes, row-major (stride apart when the option says so)
 * @param rows 1 to 4294967295
 * @param features at least 1
 * @param options NULL for the defaults
 * @return as ae_dataset_create_f32, less AE_ERROR_DATA
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_create_u8(ae_dataset **dataset, const uint8_t *values,
                                                 size_t rows, size_t features,
                                                 const ae_dataset_options *options);

/**
 * Read an IDX file (the format of MNIST), plain or gzip, told apart by content. The first
 * dimension is the rows, the others multiply to the features; three dimensions set image_height and
 * image_width. uint8 is kept and read as value * scale (default 1/255); int8, int16, int32, float32
 * and float64 become float32, rounded to nearest.
 *
 * @param dataset receives the dataset, which the caller frees; untouched on error
 * @param path file name; a pipe or "/dev/stdin" serves too
 * @param options NULL for the defaults; no_copy, map and stride must be 0
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an option outside its range);
 *         AE_ERROR_SHAPE (label_count is not the rows); AE_ERROR_NOT_FOUND; AE_ERROR_IO;
 *         AE_ERROR_FORMAT (no IDX, too short, too long, damaged gzip); AE_ERROR_DATA (a float not
 *         finite as float32); AE_ERROR_UNSUPPORTED (gzip in a build without zlib);
 *         AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_open_idx(ae_dataset **dataset, const char *path,
                                                const ae_dataset_options *options);

/**
 * ae_dataset_open_idx for a file that is in memory, plain or gzip.
 *
 * @param dataset receives the dataset, which the caller frees; untouched on error
 * @param data the file's bytes, the caller's, needed during the call only
 * @param size bytes of data
 * @param options NULL for the defaults; no_copy, map and stride must be 0
 * @return as ae_dataset_open_idx, less AE_ERROR_NOT_FOUND and AE_ERROR_IO
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_open_idx_memory(ae_dataset **dataset, const void *data,
                                                       size_t size,
                                                       const ae_dataset_options *options);

/**
 * A dataset of the same rows with labels read from an IDX file of type uint8, int8, int16 or int32,
 * plain or gzip. The first dimension is the rows. Where there is a second one, each row's first
 * number is its label: QMNIST's files have the class and then more about each digit.
 *
 * @param labelled receives the new dataset, which the caller frees; it shares the rows' storage
 * @param dataset rows to label; freed by the caller as before
 * @param path label file, with as many labels as rows
 * @return as ae_dataset_open_idx, with AE_ERROR_SHAPE when the counts differ, AE_ERROR_DATA for a
 *         label that is AE_LABEL_NONE, AE_ERROR_FORMAT for more than two dimensions and
 *         AE_ERROR_UNSUPPORTED for labels that are floats
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_open_idx_labels(ae_dataset **labelled,
                                                       const ae_dataset *dataset, const char *path);

/**
 * Read an NPY file, NumPy's format (numpy.save): versions 1 to 3, types b1, i1 to i8, u1 to u8, f2,
 * f4 and f8 of either byte order, and the bfloat16 of ml_dtypes (descr V2 with a byte order); plain
 * or gzip, told apart by content. u1 is kept and read as value * scale, as all uint8 (default scale
 * 1/255); f2 and bfloat16 are kept in 16 bits where they have the processor's byte order and C
 * order; the others become float32, rounded to nearest, false and true 0 and 1.
 *
 * The first dimension is the rows, the others multiply to the features; an array of one dimension
 * is rows of one feature. Three dimensions, or more of which two are above 1, set image_height and
 * image_width. Arrays in Fortran order are transposed; with more than two dimensions they are
 * refused.
 *
 * An array of an .npz archive (numpy.savez, savez_compressed) is read too, told apart by content:
 * the only one in it, or the one that the option member names. Its checksum is checked.
 *
 * With the option map the values of u1 and of aligned f4, f2 and bfloat16 in the processor's byte
 * order, in C order, stay in a plain file and are read from it when needed, so that a file may be
 * larger than memory. All others are read into memory. Opening such a file reads no values:
 * whether they are finite is seen each time they are read, and one that is not is an error of the
 * call that reads it (AE_ERROR_DATA by row and column; in a trainer that is the step, before it
 * changes anything). ae_dataset_check looks at all of them at once. A trainer reads ahead in a
 * thread of its own.
 *
 * With missing values kept, such a file is read once when it is opened, to know whether it has any.
 *
 * While the dataset or a view of it lives nobody should change the file. Made shorter, it gives
 * AE_ERROR_IO in the call that reads rows which are no longer there, and ends the program by SIGBUS
 * with the option map_in_place. To replace it, rename a new file over it, as libae's own writers
 * do: the dataset goes on reading the old one. Only where a process has no descriptors left is the
 * file opened for each reading; another file in its place is AE_ERROR_IO.
 *
 * @param dataset receives the dataset, which the caller frees; untouched on error
 * @param path file name; a pipe or "/dev/stdin" serves too
 * @param options NULL for the defaults; no_copy and stride must be 0
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an option outside its range, image_height x
 *         image_width other than the features, an archive of several arrays without the option
 *         member); AE_ERROR_SHAPE (label_count is not the rows); AE_ERROR_NOT_FOUND (no such file
 *         or member); AE_ERROR_IO; AE_ERROR_FORMAT (not NPY, a damaged header or one of more than
 *         10000 characters, a dimension of 0 or none, too short, too long, a damaged gzip file or
 *         archive); AE_ERROR_UNSUPPORTED (another version or type, structured arrays, Python
 *         objects, Fortran order of more than two dimensions, more than 4294967295 rows, an
 *         encrypted member or one packed otherwise than by deflate, gzip or .npz in a build without
 *         zlib); AE_ERROR_DATA (a value not finite or too large for float32, by row and column);
 *         AE_ERROR_OUT_OF_MEMORY
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_open_npy(ae_dataset **dataset, const char *path,
                                                const ae_dataset_options *options);

/**
 * ae_dataset_open_npy for a file that is in memory, plain or gzip. The values are copied.
 *
 * @param dataset receives the dataset, which the caller frees; untouched on error
 * @param data the file's bytes, the caller's, needed during the call only
 * @param size bytes of data
 * @param options NULL for the defaults; no_copy, map and stride must be 0
 * @return as ae_dataset_open_npy, less AE_ERROR_NOT_FOUND and AE_ERROR_IO
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_open_npy_memory(ae_dataset **dataset, const void *data,
                                                       size_t size,
                                                       const ae_dataset_options *options);

/**
 * Free a dataset or view; NULL is allowed. Storage goes with its last user.
 *
 * Thread safety: safe while nobody else uses this handle; others may use its views.
 * @since 0.1
 */
AE_API void ae_dataset_free(ae_dataset *dataset);

/**
 * Rows. 0 for NULL.
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_API size_t ae_dataset_row_count(const ae_dataset *dataset);

/**
 * Features of a row. 0 for NULL.
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_API size_t ae_dataset_feature_count(const ae_dataset *dataset);

/**
 * The rows of a picture. 0 if unknown or NULL.
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_API size_t ae_dataset_image_height(const ae_dataset *dataset);

/**
 * The columns of a picture. 0 if unknown or NULL.
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_API size_t ae_dataset_image_width(const ae_dataset *dataset);

/**
 * The name of a column, as the header line of a CSV file had it, without the blanks around it.
 * Views have the names of their dataset.
 *
 * @param column from 0
 * @return the name, which lives as long as the dataset; NULL when there are none, for NULL and past
 *         the end
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_API const char *ae_dataset_column_name(const ae_dataset *dataset, size_t column);

/**
 * What uint8 values are multiplied by when they are read: the option scale. 0 for float32 rows and
 * NULL.
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_API float ae_dataset_uint8_scale(const ae_dataset *dataset);

/**
 * Whether every row has a label: 1, or 0 for none and for NULL.
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_API int ae_dataset_has_labels(const ae_dataset *dataset);

/**
 * Whether there is at least one missing value (NaN): 1, or 0 for none and for NULL. A view answers
 * for its own rows, which are looked through when it is made. Of a source that may give missing
 * values, and of its views, the answer is 1.
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_API int ae_dataset_has_missing(const ae_dataset *dataset);

/**
 * The label of a row.
 *
 * @param row from 0
 * @return the label; AE_LABEL_NONE when there are none, for NULL and past the end
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_API int32_t ae_dataset_label(const ae_dataset *dataset, size_t row);

/**
 * How many classes have names. Labels of a CSV file that are texts become the numbers 0 to
 * count - 1, in the order of the names' bytes. ae_dataset_create_labelled leaves the names behind.
 *
 * @return the count; 0 where labels are no names of classes, without labels and for NULL
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_API size_t ae_dataset_class_count(const ae_dataset *dataset);

/**
 * The name of a class: ae_dataset_class_name(d, ae_dataset_label(d, row)).
 *
 * @param label its number
 * @return the name (UTF-8; other bytes become question marks), which lives as long as the dataset;
 *         NULL for any other label, where classes have no names, and for NULL
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_API const char *ae_dataset_class_name(const ae_dataset *dataset, int32_t label);

/**
 * Copy rows out as float32.
 *
 * @param first first row
 * @param count rows
 * @param values receives count x features floats, row-major
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, past the end); for rows that are not in memory
 *         AE_ERROR_DATA (a value not finite, by row and column), AE_ERROR_IO (the file cannot be
 *         read, or has been made shorter) and AE_ERROR_CANCELLED (the source stopped): values are
 *         then partly written
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_read(const ae_dataset *dataset, size_t first, size_t count,
                                            float *values);

/**
 * Read all rows once, to find a value that is not finite before a long run begins. Nothing is read
 * of a dataset in memory, whose values were looked at when it was made.
 *
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (NULL); AE_ERROR_DATA (a value not finite, by row and
 *         column); AE_ERROR_IO (a file cannot be read, or has been made shorter);
 *         AE_ERROR_CANCELLED (the source stopped); AE_ERROR_OUT_OF_MEMORY; AE_ERROR_THREAD
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_check(const ae_dataset *dataset);

/**
 * The mean of every feature, summed in float64. Missing values do not count; the mean of a feature
 * without any value is NaN. Rows that are not in memory are read once.
 *
 * @param mean receives features floats
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_OUT_OF_MEMORY; for rows that are not
 *         in memory also as ae_dataset_check
 *
 * Thread safety: reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_mean(const ae_dataset *dataset, float *mean);

AE_END_DECLS

#endif
