/* SPDX-License-Identifier: BSD-3-Clause */
#include "grid.h"

#include "picture.h"

#ifndef AE_HAVE_CAIRO

bool grid_save(const pair_grid *grid, const char *path)
{
    (void)grid;
    return picture_skip(path);
}

#else

#include <stdio.h>

enum { LEFT = 132, RIGHT = 28, TOP = 84, BOTTOM = 46, GAP = 10, TILE = 84 };

/* Whole points for each pixel keep every pixel a sharp square. */
static double pixel_points(const pair_grid *grid)
{
    size_t side = grid->height > grid->width ? grid->height : grid->width;
    return side < TILE ? (double)(TILE / side) : (double)TILE / (double)side;
}

static void draw_tile(cairo_t *cr, const pair_grid *grid, const float *values, double x, double y)
{
    const picture_tiles tile = {.values = values,
                                .height = grid->height,
                                .width = grid->width,
                                .across = 1,
                                .down = 1,
                                .filter = CAIRO_FILTER_NEAREST};
    const double scale = pixel_points(grid);
    picture_images(cr, &tile, x, y, scale * (double)grid->width, scale * (double)grid->height);
}

static void draw_grid(cairo_t *cr, const void *subject)
{
    const pair_grid *grid = subject;
    double wide = pixel_points(grid) * (double)grid->width,
           high = pixel_points(grid) * (double)grid->height;
    double middle = TOP + high + GAP, lower = middle + (grid->corrupted != NULL ? high + GAP : 0);
    double caption = lower + high + 22;
    text_style row = {.size = 13, .colour = COLOUR_INK, .align = ALIGN_RIGHT};
    text_style number = {.size = 13, .colour = COLOUR_INK, .align = ALIGN_CENTRE};
    picture_title(cr, GAP + 14, grid->title, grid->subtitle);
    picture_text(cr, LEFT - 14, TOP + high / 2 + 4.5, row,
                 grid->corrupted != NULL ? "clean" : "input");
    if (grid->corrupted != NULL)
        picture_text(cr, LEFT - 14, middle + high / 2 + 4.5, row, "noisy input");
    picture_text(cr, LEFT - 14, lower + high / 2 + 4.5, row,
                 grid->corrupted != NULL ? "cleaned" : "reconstruction");
    picture_text(cr, LEFT - 14, caption, row, grid->corrupted != NULL ? "from clean" : "cost");
    for (size_t i = 0; i < grid->count; ++i) {
        double x = LEFT + (double)i * (wide + GAP);
        char text[32];
        draw_tile(cr, grid, grid->inputs + i * grid->height * grid->width, x, TOP);
        if (grid->corrupted != NULL)
            draw_tile(cr, grid, grid->corrupted + i * grid->height * grid->width, x, middle);
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
    double rows = grid->corrupted != NULL ? 3 : 2;
    return picture_save(path, width, TOP + rows * (high + GAP) - GAP + BOTTOM, draw_grid, grid);
}

#endif
