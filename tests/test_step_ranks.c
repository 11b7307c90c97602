/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps that several ranks take together, threads being the ranks: the bits of one process. */
#include "fixtures.h"
#include "suites.h"

#include "model/step.h"

#include <libae/transport.h>
#include <pthread.h>

enum { WIDE = 37, ROWS = 61, BATCH = 24, BLOCK = 3, BLOCKS = BATCH / BLOCK, STEPS = 6, MOST = 8 };
static const size_t widths[] = {WIDE, 70, 5, 70, WIDE};
enum { PLAIN, NO_NORM, CLIP, NOISE, BF16, WEIGHED, ROUNDED, ROUNDED_CLIP, ROUNDED_BF16, VARIANTS };

static const aei_update adam = {.rule = AEI_UPDATE_ADAM,
                                .gradient_scale = 1,
                                .shrink = 0.999f,
                                .rate = 0.01f,
                                .beta1 = 0.9f,
                                .beta2 = 0.999f,
                                .root_scale = 1,
                                .epsilon = 1e-7f};

/* What a rank has when it is through. */
typedef struct outcome {
    float *parameters, *running, *first, *second;
    size_t floats, running_floats;
    double costs[STEPS], norms[STEPS];
    uint64_t bytes_sent;
} outcome;

typedef struct rank {
    const ae_transport *transport;
    const char *kernels;
    size_t threads;
    int variant;
    outcome found;
} rank;

static float *zeros(size_t floats)
{
    const size_t bytes = (floats * sizeof(float) + 63) / 64 * 64;
    float *values = aligned_alloc(64, bytes);
    ck_assert_ptr_nonnull(values);
    return memset(values, 0, bytes);
}

/* The batch of a step: the last one of every three is short. */
static size_t batch_of(size_t step, uint32_t rows[BATCH])
{
    const size_t count = step % 3 == 2 ? 13 : BATCH;
    for (size_t r = 0; r < count; r++)
        rows[r] = (uint32_t)((step * BATCH + r * 7) % ROWS);
    return count;
}

static void take_steps(rank *r, ae_network *n, aei_step *step, const ae_dataset *dataset,
                       float *first, float *second)
{
    static const float dropouts[] = {0.2f, 0, 0.1f, 0};
    float weights[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        weights[i] = 0.5f + (float)(i % 3);
    for (size_t s = 0; s < STEPS; s++) {
        uint32_t rows[BATCH];
        const size_t count = batch_of(s, rows);
        const aei_range mine = aei_step_own_rows(step, count);
        const aei_step_job job = {
            .gather = aei_dataset_gather,
            .source = dataset,
            .rows = rows + mine.first,
            .row_count = mine.last - mine.first,
            .batch_rows = count,
            .cost = AE_COST_L2,
            .weights = adam,
            .no_decay = adam,
            .first = first,
            .second = second,
            .clip_norm = r->variant == CLIP || r->variant == ROUNDED_CLIP ? 0.01f : 0,
            .noise = {.sd = r->variant == NOISE ? 0.1f : 0, .seed = 9, .step = s},
            .dropouts = r->variant == NOISE ? dropouts : NULL,
            .penalty = {.l1 = r->variant == WEIGHED ? 0.1f : 0,
                        .kl = r->variant == WEIGHED ? 0.1f : 0,
                        .target = 0.1f},
            .row_weights = r->variant == WEIGHED ? weights + mine.first : NULL,
            .number = s + 1};
        ck_assert_ok(aei_step_run(step, &job, &r->found.costs[s], &r->found.norms[s]));
    }
    ck_assert_ok(aei_step_settle(step));
    ck_assert_ok(aei_step_gather_running(step));
    (void)n;
}

static void keep(outcome *o, const ae_network *n, aei_step *step, const float *first,
                 const float *second)
{
    o->floats = n->parameter_floats;
    o->running_floats = n->running_floats;
    o->parameters = zeros(o->floats);
    o->running = zeros(o->running_floats);
    o->first = zeros(o->floats);
    o->second = zeros(o->floats);
    memcpy(o->parameters, n->parameters, o->floats * sizeof(float));
    memcpy(o->running, n->running, o->running_floats * sizeof(float));
    ck_assert_ok(aei_step_gather_moments(step, first, o->first));
    ck_assert_ok(aei_step_gather_moments(step, second, o->second));
}

static void *run(void *context)
{
    rank *r = context;
    aei_messages *messages = NULL;
    aei_team *team = NULL;
    aei_step *step = NULL;
    ae_dataset *dataset = fixture_dataset(ROWS, WIDE, 1);
    ae_network *n = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = widths, .width_count = COUNT(widths), .kernels = r->kernels,
                           .code_activation = AE_ACTIVATION_SIGMOID, .seed = 5,
                           .batch_norm = r->variant == NO_NORM ? AE_TOGGLE_OFF : AE_TOGGLE_ON));
    if (r->transport != NULL)
        ck_assert_ok(aei_messages_create(&messages, r->transport, 20));
    ck_assert_ok(aei_team_create(&team, r->threads));
    ck_assert_ok(aei_step_create(
        &step, n, team, BATCH, BLOCK,
        (r->variant == CLIP || r->variant == ROUNDED_CLIP ? AEI_STEP_GRADIENT : 0u) |
            (r->variant == NOISE ? AEI_STEP_NOISE | AEI_STEP_DROPOUT : 0u) |
            (r->variant == BF16 || r->variant == ROUNDED_BF16 ? AEI_STEP_BF16 : 0u),
        messages));
    if (r->variant >= ROUNDED)
        aei_step_round_gradients(step, 4);
    float *first = zeros(aei_step_moment_floats(step)),
          *second = zeros(aei_step_moment_floats(step));
    take_steps(r, n, step, dataset, first, second);
    keep(&r->found, n, step, first, second);
    if (messages != NULL)
        r->found.bytes_sent = aei_messages_bytes_sent(messages);
    free(first);
    free(second);
    aei_step_free(step);
    aei_messages_free(messages);
    aei_team_free(team);
    ae_network_free(n);
    ae_dataset_free(dataset);
    return NULL;
}

static void drop(outcome *o)
{
    free(o->parameters);
    free(o->running);
    free(o->first);
    free(o->second);
}

static void same(const char *what, const float *a, const float *b, size_t count, size_t ranks,
                 size_t who)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(memcmp(&a[i], &b[i], sizeof *a) == 0, "%zu ranks, rank %zu: %s %zu: %a, %a",
                      ranks, who, what, i, (double)a[i], (double)b[i]);
}

static void compare(const outcome *alone, const rank *r, size_t ranks, size_t who)
{
    const outcome *o = &r->found;
    same("parameter", o->parameters, alone->parameters, o->floats, ranks, who);
    same("statistic", o->running, alone->running, o->running_floats, ranks, who);
    for (size_t s = 0; s < STEPS; s++) {
        ck_assert_double_eq(o->costs[s], alone->costs[s]);
        ck_assert_double_eq(o->norms[s], alone->norms[s]);
    }
    if (who != 0)
        return;
    same("first moment", o->first, alone->first, o->floats, ranks, who);
    same("second moment", o->second, alone->second, o->floats, ranks, who);
}

static void run_ranks(rank *all, size_t ranks)
{
    ae_transport *transports[MOST];
    pthread_t threads[MOST];
    ck_assert_ok(ae_transport_create_threads(transports, ranks));
    for (size_t r = 0; r < ranks; r++) {
        all[r].transport = transports[r];
        ck_assert_int_eq(pthread_create(&threads[r], NULL, run, &all[r]), 0);
    }
    for (size_t r = 0; r < ranks; r++)
        ck_assert_int_eq(pthread_join(threads[r], NULL), 0);
    ae_transport_free_threads(transports, ranks);
}

/* Test number: all variants with the fastest kernels, then two variants with each of the others. */
START_TEST(any_number_of_ranks_gives_the_same_bits)
{
    static const size_t counts[] = {2, 3, 4, 5, 7, 8};
    const size_t other = _i < VARIANTS ? 0 : (size_t)(_i - VARIANTS) / 2 + 1;
    const char *kernels = ae_kernels_name(ae_kernels_count() - 1 - other);
    const int variant = _i < VARIANTS ? _i : (_i - VARIANTS) % 2 == 0 ? PLAIN : ROUNDED_CLIP;
    rank alone = {.kernels = kernels, .threads = 1, .variant = variant};
    (void)run(&alone);
    ck_assert(variant != CLIP || alone.found.norms[0] > 0.01);
    const size_t most = support_slow_arithmetic() ? 3 : COUNT(counts);
    for (size_t k = 0; k < most; k++)
        for (size_t threads = support_slow_arithmetic() ? 2 : 1; threads <= 2; threads++) {
            rank all[MOST] = {0};
            for (size_t r = 0; r < counts[k]; r++)
                all[r] = (rank){.kernels = kernels, .threads = threads, .variant = variant};
            run_ranks(all, counts[k]);
            for (size_t r = 0; r < counts[k]; r++) {
                compare(&alone.found, &all[r], counts[k], r);
                drop(&all[r].found);
            }
        }
    drop(&alone.found);
}
END_TEST

Suite *step_ranks_suite(void)
{
    Suite *suite = suite_create("step_ranks");
    TCase *tcase = tcase_create("step_ranks");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, any_number_of_ranks_gives_the_same_bits, 0,
                        VARIANTS + 2 * ((int)ae_kernels_count() - 1));
    suite_add_tcase(suite, tcase);
    return suite;
}
