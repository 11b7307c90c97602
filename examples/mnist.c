/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The published experiment: the autoencoder 784-1000-500-250-4-250-500-1000-784 on MNIST, with
 * its curves, reconstructions and costs. libae does the work; common/ has what is not about
 * autoencoders: the command line, looking for the data, progress, stopping, drawing, the closing
 * table.
 */
#include <libae/libae.h>

#include "experiment/arguments.h"
#include "common/check.h"
#include "experiment/experiment.h"
#include "common/files.h"
#include "common/interrupt.h"
#include "experiment/pairs.h"
#include "common/progress.h"
#include "experiment/report.h"
#include "experiment/tensorboard.h"

enum { VALIDATION_ROWS = 50, CHECKPOINT_EPOCHS = 10 };

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
    check(ae_network_create(&e->network,
                            AE_NETWORK_OPTIONS(.code_width = args->code, .seed = args->seed,
                                               .kernels = args->kernels)));
    check(ae_optimizer_create_adam(&e->optimizer, AE_ADAM_OPTIONS(.learning_rate = args->rate)));
    check(ae_trainer_create(
        &e->trainer, e->network, e->optimizer, e->train,
        AE_TRAINER_OPTIONS(.batch = args->batch, .epochs = args->epochs, .seed = args->seed,
                           .threads = args->threads, .shuffle = AE_SHUFFLE_AFTER_FIRST,
                           .drop_last = AE_TOGGLE_ON, .validation = e->validation,
                           .checkpoint_path = e->checkpoint.text,
                           .checkpoint_every = CHECKPOINT_EPOCHS, .on_step = on_step,
                           .on_epoch = on_epoch, .user = e, .events = e->events,
                           .precision = args->precision)));
    if (args->resume && !file_exists(e->checkpoint.text))
        fail("%s: there is no checkpoint to resume; leave out --resume to begin a run",
             e->checkpoint.text);
    if (args->resume)
        check(ae_trainer_resume(e->trainer, e->checkpoint.text));
}

/* In the folder of the results a new run takes an old one's place; one that was asked for may hold
 * anything. */
static void begin_log(experiment *e)
{
    file_name usual = path_join(e->args.out, "tensorboard");
    const char *wanted = e->args.tensorboard;
    e->events = tensorboard_begin(wanted != NULL ? wanted : usual.text,
                                  wanted == NULL && !e->args.resume);
    e->log_pictures = e->events != NULL;
}

static ae_status train(experiment *e)
{
    interrupt_cancels(e->trainer);
    progress_begin(&e->progress);
    ae_status status = ae_trainer_run(e->trainer);
    progress_end(&e->progress);
    if (status ==
        AE_OK) /* after anything else a checkpoint is still to be saved, whoever presses Ctrl-C again */
        interrupt_ends();
    return status;
}

/* What the run leaves for other programs; pictures and table are the report's. */
static int finish(const experiment *e)
{
    check(ae_network_save(e->network, path_join(e->args.out, "model.safetensors").text));
    check(ae_trainer_save_history(e->trainer, path_join(e->args.out, "history.csv").text,
                                  AE_HISTORY_CSV));
    check(ae_trainer_save_history(e->trainer, path_join(e->args.out, "history.jsonl").text,
                                  AE_HISTORY_JSONL));
    return report_finished(e);
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
    report_begin(&e);
    ae_status status = train(&e);
    int exit_status = status == AE_OK ? finish(&e) : report_stopped(&e, status, argc, argv);
    ae_trainer_free(e.trainer), ae_optimizer_free(e.optimizer), ae_network_free(e.network);
    ae_event_writer_free(e.events), ae_dataset_free(e.test), ae_dataset_free(e.validation),
        ae_dataset_free(e.train);
    return exit_status;
}
