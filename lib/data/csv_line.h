/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CSV_LINE_H
#define AEI_CSV_LINE_H

#include "format/csv_reader.h"

#include <libae/status.h>
#include <stddef.h>

/* The cells of the first record, which are names or the first row; start with zeros. */
typedef struct aei_csv_line {
    char *text; /* one after another, each with a zero byte behind it */
    size_t size, room;
    size_t *starts; /* count + 1 of them */
    size_t count, starts_room;
    size_t number; /* of the line in the file, from 1 */
} aei_csv_line;

/* Read it. AE_ERROR_FORMAT (no record, an empty line, too many columns for what has been read), the
 * errors of aei_csv_next. */
ae_status aei_csv_line_read(aei_csv_line *line, aei_csv *csv);
void aei_csv_line_free(aei_csv_line *line);

/* One of its cells again, column from 0. */
aei_cell aei_csv_line_cell(const aei_csv_line *line, size_t column);

/* How often a character is in it, delimiters left out. */
size_t aei_csv_line_holds(const aei_csv_line *line, char c);

#endif
