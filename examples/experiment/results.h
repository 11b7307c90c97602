/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_RESULTS_H
#define EXAMPLES_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

/* The costs that the report gives after 200 epochs on MNIST with a code of 4. */
#define REPORT_TRAINING 3.973
#define REPORT_VALIDATION 3.771
#define REPORT_TEST 4.249

typedef struct cost_pair {
    double run;
    double mean_image; /* of always answering with the mean training image */
} cost_pair;

typedef struct results {
    cost_pair training;
    cost_pair validation;
    cost_pair test;
    size_t epochs;
    double seconds; /* of training, the whole run */
    double images;  /* trained on in that time */
    bool mnist;     /* whether the report's values may stand beside the run's */
} results;

/* Print the closing table on standard output; its last line is the one for scripts. */
void results_print(const results *r, const char *folder);

#endif
