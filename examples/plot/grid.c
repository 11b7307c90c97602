/* SPDX-License-Identifier: BSD-3-Clause */
#include "grid.h"

#include "picture.h"

#ifndef AE_HAVE_CAIRO

bool grid_save(const pair_grid *grid, const char *path)
{
    (void)grid, (void)path;
    return false;
}

#else

#include <stdint.h>
#include <stdio.h>

enum { LEFT = 132, RIGHT = 28, TOP = 84, BOTTOM = 46, GAP = 10, TILE = 84 };

/* Whole points for each pixel keep every pixel a sharp square. */
static double pixel_points(const pair_grid *grid)
{
    size_t side = grid->height > grid->width ? grid->height : grid->width;
    return side < TILE ? (double)(TILE / side) : (double)TILE / (double)side;
}

static void fill_surface(cairo_surface_t *surface, const float *values, size_t height, size_t width)
{
    unsigned char *bytes = cairo_image_surface_get_data(surface);
    size_t stride = (size_t)cairo_image_surface_get_stride(surface);
    for (size_t row = 0; row < height; ++row) {
        uint32_t *pixels = (uint32_t *)(void *)(bytes + row * stride);
        for (size_t column = 0; column < width; ++column) {
            float value = values[row * width + column];
            float clamped = value > 0.0f ? (value < 1.0f ? value : 1.0f)
                                         : 0.0f; /* NaN becomes black */
            pixels[column] = (uint32_t)(clamped * 255.0f + 0.5f) * 0x010101u;
        }
    }
    cairo_surface_mark_dirty(surface);
}

static void draw_tile(cairo_t *cr, const pair_grid *grid, const float *values, double x, double y)
{
    double scale = pixel_points(grid);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)grid->width,
                                                          (int)grid->height);
    if (cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS)
        fill_surface(surface, values, grid->height, grid->width);
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_scale(cr, scale, scale);
    cairo_set_source_surface(cr, surface, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_NEAREST);
    cairo_paint(cr);
    cairo_restore(cr);
    cairo_surface_destroy(surface);
}

static void draw_grid(cairo_t *cr, const void *subject)
{
    const pair_grid *grid = subject;
    double wide = pixel_points(grid) * (double)grid->width,
           high = pixel_points(grid) * (double)grid->height;
    double middle = TOP + high + GAP, lower = middle + (grid->spoilt != NULL ? high + GAP : 0);
    double caption = lower + high + 22;
    text_style row = {.size = 13, .colour = COLOUR_INK, .align = ALIGN_RIGHT};
    text_style number = {.size = 13, .colour = COLOUR_INK, .align = ALIGN_CENTRE};
    picture_text(cr, GAP + 14, 34, (text_style){.size = 19, .colour = COLOUR_INK, .bold = true},
                 grid->title);
    picture_text(cr, GAP + 14, 57, (text_style){.size = 13, .colour = COLOUR_GREY}, grid->subtitle);
    picture_text(cr, LEFT - 14, TOP + high / 2 + 4.5, row,
                 grid->spoilt != NULL ? "clean" : "input");
    if (grid->spoilt != NULL)
        picture_text(cr, LEFT - 14, middle + high / 2 + 4.5, row, "noisy input");
    picture_text(cr, LEFT - 14, lower + high / 2 + 4.5, row, "reconstruction");
    picture_text(cr, LEFT - 14, caption, row, "cost");
    for (size_t i = 0; i < grid->count; ++i) {
        double x = LEFT + (double)i * (wide + GAP);
        char text[32];
        draw_tile(cr, grid, grid->inputs + i * grid->height * grid->width, x, TOP);
        if (grid->spoilt != NULL)
            draw_tile(cr, grid, grid->spoilt + i * grid->height * grid->width, x, middle);
        draw_tile(cr, grid, grid->reconstructions + i * grid->height * grid->width, x, lower);
        snprintf(text, sizeof text, "%.2f", (double)grid->costs[i]);
        picture_text(cr, x + wide / 2, caption, number, text);
    }
}

bool grid_save(const pair_grid *grid, const char *path)
{
    double wide = pixel_points(grid) * (double)grid->width,
           high = pixel_points(grid) * (double)grid->height;
    double width = LEFT + (double)grid->count * (wide + GAP) - GAP + RIGHT;
    double rows = grid->spoilt != NULL ? 3 : 2;
    return picture_save(path, width, TOP + rows * (high + GAP) - GAP + BOTTOM, draw_grid, grid);
}

#endif
