/* SPDX-License-Identifier: BSD-3-Clause */
/* A cell becomes a value. Nearly every cell is a number and is parsed straight into its place;
 * all that it may be instead is told apart afterwards, off that path. */
#include "data/csv_values.h"

#include "base/error.h"
#include "base/number.h"
#include "data/csv_hint.h"
#include "data/csv_labels.h"
#include "data/csv_missing.h"
#include "data/csv_numeric.h"

#include <math.h>

/* Files whose lines all end in a delimiter have one more column, without name and values. The first
 * row tells, as long as nobody has asked for that column. */
static bool is_behind(const aei_csv_table *t, const aei_cell *cell)
{
    const size_t columns = t->first.count;
    if (t->rows > 0 || cell->column != columns || columns == 1 || t->options->column_count > 0)
        return false;
    const aei_cell name = aei_csv_line_cell(&t->first, columns - 1);
    return aei_csv_is_blank(cell->text, cell->size) && aei_csv_is_blank(name.text, name.size);
}

static ae_status no_value(aei_csv_table *t, const aei_cell *cell, size_t feature)
{
    if (is_behind(t, cell)) {
        t->uses[cell->column - 1] = AEI_CSV_BEHIND;
        t->features--; /* it is the last: the row's other values stay where they are */
        return t->features > 0 ? AE_OK : aei_fail(AE_ERROR_FORMAT, "no column has values");
    }
    const aei_cell name = aei_csv_line_cell(&t->first, cell->column - 1);
    if (t->options->missing != AE_MISSING_KEEP && t->facts == NULL)
        return aei_csv_fail_cell(t, cell,
                                 cell->size == 0
                                     ? "is empty: fill it in, leave the line out or set missing"
                                     : "is no value: fill it in, leave the line out or set missing",
                                 t->named && aei_csv_is_blank(name.text, name.size)
                                     ? "; numeric_only leaves columns without any value out"
                                     : "");
    /* While numeric_only is undecided the column may still go, and its missing values with it. */
    t->missing = t->missing || t->facts == NULL;
    t->values[t->rows * t->features + feature] = NAN;
    return AE_OK;
}

/* A feature's cell that is no finite number. Missing values first: nan is one of their words, and a
 * number to the parser. */
static ae_status take_other(aei_csv_table *t, const aei_cell *cell, size_t feature, aei_number kind)
{
    if (aei_csv_is_missing(cell->text, cell->size))
        return no_value(t, cell, feature);
    if (t->facts != NULL) /* not decided: the value may never be wanted */
        return AE_OK;
    if (kind == AEI_NUMBER_TOO_BIG)
        return aei_csv_fail_cell(t, cell, "is too large for float32", "");
    if (kind == AEI_NUMBER_SPECIAL)
        return aei_csv_fail_cell(t, cell, "is not finite: replace the value or leave the line out",
                                 "");
    const char *hint = aei_csv_hint(t, cell);
    if (hint[0] == '\0')
        hint = t->options->numeric_only == AE_TOGGLE_ON
                   ? ": its column has numbers in the rows above; leave it out by drop_names"
                   : "; drop_names and numeric_only leave columns out";
    return aei_csv_fail_cell(t, cell,
                             t->decimal == ',' ? "is not a number with a decimal comma"
                                               : "is not a number with a decimal point",
                             hint);
}

/* Columns that were found to have no values go on having none. */
static ae_status take_nothing(const aei_csv_table *t, const aei_cell *cell, size_t use)
{
    if (aei_csv_is_missing(cell->text, cell->size))
        return AE_OK;
    return aei_csv_fail_cell(
        t, cell,
        use == AEI_CSV_BEHIND
            ? "stands behind the last delimiter, where the first lines have nothing: choose by the "
              "option columns"
            : "is the first value of a column that numeric_only found empty: choose by the option "
              "columns, or leave it out by drop_names",
        "");
}

ae_status aei_csv_take(aei_csv_table *t, const aei_cell *cell)
{
    const size_t use = t->uses[cell->column - 1];
    if (use >= AEI_CSV_FEATURE) {
        const size_t feature = use - AEI_CSV_FEATURE;
        const aei_number kind = aei_parse_float_with(&t->values[t->rows * t->features + feature],
                                                     cell->text, cell->size, t->decimal);
        if (t->facts != NULL)
            aei_csv_note(t, cell, feature, kind);
        return kind == AEI_NUMBER ? AE_OK : take_other(t, cell, feature, kind);
    }
    if (use == AEI_CSV_LABEL)
        return aei_csv_take_label(t, cell);
    return use == AEI_CSV_UNUSED ? AE_OK : take_nothing(t, cell, use);
}
