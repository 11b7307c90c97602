/* SPDX-License-Identifier: BSD-3-Clause */
/* How do cells become rows of float32? The first line is kept whole, since only the options and its
 * own cells tell whether it holds names. From then on a cell is converted and forgotten, so that no
 * text of the file stays in memory. */
#include "base/error.h"
#include "base/number.h"
#include "base/options.h"
#include "data/csv_missing.h"
#include "data/storage.h"
#include "format/csv_reader.h"
#include "format/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a column is for: nothing, labels, or feature number n as n + FEATURE. */
enum { UNUSED = 0, LABEL = 1, FEATURE = 2 };

/* The cells of the first line, which are names or the first row. */
typedef struct line {
    char *text; /* one after another, each with a zero byte behind it */
    size_t size, room;
    size_t *starts; /* count + 1 of them */
    size_t count, starts_room;
} line;

typedef struct table {
    aei_csv *csv;
    const ae_csv_options *options;
    line first;
    bool named;
    size_t *uses; /* of each of first.count columns */
    size_t features;
    float *values;
    int32_t *labels; /* NULL: none wanted */
    size_t rows, room;
    bool missing; /* at least one value is NaN */
} table;

AEI_OPTIONS_INIT(ae_csv_options)

static ae_status read_options(ae_csv_options *o, const ae_csv_options *options)
{
    AE_TRY(aei_options_read(o, sizeof *o, options, "ae_csv_options"));
    o->delimiter = o->delimiter == 0 ? ',' : o->delimiter;
    AE_TRY(aei_check_enum((int)o->header, AE_TOGGLE_OFF, "header", "ae_toggle"));
    AE_TRY(aei_check_reserved(o->reserved, "ae_csv_options"));
    AE_TRY(aei_check_enum((int)o->missing, AE_MISSING_KEEP, "missing", "ae_missing"));
    if (o->delimiter < 0 || o->delimiter > 127 ||
        strchr("\"\r\n.+-eE0123456789", o->delimiter) != NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "delimiter is character %d, which cannot stand between numbers",
                        o->delimiter);
    if (o->columns != NULL && o->column_names != NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "columns and column_names are both set");
    if ((o->columns != NULL || o->column_names != NULL) != (o->column_count != 0))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "column_count is %zu, %s columns or column_names", o->column_count,
                        o->column_count == 0 ? "with" : "without");
    if (o->label_column != 0 && o->label_name != NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "label_column and label_name are both set");
    if ((o->column_names != NULL || o->label_name != NULL) && o->header == AE_TOGGLE_OFF)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "columns are chosen by name, but header is off");
    return AE_OK;
}

/* Twice the room at least, for count elements. */
static ae_status grow(void **block, size_t *room, size_t count, size_t size)
{
    if (count <= *room)
        return AE_OK;
    if (count > PTRDIFF_MAX / 2 / size)
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "%zu elements overflow the address space", count);
    const size_t wanted = count < *room * 2 ? *room * 2 : count;
    void *grown = realloc(*block, wanted * size);
    if (grown == NULL)
        return aei_fail_memory(wanted * size);
    *block = grown;
    *room = wanted;
    return AE_OK;
}

/* By way of void pointers, which grow takes. Each is put back before an error returns, so that
 * read_table frees the block that there is. */
static ae_status keep(line *first, const aei_cell *cell)
{
    void *text = first->text, *starts = first->starts;
    ae_status status = grow(&text, &first->room, first->size + cell->size + 1, 1);
    first->text = text;
    AE_TRY(status);
    status = grow(&starts, &first->starts_room, first->count + 2, sizeof *first->starts);
    first->starts = starts;
    AE_TRY(status);
    memcpy(first->text + first->size, cell->text, cell->size);
    first->starts[first->count] = first->size;
    first->size += cell->size + 1;
    first->text[first->size - 1] = '\0';
    first->starts[++first->count] = first->size;
    return AE_OK;
}

static aei_cell kept(const line *first, size_t column)
{
    return (aei_cell){.text = first->text + first->starts[column],
                      .size = first->starts[column + 1] - first->starts[column] - 1,
                      .line = 1,
                      .column = column + 1,
                      .last = column + 1 == first->count};
}

static ae_status read_first(table *t)
{
    aei_cell cell = {0};
    bool more;
    while (!cell.last) {
        AE_TRY(aei_csv_next(t->csv, &cell, &more));
        if (!more)
            return aei_fail(AE_ERROR_FORMAT, "the file is empty");
        if (cell.blank)
            return aei_fail(AE_ERROR_FORMAT, "line 1 is empty");
        AE_TRY(keep(&t->first, &cell));
    }
    return AE_OK;
}

/* A column by number or by name. */
static ae_status find_column(const table *t, size_t number, const char *name, size_t *column)
{
    const line *first = &t->first;
    size_t found = first->count;
    char quoted[AEI_QUOTE_SIZE];
    if (name == NULL) {
        if (number == 0 || number > first->count)
            return aei_fail(AE_ERROR_NOT_FOUND,
                            "no column %zu: columns are counted from 1 to %zu here", number,
                            first->count);
        found = number - 1;
    }
    for (size_t i = 0; name != NULL && i < first->count; i++) {
        if (strcmp(first->text + first->starts[i], name) != 0)
            continue;
        if (found != first->count)
            return aei_fail(AE_ERROR_FORMAT,
                            "columns %zu and %zu are both called \"%s\": choose by number",
                            found + 1, i + 1, aei_quote(quoted, name));
        found = i;
    }
    if (found == first->count)
        return aei_fail(AE_ERROR_NOT_FOUND, "no column is called \"%s\" in line 1",
                        aei_quote(quoted, name));
    if (t->uses[found] != UNUSED)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "column %zu is asked for twice", found + 1);
    *column = found;
    return AE_OK;
}

static ae_status choose_columns(table *t)
{
    const ae_csv_options *o = t->options;
    size_t column = 0;
    t->uses = calloc(t->first.count, sizeof *t->uses);
    if (t->uses == NULL)
        return aei_fail_memory(t->first.count * sizeof *t->uses);
    if (o->label_column != 0 || o->label_name != NULL) {
        AE_TRY(find_column(t, o->label_column, o->label_name, &column));
        t->uses[column] = LABEL;
    }
    for (size_t i = 0; i < o->column_count; i++) {
        const char *name = o->column_names != NULL ? o->column_names[i] : NULL;
        if (o->column_names != NULL && name == NULL)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "column_names[%zu] is NULL", i);
        AE_TRY(find_column(t, name == NULL ? o->columns[i] : 0, name, &column));
        t->uses[column] = FEATURE + t->features++;
    }
    for (size_t i = 0; i < t->first.count && o->column_count == 0; i++)
        if (t->uses[i] == UNUSED)
            t->uses[i] = FEATURE + t->features++;
    return t->features > 0 ? AE_OK
                           : aei_fail(AE_ERROR_FORMAT, "no column is left beside the labels");
}

/* Whether the first line has names, by the columns that matter; cells without a value say
 * nothing. */
static ae_status decide_header(table *t)
{
    const ae_csv_options *o = t->options;
    size_t numbers = 0, texts = 0;
    t->named = o->header == AE_TOGGLE_ON || o->column_names != NULL || o->label_name != NULL;
    if (t->named || o->header == AE_TOGGLE_OFF)
        return AE_OK;
    for (size_t i = 0; i < t->first.count; i++) {
        const aei_cell cell = kept(&t->first, i);
        float value;
        if (t->uses[i] == UNUSED || aei_csv_is_missing(cell.text, cell.size))
            continue;
        if (aei_parse_float(&value, cell.text, cell.size) == AEI_NUMBER_NONE)
            texts++;
        else
            numbers++;
    }
    if (numbers > 0 && texts > 0)
        return aei_fail(
            AE_ERROR_FORMAT,
            "line 1: %zu numbers and %zu texts: say by the option header whether these are names",
            numbers, texts);
    t->named = numbers == 0;
    return AE_OK;
}

static ae_status bad_cell(const table *t, const aei_cell *cell, const char *what)
{
    char name[AEI_QUOTE_SIZE], text[AEI_QUOTE_SIZE];
    const aei_cell header = kept(&t->first, cell->column - 1);
    if (t->named)
        return aei_fail(AE_ERROR_DATA, "line %zu, column %zu (%s): \"%s\" %s", cell->line,
                        cell->column, aei_quote_bytes(name, header.text, header.size),
                        aei_quote_bytes(text, cell->text, cell->size), what);
    return aei_fail(AE_ERROR_DATA, "line %zu, column %zu: \"%s\" %s", cell->line, cell->column,
                    aei_quote_bytes(text, cell->text, cell->size), what);
}

/* By way of float64, which holds every int32; float32 would round those beyond 2^24. A label such
 * as 1.5 is refused rather than cut to 1: the column is likely the wrong one. */
static bool read_label(int32_t *label, const aei_cell *cell)
{
    double value;
    if (aei_parse_double(&value, cell->text, cell->size) != AEI_NUMBER || fabs(value) > INT32_MAX ||
        trunc(value) < value || trunc(value) > value)
        return false;
    *label = (int32_t)value;
    return true;
}

/* A cell of a feature or label that is no finite number: missing, or an error. */
static ae_status take_other(table *t, const aei_cell *cell, aei_number kind, float *value)
{
    const bool label = t->uses[cell->column - 1] == LABEL;
    if (aei_csv_is_missing(cell->text, cell->size)) {
        if (label)
            return bad_cell(t, cell, "is no label: fill it in or leave the line out");
        if (t->options->missing != AE_MISSING_KEEP)
            return bad_cell(t, cell,
                            cell->size == 0
                                ? "is empty: fill it in, leave the line out or set missing"
                                : "is no value: fill it in, leave the line out or set missing");
        t->missing = true;
        *value = NAN;
        return AE_OK;
    }
    switch (kind) {
    case AEI_NUMBER_TOO_BIG:
        return bad_cell(t, cell, "is too large for float32");
    case AEI_NUMBER_SPECIAL:
        return bad_cell(t, cell, "is not finite: replace the value or leave the line out");
    default:
        return bad_cell(t, cell, "is not a number with a decimal point");
    }
}

static ae_status take_cell(table *t, const aei_cell *cell)
{
    const size_t use = t->uses[cell->column - 1];
    float value = 0;
    if (use == UNUSED)
        return AE_OK;
    const aei_number kind = aei_parse_float(&value, cell->text, cell->size);
    if (kind != AEI_NUMBER)
        AE_TRY(take_other(t, cell, kind, &value));
    if (use == LABEL) {
        if (!read_label(&t->labels[t->rows], cell))
            return bad_cell(t, cell, "is not a label: an integer from -2147483647 to 2147483647");
        return AE_OK;
    }
    t->values[t->rows * t->features + (use - FEATURE)] = value;
    return AE_OK;
}

/* Room for one more row. */
static ae_status make_room(table *t)
{
    if (t->rows < t->room)
        return AE_OK;
    if (t->rows == UINT32_MAX)
        return aei_fail(AE_ERROR_UNSUPPORTED, "more than %u rows", (unsigned)UINT32_MAX);
    size_t room = t->room * t->features, label_room = t->room;
    const size_t rows = t->room < 64 ? 64 : t->room * 2;
    void *values = t->values, *labels = t->labels;
    if (rows > PTRDIFF_MAX / sizeof(float) / t->features)
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "%zu rows overflow the address space", rows);
    ae_status status = grow(&values, &room, rows * t->features, sizeof *t->values);
    t->values = values;
    AE_TRY(status);
    if (t->options->label_column != 0 || t->options->label_name != NULL) {
        status = grow(&labels, &label_room, rows, sizeof *t->labels);
        t->labels = labels;
        AE_TRY(status);
    }
    t->room = rows;
    return AE_OK;
}

static ae_status wrong_count(const table *t, const aei_cell *cell)
{
    return aei_fail(AE_ERROR_FORMAT, "line %zu: %s%zu columns, but line 1 has %zu", cell->line,
                    cell->column > t->first.count ? "more than " : "",
                    cell->column > t->first.count ? t->first.count : cell->column, t->first.count);
}

static ae_status read_rows(table *t)
{
    const size_t columns = t->first.count;
    size_t empty = 0; /* the first of the empty lines behind the last row */
    if (!t->named) {
        AE_TRY(make_room(t));
        for (size_t i = 0; i < columns; i++) {
            const aei_cell cell = kept(&t->first, i);
            AE_TRY(take_cell(t, &cell));
        }
        t->rows++;
    }
    for (;;) {
        aei_cell cell;
        bool more;
        AE_TRY(aei_csv_next(t->csv, &cell, &more));
        if (!more)
            break;
        if (cell.blank) {
            empty = empty == 0 ? cell.line : empty;
            continue;
        }
        if (empty != 0)
            return aei_fail(AE_ERROR_FORMAT, "line %zu is empty, but rows follow", empty);
        if (cell.column > columns || (cell.last && cell.column != columns))
            return wrong_count(t, &cell);
        AE_TRY(make_room(t));
        AE_TRY(take_cell(t, &cell));
        t->rows += cell.last;
    }
    return t->rows > 0 ? AE_OK : aei_fail(AE_ERROR_FORMAT, "no rows follow the line of names");
}

/* The features' names in one block: pointers, then what they point to. */
static ae_status make_names(char ***names, const table *t)
{
    const size_t size = t->features * sizeof(char *) + t->first.size;
    if (!t->named)
        return AE_OK;
    char **made = malloc(size);
    if (made == NULL)
        return aei_fail_memory(size);
    char *text = (char *)(made + t->features);
    memcpy(text, t->first.text, t->first.size);
    for (size_t i = 0; i < t->first.count; i++)
        if (t->uses[i] >= FEATURE)
            made[t->uses[i] - FEATURE] = text + t->first.starts[i];
    *names = made;
    return AE_OK;
}

/* The draft owns the values only when nothing but adoption can fail: until then read_table frees
 * them. */
static ae_status finish(ae_dataset **dataset, table *t)
{
    ae_dataset_options o;
    aei_storage draft;
    AE_TRY(aei_dataset_read_options(&o,
                                    AE_DATASET_OPTIONS(.image_height = t->options->image_height,
                                                       .image_width = t->options->image_width),
                                    0));
    AE_TRY(aei_storage_draft(&draft, &o, t->rows, t->features, AEI_STORAGE_F32));
    AE_TRY(make_names(&draft.names, t));
    /* Give back what was too much; when that fails, nothing is lost. */
    float *fitted = realloc(t->values, t->rows * t->features * sizeof *fitted);
    draft.values = draft.block = fitted != NULL ? fitted : t->values;
    t->values = NULL; /* taken over */
    draft.missing = t->missing;
    return aei_dataset_adopt_labelled(dataset, &draft, t->rows, t->labels);
}

static ae_status read_cells(ae_dataset **dataset, table *t)
{
    AE_TRY(read_first(t));
    AE_TRY(choose_columns(t));
    AE_TRY(decide_header(t));
    AE_TRY(read_rows(t));
    return finish(dataset, t);
}

static ae_status read_table(ae_dataset **dataset, aei_stream *stream, const ae_csv_options *options)
{
    ae_csv_options o;
    table t = {.options = &o};
    AE_TRY(read_options(&o, options));
    AE_TRY(aei_csv_create(&t.csv, stream, (char)o.delimiter));
    const ae_status status = read_cells(dataset, &t);
    aei_csv_free(t.csv);
    free(t.first.text);
    free(t.first.starts);
    free(t.uses);
    free(t.values);
    free(t.labels);
    return status;
}

ae_status ae_dataset_open_csv(ae_dataset **dataset, const char *path, const ae_csv_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(path);
    aei_stream *stream;
    AE_TRY(aei_stream_open(&stream, path));
    return aei_stream_close(stream, AEI_READER_CSV, read_table(dataset, stream, options));
}

ae_status ae_dataset_open_csv_memory(ae_dataset **dataset, const void *data, size_t size,
                                     const ae_csv_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(data);
    aei_stream *stream;
    AE_TRY(aei_stream_open_memory(&stream, data, size));
    return aei_stream_close(stream, AEI_READER_CSV, read_table(dataset, stream, options));
}
