/* SPDX-License-Identifier: BSD-3-Clause */
#include "data/csv_missing.h"

#include "format/text.h"

/*
 * What pandas reads as missing, without the forms of old C libraries (-1.#IND); beside that the
 * question mark of the UCI archive and the dash of printed tables. Errors of Excel's formulas,
 * such as #DIV/0!, are not here: they are faults that somebody should see.
 */
static const char *const words[] = {
    "?", "-", "na", "n/a", "#n/a", "<na>", "#na", "nan", "+nan", "-nan", "null", "none",
};

static bool is_word(const char *word, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        /* Not tolower, which asks the locale. */
        if (word[i] != (c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c))
            return false; /* here too when the word is shorter: its zero byte is in no cell */
    }
    return word[size] == '\0';
}

bool aei_csv_is_blank(const char *text, size_t size)
{
    aei_trim(&text, &size);
    return size == 0;
}

bool aei_csv_is_missing(const char *text, size_t size)
{
    aei_trim(&text, &size);
    if (size == 0)
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is_word(words[i], text, size))
            return true;
    return false;
}
