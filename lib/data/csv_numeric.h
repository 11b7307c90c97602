/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CSV_NUMERIC_H
#define AEI_CSV_NUMERIC_H

#include "base/number.h"
#include "data/csv_table.h"

/* The option numeric_only: columns of text are left out. These are the rows that decide. */
enum { AEI_CSV_DECISIVE_ROWS = 1000 };

/* Begin to collect what the columns have in them. */
ae_status aei_csv_begin_numeric(aei_csv_table *table);

/* One cell of a feature, before the decision. */
void aei_csv_note(aei_csv_table *table, const aei_cell *cell, size_t feature, aei_number kind);

/* Keep the columns of numbers, and of the values read so far those. AE_ERROR_DATA for what is among
 * them and may not be, AE_ERROR_FORMAT when none is left. */
ae_status aei_csv_decide_numeric(aei_csv_table *table);

#endif
