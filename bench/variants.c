/* SPDX-License-Identifier: BSD-3-Clause */
/* What an option costs: steps of the default network with and without it, by turns, in processor
 * time of one thread, which a loaded machine disturbs least. */
#include "common/measure.h"

#include <libae/experimental.h>
#include <libae/libae.h>

enum { ROWS = 4000, MOST = 2000 };

typedef struct variant {
    const char *name;
    size_t batch, block;
    float clip_norm;
    size_t bf16_parts;
    size_t steps; /* of a turn */
    ae_trainer *trainer;
    double ms[MOST];
    size_t count;
} variant;

static variant variants[] = {
    {.name = "batch100", .batch = 100, .steps = 8},
    {.name = "batch100.clip_norm", .batch = 100, .clip_norm = 0.01f, .steps = 8},
    {.name = "batch800", .batch = 800, .steps = 2},
    {.name = "batch800.batch_block100", .batch = 800, .block = 100, .steps = 2},
    {.name = "batch800.batch_block100.bf16_parts8",
     .batch = 800,
     .block = 100,
     .bf16_parts = 8,
     .steps = 2},
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

static void stop(ae_status status)
{
    if (status == AE_OK)
        return;
    fprintf(stderr, "variants: %s\n", ae_last_error());
    exit(1);
}

static double processor_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static void start(variant *v, const ae_dataset *dataset)
{
    ae_network *network;
    ae_optimizer *optimizer;
    stop(ae_network_create(&network, NULL));
    stop(ae_optimizer_create_adam(&optimizer, NULL));
    stop(ae_trainer_create(&v->trainer, network, optimizer, dataset,
                           AE_TRAINER_OPTIONS(.batch = v->batch, .batch_block = v->block,
                                              .clip_norm = v->clip_norm,
                                              .bf16_parts = v->bf16_parts, .threads = 1)));
}

/* The first turn is not counted. */
static void take_turn(variant *v, size_t turn)
{
    for (size_t s = 0; s < v->steps; s++) {
        const double begin = processor_ms();
        stop(ae_trainer_run_step(v->trainer, NULL));
        if (turn > 0 && v->count < MOST)
            v->ms[v->count++] = processor_ms() - begin;
    }
}

int main(int argc, char **argv)
{
    const size_t turns = argc > 1 ? strtoul(argv[1], NULL, 10) : 40;
    ae_dataset *digits;
    stop(ae_dataset_create_digits(&digits, ROWS, 1));
    for (size_t i = 0; i < VARIANTS; i++)
        start(&variants[i], digits);
    for (size_t turn = 0; turn <= turns; turn++)
        for (size_t i = 0; i < VARIANTS; i++)
            take_turn(&variants[i], turn);
    double plain = 1;
    for (size_t i = 0; i < VARIANTS; i++) {
        variant *v = &variants[i];
        char name[80];
        const double ms = bench_median(v->ms, v->count);
        plain = v->block == 0 && v->clip_norm == 0 ? ms : plain;
        (void)snprintf(name, sizeof name, "train.step.%s", v->name);
        bench_print(name, ms, "ms");
        (void)snprintf(name, sizeof name, "train.ratio.%s", v->name);
        bench_print(name, ms / plain, "of the step without");
    }
    return 0; /* the process ends here, and so do its trainers */
}
