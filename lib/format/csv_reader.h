/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CSV_READER_H
#define AEI_CSV_READER_H

#include "format/stream.h"

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>

/* A CSV file cell by cell (RFC 4180). Numbers are none of its business. */
typedef struct aei_csv aei_csv;

typedef struct aei_cell {
    const char *text; /* without its quotes, doubled ones halved; valid until the next call */
    size_t size;
    size_t line, column; /* where it starts, from 1 */
    bool last;           /* of its record */
    bool blank;          /* all there is on its line is the end of it */
} aei_cell;

/* Start on a stream, which stays the caller's, and skip a byte order mark. The errors of
 * aei_stream_read. */
ae_status aei_csv_create(aei_csv **csv, aei_stream *stream, char delimiter);
void aei_csv_free(aei_csv *csv);

/*
 * The next cell, or *more false at the end of the file. AE_ERROR_FORMAT (quotes, a zero byte, a
 * cell too long, damaged gzip, by line and column), AE_ERROR_IO, AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_csv_next(aei_csv *csv, aei_cell *cell, bool *more);

#endif
