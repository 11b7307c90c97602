/* SPDX-License-Identifier: BSD-3-Clause */
/* Columns of an Arrow array to rows of float32. */
#include "base/error.h"
#include "base/number.h"
#include "data/arrow_internal.h"
#include "format/text.h"

#include <math.h>
#include <string.h>

/* Values of rows that are written together: they stay in the cache while one column
 * after another goes into them. */
enum { BLOCK_VALUES = 1 << 12 };

/* Bytes of an element by the format's letter; 0 for bits. */
static size_t element_size(char type)
{
    switch (type) {
    case 'b':
        return 0;
    case 'c':
    case 'C':
        return 1;
    case 's':
    case 'S':
    case 'e':
        return 2;
    case 'i':
    case 'I':
    case 'f':
        return 4;
    default:
        return 8;
    }
}

/* A column's array within a batch. */
static const struct ArrowArray *column_array(const aei_arrow_table *table,
                                             const struct ArrowArray *array, size_t child)
{
    return table->batches ? array->children[child] : array;
}

/* A batch's own offset counts for its children too. */
static size_t column_first(const aei_arrow_table *table, const struct ArrowArray *array,
                           const struct ArrowArray *column)
{
    return (size_t)column->offset + (table->batches ? (size_t)array->offset : 0);
}

/* Length, offset and buffers of an array that must have `needed` elements. */
static ae_status check_array(const struct ArrowArray *array, size_t needed, int64_t buffers,
                             const char *name)
{
    const char *wrong = NULL;
    char quoted[AEI_QUOTE_SIZE];
    if (array == NULL || array->release == NULL)
        wrong = "is not there";
    else if (array->length < 0 || array->offset < 0 || array->length > INT64_MAX - array->offset ||
             (uint64_t)(array->length + array->offset) > PTRDIFF_MAX / 16)
        wrong = "has a length or an offset outside its range";
    else if ((uint64_t)array->length < needed)
        wrong = "is too short";
    else if (array->n_buffers != buffers || (buffers > 0 && array->buffers == NULL))
        wrong = "has another number of buffers";
    else if (buffers == 2 && needed > 0 && array->buffers[1] == NULL)
        wrong = "has no values";
    return wrong == NULL ? AE_OK
                         : aei_fail(AE_ERROR_FORMAT, "an Arrow array of column \"%s\" %s",
                                    aei_quote(quoted, name), wrong);
}

static ae_status check_column(const aei_arrow_table *table, const aei_arrow_column *column,
                              const struct ArrowArray *array)
{
    char quoted[AEI_QUOTE_SIZE];
    const struct ArrowArray *values = column_array(table, array, column->child);
    const size_t rows = (size_t)array->length + (table->batches ? (size_t)array->offset : 0);
    AE_TRY(check_array(values, rows, column->list ? 1 : 2, column->name));
    if (!column->list)
        return AE_OK;
    const size_t last = (size_t)values->offset + rows;
    if (values->n_children != 1 || values->children == NULL ||
        last > PTRDIFF_MAX / 16 / column->width)
        return aei_fail(AE_ERROR_FORMAT, "an Arrow array of column \"%s\" has no elements",
                        aei_quote(quoted, column->name));
    return check_array(values->children[0], last * column->width, 2, column->name);
}

ae_status aei_arrow_check(const aei_arrow_table *table, const struct ArrowArray *array)
{
    if (table->batches) {
        AE_TRY(check_array(array, 0, 1, "(batch)"));
        if (array->n_children != table->schema.n_children ||
            (array->n_children > 0 && array->children == NULL))
            return aei_fail(AE_ERROR_FORMAT,
                            "an Arrow batch of %lld columns, but the schema has %lld",
                            (long long)array->n_children, (long long)table->schema.n_children);
    }
    for (size_t i = 0; i < table->column_count; i++)
        AE_TRY(check_column(table, &table->columns[i], array));
    return table->labelled ? check_column(table, &table->label, array) : AE_OK;
}

/* Whether an element is null by a bitmap in which 1 means valid; without a bitmap none is. */
static bool is_null(const struct ArrowArray *array, size_t at)
{
    const unsigned char *bits = array->null_count == 0 ? NULL : array->buffers[0];
    return bits != NULL && (bits[at / 8] >> at % 8 & 1) == 0;
}

static bool may_have_nulls(const struct ArrowArray *array)
{
    return array->null_count != 0 && array->buffers[0] != NULL;
}

static ae_status fail_null(const aei_arrow_column *column, size_t row)
{
    char quoted[AEI_QUOTE_SIZE];
    return aei_fail(AE_ERROR_DATA,
                    "row %zu, column \"%s\": null: fill the value in, leave the row out, or keep "
                    "missing values by the option missing",
                    row, aei_quote(quoted, column->name));
}

/* Numbers of one type to every stride-th row; memcpy because producers need not align. */
#define CONVERT(type)                                                                      \
    if (width == 1)                                                                        \
        for (size_t r = 0; r < rows; r++) {                                                \
            type element;                                                                  \
            memcpy(&element, data + r * sizeof element, sizeof element);                   \
            out[r * stride] = (float)element;                                              \
        }                                                                                  \
    else                                                                                   \
        for (size_t r = 0; r < rows; r++)                                                  \
            for (size_t k = 0; k < width; k++) {                                           \
                type element;                                                              \
                memcpy(&element, data + (r * width + k) * sizeof element, sizeof element); \
                out[r * stride + k] = (float)element;                                      \
            }                                                                              \
    break

static void convert_bits(const unsigned char *bits, size_t first, size_t rows, size_t width,
                         float *out, size_t stride)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < width; k++) {
            const size_t at = first + r * width + k;
            out[r * stride + k] = (float)(bits[at / 8] >> at % 8 & 1);
        }
}

static void convert_halves(const unsigned char *data, size_t rows, size_t width, float *out,
                           size_t stride)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < width; k++) {
            uint16_t bits;
            memcpy(&bits, data + (r * width + k) * sizeof bits, sizeof bits);
            out[r * stride + k] = aei_float_from_half(bits);
        }
}

/* Elements from `first` on, width of them a row. */
static void convert(char type, const void *buffer, size_t first, size_t rows, size_t width,
                    float *out, size_t stride)
{
    const unsigned char *data = (const unsigned char *)buffer + first * element_size(type);
    switch (type) {
    case 'b':
        convert_bits(buffer, first, rows, width, out, stride);
        break;
    case 'e':
        convert_halves(data, rows, width, out, stride);
        break;
    case 'c':
        CONVERT(int8_t);
    case 'C':
        CONVERT(uint8_t);
    case 's':
        CONVERT(int16_t);
    case 'S':
        CONVERT(uint16_t);
    case 'i':
        CONVERT(int32_t);
    case 'I':
        CONVERT(uint32_t);
    case 'l':
        CONVERT(int64_t);
    case 'L':
        CONVERT(uint64_t);
    case 'f':
        CONVERT(float);
    default:
        CONVERT(double);
    }
}

/* Rows `from` to from + rows of an array: one column. */
typedef struct slice {
    const struct ArrowArray *batch; /* whose own nulls void whole rows; NULL: there are none */
    const struct ArrowArray *column;
    const struct ArrowArray *elements; /* column, or the elements of its lists */
    size_t batch_first, first, rows;   /* the first row in each */
    size_t element_first;
} slice;

static slice cut(const aei_arrow_table *table, const aei_arrow_column *column,
                 const struct ArrowArray *array, size_t from, size_t rows)
{
    const struct ArrowArray *values = column_array(table, array, column->child);
    slice p = {.batch = table->batches && may_have_nulls(array) ? array : NULL,
               .column = values,
               .elements = column->list ? values->children[0] : values,
               .batch_first = (size_t)array->offset + from,
               .first = column_first(table, array, values) + from,
               .rows = rows};
    p.element_first = column->list ? (size_t)p.elements->offset + p.first * column->width : p.first;
    return p;
}

/* NaN in place of nulls; *null is the first row that has one, or rows. */
static void mark_nulls(const slice *p, size_t width, float *out, size_t stride, size_t *null)
{
    *null = p->rows;
    const bool lists = p->elements != p->column && may_have_nulls(p->elements);
    if (p->batch == NULL && !may_have_nulls(p->column) && !lists)
        return;
    for (size_t r = p->rows; r-- > 0;) {
        const bool whole = (p->batch != NULL && is_null(p->batch, p->batch_first + r)) ||
                           is_null(p->column, p->first + r);
        for (size_t k = 0; k < width; k++)
            if (whole || (lists && is_null(p->elements, p->element_first + r * width + k))) {
                out[r * stride + k] = NAN;
                *null = r;
            }
    }
}

/* One integer or boolean of a column; what int64 cannot hold is no label, and neither is -1 times
 * 2^63. */
static int64_t integer(char type, const unsigned char *data, size_t at)
{
#define INTEGER(type)                                                 \
    do {                                                              \
        type element;                                                 \
        memcpy(&element, data + at * sizeof element, sizeof element); \
        return (int64_t)element;                                      \
    } while (0)
    uint64_t large;
    switch (type) {
    case 'b':
        return data[at / 8] >> at % 8 & 1;
    case 'c':
        INTEGER(int8_t);
    case 'C':
        INTEGER(uint8_t);
    case 's':
        INTEGER(int16_t);
    case 'S':
        INTEGER(uint16_t);
    case 'i':
        INTEGER(int32_t);
    case 'I':
        INTEGER(uint32_t);
    case 'l':
        INTEGER(int64_t);
    default:
        memcpy(&large, data + at * sizeof large, sizeof large);
        return large > INT64_MAX ? INT64_MIN : (int64_t)large;
    }
}

ae_status aei_arrow_copy_labels(const aei_arrow_table *table, const struct ArrowArray *array,
                                size_t before, int32_t *labels)
{
    const aei_arrow_column *column = &table->label;
    const slice p = cut(table, column, array, 0, (size_t)array->length);
    char quoted[AEI_QUOTE_SIZE];
    for (size_t r = 0; r < p.rows; r++) {
        if ((p.batch != NULL && is_null(p.batch, p.batch_first + r)) ||
            is_null(p.column, p.first + r))
            return aei_fail(AE_ERROR_DATA, "row %zu, column \"%s\": null is no label", before + r,
                            aei_quote(quoted, column->name));
        const int64_t label = integer(column->type, p.elements->buffers[1], p.element_first + r);
        if (label <= INT32_MIN || label > INT32_MAX)
            return aei_fail(AE_ERROR_DATA,
                            "row %zu, column \"%s\": not a label: an integer from -2147483647 to "
                            "2147483647",
                            before + r, aei_quote(quoted, column->name));
        labels[before + r] = (int32_t)label;
    }
    return AE_OK;
}

static ae_status copy_block(const aei_arrow_table *table, const struct ArrowArray *array,
                            size_t from, size_t rows, size_t row, bool keep_nulls, float *out)
{
    size_t feature = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        const aei_arrow_column *column = &table->columns[i];
        const slice p = cut(table, column, array, from, rows);
        size_t null;
        convert(column->type, p.elements->buffers[1], p.element_first, rows, column->width,
                out + feature, table->features);
        mark_nulls(&p, column->width, out + feature, table->features, &null);
        if (null < rows && !keep_nulls)
            return fail_null(column, row + null);
        feature += column->width;
    }
    return AE_OK;
}

ae_status aei_arrow_copy(const aei_arrow_table *table, const struct ArrowArray *array,
                         size_t before, bool keep_nulls, float *values)
{
    const size_t all = (size_t)array->length;
    const size_t block = table->features < BLOCK_VALUES ? BLOCK_VALUES / table->features : 1;
    for (size_t from = 0; from < all; from += block) {
        const size_t rows = all - from < block ? all - from : block;
        AE_TRY(copy_block(table, array, from, rows, before + from, keep_nulls,
                          values + (before + from) * table->features));
    }
    return AE_OK;
}

const float *aei_arrow_plain(const aei_arrow_table *table, const struct ArrowArray *array)
{
    const aei_arrow_column *column = &table->columns[0];
    if (table->column_count != 1 || column->type != 'f' || array->length == 0)
        return NULL;
    const slice p = cut(table, column, array, 0, (size_t)array->length);
    if (p.batch != NULL || may_have_nulls(p.column) || may_have_nulls(p.elements))
        return NULL;
    const unsigned char *values = (const unsigned char *)p.elements->buffers[1] +
                                  p.element_first * sizeof(float);
    return (uintptr_t)values % _Alignof(float) == 0 ? (const float *)(const void *)values : NULL;
}
