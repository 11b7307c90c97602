/* SPDX-License-Identifier: BSD-3-Clause */
/* The first record, kept cell by cell: whether it has names is known only when all of it has
 * been seen, and errors far below quote it. */
#include "data/csv_line.h"

#include "base/error.h"
#include "base/grow.h"

#include <stdlib.h>
#include <string.h>

/*
 * Some 30 bytes are kept for a column, of which a packed file may promise a thousand in one byte.
 * So many bytes of a line are kept for nothing; what comes on top must be in proportion to what has
 * been read. Names take a hundredth of that, even if they only count upwards.
 */
enum { COLUMNS_MAX = 1 << 22, FREE_BYTES = 1 << 20, BYTES_A_PACKED_BYTE = 256 };

static ae_status check_size(const aei_csv_line *line, const aei_cell *cell, size_t packed)
{
    const size_t kept = line->size + line->count * sizeof *line->starts + cell->size;
    if (line->count == COLUMNS_MAX)
        return aei_fail(AE_ERROR_FORMAT, "line %zu: more than %d columns", cell->line, COLUMNS_MAX);
    if (kept > FREE_BYTES && (kept - FREE_BYTES) / BYTES_A_PACKED_BYTE > packed)
        return aei_fail(AE_ERROR_FORMAT,
                        "line %zu: more than %zu columns in %zu bytes of gzip: if they are meant, "
                        "unpack the file with gunzip first",
                        cell->line, line->count, packed);
    return AE_OK;
}

/* Where a cell ends is where the next one starts, so there is one more start than cells. By way of
 * void pointers, which aei_grow takes. Each is put back before an error returns, so that
 * the block that there is gets freed. */
static ae_status keep(aei_csv_line *line, const aei_cell *cell)
{
    void *text = line->text, *starts = line->starts;
    ae_status status = aei_grow(&text, &line->room, line->size + cell->size + 1, 1);
    line->text = text;
    AE_TRY(status);
    status = aei_grow(&starts, &line->starts_room, line->count + 2, sizeof *line->starts);
    line->starts = starts;
    AE_TRY(status);
    memcpy(line->text + line->size, cell->text, cell->size);
    line->starts[line->count] = line->size;
    line->size += cell->size + 1;
    line->text[line->size - 1] = '\0';
    line->starts[++line->count] = line->size;
    return AE_OK;
}

ae_status aei_csv_line_read(aei_csv_line *line, aei_csv *csv)
{
    aei_cell cell = {0};
    bool more;
    while (!cell.last) {
        AE_TRY(aei_csv_next(csv, &cell, &more));
        if (!more)
            return aei_fail(AE_ERROR_FORMAT, "the file is empty");
        if (cell.blank)
            return aei_fail(AE_ERROR_FORMAT, "line %zu is empty", cell.line);
        if (line->count == 0)
            line->number = cell.line;
        AE_TRY(check_size(line, &cell, aei_csv_packed(csv)));
        AE_TRY(keep(line, &cell));
    }
    return AE_OK;
}

void aei_csv_line_free(aei_csv_line *line)
{
    free(line->text);
    free(line->starts);
}

aei_cell aei_csv_line_cell(const aei_csv_line *line, size_t column)
{
    return (aei_cell){.text = line->text + line->starts[column],
                      .size = line->starts[column + 1] - line->starts[column] - 1,
                      .line = line->number,
                      .column = column + 1,
                      .last = column + 1 == line->count};
}

size_t aei_csv_line_holds(const aei_csv_line *line, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < line->size; i++)
        count += line->text[i] == c;
    return count;
}
