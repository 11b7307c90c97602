/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_PICTURE_H
#define EXAMPLES_PICTURE_H

/* What the drawings share; the programs do not include this. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value as grey, 0 black and 255 white: NaN becomes black, and values beyond [0, 1] its ends. */
uint8_t picture_grey(float value);

#ifndef AE_HAVE_CAIRO

/* Say that this build draws nothing; true, because nothing failed. */
bool picture_skip(const char *path);

#else

#include <cairo.h>

/* Colours that stay apart for the colour-blind (Okabe and Ito 2008), and greys. */
typedef enum ink {
    COLOUR_BLUE,
    COLOUR_VERMILION,
    COLOUR_INK,
    COLOUR_GREY,
    COLOUR_LINE,
    COLOUR_PAPER
} ink;

typedef enum align { ALIGN_LEFT, ALIGN_CENTRE, ALIGN_RIGHT } align;

typedef struct text_style {
    double size;
    ink colour;
    align align;
    bool bold;
} text_style;

/* Images of one shape, one after another, to be laid side by side; each is row-major. */
typedef struct picture_tiles {
    const float *values;
    size_t height, width; /* of each, in pixels */
    size_t across, down;
    cairo_filter_t filter;
} picture_tiles;

/* Draw subject on cr; called once for each file. */
typedef void picture_draw(cairo_t *cr, const void *subject);

/*
 * Save a drawing of width x height points as SVG when path ends in .svg, otherwise as PNG with
 * two pixels a point. The file is there whole or not at all; false after saying what failed.
 */
bool picture_save(const char *path, double width, double height, picture_draw *draw,
                  const void *subject);

void picture_colour(cairo_t *cr, ink colour, double alpha);

/* Text with its baseline at y; returns its width. */
double picture_text(cairo_t *cr, double x, double y, text_style style, const char *text);

/* The two lines at the top of every drawing, from x on. */
void picture_title(cairo_t *cr, double x, const char *title, const char *subtitle);

void picture_line(cairo_t *cr, double x0, double y0, double x1, double y1);

/* The distance of ticks, 1, 2 or 5 times a power of ten: at most count of them fit the span. */
double picture_tick(double span, double count);

/* Paint them over wide x high points, x and y being the upper left corner. */
void picture_images(cairo_t *cr, const picture_tiles *tiles, double x, double y, double wide,
                    double high);
#endif

#endif
