/* SPDX-License-Identifier: BSD-3-Clause */
/* A run that diverges is put back to the beginning of the epoch. */
#include "small_run.h"
#include "suites.h"

#include "train/optimizer_internal.h"

/* Parameters, statistics and moments of a run, to see that nothing has changed. */
typedef struct snapshot {
    float *state, *first, *second;
    size_t count, floats;
    uint64_t steps, epochs, optimizer_steps;
} snapshot;

static float *copy(const float *values, size_t count)
{
    float *kept = fixture_allocate(count, sizeof *kept);
    if (values != NULL)
        memcpy(kept, values, count * sizeof *kept);
    return kept;
}

static snapshot take(const run *r)
{
    snapshot s = {.floats = r->optimizer->state_floats,
                  .steps = ae_trainer_step_count(r->trainer),
                  .epochs = ae_trainer_epoch_count(r->trainer),
                  .optimizer_steps = ae_optimizer_step_count(r->optimizer)};
    s.state = fixture_state(r->network, &s.count);
    s.first = copy(r->optimizer->first, s.floats);
    s.second = copy(r->optimizer->second, s.floats);
    return s;
}

static void drop(snapshot *s)
{
    free(s->state);
    free(s->first);
    free(s->second);
}

static void check_same(const snapshot *a, const snapshot *b)
{
    ck_assert_uint_eq(a->steps, b->steps);
    ck_assert_uint_eq(a->epochs, b->epochs);
    ck_assert_uint_eq(a->optimizer_steps, b->optimizer_steps);
    ck_assert_mem_eq(a->state, b->state, a->count * sizeof *a->state);
    ck_assert_mem_eq(a->first, b->first, a->floats * sizeof *a->first);
    ck_assert_mem_eq(a->second, b->second, a->floats * sizeof *a->second);
}

static void check_finite(const snapshot *s)
{
    for (size_t i = 0; i < s->count; i++)
        ck_assert_msg(isfinite(s->state[i]), "element %zu is %g", i, (double)s->state[i]);
    for (size_t i = 0; i < s->floats; i++)
        ck_assert(isfinite(s->first[i]) && isfinite(s->second[i]));
}

/* Linear outputs, so that a huge rate does blow up. */
static run prepare_fragile(ae_optimizer *optimizer, ae_toggle batch_norm)
{
    run r = prepare(optimizer);
    ae_network_free(r.network);
    r.network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 8, 3, 8, FEATURES},
                           .width_count = 5, .batch_norm = batch_norm,
                           .hidden_activation = AE_ACTIVATION_LINEAR,
                           .output_activation = AE_ACTIVATION_LINEAR));
    return r;
}

/* Test number: Adam or momentum, clipping on or off, with batch normalisation or without. */
START_TEST(divergence_puts_everything_back_to_the_beginning_of_the_epoch)
{
    ae_optimizer *momentum = NULL;
    ck_assert_ok(ae_optimizer_create_sgd(
        &momentum, AE_SGD_OPTIONS(.learning_rate = 0.001f, .momentum = 0.9f)));
    run r = prepare_fragile(_i & 1 ? fixture_adam(0.001f) : momentum,
                            _i & 4 ? AE_TOGGLE_ON : AE_TOGGLE_OFF);
    if (_i & 1)
        ae_optimizer_free(momentum);
    start(&r, (ae_trainer_options){
                  .epochs = 100, .cost = AE_COST_SSE, .clip_norm = _i & 2 ? 1e30f : 0});
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    snapshot before = take(&r);
    ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    ck_assert_ok(ae_optimizer_set_learning_rate(r.optimizer, 1e25f));
    ae_status status = AE_OK;
    double cost = -1;
    for (size_t s = 1; s < EPOCH_STEPS && status == AE_OK; s++)
        status = ae_trainer_run_step(r.trainer, &cost);
    ck_assert_status(status, AE_ERROR_DIVERGED, "epoch 3");
    snapshot after = take(&r);
    check_same(&before, &after);
    check_finite(&after);
    ck_assert_uint_eq(ae_trainer_history_count(r.trainer), 2);

    /* With a sane rate it goes on from there as if nothing had been. */
    ck_assert_ok(ae_optimizer_set_learning_rate(r.optimizer, 0.001f));
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 3);
    ck_assert_uint_eq(ae_trainer_history_count(r.trainer), 3);
    drop(&before);
    drop(&after);
    finish(&r);
}
END_TEST

/* The update of the last step ruins the weights: no later cost of this epoch can show it. */
START_TEST(divergence_in_the_last_step_of_an_epoch_is_noticed_before_the_epoch_counts)
{
    run r = prepare_fragile(fixture_sgd(0.001f), AE_TOGGLE_OFF);
    start(&r, (ae_trainer_options){.epochs = 100, .batch = ROWS, .cost = AE_COST_SSE});
    ck_assert_uint_eq(ae_trainer_steps_per_epoch(r.trainer), 1);
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    snapshot before = take(&r);
    ck_assert_ok(ae_optimizer_set_learning_rate(r.optimizer, 3e38f));
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_DIVERGED, "epoch 2");
    snapshot after = take(&r);
    check_same(&before, &after);
    check_finite(&after);
    ck_assert_uint_eq(ae_trainer_history_count(r.trainer), 1);
    drop(&before);
    drop(&after);
    finish(&r);
}
END_TEST

START_TEST(divergence_still_restores_the_best_weights)
{
    run r = prepare_fragile(fixture_sgd(0.01f), AE_TOGGLE_OFF);
    start(&r, (ae_trainer_options){
                  .epochs = 100, .validation = r.validation, .restore_best = AE_TOGGLE_ON});
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    ck_assert_ok(ae_optimizer_set_learning_rate(r.optimizer, 1e30f));
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_DIVERGED, "not finite");
    ck_assert_double_eq(validation_cost(&r), least_validation_cost(&r));
    finish(&r);
}
END_TEST

Suite *divergence_suite(void)
{
    Suite *suite = suite_create("divergence");
    TCase *tcase = tcase_create("divergence");
    tcase_add_loop_test(tcase, divergence_puts_everything_back_to_the_beginning_of_the_epoch, 0, 8);
    tcase_add_test(tcase,
                   divergence_in_the_last_step_of_an_epoch_is_noticed_before_the_epoch_counts);
    tcase_add_test(tcase, divergence_still_restores_the_best_weights);
    suite_add_tcase(suite, tcase);
    return suite;
}
