/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libae's side of the comparison, by its public interface alone, as worker.h describes; `libae data
 * FOLDER` writes the rows that everybody trains on.
 */
#include <libae/experimental.h>
#include <libae/libae.h>
#include <stdint.h>

#include "worker.h"

typedef struct inference {
    ae_session *session;
    const float *rows;
    float *out;
    size_t batch;
} inference;

static void check(ae_status status)
{
    if (status != AE_OK)
        peer_stop(ae_last_error());
}

static void write_rows(const char *folder, const char *group, const float *values, size_t count)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.f32", folder, group);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(values, sizeof *values, count, file) != count || fclose(file) != 0)
        peer_stop("cannot write the data");
}

/* Built-in digits, and curves with two hidden factors. */
static int write_data(const char *folder)
{
    static float digits[PEER_ROWS * 784], curves[PEER_SMALL_ROWS * 30];
    ae_dataset *drawn = NULL;
    check(ae_dataset_create_digits(&drawn, PEER_ROWS, 1));
    check(ae_dataset_read(drawn, 0, PEER_ROWS, digits));
    ae_dataset_free(drawn);
    for (size_t row = 0; row < PEER_SMALL_ROWS; row++)
        for (size_t i = 0; i < 30; i++)
            curves[row * 30 + i] = (float)(0.5 + 0.4 * sin(0.2 * (double)i + 0.37 * (double)row) *
                                                     cos(0.05 * (double)row));
    write_rows(folder, "large", digits, PEER_ROWS * 784);
    write_rows(folder, "small", curves, PEER_SMALL_ROWS * 30);
    return 0;
}

static double step(void *trainer)
{
    double cost;
    check(ae_trainer_run_step(trainer, &cost));
    return cost;
}

static double reconstruct(void *context)
{
    const inference *work = context;
    check(ae_session_reconstruct(work->session, work->rows, work->batch, work->out));
    return 0;
}

/* The trainer lives as long as the process. */
static void add_training(const char *name, const float *rows, size_t count, size_t features,
                         const size_t *widths, size_t width_count, size_t threads, size_t batch,
                         ae_precision precision)
{
    ae_dataset *data = NULL;
    ae_network *network = NULL;
    ae_optimizer *adam = NULL;
    ae_trainer *run = NULL;
    check(ae_dataset_create_f32(&data, rows, count, features, NULL));
    check(ae_network_create(
        &network, AE_NETWORK_OPTIONS(.widths = widths, .width_count = width_count, .seed = 1)));
    check(ae_optimizer_create_adam(&adam, NULL));
    const ae_status status = ae_trainer_create(
        &run, network, adam, data,
        AE_TRAINER_OPTIONS(.batch = batch, .threads = threads, .precision = precision, .seed = 1));
    if (status == AE_ERROR_UNSUPPORTED)
        peer_skip(name, ae_last_error());
    else {
        check(status);
        peer_train(name, step, run, 10 * (count / batch), count / batch);
    }
}

static void add_inference(const char *name, const float *rows, size_t threads, size_t batch,
                          ae_precision precision)
{
    ae_network *network = NULL;
    inference *work = malloc(sizeof *work);
    float *out = malloc(batch * 784 * sizeof *out);
    if (work == NULL || out == NULL)
        peer_stop("out of memory");
    *work = (inference){.rows = rows, .out = out, .batch = batch};
    check(ae_network_create(&network, AE_NETWORK_OPTIONS(.seed = 1)));
    check(ae_session_create(&work->session, network,
                            AE_SESSION_OPTIONS(.max_batch = batch < 128 ? batch : 128,
                                               .threads = threads, .precision = precision)));
    peer_infer(name, reconstruct, work, out, batch * 784);
}

int main(int count, char **arguments)
{
    if (count == 3 && strcmp(arguments[1], "data") == 0)
        return write_data(arguments[2]);
    if (count < 4)
        peer_stop("usage: libae THREADS DATA GROUP");
    const size_t threads = (size_t)strtoul(arguments[1], NULL, 10);
    size_t rows, features;
    const float *values = peer_rows(arguments[2], arguments[3], &rows, &features);
    ae_cpu_info cpu = {.size = sizeof cpu};
    check(ae_cpu_get_info(&cpu));
    printf("about libae %s, kernels %s\n", ae_version_string(), cpu.kernels);
    if (strcmp(arguments[3], "small") == 0)
        add_training("train.step.small.batch32.libae", values, rows, features, peer_small, 7,
                     threads, PEER_SMALL_BATCH, AE_PRECISION_F32);
    else {
        add_training("train.step.batch100.libae", values, rows, features, peer_large, 9, threads,
                     PEER_BATCH, AE_PRECISION_F32);
        add_training("train.step.bf16.batch100.libae", values, rows, features, peer_large, 9,
                     threads, PEER_BATCH, AE_PRECISION_BF16);
        add_inference("infer.batch1.libae", values, threads, 1, AE_PRECISION_F32);
        add_inference("infer.batch100.libae", values, threads, PEER_BATCH, AE_PRECISION_F32);
        add_inference("infer.bf16.batch1.libae", values, threads, 1, AE_PRECISION_BF16);
        add_inference("infer.bf16.batch100.libae", values, threads, PEER_BATCH, AE_PRECISION_BF16);
    }
    return peer_serve();
}
