/* SPDX-License-Identifier: BSD-3-Clause */
/* Batches that are cut into blocks, against blocks that are computed one by one. */
#include "fixtures.h"
#include "suites.h"

#include "model/step.h"

enum { WIDE = 37, ROWS = 64, BLOCK = 8, BLOCKS = ROWS / BLOCK, STEPS = 3 };
static const size_t widths[] = {WIDE, 70, 5, 70, WIDE};

static const aei_update adam = {.rule = AEI_UPDATE_ADAM,
                                .gradient_scale = 1,
                                .shrink = 1,
                                .rate = 0.01f,
                                .beta1 = 0.9f,
                                .beta2 = 0.999f,
                                .root_scale = 1,
                                .epsilon = 1e-7f};

/* A network with moments, and a step of its own. */
typedef struct bench {
    ae_network *network;
    ae_dataset *dataset;
    aei_team *team;
    aei_step *step;
    float *first, *second;
    uint32_t rows[ROWS];
} bench;

/* On a line of the cache, as kernels want it. */
static float *zeros(size_t floats)
{
    const size_t bytes = (floats * sizeof(float) + 63) / 64 * 64;
    float *values = aligned_alloc(64, bytes);
    ck_assert_ptr_nonnull(values);
    return memset(values, 0, bytes);
}

static bench make(const char *kernels, ae_toggle batch_norm, size_t block, size_t threads,
                  unsigned flags)
{
    bench b = {.network = fixture_network_with(
                   AE_NETWORK_OPTIONS(.widths = widths, .width_count = COUNT(widths),
                                      .kernels = kernels, .batch_norm = batch_norm, .seed = 5)),
               .dataset = fixture_dataset(ROWS, WIDE, 1)};
    b.first = zeros(b.network->parameter_floats);
    b.second = zeros(b.network->parameter_floats);
    ck_assert_ok(aei_team_create(&b.team, threads));
    ck_assert_ok(aei_step_create(&b.step, b.network, b.team, ROWS, block, flags, NULL));
    for (size_t r = 0; r < ROWS; r++)
        b.rows[r] = (uint32_t)(r * 7 % ROWS);
    return b;
}

static void drop(bench *b)
{
    aei_step_free(b->step);
    aei_team_free(b->team);
    ae_dataset_free(b->dataset);
    ae_network_free(b->network);
    free(b->first);
    free(b->second);
}

static aei_step_job job_of(const bench *b, size_t first, size_t count, bool keep)
{
    return (aei_step_job){.gather = aei_dataset_gather,
                          .source = b->dataset,
                          .rows = b->rows + first,
                          .row_count = count,
                          .cost = AE_COST_L2,
                          .weights = adam,
                          .no_decay = adam,
                          .first = b->first,
                          .second = b->second,
                          .keep_parameters = keep};
}

/* One block by itself: its gradient as its share of the batch, its statistics, and what it adds to
 * the batch's cost. A share of 1/8 is exact. */
static double one_block(bench *b, size_t block, float *gradient, float *statistics)
{
    ae_network *n = b->network;
    float *running = n->running;
    const float decay = n->bn_decay;
    double cost, norm;
    n->running = statistics;
    n->bn_decay = 0;
    const aei_step_job job = job_of(b, block * BLOCK, BLOCK, true);
    ck_assert_ok(aei_step_run(b->step, &job, &cost, &norm));
    n->running = running;
    n->bn_decay = decay;
    for (size_t i = 0; i < n->parameter_floats; i++)
        gradient[i] = aei_step_gradient(b->step)[i] / BLOCKS;
    return cost;
}

/* Blocks are a power of two here, so the tree halves its range. */
static void add_gradients(float *const gradients[BLOCKS], size_t first, size_t count, size_t floats)
{
    if (count == 1)
        return;
    add_gradients(gradients, first, count / 2, floats);
    add_gradients(gradients, first + count / 2, count / 2, floats);
    for (size_t i = 0; i < floats; i++)
        gradients[first][i] += gradients[first + count / 2][i];
}

/* Running statistics against all rows' in double. */
static void blend(ae_network *n, float *const statistics[BLOCKS])
{
    for (size_t l = 0; l < n->depth; l++)
        for (size_t j = 0; n->layers[l].batch_norm && j < n->layers[l].out; j++) {
            float *means = n->running + n->layers[l].mean,
                  *others = n->running + n->layers[l].variance;
            double mean = 0, square = 0;
            for (size_t b = 0; b < BLOCKS; b++) {
                const double m = (double)statistics[b][n->layers[l].mean + j];
                mean += m / BLOCKS;
                square += ((double)statistics[b][n->layers[l].variance + j] + m * m) / BLOCKS;
            }
            const double keep = (double)n->bn_decay;
            means[j] = (float)(keep * (double)means[j] + (1 - keep) * mean);
            others[j] = (float)(keep * (double)others[j] + (1 - keep) * (square - mean * mean));
        }
}

static double reference_step(bench *b, float *const gradients[BLOCKS],
                             float *const statistics[BLOCKS])
{
    ae_network *n = b->network;
    double cost = 0;
    for (size_t i = 0; i < BLOCKS; i++)
        cost += one_block(b, i, gradients[i], statistics[i]) / BLOCKS;
    add_gradients(gradients, 0, BLOCKS, n->parameter_floats);
    n->kernels->update(&adam, n->parameter_floats, n->parameters, gradients[0], b->first,
                       b->second);
    blend(n, statistics);
    return cost;
}

static void same_floats(const char *what, const float *a, const float *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(memcmp(&a[i], &b[i], sizeof *a) == 0, "%s %zu: %a, %a", what, i, (double)a[i],
                      (double)b[i]);
}

static void compare(const bench *a, const bench *b)
{
    const size_t floats = a->network->parameter_floats;
    same_floats("parameter", a->network->parameters, b->network->parameters, floats);
    same_floats("first moment", a->first, b->first, floats);
    same_floats("second moment", a->second, b->second, floats);
    for (size_t i = 0; i < a->network->running_floats; i++)
        ck_assert_float_eq_tol(a->network->running[i], b->network->running[i],
                               2e-6f * (1 + fabsf(b->network->running[i])));
}

/* Test number: kernels, batch normalisation, whether the gradient is stored first. */
START_TEST(a_step_is_the_sum_of_its_blocks)
{
    const char *kernels = ae_kernels_name((size_t)_i / 4);
    const ae_toggle batch_norm = _i & 1 ? AE_TOGGLE_ON : AE_TOGGLE_OFF;
    bench whole = make(kernels, batch_norm, BLOCK, 2, _i & 2 ? AEI_STEP_GRADIENT : 0);
    bench parts = make(kernels, batch_norm, 0, 1, AEI_STEP_GRADIENT);
    float *gradients[BLOCKS], *statistics[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        gradients[i] = zeros(whole.network->parameter_floats);
        statistics[i] = zeros(whole.network->running_floats);
    }
    for (size_t s = 0; s < STEPS; s++) {
        double cost, norm;
        const aei_step_job job = job_of(&whole, 0, ROWS, false);
        ck_assert_ok(aei_step_run(whole.step, &job, &cost, &norm));
        const double expected = reference_step(&parts, gradients, statistics);
        ck_assert_double_eq_tol(cost, expected, 1e-12 * expected);
        compare(&whole, &parts);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        free(gradients[i]);
        free(statistics[i]);
    }
    drop(&whole);
    drop(&parts);
}
END_TEST

/* Runs through the public calls, 61 rows in batches of 25: three blocks, then a last batch of 11,
 * whose last block of one row joins the one before it where there is batch normalisation. */
static ae_network *train(size_t block, size_t threads, int variant)
{
    static const float dropouts[] = {0.2f, 0, 0.1f, 0};
    ae_dataset *dataset = fixture_dataset(61, WIDE, 1);
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = widths, .width_count = COUNT(widths), .seed = 5,
                           .batch_norm = variant == 1 ? AE_TOGGLE_OFF : AE_TOGGLE_ON));
    ae_optimizer *optimizer = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(
        network, optimizer, dataset,
        AE_TRAINER_OPTIONS(.batch = 25, .batch_block = block, .threads = threads, .seed = 3,
                           .clip_norm = variant == 2 ? 0.1f : 0,
                           .precision = variant == 3 ? AE_PRECISION_BF16 : AE_PRECISION_F32,
                           .input_noise = variant == 4 ? 0.1f : 0,
                           .dropouts = variant == 4 ? dropouts : NULL,
                           .dropout_count = variant == 4 ? 4 : 0,
                           .code_l1 = variant == 5 ? 0.1f : 0, .code_kl = variant == 5 ? 0.1f : 0));
    for (size_t s = 0; s < 9; s++)
        ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    ae_dataset_free(dataset);
    return network;
}

START_TEST(any_number_of_threads_gives_the_same_bits)
{
    ae_network *first = train(10, 1, _i);
    for (size_t threads = 2; threads <= 5; threads++) {
        ae_network *network = train(10, threads, _i);
        ck_assert(fixture_same_state(first, network));
        ae_network_free(network);
    }
    ae_network *plain = train(0, 2, _i);
    ck_assert(!fixture_same_state(first, plain));
    ae_network_free(first);
    ae_network_free(plain);
}
END_TEST

START_TEST(a_block_as_large_as_the_batch_is_none)
{
    ae_network *plain = train(0, 2, _i);
    static const size_t blocks[] = {25, 26, 1000};
    for (size_t i = 0; i < COUNT(blocks); i++) {
        ae_network *network = train(blocks[i], 2, _i);
        ck_assert(fixture_same_state(plain, network));
        ae_network_free(network);
    }
    ae_network_free(plain);
}
END_TEST

/* Noise, dropout and the order of rows have nothing to do with blocks. Without batch normalisation
 * only the order of additions is another, so one step differs by rounding alone. */
START_TEST(without_batch_norm_blocks_only_round_otherwise)
{
    double costs[2];
    for (size_t i = 0; i < 2; i++) {
        static const float dropouts[] = {0.2f, 0, 0.1f, 0};
        ae_dataset *dataset = fixture_dataset(61, WIDE, 1);
        ae_network *network = fixture_network_with(
            AE_NETWORK_OPTIONS(.widths = widths, .width_count = COUNT(widths), .seed = 5,
                               .batch_norm = AE_TOGGLE_OFF));
        ae_trainer *trainer = fixture_trainer(
            network, NULL, dataset,
            AE_TRAINER_OPTIONS(.batch = 61, .batch_block = i == 0 ? 0 : 10, .seed = 3,
                               .input_noise = 0.1f, .input_mask = 0.1f, .dropouts = dropouts,
                               .dropout_count = 4, .code_l2 = 0.5f));
        ck_assert_ok(ae_trainer_run_step(trainer, &costs[i]));
        ae_trainer_free(trainer);
        ae_network_free(network);
        ae_dataset_free(dataset);
    }
    ck_assert_double_eq_tol(costs[0], costs[1], 1e-6 * costs[0]);
}
END_TEST

START_TEST(blocks_of_one_row_are_refused_with_batch_norm)
{
    ae_dataset *dataset = fixture_dataset(61, WIDE, 1);
    ae_network *network = FIXTURE_NETWORK(WIDE, 4, WIDE);
    ae_optimizer *optimizer = fixture_adam(0.01f);
    ae_trainer *trainer = NULL;
    ck_assert_status(ae_trainer_create(&trainer, network, optimizer, dataset,
                                       AE_TRAINER_OPTIONS(.batch_block = 1)),
                     AE_ERROR_INVALID_ARGUMENT, "batch_block 1: batch normalisation needs");
    ck_assert_ptr_null(trainer);
    ae_optimizer_free(optimizer);
    ae_network_free(network);
    ae_dataset_free(dataset);
}
END_TEST

/* Blocks decide the bits of a run, so another size is another run. */
START_TEST(a_checkpoint_knows_its_blocks)
{
    const char *path = support_path("blocks.safetensors");
    ae_dataset *dataset = fixture_dataset(61, WIDE, 1);
    ae_network *network = FIXTURE_NETWORK(WIDE, 4, WIDE);
    ae_optimizer *optimizer = fixture_adam(0.01f);
    static const size_t blocks[] = {10, 10, 12, 0};
    static const ae_status expected[] = {AE_OK, AE_OK, AE_ERROR_SHAPE, AE_ERROR_SHAPE};
    for (size_t i = 0; i < COUNT(blocks); i++) {
        ae_trainer *trainer = fixture_trainer(
            network, optimizer, dataset,
            AE_TRAINER_OPTIONS(.batch = 30, .batch_block = blocks[i], .epochs = 1));
        if (i == 0) {
            ck_assert_ok(ae_trainer_run(trainer));
            ck_assert_ok(ae_trainer_save_checkpoint(trainer, path));
        } else {
            ck_assert_int_eq(ae_trainer_resume(trainer, path), expected[i]);
        }
        ae_trainer_free(trainer);
    }
    ae_optimizer_free(optimizer);
    ae_network_free(network);
    ae_dataset_free(dataset);
}
END_TEST

Suite *blocks_suite(void)
{
    Suite *suite = suite_create("blocks");
    TCase *tcase = tcase_create("blocks");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_step_is_the_sum_of_its_blocks, 0, 4 * (int)ae_kernels_count());
    tcase_add_loop_test(tcase, any_number_of_threads_gives_the_same_bits, 0, 6);
    tcase_add_loop_test(tcase, a_block_as_large_as_the_batch_is_none, 0, 6);
    tcase_add_test(tcase, without_batch_norm_blocks_only_round_otherwise);
    tcase_add_test(tcase, blocks_of_one_row_are_refused_with_batch_norm);
    tcase_add_test(tcase, a_checkpoint_knows_its_blocks);
    suite_add_tcase(suite, tcase);
    return suite;
}
