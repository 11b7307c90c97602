/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_TRAINER_INTERNAL_H
#define AEI_TRAINER_INTERNAL_H

#include <libae/evaluate.h>
#include <libae/history.h>
#include <libae/trainer.h>
#include <libae/view.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/team.h"
#include "data/dataset_internal.h"
#include "data/reader.h"
#include "train/ahead.h"
#include "model/session_internal.h"
#include "model/step.h"
#include "train/bounds.h"
#include "train/optimizer_internal.h"
#include "train/ranks.h"
#include "train/shards.h"

/* Where a run stands, beside parameters and moments: all that a checkpoint has to keep. */
typedef struct aei_progress {
    uint64_t steps;      /* taken */
    uint64_t epochs;     /* completed */
    uint64_t epoch_step; /* steps taken of the epoch under way */
    double cost_sum;     /* over those steps */
    double cost_min;
    double cost_max;
    double seconds;        /* spent on the epoch under way */
    uint64_t rows;         /* trained on in the epoch under way */
    uint64_t best_epoch;   /* 0: none yet */
    double best_cost;      /* meaningful when best_epoch > 0 */
    uint64_t stale_epochs; /* epochs since the last improvement */
    double penalty_sum;    /* over the steps of the epoch under way */
} aei_progress;

struct ae_trainer {
    ae_network *network;
    ae_optimizer *optimizer;
    ae_optimizer *no_optimizer; /* the trainer's own, which stands in where the caller has none */
    ae_trainer_options options; /* defaults resolved; what it points to is the trainer's, below */
    ae_dataset *train_set, *validation;
    aei_bounds train_bounds, validation_bounds;
    /* Of those sets; the first NULL where rows come from other ranks too, the second without a
     * set. */
    aei_reader *reader, *validation_reader;
    float *dropouts;                      /* of each layer; NULL: none */
    float *feature_weights, *row_weights; /* in the cost; NULL: all 1 */
    float *validation_row_weights;        /* the same for the validation set */
    float *batch_weights;                 /* the rows' of a batch, where there are any */
    char *checkpoint_path, *train_tag, *validation_tag, *penalty_tag, *rate_tag;
    aei_ranks *ranks;  /* that share the run; NULL: this one alone */
    aei_survey survey; /* what they have of the data; the rows of the run */
    aei_shards shards; /* rows on their way, where the data are cut */
    aei_team *team;
    aei_step *step;
    aei_step_job job;          /* its last, which it may look at until it has settled */
    aei_optimizer_share share; /* of the moments that the step wants */
    aei_reader_share rows;     /* of each batch that the step wants */
    ae_session *validator; /* evaluates the validation set with the same team; NULL without one */
    ae_evaluation evaluation;                        /* what it found */
    struct aei_row_costs *row_costs, *all_row_costs; /* of this rank's rows, of all ranks' */
    size_t steps_per_epoch;
    aei_progress progress;
    bool log_behind;        /* steps are about to be taken again that events may have */
    bool checkpoint_behind; /* what happened since is not in the file at checkpoint_path */
    ae_epoch_info *history; /* history_count entries */
    size_t history_count, history_capacity;
    aei_arena arena;
    aei_ahead ahead;
    const uint32_t *order; /* the epoch's permutation of the training rows */
    /* State at the beginning of the epoch, to return to when the run diverges. */
    struct {
        float *parameters, *running, *first, *second;
        uint64_t optimizer_steps, batches_tracked;
        aei_progress progress;
        bool taken;
    } snapshot;
    /*
     * Parameters and running statistics of the best epoch; NULL unless restore_best is on. While
     * `restored` they have changed places with the network's, which the next step undoes.
     */
    float *best_parameters, *best_running;
    bool restored;
    uint64_t restored_generation; /* of the network when they changed places */
    atomic_int cancelled;
};

/* The penalty on the code that the options ask for. */
aei_penalty aei_trainer_penalty(const ae_trainer *trainer);

/* AE_ERROR_STATE when the optimizer's moments are no longer this network's. */
ae_status aei_trainer_check(const ae_trainer *trainer);

/* Weights and running statistics as all ranks have them. Collective. */
ae_status aei_trainer_settle(const ae_trainer *trainer);

/* Room for count history entries, so that what follows cannot fail. AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_trainer_reserve_history(ae_trainer *trainer, size_t count);

/* The state that training goes on from, and the best one (NULL: none), wherever they are kept just
 * now. */
typedef struct aei_weights {
    float *parameters, *running;
} aei_weights;
aei_weights aei_trainer_latest(const ae_trainer *trainer);
aei_weights aei_trainer_best(const ae_trainer *trainer);

/* Copy the network's weights: the epoch that has just ended is the best so far. */
void aei_trainer_keep_best(ae_trainer *trainer);

/* Best and latest weights change places: the best into the network, and back before training goes
 * on. */
void aei_trainer_restore_best(ae_trainer *trainer);
void aei_trainer_use_latest(ae_trainer *trainer);

/* memcpy of floats, where both sides have some. */
void aei_copy_floats(float *to, const float *from, size_t count);

/* Remember the state at the beginning of an epoch, and return to it. */
void aei_trainer_take_snapshot(ae_trainer *trainer);
void aei_trainer_restore_snapshot(ae_trainer *trainer);

/* After a checkpoint was put in place: forget what was derived from the old state. */
void aei_trainer_resumed(ae_trainer *trainer);

#endif
