/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where does a cell of a CSV file begin and end? RFC 4180, read as most writers write it: any of
 * the three line ends, a byte order mark, quotes inside an unquoted cell. Memory is one block and
 * one cell, however long the file is. Cells know their line and column, because a person has to
 * find what is wrong.
 */
#include "format/csv_reader.h"

#include "base/error.h"
#include "base/grow.h"
#include "format/utf16.h"

#include <stdlib.h>
#include <string.h>

/* A cell has a bound, or a quote that is never closed would make the whole file one cell in
 * memory. */
enum { BLOCK = 1 << 16, CELL_MAX = 1 << 20, END = -1 };

struct aei_csv {
    aei_stream *stream;
    aei_csv_dialect dialect;
    bool wide; /* the file is UTF-16 */
    aei_utf16 utf16;
    size_t line, column; /* of the next cell */
    bool open;           /* a delimiter was read: another cell follows, if an empty one */
    char *cell;          /* room bytes */
    size_t size, room;
    size_t used, filled; /* of block */
    /* The bytes that mean something outside of plain text. A zero byte is among them: callers hand
     * names on as strings, which would end there. */
    bool stops[256];
    unsigned char block[2 * BLOCK]; /* read into the second half; UTF-16 is converted into both */
};

/* The next bytes of the file, of which there are none at its end. */
static ae_status refill(aei_csv *csv)
{
    unsigned char *raw = csv->block + BLOCK;
    size_t got;
    do {
        AE_TRY(aei_stream_read(csv->stream, raw, BLOCK, &got));
        csv->used = csv->wide ? 0 : BLOCK;
        csv->filled = csv->wide ? aei_utf16_convert(&csv->utf16, raw, got, csv->block)
                                : BLOCK + got;
    } while (csv->used == csv->filled && got > 0); /* half a pair gives nothing yet */
    return AE_OK;
}

/* The next byte without taking it, or END. May read the next block over the present one: a pointer
 * into the block is void afterwards. */
static ae_status peek(aei_csv *csv, int *c)
{
    if (csv->used == csv->filled)
        AE_TRY(refill(csv));
    *c = csv->used == csv->filled ? END : csv->block[csv->used];
    return AE_OK;
}

/* Doubled, so that a long cell is copied a bounded number of times; kept from cell to cell. */
static ae_status append(aei_csv *csv, const unsigned char *bytes, size_t count)
{
    if (count > CELL_MAX - csv->size)
        return aei_fail(AE_ERROR_FORMAT, "line %zu, column %zu: more than %d bytes in a cell",
                        csv->line, csv->column, CELL_MAX);
    void *cell = csv->cell;
    if (csv->size + count > csv->room)
        AE_TRY(aei_grow(&cell, &csv->room, csv->size + count < 256 ? 256 : csv->size + count, 1));
    csv->cell = cell;
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
    while (csv->used + count < csv->filled && !csv->stops[from[count]])
        count++;
    csv->used += count;
    return append(csv, from, count);
}

/* The rest of a line that nobody wants, its end included; quotes mean nothing in it. */
static ae_status skip_line(aei_csv *csv)
{
    for (;;) {
        int c;
        bool taken;
        AE_TRY(take_line_end(csv, &taken));
        AE_TRY(peek(csv, &c));
        if (taken || c == END)
            return AE_OK;
        csv->used++;
    }
}

static ae_status skip_blanks(aei_csv *csv)
{
    int c;
    AE_TRY(peek(csv, &c));
    while (c == ' ' || (c == '\t' && csv->dialect.delimiter != '\t')) {
        csv->used++;
        AE_TRY(peek(csv, &c));
    }
    return AE_OK;
}

/* In front of a record: comments, and blanks where they separate. */
static ae_status skip_to_record(aei_csv *csv)
{
    for (;;) {
        int c;
        if (csv->dialect.delimiter == ' ')
            AE_TRY(skip_blanks(csv));
        AE_TRY(peek(csv, &c));
        if (csv->dialect.comment == '\0' || c != (unsigned char)csv->dialect.comment)
            return AE_OK;
        AE_TRY(skip_line(csv));
    }
}

static ae_status zero_byte(const aei_csv *csv)
{
    return aei_fail(AE_ERROR_FORMAT,
                    "line %zu, column %zu: a zero byte: text in UTF-8 or ASCII expected, or UTF-16 "
                    "with a byte order mark",
                    csv->line, csv->column);
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
        if (!csv->stops[c]) {
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

static bool is_blank(const char *text, size_t size)
{
    size_t i = 0;
    while (i < size && (text[i] == ' ' || text[i] == '\t'))
        i++;
    return i == size;
}

/* Up to what ends the cell, or to a quote that opens it: nothing but blanks is in front of that. */
static ae_status read_unquoted(aei_csv *csv, bool *quoted)
{
    for (;;) {
        int c;
        AE_TRY(peek(csv, &c));
        *quoted = c == '"' && is_blank(csv->cell, csv->size);
        if (c == '\0')
            return zero_byte(csv);
        if (*quoted || c == END)
            return AE_OK;
        if (c == '"') /* behind something: an ordinary character */
            AE_TRY(append(csv, &csv->block[csv->used++], 1));
        else if (csv->stops[c])
            return AE_OK;
        else
            AE_TRY(take_plain(csv));
    }
}

static ae_status read_text(aei_csv *csv, const aei_cell *cell, bool *quoted)
{
    AE_TRY(read_unquoted(csv, quoted));
    if (!*quoted)
        return AE_OK;
    csv->size = 0;
    csv->used++;
    AE_TRY(read_quoted(csv, cell));
    return csv->dialect.delimiter == ' ' ? AE_OK : skip_blanks(csv);
}

/* What follows a cell: a delimiter, the end of the line, or that of the file. */
static ae_status read_end(aei_csv *csv)
{
    int c;
    AE_TRY(peek(csv, &c));
    csv->open = c == (unsigned char)csv->dialect.delimiter;
    if (csv->open && c == ' ') { /* a run of blanks; at the end of a line it separates nothing */
        AE_TRY(skip_blanks(csv));
        AE_TRY(peek(csv, &c));
        csv->open = c != END && c != '\n' && c != '\r';
        csv->column += csv->open;
    } else if (csv->open) {
        csv->used++;
        csv->column++;
    }
    if (csv->open || c == END)
        return AE_OK;
    bool taken;
    AE_TRY(take_line_end(csv, &taken));
    return taken ? AE_OK
                 : aei_fail(AE_ERROR_FORMAT, "line %zu, column %zu: text behind a closing quote",
                            csv->line, csv->column);
}

/* Most cells lie in the block together with the delimiter or line feed that ends them: they stay
 * there. The first of a line is left to the others, since its line may be blank. */
static bool next_in_block(aei_csv *csv, aei_cell *cell)
{
    const unsigned char *from = csv->block + csv->used;
    const size_t left = csv->filled - csv->used;
    size_t size = 0;
    while (size < left && !csv->stops[from[size]])
        size++;
    const bool more = size < left && from[size] == (unsigned char)csv->dialect.delimiter;
    const bool last = size < left && from[size] == '\n' && csv->column > 1;
    if ((!more && !last) || csv->dialect.delimiter == ' ')
        return false;
    *cell = (aei_cell){.text = (const char *)from,
                       .size = size,
                       .line = csv->line,
                       .column = csv->column,
                       .last = last};
    csv->used += size + 1;
    csv->open = more;
    csv->line += last;
    csv->column = last ? 1 : csv->column + 1;
    return true;
}

ae_status aei_csv_next(aei_csv *csv, aei_cell *cell, bool *more)
{
    int c;
    bool quoted;
    if (csv->column == 1)
        AE_TRY(skip_to_record(csv));
    *more = next_in_block(csv, cell);
    if (*more)
        return AE_OK;
    AE_TRY(peek(csv, &c));
    *more = c != END || csv->open;
    if (!*more)
        return AE_OK;
    csv->size = 0;
    *cell = (aei_cell){.line = csv->line, .column = csv->column};
    AE_TRY(read_text(csv, cell, &quoted));
    AE_TRY(read_end(csv));
    cell->text = csv->size == 0 ? "" : csv->cell;
    cell->size = csv->size;
    cell->last = !csv->open;
    cell->blank = cell->last && cell->column == 1 && !quoted && is_blank(csv->cell, csv->size);
    if (cell->last)
        csv->column = 1;
    return AE_OK;
}

bool aei_csv_may_separate(int c)
{
    return c > 0 && c <= 127 && strchr("\"\r\n.+-eE0123456789", c) == NULL;
}

/* Excel's own first line, `sep=;`, quoted or not: its delimiter, or 0 where there is no such
 * line. */
static char find_sep_line(const unsigned char *text, size_t size)
{
    static const char word[] = "sep=";
    size_t at = size > 0 && text[0] == '"';
    const bool quoted = at == 1;
    for (size_t i = 0; word[i] != '\0'; i++, at++)
        if (at >= size || (text[at] | 0x20) != (word[i] | 0x20))
            return '\0';
    if (at >= size || !aei_csv_may_separate(text[at]))
        return '\0';
    const char delimiter = (char)text[at++];
    at += quoted && at < size && text[at] == '"';
    return at < size && (text[at] == '\n' || text[at] == '\r') ? delimiter : '\0';
}

/* What stands in front of the first record. */
static ae_status read_start(aei_csv *csv)
{
    static const unsigned char mark[] = {0xEF, 0xBB, 0xBF};
    int c;
    AE_TRY(peek(csv, &c));
    const unsigned char *first = csv->block + csv->used;
    csv->wide = aei_is_utf16(first, csv->filled - csv->used, &csv->utf16.big);
    if (csv->wide) {
        const size_t got = csv->filled - csv->used;
        csv->used = 0;
        csv->filled = aei_utf16_convert(&csv->utf16, first, got, csv->block);
        first = csv->block;
    }
    if (csv->filled - csv->used >= sizeof mark && memcmp(first, mark, sizeof mark) == 0)
        csv->used += sizeof mark;
    const char sep = find_sep_line(csv->block + csv->used, csv->filled - csv->used);
    csv->dialect.delimiter = csv->dialect.delimiter != '\0' ? csv->dialect.delimiter
                             : sep != '\0'                  ? sep
                                                            : ',';
    /* Whoever skips lines may have counted Excel's among them. */
    size_t skip = csv->dialect.skip_lines + (sep != '\0' && csv->dialect.skip_lines == 0);
    for (; skip > 0 && c != END; skip--) {
        AE_TRY(skip_line(csv));
        AE_TRY(peek(csv, &c));
    }
    csv->stops['"'] = csv->stops['\n'] = csv->stops['\r'] = csv->stops['\0'] = true;
    csv->stops[(unsigned char)csv->dialect.delimiter] = true;
    return AE_OK;
}

ae_status aei_csv_create(aei_csv **csv, aei_stream *stream, const aei_csv_dialect *dialect)
{
    aei_csv *made = malloc(sizeof *made);
    if (made == NULL)
        return aei_fail_memory(sizeof *made);
    memset(made, 0, offsetof(struct aei_csv, block));
    made->stream = stream;
    made->dialect = *dialect;
    made->line = made->column = 1;
    const ae_status status = read_start(made);
    if (status != AE_OK) {
        aei_csv_free(made);
        return status;
    }
    *csv = made;
    return AE_OK;
}

char aei_csv_delimiter(const aei_csv *csv)
{
    return csv->dialect.delimiter;
}

size_t aei_csv_packed(const aei_csv *csv)
{
    return aei_stream_packed(csv->stream);
}

void aei_csv_free(aei_csv *csv)
{
    if (csv == NULL)
        return;
    free(csv->cell);
    free(csv);
}
