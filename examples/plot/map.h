/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_MAP_H
#define EXAMPLES_MAP_H

#include <stdbool.h>
#include <stddef.h>

enum { MAP_TILES = 15, MAP_LABELS = 10 };

/* Two views of one plane: where points lie, coloured by label, and an image for each place. */
typedef struct map {
    const char *title, *subtitle;
    const char *axis_names[2];
    double from[2], to[2];     /* the range of both axes; points beyond are not shown */
    const double (*points)[2]; /* count of them */
    const int *labels;         /* 0 to MAP_LABELS - 1, anything else is grey; count of them */
    size_t count;
    const float *
        images; /* MAP_TILES x MAP_TILES, rows from the top, each height x width values in [0, 1] */
    size_t height, width;
} map;

/* Set the ranges: the middle 98 % of the points along each axis, and a margin. */
void map_fit(map *m);

/* The middle of a tile on the axes. */
void map_place(const map *m, size_t row, size_t column, double at[2]);

/*
 * Draw into a .svg or .png file, whole or not at all; false after saying what failed. A build
 * without cairo says so.
 */
bool map_save(const map *m, const char *path);

enum { PLANE_WIDEST = 64 };

/* A plane through points of a space: their mean and two directions at right angles. */
typedef struct plane {
    size_t width; /* of the space, 2 to PLANE_WIDEST */
    double mean[PLANE_WIDEST];
    double axes[2][PLANE_WIDEST];
    double shares[2]; /* of the points' variance, along each axis */
} plane;

/* The plane that keeps most of the variance (Pearson 1901) of points, count x width floats. */
plane plane_fit(const float *points, size_t count, size_t width);

/* Where a point lies on the plane, and the point that lies there. */
void plane_project(const plane *p, const float *point, double at[2]);
void plane_point(const plane *p, const double at[2], float *point);

/* Of the first 1000 points, the share whose nearest other point has the same label, 0 or more. */
double neighbours_agree(const float *points, const int *labels, size_t count, size_t width);

#endif
