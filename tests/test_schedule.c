/* SPDX-License-Identifier: BSD-3-Clause */
/* Learning-rate schedules. */
#include "train/optimizer_internal.h"

#include "fixtures.h"
#include "suites.h"

static const double pi = 3.141592653589793;

static void check_rates(const ae_schedule_options *schedule, float base, const uint64_t *steps,
                        const double *rates, size_t count)
{
    ae_optimizer *optimizer = fixture_adam(base);
    ck_assert_ok(ae_optimizer_set_schedule(optimizer, schedule));
    for (size_t i = 0; i < count; i++) {
        optimizer->steps = steps[i];
        const double rate = (double)ae_optimizer_learning_rate(optimizer);
        ck_assert_msg(fabs(rate - rates[i]) <= 1e-7 * rates[i], "step %zu: %.9g, not %.9g",
                      (size_t)steps[i], rate, rates[i]);
    }
    ae_optimizer_free(optimizer);
}

#define CHECK_RATES(schedule, base, steps, ...)                  \
    do {                                                         \
        const double rates[] = {__VA_ARGS__};                    \
        ck_assert_uint_eq(COUNT(rates), COUNT(steps));           \
        check_rates(schedule, base, steps, rates, COUNT(rates)); \
    } while (0)

START_TEST(constant_rate_stays)
{
    const uint64_t steps[] = {0, 1, 1000000};
    CHECK_RATES(NULL, 0.5f, steps, 0.5, 0.5, 0.5);
    CHECK_RATES(AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_CONSTANT), 0.5f, steps, 0.5, 0.5, 0.5);
}
END_TEST

START_TEST(step_rate_falls_at_every_period)
{
    const uint64_t steps[] = {0, 9, 10, 19, 20, 45};
    CHECK_RATES(AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_STEP, .period = 10, .factor = 0.5f), 1,
                steps, 1, 1, 0.5, 0.5, 0.25, 0.0625);
    /* The default factor is 0.1f. */
    CHECK_RATES(AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_STEP, .period = 10), 1, steps, 1, 1,
                (double)0.1f, (double)0.1f, (double)0.1f * (double)0.1f, pow((double)0.1f, 4));
}
END_TEST

START_TEST(exponential_rate_falls_at_every_step)
{
    const uint64_t steps[] = {0, 5, 10, 15, 20};
    CHECK_RATES(AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_EXPONENTIAL, .period = 10, .factor = 0.25f),
                1, steps, 1, 0.5, 0.25, 0.125, 0.0625);
}
END_TEST

START_TEST(cosine_rate_falls_to_its_floor_and_stays)
{
    const uint64_t steps[] = {0, 2, 4, 6, 8, 12, 100};
    CHECK_RATES(AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_COSINE, .period = 8, .floor = 0.25f), 1,
                steps, 1, 0.25 + 0.75 * (1 + cos(pi / 4)) / 2, 0.625,
                0.25 + 0.75 * (1 + cos(3 * pi / 4)) / 2, 0.25, 0.25, 0.25);
    CHECK_RATES(AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_COSINE, .period = 8), 1, steps, 1,
                (1 + cos(pi / 4)) / 2, 0.5, (1 + cos(3 * pi / 4)) / 2, 0, 0, 0);
}
END_TEST

START_TEST(warm_up_climbs_to_the_base_and_the_schedule_starts_after_it)
{
    const uint64_t steps[] = {0, 1, 2, 3, 4, 5, 8};
    CHECK_RATES(AE_SCHEDULE_OPTIONS(.warmup_steps = 4), 1, steps, 0.25, 0.5, 0.75, 1, 1, 1, 1);
    CHECK_RATES(AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_STEP, .period = 1, .factor = 0.5f,
                                    .warmup_steps = 4),
                1, steps, 0.25, 0.5, 0.75, 1, 1, 0.5, 0.0625);
    CHECK_RATES(AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_EXPONENTIAL, .period = 2, .factor = 0.25f,
                                    .warmup_steps = 4),
                1, steps, 0.25, 0.5, 0.75, 1, 1, 0.5, 0.0625);
    CHECK_RATES(AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_COSINE, .period = 4, .warmup_steps = 4), 1,
                steps, 0.25, 0.5, 0.75, 1, 1, (1 + cos(pi / 4)) / 2, 0);
}
END_TEST

typedef struct rate_log {
    double rate[16];
    size_t count;
} rate_log;

static int keep_rate(void *user, const ae_step_info *info)
{
    rate_log *kept = user;
    if (kept->count < COUNT(kept->rate))
        kept->rate[kept->count++] = info->learning_rate;
    return 0;
}

START_TEST(cosine_without_a_period_takes_the_trainers_whole_run)
{
    /* 8 rows by 4 are 2 steps an epoch, 5 epochs: 10 steps, of which 2 warm up. */
    ae_dataset *dataset = fixture_dataset(8, 6, 1);
    ae_network *network = FIXTURE_NETWORK(6, 3, 6);
    ae_optimizer *optimizer = fixture_adam(0.5f);
    ck_assert_ok(ae_optimizer_set_schedule(
        optimizer,
        AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_COSINE, .warmup_steps = 2, .floor = 0.125f)));
    rate_log kept = {.count = 0};
    ae_trainer *trainer = fixture_trainer(
        network, optimizer, dataset,
        AE_TRAINER_OPTIONS(.batch = 4, .epochs = 5, .on_step = keep_rate, .user = &kept));
    ck_assert_ok(ae_trainer_run(trainer));
    ck_assert_uint_eq(kept.count, 10);
    for (size_t s = 0; s < kept.count; s++) {
        const double expected = s < 2 ? 0.25 * (double)(s + 1)
                                      : 0.125 + 0.375 * (1 + cos(pi * (double)(s - 2) / 8)) / 2;
        ck_assert_double_eq_tol(kept.rate[s], expected, 1e-7);
    }
    ck_assert_float_eq(ae_optimizer_learning_rate(optimizer), 0.125f);
    ae_epoch_info info = {.size = sizeof info};
    ck_assert_ok(ae_trainer_get_epoch(trainer, 4, &info));
    ck_assert_double_eq(info.learning_rate, kept.rate[9]);
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    ae_network_free(network);
    ae_dataset_free(dataset);
}
END_TEST

static float never_called(void *user, uint64_t step, float base)
{
    (void)user, (void)step;
    return base;
}

START_TEST(schedules_out_of_range_are_refused_and_change_nothing)
{
    ae_optimizer *optimizer = fixture_adam(0.5f);
    ck_assert_ok(ae_optimizer_set_schedule(
        optimizer, AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_STEP, .period = 1, .factor = 0.5f)));
    const struct {
        ae_schedule_options options;
        const char *part;
    } wrong[] = {
        {{.kind = (ae_schedule)6}, "kind is 6"},
        {{.kind = (ae_schedule)-1}, "kind is -1"},
        {{.kind = AE_SCHEDULE_STEP}, "period"},
        {{.kind = AE_SCHEDULE_EXPONENTIAL}, "period"},
        {{.kind = AE_SCHEDULE_STEP, .period = 1, .factor = 1.5f}, "factor 1.5"},
        {{.kind = AE_SCHEDULE_STEP, .period = 1, .factor = -1}, "factor -1"},
        {{.kind = AE_SCHEDULE_STEP, .period = 1, .factor = NAN}, "factor nan"},
        {{.kind = AE_SCHEDULE_CALLBACK}, "a callback and kind AE_SCHEDULE_CALLBACK"},
        {{.callback = never_called}, "a callback and kind AE_SCHEDULE_CALLBACK"},
        {{.kind = AE_SCHEDULE_COSINE, .floor = 0.75f}, "floor 0.75"},
        {{.kind = AE_SCHEDULE_COSINE, .floor = -1}, "floor -1"},
        {{.kind = AE_SCHEDULE_COSINE, .floor = NAN}, "floor nan"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ae_schedule_options options = wrong[i].options;
        options.size = sizeof options;
        ck_assert_status(ae_optimizer_set_schedule(optimizer, &options), AE_ERROR_INVALID_ARGUMENT,
                         wrong[i].part);
    }
    ck_assert_status(ae_optimizer_set_schedule(optimizer, &(ae_schedule_options){0}),
                     AE_ERROR_INVALID_ARGUMENT, "size is 0");
    ck_assert_status(ae_optimizer_set_schedule(NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "optimizer is NULL");
    optimizer->steps = 2;
    ck_assert_float_eq(ae_optimizer_learning_rate(optimizer), 0.125f);
    ae_optimizer_free(optimizer);
}
END_TEST

/* Halves from step to step; counts its calls and refuses to be given another base. */
static float halve(void *user, uint64_t step, float base)
{
    ck_assert_float_eq(base, 0.5f);
    ++*(size_t *)user;
    return base / (float)((uint64_t)1 << step);
}

START_TEST(a_callback_gives_the_rate_after_the_warm_up)
{
    const uint64_t steps[] = {0, 1, 2, 3, 5};
    size_t calls = 0;
    CHECK_RATES(
        AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_CALLBACK, .callback = halve, .user = &calls), 0.5f,
        steps, 0.5, 0.25, 0.125, 0.0625, 0.015625);
    ck_assert_uint_eq(calls, 5);
    CHECK_RATES(AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_CALLBACK, .callback = halve, .user = &calls,
                                    .warmup_steps = 2),
                0.5f, steps, 0.25, 0.5, 0.5, 0.25, 0.0625);
}
END_TEST

static float given(void *user, uint64_t step, float base)
{
    (void)step, (void)base;
    return *(const float *)user;
}

START_TEST(a_rate_that_cannot_be_is_refused_before_the_step)
{
    ae_dataset *dataset = fixture_dataset(8, 6, 1);
    ae_network *network = FIXTURE_NETWORK(6, 3, 6), *before = NULL;
    ae_optimizer *optimizer = fixture_adam(0.5f);
    float value = 0.25f;
    ck_assert_ok(ae_optimizer_set_schedule(
        optimizer,
        AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_CALLBACK, .callback = given, .user = &value)));
    rate_log kept = {.count = 0};
    ae_trainer *trainer = fixture_trainer(
        network, optimizer, dataset,
        AE_TRAINER_OPTIONS(.batch = 4, .on_step = keep_rate, .user = &kept));
    ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    ck_assert_double_eq(kept.rate[0], 0.25);
    ck_assert_ok(ae_network_clone(&before, network));
    const float wrong[] = {-1, NAN, INFINITY};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        value = wrong[i];
        ck_assert_status(ae_trainer_run_step(trainer, NULL), AE_ERROR_INVALID_ARGUMENT,
                         "step 2: the schedule's callback");
    }
    ck_assert(fixture_same_state(network, before));
    ck_assert_uint_eq(ae_trainer_step_count(trainer), 1);
    value = 0;
    ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    ck_assert_uint_eq(ae_optimizer_step_count(optimizer), 2);
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    ae_network_free(network);
    ae_network_free(before);
    ae_dataset_free(dataset);
}
END_TEST

Suite *schedule_suite(void)
{
    Suite *suite = suite_create("schedule");
    TCase *tcase = tcase_create("schedule");
    tcase_add_test(tcase, constant_rate_stays);
    tcase_add_test(tcase, step_rate_falls_at_every_period);
    tcase_add_test(tcase, exponential_rate_falls_at_every_step);
    tcase_add_test(tcase, cosine_rate_falls_to_its_floor_and_stays);
    tcase_add_test(tcase, warm_up_climbs_to_the_base_and_the_schedule_starts_after_it);
    tcase_add_test(tcase, cosine_without_a_period_takes_the_trainers_whole_run);
    tcase_add_test(tcase, schedules_out_of_range_are_refused_and_change_nothing);
    tcase_add_test(tcase, a_callback_gives_the_rate_after_the_warm_up);
    tcase_add_test(tcase, a_rate_that_cannot_be_is_refused_before_the_step);
    suite_add_tcase(suite, tcase);
    return suite;
}
