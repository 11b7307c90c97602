/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CSV_READER_H
#define AEI_CSV_READER_H

#include "format/stream.h"

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>

/* A CSV file cell by cell (RFC 4180). Numbers are none of its business. */
typedef struct aei_csv aei_csv;

typedef struct aei_csv_dialect {
    char delimiter; /* 0: what Excel's line `sep=;` says, else a comma. A blank stands for runs */
    char comment;   /* lines that start with it are left out; 0: none */
    size_t skip_lines; /* at the beginning of the file, whatever is in them */
} aei_csv_dialect;

typedef struct aei_cell {
    const char *text; /* without its quotes, doubled ones halved; valid until the next call */
    size_t size;
    size_t line, column; /* where it starts, from 1 */
    bool last;           /* of its record */
    bool blank;          /* all there is on its line is blanks and the end of it */
} aei_cell;

/* Start on a stream, which stays the caller's, and skip a byte order mark; UTF-16 with one becomes
 * UTF-8. The errors of aei_stream_read. */
ae_status aei_csv_create(aei_csv **csv, aei_stream *stream, const aei_csv_dialect *dialect);
void aei_csv_free(aei_csv *csv);

/* What is between the columns. */
char aei_csv_delimiter(const aei_csv *csv);

/* As aei_stream_packed. */
size_t aei_csv_packed(const aei_csv *csv);

/* Whether a character may be a delimiter or start a comment: no quote, no line end, and nothing
 * that numbers have in them but a comma. */
bool aei_csv_may_separate(int c);

/*
 * The next cell, or *more false at the end of the file. AE_ERROR_FORMAT (quotes, a zero byte, a
 * cell too long, damaged gzip, by line and column), AE_ERROR_IO, AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_csv_next(aei_csv *csv, aei_cell *cell, bool *more);

#endif
