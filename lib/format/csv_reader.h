/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CSV_READER_H
#define AEI_CSV_READER_H

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>

/* A CSV file cell by cell (RFC 4180), plain or gzip. Numbers are none of its business. */
typedef struct aei_csv aei_csv;

typedef struct aei_cell {
    const char *text; /* without its quotes, doubled ones halved; valid until the next call */
    size_t size;
    size_t line, column; /* where it starts, from 1 */
    bool last;           /* of its record */
    bool blank;          /* all there is on its line is the end of it */
} aei_cell;

/* Open a file and skip a byte order mark. The errors of aei_input_open, and AE_ERROR_UNSUPPORTED
 * (gzip without zlib).
 */
ae_status aei_csv_open(aei_csv **csv, const char *path, char delimiter);
void aei_csv_close(aei_csv *csv);

/*
 * The next cell, or *more false at the end of the file. AE_ERROR_FORMAT (quotes, a zero byte, a
 * cell too long, damaged gzip, by line and column), AE_ERROR_IO, AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_csv_next(aei_csv *csv, aei_cell *cell, bool *more);

#endif
