/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a failed allocation leaves of an optimizer and of a history, and that training and inference
 * allocate nothing. Every allocation of every public call fails in the suite exhaustion.
 */
#include "train/optimizer_internal.h"

#include "fixtures.h"
#include "suites.h"

enum { ROWS = 10, FEATURES = 6 };

typedef struct world {
    ae_dataset *training, *validation;
    ae_network *network;
    ae_optimizer *optimizer;
} world;

static world begin(void)
{
    return (world){fixture_dataset(ROWS, FEATURES, 1), fixture_dataset(5, FEATURES, 2),
                   FIXTURE_NETWORK(FEATURES, 8, 3, 8, FEATURES), fixture_adam(0.01f)};
}

static void end(world *w)
{
    ae_optimizer_free(w->optimizer);
    ae_network_free(w->network);
    ae_dataset_free(w->training);
    ae_dataset_free(w->validation);
}

/* A failed creation must not have taken the optimizer from the network it was with. */
START_TEST(a_trainer_that_cannot_be_made_leaves_the_optimizer_alone)
{
    world w = begin();
    ae_network *other = FIXTURE_NETWORK(FEATURES, 5, FEATURES);
    ae_trainer *trainer = fixture_trainer(other, w.optimizer, w.training,
                                          AE_TRAINER_OPTIONS(.batch = ROWS, .epochs = 9));
    for (size_t s = 0; s < 3; s++)
        ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    ae_trainer_free(trainer);
    const size_t size = w.optimizer->state_floats * sizeof(float);
    float *first = fixture_allocate(1, size), *second = fixture_allocate(1, size);
    memcpy(first, w.optimizer->first, size);
    memcpy(second, w.optimizer->second, size);
    size_t failures = 0;
    for (;; failures++) {
        support_fail_allocation(failures + 1);
        const ae_status status = ae_trainer_create(&trainer, w.network, w.optimizer, w.training,
                                                   AE_TRAINER_OPTIONS(.clip_norm = 1));
        support_fail_allocation(0);
        if (status == AE_OK)
            break;
        ck_assert_msg(ae_optimizer_step_count(w.optimizer) == 3, "allocation %zu", failures + 1);
        ck_assert_uint_eq(w.optimizer->run_steps, 9);
        ck_assert_uint_eq(w.optimizer->state_floats * sizeof(float), size);
        ck_assert_mem_eq(w.optimizer->first, first, size);
        ck_assert_mem_eq(w.optimizer->second, second, size);
    }
    ck_assert_uint_ge(failures, 5);
    ck_assert_uint_eq(ae_optimizer_step_count(w.optimizer), 0);
    ae_trainer_free(trainer);
    free(first);
    free(second);
    ae_network_free(other);
    end(&w);
}
END_TEST

/* Past the epochs it was made for, a trainer's history grows; when that fails the epoch is closed
 * the next time. */
START_TEST(a_history_that_cannot_grow_loses_no_epoch)
{
    world w = begin(), plain = begin();
    ae_trainer *trainer = fixture_trainer(w.network, w.optimizer, w.training,
                                          AE_TRAINER_OPTIONS(.batch = 4, .epochs = 1));
    ae_trainer *undisturbed = fixture_trainer(plain.network, plain.optimizer, plain.training,
                                              AE_TRAINER_OPTIONS(.batch = 4, .epochs = 1));
    ck_assert_ok(ae_trainer_run_epoch(trainer, NULL));
    support_fail_allocation(1);
    ck_assert_status(ae_trainer_run_epoch(trainer, NULL), AE_ERROR_OUT_OF_MEMORY, "");
    ck_assert_int_eq(support_allocation_failed(), 1);
    ck_assert_uint_eq(ae_trainer_epoch_count(trainer), 1);
    ck_assert_uint_eq(ae_trainer_step_count(trainer), 6);
    ae_epoch_info info = {.size = sizeof info};
    ck_assert_ok(ae_trainer_run_epoch(trainer, &info));
    ck_assert_uint_eq(info.epoch, 2);
    ck_assert_uint_eq(info.step, 6);
    ck_assert_uint_eq(ae_trainer_history_count(trainer), 2);
    ck_assert_ok(ae_trainer_run_epoch(undisturbed, NULL));
    ck_assert_ok(ae_trainer_run_epoch(undisturbed, NULL));
    ck_assert(fixture_same_state(w.network, plain.network));
    ae_trainer_free(trainer);
    ae_trainer_free(undisturbed);
    end(&w);
    end(&plain);
}
END_TEST

START_TEST(training_allocates_nothing)
{
    static const float features[FEATURES] = {1, 0, 2, 1, 1, 1};
    const float validation_rows[5] = {3, 1};
    const bool regularised = _i == 3;
    world w = begin();
    ae_trainer *trainer = fixture_trainer(
        w.network, _i == 2 ? NULL : w.optimizer, w.training,
        AE_TRAINER_OPTIONS(.batch = 4, .epochs = 20, .threads = 2, .clip_norm = _i == 0 ? 0 : 1,
                           .validation = w.validation, .restore_best = AE_TOGGLE_ON,
                           .patience = 100, .input_noise = _i == 0 ? 0 : 0.1f,
                           .dropout = regularised ? 0.1f : 0, .code_l1 = regularised ? 0.1f : 0,
                           .feature_weights = regularised ? features : NULL,
                           .feature_weight_count = regularised ? FEATURES : 0,
                           .validation_row_weights = regularised ? validation_rows : NULL,
                           .validation_row_weight_count = regularised ? 5 : 0));
    const size_t before = support_allocations();
    for (size_t s = 0; s < 7; s++)
        ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    float gradient[8];
    if (_i == 2)
        ck_assert_ok(ae_trainer_get_gradient(trainer, "encoder.0.bn.bias", gradient, 8));
    ck_assert_ok(ae_trainer_run_epoch(trainer, NULL));
    ck_assert_ok(ae_trainer_run(trainer));
    ck_assert_uint_eq(ae_trainer_epoch_count(trainer), 20);
    ck_assert_uint_eq(support_allocations(), before);
    ae_trainer_free(trainer);
    end(&w);
}
END_TEST

START_TEST(inference_allocates_nothing)
{
    world w = begin();
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, w.network,
                                   AE_SESSION_OPTIONS(.max_batch = 4, .threads = 1 + (size_t)_i)));
    float rows[ROWS * FEATURES], codes[ROWS * 3], output[ROWS * FEATURES], scores[ROWS],
        parts[ROWS * FEATURES];
    ck_assert_ok(ae_dataset_read(w.training, 0, ROWS, rows));
    const size_t before = support_allocations();
    for (size_t i = 0; i < 3; i++) {
        ck_assert_ok(ae_session_encode(session, rows, ROWS, codes));
        ck_assert_ok(ae_session_decode(session, codes, ROWS, output));
        ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, output));
        ck_assert_ok(ae_session_score(session, rows, ROWS, scores, parts,
                                      AE_SCORE_OPTIONS(.cost = AE_COST_BCE)));
    }
    ck_assert_uint_eq(support_allocations(), before);
    ae_session_free(session);
    end(&w);
}
END_TEST

Suite *failures_suite(void)
{
    Suite *suite = suite_create("failures");
    TCase *tcase = tcase_create("failures");
    tcase_add_test(tcase, a_trainer_that_cannot_be_made_leaves_the_optimizer_alone);
    tcase_add_test(tcase, a_history_that_cannot_grow_loses_no_epoch);
    tcase_add_loop_test(tcase, training_allocates_nothing, 0, 4);
    tcase_add_loop_test(tcase, inference_allocates_nothing, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
