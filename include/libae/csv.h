/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_CSV_H
#define LIBAE_CSV_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * How to read a CSV file. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_csv_options {
    /** sizeof(ae_csv_options); AE_CSV_OPTIONS fills it in. */
    size_t size;
    /**
     * AE_TOGGLE_ON: line 1 has the columns' names. AE_TOGGLE_OFF: it is a row. Default: detected.
     * No number in the wanted columns of line 1: names. Only numbers: a row. A mixture: an error,
     * set this option.
     */
    ae_toggle header;
    /**
     * The ASCII character between columns; default a comma, or what Excel's first line says
     * (`sep=;`). A blank stands for runs of blanks.
     */
    int delimiter;
    /** Which columns are features, in this order, counted from 1; default all. */
    const size_t *columns;
    /** Or which by name, which needs a header; not both. */
    const char *const *column_names;
    /** Entries of columns or column_names. */
    size_t column_count;
    /** The column with labels, counted from 1; default none. */
    size_t label_column;
    /** Or which by name; not both. A label is an int32 other than AE_LABEL_NONE, or a text. */
    const char *label_name;
    /** The rows of a picture, as in ae_dataset_options. */
    size_t image_height;
    /** The columns of a picture. */
    size_t image_width;
    /**
     * Cells of features without a value: empty, blanks only, `?`, `-`, or one of the words NA, N/A,
     * `#N/A`, `<NA>`, NaN, null and none, in any case. AE_MISSING_KEEP: they read as NaN. Default
     * AE_MISSING_REFUSE. A label is never missing.
     */
    ae_missing missing;
    /**
     * AE_TOGGLE_ON: only columns of numbers are features. A column with text in one of the first
     * 1000 rows is left out, and so is one without any number there; text in another column is an
     * error, wherever it comes. Not with columns or column_names. Default off.
     */
    ae_toggle numeric_only;
    /**
     * What labels are. AE_TOGGLE_ON: names of classes; every text is one but an empty one.
     * AE_TOGGLE_OFF: integers. Default: the first label decides. An integer: all are. A text:
     * names.
     */
    ae_toggle text_labels;
    /** The decimal point: '.', the default, or ',', which needs another delimiter than a comma. */
    int decimal;
    /** Lines that start with this ASCII character are left out; default none. */
    int comment;
    /** Must be 0. */
    uint32_t reserved;
    /** Lines to leave out at the beginning of the file, whatever is in them; default 0. */
    size_t skip_lines;
    /** All columns are features but those of these names, which needs a header. Not with columns or
     * column_names. */
    const char *const *drop_names;
    /** Entries of drop_names. */
    size_t drop_count;
} ae_csv_options;

/**
 * Options in place: AE_CSV_OPTIONS(.label_name = "class"). C only; C++ calls ae_csv_options_init.
 */
#define AE_CSV_OPTIONS(...) (&(ae_csv_options){.size = sizeof(ae_csv_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_csv_options_init(ae_csv_options *options);

/**
 * Read a CSV file (RFC 4180), plain or gzip, told apart by content: a row a line, numbers with a
 * decimal point whatever the locale. Numbers may be quoted, names may hold delimiters, doubled
 * quotes and line breaks, which become blanks; blanks around both do not count. In names other
 * control characters and bytes that are not UTF-8 become question marks. Lines end in LF, CRLF or
 * CR. Text is UTF-8, or UTF-16 with a byte order mark. Empty lines at the end are skipped, and so
 * is a last column without name and values, as lines that all end in a delimiter make it. A pipe or
 * "/dev/stdin" serves as a file. The file is read in pieces; memory is needed for the values (for a
 * while twice).
 *
 * Values are float32, and neither scaled nor filled in: an empty cell, nan, inf or text in a wanted
 * column is an error. With the option missing, cells without a value are kept as missing values.
 * Other columns are not looked at; drop_names and numeric_only leave columns out.
 * ae_network_fit_scaling brings columns to one size.
 *
 * Labels are integers, or names of classes, which become numbers: ae_dataset_class_name.
 *
 * @param dataset receives the dataset, which the caller frees; untouched on error
 * @param path file name
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an option outside its range, options that
 *         contradict one another, a column named twice); AE_ERROR_NOT_FOUND (no such file; a column
 *         that the file does not have); AE_ERROR_IO; AE_ERROR_FORMAT (no rows, a line with more or
 *         fewer columns than the first, more than 4194304 columns or more than so few bytes of gzip
 *         can mean, an empty line in between, an open quote, a zero byte, a cell of more than a
 *         mebibyte, damaged gzip, header or not in doubt); AE_ERROR_DATA (a cell that is no finite
 *         float32 or no label); AE_ERROR_UNSUPPORTED (gzip in a build without zlib, more than
 *         4294967295 rows); AE_ERROR_OUT_OF_MEMORY. The text names file, line and column, both
 *         counted from 1, and the likely cause
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_open_csv(ae_dataset **dataset, const char *path,
                                                const ae_csv_options *options);

/**
 * ae_dataset_open_csv for a file that is in memory, plain or gzip.
 *
 * @param dataset receives the dataset, which the caller frees; untouched on error
 * @param data the file's bytes, the caller's, needed during the call only
 * @param size bytes of data
 * @param options NULL for the defaults
 * @return as ae_dataset_open_csv, less AE_ERROR_IO
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_dataset_open_csv_memory(ae_dataset **dataset, const void *data,
                                                       size_t size, const ae_csv_options *options);

AE_END_DECLS

#endif
