/* SPDX-License-Identifier: BSD-3-Clause */
#include "figures.h"

#include <libae/experimental.h>

#include "common/check.h"
#include "common/files.h"
#include "common/command_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXIT_INTERRUPTED = 130 };

void report_begin(const experiment *e)
{
    note("%s: %zu training, %zu validation, %zu test images; %zu parameters, %zu thread%s, "
         "%s kernels",
         e->data, ae_dataset_row_count(e->train), ae_dataset_row_count(e->validation),
         ae_dataset_row_count(e->test), ae_network_parameter_count(e->network),
         ae_trainer_thread_count(e->trainer), ae_trainer_thread_count(e->trainer) == 1 ? "" : "s",
         ae_network_kernels(e->network));
    uint64_t done = ae_trainer_epoch_count(e->trainer);
    if (done >= e->args.epochs)
        note("the checkpoint has %" PRIu64 " epochs, so --epochs %zu leaves nothing to train", done,
             e->args.epochs);
    else if (!e->args.resume && file_exists(e->checkpoint))
        note("%s of an earlier run will be replaced; --resume would go on with it", e->checkpoint);
    else if (e->args.resume)
        note("resumed after epoch %" PRIu64 ", step %" PRIu64, done,
             ae_trainer_step_count(e->trainer));
}

int report_stopped(const experiment *e, ae_status why, int argc, char **argv)
{
    if (why == AE_ERROR_CANCELLED)
        note("stopped after step %" PRIu64 ", %" PRIu64 " of %zu epochs done",
             ae_trainer_step_count(e->trainer), ae_trainer_epoch_count(e->trainer), e->args.epochs);
    else
        note("training stopped: %s", error_text(why));
    if (why == AE_ERROR_DIVERGED)
        note("the last good state is kept; resume with a lower --rate");
    ae_status saved = ae_trainer_save_checkpoint(e->trainer, e->checkpoint);
    if (saved != AE_OK) {
        note("the checkpoint could NOT be saved, this run cannot be resumed from here: %s",
             error_text(saved));
        return EXIT_FAILURE;
    }
    note("saved %s; to go on:", e->checkpoint);
    arguments_print_resume(argc, argv);
    return why == AE_ERROR_CANCELLED ? EXIT_INTERRUPTED : EXIT_FAILURE;
}

typedef struct cost_pair {
    double run;
    double mean_image; /* of always answering with the mean training image */
} cost_pair;

typedef struct results {
    cost_pair training;
    cost_pair validation;
    cost_pair test;
    size_t epochs;
    double seconds; /* of training, the whole run */
    double images;  /* trained on in that time */
} results;

/* What the network costs on a dataset, and what answering with the mean training image would. */
static cost_pair evaluate(const experiment *e, const ae_dataset *dataset)
{
    ae_evaluation run = {.size = sizeof run}, mean = {.size = sizeof mean};
    check(ae_network_evaluate(e->network, dataset, &run,
                              AE_EVALUATE_OPTIONS(.threads = e->args.threads)));
    check(ae_dataset_evaluate_mean(e->train, dataset, &mean));
    return (cost_pair){.run = run.l2, .mean_image = mean.l2};
}

/* The network's diagnosis in three lines. */
static void print_diagnosis(const experiment *e)
{
    ae_diagnosis diagnosis = {.size = sizeof diagnosis};
    char text[AE_DIAGNOSIS_TEXT_SIZE];
    check(ae_network_diagnose(e->network, e->train, e->test, &diagnosis,
                              AE_DIAGNOSE_OPTIONS(.threads = e->args.threads)));
    check(ae_diagnosis_text(&diagnosis, text, sizeof text));
    putchar('\n');
    print_wrapped(text, 2);
}

static void print_row(const char *name, cost_pair cost, bool mnist, double report)
{
    char text[16] = "-";
    if (mnist)
        snprintf(text, sizeof text, "%.3f", report);
    printf("%-10s %8.3f %8s %8.3f\n", name, cost.run, text, cost.mean_image);
}

/* The closing table, which fits forty columns; its last line is the one for scripts. */
static void print_results(const experiment *e, const results *r)
{
    char line[256];
    printf("\n%-10s %8s %8s %8s\n", "cost", "this run", "report", "mean");
    print_row("training", r->training, e->mnist, REPORT_TRAINING);
    print_row("validation", r->validation, e->mnist, REPORT_VALIDATION);
    print_row("test", r->test, e->mnist, REPORT_TEST);
    putchar('\n');
    print_wrapped("cost: L2 norm of an image's error, mean over the images", 2);
    print_wrapped(e->mnist ? "report: after 200 epochs on MNIST with a code of 4"
                           : "report: its costs are those of MNIST and say nothing here",
                  2);
    print_wrapped("mean: always answering with the mean training image", 2);
    if (r->test.run > r->test.mean_image || r->epochs < 20)
        print_wrapped("A short run is often worse than the mean or PCA. Train longer: --epochs 20, "
                      "or --resume with more epochs.",
                      0);
    putchar('\n');
    snprintf(line, sizeof line, "%zu epoch%s in %.1f s, %.0f images/s; results in %s", r->epochs,
             r->epochs == 1 ? "" : "s", r->seconds, r->seconds > 0 ? r->images / r->seconds : 0.0,
             e->args.out);
    print_wrapped(line, 2);
    printf("result epochs=%zu train=%.6f validation=%.6f test=%.6f seconds=%.6f data=%s\n",
           r->epochs, r->training.run, r->validation.run, r->test.run, r->seconds, e->word);
}

int report_finished(const experiment *e)
{
    size_t count = ae_trainer_history_count(e->trainer);
    ae_epoch_info *history = calloc(count + 1, sizeof *history);
    if (history == NULL || count == 0)
        fail("the run left no history to show");
    results all = {.epochs = count};
    for (size_t i = 0; i < count; ++i) {
        history[i].size = sizeof history[i];
        check(ae_trainer_get_epoch(e->trainer, i, &history[i]));
        all.seconds += history[i].seconds;
        all.images += (double)history[i].rows;
    }
    ae_evaluation mean = {.size = sizeof mean};
    check(ae_dataset_evaluate_mean(e->train, e->train, &mean));
    bool drawn = figure1_save(e, history, count, mean.l2);
    drawn = figure2_save(e) && drawn;
    /* As in the report, the training cost is the last epoch's mean of batch costs. */
    all.training = (cost_pair){.run = history[count - 1].train_cost, .mean_image = mean.l2};
    all.validation = evaluate(e, e->validation);
    all.test = evaluate(e, e->test);
    free(history);
    print_diagnosis(e);
    print_results(e, &all);
    return drawn && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
