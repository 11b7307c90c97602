/* SPDX-License-Identifier: BSD-3-Clause */
/* The best epoch: patience, and its weights put back. */
#include "small_run.h"
#include "suites.h"

START_TEST(patience_ends_a_run_without_improvement)
{
    /* min_delta is more than the cost itself: only the first epoch, with nothing before it, is an
     * improvement. */
    run r = prepare(fixture_adam(0.01f));
    start(&r, (ae_trainer_options){
                  .epochs = 50, .validation = r.validation, .patience = 3, .min_delta = 100});
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 4);
    for (size_t e = 0; e < 4; e++)
        ck_assert_int_eq(history(&r, e).best, e == 0);
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 4);
    finish(&r);
}
END_TEST

START_TEST(patience_counts_from_the_last_improvement)
{
    run r = prepare(fixture_adam(0.05f));
    enum { PATIENCE = 4 };
    start(&r,
          (ae_trainer_options){.epochs = 500, .validation = r.validation, .patience = PATIENCE});
    ck_assert_ok(ae_trainer_run(r.trainer));
    const size_t epochs = ae_trainer_history_count(r.trainer);
    ck_assert_uint_lt(epochs, 500);
    double best = INFINITY;
    size_t best_epoch = 0;
    for (size_t e = 0; e < epochs; e++) {
        const ae_epoch_info info = history(&r, e);
        ck_assert_int_eq(info.best, info.validation_cost < best);
        if (info.validation_cost < best) {
            best = info.validation_cost;
            best_epoch = e;
        }
        ck_assert_uint_le(e - best_epoch, PATIENCE);
    }
    ck_assert_uint_eq(epochs - 1 - best_epoch, PATIENCE);
    finish(&r);
}
END_TEST

/* Large steps, so that the best epoch is not the last. */
START_TEST(restore_best_leaves_the_weights_of_the_best_epoch)
{
    run r = prepare(fixture_adam(0.2f));
    start(&r, (ae_trainer_options){
                  .epochs = 12, .validation = r.validation, .restore_best = AE_TOGGLE_ON});
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_uint_eq(ae_trainer_epoch_count(r.trainer), 12);
    ck_assert_int_eq(history(&r, 11).best, 0);
    ck_assert_double_ne(history(&r, 11).validation_cost, least_validation_cost(&r));
    ck_assert_double_eq(validation_cost(&r), least_validation_cost(&r));
    ae_epoch_info best = {.size = sizeof best};
    ck_assert_ok(ae_trainer_get_best(r.trainer, &best));
    ck_assert_double_eq(best.validation_cost, least_validation_cost(&r));
    ck_assert_uint_lt(best.epoch, 12);
    const ae_epoch_info entry = history(&r, (size_t)best.epoch - 1);
    ck_assert_mem_eq(&best, &entry, sizeof best);
    finish(&r);
}
END_TEST

START_TEST(after_restore_best_training_goes_on_from_the_latest_weights)
{
    run restored = prepare(fixture_adam(0.2f)), plain = prepare(fixture_adam(0.2f));
    start(&restored, (ae_trainer_options){.epochs = 12,
                                          .validation = restored.validation,
                                          .restore_best = AE_TOGGLE_ON});
    start(&plain, (ae_trainer_options){.epochs = 12, .validation = plain.validation});
    ck_assert_ok(ae_trainer_run(restored.trainer));
    ck_assert_ok(ae_trainer_run(plain.trainer));
    ck_assert(!fixture_same_state(restored.network, plain.network));
    /* A run with nothing left to do puts the best weights back once more. */
    ck_assert_ok(ae_trainer_run(restored.trainer));
    ck_assert_double_eq(validation_cost(&restored), least_validation_cost(&restored));
    ck_assert_ok(ae_trainer_run_step(restored.trainer, NULL));
    ck_assert_ok(ae_trainer_run_step(plain.trainer, NULL));
    ck_assert(fixture_same_state(restored.network, plain.network));
    finish(&restored);
    finish(&plain);
}
END_TEST

START_TEST(weights_set_after_restore_best_are_those_that_training_goes_on_from)
{
    run r = prepare(fixture_sgd(1e-6f));
    start(&r, (ae_trainer_options){
                  .epochs = 4, .validation = r.validation, .restore_best = AE_TOGGLE_ON});
    ck_assert_ok(ae_trainer_run(r.trainer));
    const float mine[8] = {7, 7, 7, 7, 7, 7, 7, 7};
    ck_assert_ok(ae_network_set_tensor(r.network, "encoder.0.bn.weight", mine, 8));
    ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    float after[8];
    ck_assert_ok(ae_network_get_tensor(r.network, "encoder.0.bn.weight", after, 8));
    ck_assert_float_eq_tol(after[0], 7, 1e-3f); /* one step at a rate of 1e-6 */
    finish(&r);
}
END_TEST

START_TEST(restore_best_happens_when_a_callback_stops_the_run)
{
    run r = prepare(fixture_adam(0.2f));
    record kept = {.stop_epoch = 12};
    start(&r, (ae_trainer_options){.epochs = 50,
                                   .validation = r.validation,
                                   .restore_best = AE_TOGGLE_ON,
                                   .on_epoch = on_epoch,
                                   .user = &kept});
    ck_assert_status(ae_trainer_run(r.trainer), AE_ERROR_CANCELLED, "on_epoch");
    ck_assert_double_eq(validation_cost(&r), least_validation_cost(&r));
    finish(&r);
}
END_TEST

START_TEST(restore_best_without_a_validation_set_goes_by_training_cost)
{
    run r = prepare(fixture_adam(0.01f));
    record kept = {.epoch_count = 0};
    start(&r, (ae_trainer_options){
                  .epochs = 12, .restore_best = AE_TOGGLE_ON, .on_epoch = on_epoch, .user = &kept});
    ck_assert_ok(ae_trainer_run(r.trainer));
    double least = INFINITY;
    for (size_t e = 0; e < kept.epoch_count; e++) {
        ck_assert_int_eq(kept.epochs[e].best, kept.epochs[e].train_cost < least);
        least = fmin(least, kept.epochs[e].train_cost);
    }
    finish(&r);
}
END_TEST

/* The caller's change is what training goes on from, in this run and in one resumed from a
 * checkpoint; the former latest weights never come back. */
START_TEST(a_network_changed_after_its_best_was_put_back_stays_changed)
{
    run r = prepare(fixture_adam(0.2f)), again = prepare(fixture_adam(0.2f));
    const ae_trainer_options options = {
        .epochs = 12, .validation = r.validation, .restore_best = AE_TOGGLE_ON};
    start(&r, options);
    ck_assert_ok(ae_trainer_run(r.trainer));
    float bias[8], kept[8];
    for (size_t j = 0; j < COUNT(bias); j++)
        bias[j] = 0.125f * (float)j;
    ck_assert_ok(ae_network_set_tensor(r.network, "encoder.0.bn.bias", bias, COUNT(bias)));
    ck_assert_ok(ae_trainer_save_checkpoint(r.trainer, support_path("changed")));
    start(&again, options);
    ck_assert_ok(ae_trainer_resume(again.trainer, support_path("changed")));
    ck_assert_ok(ae_network_get_tensor(again.network, "encoder.0.bn.bias", kept, COUNT(kept)));
    ck_assert_mem_eq(kept, bias, sizeof bias);
    ck_assert_ok(ae_trainer_run(r.trainer));
    ck_assert_ok(ae_network_get_tensor(r.network, "encoder.0.bn.bias", kept, COUNT(kept)));
    ck_assert_mem_eq(kept, bias, sizeof bias);
    double cost, resumed;
    ck_assert_ok(ae_trainer_run_step(r.trainer, &cost));
    ck_assert_ok(ae_trainer_run_step(again.trainer, &resumed));
    ck_assert_double_eq(cost, resumed);
    finish(&again);
    finish(&r);
}
END_TEST

/* A loop over epochs stops where ae_trainer_run does, and ends with the same weights and files. */
START_TEST(a_loop_that_asks_is_a_run)
{
    run whole = prepare(fixture_adam(0.2f)), loop = prepare(fixture_adam(0.2f));
    const ae_trainer_options options = {.epochs = 40,
                                        .validation = whole.validation,
                                        .patience = 3,
                                        .restore_best = AE_TOGGLE_ON,
                                        .checkpoint_path = support_path("whole")};
    start(&whole, options);
    ae_trainer_options other = options;
    other.validation = loop.validation;
    other.checkpoint_path = support_path("loop");
    start(&loop, other);
    ck_assert_status(ae_trainer_restore_best(loop.trainer), AE_ERROR_NOT_SET, "no epoch is done");
    ck_assert_ok(ae_trainer_run(whole.trainer));
    while (!ae_trainer_should_stop(loop.trainer))
        ck_assert_ok(ae_trainer_run_epoch(loop.trainer, NULL));
    ck_assert_ok(ae_trainer_write_checkpoint(loop.trainer));
    ck_assert_ok(ae_trainer_restore_best(loop.trainer));
    ck_assert_uint_lt(ae_trainer_epoch_count(loop.trainer), 40);
    ck_assert_uint_eq(ae_trainer_epoch_count(loop.trainer), ae_trainer_epoch_count(whole.trainer));
    ck_assert_double_eq(validation_cost(&loop), validation_cost(&whole));
    ck_assert_double_eq(validation_cost(&loop), least_validation_cost(&loop));
    ck_assert(support_entries(support_dir()) == 2);
    finish(&loop), finish(&whole);
}
END_TEST

START_TEST(what_was_not_asked_for_cannot_be_put_back_or_written)
{
    run r = prepare(fixture_adam(0.01f));
    start(&r, (ae_trainer_options){.epochs = 1});
    ck_assert_int_eq(ae_trainer_should_stop(r.trainer), 0);
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    ck_assert_int_eq(ae_trainer_should_stop(r.trainer), 1);
    ck_assert_int_eq(ae_trainer_should_stop(NULL), 1);
    ck_assert_status(ae_trainer_restore_best(r.trainer), AE_ERROR_NOT_SET, "restore_best is off");
    ck_assert_status(ae_trainer_write_checkpoint(r.trainer), AE_ERROR_NOT_SET, "checkpoint_path");
    ck_assert_status(ae_trainer_restore_best(NULL), AE_ERROR_INVALID_ARGUMENT, "trainer is NULL");
    ck_assert_status(ae_trainer_write_checkpoint(NULL), AE_ERROR_INVALID_ARGUMENT, "trainer");
    finish(&r);
}
END_TEST

Suite *best_suite(void)
{
    Suite *suite = suite_create("best");
    TCase *tcase = tcase_create("best");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_test(tcase, a_loop_that_asks_is_a_run);
    tcase_add_test(tcase, what_was_not_asked_for_cannot_be_put_back_or_written);
    tcase_add_test(tcase, patience_ends_a_run_without_improvement);
    tcase_add_test(tcase, patience_counts_from_the_last_improvement);
    tcase_add_test(tcase, restore_best_leaves_the_weights_of_the_best_epoch);
    tcase_add_test(tcase, after_restore_best_training_goes_on_from_the_latest_weights);
    tcase_add_test(tcase, weights_set_after_restore_best_are_those_that_training_goes_on_from);
    tcase_add_test(tcase, restore_best_happens_when_a_callback_stops_the_run);
    tcase_add_test(tcase, restore_best_without_a_validation_set_goes_by_training_cost);
    tcase_add_test(tcase, a_network_changed_after_its_best_was_put_back_stays_changed);
    suite_add_tcase(suite, tcase);
    return suite;
}
