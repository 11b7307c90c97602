/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FANN: THREADS DATA GROUP. It has neither batch normalisation, nor this cost, nor Adam, nor
 * threads: what is timed is a pass over one batch with its RPROP (squared error, one update), on
 * one thread. Less work than the others do.
 */
#include <fann.h>

#include "worker.h"

typedef struct training {
    struct fann *net;
    struct fann_train_data *batches[16];
    size_t at, count;
} training;

typedef struct inference {
    struct fann *net;
    float *rows;
    float out[PEER_BATCH * 784];
    size_t batch;
} inference;

static double step(void *context)
{
    training *work = context;
    const float error = fann_train_epoch(work->net, work->batches[work->at]);
    work->at = (work->at + 1) % work->count;
    return error;
}

static double infer(void *context)
{
    inference *work = context;
    for (size_t r = 0; r < work->batch; r++)
        memcpy(work->out + r * 784, fann_run(work->net, work->rows + r * 784), 784 * sizeof(float));
    return 0;
}

static struct fann_train_data *batch_of(const float *rows, size_t batch, size_t features)
{
    struct fann_train_data *data = fann_create_train((unsigned)batch, (unsigned)features,
                                                     (unsigned)features);
    if (data == NULL)
        peer_stop("out of memory");
    for (size_t r = 0; r < batch; r++) {
        memcpy(data->input[r], rows + r * features, features * sizeof(float));
        memcpy(data->output[r], rows + r * features, features * sizeof(float));
    }
    return data;
}

int main(int count, char **arguments)
{
    if (count < 4)
        peer_stop("usage: fann THREADS DATA GROUP");
    const int large = strcmp(arguments[3], "large") == 0;
    size_t rows, features;
    float *data = peer_rows(arguments[2], arguments[3], &rows, &features);
    const size_t batch = large ? PEER_BATCH : PEER_SMALL_BATCH, layers = large ? 9 : 7;
    unsigned widths[9];
    for (size_t l = 0; l < layers; l++)
        widths[l] = (unsigned)(large ? peer_large : peer_small)[l];
    struct fann *net = fann_create_standard_array((unsigned)layers, widths);
    if (net == NULL)
        peer_stop("out of memory");
    fann_set_activation_function_hidden(net, FANN_SIGMOID);
    fann_set_activation_function_output(net, FANN_SIGMOID);
    fann_set_training_algorithm(net, FANN_TRAIN_RPROP);
    fann_randomize_weights(net, -0.05f, 0.05f);
    static training work;
    work.net = net;
    work.count = rows / batch;
    for (size_t b = 0; b < work.count; b++)
        work.batches[b] = batch_of(data + b * batch * features, batch, features);
    printf("about FANN 2.2 on one thread\n");
    if (large) {
        static inference one, many;
        peer_train("train.step.batch100.fann", step, &work, work.count * 2, work.count);
        one = (inference){.net = net, .rows = data, .batch = 1};
        many = (inference){.net = net, .rows = data, .batch = PEER_BATCH};
        peer_infer("infer.batch1.fann", infer, &one, one.out, features);
        peer_infer("infer.batch100.fann", infer, &many, many.out, PEER_BATCH * features);
    } else
        peer_train("train.step.small.batch32.fann", step, &work, 20 * work.count, work.count);
    return peer_serve();
}
