/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The published experiment: the autoencoder 784-1000-500-250-4-250-500-1000-784 on MNIST, with its
 * curves, reconstructions and costs. What is not about autoencoders is elsewhere: common/ looks for
 * the data and shows progress, experiment/ reads the command line, draws the figures and prints the
 * costs.
 */
#include <libae/libae.h>

#include "common/check.h"
#include "common/files.h"
#include "experiment/experiment.h"

enum { TRAIN_DIGITS = 60000, VALIDATION_ROWS = 50, CHECKPOINT_EPOCHS = 10 };

/* The report's split: the first 50 training images validate, the other 59,950 train. */
static void load_data(experiment *e)
{
    const image_sets found = images_load(e->args.data, TRAIN_DIGITS, true);
    e->data = found.name, e->word = found.word, e->test = found.test;
    e->mnist = images_are_mnist(found.train);
    check(ae_dataset_split(&e->validation, &e->train, found.train, VALIDATION_ROWS));
    ae_dataset_free(found.train); /* the two views keep the pixels */
}

static int on_step(void *user, const ae_step_info *info)
{
    experiment *e = user;
    return progress_step(&e->progress, info);
}

static int on_epoch(void *user, const ae_epoch_info *info)
{
    experiment *e = user;
    log_pictures(e, info->step);
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
                           .checkpoint_path = e->checkpoint, .checkpoint_every = CHECKPOINT_EPOCHS,
                           .on_step = on_step, .on_epoch = on_epoch, .user = e, .events = e->events,
                           .train_tag = "autoencoder_model/training/train_cost",
                           .validation_tag = "autoencoder_model/validation/val_cost",
                           .precision = args->bf16 ? AE_PRECISION_BF16 : AE_PRECISION_F32)));
    if (args->resume && !file_exists(e->checkpoint))
        fail("%s: there is no checkpoint to resume; leave out --resume to begin a run",
             e->checkpoint);
    if (args->resume)
        check(ae_trainer_resume(e->trainer, e->checkpoint));
}

static ae_status train(experiment *e)
{
    interrupt_cancels(e->trainer);
    progress_begin(&e->progress);
    ae_status status = ae_trainer_run(e->trainer);
    progress_end(&e->progress);
    if (status == AE_OK) /* else a checkpoint is to be saved, whoever presses Ctrl-C again */
        interrupt_waits();
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
    const file_name checkpoint = path_join(e.args.out, "checkpoint.safetensors");
    e.checkpoint = checkpoint.text;
    e.progress.epochs = e.args.epochs;
    folder_prepare(e.args.out);
    load_data(&e);
    log_begin(&e);
    build(&e);
    report_begin(&e);
    ae_status status = train(&e);
    int exit_status = status == AE_OK ? finish(&e) : report_stopped(&e, status, argc, argv);
    interrupt_ends(); /* the trainer that a signal would cancel goes now */
    ae_trainer_free(e.trainer), ae_optimizer_free(e.optimizer), ae_network_free(e.network);
    ae_event_writer_free(e.events), ae_dataset_free(e.test), ae_dataset_free(e.validation),
        ae_dataset_free(e.train);
    return exit_status;
}
