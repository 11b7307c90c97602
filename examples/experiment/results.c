/* SPDX-License-Identifier: BSD-3-Clause */
#include "results.h"

#include <stdio.h>

static void print_row(const char *name, cost_pair cost, bool mnist, double report)
{
    char text[16] = "other data";
    if (mnist)
        snprintf(text, sizeof text, "%.3f", report);
    printf("%-10s  %10.3f  %10s  %10.3f\n", name, cost.run, text, cost.mean_image);
}

void results_print(const results *r, const char *folder)
{
    printf("\n%-10s  %10s  %10s  %10s\n", "cost", "this run", "report", "mean image");
    print_row("training", r->training, r->mnist, REPORT_TRAINING);
    print_row("validation", r->validation, r->mnist, REPORT_VALIDATION);
    print_row("test", r->test, r->mnist, REPORT_TEST);
    printf("\ncost: L2 norm of an image's error, mean over the images\n%s\n"
           "mean image: always answering with the mean training image\n\n",
           r->mnist ? "report: after 200 epochs on MNIST with a code of 4"
                    : "other data: the report's costs are those of MNIST and say nothing here");
    printf("%zu epoch%s in %.1f s, %.0f images/s; results in %s\n", r->epochs,
           r->epochs == 1 ? "" : "s", r->seconds, r->seconds > 0 ? r->images / r->seconds : 0.0,
           folder);
    printf("result epochs=%zu train=%.6f validation=%.6f test=%.6f seconds=%.6f\n", r->epochs,
           r->training.run, r->validation.run, r->test.run, r->seconds);
}
