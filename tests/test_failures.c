/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that runs out: every allocation of every call fails once, in turn. The call must say so,
 * leak nothing (the sanitizers look), change nothing, and work when tried again. And calls that
 * promise not to allocate do not.
 */
#include "train/optimizer_internal.h"

#include "fixtures.h"
#include "suites.h"

#include <libae/missing.h>

enum { ROWS = 10, FEATURES = 6, MOST_ALLOCATIONS = 200 };

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

/* Makes an object, and frees it again when it could be made. */
typedef ae_status (*attempt)(world *w);

/* Let each allocation of the call fail in turn; returns how many there are. */
static size_t fail_each(attempt call, world *w)
{
    for (size_t n = 1; n < MOST_ALLOCATIONS; n++) {
        support_fail_allocation(n);
        const ae_status status = call(w);
        const int failed = support_allocation_failed();
        support_fail_allocation(0);
        if (!failed) {
            ck_assert_msg(status == AE_OK, "%s: %s", ae_status_name(status), ae_last_error());
            return n - 1;
        }
        ck_assert_msg(status == AE_ERROR_OUT_OF_MEMORY, "allocation %zu: %s: %s", n,
                      ae_status_name(status), ae_last_error());
        ck_assert(support_contains(ae_last_error(), "byte") ||
                  support_contains(ae_last_error(), "memory"));
    }
    ck_abort_msg("the call never succeeds");
    return 0;
}

/* A call that creates an object through `made`: the caller's pointer is untouched on failure. */
#define CREATOR(name, type, ...)                \
    static ae_status name(world *w)             \
    {                                           \
        type *const untouched = (type *)w;      \
        type *made = untouched;                 \
        const ae_status status = (__VA_ARGS__); \
        if (status == AE_OK)                    \
            type##_free(made);                  \
        else                                    \
            ck_assert_ptr_eq(made, untouched);  \
        return status;                          \
    }

CREATOR(create_network, ae_network,
        ae_network_create(&made,
                          AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 3, FEATURES},
                                             .width_count = 3)))
CREATOR(clone_network, ae_network, ae_network_clone(&made, w->network))
CREATOR(create_session, ae_session,
        ae_session_create(&made, w->network, AE_SESSION_OPTIONS(.max_batch = 8, .threads = 3)))
CREATOR(create_adam, ae_optimizer, ae_optimizer_create_adam(&made, NULL))
CREATOR(create_sgd, ae_optimizer, ae_optimizer_create_sgd(&made, NULL))
CREATOR(create_trainer, ae_trainer,
        ae_trainer_create(&made, w->network, w->optimizer, w->training,
                          AE_TRAINER_OPTIONS(.batch = 4, .threads = 3, .clip_norm = 1,
                                             .validation = w->validation,
                                             .restore_best = AE_TOGGLE_ON,
                                             .checkpoint_path = "never-written")))

static ae_status evaluate(world *w)
{
    ae_evaluation result = {.size = sizeof result, .l2 = -7};
    const ae_status status = ae_network_evaluate(w->network, w->training, &result,
                                                 AE_EVALUATE_OPTIONS(.threads = 2));
    ck_assert((result.l2 == -7) == (status != AE_OK));
    return status;
}

static ae_status evaluate_mean(world *w)
{
    ae_evaluation result = {.size = sizeof result, .l2 = -7};
    const ae_status status = ae_dataset_evaluate_mean(w->training, w->validation, &result);
    ck_assert((result.l2 == -7) == (status != AE_OK));
    return status;
}

static ae_status fit_threshold(world *w)
{
    const ae_status status = ae_network_fit_threshold(
        w->network, w->training, AE_THRESHOLD_OPTIONS(.quantile = 1, .threads = 2));
    ck_assert((w->network->threshold.size != 0) == (status == AE_OK));
    return status;
}

static ae_status diagnose(world *w)
{
    ae_diagnosis diagnosis = {.size = sizeof diagnosis, .units = 7};
    const ae_status status = ae_network_diagnose(w->network, w->training, w->validation, &diagnosis,
                                                 AE_DIAGNOSE_OPTIONS(.threads = 2));
    ck_assert((diagnosis.units == 7) == (status != AE_OK));
    return status;
}

/* Without an optimizer, and with texts to copy. */
static ae_status create_gradients(world *w)
{
    ae_trainer *trainer = NULL;
    const ae_status status = ae_trainer_create(
        &trainer, w->network, NULL, w->training,
        AE_TRAINER_OPTIONS(.batch = 4, .threads = 2, .train_tag = "a", .validation_tag = "b"));
    ae_trainer_free(trainer);
    return status;
}

static ae_status create_denoiser(world *w)
{
    ae_trainer *trainer = NULL;
    const ae_status status = ae_trainer_create(
        &trainer, w->network, w->optimizer, w->training,
        AE_TRAINER_OPTIONS(.batch = 4, .threads = 2, .input_noise = 0.1f));
    ae_trainer_free(trainer);
    return status;
}

/* Every array and text that a trainer copies. */
static ae_status create_regularised(world *w)
{
    static const float features[FEATURES] = {1, 0, 2, 1, 1, 1}, dropouts[] = {0.1f, 0, 0.2f, 0};
    float rows[ROWS] = {1, 2}, validation_rows[5] = {3};
    ae_trainer *trainer = NULL;
    const ae_status status = ae_trainer_create(
        &trainer, w->network, w->optimizer, w->training,
        AE_TRAINER_OPTIONS(.batch = 4, .threads = 2, .dropouts = dropouts, .dropout_count = 4,
                           .feature_weights = features, .feature_weight_count = FEATURES,
                           .row_weights = rows, .row_weight_count = ROWS,
                           .validation = w->validation, .validation_row_weights = validation_rows,
                           .validation_row_weight_count = 5, .code_l1 = 0.1f, .penalty_tag = "p",
                           .rate_tag = "r"));
    ae_trainer_free(trainer);
    return status;
}

/* A network of its own, which gets fill values only with the trainer. */
static ae_status create_with_holes(world *w)
{
    (void)w;
    static const float values[] = {0.5f, NAN, 0.25f, 1, 0, NAN, 1, 0.5f};
    ae_network *network = NULL;
    ae_dataset *dataset = NULL;
    ae_trainer *trainer = NULL;
    ae_status status = ae_network_create(
        &network, AE_NETWORK_OPTIONS(.widths = (const size_t[]){2, 1, 2}, .width_count = 3,
                                     .tied_weights = AE_TOGGLE_ON));
    if (status == AE_OK)
        status = ae_dataset_create_f32(&dataset, values, 4, 2,
                                       AE_DATASET_OPTIONS(.missing = AE_MISSING_KEEP));
    if (status == AE_OK)
        status = ae_trainer_create(&trainer, network, NULL, dataset, NULL);
    ck_assert_int_eq(ae_network_has_fill(network), status == AE_OK);
    ae_trainer_free(trainer);
    ae_dataset_free(dataset);
    ae_network_free(network);
    return status;
}

/* The least number of allocations keeps a call from escaping by not allocating through the hooks at
 * all. */
static const struct {
    attempt call;
    size_t least;
} attempts[] = {
    {create_network, 3},      {clone_network, 3},     {create_session, 3},  {create_adam, 1},
    {create_sgd, 1},          {create_trainer, 5},    {evaluate, 2},        {evaluate_mean, 1},
    {fit_threshold, 3},       {diagnose, 10},         {create_denoiser, 4}, {create_gradients, 8},
    {create_regularised, 12}, {create_with_holes, 8},
};

START_TEST(every_allocation_may_fail)
{
    world w = begin();
    ck_assert_uint_ge(fail_each(attempts[_i].call, &w), attempts[_i].least);
    end(&w);
}
END_TEST

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
    tcase_add_loop_test(tcase, every_allocation_may_fail, 0, (int)COUNT(attempts));
    tcase_add_test(tcase, a_trainer_that_cannot_be_made_leaves_the_optimizer_alone);
    tcase_add_test(tcase, a_history_that_cannot_grow_loses_no_epoch);
    tcase_add_loop_test(tcase, training_allocates_nothing, 0, 4);
    tcase_add_loop_test(tcase, inference_allocates_nothing, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
