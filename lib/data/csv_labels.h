/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CSV_LABELS_H
#define AEI_CSV_LABELS_H

#include "data/csv_table.h"

/* A cell of the label column, for row number rows. AE_ERROR_DATA, AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_csv_take_label(aei_csv_table *table, const aei_cell *cell);

/* When all rows are there: labels that are names of classes become their places in the alphabet;
 * names and count stay as they are where labels are integers. */
ae_status aei_csv_sort_classes(aei_csv_table *table, char ***names, size_t *count);

#endif
