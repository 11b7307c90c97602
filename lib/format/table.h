/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_TABLE_H
#define AEI_TABLE_H

#include <libae/status.h>
#include <stddef.h>

/* A table of float32 being written row by row, whole or not at all. */
typedef struct aei_table aei_table;

/* The name of a column, for a header line: from a context, into room for those that have none
 * kept. */
enum { AEI_COLUMN_NAME = 32 };
typedef const char *(*aei_column_name)(const void *context, size_t column,
                                       char room[AEI_COLUMN_NAME]);

/* NPY of shape (rows, columns), or (rows,) when columns is 0. The errors of aei_file_create. */
ae_status aei_table_create_npy(aei_table **table, const char *path, size_t rows, size_t columns);

/* CSV; name NULL: no header line. */
ae_status aei_table_create_csv(aei_table **table, const char *path, size_t columns,
                               aei_column_name name, const void *context);

/* Append rows. */
ae_status aei_table_write(aei_table *table, const float *values, size_t rows);

/* Finish and free, or with a status that is not AE_OK drop it all; returns the first error. */
ae_status aei_table_close(aei_table *table, ae_status status);

#endif
