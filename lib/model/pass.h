/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_PASS_H
#define AEI_PASS_H

#include <libae/session.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/team.h"
#include "model/bf16_weights.h"
#include "model/step.h"

/* One pass over a batch: layers [first, last), and what is wanted of the last one's output. */
typedef struct aei_pass {
    size_t first, last;
    size_t rows;       /* at most max_batch */
    aei_gather gather; /* reads the rows that `numbers` names from `source` */
    const void *source;
    const uint32_t *numbers;
    float *out;              /* row-major; NULL: not wanted */
    bool squares, entropies; /* each row's sums, panel by panel, into the session's */
    bool unscaled;           /* reconstructions, squares and scores in the caller's units */
    const float *spread;     /* squares and scores in these [features]; NULL: as they are */
    ae_cost cost;            /* of the scores */
    float *scores;           /* [rows]; NULL: not wanted */
    float *contributions;    /* [rows][features]; NULL: not wanted */
} aei_pass;

struct ae_session {
    aei_arena arena;
    const ae_network *network;
    aei_team *team;
    bool owns_team;
    bool bf16;
    size_t threads, max_batch;
    uint64_t generation;          /* of the network when scale and shift were worked out, plus 1 */
    float *scale, *shift;         /* [panels][P] of every layer, one after another */
    size_t *offsets;              /* of a layer in scale and shift */
    float *input;                 /* [panels][rows][P], kept for the costs */
    float *buffers[2];            /* layers' outputs by turns */
    const float *feature_weights; /* of squares and entropies; NULL: all 1 */
    float *square_sums, *entropy_sums; /* [panels][rows] */
    float *present;                    /* [panels][rows]: weights of what is there (fill.h) */
    float *masked;                     /* [threads][2][rows][P]: output and input without them */
    aei_bf16_weights bf16_weights;     /* used when bf16 */
    uint16_t *bf16_input; /* input and buffers in bfloat16, where products take pairs */
    uint16_t *bf16_buffers[2];
    float **packed;         /* per thread, for kernels that repack */
    aei_work_queue *queues; /* [depth + 1][threads]: panels of the input and of each layer */
    aei_pass now;
};

/* Run a pass with the network's parameters as they are now. AE_ERROR_THREAD after a fork. */
ae_status aei_pass_run(ae_session *session, const aei_pass *pass);

#endif
