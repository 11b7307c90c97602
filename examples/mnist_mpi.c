/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The experiment of mnist.c, shared by processes of MPI: mpirun -n 4 mnist_mpi --threads 1. The
 * model is the same, bit for bit, for any number of them that has a block of each batch to work on.
 * docs/scale.md says how to start it; `make mpi-example` builds it.
 */
#include <libae/libae.h>
#include <libae/mpi.h>

#include "common/command_line.h"
#include "common/files.h"
#include "common/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <threads.h>

enum { DIGITS = 60000, VALIDATION_ROWS = 50, MOST = 1 << 20 };
typedef struct asked {
    const char *data, *out, *checkpoint;
    size_t epochs, batch, block, rows, threads, seed, patience;
    float rate;
    bool resume;
} asked;

static asked parse(int argc, char **argv)
{
    asked a = {
        .out = "mnist-mpi", .epochs = 20, .batch = 800, .block = 100, .seed = 1, .rate = 0.008f};
    const program_option options[] = {
        {"data", "DIR", "of MNIST's files; else $AE_DATA_DIR, data/mnist or built-in digits",
         .text = &a.data},
        {"rows", "N", "images to train on; 0: all (0)", .number = &a.rows, .most = SIZE_MAX},
        {"epochs", "N", "from the beginning of the run (20)", .number = &a.epochs, .least = 1,
         .most = MOST},
        {"batch", "N", "images in a batch, of all processes together (800)", .number = &a.batch,
         .least = 2, .most = MOST},
        {"block", "N", "images in a block; each process has at least one (100)", .number = &a.block,
         .most = MOST},
        {"rate", "R", "learning rate of Adam (0.008)", .rate = &a.rate},
        {"seed", "N", "of the initial weights and of the shuffling (1)", .number = &a.seed,
         .most = SIZE_MAX},
        {"threads", "N", "of each process; 0: all processors it may use (0)", .number = &a.threads,
         .most = 1024},
        {"patience", "SECONDS", "that a silent process is waited for; 0: 300 (0)",
         .number = &a.patience, .most = MOST},
        {"out", "DIR", "folder for the results, made when missing (mnist-mpi)", .text = &a.out},
        {"checkpoint", "FILE", "(checkpoint.safetensors in --out)", .text = &a.checkpoint},
        {"resume", NULL, "go on from the checkpoint, which any number of processes wrote",
         .on = &a.resume}};
    options_parse(
        &(program){.about = "Train on MNIST in several processes of MPI; Ctrl-C saves it.",
                   .options = options,
                   .option_count = sizeof options / sizeof *options},
        argc, argv, NULL);
    return a;
}

static ae_transport transport;
static bool together; /* what fails from now on fails in all processes */

/* A process that fails alone ends the others too: they would wait for it. */
static void must(ae_status status)
{
    const bool alone = !together || status == AE_ERROR_COMMUNICATION;
    if (status == AE_OK)
        return;
    if (alone || transport.rank == 0)
        note("rank %zu: %s", transport.rank, error_text(status));
    if (status == AE_ERROR_COMMUNICATION) /* the others say whom they miss, too */
        (void)thrd_sleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    (void)(alone ? MPI_Abort(MPI_COMM_WORLD, 1) : MPI_Finalize());
    exit(EXIT_FAILURE);
}

static void finish(ae_trainer *trainer, const ae_network *network, const asked *a,
                   const image_sets *images)
{
    ae_epoch_info last = {.size = sizeof last};
    ae_evaluation test = {.size = sizeof test};
    must(ae_network_save(network, path_join(a->out, "model.safetensors").text));
    must(ae_trainer_get_epoch(trainer, ae_trainer_history_count(trainer) - 1, &last));
    must(ae_network_evaluate(network, images->test, &test, NULL));
    printf("result epochs=%ju train=%.3f validation=%.3f test=%.3f ranks=%zu data=%s\n",
           (uintmax_t)last.epoch, last.train_cost, last.validation_cost, test.l2,
           transport.rank_count, images->word);
}

/* All processes do this together. Processors that are not alike take the kernels that all have. */
static ae_status train(const asked *a, const image_sets *images)
{
    const bool first = transport.rank == 0;
    const file_name usual = path_join(a->out, "checkpoint.safetensors");
    const char *checkpoint = a->checkpoint != NULL ? a->checkpoint : usual.text;
    char kernels[32];
    progress bar = {.epochs = a->epochs};
    ae_dataset *validation = NULL, *rest = NULL, *training = NULL;
    ae_network *network = NULL;
    ae_optimizer *adam = NULL;
    ae_trainer *trainer = NULL;
    must(ae_dataset_split(&validation, &rest, images->train, VALIDATION_ROWS));
    const size_t rows = ae_dataset_row_count(rest);
    must(ae_dataset_view(&training, rest, 0, a->rows > 0 && a->rows < rows ? a->rows : rows));
    must(ae_transport_agree_kernels(&transport, (double)a->patience, kernels, sizeof kernels));
    must(ae_network_create(&network, AE_NETWORK_OPTIONS(.seed = a->seed, .kernels = kernels)));
    must(ae_optimizer_create_adam(&adam, AE_ADAM_OPTIONS(.learning_rate = a->rate)));
    together = true;
    must(ae_trainer_create(
        &trainer, network, adam, training,
        AE_TRAINER_OPTIONS(.batch = a->batch, .batch_block = a->block, .epochs = a->epochs,
                           .seed = a->seed, .threads = a->threads,
                           .shuffle = AE_SHUFFLE_AFTER_FIRST, .drop_last = AE_TOGGLE_ON,
                           .validation = validation, .checkpoint_path = checkpoint,
                           .transport = &transport, .patience_seconds = (double)a->patience,
                           .on_step = first ? progress_step : NULL,
                           .on_epoch = first ? progress_epoch : NULL, .user = &bar)));
    if (a->resume)
        must(ae_trainer_resume(trainer, checkpoint));
    interrupt_cancels(trainer);
    progress_begin(&bar);
    const ae_status status = ae_trainer_run(trainer);
    progress_end(&bar);
    must(status == AE_ERROR_CANCELLED ? AE_OK : status);
    if (first && status == AE_OK)
        finish(trainer, network, a, images);
    else if (first)
        note("stopped after step %ju; --resume goes on from %s",
             (uintmax_t)ae_trainer_step_count(trainer), checkpoint);
    interrupt_ends();
    ae_trainer_free(trainer), ae_optimizer_free(adam), ae_network_free(network);
    ae_dataset_free(training), ae_dataset_free(rest), ae_dataset_free(validation);
    return status;
}

int main(int argc, char **argv)
{
    const asked a = parse(argc, argv);
    ae_mpi mpi;
    (void)MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &(int){0});
    if (ae_mpi_open(&mpi, &transport, MPI_COMM_WORLD) != AE_OK)
        fail("%s", mpi.error);
    const image_sets images = images_load(a.data, DIGITS, false);
    if (transport.rank == 0)
        folder_prepare(a.out);
    const ae_status status = train(&a, &images);
    ae_dataset_free(images.test), ae_dataset_free(images.train);
    ae_mpi_close(&mpi);
    (void)MPI_Finalize();
    return status == AE_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
