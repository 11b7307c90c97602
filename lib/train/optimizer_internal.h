/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_OPTIMIZER_INTERNAL_H
#define AEI_OPTIMIZER_INTERNAL_H

#include <libae/optimizer.h>
#include <stdbool.h>

#include "model/network_internal.h"
#include "model/step.h"

typedef enum aei_optimizer_kind {
    AEI_NO_OPTIMIZER = 0,
    AEI_ADAM = 1,
    AEI_ADAMW = 2,
    AEI_SGD = 3
} aei_optimizer_kind;

/* Which part of a network's moments there is, where several ranks share them; else rank 0 of 1 has
 * them all. Two that are alike have them in the same places. */
typedef struct aei_optimizer_share {
    size_t rank, ranks;
    size_t block;  /* rows of a block of the run's batches; 0 where there is one rank */
    size_t floats; /* of a moment */
} aei_optimizer_share;

struct ae_optimizer {
    aei_optimizer_kind kind;
    float learning_rate, beta1, beta2, epsilon, weight_decay, momentum;
    bool nesterov;
    ae_schedule_options schedule;
    uint64_t run_steps; /* a cosine's period when the schedule leaves it open; set by the trainer */
    uint64_t steps;
    /* Moments, laid out like the network's parameter block, or a share of them as the step wants
     * it; NULL until attached, and where the rule has none. */
    aei_arena arena;
    aei_optimizer_share share;
    size_t state_floats; /* of each */
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

/* Moments for a network that an optimizer does not have yet. */
typedef struct aei_attachment {
    bool kept; /* it has them: nothing changes */
    aei_arena arena;
    size_t *layout;
    aei_optimizer_share share;
    float *first, *second;
} aei_attachment;

/*
 * Allocate a network's moments for a step, which has a share of them; the optimizer is not touched.
 * Moments of the same layout are kept, or shared out; else the optimizer is to start at step 0. A
 * share of another kind cannot be taken up: AE_ERROR_STATE. AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_optimizer_prepare(aei_attachment *attachment, const ae_optimizer *optimizer,
                                const ae_network *network, const aei_step *step,
                                const aei_optimizer_share *share);

/* And give them to the optimizer, or give them up. Neither can fail. */
void aei_optimizer_attach(ae_optimizer *optimizer, const ae_network *network,
                          aei_attachment *attachment);
void aei_attachment_free(aei_attachment *attachment);

/* Whether the moments are those of a network of this layout. */
bool aei_optimizer_matches(const ae_optimizer *optimizer, const ae_network *network);

/* And this share of them. */
bool aei_optimizer_fits(const ae_optimizer *optimizer, const ae_network *network,
                        const aei_optimizer_share *share);

/* "none", "adam", "adamw" or "sgd", as checkpoints name it. */
const char *aei_optimizer_name(aei_optimizer_kind kind);

/* The rate that step number `step` (from 0) uses. */
float aei_optimizer_rate(const ae_optimizer *optimizer, uint64_t step);

/* The factors of the step to come at this rate; `decays` tells weights from gamma, beta and
 * biases. */
aei_update aei_optimizer_update(const ae_optimizer *optimizer, float rate, bool decays);

#endif
