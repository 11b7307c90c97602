/* SPDX-License-Identifier: BSD-3-Clause */
/* A trainer's life: options, memory, getters. What it does is in epoch.c and run.c. */
#include "train/trainer_internal.h"

#include "base/cpu_internal.h"
#include "base/error.h"
#include "base/options.h"
#include "data/dataset_internal.h"
#include "format/text.h"
#include "model/blocks.h"
#include "train/agree_runs.h"
#include "train/check_dataset.h"
#include "train/order.h"
#include "train/regularisation.h"
#include "train/validate.h"

#include <libae/missing.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

AEI_OPTIONS_INIT(ae_trainer_options)

/* A block as large as the batch is no block, so that both are one run to a checkpoint. */
static ae_status resolve_block(ae_trainer_options *o, const ae_network *network)
{
    if (o->batch_block == 1 && o->batch > 1 && aei_network_norms(network) > 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "batch_block 1: batch normalisation needs at least 2 rows in a block");
    if (o->batch_block >= o->batch)
        o->batch_block = 0;
    return AE_OK;
}

/* Blocks are dealt to the ranks, and the step adds up blocks, not what the caller would add. */
static ae_status check_ranks(const ae_trainer *t, size_t rows)
{
    const ae_trainer_options *o = &t->options;
    const aei_blocks batch = {.rows = o->batch < rows ? o->batch : rows,
                              .block = o->batch_block,
                              .join = aei_network_norms(t->network) > 0};
    if (t->ranks == NULL)
        return AE_OK;
    if (t->ranks->count > aei_block_count(&batch))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "%zu ranks, but %zu block(s) in a batch of %zu rows: a smaller batch_block "
                        "or fewer ranks",
                        t->ranks->count, aei_block_count(&batch), batch.rows);
    const char *what = t->network->tied                    ? "tied weights"
                       : t->no_optimizer != NULL           ? "a caller's own optimizer"
                       : o->keep_gradients == AE_TOGGLE_ON ? "keep_gradients"
                                                           : NULL;
    return what == NULL ? AE_OK
                        : aei_fail(AE_ERROR_UNSUPPORTED,
                                   "%s over several ranks: no rank has the "
                                   "whole gradient of a weight",
                                   what);
}

/* Every number is checked before a default takes its place, so that an error names what the caller
 * wrote. Binary cross-entropy needs a sigmoid because the backward pass uses their joint
 * derivative, y - t, which stays finite where the sigmoid alone is flat. */
static ae_status resolve(ae_trainer_options *o, const ae_network *network)
{
    AE_TRY(aei_check_enum((int)o->sharded_data, AE_TOGGLE_OFF, "sharded_data", "ae_toggle"));
    AE_TRY(aei_check_enum((int)o->cost, AE_COST_BCE, "cost", "ae_cost"));
    AE_TRY(aei_order_resolve(o));
    AE_TRY(aei_check_enum((int)o->drop_last, AE_TOGGLE_OFF, "drop_last", "ae_toggle"));
    AE_TRY(aei_check_enum((int)o->restore_best, AE_TOGGLE_OFF, "restore_best", "ae_toggle"));
    AE_TRY(aei_check_enum((int)o->precision, AE_PRECISION_BF16, "precision", "ae_precision"));
    AE_TRY(aei_check_enum((int)o->keep_gradients, AE_TOGGLE_OFF, "keep_gradients", "ae_toggle"));
    AE_TRY(aei_check_most(o->batch, AEI_BATCH_MAX, "batch"));
    AE_TRY(aei_check_most(o->threads, AEI_THREADS_MAX, "threads"));
    if (!(o->clip_norm >= 0 && o->clip_norm < INFINITY))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "clip_norm %g is negative or not finite",
                        (double)o->clip_norm);
    if (!(o->min_delta >= 0 && o->min_delta < INFINITY))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "min_delta %g is negative or not finite",
                        o->min_delta);
    if (!(o->input_noise >= 0 && o->input_noise < INFINITY))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "input_noise %g is negative or not finite",
                        (double)o->input_noise);
    AE_TRY(aei_check_share("input_mask", o->input_mask));
    AE_TRY(aei_check_share("input_dropout", o->input_dropout));
    AE_TRY(aei_regularisation_resolve(o, network));
    o->batch = o->batch == 0 ? 100 : o->batch;
    AE_TRY(resolve_block(o, network));
    o->epochs = o->epochs == 0 ? 20 : o->epochs;
    o->threads = o->threads == 0 ? aei_cpu_cores() : o->threads;
    o->cost = o->cost == AE_COST_DEFAULT ? AE_COST_L2 : o->cost;
    o->checkpoint_every = o->checkpoint_every == 0 ? 1 : o->checkpoint_every;
    o->train_tag = o->train_tag == NULL ? "train/cost" : o->train_tag;
    o->validation_tag = o->validation_tag == NULL ? "validation/cost" : o->validation_tag;
    o->penalty_tag = o->penalty_tag == NULL ? "train/penalty" : o->penalty_tag;
    AE_TRY(aei_check_utf8("train_tag", o->train_tag));
    AE_TRY(aei_check_utf8("validation_tag", o->validation_tag));
    if (o->rate_tag != NULL)
        AE_TRY(aei_check_utf8("rate_tag", o->rate_tag));
    AE_TRY(aei_check_utf8("penalty_tag", o->penalty_tag));
    if (aei_network_norms(network) > 0 && o->batch < 2)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "batch 1: batch normalisation needs at least 2 rows");
    if (o->cost == AE_COST_BCE &&
        network->layers[network->depth - 1].f.kind != AE_ACTIVATION_SIGMOID)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "binary cross-entropy needs a sigmoid output");
    return AE_OK;
}

/* Both would leave an epoch of no steps, and an epoch's cost is a mean over its steps. */
static ae_status check_rows(const ae_network *network, size_t rows, const ae_trainer_options *o)
{
    if (aei_network_norms(network) > 0 && rows < 2)
        return aei_fail(AE_ERROR_SHAPE,
                        "the training set has %zu row: batch normalisation needs at least 2", rows);
    if (o->drop_last == AE_TOGGLE_ON && rows < o->batch)
        return aei_fail(
            AE_ERROR_SHAPE,
            "the training set has %zu rows, fewer than a batch of %zu, and drop_last is on", rows,
            o->batch);
    return AE_OK;
}

/* A last batch of one row would make batch normalisation divide by a variance of zero: it is left
 * out. */
static size_t steps_in_epoch(size_t rows, const ae_trainer_options *o, bool batch_norm)
{
    const size_t rest = rows % o->batch;
    const bool keep = o->drop_last != AE_TOGGLE_ON && rest >= (batch_norm ? 2 : 1);
    return rows / o->batch + (keep ? 1 : 0);
}

/* The snapshot has room for as many moments as the optimizer has: a step that diverges spoils them
 * together with the parameters. Called twice, as aei_arena wants it. */
static void lay_out(ae_trainer *t)
{
    const ae_network *n = t->network;
    const size_t first = aei_optimizer_moments(t->optimizer) > 0 ? t->share.floats : 0;
    const size_t second = aei_optimizer_moments(t->optimizer) > 1 ? t->share.floats : 0;
    aei_arena *arena = &t->arena;
    aei_ahead_lay_out(&t->ahead, &t->options, t->survey.sharded ? NULL : t->train_set,
                      t->survey.rows, arena);
    if (t->survey.sharded)
        aei_shards_lay_out(&t->shards, arena);
    t->snapshot.parameters = aei_arena_take(arena, n->parameter_floats, sizeof(float));
    t->snapshot.running = aei_arena_take(arena, n->running_floats, sizeof(float));
    t->snapshot.first = aei_arena_take(arena, first, sizeof(float));
    t->snapshot.second = aei_arena_take(arena, second, sizeof(float));
    t->batch_weights = aei_arena_take(arena, t->row_weights == NULL ? 0 : t->options.batch,
                                      sizeof(float));
    aei_validation_lay_out(t);
    if (t->options.restore_best == AE_TOGGLE_ON) {
        t->best_parameters = aei_arena_take(arena, n->parameter_floats, sizeof(float));
        t->best_running = aei_arena_take(arena, n->running_floats, sizeof(float));
    }
}

/* The trainer's own copy of a text among its options. */
static ae_status keep_text(char **kept, const char **text)
{
    if (*text == NULL)
        return AE_OK;
    const size_t size = strlen(*text) + 1;
    *kept = malloc(size);
    if (*kept == NULL)
        return aei_fail_memory(size);
    memcpy(*kept, *text, size);
    *text = *kept;
    return AE_OK;
}

/* What the caller may free or change before the run is over. */
static ae_status keep_inputs(ae_trainer *t, const ae_dataset *train_set)
{
    ae_trainer_options *o = &t->options;
    AE_TRY(keep_text(&t->checkpoint_path, &o->checkpoint_path));
    AE_TRY(keep_text(&t->train_tag, &o->train_tag));
    AE_TRY(keep_text(&t->validation_tag, &o->validation_tag));
    AE_TRY(keep_text(&t->rate_tag, &o->rate_tag));
    AE_TRY(keep_text(&t->penalty_tag, &o->penalty_tag));
    AE_TRY(ae_dataset_view(&t->train_set, train_set, 0, ae_dataset_row_count(train_set)));
    AE_TRY(aei_regularisation_keep(t));
    if (o->validation != NULL)
        AE_TRY(
            ae_dataset_view(&t->validation, o->validation, 0, ae_dataset_row_count(o->validation)));
    o->validation = t->validation;
    return AE_OK;
}

/* This rank's part of each batch and of the moments. A batch that is no step is not read either. */
static void take_share(ae_trainer *t, size_t rows)
{
    const ae_trainer_options *o = &t->options;
    const aei_range full = aei_step_own_rows(t->step, o->batch < rows ? o->batch : rows);
    const size_t rest = rows < o->batch ? 0 : rows % o->batch;
    t->steps_per_epoch = steps_in_epoch(rows, o, aei_network_norms(t->network) > 0);
    t->rows = (aei_reader_share){
        .batches = t->steps_per_epoch, .first = full.first, .count = full.last - full.first};
    if (rest > 0 && t->steps_per_epoch > rows / o->batch) {
        const aei_range last = aei_step_own_rows(t->step, rest);
        t->rows.last_first = last.first;
        t->rows.last_count = last.last - last.first;
    }
    const bool alone = t->ranks == NULL;
    t->share = (aei_optimizer_share){.rank = alone ? 0 : t->ranks->rank,
                                     .ranks = alone ? 1 : t->ranks->count,
                                     .block = alone ? 0 : o->batch_block,
                                     .floats = aei_step_moment_floats(t->step)};
}

static ae_status make_readers(ae_trainer *t)
{
    if (t->survey.sharded)
        return aei_validation_reader(t);
    AE_TRY(aei_reader_create_share(&t->reader, t->train_set, t->options.batch, &t->rows,
                                   aei_bounds_check, &t->train_bounds));
    aei_ahead_follow(&t->ahead, t->reader);
    return aei_validation_reader(t);
}

/* What can fail of taking from the data and of attaching the optimizer. */
static ae_status fit_to_data(ae_trainer *t, aei_attachment *attachment, char ***names)
{
    ae_network *n = t->network;
    const aei_columns_info columns = aei_dataset_columns(t->train_set);
    AE_TRY(aei_network_copy_names(names, n, &columns));
    if (n->fill == NULL && t->survey.missing && t->survey.sharded)
        return aei_fail(AE_ERROR_DATA,
                        "a shard has missing values, and no rank can fit fill values "
                        "to all rows: set them (ae_network_set_fill) on every rank");
    if (n->fill == NULL && t->survey.missing)
        AE_TRY(ae_network_fit_fill(n, t->train_set));
    return aei_optimizer_prepare(attachment, t->optimizer, n, t->step, &t->share);
}

/*
 * What a network learns of its data without training: names and fill values, which stay as they are
 * where it has them. All that may fail, here or on another rank, comes before the optimizer is
 * taken away from another network; where it does the network is as it was.
 */
static ae_status take_from_data(ae_trainer *t)
{
    ae_network *n = t->network;
    const bool filled = n->fill != NULL;
    const uint64_t generation = n->generation;
    const aei_columns_info columns = aei_dataset_columns(t->train_set);
    aei_attachment attachment = {0};
    char **names = NULL;
    ae_status status = aei_ranks_agree(t->ranks, fit_to_data(t, &attachment, &names));
    if (status == AE_OK)
        status = aei_ranks_agree_runs(t);
    if (status == AE_OK) {
        aei_optimizer_attach(t->optimizer, n, &attachment);
        aei_network_take_columns(n, &columns, names);
        return AE_OK;
    }
    aei_attachment_free(&attachment);
    free(names);
    if (!filled)
        ae_network_clear_fill(n);
    n->generation = generation;
    return status;
}

/* All ranks compute alike, whoever has the rows. */
static bool has_missing_rows(const ae_trainer *t)
{
    return t->survey.sharded ? t->survey.missing : ae_dataset_has_missing(t->train_set) != 0;
}

/* What can fail for want of memory comes first: the network and the optimizer belong to the caller,
 * so they are touched last. */
static ae_status prepare(ae_trainer *t)
{
    const ae_trainer_options *o = &t->options;
    const size_t rows = t->survey.rows;
    AE_TRY(aei_team_create(&t->team, o->threads));
    const bool noisy = o->input_noise > 0 || o->input_mask > 0 || o->input_dropout > 0;
    const bool stored = o->clip_norm > 0 || o->keep_gradients == AE_TOGGLE_ON;
    AE_TRY(aei_step_create(&t->step, t->network, t->team, o->batch < rows ? o->batch : rows,
                           o->batch_block,
                           (stored ? AEI_STEP_GRADIENT : 0u) | (noisy ? AEI_STEP_NOISE : 0u) |
                               (has_missing_rows(t) ? AEI_STEP_MISSING : 0u) |
                               (o->dropouts != NULL ? AEI_STEP_DROPOUT : 0u) |
                               (o->precision == AE_PRECISION_BF16 ? AEI_STEP_BF16 : 0u),
                           t->ranks == NULL ? NULL : t->ranks->messages));
    aei_step_round_gradients(t->step, o->bf16_parts);
    take_share(t, rows);
    t->shards = (aei_shards){.ranks = t->ranks,
                             .survey = &t->survey,
                             .dataset = t->train_set,
                             .bounds = &t->train_bounds,
                             .step = t->step,
                             .batch = o->batch < rows ? o->batch : rows};
    if (o->validation != NULL) {
        AE_TRY(aei_session_create(&t->validator, t->network, NULL, t->team));
        aei_session_weigh(t->validator, o->feature_weights);
    }
    lay_out(t);
    AE_TRY(aei_arena_allocate(&t->arena));
    lay_out(t);
    AE_TRY(make_readers(t));
    /* A run of unlimited epochs asks for UINT64_MAX of them: what goes beyond grows as it comes. */
    return aei_trainer_reserve_history(t, o->epochs < 4096 ? (size_t)o->epochs : 4096);
}

/* What this rank can do without the others. Without an optimizer the caller updates the parameters
 * itself, so it needs the gradients, whatever keep_gradients says. */
static ae_status make(ae_trainer *t, ae_network *network, ae_optimizer *optimizer,
                      const ae_dataset *train_set)
{
    ae_trainer_options *o = &t->options;
    if (network == NULL || train_set == NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "ae_trainer_create: %s is NULL",
                        network == NULL ? "network" : "train_set");
    AE_TRY(resolve(o, network));
    const size_t rows = t->survey.rows;
    AE_TRY(aei_bounds_create(&t->train_bounds, "training set", network, train_set, o->cost, true));
    AE_TRY(check_rows(network, rows, o));
    AE_TRY(aei_regularisation_check_rows(o, rows, t->survey.validation_rows));
    if (o->validation != NULL)
        AE_TRY(aei_bounds_create(&t->validation_bounds, "validation set", network, o->validation,
                                 o->cost, false));
    t->network = network;
    t->optimizer = optimizer;
    if (optimizer == NULL) {
        o->keep_gradients = AE_TOGGLE_ON;
        AE_TRY(aei_optimizer_create_none(&t->no_optimizer));
        t->optimizer = t->no_optimizer;
    }
    AE_TRY(check_ranks(t, rows));
    AE_TRY(keep_inputs(t, train_set));
    return prepare(t);
}

/* Once there are messages, all that fails on one rank fails on all. */
ae_status ae_trainer_create(ae_trainer **trainer, ae_network *network, ae_optimizer *optimizer,
                            const ae_dataset *train_set, const ae_trainer_options *options)
{
    AE_REQUIRE(trainer);
    ae_trainer_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_trainer_options"));
    aei_ranks *ranks = NULL;
    AE_TRY(aei_ranks_create(&ranks, o.transport, o.patience_seconds));
    ae_trainer *t = calloc(1, sizeof *t);
    ae_status status = t == NULL ? aei_fail_memory(sizeof *t) : AE_OK;
    if (t != NULL) {
        t->ranks = ranks;
        t->options = o;
        t->options.transport = NULL; /* the caller's */
        atomic_init(&t->cancelled, 0);
    }
    AE_CHECK(aei_ranks_agree(ranks, status));
    AE_CHECK(aei_survey_take(&t->survey, ranks, train_set, o.validation, o.sharded_data));
    AE_CHECK(aei_ranks_agree(ranks, make(t, network, optimizer, train_set)));
    AE_CHECK(take_from_data(t));
    t->optimizer->run_steps = t->options.epochs > UINT64_MAX / t->steps_per_epoch
                                  ? UINT64_MAX
                                  : t->steps_per_epoch * t->options.epochs;
    *trainer = t;
    return AE_OK;
cleanup:
    if (t == NULL)
        aei_ranks_free(ranks);
    ae_trainer_free(t);
    return status;
}

void ae_trainer_free(ae_trainer *trainer)
{
    if (trainer == NULL)
        return;
    aei_reader_free(trainer->reader);
    aei_reader_free(trainer->validation_reader);
    aei_bounds_free(&trainer->train_bounds);
    aei_bounds_free(&trainer->validation_bounds);
    aei_step_free(trainer->step);
    ae_session_free(trainer->validator);
    aei_ranks_free(trainer->ranks);
    aei_survey_free(&trainer->survey);
    aei_team_free(trainer->team);
    aei_arena_free(&trainer->arena);
    ae_optimizer_free(trainer->no_optimizer);
    ae_dataset_free(trainer->train_set);
    ae_dataset_free(trainer->validation);
    free(trainer->history);
    free(trainer->dropouts);
    free(trainer->feature_weights);
    free(trainer->row_weights);
    free(trainer->validation_row_weights);
    free(trainer->checkpoint_path);
    free(trainer->train_tag);
    free(trainer->validation_tag);
    free(trainer->rate_tag);
    free(trainer->penalty_tag);
    free(trainer);
}

/* One atomic store and nothing else, so that another thread or a signal handler may call it. */
void ae_trainer_cancel(ae_trainer *trainer)
{
    if (trainer != NULL)
        atomic_store(&trainer->cancelled, 1);
}

uint64_t ae_trainer_epoch_count(const ae_trainer *trainer)
{
    return trainer == NULL ? 0 : trainer->progress.epochs;
}

uint64_t ae_trainer_step_count(const ae_trainer *trainer)
{
    return trainer == NULL ? 0 : trainer->progress.steps;
}

size_t ae_trainer_steps_per_epoch(const ae_trainer *trainer)
{
    return trainer == NULL ? 0 : trainer->steps_per_epoch;
}

size_t ae_trainer_thread_count(const ae_trainer *trainer)
{
    return trainer == NULL ? 0 : aei_team_threads(trainer->team);
}

/* The network, the optimizer's moments and the datasets are the caller's, and are not counted. */
size_t ae_trainer_memory(const ae_trainer *trainer)
{
    if (trainer == NULL)
        return 0;
    return sizeof *trainer + trainer->arena.size + aei_step_memory(trainer->step) +
           (trainer->validator == NULL ? 0
                                       : aei_session_memory(trainer->validator) +
                                             aei_reader_memory(trainer->validation_reader)) +
           (trainer->reader == NULL ? 0 : aei_reader_memory(trainer->reader)) +
           aei_ranks_memory(trainer->ranks) + trainer->history_capacity * sizeof *trainer->history;
}
