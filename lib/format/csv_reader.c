/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where does a cell of a CSV file begin and end? RFC 4180, read as most writers write it: any of
 * the three line ends, a byte order mark, quotes inside an unquoted cell. Memory is one block and
 * one cell, however long the file is. Cells know their line and column, because a person has to
 * find what is wrong.
 */
#include "format/csv_reader.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* A cell has a bound, or a quote that is never closed would make the whole file one cell in
 * memory. */
enum { BLOCK = 1 << 16, CELL_MAX = 1 << 20, END = -1 };

struct aei_csv {
    aei_stream *stream;
    char delimiter;
    size_t line, column; /* of the next cell */
    bool open;           /* a delimiter was read: another cell follows, if an empty one */
    char *cell;          /* room bytes */
    size_t size, room;
    size_t used, filled; /* of block */
    unsigned char block[BLOCK];
};

/* The next byte without taking it, or END. May read the next block over the present one: a pointer
 * into the block is void afterwards. */
static ae_status peek(aei_csv *csv, int *c)
{
    if (csv->used == csv->filled) {
        csv->used = 0;
        AE_TRY(aei_stream_read(csv->stream, csv->block, BLOCK, &csv->filled));
    }
    *c = csv->used == csv->filled ? END : csv->block[csv->used];
    return AE_OK;
}

/* A zero byte is never plain: callers hand names on as strings, which would end there. UTF-16 is
 * found by it too. */
static bool is_plain(const aei_csv *csv, unsigned char c)
{
    return c != (unsigned char)csv->delimiter && c != '\n' && c != '\r' && c != '"' && c != '\0';
}

/* Doubled, so that a long cell is copied a bounded number of times; kept from cell to cell. */
static ae_status append(aei_csv *csv, const unsigned char *bytes, size_t count)
{
    if (count > CELL_MAX - csv->size)
        return aei_fail(AE_ERROR_FORMAT, "line %zu, column %zu: more than %d bytes in a cell",
                        csv->line, csv->column, CELL_MAX);
    if (csv->size + count > csv->room) {
        size_t room = csv->room == 0 ? 256 : csv->room;
        while (room < csv->size + count)
            room *= 2;
        char *grown = realloc(csv->cell, room);
        if (grown == NULL)
            return aei_fail_memory(room);
        csv->cell = grown;
        csv->room = room;
    }
    memcpy(csv->cell + csv->size, bytes, count);
    csv->size += count;
    return AE_OK;
}

/* Take a line's end if it comes next; counts it. \n, \r\n and a lone \r, which old spreadsheets on
 * the Macintosh write, end a line each. */
static ae_status take_line_end(aei_csv *csv, bool *taken)
{
    int c;
    AE_TRY(peek(csv, &c));
    *taken = c == '\n' || c == '\r';
    if (!*taken)
        return AE_OK;
    csv->used++;
    csv->line++;
    if (c == '\r') {
        AE_TRY(peek(csv, &c));
        csv->used += c == '\n';
    }
    return AE_OK;
}

/* Bytes up to one that means something, a block's worth at a time. Most of a table's bytes are
 * plain: one memcpy a cell instead of a call a byte. */
static ae_status take_plain(aei_csv *csv)
{
    const unsigned char *from = csv->block + csv->used;
    size_t count = 0;
    while (csv->used + count < csv->filled && is_plain(csv, from[count]))
        count++;
    csv->used += count;
    return append(csv, from, count);
}

static ae_status zero_byte(const aei_csv *csv)
{
    return aei_fail(AE_ERROR_FORMAT,
                    "line %zu, column %zu: a zero byte: text in UTF-8 or ASCII expected", csv->line,
                    csv->column);
}

/* After the opening quote, up to the closing one. A line break belongs to the cell, as it
 * stands. */
static ae_status read_quoted(aei_csv *csv, const aei_cell *cell)
{
    for (;;) {
        int c;
        AE_TRY(peek(csv, &c));
        if (c == END)
            return aei_fail(AE_ERROR_FORMAT, "line %zu, column %zu: a quote that is never closed",
                            cell->line, cell->column);
        if (c == '\0')
            return zero_byte(csv);
        if (is_plain(csv, (unsigned char)c)) {
            AE_TRY(take_plain(csv));
            continue;
        }
        const unsigned char byte = (unsigned char)c;
        csv->used++;
        if (c == '"') {
            AE_TRY(peek(csv, &c));
            if (c != '"')
                return AE_OK;
            csv->used++;
        }
        /* Of \r\n the \n counts the line, in the next round. */
        if (c == '\r') {
            AE_TRY(peek(csv, &c));
            csv->line += c != '\n';
        } else if (byte == '\n') {
            csv->line++;
        }
        AE_TRY(append(csv, &byte, 1));
    }
}

/* A quote that does not come first is text: measurements in inches (5") are written so. */
static ae_status read_unquoted(aei_csv *csv)
{
    for (;;) {
        int c;
        AE_TRY(peek(csv, &c));
        if (c == '\0')
            return zero_byte(csv);
        if (c == '"') /* not the first character: an ordinary one */
            AE_TRY(append(csv, &csv->block[csv->used++], 1));
        else if (c == END || !is_plain(csv, (unsigned char)c))
            return AE_OK;
        else
            AE_TRY(take_plain(csv));
    }
}

/* After a delimiter there is always a cell, even at the end of the file. After a line's end there
 * is none: a last line may or may not have one. */
ae_status aei_csv_next(aei_csv *csv, aei_cell *cell, bool *more)
{
    int c;
    AE_TRY(peek(csv, &c));
    *more = c != END || csv->open;
    if (!*more)
        return AE_OK;
    csv->size = 0;
    *cell = (aei_cell){.line = csv->line, .column = csv->column};
    const bool quoted = c == '"';
    if (quoted) {
        csv->used++;
        AE_TRY(read_quoted(csv, cell));
    } else {
        AE_TRY(read_unquoted(csv));
    }
    AE_TRY(peek(csv, &c));
    csv->open = c == (unsigned char)csv->delimiter;
    if (csv->open) {
        csv->used++;
        csv->column++;
    } else if (c != END) {
        bool taken;
        AE_TRY(take_line_end(csv, &taken));
        if (!taken)
            return aei_fail(AE_ERROR_FORMAT, "line %zu, column %zu: text behind a closing quote",
                            csv->line, csv->column);
    }
    cell->text = csv->size == 0 ? "" : csv->cell;
    cell->size = csv->size;
    cell->last = !csv->open;
    /* Only the first cell of a line can be all of it; "" is an empty text that somebody wrote. */
    cell->blank = cell->last && cell->column == 1 && cell->size == 0 && !quoted;
    if (cell->last)
        csv->column = 1;
    return AE_OK;
}

/* The first block shows whether there is a mark: a file of fewer than three bytes has none. */
ae_status aei_csv_create(aei_csv **csv, aei_stream *stream, char delimiter)
{
    static const unsigned char mark[3] = {0xEF, 0xBB, 0xBF};
    int c;
    aei_csv *made = calloc(1, sizeof *made);
    if (made == NULL)
        return aei_fail_memory(sizeof *made);
    made->stream = stream;
    made->delimiter = delimiter;
    made->line = made->column = 1;
    const ae_status status = peek(made, &c);
    if (status != AE_OK) {
        aei_csv_free(made);
        return status;
    }
    if (made->filled >= sizeof mark && memcmp(made->block, mark, sizeof mark) == 0)
        made->used = sizeof mark;
    *csv = made;
    return AE_OK;
}

void aei_csv_free(aei_csv *csv)
{
    if (csv == NULL)
        return;
    free(csv->cell);
    free(csv);
}
