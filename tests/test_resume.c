/* SPDX-License-Identifier: BSD-3-Clause */
/* A run taken up again is the run that was never stopped. */
#include "resumed_run.h"
#include "suites.h"

static const size_t stops[] = {20, 21, 3,
                               0}; /* after an epoch, within one, within the first, before it */

START_TEST(a_resumed_run_is_the_uninterrupted_one)
{
    if (support_slow() && _i % 3 != 0)
        return; /* slow machines stop each variant once or twice */
    const variant *v = &variants[(size_t)_i / COUNT(stops)];
    const size_t stop = stops[(size_t)_i % COUNT(stops)], all = 50;
    const char *path = support_path("run.safetensors");
    run whole = start(v), half = start(v), rest = start_with(v, AE_TRAINER_OPTIONS(.threads = 2));
    steps(&whole, all);
    steps(&half, stop);
    ck_assert_ok(ae_trainer_save_checkpoint(half.trainer, path));
    steps(&rest, 5); /* whatever the trainer did before is gone */
    ck_assert_ok(ae_trainer_resume(rest.trainer, path));
    same_runs(&half, &rest);
    ck_assert_uint_eq(ae_trainer_step_count(rest.trainer), stop);
    steps(&rest, all - stop);
    same_runs(&whole, &rest);
    finish(&whole), finish(&half), finish(&rest);
}
END_TEST

/* ae_trainer_run leaves the best weights in the network; the checkpoint still holds the latest to
 * go on from. */
START_TEST(a_run_that_ended_with_its_best_weights_goes_on)
{
    const variant v = {.restore_best = AE_TOGGLE_ON, .validated = true};
    const char *path = support_path("run.safetensors");
    run whole = start_with(&v, AE_TRAINER_OPTIONS(.epochs = 8)),
        half = start_with(&v, AE_TRAINER_OPTIONS(.epochs = 5)),
        rest = start_with(&v, AE_TRAINER_OPTIONS(.epochs = 8));
    ck_assert_ok(ae_trainer_run(whole.trainer));
    ck_assert_ok(ae_trainer_run(half.trainer));
    ck_assert_ok(ae_trainer_save_checkpoint(half.trainer, path));
    ck_assert_ok(ae_trainer_resume(rest.trainer, path));
    ck_assert_ok(ae_trainer_run(rest.trainer));
    same_runs(&whole, &rest);
    ck_assert_ok(ae_trainer_resume(half.trainer,
                                   path)); /* onto itself while its best weights are in place */
    const aei_weights latest = aei_trainer_latest(half.trainer);
    ck_assert_ptr_eq(latest.parameters, half.network->parameters);
    finish(&whole), finish(&half), finish(&rest);
}
END_TEST

/* Options by which two runs are different runs, and how the error says so. */
static const struct {
    variant v;
    ae_trainer_options options;
    const char *message;
} others[] = {
    {{.rule = SGD}, {.batch = 0}, "optimizer is adam in the checkpoint, sgd in this trainer"},
    {{.rule = ADAMW}, {.batch = 0}, "optimizer is adam in the checkpoint, adamw in this trainer"},
    {{.rule = NONE}, {.batch = 0}, "optimizer is adam in the checkpoint, none in this trainer"},
    {{.rule = ADAM}, {.batch = 15}, "batch is 16 in the checkpoint, 15 in this trainer"},
    {{.rule = ADAM},
     {.seed = 5},
     "seed is 18446744073709551615 in the checkpoint, 5 in this trainer"},
    {{.rule = ADAM},
     {.shuffle = AE_SHUFFLE_NONE},
     "shuffle is epoch in the checkpoint, none in this trainer"},
    {{.rule = ADAM}, {.cost = AE_COST_MSE}, "cost is l2 in the checkpoint, mse in this trainer"},
    {{.rule = ADAM},
     {.drop_last = AE_TOGGLE_ON},
     "drop_last is off in the checkpoint, on in this trainer"},
    {{.clip_norm = 0.5f}, {.batch = 0}, "clip_norm is 0 in the checkpoint, 0.5 in this trainer"},
    {{.batch_norm = AE_TOGGLE_OFF},
     {.batch = 0},
     "batch_norm is on in the checkpoint, off in this trainer"},
    {{.mixed = true},
     {.batch = 0},
     "batch_norm is on in the checkpoint, on off on off in this trainer"},
};

START_TEST(another_run_is_refused_and_nothing_changes)
{
    const variant usual = {.rule = ADAM};
    const char *path = support_path("run.safetensors");
    run saved = start(&usual);
    steps(&saved, 6);
    ck_assert_ok(ae_trainer_save_checkpoint(saved.trainer, path));
    ae_trainer_options options = others[_i].options;
    options.size = sizeof options;
    run r = start_with(&others[_i].v, &options);
    run twin = start_with(&others[_i].v, &options);
    steps(&r, 3), steps(&twin, 3);
    refuse(&r, &twin, path, AE_ERROR_SHAPE, others[_i].message);
    steps(&r, 3), steps(&twin, 3);
    same_runs(&twin, &r);
    finish(&saved), finish(&r), finish(&twin);
}
END_TEST

START_TEST(other_widths_or_rows_are_refused)
{
    const variant usual = {.rule = ADAM};
    const char *path = support_path("run.safetensors");
    run saved = start(&usual);
    ck_assert_ok(ae_trainer_save_checkpoint(saved.trainer, path));
    ae_dataset *fewer = NULL;
    ck_assert_ok(ae_dataset_view(&fewer, saved.train_set, 0, ROWS - 1));
    ae_network *wider = FIXTURE_NETWORK(FEATURES, 36, 3, 36, FEATURES), *same = NULL;
    ck_assert_ok(ae_network_clone(&same, saved.network));
    ae_optimizer *adam = fixture_adam(0.01f);
    const ae_trainer_options *options = AE_TRAINER_OPTIONS(.batch = BATCH, .seed = UINT64_MAX,
                                                           .threads = 1);
    ae_trainer *trainer = fixture_trainer(wider, adam, saved.train_set, options);
    ck_assert_status(ae_trainer_resume(trainer, path), AE_ERROR_SHAPE,
                     "widths is 21 35 3 35 21 in the checkpoint, 21 36");
    ae_trainer_free(trainer);
    trainer = fixture_trainer(same, adam, fewer, options);
    ck_assert_status(ae_trainer_resume(trainer, path), AE_ERROR_SHAPE,
                     "rows is 61 in the checkpoint, 60 in");
    size_t size; /* a control character that JSON allows as it is */
    unsigned char *data = support_read(path, &size);
    support_replace(data, size, "\\\"optimizer\\\":\\\"adam\\\"",
                    "\\\"optimizer\\\":\\\"\x7f]0;\\\"");
    support_write(path, data, size);
    free(data);
    ck_assert_status(ae_trainer_resume(trainer, path), AE_ERROR_SHAPE,
                     "optimizer is ?]0; in the checkpoint");
    ae_trainer_free(trainer);
    ae_optimizer_free(adam);
    ae_network_free(wider);
    ae_network_free(same);
    ae_dataset_free(fewer);
    finish(&saved);
}
END_TEST

/* Rate, schedule, epochs, threads are the new trainer's own. */
START_TEST(what_may_differ_stays_the_trainer_s_own)
{
    const variant cosine = {.cosine = true}, plain = {.rule = ADAM};
    const char *path = support_path("run.safetensors");
    run saved = start(&plain),
        r = start_with(&cosine, AE_TRAINER_OPTIONS(.epochs = 40, .threads = 3));
    steps(&saved, 9);
    ck_assert_ok(ae_trainer_save_checkpoint(saved.trainer, path));
    ck_assert_ok(ae_optimizer_set_learning_rate(r.optimizer, 0.5f));
    ck_assert_ok(ae_trainer_resume(r.trainer, path));
    ck_assert_uint_eq(ae_optimizer_step_count(r.optimizer), 9);
    ck_assert_int_eq(r.optimizer->schedule.kind, AE_SCHEDULE_COSINE);
    ck_assert(!(r.optimizer->learning_rate < 0.5f) && !(r.optimizer->learning_rate > 0.5f));
    ck_assert_uint_eq(r.trainer->options.epochs, 40);
    ck_assert_uint_eq(ae_trainer_thread_count(r.trainer), 3);
    finish(&saved), finish(&r);
}
END_TEST

/* The best epoch is forgotten where the checkpoint does not hold its weights or judged by another
 * cost. */
START_TEST(a_best_epoch_that_says_nothing_here_is_forgotten)
{
    const variant plain = {.rule = ADAM}, best = {.restore_best = AE_TOGGLE_ON},
                  judged = {.validated = true};
    const char *path = support_path("run.safetensors");
    run saved = start(&plain), a = start(&best), b = start(&judged), c = start(&plain);
    steps(&saved, 9);
    ck_assert_ok(ae_trainer_save_checkpoint(saved.trainer, path));
    ck_assert_ok(ae_trainer_resume(a.trainer, path));
    ck_assert_uint_eq(a.trainer->progress.best_epoch, 0);
    ck_assert_ok(ae_trainer_resume(b.trainer, path));
    ck_assert_uint_eq(b.trainer->progress.best_epoch, 0);
    ck_assert_ok(ae_trainer_resume(c.trainer, path));
    ck_assert_uint_ge(c.trainer->progress.best_epoch, 1);
    steps(&a, 4);
    ck_assert_uint_eq(a.trainer->progress.best_epoch, 3);
    finish(&saved), finish(&a), finish(&b), finish(&c);
}
END_TEST

/* JSON cannot say infinity; what it says instead must not become a cost that nothing improves
 * on. */
START_TEST(an_infinite_best_cost_can_be_improved_on)
{
    const variant *v = &variants[4];
    const char *path = support_path("run.safetensors");
    run saved = start(v), r = start(v);
    steps(&saved, 8);
    saved.trainer->progress.best_epoch = 2;
    saved.trainer->progress.best_cost = INFINITY;
    ck_assert_ok(ae_trainer_save_checkpoint(saved.trainer, path));
    ck_assert_ok(ae_trainer_resume(r.trainer, path));
    same_runs(&saved, &r);
    steps(&r, 4);
    ck_assert_uint_eq(r.trainer->progress.best_epoch, 3);
    finish(&saved), finish(&r);
}
END_TEST

Suite *resume_suite(void)
{
    Suite *suite = suite_create("resume");
    TCase *tcase = tcase_create("resume");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_loop_test(tcase, a_resumed_run_is_the_uninterrupted_one, 0,
                        (int)(COUNT(variants) * COUNT(stops)));
    tcase_add_test(tcase, a_run_that_ended_with_its_best_weights_goes_on);
    tcase_add_test(tcase, what_may_differ_stays_the_trainer_s_own);
    tcase_add_test(tcase, a_best_epoch_that_says_nothing_here_is_forgotten);
    tcase_add_test(tcase, an_infinite_best_cost_can_be_improved_on);
    tcase_add_loop_test(tcase, another_run_is_refused_and_nothing_changes, 0, (int)COUNT(others));
    tcase_add_test(tcase, other_widths_or_rows_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
