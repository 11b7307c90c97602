/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_STORAGE_H
#define AEI_STORAGE_H

#include "base/input.h"

#include <libae/source.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The inside of a dataset, for lib/data alone. */

typedef enum aei_storage_type {
    AEI_STORAGE_U8,
    AEI_STORAGE_F32,
    AEI_STORAGE_F16, /* IEEE 754 binary16 */
    AEI_STORAGE_BF16 /* the upper half of a float32 */
} aei_storage_type;

/* Rows that a program supplies. */
typedef struct aei_source {
    ae_rows_callback read;
    ae_release_callback release; /* called when the storage goes; NULL: nobody cares */
    void *user;
    atomic_int reader; /* the process that is reading just now, or 0 */
} aei_source;

/* Rows of other datasets, one after another. */
typedef struct aei_parts {
    size_t count;
    ae_dataset **datasets; /* freed with the storage */
    size_t *first;         /* row of each part's first; behind them the number of rows in all */
} aei_parts;

/* Values that any number of datasets look at. Constant but for the count. */
typedef struct aei_storage {
    atomic_size_t users;
    void *block;        /* freed with the storage; NULL when the values are elsewhere */
    char *path;         /* of the file that has the values, freed with the storage, or NULL */
    aei_kept file;      /* that file, let go with the storage */
    size_t begin;       /* the byte in it where the values begin */
    void *mapping;      /* the file, mapped, unmapped with the storage, or NULL */
    size_t mapped;      /* its bytes */
    aei_source *source; /* instead of values, freed with the storage, or NULL */
    aei_parts *parts;   /* instead of values, freed with the storage, or NULL */
    void *owner;        /* given to let_go with the storage, or NULL */
    void (*let_go)(void *owner);
    char **names;   /* of the columns, one block freed with the storage, or NULL */
    char **classes; /* names of labels 0, 1 and so on, one block freed too, or NULL */
    size_t class_count;
    const void *values; /* inside block or mapping, or the caller's; NULL: they are elsewhere */
    aei_storage_type type;
    float scale; /* uint8 to float32 */
    size_t features;
    size_t stride; /* elements from row to row */
    size_t image_height;
    size_t image_width;
    bool missing;   /* at least one value is NaN, or of a source: may be */
    bool unchecked; /* whether values are finite is seen when they are read (fetch.c) */
} aei_storage;

/*
 * Which rows of a storage, in which order. Index and labels are the dataset's own and lie behind
 * it in the same allocation:
 *
 *     | ae_dataset | index: rows x uint32 | labels: rows x int32 |
 */
struct ae_dataset {
    aei_storage *storage;
    size_t rows;
    size_t first;    /* without an index: the storage row of row 0 */
    uint32_t *index; /* NULL, or the storage row of each row */
    int32_t *labels; /* NULL, or the label of each row */
    bool missing;    /* at least one value in these rows is NaN, or of a source: may be */
    bool classed;    /* the labels are numbers of the storage's classes */
};

/* What a new dataset has beside its rows; the caller fills it in. */
enum { AEI_WITH_INDEX = 1, AEI_WITH_LABELS = 2 };

/* The options that not every call takes: no_copy and stride, map, or member. */
enum { AEI_TAKES_MEMORY = 1, AEI_TAKES_MAP = 2, AEI_TAKES_MEMBER = 4 };

/* A copy of a caller's options that asks for nothing that the call does not take. */
ae_status aei_dataset_read_options(ae_dataset_options *mine, const ae_dataset_options *options,
                                   unsigned takes);

/*
 * A storage of rows x features elements without its values yet, as such options want it, which are
 * checked against these sizes: AE_ERROR_INVALID_ARGUMENT, AE_ERROR_SHAPE.
 */
ae_status aei_storage_draft(aei_storage *draft, const ae_dataset_options *mine, size_t rows,
                            size_t features, aei_storage_type type);

/* A block of zeros for a draft's values, without gaps between the rows; its size. */
ae_status aei_storage_allocate(aei_storage *draft, size_t rows, size_t *bytes);

/* Give back what a storage or a draft of one owns. */
void aei_storage_release(aei_storage *storage);

/*
 * A dataset of all rows of a new storage like draft, whose block, mapping, owner, names and
 * classes are taken over, on failure too. The second copies the labels, of which there are none
 * where they are NULL.
 */
ae_status aei_dataset_adopt(ae_dataset **dataset, aei_storage *draft, size_t rows, unsigned with);
ae_status aei_dataset_adopt_labelled(ae_dataset **dataset, aei_storage *draft, size_t rows,
                                     const int32_t *labels);

/* A dataset over a storage already in use. */
ae_status aei_dataset_share(ae_dataset **dataset, aei_storage *storage, size_t rows, unsigned with);

/* AE_ERROR_SHAPE for another number than rows, AE_ERROR_INVALID_ARGUMENT for AE_LABEL_NONE. */
ae_status aei_check_labels(const int32_t *labels, size_t count, size_t rows);

/*
 * AE_ERROR_DATA for the first value of a draft of float32 that is not finite, by row and column.
 * With AE_MISSING_KEEP a NaN is allowed, and noted in the draft.
 */
ae_status aei_storage_check_values(aei_storage *draft, size_t rows, ae_missing missing);

/* Elements of a file from one on, as float32: AE_ERROR_IO by its name, as aei_read_at. */
ae_status aei_storage_read(const aei_storage *storage, size_t element, size_t count, float *values);

/* Whether any value in the rows of a dataset is NaN, looked for value by value. Rows of a source
 * that may have such values are not read: they count as if they had. */
bool aei_dataset_find_missing(const ae_dataset *dataset);

/*
 * Rows of a source, row-major, one reader at a time. Values that it leaves alone are NaN.
 * AE_ERROR_CANCELLED.
 */
ae_status aei_source_read(aei_source *source, const ae_dataset *dataset, const uint32_t *rows,
                          size_t count, float *values);

/* The storage row behind a row. */
static inline size_t aei_storage_row(const ae_dataset *dataset, size_t row)
{
    return dataset->index != NULL ? dataset->index[row] : dataset->first + row;
}

/* The part that a storage row of a dataset of parts is in. */
static inline size_t aei_parts_find(const aei_parts *parts, size_t row)
{
    size_t low = 0, high = parts->count; /* first[low] <= row < first[high] */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (parts->first[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Bytes of an element. */
static inline size_t aei_storage_size(aei_storage_type type)
{
    return type == AEI_STORAGE_U8 ? sizeof(uint8_t)
                                  : (type == AEI_STORAGE_F32 ? sizeof(float) : sizeof(uint16_t));
}

#endif
