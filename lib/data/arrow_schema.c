/* SPDX-License-Identifier: BSD-3-Clause */
/* Which columns an Arrow schema has, and which of them are wanted. */
#include "base/error.h"
#include "data/arrow_internal.h"
#include "format/text.h"

#include <stdlib.h>
#include <string.h>

/* Letters of the formats of numbers: boolean, integers, floats. */
static const char numbers[] = "bcCsSiIlLefg";

/* A width of lists that no array can have is left to the check of the array. */
enum { WIDTH_MAX = 1 << 30 };

static const char *shown_name(char quoted[AEI_QUOTE_SIZE], const struct ArrowSchema *schema)
{
    return aei_quote(quoted, schema->name == NULL ? "" : schema->name);
}

static bool is_number(const struct ArrowSchema *schema)
{
    const char *format = schema->format;
    return format != NULL && format[0] != '\0' && format[1] == '\0' &&
           strchr(numbers, format[0]) != NULL && schema->dictionary == NULL;
}

/* "+w:16": lists of 16; 0 for all other formats. */
static size_t list_width(const char *format)
{
    size_t width = 0;
    if (format == NULL || strncmp(format, "+w:", 3) != 0)
        return 0;
    for (const char *c = format + 3; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || width > WIDTH_MAX / 10 - 1)
            return 0;
        width = width * 10 + (size_t)(*c - '0');
    }
    return width;
}

static bool read_column(aei_arrow_column *column, const struct ArrowSchema *schema, size_t child)
{
    const struct ArrowSchema *elements = schema;
    *column = (aei_arrow_column){
        .child = child, .width = 1, .name = schema->name == NULL ? "" : schema->name};
    if (list_width(schema->format) > 0) {
        if (schema->n_children != 1 || schema->children == NULL || schema->children[0] == NULL)
            return false;
        elements = schema->children[0];
        column->list = true;
        column->width = list_width(schema->format);
    }
    if (!is_number(elements))
        return false;
    column->type = elements->format[0];
    return true;
}

/* Names for the types that tables have most often beside numbers. */
static const char *type_name(const struct ArrowSchema *schema)
{
    static const struct {
        const char *format, *name;
    } types[] = {{"u", "text"},
                 {"U", "text"},
                 {"vu", "text"},
                 {"z", "binary data"},
                 {"Z", "binary data"},
                 {"vz", "binary data"},
                 {"n", "null"},
                 {"d:", "decimals"},
                 {"td", "dates"},
                 {"tt", "times"},
                 {"ts", "timestamps"},
                 {"tD", "durations"},
                 {"ti", "intervals"},
                 {"+w:", "fixed-size lists of what is no number"},
                 {"+l", "lists of any size"},
                 {"+L", "lists of any size"},
                 {"+s", "structs"}};
    if (schema->dictionary != NULL)
        return "a dictionary";
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const size_t length = strlen(types[i].format);
        if (strncmp(schema->format, types[i].format, length) == 0 &&
            (length > 1 || schema->format[1] == '\0'))
            return types[i].name;
    }
    return schema->format;
}

static ae_status choose(aei_arrow_column *column, const struct ArrowSchema *schema, size_t child)
{
    char name[AEI_QUOTE_SIZE], type[AEI_QUOTE_SIZE];
    if (schema == NULL || schema->format == NULL)
        return aei_fail(AE_ERROR_FORMAT, "column %zu of the Arrow schema has no format", child);
    if (read_column(column, schema, child))
        return AE_OK;
    return aei_fail(AE_ERROR_UNSUPPORTED,
                    "column %zu (%s) is of type %s, not of numbers: cast it, or name the wanted "
                    "columns in column_names",
                    child, shown_name(name, schema), aei_quote(type, type_name(schema)));
}

/* The children of a batch, or the one array itself. */
static const struct ArrowSchema *column_schema(const aei_arrow_table *table, size_t child)
{
    return table->batches ? table->schema.children[child] : &table->schema;
}

static ae_status find(size_t *child, const aei_arrow_table *table, size_t children,
                      const char *wanted)
{
    char quoted[AEI_QUOTE_SIZE];
    size_t found = children;
    for (size_t i = 0; i < children; i++) {
        const struct ArrowSchema *schema = column_schema(table, i);
        if (schema == NULL || schema->name == NULL ||
            !aei_same_name(schema->name, strlen(schema->name), wanted, strlen(wanted)))
            continue;
        if (found < children)
            return aei_fail(AE_ERROR_FORMAT, "columns %zu and %zu are both called \"%s\"", found, i,
                            aei_quote(quoted, wanted));
        found = i;
    }
    if (found == children)
        return aei_fail(AE_ERROR_NOT_FOUND, "no column of the Arrow table is called \"%s\"",
                        aei_quote(quoted, wanted));
    *child = found;
    return AE_OK;
}

static ae_status add_feature(aei_arrow_table *table, size_t child)
{
    aei_arrow_column *column = &table->columns[table->column_count];
    AE_TRY(choose(column, column_schema(table, child), child));
    table->features += column->width;
    table->column_count++;
    return AE_OK;
}

static ae_status choose_named(aei_arrow_table *table, const ae_arrow_options *o, size_t children)
{
    char quoted[AEI_QUOTE_SIZE];
    for (size_t i = 0; i < o->column_count; i++) {
        const char *name = o->column_names[i];
        size_t child;
        if (name == NULL)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "column_names[%zu] is NULL", i);
        AE_TRY(find(&child, table, children, name));
        for (size_t k = 0; k < table->column_count; k++)
            if (table->columns[k].child == child)
                return aei_fail(AE_ERROR_INVALID_ARGUMENT, "column \"%s\" is named twice",
                                aei_quote(quoted, name));
        if (table->labelled && table->label.child == child)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "column \"%s\" is a feature and the label",
                            aei_quote(quoted, name));
        AE_TRY(add_feature(table, child));
    }
    return AE_OK;
}

static ae_status choose_label(aei_arrow_table *table, const ae_arrow_options *o, size_t children)
{
    char quoted[AEI_QUOTE_SIZE];
    size_t child;
    if (o->label_name == NULL)
        return AE_OK;
    AE_TRY(find(&child, table, children, o->label_name));
    AE_TRY(choose(&table->label, column_schema(table, child), child));
    if (table->label.list || strchr("efg", table->label.type) != NULL)
        return aei_fail(AE_ERROR_UNSUPPORTED,
                        "column %zu (%s): labels are integers or booleans: cast it", child,
                        aei_quote(quoted, o->label_name));
    table->labelled = true;
    return AE_OK;
}

ae_status aei_arrow_choose(aei_arrow_table *table, const ae_arrow_options *o)
{
    const struct ArrowSchema *schema = &table->schema;
    if (schema->format == NULL)
        return aei_fail(AE_ERROR_FORMAT, "the Arrow schema has no format");
    table->batches = strcmp(schema->format, "+s") == 0;
    if (table->batches &&
        (schema->n_children < 0 || (schema->n_children > 0 && schema->children == NULL)))
        return aei_fail(AE_ERROR_FORMAT, "the Arrow schema has %lld columns, but no list of them",
                        (long long)schema->n_children);
    const size_t children = table->batches ? (size_t)schema->n_children : 1;
    const size_t room = o->column_count > 0 ? o->column_count : children;
    /* As many as the caller or the schema really has, but both are numbers in somebody's struct. */
    table->columns = room < PTRDIFF_MAX / sizeof *table->columns
                         ? calloc(room + 1, sizeof *table->columns)
                         : NULL;
    if (table->columns == NULL)
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "out of memory: %zu columns", room);
    AE_TRY(choose_label(table, o, children));
    if (o->column_count > 0)
        return choose_named(table, o, children);
    for (size_t i = 0; i < children; i++)
        if (!table->labelled || table->label.child != i)
            AE_TRY(add_feature(table, i));
    return table->column_count > 0 ? AE_OK
                                   : aei_fail(AE_ERROR_FORMAT, "the Arrow table has no columns%s",
                                              table->labelled ? " beside the labels" : "");
}

void aei_arrow_table_free(aei_arrow_table *table)
{
    if (table->schema.release != NULL)
        table->schema.release(&table->schema);
    free(table->columns);
}
