/* SPDX-License-Identifier: BSD-3-Clause */
#include "figures.h"

#include "common/check.h"
#include "common/files.h"
#include "plot/chart.h"
#include "plot/grid.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT = 200 };

/* The columns of the history, one array each, in one piece of memory. */
typedef struct columns {
    double *ends;    /* steps at the end of each epoch, where validation is measured */
    double *middles; /* and halfway through it, which a mean over the epoch stands for */
    double *training;
    double *lowest;
    double *highest;
    double *validation;
} columns;

static bool columns_fill(columns *c, const ae_epoch_info *history, size_t count)
{
    double *memory = calloc(6 * count + 1, sizeof *memory);
    if (memory == NULL) {
        note("no memory for figure 1");
        return false;
    }
    *c = (columns){memory,
                   memory + count,
                   memory + 2 * count,
                   memory + 3 * count,
                   memory + 4 * count,
                   memory + 5 * count};
    for (size_t i = 0; i < count; ++i) {
        c->ends[i] = (double)history[i].step;
        c->middles[i] = (c->ends[i] + (i > 0 ? c->ends[i - 1] : 0)) / 2;
        c->training[i] = history[i].train_cost;
        c->lowest[i] = history[i].train_cost_min;
        c->highest[i] = history[i].train_cost_max;
        c->validation[i] = history[i].validation_cost;
    }
    return true;
}

bool figure1_save(const experiment *e, const ae_epoch_info *history, size_t count, double mean)
{
    enum { REPORT_EPOCHS = 200 };
    const bool whole = count >= REPORT_EPOCHS; /* else the report's end is not reached here */
    columns c;
    if (!columns_fill(&c, history, count))
        return false;
    char title[TEXT], subtitle[TEXT], x_label[TEXT];
    snprintf(title, sizeof title, "Cost of the autoencoder on %s", e->data);
    snprintf(subtitle, sizeof subtitle,
             "code of %zu, Adam at rate %g, batches of %zu images, %zu epoch%s", e->args.code,
             (double)e->args.rate, e->args.batch, count, count == 1 ? "" : "s");
    snprintf(x_label, sizeof x_label, "training steps (%.0f in an epoch)",
             count > 0 ? c.ends[0] : 0.0);
    line_chart chart = {
        .title = title,
        .subtitle = subtitle,
        .x_label = x_label,
        .y_label = "cost: L2 norm of an image's error, mean",
        .marks_name = e->mnist && whole ? "report, code of 4, epoch 200" : NULL,
        .series_count = 2,
        .mark_count = e->mnist ? 3 : 1,
        .series = {{.name = "training, mean of an epoch",
                    .label = "training",
                    .band = "its lowest to highest batch",
                    .x = c.middles,
                    .y = c.training,
                    .low = c.lowest,
                    .high = c.highest,
                    .count = count},
                   {.name = "validation, 50 images",
                    .label = "validation",
                    .x = c.ends,
                    .y = c.validation,
                    .count = count}},
        .marks = {{.label = "mean image", .series = CHART_SERIES, .y = mean, .line = true},
                  {.label = whole ? "report, training" : "report, epoch 200",
                   .series = 0,
                   .y = REPORT_TRAINING,
                   .line = !whole},
                  {.label = whole ? "report, validation" : "report, epoch 200",
                   .series = 1,
                   .y = REPORT_VALIDATION,
                   .line = !whole}},
    };
    bool saved = chart_save(&chart, path_join(e->args.out, "figure1.png").text);
    saved = chart_save(&chart, path_join(e->args.out, "figure1.svg").text) && saved;
    free(c.ends);
    return saved;
}

bool figure2_save(const experiment *e)
{
    if (ae_dataset_image_height(e->validation) == 0) {
        note("the data do not say how high and wide an image is: no figure 2");
        return true;
    }
    pairs images = pairs_make(e);
    char title[TEXT], subtitle[TEXT];
    snprintf(title, sizeof title,
             "Validation images and their reconstructions from %zu number%s each", e->args.code,
             e->args.code == 1 ? "" : "s");
    snprintf(subtitle, sizeof subtitle,
             "%s, the first %zu validation images; cost: L2 norm of the difference over %zu pixels",
             e->data, images.count, images.height * images.width);
    pair_grid grid = {
        .title = title,
        .subtitle = subtitle,
        .inputs = images.inputs,
        .reconstructions = images.outputs,
        .costs = images.costs,
        .count = images.count,
        .height = images.height,
        .width = images.width,
    };
    const bool saved = grid_save(&grid, path_join(e->args.out, "figure2.png").text);
    return pairs_free(&images), saved;
}
