/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_GRID_H
#define EXAMPLES_GRID_H

#include <stdbool.h>
#include <stddef.h>

/* Grey pictures over their reconstructions, 0 black and 1 white, row-major, one after another. */
typedef struct pair_grid {
    const char *title;
    const char *subtitle;
    const float *inputs;
    const float *
        corrupted; /* what the network saw instead, as a row between; NULL: the inputs themselves */
    const float *reconstructions;
    const float *costs; /* one for each pair, printed under it */
    size_t count;
    size_t height; /* of a picture, in pixels */
    size_t width;
} pair_grid;

/*
 * Draw into a .svg or .png file, whole or not at all; false after saying what failed. A build
 * without cairo says so.
 */
bool grid_save(const pair_grid *grid, const char *path);

#endif
