/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_PAIRS_H
#define EXAMPLES_PAIRS_H

#include <libae/libae.h>

/* Images and what a network makes of them, one after another; height and width are 0 when the data
 * do not say. */
typedef struct pairs {
    float *inputs;
    float *outputs;
    float *costs; /* AE_COST_L2 of each */
    size_t count;
    size_t height;
    size_t width;
} pairs;

/* The first count images of a dataset, or all if there are fewer; exits with an error when that
 * fails. */
pairs pairs_make(const ae_network *network, const ae_dataset *dataset, size_t count);
void pairs_free(pairs *p);

#endif
