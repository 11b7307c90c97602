/* SPDX-License-Identifier: BSD-3-Clause */
#include "chart.h"

#include "picture.h"

#ifndef AE_HAVE_CAIRO

bool chart_save(const line_chart *chart, const char *path)
{
    (void)chart;
    return picture_skip(path);
}

#else

#include <assert.h>
#include <math.h>
#include <stdio.h>

enum {
    WIDTH = 960,
    HEIGHT = 588,
    LEFT = 72,
    RIGHT = 208,
    TOP = 112,
    BOTTOM = 64,
    LABEL_GAP = 19,
    FEW_POINTS = 30
};

static const text_style subtitle_style = {.size = 13, .colour = COLOUR_GREY};
static const text_style axis_style = {.size = 13, .colour = COLOUR_INK, .align = ALIGN_CENTRE};

static const ink palette[CHART_SERIES + 1] = {COLOUR_BLUE, COLOUR_VERMILION, COLOUR_GREY};

#define BAND_ALPHA 0.18

/*
 * One axis: the values at its ends, the distance of its ticks, and where its ends lie on the paper.
 */
typedef struct scale {
    double from;
    double to;
    double tick;
    double paper_from;
    double paper_to;
} scale;

typedef struct end_label {
    char text[64];
    double from;  /* where its curve or mark ends, on the paper */
    double value; /* what it says */
    double y;     /* where its text is, on the paper */
    size_t series;
    bool reference;
} end_label;

static double place(const scale *axis, double value)
{
    return axis->paper_from +
           (value - axis->from) / (axis->to - axis->from) * (axis->paper_to - axis->paper_from);
}

static void widen(double *from, double *to, double value)
{
    if (isfinite(value)) {
        *from = fmin(*from, value);
        *to = fmax(*to, value);
    }
}

static scale x_axis(const line_chart *chart)
{
    double least = 0, most = 0;
    for (size_t s = 0; s < chart->series_count; ++s)
        for (size_t i = 0; i < chart->series[s].count; ++i)
            widen(&least, &most, chart->series[s].x[i]);
    scale axis = {.to = most > 0 ? most : 1, .paper_from = LEFT, .paper_to = WIDTH - RIGHT};
    axis.tick = picture_tick(axis.to, 7);
    double whole = ceil(axis.to / axis.tick) * axis.tick;
    if (whole < 1.03 * axis.to) /* a last tick just past the data is worth having */
        axis.to = whole;
    return axis;
}

/* Of everything from x on; the marks stand at the right edge, so they always belong to it. */
static void value_range(const line_chart *chart, double x, double *least, double *most)
{
    *least = INFINITY;
    *most = -INFINITY;
    for (size_t s = 0; s < chart->series_count; ++s) {
        const chart_series *series = &chart->series[s];
        for (size_t i = 0; i < series->count; ++i) {
            if (series->x[i] < x)
                continue;
            widen(least, most, series->y[i]);
            if (series->band != NULL) {
                widen(least, most, series->low[i]);
                widen(least, most, series->high[i]);
            }
        }
    }
    for (size_t i = 0; i < chart->mark_count; ++i)
        if (!chart->marks[i].line || !isfinite(x)) /* the enlargement is of the curves */
            widen(least, most, chart->marks[i].y);
}

static scale y_axis(const line_chart *chart, double x, double ticks)
{
    double least, most;
    value_range(chart, x, &least, &most);
    if (!(least < most)) {
        least = isfinite(least) ? least - 1 : 0;
        most = least + 2;
    }
    if (!isfinite(x))
        least = 0;
    scale axis = {
        .tick = picture_tick(most - least, ticks), .paper_from = HEIGHT - BOTTOM, .paper_to = TOP};
    axis.from = isfinite(x) ? floor(least / axis.tick) * axis.tick : 0; /* a cost is from 0 on */
    axis.to = ceil(most / axis.tick) * axis.tick;
    return axis;
}

/* A number with a comma between thousands, or as many decimals as the tick needs. */
static void format_tick(char *text, size_t size, double value, double tick)
{
    int decimals = tick >= 1 ? 0 : (int)ceil(-log10(tick) - 1e-9);
    if (value >= 1e6)
        snprintf(text, size, "%.0f,%03.0f,%03.0f", floor(value / 1e6),
                 floor(fmod(value, 1e6) / 1e3), fmod(value, 1e3));
    else if (value >= 1e3)
        snprintf(text, size, "%.0f,%03.0f", floor(value / 1e3), fmod(value, 1e3));
    else
        snprintf(text, size, "%.*f", decimals, value);
}

static void draw_axes(cairo_t *cr, const scale *x, const scale *y)
{
    char text[40];
    cairo_set_line_width(cr, 1);
    for (double i = 0; y->from + i * y->tick <= y->to + 1e-9 * y->tick; ++i) {
        double value = y->from + i * y->tick, at = place(y, value);
        picture_colour(cr, COLOUR_LINE, 1);
        picture_line(cr, x->paper_from, at, x->paper_to, at);
        format_tick(text, sizeof text, value, y->tick);
        text_style style = axis_style;
        style.align = ALIGN_RIGHT;
        picture_text(cr, x->paper_from - 9, at + 4.5, style, text);
    }
    for (double i = 0; x->from + i * x->tick <= x->to + 1e-9 * x->tick; ++i) {
        double value = x->from + i * x->tick, at = place(x, value);
        picture_colour(cr, COLOUR_INK, 1);
        picture_line(cr, at, y->paper_from, at, y->paper_from + 5);
        format_tick(text, sizeof text, value, x->tick);
        picture_text(cr, at, y->paper_from + 21, axis_style, text);
    }
    picture_colour(cr, COLOUR_INK, 1);
    picture_line(cr, x->paper_from, y->paper_from, x->paper_to, y->paper_from);
}

static void draw_axis_labels(cairo_t *cr, const line_chart *chart, const scale *x, const scale *y)
{
    picture_text(cr, (x->paper_from + x->paper_to) / 2, HEIGHT - 18, axis_style, chart->x_label);
    cairo_save(cr);
    cairo_translate(cr, 22, (y->paper_from + y->paper_to) / 2);
    cairo_rotate(cr, -acos(0));
    picture_text(cr, 0, 0, axis_style, chart->y_label);
    cairo_restore(cr);
}

static void draw_band(cairo_t *cr, const chart_series *series, ink colour, const scale *x,
                      const scale *y)
{
    picture_colour(cr, colour, BAND_ALPHA);
    if (series->count == 1) { /* a band without width would not be seen */
        cairo_set_line_width(cr, 8);
        picture_line(cr, place(x, series->x[0]), place(y, series->low[0]), place(x, series->x[0]),
                     place(y, series->high[0]));
        return;
    }
    for (size_t i = 0; i < series->count; ++i)
        if (isfinite(series->high[i]))
            cairo_line_to(cr, place(x, series->x[i]), place(y, series->high[i]));
    for (size_t i = series->count; i-- > 0;)
        if (isfinite(series->low[i]))
            cairo_line_to(cr, place(x, series->x[i]), place(y, series->low[i]));
    cairo_close_path(cr);
    cairo_fill(cr);
}

static void draw_curve(cairo_t *cr, const chart_series *series, ink colour, const scale *x,
                       const scale *y)
{
    picture_colour(cr, colour, 1);
    cairo_set_line_width(cr, 1.8);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    for (size_t i = 0; i < series->count; ++i)
        if (isfinite(series->y[i]))
            cairo_line_to(cr, place(x, series->x[i]), place(y, series->y[i]));
    cairo_stroke(cr);
    for (size_t i = 0; series->count <= FEW_POINTS && i < series->count; ++i) {
        if (!isfinite(series->y[i]))
            continue;
        cairo_arc(cr, place(x, series->x[i]), place(y, series->y[i]), 3, 0, 4 * acos(0));
        cairo_fill(cr);
    }
}

static void draw_diamond(cairo_t *cr, double x, double y, ink colour)
{
    const double r = 5.5;
    cairo_move_to(cr, x - r, y);
    cairo_line_to(cr, x, y - r);
    cairo_line_to(cr, x + r, y);
    cairo_line_to(cr, x, y + r);
    cairo_close_path(cr);
    picture_colour(cr, COLOUR_PAPER, 1);
    cairo_fill_preserve(cr);
    picture_colour(cr, colour, 1);
    cairo_set_line_width(cr, 1.6);
    cairo_stroke(cr);
}

static void draw_mark(cairo_t *cr, const chart_mark *mark, const scale *x, const scale *y)
{
    static const double dashes[] = {5, 4};
    const double at = place(y, mark->y);
    if (at < y->paper_to || at > y->paper_from)
        return; /* an enlargement shows less */
    if (!mark->line) {
        draw_diamond(cr, x->paper_to, at, palette[mark->series]);
        return;
    }
    picture_colour(cr, palette[mark->series], 1);
    cairo_set_line_width(cr, 1.2);
    cairo_set_dash(cr, dashes, 2, 0);
    picture_line(cr, x->paper_from, at, x->paper_to, at);
    cairo_set_dash(cr, NULL, 0, 0);
}

/* The axes, and within them the bands, the curves and the marks. */
static void draw_panel(cairo_t *cr, const line_chart *chart, const scale *x, const scale *y)
{
    draw_axes(cr, x, y);
    cairo_save(cr);
    cairo_rectangle(cr, x->paper_from, y->paper_to, x->paper_to - x->paper_from + 4,
                    y->paper_from - y->paper_to);
    cairo_clip(cr);
    assert(chart->series_count <= CHART_SERIES); /* what chart->series has room for */
    for (size_t s = 0; s < chart->series_count; ++s)
        if (chart->series[s].band != NULL && chart->series[s].count > 0)
            draw_band(cr, &chart->series[s], palette[s], x, y);
    for (size_t s = 0; s < chart->series_count; ++s)
        draw_curve(cr, &chart->series[s], palette[s], x, y);
    cairo_restore(cr);
    for (size_t i = 0; i < chart->mark_count; ++i)
        draw_mark(cr, &chart->marks[i], x, y);
}

/*
 * A falling cost leaves the upper right empty: the tail of the curves is drawn there once more,
 * where it fills the height. Not for a short run, nor where it would cover a curve.
 */
static void draw_enlargement(cairo_t *cr, const line_chart *chart, const scale *x, const scale *y)
{
    scale tail = {.to = x->to, .paper_from = LEFT + 190, .paper_to = x->paper_to - 24};
    tail.tick = picture_tick(0.7 * tail.to, 5);
    tail.from = ceil(0.25 * tail.to / tail.tick) * tail.tick;
    scale value = y_axis(chart, tail.from, 7);
    value.paper_from = TOP + 286;
    value.paper_to = TOP + 50;
    double least, most,
        beside = x->from + (tail.paper_from - 50 - LEFT) / (x->paper_to - LEFT) * (x->to - x->from);
    value_range(chart, beside, &least, &most);
    bool covers = !isfinite(most) || place(y, most) < value.paper_from + 26;
    if (chart->series_count == 0 || chart->series[0].count < 2 * FEW_POINTS || covers)
        return;
    picture_colour(cr, COLOUR_PAPER, 1);
    cairo_rectangle(cr, tail.paper_from - 42, value.paper_to - 28,
                    x->paper_to - tail.paper_from + 42, value.paper_from - value.paper_to + 54);
    cairo_fill(cr);
    text_style style = subtitle_style;
    picture_text(cr, tail.paper_from, value.paper_to - 12, style, "the same curves, enlarged");
    draw_panel(cr, chart, &tail, &value);
}

typedef enum entry_kind { ENTRY_LINE, ENTRY_BAND, ENTRY_MARKS } entry_kind;

/* Returns the width that the entry took. */
static double draw_legend_entry(cairo_t *cr, double x, entry_kind kind, ink colour,
                                const char *text)
{
    enum { BASELINE = TOP - 26, SAMPLE = 24 };
    picture_colour(cr, colour, kind == ENTRY_BAND ? BAND_ALPHA : 1);
    if (kind == ENTRY_LINE) {
        cairo_set_line_width(cr, 2.4);
        picture_line(cr, x, BASELINE - 4.5, x + SAMPLE, BASELINE - 4.5);
    } else if (kind == ENTRY_BAND) {
        cairo_rectangle(cr, x, BASELINE - 11, SAMPLE, 13);
        cairo_fill(cr);
    } else {
        draw_diamond(cr, x + SAMPLE / 2.0, BASELINE - 4.5, colour);
    }
    text_style style = {.size = 12.5, .colour = COLOUR_INK};
    return SAMPLE + 7 + picture_text(cr, x + SAMPLE + 7, BASELINE, style, text);
}

/* A row over the plot, where no curve can come. */
static void draw_legend(cairo_t *cr, const line_chart *chart)
{
    const double gap = 18;
    double x = LEFT;
    for (size_t s = 0; s < chart->series_count; ++s) {
        x += draw_legend_entry(cr, x, ENTRY_LINE, palette[s], chart->series[s].name) + gap;
        if (chart->series[s].band != NULL)
            x += draw_legend_entry(cr, x, ENTRY_BAND, palette[s], chart->series[s].band) + gap;
    }
    if (chart->marks_name != NULL)
        draw_legend_entry(cr, x, ENTRY_MARKS, COLOUR_GREY, chart->marks_name);
}

/*
 * Texts that would overlap are pushed apart: sorted by value, then each run of them that is too
 * tight is spread evenly around its middle. There are at most six.
 */
static void spread_labels(end_label *labels, size_t count)
{
    for (size_t i = 1; i < count; ++i) {
        end_label moved = labels[i];
        size_t j = i;
        for (; j > 0 && labels[j - 1].y > moved.y; --j)
            labels[j] = labels[j - 1];
        labels[j] = moved;
    }
    for (int round = 0; round < 200; ++round) {
        for (size_t i = 1; i < count; ++i) {
            double overlap = LABEL_GAP - (labels[i].y - labels[i - 1].y);
            if (overlap > 0) {
                labels[i - 1].y -= overlap / 2;
                labels[i].y += overlap / 2;
            }
        }
    }
    double excess = count > 0 ? labels[count - 1].y - (HEIGHT - BOTTOM) : 0;
    for (size_t i = 0; excess > 0 && i < count; ++i)
        labels[i].y -= excess;
}

static size_t collect_labels(end_label *labels, const line_chart *chart, const scale *x,
                             const scale *y)
{
    size_t count = 0;
    for (size_t s = 0; s < chart->series_count; ++s) {
        const chart_series *series = &chart->series[s];
        if (series->count == 0 || !isfinite(series->y[series->count - 1]))
            continue;
        end_label *label = &labels[count++];
        *label = (end_label){.value = series->y[series->count - 1], .series = s};
        label->from = place(x, series->x[series->count - 1]);
        label->y = place(y, label->value);
        snprintf(label->text, sizeof label->text, "%.3f %s", label->value, series->label);
    }
    for (size_t i = 0; i < chart->mark_count; ++i) {
        end_label *label = &labels[count++];
        *label = (end_label){
            .value = chart->marks[i].y, .series = chart->marks[i].series, .reference = true};
        label->from = x->paper_to;
        label->y = place(y, label->value);
        snprintf(label->text, sizeof label->text, "%.3f %s", label->value, chart->marks[i].label);
    }
    return count;
}

static void draw_end_labels(cairo_t *cr, const line_chart *chart, const scale *x, const scale *y)
{
    end_label labels[CHART_SERIES + CHART_MARKS];
    size_t count = collect_labels(labels, chart, x, y);
    spread_labels(labels, count);
    for (size_t i = 0; i < count; ++i) {
        const end_label *label = &labels[i];
        double at = place(y, label->value);
        ink colour = palette[label->series];
        picture_colour(cr, colour, 0.6);
        cairo_set_line_width(cr, 1);
        cairo_move_to(cr, label->from + 8, at);
        cairo_line_to(cr, fmax(x->paper_to, label->from) + 8, at);
        cairo_line_to(cr, x->paper_to + 24, label->y);
        cairo_line_to(cr, x->paper_to + 32, label->y);
        cairo_stroke(cr);
        text_style style = {.size = 13, .colour = colour, .bold = !label->reference};
        picture_text(cr, x->paper_to + 36, label->y + 4.5, style, label->text);
    }
}

static void draw_chart(cairo_t *cr, const void *subject)
{
    const line_chart *chart = subject;
    scale x = x_axis(chart), y = y_axis(chart, -INFINITY, 9);
    picture_title(cr, LEFT, chart->title, chart->subtitle);
    draw_axis_labels(cr, chart, &x, &y);
    draw_panel(cr, chart, &x, &y);
    draw_enlargement(cr, chart, &x, &y);
    draw_legend(cr, chart);
    draw_end_labels(cr, chart, &x, &y);
}

bool chart_save(const line_chart *chart, const char *path)
{
    return picture_save(path, WIDTH, HEIGHT, draw_chart, chart);
}

#endif
