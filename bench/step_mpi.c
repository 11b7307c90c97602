/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A training step of several ranks beside that of one process, as processes of MPI take it:
 * mpirun -n 2 step_mpi [ROUNDS [BATCH [BLOCK]]]. One figure a line, `name value unit`: medians
 * of epochs that take turns, divided by their steps. Nothing is called after a step, so that
 * weights may still be on their way while the next one begins. While one process trains alone
 * the others sleep. Bytes are those that the transport was given to send, of the rank that sends
 * most. Processor time is that of all ranks together. Both include what an epoch's end
 * exchanges. With BATCH only a shared step of so many rows is measured, in blocks of BLOCK
 * (100), beside one process with its share of them.
 */
#define _DEFAULT_SOURCE
#include <libae/libae.h>
#include <libae/mpi.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "common/measure.h"
#include "train/optimizer_internal.h"

enum { FEATURES = 784, MOST_ROUNDS = 200, RUNS = 8 };

static size_t rank, ranks;

static void stop(ae_status status)
{
    if (status == AE_OK)
        return;
    fprintf(stderr, "step_mpi: rank %zu: %s: %s\n", rank, ae_status_name(status), ae_last_error());
    MPI_Abort(MPI_COMM_WORLD, 1);
}

/* A transport that counts. */
typedef struct counter {
    ae_mpi mpi;
    ae_transport inner;
    uint64_t bytes;
} counter;

static int count_send(void *user, const ae_message *message, void **request)
{
    counter *c = user;
    c->bytes += message->bytes;
    return c->inner.send(c->inner.user, message, request);
}

static int count_receive(void *user, const ae_message *message, void **request)
{
    counter *c = user;
    return c->inner.receive(c->inner.user, message, request);
}

static int count_test(void *user, void **request, int *done)
{
    counter *c = user;
    return c->inner.test(c->inner.user, request, done);
}

static void count_abandon(void *user)
{
    counter *c = user;
    c->inner.abandon(c->inner.user);
}

static const char *count_host(void *user, size_t of)
{
    counter *c = user;
    return c->inner.host(c->inner.user, of);
}

static ae_transport count_open(counter *c)
{
    stop(ae_mpi_open(&c->mpi, &c->inner, MPI_COMM_WORLD));
    ae_transport t = c->inner;
    t.user = c;
    t.send = count_send, t.receive = count_receive, t.test = count_test;
    t.abandon = count_abandon, t.host = count_host;
    return t;
}

typedef struct run {
    const char *name;
    size_t batch, block, threads; /* batch of all ranks together */
    bool shared;
    counter counter;
    ae_dataset *rows;
    ae_network *network;
    ae_optimizer *adam;
    ae_trainer *trainer;
    double times[MOST_ROUNDS], processor[MOST_ROUNDS];
    double sent;
} run;

static double processor_time(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* An epoch is long enough to dilute its ends, and short enough to take turns. */
static void prepare(run *r)
{
    const size_t steps = r->batch > 400 ? 12 : 40, rows = steps * r->batch;
    if (!r->shared && rank > 0)
        return;
    uint8_t *values = malloc(rows * FEATURES);
    for (size_t i = 0; values != NULL && i < rows * FEATURES; i++)
        values[i] = (uint8_t)((i * 2654435761u) >> 24);
    ae_transport transport = {0};
    if (r->shared)
        transport = count_open(&r->counter);
    stop(ae_dataset_create_u8(&r->rows, values, rows, FEATURES, NULL));
    stop(ae_network_create(&r->network, NULL));
    stop(ae_optimizer_create_adam(&r->adam, NULL));
    stop(ae_trainer_create(&r->trainer, r->network, r->adam, r->rows,
                           AE_TRAINER_OPTIONS(.batch = r->batch, .batch_block = r->block,
                                              .threads = r->threads, .patience_seconds = 60,
                                              .transport = r->shared ? &transport : NULL)));
    free(values);
}

/* MPI_Barrier would keep the processor busy. */
static void meet(void)
{
    MPI_Request request;
    int done = 0;
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    while (!done) {
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    }
}

static void measure(run *r, size_t round)
{
    meet();
    if (!r->shared && rank > 0)
        return;
    const double begin = bench_now(), used = processor_time();
    const uint64_t bytes = r->counter.bytes;
    stop(ae_trainer_run_epoch(r->trainer, NULL));
    const double steps = (double)ae_trainer_steps_per_epoch(r->trainer);
    r->times[round] = (bench_now() - begin) / steps;
    r->processor[round] = (processor_time() - used) / steps;
    r->sent = (double)(r->counter.bytes - bytes) / steps;
}

static void report(run *r, size_t rounds)
{
    char text[96];
    double most = 0;
    double all[MOST_ROUNDS];
    MPI_Reduce(&r->sent, &most, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
    MPI_Reduce(r->processor, all, (int)rounds, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank > 0)
        return;
    snprintf(text, sizeof text, "%s.batch%zu.block%zu", r->name, r->batch, r->block);
    bench_print(text, bench_median(r->times, rounds) * 1e3, "ms");
    strcat(text, ".processor");
    bench_print(text, bench_median(all, rounds) * 1e3, "ms");
    text[strlen(text) - strlen(".processor")] = '\0';
    if (r->shared)
        printf("%s.sent %.0f B\n", text, most);
}

/* The median of a round's own ratios: what disturbs a round disturbs both. */
static void ratio(const char *name, const double *a, const double *b, size_t rounds)
{
    double ratios[MOST_ROUNDS];
    for (size_t i = 0; i < rounds; i++)
        ratios[i] = a[i] / b[i];
    if (rank == 0)
        bench_print(name, bench_median(ratios, rounds), "ratio");
}

static run runs[RUNS] = {
    {.name = "alone.threads1", .batch = 100, .threads = 1},
    {.name = "shared", .batch = 100, .block = 100, .threads = 1, .shared = true},
    {.name = "alone.threads1", .batch = 800, .block = 100, .threads = 1},
    {.name = "alone.threads2", .batch = 800, .block = 100, .threads = 2},
    {.name = "shared", .batch = 800, .block = 100, .threads = 1, .shared = true},
    {.name = "alone.threads1", .batch = 1000, .threads = 1},
    {.name = "shared", .batch = 1000, .block = 1000, .threads = 1, .shared = true},
    {.name = "alone.threads2", .batch = 200, .block = 100, .threads = 2},
};

int main(int count, char **arguments)
{
    int level, number, size;
    MPI_Init_thread(&count, &arguments, MPI_THREAD_FUNNELED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &number);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    rank = (size_t)number, ranks = (size_t)size;
    const int asked = count > 1 ? atoi(arguments[1]) : 15;
    const size_t rounds = asked > 0 && asked <= MOST_ROUNDS ? (size_t)asked : 15;
    runs[1].batch *= ranks, runs[6].batch *= ranks;
    size_t last = RUNS;
    if (count > 2 && atoi(arguments[2]) > 0) {
        last = 2;
        runs[1].batch = (size_t)atoi(arguments[2]);
        if (count > 3 && atoi(arguments[3]) > 0)
            runs[1].block = (size_t)atoi(arguments[3]);
        runs[0].batch = runs[1].batch / ranks, runs[0].block = runs[1].block;
    }
    for (size_t i = 0; i < last; i++)
        prepare(&runs[i]);
    for (size_t round = 0; round < rounds + 1; round++) /* the first warms up */
        for (size_t i = 0; i < last; i++)
            measure(&runs[i], round == 0 ? 0 : round - 1);
    meet();
    ratio("weak", runs[0].times, runs[1].times, rounds);
    if (count < 3) {
        ratio("weak.rows1000", runs[5].times, runs[6].times, rounds);
        ratio("strong.batch800", runs[2].times, runs[4].times, rounds);
        ratio("shared_over_threads.batch800", runs[4].times, runs[3].times, rounds);
        if (rank == 0)
            printf("optimizer.memory %zu B\n", runs[4].adam->arena.size);
    }
    for (size_t i = 0; i < last; i++)
        report(&runs[i], rounds);
    for (size_t i = 0; i < last; i++) {
        ae_trainer_free(runs[i].trainer), ae_optimizer_free(runs[i].adam);
        ae_network_free(runs[i].network), ae_dataset_free(runs[i].rows);
        if (runs[i].shared)
            ae_mpi_close(&runs[i].counter.mpi);
    }
    MPI_Finalize();
    return 0;
}
