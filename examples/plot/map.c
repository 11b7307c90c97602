/* SPDX-License-Identifier: BSD-3-Clause */
#include "map.h"

#include "common/check.h"
#include "picture.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void map_fit(map *m)
{
    double *values = calloc(m->count + 1, sizeof *values);
    if (values == NULL)
        fail("no memory for %zu points", m->count);
    for (int axis = 0; axis < 2; ++axis) {
        for (size_t i = 0; i < m->count; ++i)
            values[i] = m->points[i][axis];
        qsort(values, m->count, sizeof *values, compare);
        double low = values[m->count / 100],
               high = values[m->count - m->count / 100 - (m->count > 0)];
        double margin = high > low ? 0.03 * (high - low) : 1;
        m->from[axis] = low - margin;
        m->to[axis] = high + margin;
    }
    free(values);
}

void map_place(const map *m, size_t row, size_t column, double at[2])
{
    at[0] = m->from[0] + ((double)column + 0.5) / MAP_TILES * (m->to[0] - m->from[0]);
    at[1] = m->to[1] - ((double)row + 0.5) / MAP_TILES * (m->to[1] - m->from[1]);
}

#ifndef AE_HAVE_CAIRO

bool map_save(const map *m, const char *path)
{
    (void)m;
    return picture_skip(path);
}

#else

#include <math.h>
#include <stdio.h>

enum {
    WIDTH = 1136,
    HEIGHT = 640,
    LEFT = 76,
    GAP = 72,
    TOP = 96,
    SIDE = 450,
    RING = 13, /* radius */
    LEGEND_Y = TOP + SIDE + 74
};

/*
 * Apart for the colour-blind as far as ten can be: Okabe and Ito (2008) with a brown and a grey for
 * black and yellow.
 */
static const double colours[MAP_LABELS][3] = {
    {0.00, 0.45, 0.70}, {0.90, 0.62, 0.00}, {0.00, 0.62, 0.45}, {0.80, 0.47, 0.65},
    {0.34, 0.71, 0.91}, {0.84, 0.37, 0.00}, {0.45, 0.30, 0.15}, {0.62, 0.75, 0.10},
    {0.40, 0.20, 0.60}, {0.35, 0.35, 0.38},
};

static void use_colour(cairo_t *cr, int label, double alpha)
{
    if (label >= 0 && label < MAP_LABELS)
        cairo_set_source_rgba(cr, colours[label][0], colours[label][1], colours[label][2], alpha);
    else
        picture_colour(cr, COLOUR_GREY, alpha);
}

static double place(const map *m, int axis, double left, double value)
{
    double along = (value - m->from[axis]) / (m->to[axis] - m->from[axis]) * SIDE;
    return axis == 0 ? left + along : TOP + SIDE - along;
}

static void draw_axis(cairo_t *cr, const map *m, int axis, double left)
{
    double tick = picture_tick(m->to[axis] - m->from[axis], 5);
    text_style style = {
        .size = 12.5, .colour = COLOUR_INK, .align = axis == 0 ? ALIGN_CENTRE : ALIGN_RIGHT};
    picture_colour(cr, COLOUR_INK, 1);
    cairo_set_line_width(cr, 1);
    for (double i = ceil(m->from[axis] / tick); i * tick <= m->to[axis]; ++i) {
        char text[32];
        double at = place(m, axis, left, i * tick);
        /* A minus sign, which is as wide as a plus and no hyphen. */
        snprintf(text, sizeof text, "%s%g", i < 0 ? "\xE2\x88\x92" : "", fabs(i * tick));
        if (axis == 0)
            picture_line(cr, at, TOP + SIDE, at, TOP + SIDE + 5);
        else
            picture_line(cr, left - 5, at, left, at);
        picture_text(cr, axis == 0 ? at : left - 9, axis == 0 ? TOP + SIDE + 20 : at + 4.5, style,
                     text);
    }
    style.align = ALIGN_CENTRE;
    cairo_save(cr);
    cairo_translate(cr, axis == 0 ? left + SIDE / 2.0 : left - 46,
                    axis == 0 ? TOP + SIDE + 42 : TOP + SIDE / 2.0);
    cairo_rotate(cr, axis == 0 ? 0 : -acos(0));
    picture_text(cr, 0, 0, style, m->axis_names[axis]);
    cairo_restore(cr);
}

static void draw_frame(cairo_t *cr, const map *m, double left)
{
    draw_axis(cr, m, 0, left);
    draw_axis(cr, m, 1, left);
    cairo_rectangle(cr, left, TOP, SIDE, SIDE);
    cairo_stroke(cr);
}

/* The median of a label's points on each axis, which stragglers do not move; false without any. */
static bool find_median(const map *m, int label, double at[2])
{
    double *values = calloc(m->count + 1, sizeof *values);
    size_t found = 0;
    for (int axis = 0; axis < 2 && values != NULL; ++axis) {
        found = 0;
        for (size_t i = 0; i < m->count; ++i)
            if (m->labels[i] == label)
                values[found++] = m->points[i][axis];
        qsort(values, found, sizeof *values, compare);
        at[axis] = place(m, axis, LEFT, values[found / 2]);
    }
    free(values);
    return found > 0;
}

/* Rings that overlap move apart along the line between them, both alike, until none do. */
static void part(double at[MAP_LABELS][2], const bool shown[MAP_LABELS])
{
    const double apart = 2 * RING + 4;
    for (int turn = 0; turn < 200; ++turn)
        for (int a = 0; a < MAP_LABELS; ++a)
            for (int b = a + 1; b < MAP_LABELS; ++b) {
                double x = at[b][0] - at[a][0], y = at[b][1] - at[a][1], length = hypot(x, y);
                if (!shown[a] || !shown[b] || length >= apart)
                    continue;
                x = length > 0 ? x / length : 1;
                y = length > 0 ? y / length : 0;
                const double step = (apart - length) / 2;
                at[a][0] -= step * x, at[a][1] -= step * y;
                at[b][0] += step * x, at[b][1] += step * y;
            }
}

static void draw_name(cairo_t *cr, int label, const double at[2])
{
    char text[] = {(char)('0' + label), '\0'};
    picture_colour(cr, COLOUR_PAPER, 0.9);
    cairo_arc(cr, at[0], at[1], RING, 0, 4 * acos(0));
    cairo_fill_preserve(cr);
    use_colour(cr, label, 1);
    cairo_set_line_width(cr, 1.5);
    cairo_stroke(cr);
    picture_text(
        cr, at[0], at[1] + 6,
        (text_style){.size = 17, .align = ALIGN_CENTRE, .bold = true, .colour = COLOUR_INK}, text);
}

static void draw_points(cairo_t *cr, const map *m)
{
    cairo_save(cr);
    cairo_rectangle(cr, LEFT, TOP, SIDE, SIDE);
    cairo_clip(cr);
    for (size_t i = 0; i < m->count; ++i) {
        use_colour(cr, m->labels[i], 0.55);
        cairo_arc(cr, place(m, 0, LEFT, m->points[i][0]), place(m, 1, LEFT, m->points[i][1]), 1.5,
                  0, 4 * acos(0));
        cairo_fill(cr);
    }
    double at[MAP_LABELS][2] = {{0}};
    bool shown[MAP_LABELS];
    for (int label = 0; label < MAP_LABELS; ++label)
        shown[label] = find_median(m, label, at[label]);
    part(at, shown);
    for (int label = 0; label < MAP_LABELS; ++label)
        if (shown[label])
            draw_name(cr, label, at[label]);
    cairo_restore(cr);
}

static void draw_legend(cairo_t *cr)
{
    const text_style style = {.size = 12.5, .colour = COLOUR_INK};
    double x = LEFT + picture_text(cr, LEFT, LEGEND_Y, style, "label:") + 14;
    for (int label = 0; label < MAP_LABELS; ++label) {
        char text[] = {(char)('0' + label), '\0'};
        use_colour(cr, label, 1);
        cairo_arc(cr, x, LEGEND_Y - 4.5, 4.5, 0, 4 * acos(0));
        cairo_fill(cr);
        picture_text(cr, x + 9, LEGEND_Y, style, text);
        x += 34;
    }
    picture_text(cr, x + 4, LEGEND_Y, style, "(ringed: at or next to its median)");
}

static void draw_tiles(cairo_t *cr, const map *m, double left)
{
    const picture_tiles tiles = {.values = m->images,
                                 .height = m->height,
                                 .width = m->width,
                                 .across = MAP_TILES,
                                 .down = MAP_TILES,
                                 .filter = CAIRO_FILTER_GOOD};
    picture_images(cr, &tiles, left, TOP, SIDE, SIDE);
}

static void draw(cairo_t *cr, const void *subject)
{
    const map *m = subject;
    const double right = LEFT + SIDE + GAP + 40;
    picture_title(cr, 28, m->title, m->subtitle);
    const text_style heading = {.size = 13, .colour = COLOUR_INK, .bold = true};
    picture_text(cr, LEFT, TOP - 10, heading, "where the images lie");
    picture_text(cr, right, TOP - 10, heading, "what is decoded there");
    draw_points(cr, m);
    draw_tiles(cr, m, right);
    draw_frame(cr, m, LEFT);
    draw_frame(cr, m, right);
    draw_legend(cr);
}

bool map_save(const map *m, const char *path)
{
    return picture_save(path, WIDTH, HEIGHT, draw, m);
}

#endif
