/* SPDX-License-Identifier: BSD-3-Clause */
/* How do rows of float32 become an NPY or CSV file, piece by piece? The writer above it knows one
 * table and neither format. */
#include "format/table.h"

#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "format/bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct aei_table {
    aei_file *file;
    size_t columns; /* values of a row */
    bool csv;
};

static ae_status create(aei_table **table, const char *path, size_t columns, bool csv)
{
    aei_table *made = calloc(1, sizeof *made);
    if (made == NULL)
        return aei_fail_memory(sizeof *made);
    const ae_status status = aei_file_create(&made->file, path);
    if (status != AE_OK) {
        free(made);
        return status;
    }
    made->columns = columns == 0 ? 1 : columns;
    made->csv = csv;
    *table = made;
    return AE_OK;
}

ae_status aei_table_close(aei_table *table, ae_status status)
{
    if (status == AE_OK)
        status = aei_file_commit(table->file);
    else
        aei_file_discard(table->file);
    free(table);
    return status;
}

/*
 * Magic, version 1.0, length, and the dictionary with sorted keys, filled up with spaces so that
 * the values start on a multiple of 64 and can be mapped. They are in the processor's byte order.
 */
ae_status aei_table_create_npy(aei_table **table, const char *path, size_t rows, size_t columns)
{
    enum { PREFIX = 10, SIZE = 128 };
    char header[SIZE] = "\x93NUMPY\x01", text[SIZE], shape[SIZE / 2];
    aei_table *made = NULL;
    if (columns == 0)
        (void)snprintf(shape, sizeof shape, "(%zu,)", rows);
    else
        (void)snprintf(shape, sizeof shape, "(%zu, %zu)", rows, columns);
    /* At most 107 characters. */
    const int length = snprintf(text, sizeof text,
                                "{'descr': '%cf4', 'fortran_order': False, 'shape': %s, }",
                                aei_is_big_endian() ? '>' : '<', shape);
    memset(header + PREFIX, ' ', SIZE - PREFIX);
    memcpy(header + PREFIX, text, (size_t)length);
    header[SIZE - 1] = '\n';
    header[8] = SIZE - PREFIX; /* header[9], the upper byte, is 0 */
    AE_TRY(create(&made, path, columns, false));
    const ae_status status = aei_file_write(made->file, header, SIZE);
    if (status != AE_OK)
        return aei_table_close(made, status);
    *table = made;
    return AE_OK;
}

/* Quoted only where it must be; an empty name as well, lest a line of one looks empty. */
static ae_status write_name(aei_file *file, const char *name)
{
    if (name[0] != '\0' && strpbrk(name, ",\"\r\n") == NULL)
        return aei_file_write(file, name, strlen(name));
    AE_TRY(aei_file_write(file, "\"", 1));
    for (const char *c = name; *c != '\0'; c++)
        AE_TRY(*c == '"' ? aei_file_write(file, "\"\"", 2) : aei_file_write(file, c, 1));
    return aei_file_write(file, "\"", 1);
}

ae_status aei_table_create_csv(aei_table **table, const char *path, size_t columns,
                               aei_column_name name, const void *context)
{
    aei_table *made = NULL;
    AE_TRY(create(&made, path, columns, true));
    ae_status status = AE_OK;
    for (size_t i = 0; name != NULL && i < made->columns && status == AE_OK; i++) {
        char room[AEI_COLUMN_NAME];
        status = write_name(made->file, name(context, i, room));
        if (status == AE_OK)
            status = aei_file_write(made->file, i + 1 < made->columns ? "," : "\n", 1);
    }
    if (status != AE_OK)
        return aei_table_close(made, status);
    *table = made;
    return AE_OK;
}

ae_status aei_table_write(aei_table *table, const float *values, size_t rows)
{
    const size_t columns = table->columns;
    if (!table->csv)
        return aei_file_write(table->file, values, rows * columns * sizeof *values);
    for (size_t i = 0; i < rows * columns; i++) {
        char text[AEI_FLOAT_TEXT + 1];
        size_t length = aei_format_float(text, values[i]);
        text[length++] = (i + 1) % columns == 0 ? '\n' : ',';
        AE_TRY(aei_file_write(table->file, text, length));
    }
    return AE_OK;
}
