/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CSV_VALUES_H
#define AEI_CSV_VALUES_H

#include "data/csv_table.h"

/* A cell of row number rows, for which there is room, goes where its column belongs. AE_ERROR_DATA,
 * AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_csv_take(aei_csv_table *table, const aei_cell *cell);

#endif
