/* SPDX-License-Identifier: BSD-3-Clause */
/* What training as a whole promises: the same bits for any number of threads, the orders of rows,
 * and that it learns.
 */
#include "fixtures.h"
#include "suites.h"

/* Neither widths nor rows divide by panels, tiles or threads; the last batch of an epoch is
 * smaller. */
static const size_t odd_widths[] = {33, 65, 40, 7, 40, 65, 33};
enum { ODD_ROWS = 61, ODD_BATCH = 16 };

/* AE_TOGGLE_DEFAULT: batch normalisation in every other layer. */
static ae_network *odd_network(const char *kernels, uint64_t seed, ae_toggle batch_norm)
{
    static const ae_toggle mixed[] = {AE_TOGGLE_OFF, AE_TOGGLE_ON,  AE_TOGGLE_OFF,
                                      AE_TOGGLE_ON,  AE_TOGGLE_OFF, AE_TOGGLE_ON};
    return fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = odd_widths, .width_count = COUNT(odd_widths),
                           .kernels = kernels, .seed = seed, .batch_norm = batch_norm,
                           .batch_norms = batch_norm == AE_TOGGLE_DEFAULT ? mixed : NULL,
                           .batch_norm_count = batch_norm == AE_TOGGLE_DEFAULT ? COUNT(mixed) : 0));
}

/* Train for some steps by Adam and return the network. */
static ae_network *train(const char *kernels, ae_toggle batch_norm, size_t steps,
                         const ae_trainer_options *options)
{
    ae_dataset *dataset = fixture_dataset(ODD_ROWS, odd_widths[0], 1);
    ae_network *network = odd_network(kernels, 7, batch_norm);
    ae_optimizer *optimizer = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(network, optimizer, dataset, options);
    for (size_t s = 0; s < steps; s++)
        ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    ae_dataset_free(dataset);
    return network;
}

/* Test number: kernels, whether gradients are clipped (then also bfloat16), whether batches are
 * normalised in all layers or in some. */
START_TEST(any_number_of_threads_gives_the_same_bits)
{
    static const size_t threads[] = {1, 2, 3, 4, 7};
    const char *kernels = ae_kernels_name((size_t)_i / 4);
    const float clip = _i & 1 ? 0.05f : 0;
    const ae_toggle batch_norm = _i & 2 ? AE_TOGGLE_DEFAULT : AE_TOGGLE_ON;
    const size_t steps = support_slow_arithmetic() ? 10 : 50;
    ae_network *first = NULL;
    for (size_t i = 0; i < COUNT(threads); i++) {
        ae_network *network = train(
            kernels, batch_norm, steps,
            AE_TRAINER_OPTIONS(.batch = ODD_BATCH, .clip_norm = clip, .seed = 3,
                               .threads = threads[i],
                               .precision = clip > 0 ? AE_PRECISION_BF16 : AE_PRECISION_F32));
        if (first != NULL)
            ck_assert_msg(fixture_same_state(first, network), "%s: %zu threads", kernels,
                          threads[i]);
        ae_network_free(first);
        first = network;
    }
    ae_network_free(first);
}
END_TEST

START_TEST(steps_epochs_and_runs_are_the_same_training)
{
    const size_t epochs = 5;
    ae_network *networks[3];
    for (size_t i = 0; i < COUNT(networks); i++) {
        ae_dataset *dataset = fixture_dataset(ODD_ROWS, odd_widths[0], 1);
        ae_optimizer *optimizer = fixture_adam(0.01f);
        networks[i] = odd_network(NULL, 7, AE_TOGGLE_ON);
        ae_trainer *trainer = fixture_trainer(
            networks[i], optimizer, dataset,
            AE_TRAINER_OPTIONS(.batch = ODD_BATCH, .epochs = epochs, .threads = 2));
        if (i == 0)
            ck_assert_ok(ae_trainer_run(trainer));
        for (size_t e = 0; e < epochs && i == 1; e++)
            ck_assert_ok(ae_trainer_run_epoch(trainer, NULL));
        for (size_t s = 0; s < epochs * ae_trainer_steps_per_epoch(trainer) && i == 2; s++)
            ck_assert_ok(ae_trainer_run_step(trainer, NULL));
        ck_assert_uint_eq(ae_trainer_epoch_count(trainer), epochs);
        ck_assert_uint_eq(ae_trainer_step_count(trainer), epochs * 4);
        ck_assert_uint_eq(ae_trainer_history_count(trainer), epochs);
        ae_trainer_free(trainer);
        ae_optimizer_free(optimizer);
        ae_dataset_free(dataset);
    }
    ck_assert(fixture_same_state(networks[0], networks[1]));
    ck_assert(fixture_same_state(networks[0], networks[2]));
    for (size_t i = 0; i < COUNT(networks); i++)
        ae_network_free(networks[i]);
}
END_TEST

START_TEST(a_clip_that_never_bites_leaves_the_same_bits_as_none)
{
    const char *kernels = ae_kernels_name((size_t)_i);
    ae_network *without = train(kernels, AE_TOGGLE_ON, 20,
                                AE_TRAINER_OPTIONS(.batch = ODD_BATCH, .threads = 2));
    ae_network *with = train(
        kernels, AE_TOGGLE_ON, 20,
        AE_TRAINER_OPTIONS(.batch = ODD_BATCH, .threads = 2, .clip_norm = 1e6f));
    ck_assert(fixture_same_state(without, with));
    ae_network_free(without);
    ae_network_free(with);
}
END_TEST

/* Rounded operands cost a little, not nothing: 8 bits of mantissa are a relative 2^-9 in each
 * factor. */
START_TEST(bfloat16_trains_nearly_as_float32_does)
{
    double costs[2] = {0, 0};
    for (int low = 0; low < 2; low++) {
        ae_dataset *digits = NULL;
        ae_network *network = support_slow() ? FIXTURE_NETWORK(784, 96, 4, 96, 784)
                                             : fixture_network_with(NULL);
        ae_optimizer *adam = fixture_adam(0.001f);
        ck_assert_ok(ae_dataset_create_digits(&digits, 600, 1));
        ae_trainer *trainer = fixture_trainer(
            network, adam, digits,
            AE_TRAINER_OPTIONS(.precision = low ? AE_PRECISION_BF16 : AE_PRECISION_F32,
                               .threads = 2));
        for (int step = 0; step < 12; step++)
            ck_assert_ok(ae_trainer_run_step(trainer, &costs[low]));
        ae_trainer_free(trainer);
        ae_optimizer_free(adam);
        ae_network_free(network);
        ae_dataset_free(digits);
    }
    ck_assert_double_ne(costs[0], costs[1]);
    ck_assert_double_eq_tol(costs[0], costs[1], 0.01 * costs[0]);
}
END_TEST

START_TEST(seeds_of_weights_and_of_shuffling_change_the_result)
{
    ae_network *a = odd_network(NULL, 1, AE_TOGGLE_ON), *b = odd_network(NULL, 1, AE_TOGGLE_ON),
               *c = odd_network(NULL, 2, AE_TOGGLE_ON);
    ck_assert(fixture_same_state(a, b));
    ck_assert(!fixture_same_state(a, c));
    ae_network_free(a);
    ae_network_free(b);
    ae_network_free(c);
    a = train(NULL, AE_TOGGLE_ON, 8, AE_TRAINER_OPTIONS(.batch = ODD_BATCH, .seed = 1));
    b = train(NULL, AE_TOGGLE_ON, 8, AE_TRAINER_OPTIONS(.batch = ODD_BATCH, .seed = 1));
    c = train(NULL, AE_TOGGLE_ON, 8, AE_TRAINER_OPTIONS(.batch = ODD_BATCH, .seed = 2));
    ck_assert(fixture_same_state(a, b));
    ck_assert(!fixture_same_state(a, c));
    ae_network_free(a);
    ae_network_free(b);
    ae_network_free(c);
}
END_TEST

START_TEST(kernels_agree_after_a_few_steps)
{
    enum { STEPS = 6 };
    const ae_trainer_options *options = AE_TRAINER_OPTIONS(.batch = ODD_BATCH, .threads = 1);
    ae_network *reference = train("reference", AE_TOGGLE_ON, STEPS, options);
    ae_network *network = train(ae_kernels_name((size_t)_i), AE_TOGGLE_ON, STEPS, options);
    size_t count, same;
    float *expected = fixture_state(reference, &count), *found = fixture_state(network, &same);
    ck_assert_uint_eq(count, same);
    /* Adam's first steps have the size of the rate whatever the gradient's, so rounding in a tiny
     * one shows: 1e-4. */
    const double distance = fixture_distance(found, expected, count);
    ck_assert_msg(distance < 1e-4, "%s is off by %.3g", ae_kernels_name((size_t)_i), distance);
    free(expected);
    free(found);
    ae_network_free(reference);
    ae_network_free(network);
}
END_TEST

START_TEST(the_order_of_rows_within_a_batch_changes_rounding_only)
{
    enum { ROWS = 29 };
    ae_network *network = odd_network(ae_kernels_name((size_t)_i), 7, AE_TOGGLE_ON);
    const size_t width = odd_widths[0], count = ae_network_parameter_count(network);
    float *rows = fixture_values(ROWS * width, 0, 1, 5),
          *turned = fixture_allocate(ROWS * width, sizeof *turned);
    for (size_t r = 0; r < ROWS; r++)
        memcpy(turned + r * width, rows + (r * 11 + 3) % ROWS * width, width * sizeof *rows);
    float *a = fixture_allocate(count, sizeof *a), *b = fixture_allocate(count, sizeof *b);
    const double cost = fixture_gradient(network, AE_COST_L2, rows, ROWS, 1, a, NULL);
    ck_assert_double_eq_tol(fixture_gradient(network, AE_COST_L2, turned, ROWS, 1, b, NULL), cost,
                            1e-6 * cost);
    ck_assert_double_lt(fixture_distance(b, a, count), 1e-5);
    free(a);
    free(b);
    free(rows);
    free(turned);
    ae_network_free(network);
}
END_TEST

/*
 * Which row each step took: a step of one row, at a rate too small to change any weight, costs that
 * row's score.
 */
enum { ORDER_ROWS = 23, ORDER_EPOCHS = 3 };

typedef struct order {
    float scores[ORDER_ROWS];
    size_t taken[ORDER_EPOCHS][ORDER_ROWS];
} order;

static int note_row(void *user, const ae_step_info *info)
{
    order *o = user;
    size_t nearest = 0;
    for (size_t r = 1; r < ORDER_ROWS; r++)
        if (fabs((double)o->scores[r] - info->cost) < fabs((double)o->scores[nearest] - info->cost))
            nearest = r;
    ck_assert_double_eq_tol((double)o->scores[nearest], info->cost, 1e-5);
    o->taken[info->epoch - 1][info->epoch_step - 1] = nearest;
    return 0;
}

static order observe(ae_shuffle shuffle, uint64_t seed)
{
    const size_t width = odd_widths[0];
    float *values = fixture_values(ORDER_ROWS * width, 0, 1, 9);
    ae_dataset *dataset = fixture_dataset_of(values, ORDER_ROWS, width);
    ae_network *network = odd_network(NULL, 7, AE_TOGGLE_OFF);
    ae_session *session = NULL;
    order o = {{0}, {{0}}};
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_session_score(session, values, ORDER_ROWS, o.scores, NULL, NULL));
    ae_optimizer *optimizer = fixture_sgd(1e-30f);
    ae_trainer *trainer = fixture_trainer(
        network, optimizer, dataset,
        AE_TRAINER_OPTIONS(.batch = 1, .epochs = ORDER_EPOCHS, .shuffle = shuffle, .seed = seed,
                           .on_step = note_row, .user = &o, .threads = 1));
    ck_assert_ok(ae_trainer_run(trainer));
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    ae_session_free(session);
    ae_network_free(network);
    ae_dataset_free(dataset);
    free(values);
    return o;
}

static bool in_file_order(const size_t taken[ORDER_ROWS])
{
    for (size_t i = 0; i < ORDER_ROWS; i++)
        if (taken[i] != i)
            return false;
    return true;
}

static void check_every_row_once(const order *o)
{
    for (size_t e = 0; e < ORDER_EPOCHS; e++) {
        int seen[ORDER_ROWS] = {0};
        for (size_t i = 0; i < ORDER_ROWS; i++)
            ck_assert_int_eq(seen[o->taken[e][i]]++, 0);
    }
}

START_TEST(shuffle_none_keeps_the_datasets_order)
{
    const order o = observe(AE_SHUFFLE_NONE, 1);
    for (size_t e = 0; e < ORDER_EPOCHS; e++)
        ck_assert(in_file_order(o.taken[e]));
}
END_TEST

START_TEST(shuffle_takes_every_row_once_in_a_new_order_each_epoch)
{
    const order o = observe(AE_SHUFFLE_DEFAULT, 1), same = observe(AE_SHUFFLE_EPOCH, 1);
    const order other = observe(AE_SHUFFLE_EPOCH, 2);
    check_every_row_once(&o);
    for (size_t e = 0; e < ORDER_EPOCHS; e++)
        ck_assert(!in_file_order(o.taken[e]));
    ck_assert_mem_ne(o.taken[0], o.taken[1], sizeof o.taken[0]);
    ck_assert_mem_ne(o.taken[1], o.taken[2], sizeof o.taken[0]);
    ck_assert_mem_eq(o.taken, same.taken, sizeof o.taken);
    ck_assert_mem_ne(o.taken[0], other.taken[0], sizeof o.taken[0]);
}
END_TEST

START_TEST(shuffle_after_first_takes_the_first_epoch_in_file_order)
{
    const order o = observe(AE_SHUFFLE_AFTER_FIRST, 1);
    check_every_row_once(&o);
    ck_assert(in_file_order(o.taken[0]));
    ck_assert(!in_file_order(o.taken[1]));
    ck_assert_mem_ne(o.taken[1], o.taken[2], sizeof o.taken[1]);
}
END_TEST

START_TEST(a_small_set_is_learned_by_heart)
{
    /* Eight rows through four code units by 400 full batches: far more freedom than the data
     * need. */
    ae_dataset *dataset = fixture_dataset(8, 16, 3);
    ae_network *network = FIXTURE_NETWORK(16, 32, 4, 32, 16);
    ae_optimizer *optimizer = fixture_adam(0.02f);
    ae_trainer *trainer = fixture_trainer(
        network, optimizer, dataset,
        AE_TRAINER_OPTIONS(.batch = 8, .epochs = 400, .cost = (ae_cost)(_i + 1)));
    ck_assert_ok(ae_trainer_run(trainer));
    ae_epoch_info first = {.size = sizeof first}, last = {.size = sizeof last};
    ck_assert_ok(ae_trainer_get_epoch(trainer, 0, &first));
    ck_assert_ok(ae_trainer_get_epoch(trainer, 399, &last));
    /* Cross-entropy of targets inside (0, 1) cannot fall below their own entropy, about 0.5 a
     * feature here. */
    const double floor = _i + 1 == AE_COST_BCE ? 0.85 : 0.2;
    ck_assert_msg(last.train_cost < floor * first.train_cost, "cost %g after %g", last.train_cost,
                  first.train_cost);
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    ae_network_free(network);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(digits_are_reconstructed_better_than_by_their_mean)
{
    ae_dataset *digits = NULL, *training = NULL, *test = NULL;
    ck_assert_ok(ae_dataset_create_digits(&digits, 1200, 5));
    ck_assert_ok(ae_dataset_split(&training, &test, digits, 1000));
    ae_network *network = FIXTURE_NETWORK(784, 96, 32, 8, 32, 96, 784);
    ae_optimizer *optimizer = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(
        network, optimizer, training,
        AE_TRAINER_OPTIONS(.batch = 50, .epochs = support_slow_arithmetic() ? 3 : 10));
    ae_evaluation mean = {.size = sizeof mean}, before = {.size = sizeof before},
                  after = {.size = sizeof after};
    ck_assert_ok(ae_dataset_evaluate_mean(training, test, &mean));
    ck_assert_ok(ae_network_evaluate(network, test, &before, NULL));
    ck_assert_ok(ae_trainer_run(trainer));
    ck_assert_ok(ae_network_evaluate(network, test, &after, NULL));
    ck_assert_double_lt(after.l2, 0.8 * before.l2);
    if (!support_slow_arithmetic())
        ck_assert_msg(after.l2 < 0.95 * mean.l2, "cost %g, mean image %g", after.l2, mean.l2);
    ae_epoch_info first = {.size = sizeof first}, last = {.size = sizeof last};
    ck_assert_ok(ae_trainer_get_epoch(trainer, 0, &first));
    ck_assert_ok(ae_trainer_get_epoch(trainer, ae_trainer_history_count(trainer) - 1, &last));
    ck_assert_double_lt(last.train_cost, 0.9 * first.train_cost);
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    ae_network_free(network);
    ae_dataset_free(training);
    ae_dataset_free(test);
    ae_dataset_free(digits);
}
END_TEST

Suite *training_suite(void)
{
    Suite *suite = suite_create("training");
    TCase *tcase = tcase_create("training");
    const int kernels = (int)ae_kernels_count();
    tcase_add_loop_test(tcase, any_number_of_threads_gives_the_same_bits, 0, 4 * kernels);
    tcase_add_test(tcase, steps_epochs_and_runs_are_the_same_training);
    tcase_add_loop_test(tcase, a_clip_that_never_bites_leaves_the_same_bits_as_none, 0, kernels);
    tcase_add_test(tcase, seeds_of_weights_and_of_shuffling_change_the_result);
    tcase_add_test(tcase, bfloat16_trains_nearly_as_float32_does);
    tcase_add_loop_test(tcase, kernels_agree_after_a_few_steps, 0, kernels);
    tcase_add_loop_test(tcase, the_order_of_rows_within_a_batch_changes_rounding_only, 0, kernels);
    tcase_add_test(tcase, shuffle_none_keeps_the_datasets_order);
    tcase_add_test(tcase, shuffle_takes_every_row_once_in_a_new_order_each_epoch);
    tcase_add_test(tcase, shuffle_after_first_takes_the_first_epoch_in_file_order);
    tcase_add_loop_test(tcase, a_small_set_is_learned_by_heart, 0, AE_COST_BCE);
    tcase_add_test(tcase, digits_are_reconstructed_better_than_by_their_mean);
    suite_add_tcase(suite, tcase);
    return suite;
}
