/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_STEP_H
#define AEI_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/team.h"
#include "model/network_internal.h"
#include "model/noise.h"
#include "model/panels.h"
#include "model/penalty.h"
#include "ranks/messages.h"

/*
 * One training step of a network on one batch: forward, cost, backward, update, run by all threads
 * of a team at once. Threads take one panel of a layer after another; see step.c for the phases.
 */
typedef struct aei_step aei_step;

/* Copies features [first, first + count) of a source's rows, as the caller has them:
 * out[r * stride + j]. Called from every thread of the team. aei_dataset_gather is one. */
typedef void (*aei_gather)(const void *source, const uint32_t *rows, size_t row_count, size_t first,
                           size_t count, float *out, size_t stride);

typedef struct aei_step_job {
    aei_gather gather;
    const void *source;
    const uint32_t *rows; /* of the batch; over several ranks, of this rank's share of it */
    size_t row_count;
    size_t batch_rows; /* of the whole batch; 0: row_count */
    ae_cost cost;
    aei_update weights; /* the optimizer's step for weights, and for gamma, beta and biases */
    aei_update no_decay;
    float *first, *second; /* moments, laid out like the parameters; NULL where the rule has none */
    float clip_norm;       /* 0: off */
    aei_noise noise;       /* on the input; all zero unless the step was created for it */
    const float *dropouts; /* each layer's chance to drop a unit; needs AEI_STEP_DROPOUT */
    aei_penalty penalty;   /* on the code */
    const float *feature_weights; /* in the cost; NULL: all 1 */
    const float *row_weights;     /* the same for `rows` */
    bool keep_parameters;         /* compute the gradient alone; needs AEI_STEP_GRADIENT */
    uint64_t number; /* of the step in the run, from 1: what messages are marked with */
} aei_step_job;

/* What a step can do beside the plain one: keep the whole gradient, which clipping needs; corrupt
 * its input; multiply in bfloat16; take NaN in a row for a missing value, which needs a network
 * with fill values; drop units of hidden layers. */
typedef enum aei_step_flag {
    AEI_STEP_GRADIENT = 1,
    AEI_STEP_NOISE = 2,
    AEI_STEP_BF16 = 4,
    AEI_STEP_MISSING = 8,
    AEI_STEP_DROPOUT = 16
} aei_step_flag;

/*
 * All memory for batches of up to max_rows, cut into blocks of `block` rows (0: not cut); `flags`
 * are of aei_step_flag. With messages the step is taken by several ranks together, each of which
 * calls what is here in the same order; they must outlive the step. There are then at least as many
 * blocks as ranks, and neither tied weights nor AEI_STEP_GRADIENT but for clipping.
 */
ae_status aei_step_create(aei_step **step, ae_network *network, aei_team *team, size_t max_rows,
                          size_t block, unsigned flags, aei_messages *messages);
void aei_step_free(aei_step *step);
size_t aei_step_memory(const aei_step *step);

/*
 * Take the step on the batch's rows, scaled where the network has a scaling. A cost or a stored
 * gradient that is not finite leaves network and moments untouched (AE_ERROR_DIVERGED). cost and
 * gradient_norm (0 unless the gradient is stored) are always written. AE_ERROR_THREAD after a fork.
 */
ae_status aei_step_run(aei_step *step, const aei_step_job *job, double *cost,
                       double *gradient_norm);

/*
 * Several ranks. A rank computes some of a batch's blocks, and owns a share of the parameters,
 * whose moments live with the owner alone, laid out as it likes. Cost, penalty and norm are those
 * of the whole batch, and a step that diverges or is declined on one rank changes nothing on any.
 * Without messages a step is the only rank: it has all rows and all parameters.
 */

/* The rows of a batch of so many rows that a rank computes with, and those of this rank. */
aei_range aei_step_rows_of_rank(const aei_step *step, size_t rank, size_t batch_rows);
aei_range aei_step_own_rows(const aei_step *step, size_t batch_rows);

/*
 * Tell the other ranks, which are in aei_step_run for step `number`, that this one stops before it.
 * They then return AE_ERROR_CANCELLED where the greatest word of all ranks is
 * AEI_WORD_CANCELLED, AE_ERROR_DIVERGED for AEI_WORD_DIVERGED, and the status that the failing rank
 * gave for AEI_WORD_FAILED, of the least rank that says so; so does this call.
 */
ae_status aei_step_decline(aei_step *step, uint64_t number, aei_word word, ae_status status);

/* Who stopped the last step, after it returned one of these. */
size_t aei_step_stopped_by(const aei_step *step);

/* Weights may still be on their way when aei_step_run returns: wait for them. Every reader of the
 * network's parameters has to have called this since the last step. */
ae_status aei_step_settle(aei_step *step);

/* Collective, after aei_step_settle: the running statistics of all owners, everywhere, and their
 * weights where these have travelled rounded. */
ae_status aei_step_gather_running(aei_step *step);

/* Floats of one moment of this rank's share; parameter_floats without messages. */
size_t aei_step_moment_floats(const aei_step *step);

/* Collective: all shares of a moment, laid out like the parameters, into rank 0's `whole`, which is
 * not used elsewhere. And this rank's share out of such a block. */
ae_status aei_step_gather_moments(aei_step *step, const float *share, float *whole);
void aei_step_share_moments(const aei_step *step, const float *whole, float *share);

/*
 * Round gradients to bfloat16 where the blocks of a full batch have been added up to `parts` parts;
 * 0: never. Ranks that have whole parts then send half the bytes, and what they compute does not
 * depend on their number. In bfloat16 steps weights travel rounded as well, as the products read
 * them: only an owner has the others until aei_step_gather_running.
 */
void aei_step_round_gradients(aei_step *step, size_t parts);

/* What the last step's penalty added to its cost; 0 without one. */
double aei_step_penalty(const aei_step *step);

/* The gradient of the last step, laid out like the parameter block; NULL when it was not stored or
 * the step failed. */
const float *aei_step_gradient(const aei_step *step);

/* The parameters are no longer those that the gradient belongs to. */
void aei_step_forget_gradient(aei_step *step);

/* For tests: the output of layer l for the last batch, [rows][out] into values. */
void aei_step_output(const aei_step *step, size_t layer, float *values);

#endif
