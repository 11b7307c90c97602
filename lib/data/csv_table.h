/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CSV_TABLE_H
#define AEI_CSV_TABLE_H

#include "data/classes.h"
#include "data/csv_line.h"

#include <libae/csv.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A CSV file on its way into a dataset:
 *
 *     csv_line.c      the first record          names, or a row
 *     csv_columns.c   what each column is for   by number, by name, or all
 *     csv_values.c    cells become values       csv_labels.c: or labels
 *     csv_numeric.c   columns of text go        with numeric_only
 *     csv_hint.c      what may be the cause     where something does not fit
 */

/* What a column is for: nothing, labels, or feature number n as n + AEI_CSV_FEATURE. Two kinds have
 * no values and are watched, so that none is lost: a column without a name behind the last
 * delimiter of every line, and one that numeric_only found empty. */
enum { AEI_CSV_UNUSED, AEI_CSV_LABEL, AEI_CSV_BEHIND, AEI_CSV_EMPTY, AEI_CSV_FEATURE };

/* What is known of a feature while numeric_only has not decided yet: the first line, or 0, of each
 * kind of cell. */
typedef struct aei_csv_facts {
    size_t number, text, missing, infinite;
} aei_csv_facts;

typedef struct aei_csv_table {
    aei_csv *csv;
    const ae_csv_options *options;
    char decimal;
    aei_csv_line first;
    bool named;   /* the first record has names */
    bool extra;   /* the rows end in one more delimiter than the names */
    size_t *uses; /* of each of first.count columns */
    size_t features;
    float *values;
    int32_t *labels;          /* NULL: none wanted */
    size_t label_line;        /* of the first label, which decides what they are; 0 before */
    aei_class_table *classes; /* NULL: labels are integers */
    size_t rows, value_room, label_room;
    bool missing;         /* at least one value is NaN */
    aei_csv_facts *facts; /* of each feature, or NULL: numeric_only is off or has decided */
} aei_csv_table;

#endif
