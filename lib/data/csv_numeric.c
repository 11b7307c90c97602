/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All columns are read as if they were numbers, until enough rows have shown which are: no cell has
 * to be kept as text, and memory is that of the widest table that it can become.
 */
#include "data/csv_numeric.h"

#include "base/error.h"
#include "data/csv_missing.h"
#include "format/text.h"

#include <stdlib.h>

ae_status aei_csv_begin_numeric(aei_csv_table *t)
{
    t->facts = calloc(t->features, sizeof *t->facts);
    return t->facts != NULL ? AE_OK : aei_fail_memory(t->features * sizeof *t->facts);
}

void aei_csv_note(aei_csv_table *t, const aei_cell *cell, size_t feature, aei_number kind)
{
    aei_csv_facts *facts = &t->facts[feature];
    /* Of each kind the first line is enough: that is the one which an error names. */
    size_t *first = kind == AEI_NUMBER                           ? &facts->number
                    : aei_csv_is_missing(cell->text, cell->size) ? &facts->missing
                    : kind == AEI_NUMBER_NONE                    ? &facts->text
                                                                 : &facts->infinite;
    *first = *first == 0 ? cell->line : *first;
}

static ae_status check(const aei_csv_table *t, size_t column, const aei_csv_facts *facts)
{
    const aei_cell cell = aei_csv_line_cell(&t->first, column);
    char name[AEI_QUOTE_SIZE];
    aei_quote_bytes(name, cell.text, t->named ? cell.size : 0);
    if (facts->infinite != 0)
        return aei_fail(AE_ERROR_DATA,
                        "line %zu, column %zu (%s): not finite, or too large for float32: replace "
                        "the value or leave the line out",
                        facts->infinite, column + 1, name);
    if (facts->missing != 0 && t->options->missing != AE_MISSING_KEEP)
        return aei_fail(AE_ERROR_DATA,
                        "line %zu, column %zu (%s): no value: fill it in, leave the line out or "
                        "set missing",
                        facts->missing, column + 1, name);
    return AE_OK;
}

/* The values of the features kept move together, in place: each goes to the front, onto a place
 * that has been read already. */
static void compact(aei_csv_table *t, const size_t *kept, size_t count)
{
    for (size_t r = 0; r < t->rows; r++)
        for (size_t k = 0; k < count; k++)
            t->values[r * count + k] = t->values[r * t->features + kept[k]];
    t->features = count;
}

ae_status aei_csv_decide_numeric(aei_csv_table *t)
{
    size_t *kept = malloc(t->features * sizeof *kept), count = 0;
    ae_status status = AE_OK;
    if (kept == NULL)
        return aei_fail_memory(t->features * sizeof *kept);
    for (size_t i = 0; i < t->first.count; i++) {
        if (t->uses[i] < AEI_CSV_FEATURE)
            continue;
        const size_t feature = t->uses[i] - AEI_CSV_FEATURE;
        const aei_csv_facts *facts = &t->facts[feature];
        t->uses[i] = facts->text != 0 ? AEI_CSV_UNUSED : AEI_CSV_EMPTY;
        /* What is wrong in a column that goes is not looked at: nobody has asked for it. */
        if (facts->text != 0 || facts->number == 0)
            continue;
        AE_CHECK(check(t, i, facts));
        t->missing = t->missing || facts->missing != 0;
        t->uses[i] = AEI_CSV_FEATURE + count;
        kept[count++] = feature;
    }
    if (count == 0)
        AE_CHECK(aei_fail(AE_ERROR_FORMAT, "numeric_only: no column has numbers alone"));
    compact(t, kept, count);
    free(t->facts);
    t->facts = NULL;
cleanup:
    free(kept);
    return status;
}
