/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_SCALED_ROWS_H
#define AEI_SCALED_ROWS_H

#include <libae/dataset.h>
#include <stdint.h>

#include "model/scaling.h"

/* Rows as the network sees them. */
typedef struct aei_scaled_rows {
    const ae_dataset *dataset;
    const aei_scaling *scaling; /* NULL: none */
} aei_scaled_rows;

/* An aei_gather whose source is an aei_scaled_rows. */
void aei_gather_scaled(const void *source, const uint32_t *rows, size_t row_count, size_t first,
                       size_t count, float *out, size_t stride);

/* aei_dataset_check_range on scaled values; scaling is not NULL. */
ae_status aei_scaling_check_range(const aei_scaling *scaling, const ae_dataset *dataset, float low,
                                  float high);

#endif
