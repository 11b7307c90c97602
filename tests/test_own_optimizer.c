/* SPDX-License-Identifier: BSD-3-Clause */
/* Gradients for the caller, and an optimizer of the caller's own. */
#include "small_run.h"
#include "suites.h"

/* A power of two: rate * gradient is then exact, and a fused and a separate product give the same
 * bits. */
static const float rate = 0x1p-4f;

/* Calls back for every trainable tensor with its values and its gradient. */
typedef void (*tensor_visitor)(void *user, const ae_tensor_info *info, float *values,
                               const float *gradient);

static void for_trainable(ae_network *network, const ae_trainer *trainer, tensor_visitor visit,
                          void *user)
{
    float values[FEATURES * 8], gradient[FEATURES * 8];
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        if (!info.trainable)
            continue;
        ck_assert_uint_le(info.count, COUNT(values));
        ck_assert_ok(ae_network_get_tensor(network, info.name, values, info.count));
        ck_assert_ok(ae_trainer_get_gradient(trainer, info.name, gradient, info.count));
        visit(user, &info, values, gradient);
    }
}

static void descend_tensor(void *user, const ae_tensor_info *info, float *values,
                           const float *gradient)
{
    for (size_t j = 0; j < info->count; j++)
        values[j] -= rate * gradient[j];
    ck_assert_ok(ae_network_set_tensor(user, info->name, values, info->count));
}

/* Plain gradient descent, written by hand. */
static void descend(const run *r)
{
    for_trainable(r->network, r->trainer, descend_tensor, r->network);
}

static int descend_on_step(void *user, const ae_step_info *info)
{
    ck_assert_double_eq(info->learning_rate, 0);
    ck_assert_double_gt(info->gradient_norm, 0);
    descend(user);
    return 0;
}

/* Test number: on_step or a loop over ae_trainer_run_step, without or with batch normalisation. */
START_TEST(a_hand_written_descent_is_the_librarys_bit_for_bit)
{
    run own = prepare(NULL), theirs = prepare(fixture_sgd(rate));
    if (_i & 2) {
        ae_network_free(own.network), ae_network_free(theirs.network);
        const ae_network_options *plain =
            AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 8, 3, 8, FEATURES},
                               .width_count = 5, .batch_norm = AE_TOGGLE_OFF);
        own.network = fixture_network_with(plain), theirs.network = fixture_network_with(plain);
    }
    ae_trainer_options options = {.epochs = 7, .validation = own.validation, .seed = 3};
    start(&theirs, options);
    ck_assert_ok(ae_trainer_run(theirs.trainer));
    options.on_step = _i & 1 ? descend_on_step : NULL;
    options.user = &own;
    start(&own, options);
    if (_i & 1)
        ck_assert_ok(ae_trainer_run(own.trainer));
    for (size_t s = 0; s < 7 * EPOCH_STEPS && !(_i & 1); s++) {
        ck_assert_ok(ae_trainer_run_step(own.trainer, NULL));
        descend(&own);
    }
    ck_assert(fixture_same_state(own.network, theirs.network));
    for (size_t e = 0; e < 7; e++) {
        ck_assert_double_eq(history(&own, e).train_cost, history(&theirs, e).train_cost);
        ck_assert_double_eq(history(&own, e).learning_rate, 0);
        if (_i & 1) /* the callback's update comes before the epoch is evaluated */
            ck_assert_double_eq(history(&own, e).validation_cost,
                                history(&theirs, e).validation_cost);
    }
    finish(&own), finish(&theirs);
}
END_TEST

/* Each of these reaches a step by a way of its own: kept factors, penalties, weights, fill values,
 * noise; the last has all of them, and tied weights. */
enum { DROPS = 1, PENALISED = 2, WEIGHTED = 4, HOLED = 8, NOISY = 16, TIED = 32, ALL = 63 };

static ae_trainer_options regularised(unsigned what, int i)
{
    static const float features[FEATURES] = {1, 0, 2, 0.5f, 1, 3},
                       rows[ROWS] = {1, 0, 2, 1, 1, 0.5f, 3, 1, 0, 1};
    ae_trainer_options o = {.epochs = 4, .seed = 3, .clip_norm = 0, .cost = (ae_cost)(i % 4 + 1)};
    o.dropout = what & DROPS ? 0.25f : 0;
    o.code_l1 = what & PENALISED ? 0.125f : 0;
    o.code_kl = what & PENALISED ? 0.5f : 0;
    o.input_noise = what & NOISY ? 0.0625f : 0;
    o.feature_weights = what & WEIGHTED ? features : NULL;
    o.feature_weight_count = what & WEIGHTED ? FEATURES : 0;
    o.row_weights = what & WEIGHTED ? rows : NULL;
    o.row_weight_count = what & WEIGHTED ? ROWS : 0;
    return o;
}

static run prepare_regularised(unsigned what, ae_optimizer *optimizer)
{
    run r = prepare(optimizer);
    float *values = fixture_values(ROWS * FEATURES, 0, 1, 1);
    for (size_t i = 0; what & HOLED && i < ROWS * FEATURES; i += 7)
        values[i] = NAN;
    ae_network_free(r.network);
    ae_dataset_free(r.training);
    r.network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 8, 3, 8, FEATURES},
                           .width_count = 5,
                           .tied_weights = what & TIED ? AE_TOGGLE_ON : AE_TOGGLE_OFF));
    ck_assert_ok(ae_dataset_create_f32(&r.training, values, ROWS, FEATURES,
                                       AE_DATASET_OPTIONS(.missing = AE_MISSING_KEEP)));
    free(values);
    return r;
}

/* Test number: one of the ways, or all; a cost each. */
START_TEST(a_hand_written_descent_has_what_regularises)
{
    const unsigned what = _i < 6 ? 1u << _i : ALL;
    run own = prepare_regularised(what, NULL),
        theirs = prepare_regularised(what, fixture_sgd(rate));
    record kept = {0}, seen = {0};
    ae_trainer_options options = regularised(what, _i);
    options.on_step = on_step, options.user = &seen;
    start(&theirs, options);
    options.user = &kept;
    start(&own, options);
    for (size_t s = 0; s < 4 * EPOCH_STEPS; s++) {
        ck_assert_ok(ae_trainer_run_step(theirs.trainer, NULL));
        ck_assert_ok(ae_trainer_run_step(own.trainer, NULL));
        descend(&own);
        ck_assert(fixture_same_state(own.network, theirs.network));
        ck_assert_double_eq(kept.steps[s].cost, seen.steps[s].cost);
        ck_assert_double_eq(kept.steps[s].penalty, seen.steps[s].penalty);
        ck_assert_int_eq(kept.steps[s].penalty > 0, (what & PENALISED) != 0);
    }
    finish(&own), finish(&theirs);
}
END_TEST

/* The change of a tensor's element that finite differences need, and their result. */
typedef struct difference {
    run *r;
    float step;
    double largest, worst; /* gradient, error */
} difference;

static double cost_with(difference *d, const ae_tensor_info *info, float *values, size_t j,
                        float value)
{
    const float kept = values[j];
    double cost = NAN;
    values[j] = value;
    ck_assert_ok(ae_network_set_tensor(d->r->network, info->name, values, info->count));
    values[j] = kept;
    ck_assert_ok(ae_trainer_run_step(d->r->trainer, &cost));
    ck_assert_ok(ae_network_set_tensor(d->r->network, info->name, values, info->count));
    return cost;
}

static void compare_tensor(void *user, const ae_tensor_info *info, float *values,
                           const float *gradient)
{
    difference *d = user;
    for (size_t j = 0; j < info->count; j++) {
        const float above = values[j] + d->step, below = values[j] - d->step;
        const double slope = (cost_with(d, info, values, j, above) -
                              cost_with(d, info, values, j, below)) /
                             ((double)above - (double)below);
        d->largest = fmax(d->largest, fabs(slope));
        d->worst = fmax(d->worst, fabs(slope - (double)gradient[j]));
    }
}

/* As the test below, of a cost with weights and missing values, and of tied weights. Dropout and
 * noise draw anew in each step, and a penalty is not in the cost. */
START_TEST(the_gradient_has_the_slopes_of_what_regularises)
{
    run r = prepare_regularised(WEIGHTED | HOLED | TIED, NULL);
    ae_trainer_options options = regularised(WEIGHTED, 1);
    options.batch = ROWS, options.shuffle = AE_SHUFFLE_NONE;
    start(&r, options);
    ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    difference d = {.r = &r, .step = 0x1p-7f};
    for_trainable(r.network, r.trainer, compare_tensor, &d);
    ck_assert_double_gt(d.largest, 0.05);
    ck_assert_msg(d.worst < 0.01 * d.largest, "an error of %g, the largest gradient is %g", d.worst,
                  d.largest);
    finish(&r);
}
END_TEST

/* float32 costs of about 0.5 and steps of 1/64: differences good to 1e-5, and to the square of the
 * step. A missing or doubled term would be an error of the largest gradient itself. */
START_TEST(the_gradient_is_the_slope_of_the_cost)
{
    run r = prepare(NULL);
    start(&r, (ae_trainer_options){.batch = ROWS, .shuffle = AE_SHUFFLE_NONE});
    ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    difference d = {.r = &r, .step = 0x1p-6f};
    for_trainable(r.network, r.trainer, compare_tensor, &d);
    ck_assert_double_gt(d.largest, 0.05);
    ck_assert_msg(d.worst < 0.01 * d.largest, "an error of %g, the largest gradient is %g", d.worst,
                  d.largest);
    finish(&r);
}
END_TEST

static void keep_tensor(void *user, const ae_tensor_info *info, float *values,
                        const float *gradient)
{
    float **at = user;
    (void)values;
    memcpy(*at, gradient, info->count * sizeof **at);
    *at += info->count;
}

/* Test number: clipping off or on. What is kept is the gradient before clipping. */
START_TEST(keeping_gradients_changes_nothing_else)
{
    run plain = prepare(fixture_adam(0.01f)), keeping = prepare(fixture_adam(0.01f)),
        none = prepare(NULL);
    const float clip = _i == 0 ? 0 : 1e-3f;
    record kept = {0};
    start(&plain, (ae_trainer_options){.clip_norm = clip});
    start(&keeping, (ae_trainer_options){.clip_norm = clip,
                                         .keep_gradients = AE_TOGGLE_ON,
                                         .on_step = on_step,
                                         .user = &kept});
    start(&none, (ae_trainer_options){0});
    ck_assert_ok(ae_trainer_run_step(keeping.trainer, NULL));
    ck_assert_ok(ae_trainer_run_step(none.trainer, NULL));
    const size_t count = ae_network_parameter_count(none.network);
    float *a = fixture_allocate(count, sizeof *a), *b = fixture_allocate(count, sizeof *b);
    float *at_a = a, *at_b = b;
    for_trainable(keeping.network, keeping.trainer, keep_tensor, &at_a);
    for_trainable(none.network, none.trainer, keep_tensor, &at_b);
    ck_assert_mem_eq(a, b, count * sizeof *a);
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (double)a[i] * (double)a[i];
    ck_assert_double_eq_tol(kept.steps[0].gradient_norm, sqrt(squares), 1e-6);
    ck_assert_ok(ae_trainer_run_step(plain.trainer, NULL));
    for (size_t s = 1; s < 7; s++) {
        ck_assert_ok(ae_trainer_run_step(plain.trainer, NULL));
        ck_assert_ok(ae_trainer_run_step(keeping.trainer, NULL));
    }
    ck_assert(fixture_same_state(plain.network, keeping.network));
    free(a), free(b);
    finish(&plain), finish(&keeping), finish(&none);
}
END_TEST

START_TEST(a_gradient_that_is_not_there_is_refused)
{
    run off = prepare(fixture_adam(0.01f)), r = prepare(NULL);
    float values[8] = {-7}, *const untouched = values;
    start(&off, (ae_trainer_options){.clip_norm = 1});
    start(&r, (ae_trainer_options){0});
    const ae_trainer *t = r.trainer;
    ck_assert_status(ae_trainer_get_gradient(NULL, "x", values, 8), AE_ERROR_INVALID_ARGUMENT,
                     "trainer is NULL");
    ck_assert_status(ae_trainer_get_gradient(t, NULL, values, 8), AE_ERROR_INVALID_ARGUMENT,
                     "name is NULL");
    ck_assert_status(ae_trainer_get_gradient(t, "encoder.0.bn.bias", NULL, 8),
                     AE_ERROR_INVALID_ARGUMENT, "values is NULL");
    ck_assert_status(ae_trainer_get_gradient(t, "encoder.9.weight", values, 8), AE_ERROR_NOT_FOUND,
                     "encoder.9.weight");
    ck_assert_status(ae_trainer_get_gradient(t, "encoder.0.bn.bias", values, 7), AE_ERROR_SHAPE,
                     "8 values expected");
    ck_assert_status(ae_trainer_get_gradient(t, "encoder.0.bn.running_mean", values, 8),
                     AE_ERROR_INVALID_ARGUMENT, "running statistic");
    ck_assert_status(ae_trainer_get_gradient(t, "encoder.0.bn.bias", values, 8), AE_ERROR_NOT_SET,
                     "no step was taken");
    ck_assert_ok(ae_trainer_run_step(off.trainer, NULL));
    ck_assert_status(ae_trainer_get_gradient(off.trainer, "encoder.0.bn.bias", values, 8),
                     AE_ERROR_NOT_SET, "keep_gradients is off");
    ck_assert_float_eq(untouched[0], -7);
    ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    ck_assert_ok(ae_trainer_get_gradient(t, "encoder.0.bn.bias", values, 8));
    /* Of the parameters that a checkpoint brings there is no gradient yet. */
    ck_assert_ok(ae_trainer_save_checkpoint(t, support_path("gradient")));
    ck_assert_ok(ae_trainer_resume(r.trainer, support_path("gradient")));
    ck_assert_status(ae_trainer_get_gradient(t, "encoder.0.bn.bias", values, 8), AE_ERROR_NOT_SET,
                     "no step was taken");
    finish(&off), finish(&r);
}
END_TEST

/* The caller's update goes wrong: the network is put back, and the gradient of the failed step is
 * not one. */
START_TEST(a_diverged_step_leaves_no_gradient)
{
    run r = prepare(NULL);
    ae_network_free(r.network);
    r.network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 3, FEATURES}, .width_count = 3,
                           .batch_norm = AE_TOGGLE_OFF, .output_activation = AE_ACTIVATION_LINEAR));
    start(&r, (ae_trainer_options){0});
    float bias[FEATURES], huge[FEATURES], found[FEATURES];
    for (size_t j = 0; j < FEATURES; j++)
        huge[j] = 3e38f;
    ck_assert_ok(ae_network_get_tensor(r.network, "decoder.0.bias", bias, FEATURES));
    ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    ck_assert_ok(ae_network_set_tensor(r.network, "decoder.0.bias", huge, FEATURES));
    ck_assert_status(ae_trainer_run_step(r.trainer, NULL), AE_ERROR_DIVERGED, "not finite");
    ck_assert_status(ae_trainer_get_gradient(r.trainer, "decoder.0.bias", found, FEATURES),
                     AE_ERROR_NOT_SET, "the last one failed");
    ck_assert_ok(ae_network_get_tensor(r.network, "decoder.0.bias", found, FEATURES));
    ck_assert_mem_eq(found, bias, sizeof bias);
    finish(&r);
}
END_TEST

Suite *own_optimizer_suite(void)
{
    Suite *suite = suite_create("own_optimizer");
    TCase *tcase = tcase_create("own_optimizer");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_loop_test(tcase, a_hand_written_descent_is_the_librarys_bit_for_bit, 0, 4);
    tcase_add_loop_test(tcase, a_hand_written_descent_has_what_regularises, 0, 7);
    tcase_add_test(tcase, the_gradient_has_the_slopes_of_what_regularises);
    tcase_add_test(tcase, the_gradient_is_the_slope_of_the_cost);
    tcase_add_loop_test(tcase, keeping_gradients_changes_nothing_else, 0, 2);
    tcase_add_test(tcase, a_gradient_that_is_not_there_is_refused);
    tcase_add_test(tcase, a_diverged_step_leaves_no_gradient);
    suite_add_tcase(suite, tcase);
    return suite;
}
