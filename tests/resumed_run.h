/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_RESUMED_RUN_H
#define TESTS_RESUMED_RUN_H

/* Runs that are saved and taken up again, and their comparison. */

#include "fixtures.h"

#include "train/trainer_internal.h"

enum { FEATURES = 21, ROWS = 61, BATCH = 16 }; /* 4 steps an epoch, the last of 13 rows */

/* A run with all that it needs. */
typedef struct run {
    ae_dataset *train_set, *validation;
    ae_network *network;
    ae_optimizer *optimizer;
    ae_trainer *trainer;
} run;

/* How runs differ from the usual one. */
typedef struct variant {
    const char *name;
    enum { ADAM, ADAMW, SGD, MOMENTUM, NONE } rule; /* NONE: no optimizer, parameters stay */
    ae_toggle restore_best, batch_norm;
    ae_shuffle shuffle;
    float clip_norm;
    bool validated, cosine, mixed; /* mixed: see mixed_norms */
} variant;

static const size_t widths[] = {FEATURES, 35, 3, 35, FEATURES};
static const ae_toggle mixed_norms[] = {AE_TOGGLE_ON, AE_TOGGLE_OFF, AE_TOGGLE_DEFAULT,
                                        AE_TOGGLE_OFF};

static inline ae_optimizer *make_optimizer(const variant *v)
{
    ae_optimizer *optimizer = NULL;
    if (v->rule == NONE)
        return NULL;
    if (v->rule == ADAM)
        ck_assert_ok(ae_optimizer_create_adam(&optimizer, AE_ADAM_OPTIONS(.learning_rate = 0.01f)));
    else if (v->rule == ADAMW)
        ck_assert_ok(ae_optimizer_create_adamw(&optimizer, AE_ADAM_OPTIONS(.weight_decay = 0.01f)));
    else
        ck_assert_ok(ae_optimizer_create_sgd(
            &optimizer,
            AE_SGD_OPTIONS(.learning_rate = 0.05f, .momentum = v->rule == MOMENTUM ? 0.9f : 0)));
    if (v->cosine)
        ck_assert_ok(ae_optimizer_set_schedule(
            optimizer,
            AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_COSINE, .warmup_steps = 7, .period = 60)));
    return optimizer;
}

static inline run start_with(const variant *v, const ae_trainer_options *changes)
{
    run r;
    ae_trainer_options options = *changes;
    r.train_set = fixture_dataset(ROWS, FEATURES, 1);
    r.validation = fixture_dataset(9, FEATURES, 2);
    r.network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = widths, .width_count = COUNT(widths),
                           .batch_norm = v->batch_norm, .seed = 7,
                           .batch_norms = v->mixed ? mixed_norms : NULL,
                           .batch_norm_count = v->mixed ? COUNT(mixed_norms) : 0));
    r.optimizer = make_optimizer(v);
    options.batch = options.batch == 0 ? BATCH : options.batch;
    options.epochs = options.epochs == 0 ? 13 : options.epochs;
    options.seed = options.seed == 0 ? UINT64_MAX : options.seed;
    options.threads = options.threads == 0 ? 1 : options.threads;
    options.restore_best = v->restore_best;
    options.clip_norm = v->clip_norm;
    options.shuffle = options.shuffle == AE_SHUFFLE_DEFAULT ? v->shuffle : options.shuffle;
    options.validation = v->validated ? r.validation : NULL;
    r.trainer = fixture_trainer(r.network, r.optimizer, r.train_set, &options);
    return r;
}

static inline run start(const variant *v)
{
    return start_with(v, AE_TRAINER_OPTIONS(.batch = 0));
}

static inline void finish(run *r)
{
    ae_trainer_free(r->trainer);
    ae_optimizer_free(r->optimizer);
    ae_network_free(r->network);
    ae_dataset_free(r->train_set);
    ae_dataset_free(r->validation);
}

static inline void steps(run *r, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_ok(ae_trainer_run_step(r->trainer, NULL));
}

static inline void same_bits(const char *what, const float *a, const float *b, size_t count)
{
    ck_assert_msg((a == NULL) == (b == NULL), "%s: one has none", what);
    ck_assert_msg(a == NULL || memcmp(a, b, count * sizeof *a) == 0, "%s differ", what);
}

/* Bits, not values. */
static inline bool same(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

/* Everything that training goes on from, but for the seconds that it took. */
static inline void same_runs(const run *a, const run *b)
{
    const ae_trainer *s = a->trainer, *t = b->trainer;
    ck_assert(fixture_same_state(a->network, b->network));
    ck_assert_uint_eq(a->network->batches_tracked, b->network->batches_tracked);
    ck_assert_uint_eq(s->optimizer->steps, t->optimizer->steps);
    same_bits("first moments", s->optimizer->first, t->optimizer->first,
              a->network->parameter_floats);
    same_bits("second moments", s->optimizer->second, t->optimizer->second,
              a->network->parameter_floats);
    if (s->progress.best_epoch != 0) {
        same_bits("best weights", s->best_parameters, t->best_parameters,
                  a->network->parameter_floats);
        same_bits("best statistics", s->best_running, t->best_running, a->network->running_floats);
    }
    aei_progress p = s->progress, q = t->progress;
    p.seconds = q.seconds = 0;
    ck_assert(same(&p, &q, sizeof p));
    ck_assert_uint_eq(s->history_count, t->history_count);
    for (size_t i = 0; i < s->history_count; i++) {
        const ae_epoch_info *e = &s->history[i], *f = &t->history[i];
        const double left[] = {e->train_cost, e->train_cost_min, e->train_cost_max,
                               e->learning_rate};
        const double right[] = {f->train_cost, f->train_cost_min, f->train_cost_max,
                                f->learning_rate};
        ck_assert(same(left, right, sizeof left));
        ck_assert(isnan(e->validation_cost)
                      ? isnan(f->validation_cost)
                      : same(&e->validation_cost, &f->validation_cost, sizeof(double)));
        ck_assert(e->epoch == f->epoch && e->step == f->step && e->rows == f->rows &&
                  e->best == f->best);
    }
}

static const variant variants[] = {
    {.name = "Adam"},
    {.name = "AdamW, the dataset's order", .rule = ADAMW, .shuffle = AE_SHUFFLE_NONE},
    {.name = "SGD without moments", .rule = SGD, .shuffle = AE_SHUFFLE_AFTER_FIRST},
    {.name = "momentum, clipped, no normalisation",
     .rule = MOMENTUM,
     .clip_norm = 0.5f,
     .batch_norm = AE_TOGGLE_OFF},
    {.name = "Adam, best weights, validation, cosine",
     .restore_best = AE_TOGGLE_ON,
     .validated = true,
     .cosine = true},
    {.name = "the caller's own optimizer", .rule = NONE, .validated = true},
    {.name = "normalisation in some layers", .mixed = true, .clip_norm = 0.5f},
};

/* Resume must fail so, and leave the run as it was: it is compared with a twin. */
static inline void refuse(run *r, run *twin, const char *path, ae_status wanted,
                          const char *message)
{
    ck_assert_status(ae_trainer_resume(r->trainer, path), wanted, message);
    same_runs(twin, r);
}

#endif
