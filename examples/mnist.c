/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The published experiment: the autoencoder 784-1000-500-250-4-250-500-1000-784 on MNIST, with
 * its curves, reconstructions and costs. libae does the work; common/ has what is not about
 * autoencoders: the command line, looking for the data, progress, drawing.
 */
#define _POSIX_C_SOURCE 200809L
#include <libae/libae.h>

#include "common/arguments.h"
#include "common/check.h"
#include "common/figures.h"
#include "common/files.h"
#include "common/pairs.h"
#include "common/picture.h"
#include "common/progress.h"
#include "common/results.h"
#include "common/tensorboard.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALIDATION_ROWS = 50, FIGURE_PAIRS = 10, CHECKPOINT_EPOCHS = 10, EXIT_INTERRUPTED = 130 };

typedef struct experiment {
    arguments args;
    file_name checkpoint;
    const char *data; /* what the images are called */
    bool mnist;       /* the report's own data */
    ae_dataset *train;
    ae_dataset *validation;
    ae_dataset *test;
    ae_network *network;
    ae_optimizer *optimizer;
    ae_trainer *trainer;
    ae_event_writer *events; /* NULL: this libae writes none */
    bool log_pictures;
    progress progress;
} experiment;

/* The report's split: the first 50 training images validate, the other 59,950 train. */
static void load_data(experiment *e)
{
    ae_dataset *images = NULL;
    image_files files;
    e->data = "other data";
    if (images_find(&files, e->args.data)) {
        check(ae_dataset_open_idx(&images, files.train.text, NULL));
        check(ae_dataset_open_idx(&e->test, files.test.text, NULL));
    } else {
        check(ae_dataset_create_digits(&images, 60000, 1));
        check(ae_dataset_create_digits(&e->test, 10000, 2));
        e->data = "built-in digits";
    }
    e->mnist = images_are_mnist(images);
    if (e->mnist)
        e->data = "MNIST";
    check(ae_dataset_split(&e->validation, &e->train, images, VALIDATION_ROWS));
    ae_dataset_free(images); /* the two views keep the pixels */
}

static int on_step(void *user, const ae_step_info *info)
{
    experiment *e = user;
    return progress_step(&e->progress, info);
}

static int on_epoch(void *user, const ae_epoch_info *info)
{
    experiment *e = user;
    if (e->log_pictures) {
        pairs images = pairs_make(e->network, e->validation, FIGURE_PAIRS);
        e->log_pictures = tensorboard_pictures(e->events, info->step, &images);
        pairs_free(&images);
    }
    return progress_epoch(&e->progress, info);
}

static void build(experiment *e)
{
    const arguments *args = &e->args;
    check(ae_network_create(
        &e->network, AE_NETWORK_OPTIONS(.code_width = args->code, .seed = args->seed, .kernels = args->kernels)));
    check(ae_optimizer_create_adam(&e->optimizer, AE_ADAM_OPTIONS(.learning_rate = args->rate)));
    check(ae_trainer_create(
        &e->trainer, e->network, e->optimizer, e->train,
        AE_TRAINER_OPTIONS(.batch = args->batch, .epochs = args->epochs, .seed = args->seed, .threads = args->threads,
                           .shuffle = AE_SHUFFLE_AFTER_FIRST, .drop_last = AE_ON, .validation = e->validation,
                           .checkpoint_path = e->checkpoint.text, .checkpoint_every = CHECKPOINT_EPOCHS,
                           .on_step = on_step, .on_epoch = on_epoch, .user = e, .events = e->events,
                           .precision = args->precision)));
    if (args->resume && !file_exists(e->checkpoint.text))
        fail("%s: there is no checkpoint to resume; leave out --resume to begin a run", e->checkpoint.text);
    if (args->resume)
        check(ae_trainer_resume(e->trainer, e->checkpoint.text));
}

/* In the folder of the results a new run takes an old one's place; one that was asked for may hold anything. */
static void begin_log(experiment *e)
{
    file_name usual = path_join(e->args.out, "tensorboard");
    const char *wanted = e->args.tensorboard;
    e->events = tensorboard_begin(wanted != NULL ? wanted : usual.text, wanted == NULL && !e->args.resume);
    e->log_pictures = e->events != NULL;
}

static void announce(const experiment *e)
{
    note("%s: %zu training, %zu validation, %zu test images; %zu parameters, %zu threads, %s kernels", e->data,
         ae_dataset_rows(e->train), ae_dataset_rows(e->validation), ae_dataset_rows(e->test),
         ae_network_parameter_count(e->network), ae_trainer_threads(e->trainer), ae_network_kernels(e->network));
    uint64_t done = ae_trainer_epochs(e->trainer);
    if (done >= e->args.epochs)
        note("the checkpoint has %" PRIu64 " epochs, so --epochs %" PRIu64 " leaves nothing to train", done,
             e->args.epochs);
    else if (!e->args.resume && file_exists(e->checkpoint.text))
        note("%s of an earlier run will be replaced; --resume would go on with it", e->checkpoint.text);
    else if (e->args.resume)
        note("resumed after epoch %" PRIu64 ", step %" PRIu64, done, ae_trainer_steps(e->trainer));
}

static _Atomic(ae_trainer *) running; /* a signal handler has no other way to know it */

static void interrupt(int number)
{
    (void)number;
    ae_trainer_cancel(running);
}

static void on_interrupt(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static ae_status train(experiment *e)
{
    running = e->trainer;
    on_interrupt(interrupt);
    progress_begin(&e->progress);
    ae_status status = ae_trainer_run(e->trainer);
    progress_end(&e->progress);
    if (status == AE_OK) /* after anything else a checkpoint is still to be saved, whoever presses Ctrl-C again */
        on_interrupt(SIG_DFL);
    return status;
}

/* The run ended early: keep its state and say how to go on. Returns the program's exit status. */
static int stop(const experiment *e, ae_status why, int argc, char **argv)
{
    if (why == AE_ERROR_CANCELLED)
        note("stopped after step %" PRIu64 ", %" PRIu64 " of %" PRIu64 " epochs are done", ae_trainer_steps(e->trainer),
             ae_trainer_epochs(e->trainer), e->args.epochs);
    else
        note("training stopped: %s", error_text(why));
    if (why == AE_ERROR_DIVERGED)
        note("the last good state is kept; resume with a lower --rate");
    ae_status saved = ae_trainer_save_checkpoint(e->trainer, e->checkpoint.text);
    if (saved != AE_OK) {
        note("the checkpoint could NOT be saved, this run cannot be resumed from here: %s", error_text(saved));
        return EXIT_FAILURE;
    }
    note("saved %s; to go on:", e->checkpoint.text);
    arguments_print_resume(stderr, argc, argv);
    return why == AE_ERROR_CANCELLED ? EXIT_INTERRUPTED : EXIT_FAILURE;
}

static bool draw_reconstructions(const experiment *e, const figure_text *text)
{
    pairs images = pairs_make(e->network, e->validation, FIGURE_PAIRS);
    bool saved = figure2_save(e->args.out, text, &images);
    pairs_free(&images);
    return saved;
}

/* Model, history and pictures. False when a picture failed: its reason has been printed. */
static bool save_results(const experiment *e, const ae_epoch_info *history, size_t count)
{
    const char *out = e->args.out;
    figure_text text = {
        .data = e->data, .mnist = e->mnist, .code = e->args.code, .batch = e->args.batch, .rate = (double)e->args.rate};
    check(ae_network_save(e->network, path_join(out, "model.safetensors").text));
    check(ae_trainer_save_history(e->trainer, path_join(out, "history.csv").text, AE_HISTORY_CSV));
    check(ae_trainer_save_history(e->trainer, path_join(out, "history.jsonl").text, AE_HISTORY_JSONL));
    if (!picture_supported()) {
        note("built without cairo: no pictures");
        return true;
    }
    bool drawn = figure1_save(out, &text, history, count);
    return draw_reconstructions(e, &text) && drawn;
}

/* What the network costs on a dataset, and what answering with the mean training image would. */
static cost_pair evaluate(const experiment *e, const ae_dataset *dataset)
{
    ae_evaluation run = {.size = sizeof run}, mean = {.size = sizeof mean};
    check(ae_evaluate(&run, e->network, dataset, AE_EVALUATE_OPTIONS(.threads = e->args.threads)));
    check(ae_evaluate_mean(&mean, e->train, dataset));
    return (cost_pair){.run = run.l2, .mean_image = mean.l2};
}

/* What is to be thought of the network, in three lines. */
static void print_verdict(const experiment *e)
{
    ae_verdict verdict = {.size = sizeof verdict};
    char text[AE_VERDICT_TEXT];
    check(ae_network_verdict(&verdict, e->network, e->train, e->test, AE_VERDICT_OPTIONS(.threads = e->args.threads)));
    check(ae_verdict_text(&verdict, text, sizeof text));
    printf("\n%s", text);
}

/* The run is over: save it, draw it, and print the table. Returns the program's exit status. */
static int finish(const experiment *e)
{
    size_t count = ae_trainer_history_count(e->trainer);
    ae_epoch_info *history = calloc(count + 1, sizeof *history);
    if (history == NULL || count == 0)
        fail("the run left no history to show");
    results all = {.epochs = count, .mnist = e->mnist};
    for (size_t i = 0; i < count; ++i) {
        history[i].size = sizeof history[i];
        check(ae_trainer_history(e->trainer, i, &history[i]));
        all.seconds += history[i].seconds;
        all.images += (double)history[i].rows;
    }
    bool saved = save_results(e, history, count);
    ae_evaluation mean = {.size = sizeof mean};
    check(ae_evaluate_mean(&mean, e->train, e->train));
    /* As in the report, the training cost is the last epoch's mean of batch costs, taken while it learned. */
    all.training = (cost_pair){.run = history[count - 1].train_cost, .mean_image = mean.l2};
    all.validation = evaluate(e, e->validation);
    all.test = evaluate(e, e->test);
    free(history);
    print_verdict(e);
    results_print(&all, e->args.out);
    return saved && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    experiment e = {.args = arguments_parse(argc, argv)};
    e.checkpoint = path_join(e.args.out, "checkpoint.safetensors");
    e.progress.epochs = e.args.epochs;
    folder_prepare(e.args.out);
    load_data(&e);
    begin_log(&e);
    build(&e);
    announce(&e);
    ae_status status = train(&e);
    int exit_status = status == AE_OK ? finish(&e) : stop(&e, status, argc, argv);
    ae_trainer_free(e.trainer), ae_optimizer_free(e.optimizer), ae_network_free(e.network);
    ae_event_writer_free(e.events), ae_dataset_free(e.test), ae_dataset_free(e.validation), ae_dataset_free(e.train);
    return exit_status;
}
