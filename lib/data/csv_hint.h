/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CSV_HINT_H
#define AEI_CSV_HINT_H

#include "data/csv_table.h"

/*
 * What may be the cause when a file does not fit: ": is the delimiter ';'?", another guess, or
 * nothing. cell is the one that does not fit, or NULL where it is the number of columns, or line 1.
 * The text is constant.
 */
const char *aei_csv_hint(const aei_csv_table *table, const aei_cell *cell);

/*
 * AE_ERROR_DATA for a cell that cannot be taken, by line, column and name: what says why and what
 * to do; a hint, which may be "", follows.
 */
ae_status aei_csv_fail_cell(const aei_csv_table *table, const aei_cell *cell, const char *what,
                            const char *hint);

#endif
