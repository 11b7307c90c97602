/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules against their definitions in float64, and options that are refused. */
#include "train/optimizer_internal.h"

#include "base/unconst.h"
#include "fixtures.h"
#include "suites.h"

/* What a rule's definition says, in double: parameters, and moments kept from step to step. */
typedef struct definition {
    aei_optimizer_kind kind;
    double rate, beta1, beta2, epsilon, decay, momentum, clip;
    bool nesterov;
    double *first, *second;
} definition;

/* Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2; Sutskever et al. 2013
 * as frameworks have it. */
static double stepped(definition *d, size_t i, double w, double gradient, bool decays, double t)
{
    const double decay = decays ? d->decay : 0;
    if (d->kind == AEI_SGD) {
        const double g = gradient + decay * w;
        d->first[i] = d->momentum * d->first[i] + g;
        return w - d->rate * (d->nesterov ? g + d->momentum * d->first[i] : d->first[i]);
    }
    const double g = d->kind == AEI_ADAM ? gradient + decay * w : gradient;
    d->first[i] = d->beta1 * d->first[i] + (1 - d->beta1) * g;
    d->second[i] = d->beta2 * d->second[i] + (1 - d->beta2) * g * g;
    const double m = d->first[i] / (1 - pow(d->beta1, t)),
                 v = d->second[i] / (1 - pow(d->beta2, t));
    const double kept = d->kind == AEI_ADAMW ? w - d->rate * decay * w : w;
    return kept - d->rate * m / (sqrt(v) + d->epsilon);
}

static ae_optimizer *create(const definition *d)
{
    ae_optimizer *optimizer = NULL;
    const ae_adam_options adam = {.size = sizeof adam,
                                  .learning_rate = (float)d->rate,
                                  .beta1 = (float)d->beta1,
                                  .beta2 = (float)d->beta2,
                                  .epsilon = (float)d->epsilon,
                                  .weight_decay = (float)d->decay};
    if (d->kind == AEI_ADAM)
        ck_assert_ok(ae_optimizer_create_adam(&optimizer, &adam));
    else if (d->kind == AEI_ADAMW)
        ck_assert_ok(ae_optimizer_create_adamw(&optimizer, &adam));
    else
        ck_assert_ok(ae_optimizer_create_sgd(
            &optimizer,
            AE_SGD_OPTIONS(.learning_rate = (float)d->rate, .momentum = (float)d->momentum,
                           .nesterov = d->nesterov ? AE_TOGGLE_ON : AE_TOGGLE_OFF,
                           .weight_decay = (float)d->decay)));
    return optimizer;
}

/* Every constant is a float32's value, so that both sides compute with the same; rates are large
 * for a clear view. */
static const definition definitions[] = {
    {.kind = AEI_ADAM, .rate = 0x1p-4, .beta1 = 0.875, .beta2 = 0.9921875, .epsilon = 0x1p-20},
    {.kind = AEI_ADAM,
     .rate = 0x1p-4,
     .beta1 = 0.875,
     .beta2 = 0.9921875,
     .epsilon = 0x1p-20,
     .decay = 0.125},
    {.kind = AEI_ADAMW,
     .rate = 0x1p-4,
     .beta1 = 0.875,
     .beta2 = 0.9921875,
     .epsilon = 0x1p-20,
     .decay = 0.5},
    {.kind = AEI_ADAM,
     .rate = 0x1p-4,
     .beta1 = 0.875,
     .beta2 = 0.9921875,
     .epsilon = 0x1p-20,
     .clip = 0x1p-5},
    {.kind = AEI_SGD, .rate = 0.5},
    {.kind = AEI_SGD, .rate = 0.5, .decay = 0.125},
    {.kind = AEI_SGD, .rate = 0.25, .momentum = 0.875},
    {.kind = AEI_SGD, .rate = 0.25, .momentum = 0.875, .decay = 0.125},
    {.kind = AEI_SGD, .rate = 0.25, .momentum = 0.875, .nesterov = true, .decay = 0.0625},
    {.kind = AEI_SGD, .rate = 0.5, .clip = 0x1p-5},
};

static double length(const float *values, size_t count)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (double)values[i] * (double)values[i];
    return sqrt(squares);
}

static int keep_norm(void *user, const ae_step_info *info)
{
    *(double *)user = info->gradient_norm;
    return 0;
}

/* The trainable tensors one after another, and which of their elements weight decay concerns. */
static void read_trainable(const ae_network *network, float *values, bool *decays)
{
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        if (!info.trainable)
            continue;
        ck_assert_ok(ae_network_get_tensor(network, info.name, values, info.count));
        for (size_t j = 0; j < info.count; j++)
            decays[j] = info.rank == 2;
        values += info.count;
        decays += info.count;
    }
}

/* One element before and after step s, against the rule's definition. */
static void check_element(definition *d, size_t s, size_t i, float before, float after,
                          double gradient, bool decays)
{
    const double expected = stepped(d, i, (double)before, gradient, decays, (double)s);
    /* Rounding: of the parameter, of its change, and of moments that have cancelled (as parts of
     * the rate). */
    const double tolerance = 1e-7 * fabs(expected) + 2e-6 * fabs(expected - (double)before) +
                             2e-7 * d->rate;
    ck_assert_msg(fabs((double)after - expected) <= tolerance,
                  "step %zu, element %zu: %.9g -> %.9g, not %.9g", s, i, (double)before,
                  (double)after, expected);
}

/* Test number: rule, kernels. The gradient is the library's, taken just before each step, so only
 * the rule is judged.
 */
START_TEST(rule_moves_parameters_as_its_definition_says)
{
    enum { ROWS = 12, STEPS = 8 };
    const size_t widths[] = {20, 35, 3, 35, 20};
    definition d = definitions[(size_t)_i % COUNT(definitions)];
    const char *kernels = ae_kernels_name((size_t)_i / COUNT(definitions));
    ae_network *network = fixture_network_with(AE_NETWORK_OPTIONS(.widths = widths,
                                                                  .width_count = COUNT(widths),
                                                                  .seed = 4, .kernels = kernels));
    const size_t count = ae_network_parameter_count(network);
    d.first = fixture_allocate(count, sizeof *d.first);
    d.second = fixture_allocate(count, sizeof *d.second);
    float *before = fixture_allocate(count, sizeof *before),
          *after = fixture_allocate(count, sizeof *after);
    float *gradient = fixture_allocate(count, sizeof *gradient);
    bool *decays = fixture_allocate(count, sizeof *decays);
    float *rows = fixture_values(ROWS * widths[0], 0, 1, 8);
    ae_dataset *dataset = fixture_dataset_of(rows, ROWS, widths[0]);
    ae_optimizer *optimizer = create(&d);
    double norm = -1;
    ae_trainer *trainer = fixture_trainer(
        network, optimizer, dataset,
        AE_TRAINER_OPTIONS(.batch = ROWS, .shuffle = AE_SHUFFLE_NONE, .threads = 2,
                           .clip_norm = (float)d.clip, .on_step = keep_norm, .user = &norm));
    for (size_t s = 1; s <= STEPS; s++) {
        read_trainable(network, before, decays);
        (void)fixture_gradient(network, AE_COST_L2, rows, ROWS, 1, gradient, NULL);
        const double whole = length(gradient, count);
        const double scale = d.clip > 0 && whole > d.clip ? d.clip / whole : 1;
        ck_assert_ok(ae_trainer_run_step(trainer, NULL));
        ck_assert_double_eq_tol(norm, d.clip > 0 ? whole : 0, 1e-6 * whole);
        if (d.clip > 0)
            ck_assert_double_lt(scale, 0.9);
        read_trainable(network, after, decays);
        for (size_t i = 0; i < count; i++)
            check_element(&d, s, i, before[i], after[i], scale * (double)gradient[i], decays[i]);
    }
    ck_assert_uint_eq(ae_optimizer_step_count(optimizer), STEPS);
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    ae_dataset_free(dataset);
    ae_network_free(network);
    free(rows);
    free(decays);
    free(gradient);
    free(before);
    free(after);
    free(d.first);
    free(d.second);
}
END_TEST

/* One step of plain descent moves the parameters by rate * gradient: its length shows the clipped
 * norm. */
START_TEST(clipped_gradient_has_the_norm_asked_for)
{
    enum { ROWS = 10 };
    const float rate = 0.5f, clip = 0.01f;
    ae_network *network = FIXTURE_NETWORK(20, 9, 20);
    const size_t count = ae_network_parameter_count(network);
    float *before = fixture_allocate(count, sizeof *before),
          *after = fixture_allocate(count, sizeof *after);
    bool *decays = fixture_allocate(count, sizeof *decays);
    ae_dataset *dataset = fixture_dataset(ROWS, 20, 2);
    ae_optimizer *optimizer = fixture_sgd(rate);
    ae_trainer *trainer = fixture_trainer(network, optimizer, dataset,
                                          AE_TRAINER_OPTIONS(.batch = ROWS, .clip_norm = clip));
    read_trainable(network, before, decays);
    ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    read_trainable(network, after, decays);
    for (size_t i = 0; i < count; i++)
        after[i] -= before[i];
    /* Differences of parameters near 1 are good to 6e-8 each; some 400 of them make 1e-6 of
     * 5e-3. */
    ck_assert_double_eq_tol(length(after, count), (double)(rate * clip), 2e-6);
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    ae_dataset_free(dataset);
    ae_network_free(network);
    free(decays);
    free(before);
    free(after);
}
END_TEST

START_TEST(base_rate_can_be_changed_to_any_positive_number)
{
    ae_optimizer *optimizer = fixture_sgd(0.5f);
    ck_assert_float_eq(ae_optimizer_learning_rate(optimizer), 0.5f);
    ck_assert_ok(ae_optimizer_set_learning_rate(optimizer, 0.25f));
    ck_assert_float_eq(ae_optimizer_learning_rate(optimizer), 0.25f);
    const float wrong[] = {0, -1, NAN, INFINITY};
    for (size_t i = 0; i < COUNT(wrong); i++)
        ck_assert_status(ae_optimizer_set_learning_rate(optimizer, wrong[i]),
                         AE_ERROR_INVALID_ARGUMENT, "learning_rate");
    ck_assert_status(ae_optimizer_set_learning_rate(NULL, 1), AE_ERROR_INVALID_ARGUMENT,
                     "optimizer is NULL");
    ck_assert_float_eq(ae_optimizer_learning_rate(optimizer), 0.25f);
    ae_optimizer_free(optimizer);
}
END_TEST

START_TEST(adam_options_out_of_range_are_refused)
{
    const struct {
        ae_adam_options options;
        const char *part;
    } wrong[] = {
        {{.learning_rate = -1}, "learning_rate -1"},
        {{.learning_rate = NAN}, "learning_rate nan"},
        {{.learning_rate = INFINITY}, "learning_rate inf"},
        {{.beta1 = 1}, "beta1 1"},
        {{.beta1 = -0.5f}, "beta1 -0.5"},
        {{.beta1 = NAN}, "beta1 nan"},
        {{.beta2 = 1}, "beta2 1"},
        {{.beta2 = -0.5f}, "beta2 -0.5"},
        {{.epsilon = -1}, "epsilon -1"},
        {{.epsilon = INFINITY}, "epsilon inf"},
        {{.epsilon = NAN}, "epsilon nan"},
        {{.weight_decay = -1}, "weight_decay -1"},
        {{.weight_decay = INFINITY}, "weight_decay inf"},
        {{.weight_decay = NAN}, "weight_decay nan"},
    };
    ae_optimizer *untouched = aei_unconst(&wrong);
    ae_optimizer *optimizer = untouched;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ae_adam_options options = wrong[i].options;
        options.size = sizeof options;
        ck_assert_status(ae_optimizer_create_adam(&optimizer, &options), AE_ERROR_INVALID_ARGUMENT,
                         wrong[i].part);
        ck_assert_status(ae_optimizer_create_adamw(&optimizer, &options), AE_ERROR_INVALID_ARGUMENT,
                         wrong[i].part);
    }
    ck_assert_status(ae_optimizer_create_adam(&optimizer, AE_ADAM_OPTIONS(.reserved = 1)),
                     AE_ERROR_UNSUPPORTED, "ae_adam_options.reserved is not 0");
    ck_assert_status(ae_optimizer_create_adam(&optimizer, &(ae_adam_options){0}),
                     AE_ERROR_INVALID_ARGUMENT, "size");
    ck_assert_ptr_eq(optimizer, untouched);
    ck_assert_status(ae_optimizer_create_adam(NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "optimizer is NULL");
    ck_assert_status(ae_optimizer_create_adamw(NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "optimizer is NULL");
}
END_TEST

START_TEST(sgd_options_out_of_range_are_refused)
{
    const struct {
        ae_sgd_options options;
        const char *part;
    } wrong[] = {
        {{.learning_rate = -1}, "learning_rate -1"},
        {{.learning_rate = INFINITY}, "learning_rate inf"},
        {{.momentum = 1}, "momentum 1"},
        {{.momentum = -0.5f}, "momentum -0.5"},
        {{.momentum = NAN}, "momentum nan"},
        {{.nesterov = AE_TOGGLE_ON}, "nesterov"},
        {{.nesterov = (ae_toggle)3, .momentum = 0.5f}, "nesterov is 3"},
        {{.weight_decay = -1}, "weight_decay -1"},
        {{.weight_decay = NAN}, "weight_decay nan"},
    };
    ae_optimizer *untouched = aei_unconst(&wrong);
    ae_optimizer *optimizer = untouched;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ae_sgd_options options = wrong[i].options;
        options.size = sizeof options;
        ck_assert_status(ae_optimizer_create_sgd(&optimizer, &options), AE_ERROR_INVALID_ARGUMENT,
                         wrong[i].part);
    }
    ck_assert_status(ae_optimizer_create_sgd(&optimizer, &(ae_sgd_options){0}),
                     AE_ERROR_INVALID_ARGUMENT, "size");
    ck_assert_ptr_eq(optimizer, untouched);
    ck_assert_status(ae_optimizer_create_sgd(NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "optimizer is NULL");
}
END_TEST

START_TEST(defaults_are_the_documented_ones)
{
    ae_optimizer *optimizer = NULL;
    ck_assert_ok(ae_optimizer_create_adam(&optimizer, NULL));
    ck_assert_float_eq(ae_optimizer_learning_rate(optimizer), 0.001f);
    ck_assert_float_eq(optimizer->beta1, 0.9f);
    ck_assert_float_eq(optimizer->beta2, 0.999f);
    ck_assert_float_eq(optimizer->epsilon, 1e-8f);
    ck_assert_float_eq(optimizer->weight_decay, 0);
    ck_assert_uint_eq(ae_optimizer_step_count(optimizer), 0);
    ae_optimizer_free(optimizer);
    ck_assert_ok(ae_optimizer_create_sgd(&optimizer, NULL));
    ck_assert_float_eq(ae_optimizer_learning_rate(optimizer), 0.01f);
    ck_assert_float_eq(optimizer->momentum, 0);
    ae_optimizer_free(optimizer);

    ae_adam_options adam;
    ae_sgd_options sgd;
    ae_schedule_options schedule;
    ae_adam_options_init(&adam);
    ae_sgd_options_init(&sgd);
    ae_schedule_options_init(&schedule);
    ck_assert_uint_eq(adam.size, sizeof adam);
    ck_assert_uint_eq(sgd.size, sizeof sgd);
    ck_assert_uint_eq(schedule.size, sizeof schedule);
    ck_assert_float_eq(adam.learning_rate, 0);
    ck_assert_float_eq(sgd.learning_rate, 0);
    ck_assert_uint_eq(schedule.period, 0);
}
END_TEST

START_TEST(null_is_allowed_where_it_is_promised)
{
    ae_adam_options_init(NULL);
    ae_sgd_options_init(NULL);
    ae_schedule_options_init(NULL);
    ae_optimizer_free(NULL);
    ck_assert_float_eq(ae_optimizer_learning_rate(NULL), 0);
    ck_assert_uint_eq(ae_optimizer_step_count(NULL), 0);
}
END_TEST

static void take_steps(ae_network *network, ae_optimizer *optimizer, const ae_dataset *dataset,
                       size_t steps)
{
    ae_trainer *trainer = fixture_trainer(
        network, optimizer, dataset, AE_TRAINER_OPTIONS(.batch = 4, .shuffle = AE_SHUFFLE_NONE));
    for (size_t s = 0; s < steps; s++)
        ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    ae_trainer_free(trainer);
}

START_TEST(moments_outlive_a_trainer_and_start_anew_for_another_layout)
{
    ae_dataset *dataset = fixture_dataset(8, 6, 1), *wide = fixture_dataset(8, 9, 1);
    ae_network *cut = FIXTURE_NETWORK(6, 3, 6), *whole = FIXTURE_NETWORK(6, 3, 6),
               *other = FIXTURE_NETWORK(9, 3, 9);
    ae_network *fresh = FIXTURE_NETWORK(9, 3, 9);
    ae_optimizer *first = fixture_adam(0.01f), *second = fixture_adam(0.01f),
                 *third = fixture_adam(0.01f);
    take_steps(cut, first, dataset, 2);
    take_steps(cut, first, dataset, 2);
    take_steps(whole, second, dataset, 4);
    ck_assert_uint_eq(ae_optimizer_step_count(first), 4);
    ck_assert(fixture_same_state(cut, whole));

    take_steps(other, first, wide, 3);
    take_steps(fresh, third, wide, 3);
    ck_assert_uint_eq(ae_optimizer_step_count(first), 3);
    ck_assert(fixture_same_state(other, fresh));
    ae_optimizer_free(first);
    ae_optimizer_free(second);
    ae_optimizer_free(third);
    ae_network_free(cut);
    ae_network_free(whole);
    ae_network_free(other);
    ae_network_free(fresh);
    ae_dataset_free(dataset);
    ae_dataset_free(wide);
}
END_TEST

Suite *optimizer_suite(void)
{
    Suite *suite = suite_create("optimizer");
    TCase *tcase = tcase_create("optimizer");
    const int rules = (int)(COUNT(definitions) * ae_kernels_count());
    tcase_add_loop_test(tcase, rule_moves_parameters_as_its_definition_says, 0, rules);
    tcase_add_test(tcase, clipped_gradient_has_the_norm_asked_for);
    tcase_add_test(tcase, base_rate_can_be_changed_to_any_positive_number);
    tcase_add_test(tcase, adam_options_out_of_range_are_refused);
    tcase_add_test(tcase, sgd_options_out_of_range_are_refused);
    tcase_add_test(tcase, defaults_are_the_documented_ones);
    tcase_add_test(tcase, null_is_allowed_where_it_is_promised);
    tcase_add_test(tcase, moments_outlive_a_trainer_and_start_anew_for_another_layout);
    suite_add_tcase(suite, tcase);
    return suite;
}
