/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_HISTOGRAM_H
#define EXAMPLES_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Two sets of values over one axis, each as shares of its own number, and a threshold between them.
 */
typedef struct histogram {
    const char *title;
    const char *subtitle;
    const char *x_label;
    const char *names[2];
    const float *values[2]; /* finite, >= 0 */
    size_t counts[2];
    double threshold;
} histogram;

/*
 * Draw into a .svg or .png file, whole or not at all; false after saying what failed. A build
 * without cairo says so.
 */
bool histogram_save(const histogram *h, const char *path);

#endif
