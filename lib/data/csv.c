/* SPDX-License-Identifier: BSD-3-Clause */
/* How do cells become rows of float32? The first line is kept whole, since only the options and its
 * own cells tell whether it holds names. From then on a cell is converted and forgotten, so that no
 * text of the file stays in memory. */
#include "base/error.h"
#include "base/grow.h"
#include "base/options.h"
#include "data/csv_columns.h"
#include "data/csv_hint.h"
#include "data/csv_labels.h"
#include "data/csv_missing.h"
#include "data/csv_numeric.h"
#include "data/csv_table.h"
#include "data/csv_values.h"
#include "data/storage.h"

#include <stdlib.h>

AEI_OPTIONS_INIT(ae_csv_options)

/* A character that may stand in a number, in quotes or at the end of a line would give one file
 * two readings. */
static ae_status check_characters(const ae_csv_options *o)
{
    if (o->delimiter != 0 && !aei_csv_may_separate(o->delimiter))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "delimiter is character %d, which cannot stand between numbers",
                        o->delimiter);
    if (o->comment != 0 && (!aei_csv_may_separate(o->comment) || o->comment == o->delimiter))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "comment is character %d, with which a line of numbers may start",
                        o->comment);
    if (o->decimal != 0 && o->decimal != '.' && o->decimal != ',')
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "decimal is character %d, not '.' or ','",
                        o->decimal);
    return AE_OK;
}

/* Options that contradict one another are refused, not ranked: whichever won, a caller who meant
 * the other would train on the wrong columns and hear nothing. */
static ae_status check_columns(const ae_csv_options *o)
{
    const bool chosen = o->columns != NULL || o->column_names != NULL;
    if (o->columns != NULL && o->column_names != NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "columns and column_names are both set");
    if (chosen != (o->column_count != 0))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "column_count is %zu, %s columns or column_names", o->column_count,
                        o->column_count == 0 ? "with" : "without");
    if ((o->drop_names != NULL) != (o->drop_count != 0))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "drop_count is %zu, %s drop_names",
                        o->drop_count, o->drop_count == 0 ? "with" : "without");
    if (chosen && (o->drop_names != NULL || o->numeric_only == AE_TOGGLE_ON))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "%s leaves columns out, but columns or column_names choose them",
                        o->drop_names != NULL ? "drop_names" : "numeric_only");
    if (o->label_column != 0 && o->label_name != NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "label_column and label_name are both set");
    if ((o->column_names != NULL || o->label_name != NULL || o->drop_names != NULL) &&
        o->header == AE_TOGGLE_OFF)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "columns are chosen by name, but header is off");
    return AE_OK;
}

static ae_status read_options(ae_csv_options *o, const ae_csv_options *options)
{
    AE_TRY(aei_options_read(o, sizeof *o, options, "ae_csv_options"));
    AE_TRY(aei_check_reserved(o->reserved, "ae_csv_options"));
    AE_TRY(aei_check_enum((int)o->header, AE_TOGGLE_OFF, "header", "ae_toggle"));
    AE_TRY(aei_check_enum((int)o->missing, AE_MISSING_KEEP, "missing", "ae_missing"));
    AE_TRY(aei_check_enum((int)o->numeric_only, AE_TOGGLE_OFF, "numeric_only", "ae_toggle"));
    AE_TRY(aei_check_enum((int)o->text_labels, AE_TOGGLE_OFF, "text_labels", "ae_toggle"));
    AE_TRY(check_characters(o));
    return check_columns(o);
}

/* Room for one more row. Both arrays have their own, since numeric_only makes rows narrower on the
 * way. */
static ae_status make_room(aei_csv_table *t)
{
    enum { FIRST_VALUES = 4096 };
    if (t->rows == UINT32_MAX)
        return aei_fail(AE_ERROR_UNSUPPORTED, "more than %u rows", (unsigned)UINT32_MAX);
    /* Asked before the product below can overflow. */
    if (t->rows >= PTRDIFF_MAX / sizeof(float) / t->features)
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "%zu rows overflow the address space", t->rows);
    const size_t wanted = (t->rows + 1) * t->features;
    void *values = t->values, *labels = t->labels;
    ae_status status = aei_grow(&values, &t->value_room,
                                wanted < FIRST_VALUES ? FIRST_VALUES : wanted, sizeof *t->values);
    t->values = values;
    AE_TRY(status);
    if (t->options->label_column == 0 && t->options->label_name == NULL)
        return AE_OK;
    status = aei_grow(&labels, &t->label_room, t->rows + 1, sizeof *t->labels);
    t->labels = labels;
    return status;
}

/* Enough rows have been seen to tell columns of text; from here on a value is kept only where it
 * is wanted. */
static ae_status end_row(aei_csv_table *t)
{
    t->rows++;
    return t->facts != NULL && t->rows == AEI_CSV_DECISIVE_ROWS ? aei_csv_decide_numeric(t) : AE_OK;
}

/* A cause that shows in the first line comes first: a wrong delimiter makes every later line
 * look wrong in its own way. */
static ae_status wrong_count(const aei_csv_table *t, const aei_cell *cell)
{
    const size_t columns = t->first.count;
    const char *hint = aei_csv_hint(t, NULL);
    if (hint[0] == '\0')
        hint = aei_csv_hint(t, cell);
    if (hint[0] == '\0' && cell->column > columns)
        hint = cell->last && cell->size == 0
                   ? ": it ends in a delimiter"
                   : ": text that has a delimiter in it must stand in quotes";
    return aei_fail(AE_ERROR_FORMAT, "line %zu: %s%zu columns, but line %zu has %zu%s", cell->line,
                    cell->column > columns ? "more than " : "",
                    cell->column > columns ? columns : cell->column, t->first.number, columns,
                    hint);
}

/* Whether rows end in a delimiter that the line of names does not have: the first row tells. */
static bool is_extra(aei_csv_table *t, const aei_cell *cell)
{
    if (cell->column != t->first.count + 1 || !cell->last || !t->named ||
        !aei_csv_is_blank(cell->text, cell->size))
        return false;
    t->extra = t->extra || t->rows == 0;
    return t->extra;
}

static ae_status take_cell(aei_csv_table *t, const aei_cell *cell)
{
    if (is_extra(t, cell)) /* the cell before it was not the last, so the row is still open */
        return end_row(t);
    if (cell->column > t->first.count || (cell->last && cell->column != t->first.count))
        return wrong_count(t, cell);
    if (cell->column == 1)
        AE_TRY(make_room(t));
    AE_TRY(aei_csv_take(t, cell));
    return cell->last ? end_row(t) : AE_OK;
}

static ae_status read_rows(aei_csv_table *t)
{
    size_t empty = 0; /* the first of the empty lines behind the last row */
    /* A first line without names is a row that has been read already. */
    for (size_t i = 0; i < t->first.count && !t->named; i++) {
        const aei_cell cell = aei_csv_line_cell(&t->first, i);
        AE_TRY(take_cell(t, &cell));
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
        /* Editors and exports leave empty lines at the end. In between one may stand for a row
         * whose values went missing. */
        if (empty != 0)
            return aei_fail(AE_ERROR_FORMAT, "line %zu is empty, but rows follow", empty);
        AE_TRY(take_cell(t, &cell));
    }
    if (t->rows == 0)
        return aei_fail(AE_ERROR_FORMAT, "no rows follow the line of names%s",
                        aei_csv_hint(t, NULL));
    return t->facts != NULL ? aei_csv_decide_numeric(t) : AE_OK;
}

/* The draft owns the values only when nothing but adoption can fail: until then read_table frees
 * them. */
static ae_status finish(ae_dataset **dataset, aei_csv_table *t)
{
    ae_dataset_options o;
    aei_storage draft;
    AE_TRY(aei_dataset_read_options(&o,
                                    AE_DATASET_OPTIONS(.image_height = t->options->image_height,
                                                       .image_width = t->options->image_width),
                                    0));
    AE_TRY(aei_storage_draft(&draft, &o, t->rows, t->features, AEI_STORAGE_F32));
    ae_status status = aei_csv_make_names(&draft.names, t);
    if (status == AE_OK)
        status = aei_csv_sort_classes(t, &draft.classes, &draft.class_count);
    if (status != AE_OK) {
        aei_storage_release(&draft);
        return status;
    }
    /* Give back what was too much; when that fails, nothing is lost. */
    float *fitted = realloc(t->values, t->rows * t->features * sizeof *fitted);
    draft.values = draft.block = fitted != NULL ? fitted : t->values;
    t->values = NULL; /* taken over */
    draft.missing = t->missing;
    return aei_dataset_adopt_labelled(dataset, &draft, t->rows, t->labels);
}

static ae_status read_cells(ae_dataset **dataset, aei_csv_table *t)
{
    /* The reader knows only now: the file's own first line may have named the delimiter. */
    if (aei_csv_delimiter(t->csv) == t->decimal)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "decimal and delimiter are both '%c': set another delimiter, usually ';'",
                        t->decimal);
    AE_TRY(aei_csv_line_read(&t->first, t->csv));
    AE_TRY(aei_csv_choose_columns(t));
    if (t->options->numeric_only == AE_TOGGLE_ON)
        AE_TRY(aei_csv_begin_numeric(t));
    AE_TRY(read_rows(t));
    return finish(dataset, t);
}

static ae_status read_table(ae_dataset **dataset, aei_stream *stream, const ae_csv_options *options)
{
    ae_csv_options o;
    aei_csv_table t = {.options = &o};
    AE_TRY(read_options(&o, options));
    t.decimal = o.decimal == 0 ? '.' : (char)o.decimal;
    AE_TRY(aei_csv_create(&t.csv, stream,
                          &(aei_csv_dialect){.delimiter = (char)o.delimiter,
                                             .comment = (char)o.comment,
                                             .skip_lines = o.skip_lines}));
    /* One place frees everything, whatever failed: finish has set to NULL what the dataset took
     * over. */
    const ae_status status = read_cells(dataset, &t);
    aei_csv_free(t.csv);
    aei_csv_line_free(&t.first);
    aei_class_table_free(t.classes);
    free(t.uses);
    free(t.values);
    free(t.labels);
    free(t.facts);
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
