/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_PICTURE_H
#define EXAMPLES_PICTURE_H

#include <stdbool.h>

/* Whether this build can draw: it was made with cairo. */
bool picture_supported(void);

#ifdef AE_HAVE_CAIRO
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
#endif

#endif
