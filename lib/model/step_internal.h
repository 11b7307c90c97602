/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_STEP_INTERNAL_H
#define AEI_STEP_INTERNAL_H

#include "base/arena.h"
#include "model/blocks.h"
#include "model/matrix_form.h"
#include "model/step.h"
#include "model/tree.h"

/* The inside of a step, for lib/model/step*.c alone. */

/* One layer's values for a block of the batch, each [panels][rows][P], and its panels' statistics,
 * each [panels][P]. */
typedef struct aei_activations {
    float *y;       /* output */
    float *xhat;    /* normalised sums; y without batch normalisation */
    float *dropped; /* y as the next layer takes it; NULL without dropout */
    float *factors; /* y times these */
    float *delta;   /* dC/dz */
    aei_matrix_form y_form, delta_form;
    float *mean, *variance, *inverse;
} aei_activations;

/* A block of the batch, and what the layers hold for its rows. Without blocks the batch is one. */
typedef struct aei_step_block {
    size_t number;      /* in the batch */
    size_t first, rows; /* among the batch's rows */
    size_t local;       /* its first row among this rank's */
    double cost;        /* of its rows, times those of the batch */
    double penalty;     /* its share of the batch's */
    float *input;       /* [panels][rows][P] */
    aei_matrix_form input_form;
    float *target;     /* the input before it was corrupted or filled; else the input itself */
    float *compared;   /* the output, but 0 where the target is missing; NULL: the output itself */
    float *present;    /* [panels][rows]: weights of each row's values; NULL: none is missing */
    float *costs;      /* [panels of the output][rows] */
    double *penalties; /* [panels of the code] */
    aei_activations *layers;
} aei_step_block;

/* A layer's statistics of a batch of several blocks, each [panels][P]. */
typedef struct aei_step_statistics {
    float *mean, *variance;
} aei_step_statistics;

/* A thread's own scratch. */
typedef struct aei_step_scratch {
    float *rounded;            /* [widest][P]: a panel of the weights in bfloat16 */
    float *transposed;         /* [widest][P]: a panel of rows of the weights, transposed */
    float *packed;             /* for kernels that repack activations, a block after another */
    aei_matrix_form *operands; /* [blocks]: what products over features read */
    float *factor;             /* [rows]: derivative of the cost along each row's distance */
    aei_tree tiles;            /* a tile of the weights' gradient, [P][P] */
    aei_tree norms;            /* gradients of gamma and of beta or the bias, [2][P] */
    aei_tree statistics;       /* mean and variance, [2][P] */
} aei_step_scratch;

struct aei_step {
    aei_arena arena;
    ae_network *network;
    aei_team *team;
    struct aei_step_ranks *ranks; /* NULL: one */
    size_t threads;
    size_t max_rows, block_size;
    bool stored, noisy, missing, dropping;
    aei_gemm_mode mode;
    aei_step_scratch *scratch; /* [threads] */
    aei_work_queue *queues;    /* [phases][threads]: the panels of a phase that are left */
    aei_step_block *blocks;    /* [most_blocks] */
    size_t rounded;            /* blocks of the parts that are rounded to bfloat16; 0: none are */
    size_t most_blocks, tree_blocks; /* of this rank, and of all */
    aei_step_statistics *statistics; /* [layers] */
    float *ones;                     /* [P] */
    float *gradient;                 /* like the parameters; NULL unless stored */
    double *squares;                 /* of the gradient: squares.h */
    const aei_step_job *job;         /* the step under way, and what is found out in it: */
    size_t block_count, batch_rows;
    uint64_t number;  /* of the step in the run */
    size_t penalised; /* the layer whose output has a penalty; depth: none */
    double whole;     /* weights of all features */
    double cost, penalty, gradient_norm;
    bool diverged, complete;
};

/* Phases by their places in `queues`; a layer has two, forward and backward. */
enum { AEI_PHASE_INPUT, AEI_PHASE_OUTPUT, AEI_PHASE_LAYERS };

static inline size_t aei_step_panels(const aei_step *step, size_t features)
{
    return aei_panels(step->network->kernels->panel, features);
}

/* The next panel of a phase for this thread; false when none is left. */
bool aei_step_pop_panel(aei_step *step, size_t phase, size_t thread, size_t *panel);

/* The phase of layer l, going forward or back, and, over several ranks, its weights' gradient. */
enum { AEI_FORWARD, AEI_BACKWARD, AEI_WEIGHTS, AEI_DIRECTIONS };
static inline size_t aei_step_phase(size_t l, size_t direction)
{
    return AEI_PHASE_LAYERS + AEI_DIRECTIONS * l + direction;
}

/* What products over features read of each block's matrix: the matrix, or the thread's repacked
 * copy, into the thread's operands. */
void aei_step_operands(aei_step *step, size_t thread, size_t features,
                       const aei_matrix_form *(*whole)(const aei_step_block *block, size_t l),
                       size_t l);

/* What layer l reads of a block, and its gradient of the layer's sums. */
const aei_matrix_form *aei_step_layer_input(const aei_step_block *block, size_t l);
const aei_matrix_form *aei_step_layer_delta(const aei_step_block *block, size_t l);

/* The penalty on a block's code, as its share of the batch's. */
aei_penalty aei_step_penalty_of_block(const aei_step *step, const aei_step_block *block);

/* The phases: each thread works on panels until none is left. */
void aei_step_gather(aei_step *step, size_t thread);
void aei_step_forward(aei_step *step, size_t l, size_t thread);
void aei_step_output_gradient(aei_step *step, size_t thread);
void aei_step_backward(aei_step *step, size_t l, size_t thread);

/* running = decay * running + (1 - decay) * batch. */
void aei_step_blend(float *running, const float *batch, float decay, size_t count);

/* Panel p's statistics of the batch, blended into the running statistics of layer l. */
void aei_step_blend_statistics(aei_step *step, size_t l, size_t p);

/* The end of a step whose gradient is stored, called by every thread: norm, clipping, update. */
void aei_step_finish_stored(aei_step *step, size_t thread);

#endif
