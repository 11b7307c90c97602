/* SPDX-License-Identifier: BSD-3-Clause */
/* Which columns are features, which one has the labels, and does the first line hold names? Nothing
 * is guessed that two people could read in two ways: the error names the option that decides. */
#include "data/csv_columns.h"

#include "base/error.h"
#include "base/number.h"
#include "data/csv_hint.h"
#include "data/csv_missing.h"
#include "format/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Blanks around a name mean as little as those around a number, and so do line breaks, which become
 * blanks. */
static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void trim_name(const char **text, size_t *size)
{
    while (*size > 0 && is_space(**text))
        ++*text, --*size;
    while (*size > 0 && is_space((*text)[*size - 1]))
        --*size;
}

/* A name as it is looked for. */
typedef struct wanted {
    const char *text;
    size_t size;
} wanted;

static wanted want(const char *name)
{
    wanted w = {name, strlen(name)};
    trim_name(&w.text, &w.size);
    return w;
}

static bool is_called(const aei_csv_line *first, size_t column, wanted name)
{
    const aei_cell cell = aei_csv_line_cell(first, column);
    const char *text = cell.text;
    size_t size = cell.size;
    trim_name(&text, &size);
    return size == name.size && aei_same_name(text, size, name.text, name.size);
}

/* What is there instead, as far as the text has room. */
static ae_status not_found(const aei_csv_table *t, const char *name)
{
    char quoted[AEI_QUOTE_SIZE], list[200] = "";
    size_t used = 0, i = 0;
    for (; i < t->first.count && used + AEI_QUOTE_SIZE + 8 < sizeof list; i++) {
        const aei_cell cell = aei_csv_line_cell(&t->first, i);
        used += (size_t)snprintf(list + used, sizeof list - used, "%s\"%s\"", i == 0 ? "" : ", ",
                                 aei_quote_bytes(quoted, cell.text, cell.size));
    }
    return aei_fail(AE_ERROR_NOT_FOUND, "no column is called \"%s\" in line %zu, which has %s%s%s",
                    aei_quote(quoted, name), t->first.number, list,
                    i < t->first.count ? ", ..." : "", aei_csv_hint(t, NULL));
}

/* The search goes on after a match. Of two columns of one name the first would be right for one
 * caller and wrong for another. */
static ae_status find_name(const aei_csv_table *t, const char *name, size_t *column)
{
    const size_t none = t->first.count;
    const wanted w = want(name);
    size_t found = none;
    char quoted[AEI_QUOTE_SIZE];
    for (size_t i = 0; i < t->first.count; i++) {
        if (!is_called(&t->first, i, w))
            continue;
        if (found != none)
            return aei_fail(AE_ERROR_FORMAT,
                            "columns %zu and %zu are both called \"%s\": choose by number",
                            found + 1, i + 1, aei_quote(quoted, name));
        found = i;
    }
    *column = found;
    return found != none ? AE_OK : not_found(t, name);
}

/* A column by number or by name. */
static ae_status find_column(const aei_csv_table *t, size_t number, const char *name,
                             size_t *column)
{
    if (name != NULL)
        AE_TRY(find_name(t, name, column));
    else if (number == 0 || number > t->first.count)
        return aei_fail(AE_ERROR_NOT_FOUND,
                        "no column %zu: columns are counted from 1 to %zu here%s", number,
                        t->first.count, aei_csv_hint(t, NULL));
    else
        *column = number - 1;
    /* A column has one use: twice as a feature would weigh it twice, and as a label too would
     * give the answer away. */
    if (t->uses[*column] != AEI_CSV_UNUSED)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "column %zu is asked for twice", *column + 1);
    return AE_OK;
}

/* All columns but the labels and those of these names. */
static ae_status use_the_rest(aei_csv_table *t)
{
    const ae_csv_options *o = t->options;
    for (size_t i = 0; i < t->first.count; i++)
        if (t->uses[i] == AEI_CSV_UNUSED)
            t->uses[i] = AEI_CSV_FEATURE;
    for (size_t d = 0; d < o->drop_count; d++) {
        size_t found = 0;
        if (o->drop_names[d] == NULL)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "drop_names[%zu] is NULL", d);
        const wanted name = want(o->drop_names[d]);
        /* All columns of that name go: leaving out, unlike choosing, is not in doubt when there
         * are two. */
        for (size_t i = 0; i < t->first.count; i++) {
            if (!is_called(&t->first, i, name))
                continue;
            /* To drop the labels is to ask for them and not to want them; one of the two is a
             * slip. */
            if (t->uses[i] == AEI_CSV_LABEL)
                return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                                "column %zu has the labels, but drop_names[%zu] leaves it out",
                                i + 1, d);
            t->uses[i] = AEI_CSV_UNUSED;
            found++;
        }
        if (found == 0)
            return not_found(t, o->drop_names[d]);
    }
    /* Features are numbered last, when it is known which columns stay. */
    for (size_t i = 0; i < t->first.count; i++)
        if (t->uses[i] == AEI_CSV_FEATURE)
            t->uses[i] += t->features++;
    return AE_OK;
}

static ae_status choose(aei_csv_table *t)
{
    const ae_csv_options *o = t->options;
    size_t column = 0;
    t->uses = calloc(t->first.count, sizeof *t->uses);
    if (t->uses == NULL)
        return aei_fail_memory(t->first.count * sizeof *t->uses);
    /* The labels first, so that they are not among the rest. */
    if (o->label_column != 0 || o->label_name != NULL) {
        AE_TRY(find_column(t, o->label_column, o->label_name, &column));
        t->uses[column] = AEI_CSV_LABEL;
    }
    for (size_t i = 0; i < o->column_count; i++) {
        const char *name = o->column_names != NULL ? o->column_names[i] : NULL;
        if (o->column_names != NULL && name == NULL)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "column_names[%zu] is NULL", i);
        AE_TRY(find_column(t, name == NULL ? o->columns[i] : 0, name, &column));
        t->uses[column] = AEI_CSV_FEATURE + t->features++;
    }
    if (o->column_count == 0)
        AE_TRY(use_the_rest(t));
    return t->features > 0 ? AE_OK
                           : aei_fail(AE_ERROR_FORMAT, "no column is left beside the labels%s",
                                      aei_csv_hint(t, NULL));
}

/* pandas calls the columns of a table without names 0, 1, 2 and so on; an empty name in front is
 * that of its index. */
static bool is_pandas_name(const aei_csv_table *t, size_t column)
{
    const aei_cell cell = aei_csv_line_cell(&t->first, column);
    char number[32];
    const size_t index = aei_csv_line_cell(&t->first, 0).size == 0;
    (void)snprintf(number, sizeof number, "%zu", column - index);
    return strcmp(cell.text, number) == 0;
}

/* Whether the first record has names, by the columns that matter; cells without a value say
 * nothing. */
static ae_status decide_header(aei_csv_table *t)
{
    const ae_csv_options *o = t->options;
    size_t numbers = 0, texts = 0, counted = 0;
    t->named = o->header == AE_TOGGLE_ON || o->column_names != NULL || o->label_name != NULL ||
               o->drop_names != NULL;
    if (t->named || o->header == AE_TOGGLE_OFF)
        return AE_OK;
    for (size_t i = 0; i < t->first.count; i++) {
        const aei_cell cell = aei_csv_line_cell(&t->first, i);
        float value;
        if (t->uses[i] == AEI_CSV_UNUSED || aei_csv_is_missing(cell.text, cell.size))
            continue;
        if (t->uses[i] == AEI_CSV_LABEL && t->features > 0 && o->text_labels == AE_TOGGLE_ON)
            continue; /* the name of a class, or of the column */
        if (aei_parse_float_with(&value, cell.text, cell.size, t->decimal) == AEI_NUMBER_NONE)
            texts++;
        else
            numbers++;
        counted += is_pandas_name(t, i);
    }
    /* Either guess loses something: a row that was taken for names is gone, and names that were
     * taken for a row are an error in every column. */
    if (numbers > 0 && texts > 0)
        return aei_fail(AE_ERROR_FORMAT,
                        "line %zu: %zu numbers and %zu texts: say by the option header whether "
                        "these are names%s",
                        t->first.number, numbers, texts, aei_csv_hint(t, NULL));
    if (numbers > 1 && counted == numbers)
        return aei_fail(AE_ERROR_FORMAT,
                        "line %zu counts its columns, as pandas names them: say by the option "
                        "header whether these are names",
                        t->first.number);
    t->named = numbers == 0;
    return AE_OK;
}

ae_status aei_csv_choose_columns(aei_csv_table *t)
{
    AE_TRY(choose(t));
    return decide_header(t);
}

/* One block holds the pointers and behind them the text, so that whoever frees names frees one
 * thing. The text is cut by zero bytes where it stands: a trimmed name is never longer than its
 * cell. */
ae_status aei_csv_make_names(char ***names, const aei_csv_table *t)
{
    const size_t size = t->features * sizeof(char *) + t->first.size;
    if (!t->named)
        return AE_OK;
    char **made = malloc(size);
    if (made == NULL)
        return aei_fail_memory(size);
    char *text = (char *)(made + t->features);
    memcpy(text, t->first.text, t->first.size);
    for (size_t i = 0; i < t->first.count; i++) {
        if (t->uses[i] < AEI_CSV_FEATURE)
            continue;
        const aei_cell cell = aei_csv_line_cell(&t->first, i);
        const char *name = cell.text;
        size_t length = cell.size;
        trim_name(&name, &length);
        char *kept = text + (name - t->first.text);
        kept[length] = '\0';
        aei_clean(kept, length);
        made[t->uses[i] - AEI_CSV_FEATURE] = kept;
    }
    *names = made;
    return AE_OK;
}
