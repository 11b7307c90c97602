/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_RANK_RUN_H
#define TESTS_RANK_RUN_H

/* A small run that several ranks share, each a thread with a network, data and an optimizer of its
 * own. */

#include "fixtures.h"
#include "rank_threads.h"
#include "train/trainer_internal.h"

/* 3 steps an epoch: 8 blocks, 8 blocks, and 13 rows, which are 4 blocks or 5. */
enum { FEATURES = 37, ROWS = 61, BATCH = 24, BLOCK = 3, EPOCH_STEPS = 3, VALIDATION_ROWS = 29 };

typedef struct rank_run {
    ae_dataset *training, *validation;
    ae_network *network;
    ae_optimizer *optimizer;
    ae_trainer *trainer;
} rank_run;

/* How a run differs from the usual one; what is 0 does not. */
typedef struct rank_plan {
    const char *name;
    ae_trainer_options options;
    ae_toggle batch_norm;
    bool validated, weighted, momentum;
} rank_plan;

static inline rank_run rank_run_prepare(const rank_plan *plan)
{
    const size_t widths[] = {FEATURES, 70, 5, 70, FEATURES};
    rank_run r = {.training = fixture_dataset(ROWS, FEATURES, 1),
                  .validation = fixture_dataset(VALIDATION_ROWS, FEATURES, 2),
                  .network = fixture_network_with(
                      AE_NETWORK_OPTIONS(.widths = widths, .width_count = COUNT(widths),
                                         .batch_norm = plan->batch_norm, .seed = 7))};
    if (plan->momentum)
        ck_assert_ok(ae_optimizer_create_sgd(
            &r.optimizer, AE_SGD_OPTIONS(.learning_rate = 0.05f, .momentum = 0.9f)));
    else
        r.optimizer = fixture_adam(0.01f);
    return r;
}

static inline ae_status rank_run_create(rank_run *r, const rank_plan *plan,
                                        const ae_transport *transport)
{
    float weights[ROWS];
    ae_trainer_options o = plan->options;
    o.size = sizeof o;
    o.batch = o.batch == 0 ? BATCH : o.batch;
    o.batch_block = o.batch_block == 0 ? BLOCK : o.batch_block;
    o.epochs = o.epochs == 0 ? 3 : o.epochs;
    o.seed = o.seed == 0 ? 11 : o.seed;
    o.threads = o.threads == 0 ? 1 : o.threads;
    o.patience_seconds = o.patience_seconds > 0 ? o.patience_seconds : 30;
    o.transport = transport;
    if (plan->validated)
        o.validation = r->validation;
    for (size_t i = 0; i < ROWS; i++)
        weights[i] = (float)(i % 4);
    if (plan->weighted) {
        o.row_weights = weights;
        o.row_weight_count = ROWS;
    }
    return ae_trainer_create(&r->trainer, r->network, r->optimizer, r->training, &o);
}

static inline rank_run rank_run_start(const rank_plan *plan, const ae_transport *transport)
{
    rank_run r = rank_run_prepare(plan);
    ck_assert_ok(rank_run_create(&r, plan, transport));
    return r;
}

static inline void rank_run_finish(rank_run *r)
{
    ae_trainer_free(r->trainer);
    ae_optimizer_free(r->optimizer);
    ae_network_free(r->network);
    ae_dataset_free(r->training);
    ae_dataset_free(r->validation);
}

/* Bytes of a file in memory. */
typedef struct rank_file {
    unsigned char *data;
    size_t size;
} rank_file;

/* Times are all that differs from run to run. */
static inline void rank_run_forget_times(ae_trainer *trainer)
{
    trainer->progress.seconds = 0;
    for (size_t i = 0; i < trainer->history_count; i++)
        trainer->history[i].seconds = 0;
}

static inline rank_file rank_run_checkpoint(ae_trainer *trainer)
{
    rank_file f = {0};
    rank_run_forget_times(trainer);
    ck_assert_ok(ae_trainer_save_checkpoint_memory(trainer, NULL, 0, &f.size));
    f.data = fixture_allocate(f.size, 1);
    ck_assert_ok(ae_trainer_save_checkpoint_memory(trainer, f.data, f.size, NULL));
    return f;
}

static inline rank_file rank_run_model(const ae_network *network)
{
    rank_file f = {0};
    ck_assert_ok(ae_network_save_memory(network, NULL, 0, &f.size));
    f.data = fixture_allocate(f.size, 1);
    ck_assert_ok(ae_network_save_memory(network, f.data, f.size, NULL));
    return f;
}

static inline bool rank_file_same(const rank_file *a, const rank_file *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static inline void rank_file_free(rank_file *f)
{
    free(f->data);
    f->data = NULL;
}

#endif
