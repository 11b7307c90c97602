/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_TRAINED_H
#define TESTS_TRAINED_H

/* A run to its end, whole or taken up in another trainer, for the suites of what a run may have. */

#include "fixtures.h"

typedef ae_trainer *(*trained_start)(ae_network *network, ae_optimizer *optimizer,
                                     const ae_dataset *dataset, const ae_trainer_options *options);

/* How a suite makes the pieces of its runs. */
typedef struct trained_recipe {
    ae_network *(*network)(void);
    trained_start start; /* NULL: fixture_trainer */
} trained_recipe;

typedef struct trained {
    ae_network *network;
    ae_optimizer *adam;
    ae_trainer *trainer;
} trained;

static inline trained trained_begin(const trained_recipe *recipe, const ae_dataset *dataset,
                                    const ae_trainer_options *options)
{
    const trained_start start = recipe->start == NULL ? fixture_trainer : recipe->start;
    trained t = {.network = recipe->network(), .adam = fixture_adam(0.01f)};
    t.trainer = start(t.network, t.adam, dataset, options);
    return t;
}

/* The network alone stays, which the caller frees. */
static inline ae_network *trained_network(trained t)
{
    ae_trainer_free(t.trainer), ae_optimizer_free(t.adam);
    return t.network;
}

/* A run to its end; saved after `stop` steps, and taken up by pieces that are all new, unless that
 * is 0. The checkpoint stays in support_path("checkpoint"). */
static inline trained trained_run(const trained_recipe *recipe, const ae_dataset *dataset,
                                  const ae_trainer_options *options, uint64_t stop)
{
    trained t = trained_begin(recipe, dataset, options);
    for (uint64_t i = 0; i < stop; i++)
        ck_assert_ok(ae_trainer_run_step(t.trainer, NULL));
    if (stop > 0) {
        ck_assert_ok(ae_trainer_save_checkpoint(t.trainer, support_path("checkpoint")));
        ae_network_free(trained_network(t));
        t = trained_begin(recipe, dataset, options);
        ck_assert_ok(ae_trainer_resume(t.trainer, support_path("checkpoint")));
    }
    ck_assert_ok(ae_trainer_run(t.trainer));
    return t;
}

/* Each number of threads from 2 to `most` gives the same bits as one thread, two of them in one go,
 * more of them stopped after as many steps. Returns the network, which the caller frees. */
static inline ae_network *trained_alike(const trained_recipe *recipe, const ae_dataset *dataset,
                                        ae_trainer_options options, size_t most)
{
    options.threads = 1;
    ae_network *whole = trained_network(trained_run(recipe, dataset, &options, 0));
    for (size_t threads = 2; threads <= most; threads++) {
        options.threads = threads;
        ae_network *other = trained_network(
            trained_run(recipe, dataset, &options, threads == 2 ? 0 : threads));
        ck_assert(fixture_same_state(whole, other));
        ae_network_free(other);
    }
    return whole;
}

#endif
