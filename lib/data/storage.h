/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_STORAGE_H
#define AEI_STORAGE_H

#include <libae/dataset.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* The inside of a dataset, for lib/data alone. */

typedef enum aei_element { AEI_U8, AEI_F32 } aei_element;

/* Values that any number of datasets look at. Constant but for the count. */
typedef struct aei_storage {
    atomic_size_t users;
    void *block;        /* freed with the storage; NULL when the values are elsewhere */
    void *mapping;      /* a mapped file, unmapped with the storage, or NULL */
    size_t mapped;      /* its bytes */
    char **names;       /* of the columns, one block freed with the storage, or NULL */
    const void *values; /* inside block or mapping, or the caller's */
    aei_element element;
    float scale; /* uint8 to float32 */
    size_t features;
    size_t stride; /* elements from row to row */
    size_t height;
    size_t width;
} aei_storage;

/*
 * Which rows of a storage, in which order. Index and labels are the dataset's own and lie behind
 * it in the same allocation:
 *
 *     | ae_dataset | index: rows x uint32 | labels: rows x uint8 |
 */
struct ae_dataset {
    aei_storage *storage;
    size_t rows;
    size_t first;    /* without an index: the storage row of row 0 */
    uint32_t *index; /* NULL, or the storage row of each row */
    uint8_t *labels; /* NULL, or the label of each row */
};

/* What a new dataset has beside its rows; the caller fills it in. */
enum { AEI_WITH_INDEX = 1, AEI_WITH_LABELS = 2 };

/*
 * The caller's options with every default in its place, for rows x features elements of
 * element_size bytes; *bytes receives the room that they take without stride.
 * AE_ERROR_INVALID_ARGUMENT.
 */
ae_status aei_dataset_resolve(ae_dataset_options *resolved, size_t *bytes,
                              const ae_dataset_options *options, size_t rows, size_t features,
                              size_t element_size);

/* Give back what a storage or a draft of one owns. */
void aei_storage_release(aei_storage *storage);

/* A dataset of all rows of a new storage like draft, whose block, mapping and names are taken over,
 * on failure too. */
ae_status aei_dataset_adopt(ae_dataset **dataset, aei_storage *draft, size_t rows, unsigned with);

/* A dataset over a storage already in use. */
ae_status aei_dataset_share(ae_dataset **dataset, aei_storage *storage, size_t rows, unsigned with);

/* AE_ERROR_DATA for the first value that is not finite, by row and column. */
ae_status aei_check_finite(const float *values, size_t rows, size_t features, size_t stride);

/* The storage row behind a row. */
static inline size_t aei_storage_row(const ae_dataset *dataset, size_t row)
{
    return dataset->index != NULL ? dataset->index[row] : dataset->first + row;
}

#endif
