/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_SMALL_RUN_H
#define TESTS_SMALL_RUN_H

#include "fixtures.h"

/* The pieces of a small run: 10 rows of 6 features in batches of 4, so 3 steps an epoch, the last
 * of 2 rows. */
enum { ROWS = 10, FEATURES = 6, BATCH = 4, EPOCH_STEPS = 3 };

typedef struct run {
    ae_dataset *training, *validation;
    ae_network *network;
    ae_optimizer *optimizer;
    ae_trainer *trainer;
} run;

static inline run prepare(ae_optimizer *optimizer)
{
    return (run){.training = fixture_dataset(ROWS, FEATURES, 1),
                 .validation = fixture_dataset(5, FEATURES, 2),
                 .network = FIXTURE_NETWORK(FEATURES, 8, 3, 8, FEATURES),
                 .optimizer = optimizer};
}

static inline void start(run *r, ae_trainer_options options)
{
    options.size = sizeof options;
    options.batch = options.batch == 0 ? BATCH : options.batch;
    options.threads = 2;
    r->trainer = fixture_trainer(r->network, r->optimizer, r->training, &options);
}

static inline void finish(run *r)
{
    ae_trainer_free(r->trainer);
    ae_optimizer_free(r->optimizer);
    ae_network_free(r->network);
    ae_dataset_free(r->training);
    ae_dataset_free(r->validation);
}

static inline ae_epoch_info history(const run *r, size_t index)
{
    ae_epoch_info info = {.size = sizeof info};
    ck_assert_ok(ae_trainer_get_epoch(r->trainer, index, &info));
    return info;
}

/* What the callbacks saw. */
typedef struct record {
    ae_step_info steps[64];
    ae_epoch_info epochs[16];
    size_t step_count, epoch_count;
    size_t stop_step, stop_epoch; /* stop at the callback with this number; 0: never */
    ae_trainer **trainer;
    size_t cancel_step;
} record;

static inline int on_step(void *user, const ae_step_info *info)
{
    record *kept = user;
    ck_assert_uint_lt(kept->step_count, COUNT(kept->steps));
    kept->steps[kept->step_count++] = *info;
    if (kept->step_count == kept->cancel_step)
        ae_trainer_cancel(*kept->trainer);
    return kept->step_count == kept->stop_step;
}

static inline int on_epoch(void *user, const ae_epoch_info *info)
{
    record *kept = user;
    ck_assert_uint_lt(kept->epoch_count, COUNT(kept->epochs));
    kept->epochs[kept->epoch_count++] = *info;
    return kept->epoch_count == kept->stop_epoch;
}

static inline double least_validation_cost(const run *r)
{
    double least = INFINITY;
    for (size_t e = 0; e < ae_trainer_history_count(r->trainer); e++)
        least = fmin(least, history(r, e).validation_cost);
    return least;
}

static inline double validation_cost(const run *r)
{
    ae_evaluation result = {.size = sizeof result};
    ck_assert_ok(ae_network_evaluate(r->network, r->validation, &result, NULL));
    return result.l2;
}

#endif
