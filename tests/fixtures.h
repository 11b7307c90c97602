/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_FIXTURES_H
#define TESTS_FIXTURES_H

/* Networks, data and gradients for the suites of the training core. Everything is seeded by
 * number. */

#include "base/team.h"
#include "data/dataset_internal.h"
#include "model/step.h"
#include "support.h"

#include <check.h>
#include <libae/experimental.h>
#include <libae/libae.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Numbers as little-endian files have them: turned round on a big-endian processor. */
static inline void fixture_little_endian(void *numbers, size_t count, size_t size)
{
    unsigned char *bytes = numbers;
    const uint16_t one = 1;
    if (*(const unsigned char *)&one == 1)
        return;
    for (size_t i = 0; i < count; i++)
        for (size_t low = 0, high = size - 1; low < high; low++, high--) {
            const unsigned char kept = bytes[i * size + low];
            bytes[i * size + low] = bytes[i * size + high];
            bytes[i * size + high] = kept;
        }
}

static inline void *fixture_allocate(size_t count, size_t size)
{
    void *block = calloc(count == 0 ? 1 : count, size);
    ck_assert_ptr_nonnull(block);
    return block;
}

/* Uniform in [0, 1): SplitMix64, independent of the generator under test. */
static inline float fixture_uniform(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (float)((z ^ (z >> 31)) >> 40) * 0x1p-24f;
}

/* count values in [low, high), which the caller frees. */
static inline float *fixture_values(size_t count, float low, float high, uint64_t seed)
{
    float *values = fixture_allocate(count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = low + (high - low) * fixture_uniform(&seed);
    return values;
}

static inline ae_dataset *fixture_dataset_of(const float *values, size_t rows, size_t features)
{
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_f32(&dataset, values, rows, features, NULL));
    return dataset;
}

/* Rows in [0, 1). */
static inline ae_dataset *fixture_dataset(size_t rows, size_t features, uint64_t seed)
{
    float *values = fixture_values(rows * features, 0, 1, seed);
    ae_dataset *dataset = fixture_dataset_of(values, rows, features);
    free(values);
    return dataset;
}

static inline ae_network *fixture_network_with(const ae_network_options *options)
{
    ae_network *network = NULL;
    ck_assert_ok(ae_network_create(&network, options));
    return network;
}

/* A network of these widths, the other options being the defaults. */
#define FIXTURE_NETWORK(...)                                                                       \
    fixture_network_with(AE_NETWORK_OPTIONS(.widths = (const size_t[]){__VA_ARGS__},               \
                                            .width_count = COUNT(((const size_t[]){__VA_ARGS__})), \
                                            .seed = 7))

/* A network that always answers 0, so that the L2 score of (v, 0) is |v|, exactly. */
static inline ae_network *fixture_silent_network(void)
{
    const float zeros[2] = {0};
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){2, 1, 2}, .width_count = 3,
                           .batch_norm = AE_TOGGLE_OFF, .output_activation = AE_ACTIVATION_LINEAR));
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.weight", zeros, 2));
    return network;
}

static inline ae_optimizer *fixture_adam(float rate)
{
    ae_optimizer *optimizer = NULL;
    ck_assert_ok(ae_optimizer_create_adam(&optimizer, AE_ADAM_OPTIONS(.learning_rate = rate)));
    return optimizer;
}

static inline ae_optimizer *fixture_sgd(float rate)
{
    ae_optimizer *optimizer = NULL;
    ck_assert_ok(ae_optimizer_create_sgd(&optimizer, AE_SGD_OPTIONS(.learning_rate = rate)));
    return optimizer;
}

static inline ae_trainer *fixture_trainer(ae_network *network, ae_optimizer *optimizer,
                                          const ae_dataset *dataset,
                                          const ae_trainer_options *options)
{
    ae_trainer *trainer = NULL;
    ck_assert_ok(ae_trainer_create(&trainer, network, optimizer, dataset, options));
    return trainer;
}

static inline ae_layer_info fixture_layer(const ae_network *network, size_t layer)
{
    ae_layer_info info = {.size = sizeof info};
    ck_assert_ok(ae_network_get_layer(network, layer, &info));
    return info;
}

static inline ae_network_info fixture_info(const ae_network *network)
{
    ae_network_info info = {.size = sizeof info};
    ck_assert_ok(ae_network_get_info(network, &info));
    return info;
}

static inline ae_tensor_info fixture_tensor(const ae_network *network, size_t index)
{
    ae_tensor_info info = {.size = sizeof info};
    ck_assert_ok(ae_network_get_tensor_info(network, index, &info));
    return info;
}

/* All tensors one after another, running statistics included, which the caller frees. */
static inline float *fixture_state(const ae_network *network, size_t *count)
{
    size_t total = 0;
    for (size_t i = 0; i < ae_network_tensor_count(network); i++)
        total += fixture_tensor(network, i).count;
    float *state = fixture_allocate(total, sizeof *state);
    float *at = state;
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        ck_assert_ok(ae_network_get_tensor(network, info.name, at, info.count));
        at += info.count;
    }
    *count = total;
    return state;
}

static inline bool fixture_same_state(const ae_network *a, const ae_network *b)
{
    size_t count_a, count_b;
    float *state_a = fixture_state(a, &count_a), *state_b = fixture_state(b, &count_b);
    const bool same = count_a == count_b &&
                      memcmp(state_a, state_b, count_a * sizeof *state_a) == 0;
    free(state_a);
    free(state_b);
    return same;
}

/* Other vectors than a new network has: gamma and running variances in [least, 1.5), all others in
 * [-0.5, 0.5). */
static inline void fixture_set_vectors(ae_network *network, float least, uint64_t seed)
{
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        if (info.rank == 2)
            continue;
        const bool positive = support_contains(info.name, "running_var") ||
                              support_contains(info.name, "bn.weight");
        float *values = fixture_values(info.count, positive ? least : -0.5f, positive ? 1.5f : 0.5f,
                                       seed + i);
        ck_assert_ok(ae_network_set_tensor(network, info.name, values, info.count));
        free(values);
    }
}

/* |a - b| / |b|, Euclidean norms; |a - b| where b is 0. */
static inline double fixture_distance(const float *a, const float *b, size_t count)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(size > 0 ? difference / size : difference);
}

/*
 * The gradient of a network's cost on one batch: the tensors of ae_network_get_tensor_info that are
 * trainable, one after another, into `gradient`; the output, rows x features, into `output` unless
 * NULL. Returns the cost.
 */
static inline double fixture_gradient(ae_network *network, ae_cost cost, const float *values,
                                      size_t rows, size_t threads, float *gradient, float *output)
{
    ae_dataset *dataset = fixture_dataset_of(values, rows, network->widths[0]);
    uint32_t *numbers = fixture_allocate(rows, sizeof *numbers);
    for (size_t r = 0; r < rows; r++)
        numbers[r] = (uint32_t)r;
    aei_team *team = NULL;
    aei_step *step = NULL;
    ck_assert_ok(aei_team_create(&team, threads));
    ck_assert_ok(aei_step_create(&step, network, team, rows, 0, AEI_STEP_GRADIENT, NULL));
    const aei_step_job job = {.gather = aei_dataset_gather,
                              .source = dataset,
                              .rows = numbers,
                              .row_count = rows,
                              .cost = cost,
                              .keep_parameters = true};
    double result = NAN, norm;
    ck_assert_ok(aei_step_run(step, &job, &result, &norm));
    const float *block = aei_step_gradient(step);
    for (size_t i = 0; i < network->tensor_count; i++) {
        if (network->tensors[i].part > AEI_BETA)
            continue;
        aei_tensor_unpack(network, &network->tensors[i], block, gradient);
        gradient += aei_tensor_elements(network, &network->tensors[i]);
    }
    if (output != NULL)
        aei_step_output(step, network->depth - 1, output);
    aei_step_free(step);
    aei_team_free(team);
    ae_dataset_free(dataset);
    free(numbers);
    return result;
}

#endif
