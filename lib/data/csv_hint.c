/* SPDX-License-Identifier: BSD-3-Clause */
/* What may be the cause when a CSV file cannot be read? Guesses are made for the end of an error
 * text only, and never change how a file is read: a wrong one costs a glance, not a data set. */
#include "data/csv_hint.h"

#include "base/error.h"
#include "base/number.h"
#include "format/text.h"

#include <string.h>

static size_t count_of(const char *text, size_t size, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += text[i] == c;
    return count;
}

/* Parts between blanks, all of them numbers. */
static size_t numbers_between_blanks(const char *text, size_t size)
{
    size_t numbers = 0;
    for (size_t at = 0; at < size;) {
        size_t end = at;
        while (end < size && text[end] != ' ')
            end++;
        float value;
        if (end > at && aei_parse_float(&value, text + at, end - at) != AEI_NUMBER)
            return 0;
        numbers += end > at;
        at = end + 1;
    }
    return numbers;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 20,5: digits on both sides of one comma, and nothing else but a sign and an exponent. */
static bool has_decimal_comma(const char *text, size_t size)
{
    const char *comma = memchr(text, ',', size);
    char copy[64];
    float value;
    if (comma == NULL || comma == text || size >= sizeof copy || !is_digit(comma[-1]))
        return false;
    memcpy(copy, text, size);
    copy[comma - text] = '.';
    return aei_parse_float(&value, copy, size) == AEI_NUMBER;
}

/* 1.234.567 or 1,234.5 or 1'234: groups of three digits. One group behind a comma or a point may be
 * a fraction, and blanks may separate columns. */
static bool has_thousands(const aei_csv_table *t, const char *text, size_t size)
{
    size_t at = size > 0 && (text[0] == '-' || text[0] == '+'), groups = 0;
    const size_t first = at;
    while (at < size && is_digit(text[at]))
        at++;
    const char separator = at < size ? text[at] : '\0';
    if (at == first || at - first > 3 || separator == '\0' || strchr(",.' ", separator) == NULL ||
        (separator == ' ' && t->first.count == 1))
        return false;
    while (size - at > 3 && text[at] == separator && is_digit(text[at + 1]) &&
           is_digit(text[at + 2]) && is_digit(text[at + 3])) {
        groups++;
        at += 4;
    }
    const bool plain = separator != ',' && separator != '.', fraction = at < size;
    if (fraction && (text[at] == separator || (text[at] != '.' && text[at] != ',')))
        return false;
    for (at += fraction; at < size; at++)
        if (!is_digit(text[at]))
            return false;
    return groups > 1 || (groups == 1 && (plain || fraction));
}

static bool is_formula_error(const aei_cell *cell)
{
    return cell != NULL && cell->size > 2 && cell->text[0] == '#' &&
           (cell->text[cell->size - 1] == '!' || cell->text[cell->size - 1] == '?');
}

/* A character separates columns rather than the delimiter does when there is more of it: in line 1,
 * and in the cell too if there is one. */
static bool separates(const aei_csv_table *t, const aei_cell *cell, char c)
{
    const size_t columns = t->first.count, there = aei_csv_line_holds(&t->first, c),
                 here = cell == NULL ? 0 : count_of(cell->text, cell->size, c);
    if (cell == NULL)
        return there > 0 && there + 1 >= columns;
    return here > 0 && (there >= here || (columns > 1 && here == columns - 1));
}

static const char *other_delimiter(const aei_csv_table *t, const aei_cell *cell)
{
    static const struct {
        char c;
        const char *text;
    } others[] = {{';', ": is the delimiter ';'?"},
                  {'\t', ": is the delimiter a tab, '\\t'?"},
                  {'|', ": is the delimiter '|'?"},
                  {',', ": is the delimiter ','?"}};
    const char delimiter = aei_csv_delimiter(t->csv);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i].c != delimiter && separates(t, cell, others[i].c))
            return others[i].text;
    return NULL;
}

/* From the surest cause to the vaguest, and only the first that fits: several guesses would be
 * none. */
const char *aei_csv_hint(const aei_csv_table *t, const aei_cell *cell)
{
    const char delimiter = aei_csv_delimiter(t->csv);
    const aei_cell first = aei_csv_line_cell(&t->first, 0);
    if (first.size > 0 && first.text[0] == '#' && t->options->comment == 0)
        return ": lines that start with '#' are left out by the option comment";
    if (is_formula_error(cell))
        return ": a spreadsheet's formula failed: mend it there, or leave the line out";
    if (cell != NULL && cell->column == 1 && cell->size > 0 && cell->text[0] == '#' &&
        t->options->comment == 0)
        return ": lines that start with '#' are left out by the option comment";
    if (cell != NULL && has_thousands(t, cell->text, cell->size))
        return ": separators of thousands are not read: write the numbers without them";
    /* Names with a comma between them say that it separates numbers too. */
    const bool names = t->first.count == 1 && aei_csv_line_holds(&t->first, ',') > 0 &&
                       !has_decimal_comma(first.text, first.size);
    const bool comma = cell != NULL && !names && has_decimal_comma(cell->text, cell->size);
    if (comma && delimiter != ',' && t->decimal == '.')
        return ": a decimal comma: set the option decimal to ','";
    const char *other = comma ? NULL : other_delimiter(t, cell);
    if (other != NULL)
        return other;
    if (comma)
        return ": a decimal comma needs the option decimal and another delimiter; separators of "
               "thousands are not read";
    if (cell != NULL && delimiter != ' ' && numbers_between_blanks(cell->text, cell->size) > 1)
        return ": is the delimiter a blank?";
    if (cell != NULL && t->decimal == ',' && count_of(cell->text, cell->size, '.') > 0)
        return ": the option decimal says ','";
    return "";
}

ae_status aei_csv_fail_cell(const aei_csv_table *t, const aei_cell *cell, const char *what,
                            const char *hint)
{
    char name[AEI_QUOTE_SIZE], text[AEI_QUOTE_SIZE];
    const aei_cell header = aei_csv_line_cell(&t->first, cell->column - 1);
    if (t->named)
        return aei_fail(AE_ERROR_DATA, "line %zu, column %zu (%s): \"%s\" %s%s", cell->line,
                        cell->column, aei_quote_bytes(name, header.text, header.size),
                        aei_quote_bytes(text, cell->text, cell->size), what, hint);
    return aei_fail(AE_ERROR_DATA, "line %zu, column %zu: \"%s\" %s%s", cell->line, cell->column,
                    aei_quote_bytes(text, cell->text, cell->size), what, hint);
}
