/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_ARROW_INTERNAL_H
#define AEI_ARROW_INTERNAL_H

#include <libae/arrow.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A column of numbers, or of lists of as many numbers. */
typedef struct aei_arrow_column {
    size_t child;     /* its number in a batch */
    char type;        /* the format's letter, of the elements */
    bool list;        /* of fixed size */
    size_t width;     /* elements of a row */
    const char *name; /* the schema's; "" where it has none */
} aei_arrow_column;

/* What a stream's schema says, and which columns are wanted. */
typedef struct aei_arrow_table {
    struct ArrowSchema schema; /* release is NULL before there is one */
    bool batches;              /* structs of columns; else arrays of one column */
    aei_arrow_column *columns; /* the features, in order */
    size_t column_count;
    aei_arrow_column label; /* valid where labelled */
    bool labelled;
    size_t features; /* the columns' widths together */
} aei_arrow_table;

/* Find the columns in the schema. AE_ERROR_INVALID_ARGUMENT, AE_ERROR_NOT_FOUND, AE_ERROR_FORMAT,
 * AE_ERROR_UNSUPPORTED, AE_ERROR_OUT_OF_MEMORY. To be freed in any case. */
ae_status aei_arrow_choose(aei_arrow_table *table, const ae_arrow_options *options);
void aei_arrow_table_free(aei_arrow_table *table);

/* Refuse an array that is not as the schema says, so that the following need not look again.
 * AE_ERROR_FORMAT. */
ae_status aei_arrow_check(const aei_arrow_table *table, const struct ArrowArray *array);

/*
 * All rows of an array behind `before` earlier ones. A null becomes NaN, or is AE_ERROR_DATA by row
 * and column; so is a label that is null or no int32.
 */
ae_status aei_arrow_copy(const aei_arrow_table *table, const struct ArrowArray *array,
                         size_t before, bool keep_nulls, float *values);
ae_status aei_arrow_copy_labels(const aei_arrow_table *table, const struct ArrowArray *array,
                                size_t before, int32_t *labels);

/* Where the rows lie one after another as float32 without nulls; NULL: nowhere. */
const float *aei_arrow_plain(const aei_arrow_table *table, const struct ArrowArray *array);

#endif
