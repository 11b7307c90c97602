/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_STEP_INTERNAL_H
#define AEI_STEP_INTERNAL_H

#include "base/arena.h"
#include "model/matrix_form.h"
#include "model/panels.h"
#include "model/step.h"

/* The inside of a step, for lib/model/step*.c alone. */

/* One layer's values for the batch, each [panels][rows][P], and its panels' statistics, each
 * [panels][P]. */
typedef struct aei_activations {
    float *y;       /* output */
    float *xhat;    /* normalised sums; y without batch normalisation */
    float *dropped; /* y as the next layer takes it; NULL without dropout */
    float *factors; /* y times these */
    float *delta;   /* dC/dz */
    aei_matrix_form y_form, delta_form;
    float *mean, *variance, *inverse;
} aei_activations;

/* A thread's own scratch. */
typedef struct aei_step_scratch {
    float *rounded;        /* [widest][P]: a panel of the weights in bfloat16 */
    float *transposed;     /* [widest][P]: a panel of rows of the weights, transposed */
    float *tile;           /* [P][P]: a tile of the weights' gradient */
    float *packed;         /* for kernels that repack activations */
    float *factor;         /* [rows]: derivative of the cost along each row's distance */
    float *dgamma, *dbeta; /* [P] */
} aei_step_scratch;

struct aei_step {
    aei_arena arena;
    ae_network *network;
    aei_team *team;
    size_t threads;
    size_t max_rows;
    bool stored, noisy, missing, dropping;
    aei_gemm_mode mode;
    aei_activations *layers;
    aei_step_scratch *scratch; /* [threads] */
    aei_work_queue *queues;    /* [phases][threads]: the panels of a phase that are left */
    float *input;              /* [panels][rows][P] */
    aei_matrix_form input_form;
    float *target;     /* the input before it was corrupted or filled; else the input itself */
    float *compared;   /* the output, but 0 where the target is missing; NULL: the output itself */
    float *present;    /* [panels][rows]: weights of each row's values; NULL: none is missing */
    float *ones;       /* [P] */
    float *costs;      /* [panels of the output][rows] */
    double *penalties; /* [panels of the code] */
    float *gradient;   /* like the parameters; NULL unless stored */
    double *squares;   /* sums of squares of the gradient's blocks */
    const aei_step_job *job; /* the step under way, and what is found out in it: */
    size_t rows;
    size_t penalised; /* the layer whose output has a penalty; depth: none */
    double whole;     /* weights of all features */
    double cost, penalty, gradient_norm;
    bool diverged, complete;
};

/* Phases by their places in `queues`; a layer has two, forward and backward. */
enum { AEI_PHASE_INPUT, AEI_PHASE_OUTPUT, AEI_PHASE_LAYERS };

/* Blocks in which the gradient's norm is summed: cut by place, not by thread, so that the sum's
 * bits are fixed. */
enum { AEI_NORM_BLOCK = 8192 };

static inline size_t aei_step_panels(const aei_step *step, size_t features)
{
    return aei_panels(step->network->kernels->panel, features);
}

/* Panel p's statistics of the batch, blended into the running statistics of layer l. */
void aei_step_blend_statistics(aei_step *step, size_t l, size_t p);

/* The end of a step whose gradient is stored, called by every thread: norm, clipping, update. */
void aei_step_finish_stored(aei_step *step, size_t thread);

#endif
