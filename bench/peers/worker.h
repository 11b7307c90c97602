/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each compiled rival shares: it sets its cases up, shows that they do the work (a cost that
 * falls, an output that is finite), says "ready", and then runs the slices that run.py asks for,
 * one at a time:
 *
 *     WORKER THREADS DATA GROUP        GROUP: large (the report's network) or small
 *     about TEXT                       versions, kernels
 *     trained CASE FIRST LAST STEPS    mean costs of the first and the last steps
 *     computed CASE LEAST GREATEST     of the output's values
 *     skip CASE REASON
 *     ready
 *     run CASE SECONDS -> time CASE SECONDS_A_CALL CALLS
 */
#ifndef PEERS_WORKER_H
#define PEERS_WORKER_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/measure.h"

enum {
    PEER_CASES = 16,
    PEER_BATCH = 100,
    PEER_ROWS = 800,
    PEER_SMALL_BATCH = 32,
    PEER_SMALL_ROWS = 256
};

static const size_t peer_large[] = {784, 1000, 500, 250, 4, 250, 500, 1000, 784};
static const size_t peer_small[] = {30, 16, 8, 4, 8, 16, 30};

/* One call of the work: a training step returns its cost, inference nothing of interest. */
typedef double (*peer_call)(void *context);

static struct peer_case {
    char name[96];
    peer_call call;
    void *context;
} peer_cases[PEER_CASES];
static size_t peer_case_count;

static inline void peer_stop(const char *what)
{
    printf("skip all %s\n", what);
    exit(1);
}

static inline void peer_skip(const char *name, const char *reason)
{
    printf("skip %s %s\n", name, reason);
    fflush(stdout);
}

/* The rows that libae.c has written for everybody: PEER_ROWS x 784 or PEER_SMALL_ROWS x 30. */
static inline float *peer_rows(const char *folder, const char *group, size_t *rows,
                               size_t *features)
{
    const int large = strcmp(group, "large") == 0;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.f32", folder, group);
    *rows = large ? PEER_ROWS : PEER_SMALL_ROWS;
    *features = large ? peer_large[0] : peer_small[0];
    float *values = (float *)malloc(*rows * *features * sizeof *values);
    FILE *file = fopen(path, "rb");
    if (values == NULL || file == NULL ||
        fread(values, sizeof *values, *rows * *features, file) != *rows * *features)
        peer_stop("no data");
    fclose(file);
    return values;
}

/* Pseudo-random normal numbers, mean 0: the same on each machine. */
static inline void peer_normal(float *values, size_t count, double deviation, unsigned seed)
{
    unsigned long long state = seed * 2654435761u + 1;
    for (size_t i = 0; i < count; i++) {
        double sum = -6; /* twelve uniform numbers */
        for (int k = 0; k < 12; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            sum += (double)(state >> 40) / 16777216.0;
        }
        values[i] = (float)(sum * deviation);
    }
}

static inline void peer_add(const char *name, peer_call call, void *context)
{
    if (peer_case_count == PEER_CASES)
        peer_stop("too many cases");
    struct peer_case *one = &peer_cases[peer_case_count++];
    snprintf(one->name, sizeof one->name, "%s", name);
    one->call = call;
    one->context = context;
}

/* A case of training: take `steps` steps, a multiple of `epoch`, and tell the first and the last
 * epoch's mean cost. */
static inline void peer_train(const char *name, peer_call call, void *context, size_t steps,
                              size_t epoch)
{
    double first = 0, last = 0;
    for (size_t s = 0; s < steps; s++) {
        const double cost = call(context);
        first += s < epoch ? cost : 0;
        last += s >= steps - epoch ? cost : 0;
    }
    printf("trained %s %.6g %.6g %zu\n", name, first / (double)epoch, last / (double)epoch, steps);
    fflush(stdout);
    peer_add(name, call, context);
}

/* Not NaN nor infinite, by its bits: rivals are compiled with -ffast-math, which takes isfinite for
 * granted. */
static inline int peer_finite(float value)
{
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7f800000u) != 0x7f800000u;
}

/* A case of inference, with the output that a call fills. */
static inline void peer_infer(const char *name, peer_call call, void *context, const float *output,
                              size_t count)
{
    call(context);
    float least = output[0], greatest = output[0];
    for (size_t i = 0; i < count; i++) {
        if (!peer_finite(output[i])) {
            peer_skip(name, "its output is not finite");
            return;
        }
        least = output[i] < least ? output[i] : least;
        greatest = output[i] > greatest ? output[i] : greatest;
    }
    printf("computed %s %.6g %.6g\n", name, (double)least, (double)greatest);
    fflush(stdout);
    peer_add(name, call, context);
}

/* Calls for a fifth of the time to fill the caches, then the slice: seconds a call. */
static inline void peer_slice(const struct peer_case *one, double seconds)
{
    const double warm = bench_now();
    do
        one->call(one->context);
    while (bench_now() - warm < seconds / 5);
    size_t calls = 0;
    const double start = bench_now();
    double taken;
    do {
        one->call(one->context);
        calls++;
        taken = bench_now() - start;
    } while (taken < seconds);
    printf("time %s %.9g %zu\n", one->name, taken / (double)calls, calls);
    fflush(stdout);
}

static inline int peer_serve(void)
{
    char line[256], name[96];
    double seconds;
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL)
        if (sscanf(line, "run %95s %lf", name, &seconds) == 2)
            for (size_t i = 0; i < peer_case_count; i++)
                if (strcmp(peer_cases[i].name, name) == 0)
                    peer_slice(&peer_cases[i], seconds);
    return 0;
}

#endif
