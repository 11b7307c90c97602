/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_FIGURES_H
#define EXAMPLES_FIGURES_H

#include <libae/libae.h>
#include <stdbool.h>

#include "pairs.h"

/* What the titles of both figures say about the run. */
typedef struct figure_text {
    const char *data; /* what the images are called */
    bool mnist;       /* whether the report's values may stand beside the run's */
    size_t code;
    size_t batch;
    double rate;
} figure_text;

/* Figure 1, the costs over the steps, as figure1.png and figure1.svg in folder; false after saying
 * what failed. */
bool figure1_save(const char *folder, const figure_text *text, const ae_epoch_info *history,
                  size_t count);

/*
 * Figure 2, images over their reconstructions, as figure2.png in folder; none when height and width
 * are unknown (0). False after saying what failed.
 */
bool figure2_save(const char *folder, const figure_text *text, const pairs *images);

#endif
