/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_OPTIMIZER_INTERNAL_H
#define AEI_OPTIMIZER_INTERNAL_H

#include <libae/optimizer.h>
#include <stdbool.h>

#include "model/network_internal.h"

typedef enum aei_optimizer_kind {
    AEI_NO_OPTIMIZER = 0,
    AEI_ADAM = 1,
    AEI_ADAMW = 2,
    AEI_SGD = 3
} aei_optimizer_kind;

struct ae_optimizer {
    aei_optimizer_kind kind;
    float learning_rate, beta1, beta2, epsilon, weight_decay, momentum;
    bool nesterov;
    ae_schedule_options schedule;
    uint64_t run_steps; /* a cosine's period when the schedule leaves it open; set by the trainer */
    uint64_t steps;
    /* Moments, laid out like the network's parameter block; NULL until attached, and where the rule
     * has none. */
    aei_arena arena;
    size_t state_floats;
    float *first;
    float *second;
    /* Of the network the moments belong to: depth + 1 widths, then whether each layer
     * normalises. */
    size_t *layout;
    size_t depth;
    size_t panel;
    bool tied;
};

/* An optimizer that changes nothing, has no moments and counts steps: a caller's own takes its
 * place. */
ae_status aei_optimizer_create_none(ae_optimizer **optimizer);

/* Moments that the rule keeps of each parameter: 0, 1 or 2. */
size_t aei_optimizer_moments(const ae_optimizer *optimizer);

/*
 * Allocate a network's moments; keeps what is there when the layout is the same, else starts
 * at step 0. On error nothing changes.
 */
ae_status aei_optimizer_attach(ae_optimizer *optimizer, const ae_network *network);

/* Whether the moments are those of a network of this layout. */
bool aei_optimizer_fits(const ae_optimizer *optimizer, const ae_network *network);

/* "none", "adam", "adamw" or "sgd", as checkpoints name it. */
const char *aei_optimizer_name(aei_optimizer_kind kind);

/* The rate that step number `step` (from 0) uses. */
float aei_optimizer_rate(const ae_optimizer *optimizer, uint64_t step);

/* The factors of the step to come at this rate; `decays` tells weights from gamma, beta and
 * biases. */
aei_update aei_optimizer_update(const ae_optimizer *optimizer, float rate, bool decays);

#endif
