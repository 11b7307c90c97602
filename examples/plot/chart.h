/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_CHART_H
#define EXAMPLES_CHART_H

#include <stdbool.h>
#include <stddef.h>

enum { CHART_SERIES = 2, CHART_MARKS = 4 };

/* One curve: points in the order of x, with a band or without. Values not finite are left out. */
typedef struct chart_series {
    const char *name;  /* in the legend */
    const char *label; /* beside its last value */
    const char *band;  /* what the band shows; NULL: no band */
    const double *x;
    const double *y;
    const double *low;
    const double *high;
    size_t count;
} chart_series;

/* A value from elsewhere: at the right edge in the colour of one of the series, or a dashed line
 * across, which stands for no place on the x axis; grey when series is CHART_SERIES. */
typedef struct chart_mark {
    const char *label;
    size_t series;
    double y;
    bool line;
} chart_mark;

typedef struct line_chart {
    const char *title;
    const char *subtitle;
    const char *x_label;
    const char *y_label;
    const char *marks_name; /* of all marks, in the legend */
    size_t series_count;
    size_t mark_count;
    chart_series series[CHART_SERIES];
    chart_mark marks[CHART_MARKS];
} line_chart;

/*
 * Draw into a .svg or .png file, whole or not at all; false after saying what failed. A build
 * without cairo says so.
 */
bool chart_save(const line_chart *chart, const char *path);

#endif
