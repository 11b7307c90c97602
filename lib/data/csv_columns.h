/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CSV_COLUMNS_H
#define AEI_CSV_COLUMNS_H

#include "data/csv_table.h"

/*
 * Decide from the first record and the options what each column is for, and whether that record has
 * names. AE_ERROR_NOT_FOUND, AE_ERROR_FORMAT, AE_ERROR_INVALID_ARGUMENT, AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_csv_choose_columns(aei_csv_table *table);

/* The features' names without the blanks around them, in one block: pointers, then what they point
 * to. *names is left alone where there are none. */
ae_status aei_csv_make_names(char ***names, const aei_csv_table *table);

#endif
