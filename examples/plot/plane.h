/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_PLANE_H
#define EXAMPLES_PLANE_H

#include <stddef.h>

enum { PLANE_WIDEST = 64 };

/* A plane through points of a space: their mean and two directions at right angles. */
typedef struct plane {
    size_t width; /* of the space, 2 to PLANE_WIDEST */
    double mean[PLANE_WIDEST];
    double axes[2][PLANE_WIDEST];
    double shares[2]; /* of the points' variance, along each axis */
} plane;

/* The plane that keeps most of the points' variance (Pearson 1901). Points are count x width
 * floats. */
plane plane_fit(const float *points, size_t count, size_t width);

/* Where a point lies on the plane, and the point that lies there. */
void plane_project(const plane *p, const float *point, double at[2]);
void plane_point(const plane *p, const double at[2], float *point);

/* Of the first 1000 points, the share whose nearest other point has the same label. */
double neighbours_agree(const float *points, const int *labels, size_t count, size_t width);

#endif
