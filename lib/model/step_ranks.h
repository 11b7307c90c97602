/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_STEP_RANKS_H
#define AEI_STEP_RANKS_H

#include "model/pieces.h"
#include "model/step_internal.h"

#include <stdatomic.h>

/*
 * A step that several ranks take, for lib/model/step*.c alone.
 *
 *     forward     the ranks' blocks; a panel waits until its weights have come, so those come first
 *                 that this rank has stepped itself
 *     report      each rank tells all others its blocks' costs and how it is doing
 *     backward    gradients go panel by panel into the messages to their owners, and travel while
 *                 those of the layer's input are computed
 *     owner       adds all ranks' parts of a piece, takes the optimizer's step on it, sends the
 *                 weights to all
 *
 * Nothing changes before every rank has reported that it goes on. Thread 0 alone talks to the other
 * ranks, between two panels; adding and stepping is work for any thread.
 */

/* The life of a piece in a step. Only thread 0 changes a stage, but for the two that say that a
 * thread is at work and that it is done. */
enum aei_stage {
    AEI_STAGE_DONE,      /* its weights are those of the last step, here and everywhere */
    AEI_STAGE_GRADIENT,  /* this rank's part is being computed */
    AEI_STAGE_SENDING,   /* to its owner */
    AEI_STAGE_AWAITED,   /* weights that the owner will send */
    AEI_STAGE_COLLECTED, /* own: parts of the others are awaited */
    AEI_STAGE_TO_SUM,    /* own, with clipping: its squares are wanted */
    AEI_STAGE_SUMMING,
    AEI_STAGE_SUMMED,
    AEI_STAGE_TO_STEP, /* own: the optimizer may take its step */
    AEI_STAGE_STEPPING,
    AEI_STAGE_STEPPED,
    AEI_STAGE_SPREADING /* its weights are sent to all */
};

typedef struct aei_travel {
    atomic_int stage;
    atomic_size_t panels_left; /* of this rank's part */
    uint32_t tag;              /* of parts; weights have the next one */
    unsigned char *memory;     /* a message: this rank's part, then the new weights */
    aei_slot *parts;           /* [ranks]: own: what others send, in memory of their own; of another
                                * owner: [1], what goes there and comes back */
    aei_slot *weights;         /* [ranks]: own: to the others, all from `memory` */
} aei_travel;

/* A rank's blocks in the batch at hand, and what its parts are in the tree. */
typedef struct aei_rank_blocks {
    aei_range blocks;
    size_t nodes;
    aei_tree_node node[AEI_TREE_HEIGHT];
} aei_rank_blocks;

typedef struct aei_step_ranks {
    aei_arena arena;
    aei_messages *messages;
    size_t rank, count;
    size_t full_blocks, report_blocks; /* of a full batch; the most of a rank */
    size_t piece_count;
    aei_piece *pieces;
    size_t *first_piece; /* [layers + 1] */
    aei_travel *travels; /* [pieces] */
    aei_rank_blocks *blocks;
    aei_slot *reports_out, *reports_in; /* [ranks]; payload: cost and penalty of each block */
    aei_slot *squares_out, *squares_in; /* [ranks]; with clipping: their owner's sums */
    double *squares;
    aei_slot mail;         /* a share of moments or statistics */
    size_t settled_layers; /* layers from here on have been gone back through by all threads */
    bool open;             /* everybody goes on: parts may travel */
    bool reported, summed, scaled;
    float most_norm; /* clipping's: the job may be gone when weights come */
    float scale;     /* of the gradient, for clipping */
    aei_word word;
    size_t stopped_by;
    ae_status stopped;        /* the others' */
    _Atomic ae_status failed; /* the messages' own; thread 0 sets it */
    atomic_bool over;         /* of the step: threads may go */
} aei_step_ranks;

/* Life; aei_step_create and aei_step_free call them. */
ae_status aei_step_ranks_create(aei_step *step, aei_messages *messages);
void aei_step_ranks_free(aei_step *step);

/* A step begins: blocks are dealt out. */
void aei_ranks_begin(aei_step *step, float most_norm);

/* Wait until the last step's weights of panel p of layer l are in this rank's network: any thread.
 * Thread 0 alone makes them come, so it stays until those of the whole layer have. */
void aei_ranks_await_panel(aei_step *step, size_t l, size_t p, size_t thread);
void aei_ranks_await_layer(aei_step *step, size_t l);

/* Thread 0: wait until the last step's weights are everywhere. */
void aei_ranks_await_all(aei_step *step);

/* Thread 0: this rank's costs are known, and so how it is doing. */
void aei_ranks_report(aei_step *step, aei_word word, ae_status status);

/* Thread 0: all threads are through with this layer. */
void aei_ranks_layer_is_done(aei_step *step, size_t layer);

/* Every thread, between two panels: thread 0 looks what has come, and a piece that is ready is
 * worked on. Whether there was anything to do. */
bool aei_ranks_tend(aei_step *step, size_t thread);

/* Every thread, after the last panel: stay until the step is over here. */
void aei_ranks_end(aei_step *step, size_t thread);

/* The first panel of layer l that belongs to a rank. */
size_t aei_ranks_first_panel(const aei_step *step, size_t l, size_t rank);

/* The gradient of a tile of layer l's weights, this rank's parts in `tiles`, into the messages;
 * panel p of the layer is complete. */
void aei_ranks_take_tile(aei_step *step, size_t l, size_t q, size_t p, const aei_tree *tiles);
void aei_ranks_panel_is_there(aei_step *step, size_t l, size_t p);

/* The same for gamma, beta and statistics of panel p. */
void aei_ranks_take_norms(aei_step *step, size_t l, size_t p, const aei_tree *norms,
                          const aei_tree *statistics);

/* How the step ended: the error of the messages, or who stopped it. */
ae_status aei_ranks_outcome(const aei_step *step);

/* Work on a piece: add the parts and sum their squares; add them and take the step; put weights
 * that have come where they belong. */
void aei_ranks_sum_piece(aei_step *step, size_t piece, size_t thread);
void aei_ranks_step_piece(aei_step *step, size_t piece, size_t thread);
void aei_ranks_unpack_piece(aei_step *step, size_t piece);

/* Bytes of a rank's part of a piece, and of its weights, as they travel. */
size_t aei_ranks_part_bytes(const aei_step *step, const aei_piece *piece, size_t rank);
size_t aei_ranks_weight_bytes(const aei_step *step, const aei_piece *piece);

/* This rank's part, or its new weights, as they travel: in place. */
void aei_ranks_pack_part(aei_step *step, size_t piece);
void aei_ranks_pack_weights(aei_step *step, size_t piece);

/* Floats of a piece in a message to or from this rank. */
static inline float *aei_slot_floats(const aei_slot *slot)
{
    return (float *)(void *)(slot->memory + AEI_MESSAGE_HEADER);
}

#endif
