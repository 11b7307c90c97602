/* SPDX-License-Identifier: BSD-3-Clause */
#include "map.h"

#include <math.h>

enum { ITERATIONS = 1000 };

typedef double matrix[PLANE_WIDEST][PLANE_WIDEST];

static void covariance(matrix c, const plane *p, const float *points, size_t count)
{
    for (size_t i = 0; i < p->width; ++i)
        for (size_t j = 0; j < p->width; ++j)
            c[i][j] = 0;
    for (size_t r = 0; r < count; ++r)
        for (size_t i = 0; i < p->width; ++i)
            for (size_t j = 0; j < p->width; ++j)
                c[i][j] += ((double)points[r * p->width + i] - p->mean[i]) *
                           ((double)points[r * p->width + j] - p->mean[j]) / (double)count;
}

/* The longest axis by power iteration; its variance is returned and taken out of the matrix. */
static double take_axis(matrix c, double *axis, size_t width)
{
    double length = 0, next[PLANE_WIDEST];
    for (size_t i = 0; i < width;
         ++i) /* a start that no symmetry of the data makes orthogonal to the axis */
        axis[i] = 1 / (1.0 + 0.37 * (double)i);
    for (int step = 0; step < ITERATIONS; ++step) {
        length = 0;
        for (size_t i = 0; i < width; ++i) {
            next[i] = 0;
            for (size_t j = 0; j < width; ++j)
                next[i] += c[i][j] * axis[j];
            length += next[i] * next[i];
        }
        length = sqrt(length);
        for (size_t i = 0; i < width; ++i)
            axis[i] = length > 0 ? next[i] / length : i == 0;
    }
    for (size_t i = 0; i < width; ++i)
        for (size_t j = 0; j < width; ++j)
            c[i][j] -= length * axis[i] * axis[j];
    return length;
}

plane plane_fit(const float *points, size_t count, size_t width)
{
    plane p = {.width = width};
    matrix c;
    double total = 0;
    for (size_t r = 0; r < count; ++r)
        for (size_t i = 0; i < width; ++i)
            p.mean[i] += (double)points[r * width + i] / (double)count;
    covariance(c, &p, points, count);
    for (size_t i = 0; i < width; ++i)
        total += c[i][i];
    for (size_t a = 0; a < 2; ++a)
        p.shares[a] = take_axis(c, p.axes[a], width) / (total > 0 ? total : 1);
    return p;
}

void plane_project(const plane *p, const float *point, double at[2])
{
    for (size_t a = 0; a < 2; ++a) {
        at[a] = 0;
        for (size_t i = 0; i < p->width; ++i)
            at[a] += ((double)point[i] - p->mean[i]) * p->axes[a][i];
    }
}

void plane_point(const plane *p, const double at[2], float *point)
{
    for (size_t i = 0; i < p->width; ++i)
        point[i] = (float)(p->mean[i] + at[0] * p->axes[0][i] + at[1] * p->axes[1][i]);
}

double neighbours_agree(const float *points, const int *labels, size_t count, size_t width)
{
    const size_t asked = count < 1000 ? count : 1000;
    size_t agree = 0;
    for (size_t i = 0; i < asked; i++) {
        double least = -1;
        size_t nearest = i;
        for (size_t j = 0; j < count; j++) {
            double distance = 0;
            for (size_t k = 0; k < width; k++)
                distance += (double)(points[i * width + k] - points[j * width + k]) *
                            (double)(points[i * width + k] - points[j * width + k]);
            if (j != i && (least < 0 || distance < least))
                least = distance, nearest = j;
        }
        agree += nearest != i && labels[i] >= 0 && labels[nearest] == labels[i];
    }
    return (double)agree / (double)asked;
}
