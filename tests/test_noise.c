/* SPDX-License-Identifier: BSD-3-Clause */
/* Noise on the input: what it looks like, that it is counted and not drawn in turn, and that
 * training against it helps.
 */
#include "model/noise.h"

#include "fixtures.h"
#include "suites.h"
#include "trained.h"

enum { FEATURES = 37, ROWS = 50 };

static const aei_kernels *kernels(void)
{
    const aei_kernels *fastest = NULL;
    ck_assert_ok(aei_kernels_find(&fastest, NULL));
    return fastest;
}

/* Moments of noise on a constant, over some 200,000 values. */
typedef struct moments {
    double mean, sd, skewness, kurtosis, zeros, correlation;
} moments;

static moments measure(const aei_noise *noise, float value)
{
    enum { ACROSS = 400, DOWN = 500 };
    float *values = fixture_allocate(ACROSS * DOWN, sizeof *values);
    for (size_t i = 0; i < ACROSS * DOWN; i++)
        values[i] = value;
    aei_noise_apply(noise, kernels(), ACROSS, 0, ACROSS, 0, DOWN, values, values, ACROSS);
    moments m = {0};
    const double n = ACROSS * DOWN;
    for (size_t i = 0; i < ACROSS * DOWN; i++) {
        m.mean += (double)values[i] / n;
        m.zeros += (values[i] == 0) / n;
    }
    double second = 0, third = 0, fourth = 0, neighbours = 0;
    for (size_t i = 0; i < ACROSS * DOWN; i++) {
        const double d = (double)values[i] - m.mean;
        second += d * d / n;
        third += d * d * d / n;
        fourth += d * d * d * d / n;
        neighbours += i == 0 ? 0 : d * ((double)values[i - 1] - m.mean) / n;
    }
    m.sd = sqrt(second);
    m.skewness = third / pow(second, 1.5);
    m.kurtosis = fourth / (second * second);
    m.correlation = neighbours / second;
    free(values);
    return m;
}

/* Tolerances of five standard errors, over N = 200,000 values. */
START_TEST(noise_has_the_moments_that_it_promises)
{
    const double n = 200000;
    moments m = measure(&(aei_noise){.sd = 0.3f, .seed = 1}, 2);
    ck_assert_double_eq_tol(m.mean, 2, 5 * 0.3 / sqrt(n));
    ck_assert_double_eq_tol(m.sd, 0.3, 5 * 0.3 / sqrt(2 * n));
    ck_assert_double_eq_tol(m.skewness, 0, 5 * sqrt(6 / n));
    ck_assert_double_eq_tol(m.kurtosis, 3, 5 * sqrt(24 / n));
    ck_assert_double_eq_tol(m.correlation, 0, 5 / sqrt(n));
    m = measure(&(aei_noise){.mask = 0.25f, .seed = 1}, 2);
    ck_assert_double_eq_tol(m.zeros, 0.25, 5 * sqrt(0.25 * 0.75 / n));
    ck_assert_double_eq_tol(m.mean, 2 * (1 - m.zeros), 1e-9);
    ck_assert_double_eq_tol(m.correlation, 0, 5 / sqrt(n));
    m = measure(&(aei_noise){.dropout = 0.25f, .seed = 1}, 2);
    ck_assert_double_eq_tol(m.zeros, 0.25, 5 * sqrt(0.25 * 0.75 / n));
    ck_assert_double_eq_tol(m.mean, 2, 5 * 2 / 0.75 * sqrt(0.25 * 0.75 / n));
    /* Each has a stream of its own: both drop out as often as if they were independent. */
    m = measure(&(aei_noise){.mask = 0.5f, .dropout = 0.5f, .seed = 1}, 2);
    ck_assert_double_eq_tol(m.zeros, 0.75, 5 * sqrt(0.25 * 0.75 / n));
}
END_TEST

/* The distribution itself, its tails included, at five standard errors. */
START_TEST(normal_noise_is_normal)
{
    enum { N = 400000 };
    static const double bounds[] = {-4, -3, -2.5, -1, -0.1, 0, 0.5, 1.5, 2.9, 3.5, 4.2};
    float *values = fixture_allocate(N, sizeof *values);
    aei_noise_apply(&(aei_noise){.sd = 1, .seed = 2}, kernels(), N / 100, 0, N / 100, 0, 100,
                    values, values, N / 100);
    for (size_t b = 0; b < COUNT(bounds); b++) {
        double below = 0;
        for (size_t i = 0; i < N; i++)
            below += (double)values[i] < bounds[b];
        const double p = 0.5 * erfc(-bounds[b] / sqrt(2));
        ck_assert_double_eq_tol(below / N, p, 5 * sqrt(p * (1 - p) / N));
    }
    free(values);
}
END_TEST

START_TEST(a_value_depends_on_seed_step_row_and_feature_alone)
{
    const aei_noise noise = {.sd = 1, .mask = 0.2f, .dropout = 0.3f, .seed = 5, .step = 7};
    aei_noise other_step = noise, other_seed = noise;
    other_step.step++, other_seed.seed++;
    float *clean = fixture_values(ROWS * FEATURES, 0, 1, 1), whole[ROWS * FEATURES],
          part[ROWS * FEATURES];
    aei_noise_apply(&noise, kernels(), FEATURES, 0, FEATURES, 0, ROWS, clean, whole, FEATURES);
    /* The same in panels of 16, and over a prefix of the rows. */
    for (size_t first = 0; first < FEATURES; first += 16) {
        const size_t count = FEATURES - first < 16 ? FEATURES - first : 16;
        aei_noise_apply(&noise, kernels(), FEATURES, first, count, 0, ROWS / 2, clean + first,
                        part + first, FEATURES);
    }
    ck_assert_mem_eq(part, whole, ROWS / 2 * FEATURES * sizeof *whole);
    aei_noise_apply(&other_step, kernels(), FEATURES, 0, FEATURES, 0, ROWS, clean, part, FEATURES);
    ck_assert_mem_ne(part, whole, sizeof whole);
    aei_noise_apply(&other_seed, kernels(), FEATURES, 0, FEATURES, 0, ROWS, clean, part, FEATURES);
    ck_assert_mem_ne(part, whole, sizeof whole);
    free(clean);
}
END_TEST

static ae_trainer_options noisy_options(void)
{
    return (ae_trainer_options){.size = sizeof(ae_trainer_options),
                                .batch = 16,
                                .epochs = 3,
                                .seed = 9,
                                .threads = 1,
                                .input_noise = 0.1f,
                                .input_mask = 0.2f,
                                .input_dropout = 0.1f};
}

static ae_network *make(void)
{
    return FIXTURE_NETWORK(FEATURES, 20, 3, 20, FEATURES);
}

static ae_network *run(const ae_dataset *dataset, const ae_trainer_options *options, uint64_t stop)
{
    return trained_network(
        trained_run(&(const trained_recipe){.network = make}, dataset, options, stop));
}

START_TEST(any_number_of_threads_gives_the_same_bits)
{
    static const size_t teams[] = {2, 3, 4, 7};
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_trainer_options options = noisy_options();
    ae_network *one = run(dataset, &options, 0);
    for (size_t i = 0; i < COUNT(teams); i++) {
        options.threads = teams[i];
        ae_network *many = run(dataset, &options, 0);
        ck_assert(fixture_same_state(one, many));
        ae_network_free(many);
    }
    /* And the noise was there. */
    options.input_noise = options.input_mask = options.input_dropout = 0;
    ae_network *clean = run(dataset, &options, 0);
    ck_assert(!fixture_same_state(one, clean));
    ae_network_free(clean);
    ae_network_free(one);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(a_resumed_run_meets_the_same_noise)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    const ae_trainer_options options = noisy_options();
    ae_network *whole = run(dataset, &options, 0), *resumed = run(dataset, &options, (uint64_t)_i);
    ck_assert(fixture_same_state(whole, resumed));
    ae_network_free(resumed);
    ae_network_free(whole);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(another_noise_is_another_run)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_trainer_options options = noisy_options();
    ae_network *network = run(dataset, &options, 2);
    ae_optimizer *optimizer = fixture_adam(0.01f);
    static const char *const names[] = {"input_noise", "input_mask", "input_dropout"};
    for (size_t i = 0; i < COUNT(names); i++) {
        options = noisy_options();
        *(i == 0   ? &options.input_noise
          : i == 1 ? &options.input_mask
                   : &options.input_dropout) = 0;
        ae_trainer *trainer = fixture_trainer(network, optimizer, dataset, &options);
        ck_assert_status(ae_trainer_resume(trainer, support_path("checkpoint")), AE_ERROR_SHAPE,
                         names[i]);
        ae_trainer_free(trainer);
    }
    ae_optimizer_free(optimizer);
    ae_network_free(network);
    ae_dataset_free(dataset);
}
END_TEST

/* The cost of a step against one worked out with the public calls: corrupted input, clean
 * target. */
START_TEST(the_cost_compares_with_the_clean_row)
{
    const aei_noise noise = {.sd = 0.4f, .mask = 0.3f, .seed = 9};
    float *clean = fixture_values(ROWS * FEATURES, 0, 1, 1), corrupted[ROWS * FEATURES],
          output[ROWS * FEATURES];
    ae_dataset *dataset = fixture_dataset_of(clean, ROWS, FEATURES);
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 20, FEATURES}, .width_count = 3,
                           .batch_norm = AE_TOGGLE_OFF, .seed = 2));
    ae_session *session = NULL;
    aei_noise_apply(&noise, kernels(), FEATURES, 0, FEATURES, 0, ROWS, clean, corrupted, FEATURES);
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_session_reconstruct(session, corrupted, ROWS, output));
    double expected = 0, cost = 0;
    for (size_t r = 0; r < ROWS; r++) {
        double sum = 0;
        for (size_t j = r * FEATURES; j < (r + 1) * FEATURES; j++)
            sum += ((double)output[j] - (double)clean[j]) * ((double)output[j] - (double)clean[j]);
        expected += sqrt(sum) / ROWS;
    }
    ae_optimizer *optimizer = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(
        network, optimizer, dataset,
        AE_TRAINER_OPTIONS(.batch = ROWS, .seed = 9, .shuffle = AE_SHUFFLE_NONE,
                           .input_noise = 0.4f, .input_mask = 0.3f));
    ck_assert_ok(ae_trainer_run_step(trainer, &cost));
    ck_assert_double_eq_tol(cost, expected, 1e-6 * expected);
    ae_trainer_free(trainer), ae_optimizer_free(optimizer);
    ae_session_free(session);
    ae_network_free(network);
    ae_dataset_free(dataset);
    free(clean);
}
END_TEST

/* A target apart from the input changes nothing by itself. */
START_TEST(a_step_made_for_noise_has_none_by_itself)
{
    float *values = fixture_values(ROWS * FEATURES, 0, 1, 1);
    ae_dataset *dataset = fixture_dataset_of(values, ROWS, FEATURES);
    uint32_t numbers[ROWS];
    for (size_t r = 0; r < ROWS; r++)
        numbers[r] = (uint32_t)r;
    const aei_step_job job = {.gather = aei_dataset_gather,
                              .source = dataset,
                              .rows = numbers,
                              .row_count = ROWS,
                              .keep_parameters = true};
    ae_network *network = FIXTURE_NETWORK(FEATURES, 20, 3, 20, FEATURES);
    float *kept = fixture_allocate(network->parameter_floats, sizeof *kept);
    aei_team *team = NULL;
    ck_assert_ok(aei_team_create(&team, 2));
    for (unsigned flag = 0; flag <= AEI_STEP_NOISE; flag += AEI_STEP_NOISE) {
        aei_step *step = NULL;
        double cost, norm;
        ck_assert_ok(
            aei_step_create(&step, network, team, ROWS, 0, AEI_STEP_GRADIENT | flag, NULL));
        ck_assert_ok(aei_step_run(step, &job, &cost, &norm));
        const float *gradient = aei_step_gradient(step);
        if (flag == 0)
            memcpy(kept, gradient, network->parameter_floats * sizeof *kept);
        else
            ck_assert_mem_eq(kept, gradient, network->parameter_floats * sizeof *kept);
        aei_step_free(step);
    }
    aei_team_free(team);
    free(kept);
    ae_network_free(network);
    ae_dataset_free(dataset);
    free(values);
}
END_TEST

/* Mean L2 distance from the clean digits of what a network makes of noisy ones that it has not
 * seen. */
static double cost_of_denoising(float input_noise, float input_mask)
{
    enum { TRAIN = 1000, TEST = 200, PIXELS = 784 };
    const aei_noise noise = {.sd = 0.4f, .seed = 1234};
    ae_dataset *train = NULL, *test = NULL;
    ck_assert_ok(ae_dataset_create_digits(&train, TRAIN, 1));
    ck_assert_ok(ae_dataset_create_digits(&test, TEST, 2));
    ae_network *network = FIXTURE_NETWORK(PIXELS, 64, PIXELS);
    ae_optimizer *optimizer = fixture_adam(0.005f);
    ae_trainer *trainer = fixture_trainer(network, optimizer, train,
                                          AE_TRAINER_OPTIONS(.batch = 50, .epochs = 15,
                                                             .input_noise = input_noise,
                                                             .input_mask = input_mask));
    ck_assert_ok(ae_trainer_run(trainer));
    float *clean = fixture_allocate(3 * TEST * PIXELS, sizeof *clean);
    float *noisy = clean + TEST * PIXELS, *output = noisy + TEST * PIXELS;
    ck_assert_ok(ae_dataset_read(test, 0, TEST, clean));
    aei_noise_apply(&noise, kernels(), PIXELS, 0, PIXELS, 0, TEST, clean, noisy, PIXELS);
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_session_reconstruct(session, noisy, TEST, output));
    double cost = 0;
    for (size_t r = 0; r < TEST; r++)
        cost += fixture_distance(output + r * PIXELS, clean + r * PIXELS, PIXELS) / TEST;
    ae_session_free(session);
    free(clean);
    ae_trainer_free(trainer), ae_optimizer_free(optimizer), ae_network_free(network);
    ae_dataset_free(test), ae_dataset_free(train);
    return cost;
}

START_TEST(a_denoising_run_reconstructs_noisy_digits_better)
{
    const double plain = cost_of_denoising(0, 0), denoising = cost_of_denoising(0.4f, 0);
    ck_assert_msg(denoising < 0.8 * plain, "%g with noise in training, %g without", denoising,
                  plain);
}
END_TEST

START_TEST(noise_outside_its_range_is_refused)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_network *network = FIXTURE_NETWORK(FEATURES, 3, FEATURES);
    ae_optimizer *optimizer = fixture_adam(0.01f);
    ae_trainer *trainer = NULL;
#define REFUSED(part, ...)                                                                         \
    ck_assert_status(                                                                              \
        ae_trainer_create(&trainer, network, optimizer, dataset, AE_TRAINER_OPTIONS(__VA_ARGS__)), \
        AE_ERROR_INVALID_ARGUMENT, part)
    REFUSED("input_noise -1", .input_noise = -1);
    REFUSED("input_noise inf", .input_noise = INFINITY);
    REFUSED("input_noise nan", .input_noise = fabsf(NAN));
    REFUSED("input_mask 1", .input_mask = 1);
    REFUSED("input_mask -0.5", .input_mask = -0.5f);
    REFUSED("input_dropout 1", .input_dropout = 1);
    REFUSED("input_dropout nan", .input_dropout = fabsf(NAN));
    ck_assert_ptr_null(trainer);
    ae_optimizer_free(optimizer);
    ae_network_free(network);
    ae_dataset_free(dataset);
}
END_TEST

Suite *noise_suite(void)
{
    Suite *suite = suite_create("noise");
    TCase *noise = tcase_create("noise");
    tcase_set_timeout(noise, 60);
    tcase_add_test(noise, noise_has_the_moments_that_it_promises);
    tcase_add_test(noise, normal_noise_is_normal);
    tcase_add_test(noise, a_value_depends_on_seed_step_row_and_feature_alone);
    tcase_add_test(noise, any_number_of_threads_gives_the_same_bits);
    tcase_add_test(noise, the_cost_compares_with_the_clean_row);
    tcase_add_test(noise, a_step_made_for_noise_has_none_by_itself);
    if (!support_slow())
        tcase_add_test(noise, a_denoising_run_reconstructs_noisy_digits_better);
    tcase_add_test(noise, noise_outside_its_range_is_refused);
    suite_add_tcase(suite, noise);
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, NULL, support_dir_remove);
    /* Within an epoch of four steps, and at its end. */
    tcase_add_loop_test(files, a_resumed_run_meets_the_same_noise, 3, 6);
    tcase_add_test(files, another_noise_is_another_run);
    suite_add_tcase(suite, files);
    return suite;
}
