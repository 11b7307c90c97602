/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_FIGURES_H
#define EXAMPLES_FIGURES_H

#include "experiment.h"

/* The costs that the report gives after 200 epochs on MNIST with a code of 4. */
#define REPORT_TRAINING 3.973
#define REPORT_VALIDATION 3.771
#define REPORT_TEST 4.249

/* Images and their reconstructions, one after another; height and width are 0 when not known. */
typedef struct pairs {
    float *inputs;
    float *outputs;
    float *costs; /* AE_COST_L2 of each */
    size_t count;
    size_t height;
    size_t width;
} pairs;

/* The first validation images, ten at most; exits with an error when libae does. */
pairs pairs_make(const experiment *e);
void pairs_free(pairs *p);

/* Save the costs over the steps and the mean baseline's, figure1.png and figure1.svg; false after
 * saying what failed. */
bool figure1_save(const experiment *e, const ae_epoch_info *history, size_t count, double mean);

/* The same of validation images over reconstructions, figure2.png; none without a known shape. */
bool figure2_save(const experiment *e);

#endif
