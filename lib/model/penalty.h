/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_PENALTY_H
#define AEI_PENALTY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What a step adds to its cost for the code h of a batch of n rows, h_j being a unit's mean over
 * them. All zero: nothing.
 *
 *     l1 sum_r sum_j |h_rj| / n  +  l2 sum_r sum_j h_rj^2 / n
 *     + kl sum_j (t log(t / h_j) + (1 - t) log((1 - t) / (1 - h_j)))
 */
typedef struct aei_penalty {
    float l1, l2, kl;
    float target; /* t */
} aei_penalty;

bool aei_penalty_is_on(const aei_penalty *penalty);

/* The share of one panel of the code, whose first `count` columns hold data: y[rows][panel]. */
double aei_penalty_of_panel(const aei_penalty *penalty, size_t rows, size_t count, size_t panel,
                            const float *y);

/* Adds that share's derivatives to delta[rows][panel]. */
void aei_penalty_add_gradient(const aei_penalty *penalty, size_t rows, size_t count, size_t panel,
                              const float *y, float *delta);

#endif
