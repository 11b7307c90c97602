/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CSV_MISSING_H
#define AEI_CSV_MISSING_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a cell has nothing in it, or blanks only. */
bool aei_csv_is_blank(const char *text, size_t size);

/* Whether a cell says that there is no value: nothing, blanks, a mark or a word that programs
 * write. */
bool aei_csv_is_missing(const char *text, size_t size);

#endif
