/* SPDX-License-Identifier: BSD-3-Clause */
#include "histogram.h"

#include "picture.h"

#ifndef AE_HAVE_CAIRO

bool histogram_save(const histogram *h, const char *path)
{
    (void)h;
    return picture_skip(path);
}

#else

#include <math.h>
#include <stdio.h>

enum {
    WIDTH = 800,
    HEIGHT = 420,
    LEFT = 74,
    RIGHT = 30,
    TOP = 110,
    BOTTOM = 62,
    BINS = 60,
    TICKS = 8
};

static const ink colours[2] = {COLOUR_BLUE, COLOUR_VERMILION};

/* At most TICKS ticks reach past all values. */
static double tick_of(const histogram *h)
{
    double most = h->threshold;
    for (size_t s = 0; s < 2; ++s)
        for (size_t i = 0; i < h->counts[s]; ++i)
            most = fmax(most, (double)h->values[s][i]);
    return most > 0 ? picture_tick(most, TICKS) : 1;
}

/* The end of the axis: a tick past the last value. */
static double axis_end(const histogram *h, double tick)
{
    double end = ceil(h->threshold / tick);
    for (size_t s = 0; s < 2; ++s)
        for (size_t i = 0; i < h->counts[s]; ++i)
            end = fmax(end, ceil((double)h->values[s][i] / tick));
    return fmax(end, 1) * tick;
}

static double count_bins(const histogram *h, size_t set, double end, double shares[BINS])
{
    double highest = 0;
    for (size_t i = 0; i < h->counts[set]; ++i) {
        size_t bin = (size_t)((double)h->values[set][i] / end * BINS);
        bin = bin < BINS ? bin : BINS - 1;
        shares[bin] += 1 / (double)h->counts[set];
        highest = fmax(highest, shares[bin]);
    }
    return highest;
}

static double place(double value, double end)
{
    return LEFT + value / end * (WIDTH - LEFT - RIGHT);
}

static void draw_bars(cairo_t *cr, const double shares[BINS], double highest, ink colour)
{
    for (size_t i = 0; i < BINS; ++i) {
        const double x = place((double)i, BINS),
                     high = shares[i] / highest * (HEIGHT - TOP - BOTTOM);
        cairo_rectangle(cr, x, HEIGHT - BOTTOM - high, place((double)i + 1, BINS) - x, high);
    }
    picture_colour(cr, colour, 0.55);
    cairo_fill(cr);
}

static void draw_axis(cairo_t *cr, const histogram *h, double end, double tick)
{
    const text_style style = {.size = 13, .colour = COLOUR_INK, .align = ALIGN_CENTRE};
    picture_colour(cr, COLOUR_INK, 1);
    cairo_set_line_width(cr, 1);
    picture_line(cr, LEFT, HEIGHT - BOTTOM + 0.5, WIDTH - RIGHT, HEIGHT - BOTTOM + 0.5);
    for (size_t i = 0; (double)i * tick <= end * 1.001; ++i) {
        char text[32];
        snprintf(text, sizeof text, "%.3g", (double)i * tick);
        picture_text(cr, place((double)i * tick, end), HEIGHT - BOTTOM + 20, style, text);
    }
    picture_text(cr, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 16, style, h->x_label);
}

/* Shares of each set, from 0 to the tick past the highest bar. */
static void draw_shares(cairo_t *cr, double top, double tick)
{
    const text_style style = {.size = 13, .colour = COLOUR_INK, .align = ALIGN_RIGHT};
    for (size_t i = 0; (double)i * tick <= top * 1.001; ++i) {
        char text[32];
        const double y = HEIGHT - BOTTOM - (double)i * tick / top * (HEIGHT - TOP - BOTTOM);
        picture_colour(cr, COLOUR_LINE, 1);
        cairo_set_line_width(cr, 1);
        picture_line(cr, LEFT, y, WIDTH - RIGHT, y);
        snprintf(text, sizeof text, "%.3g %%", 100 * (double)i * tick);
        picture_text(cr, LEFT - 8, y + 4.5, style, text);
    }
    cairo_save(cr);
    cairo_translate(cr, 18, (TOP + HEIGHT - BOTTOM) / 2.0);
    cairo_rotate(cr, -acos(0));
    picture_text(cr, 0, 0, (text_style){.size = 13, .colour = COLOUR_INK, .align = ALIGN_CENTRE},
                 "share of the images");
    cairo_restore(cr);
}

static void draw_legend(cairo_t *cr, const histogram *h)
{
    double x = LEFT;
    for (size_t s = 0; s < 2; ++s) {
        cairo_rectangle(cr, x, 74, 14, 12);
        picture_colour(cr, colours[s], 0.55);
        cairo_fill(cr);
        x += 20 +
             picture_text(cr, x + 20, 85, (text_style){.size = 13, .colour = COLOUR_INK},
                          h->names[s]) +
             26;
    }
}

static void draw_threshold(cairo_t *cr, const histogram *h, double end)
{
    static const double dashes[] = {5, 4};
    char text[48];
    const double x = place(h->threshold, end);
    picture_colour(cr, COLOUR_INK, 1);
    cairo_set_line_width(cr, 1.5);
    cairo_set_dash(cr, dashes, 2, 0);
    picture_line(cr, x, TOP - 18, x, HEIGHT - BOTTOM);
    cairo_set_dash(cr, NULL, 0, 0);
    snprintf(text, sizeof text, "threshold %.3g", h->threshold);
    /* Above the uppermost line of the grid, and to the left where the right has no room. */
    const bool left = x > WIDTH - RIGHT - 120;
    const text_style style = {
        .size = 13, .colour = COLOUR_INK, .align = left ? ALIGN_RIGHT : ALIGN_LEFT};
    picture_text(cr, left ? x - 7 : x + 7, TOP - 7, style, text);
}

static void draw(cairo_t *cr, const void *subject)
{
    const histogram *h = subject;
    const double tick = tick_of(h), end = axis_end(h, tick);
    double shares[2][BINS] = {{0}}, highest = 0;
    for (size_t s = 0; s < 2; ++s)
        highest = fmax(highest, count_bins(h, s, end, shares[s]));
    picture_title(cr, LEFT, h->title, h->subtitle);
    draw_legend(cr, h);
    const double step = picture_tick(highest > 0 ? highest : 1, 5);
    highest = ceil(highest / step) * step;
    draw_shares(cr, highest, step);
    for (size_t s = 0; s < 2 && highest > 0; ++s)
        draw_bars(cr, shares[s], highest, colours[s]);
    draw_axis(cr, h, end, tick);
    draw_threshold(cr, h, end);
}

bool histogram_save(const histogram *h, const char *path)
{
    return picture_save(path, WIDTH, HEIGHT, draw, h);
}

#endif
