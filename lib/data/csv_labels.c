/* SPDX-License-Identifier: BSD-3-Clause */
/* How does a column become labels? Integers stay what they are; names of classes become numbers,
 * which are given anew once all names are known. */
#include "data/csv_labels.h"

#include "base/error.h"
#include "base/number.h"
#include "data/csv_hint.h"
#include "data/csv_missing.h"
#include "format/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* By way of float64, which holds every int32; float32 would round those beyond 2^24. A label such
 * as 1.5 is refused rather than cut to 1: the column is likely the wrong one. */
static aei_number read_integer(int32_t *label, const aei_csv_table *t, const aei_cell *cell)
{
    double value;
    const aei_number kind = aei_parse_double_with(&value, cell->text, cell->size, t->decimal);
    if (kind != AEI_NUMBER)
        return kind;
    if (fabs(value) > INT32_MAX || trunc(value) < value || trunc(value) > value)
        return AEI_NUMBER_TOO_BIG;
    *label = (int32_t)value;
    return AEI_NUMBER;
}

/*
 * The first label decides: an integer is followed by integers. Were they turned into names at the
 * first word, a slip of the pen in one row would silently number all others anew.
 */
static ae_status take_integer(aei_csv_table *t, const aei_cell *cell)
{
    char what[160];
    switch (read_integer(&t->labels[t->rows], t, cell)) {
    case AEI_NUMBER:
        return AE_OK;
    case AEI_NUMBER_NONE:
        break;
    default:
        return aei_csv_fail_cell(t, cell,
                                 "is not a label: an integer from -2147483647 to 2147483647", "");
    }
    if (t->options->text_labels == AE_TOGGLE_OFF)
        return aei_csv_fail_cell(t, cell, "is not a label: text_labels is off", "");
    (void)snprintf(what, sizeof what,
                   "is not a label: that of line %zu is an integer; set the option text_labels if "
                   "all are names of classes",
                   t->label_line);
    return aei_csv_fail_cell(t, cell, what, "");
}

ae_status aei_csv_take_label(aei_csv_table *t, const aei_cell *cell)
{
    const ae_toggle texts = t->options->text_labels;
    const char *text = cell->text;
    size_t size = cell->size;
    int32_t label;
    aei_trim(&text, &size);
    if (size == 0)
        return aei_csv_fail_cell(t, cell, "is no label: fill it in or leave the line out", "");
    /* NA may be the name of a class, but only where the caller has said that there are names. */
    if (texts != AE_TOGGLE_ON && aei_csv_is_missing(text, size))
        return aei_csv_fail_cell(t, cell,
                                 "is no label: fill it in, leave the line out, or set the option "
                                 "text_labels if it names a class",
                                 "");
    if (t->label_line == 0 && texts != AE_TOGGLE_OFF &&
        (texts == AE_TOGGLE_ON || read_integer(&label, t, cell) == AEI_NUMBER_NONE))
        AE_TRY(aei_class_table_create(&t->classes));
    t->label_line = t->label_line == 0 ? cell->line : t->label_line;
    return t->classes == NULL ? take_integer(t, cell)
                              : aei_class_table_add(t->classes, text, size, &t->labels[t->rows]);
}

/* Until here a class had the number of its first row. Numbers in the order of the names do not
 * depend on the order of the rows, so that two files of the same classes agree. */
ae_status aei_csv_sort_classes(aei_csv_table *t, char ***names, size_t *count)
{
    int32_t *ranks;
    if (t->classes == NULL)
        return AE_OK;
    AE_TRY(aei_class_table_sort(t->classes, names, count, &ranks));
    for (size_t r = 0; r < t->rows; r++)
        t->labels[r] = ranks[t->labels[r]];
    free(ranks);
    return AE_OK;
}
