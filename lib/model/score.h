/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_SCORE_H
#define AEI_SCORE_H

#include <libae/types.h>
#include <stdbool.h>

#include "compute/kernels.h"
#include "model/panels.h"

/* Reconstructions and inputs of a batch, in panels, and where their scores go. */
typedef struct aei_score_job {
    const aei_kernels *kernels;
    ae_cost cost;
    bool missing; /* NaN in the input is a missing value, and left out */
    size_t features, rows;
    const float *output, *input; /* [panels][rows][P] */
    float *scores;               /* [rows] */
    float *contributions;        /* [rows][features]; NULL: not wanted */
} aei_score_job;

/* Score a range of the rows; ae_session_score has the definition. A row's bits depend on nothing
 * but the row. */
void aei_score_rows(const aei_score_job *job, aei_range rows);

/* The binary cross-entropies of at most 16 features of a row, times the factor. */
void aei_entropies(const aei_kernels *kernels, size_t count, const float *y, const float *t,
                   double factor, float *values);

#endif
