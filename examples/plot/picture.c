/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "picture.h"

#include "common/check.h"
#include "common/files.h"

uint8_t picture_grey(float value)
{
    return (uint8_t)(value > 0 ? (value < 1 ? 255 * value + 0.5f : 255) : 0);
}

#ifndef AE_HAVE_CAIRO

bool picture_skip(const char *path)
{
    note("%s: not drawn, this is a build without cairo", path);
    return true;
}

#else

#include <cairo-svg.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PIXELS_PER_POINT = 2 };

void picture_colour(cairo_t *cr, ink colour, double alpha)
{
    static const double table[][3] = {
        [COLOUR_BLUE] = {0.000, 0.447, 0.698}, [COLOUR_VERMILION] = {0.835, 0.369, 0.000},

        [COLOUR_INK] = {0.13, 0.13, 0.15},     [COLOUR_GREY] = {0.40, 0.40, 0.43},
        [COLOUR_LINE] = {0.86, 0.86, 0.88},    [COLOUR_PAPER] = {1, 1, 1},
    };
    cairo_set_source_rgba(cr, table[colour][0], table[colour][1], table[colour][2], alpha);
}

double picture_text(cairo_t *cr, double x, double y, text_style style, const char *text)
{
    cairo_text_extents_t extents;
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, style.size);
    cairo_text_extents(cr, text, &extents);
    double shift = style.align == ALIGN_LEFT ? 0 : style.align == ALIGN_CENTRE ? 0.5 : 1;
    picture_colour(cr, style.colour, 1);
    cairo_move_to(cr, x - shift * extents.x_advance, y);
    cairo_show_text(cr, text);
    cairo_new_path(cr); /* the point after the text would begin the next line drawn */
    return extents.x_advance;
}

void picture_title(cairo_t *cr, double x, const char *title, const char *subtitle)
{
    picture_text(cr, x, 34, (text_style){.size = 19, .colour = COLOUR_INK, .bold = true}, title);
    picture_text(cr, x, 57, (text_style){.size = 13, .colour = COLOUR_GREY}, subtitle);
}

void picture_line(cairo_t *cr, double x0, double y0, double x1, double y1)
{
    cairo_move_to(cr, x0, y0);
    cairo_line_to(cr, x1, y1);
    cairo_stroke(cr);
}

double picture_tick(double span, double count)
{
    const double power = pow(10, floor(log10(span / count))), tick = span / count / power;
    return power * (tick <= 1 ? 1 : tick <= 2 ? 2 : tick <= 5 ? 5 : 10);
}

/* One surface for all tiles: between surfaces of their own, smoothing would leave seams. */
static void fill_surface(cairo_surface_t *surface, const picture_tiles *t)
{
    unsigned char *bytes = cairo_image_surface_get_data(surface);
    const size_t stride = (size_t)cairo_image_surface_get_stride(surface);
    for (size_t y = 0; bytes != NULL && y < t->down * t->height; ++y) {
        uint32_t *pixels = (uint32_t *)(void *)(bytes + y * stride);
        for (size_t x = 0; x < t->across * t->width; ++x) {
            const size_t tile = y / t->height * t->across + x / t->width;
            const float value =
                t->values[(tile * t->height + y % t->height) * t->width + x % t->width];
            pixels[x] = picture_grey(value) * 0x010101u;
        }
    }
    cairo_surface_mark_dirty(surface);
}

void picture_images(cairo_t *cr, const picture_tiles *tiles, double x, double y, double wide,
                    double high)
{
    const int columns = (int)(tiles->across * tiles->width),
              rows = (int)(tiles->down * tiles->height);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, columns, rows);
    fill_surface(surface, tiles);
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_scale(cr, wide / columns, high / rows);
    cairo_set_source_surface(cr, surface, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), tiles->filter);
    cairo_paint(cr);
    cairo_restore(cr);
    cairo_surface_destroy(surface);
}

static cairo_status_t write_bytes(void *stream, const unsigned char *data, unsigned size)
{
    return fwrite(data, 1, size, stream) == size ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

/*
 * cairo writes no resolution, and programs that lay out pages then take two pixels for two points.
 * The chunk belongs between the header, whose 33 bytes come first, and all else.
 */
typedef struct png_stream {
    FILE *file;
    size_t written;
} png_stream;

static cairo_status_t write_png(void *context, const unsigned char *data, unsigned size)
{
    enum { HEADER = 33 };
    /* pHYs: 5669 pixels a metre each way, which is 144 an inch, and the checksum of that. */
    static const unsigned char density[] = {0,    0,    0, 9,    'p',  'H',  'Y',
                                            's',  0,    0, 0x16, 0x25, 0,    0,
                                            0x16, 0x25, 1, 0x49, 0x52, 0x24, 0xF0};
    png_stream *to = context;
    const size_t left = to->written < HEADER ? HEADER - to->written : 0;
    const size_t first = left < size ? left : size;
    to->written += size;
    if (fwrite(data, 1, first, to->file) != first)
        return CAIRO_STATUS_WRITE_ERROR;
    if (left > 0 && first == left && fwrite(density, 1, sizeof density, to->file) != sizeof density)
        return CAIRO_STATUS_WRITE_ERROR;
    return write_bytes(to->file, data + first, size - (unsigned)first);
}

static cairo_status_t draw_into(cairo_surface_t *surface, double scale, picture_draw *draw,
                                const void *subject)
{
    cairo_t *cr = cairo_create(surface);
    cairo_scale(cr, scale, scale);
    picture_colour(cr, COLOUR_PAPER, 1);
    cairo_paint(cr);
    draw(cr, subject);
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    return status;
}

static cairo_status_t draw_png(FILE *file, double width, double height, picture_draw *draw,
                               const void *subject)
{
    cairo_surface_t *surface = cairo_image_surface_create(
        CAIRO_FORMAT_RGB24, (int)(width * PIXELS_PER_POINT), (int)(height * PIXELS_PER_POINT));
    cairo_status_t status = draw_into(surface, PIXELS_PER_POINT, draw, subject);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_write_to_png_stream(surface, write_png, &(png_stream){.file = file});
    cairo_surface_destroy(surface);
    return status;
}

static cairo_status_t draw_svg(FILE *file, double width, double height, picture_draw *draw,
                               const void *subject)
{
    cairo_surface_t *surface = cairo_svg_surface_create_for_stream(write_bytes, file, width,
                                                                   height);
    cairo_status_t status = draw_into(surface, 1, draw, subject);
    cairo_surface_finish(surface); /* writes the file, so its status counts too */
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    return status;
}

/* Opened by hand rather than with mkstemp, whose mode 0600 would stay with the picture. */
static FILE *open_beside(const char *path, char *name, size_t size)
{
    int length = snprintf(name, size, "%s.%jd.tmp", path, (intmax_t)getpid());
    if (length < 0 || (size_t)length >= size) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    int descriptor = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (file == NULL && descriptor >= 0)
        close(descriptor);
    return file;
}

bool picture_save(const char *path, double width, double height, picture_draw *draw,
                  const void *subject)
{
    char temporary[sizeof(file_name)];
    FILE *file = open_beside(path, temporary, sizeof temporary);
    if (file == NULL) {
        note("%s: %s", path, strerror(errno));
        return false;
    }
    size_t length = strlen(path);
    bool vector = length >= 4 && strcmp(path + length - 4, ".svg") == 0;
    errno = 0;
    cairo_status_t status = (vector ? draw_svg : draw_png)(file, width, height, draw, subject);
    bool written = status == CAIRO_STATUS_SUCCESS && fflush(file) == 0 && fsync(fileno(file)) == 0;
    int reason = errno;
    written = (fclose(file) == 0) && written;
    if (written && rename(temporary, path) == 0)
        return true;
    reason = reason != 0 ? reason : errno;
    note("%s: the picture could not be written: %s", path,
         reason != 0 ? strerror(reason) : cairo_status_to_string(status));
    unlink(temporary);
    return false;
}

#endif
