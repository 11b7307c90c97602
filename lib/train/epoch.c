/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps and epochs of a trainer. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "base/error.h"
#include "base/options.h"
#include "format/events_internal.h"
#include "train/trainer_internal.h"
#include "train/validate.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* Monotonic, so that a clock that is set meanwhile makes no epoch negative. */
static double seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

ae_status aei_trainer_check(const ae_trainer *t)
{
    if (aei_optimizer_fits(t->optimizer, t->network, &t->share))
        return AE_OK;
    return aei_fail(AE_ERROR_STATE,
                    "the optimizer was taken by another trainer, for another network");
}

/* Put the state back and say where the error at hand came up. */
static ae_status diverged(ae_trainer *t, uint64_t step)
{
    const unsigned long long at = step, epoch = t->progress.epochs + 1;
    aei_trainer_restore_snapshot(t);
    t->log_behind = true;
    return aei_fail_within(AE_ERROR_DIVERGED,
                           "epoch %llu, step %llu (state put back to step %llu; a lower learning "
                           "rate or clip_norm may "
                           "help)",
                           epoch, at, (unsigned long long)t->progress.steps);
}

/* Without a branch a value, so that compilers make vector code of it. */
static bool all_finite(const float *values, size_t count)
{
    bool finite = true;
    for (size_t i = 0; values != NULL && i < count; i++)
        finite &= (bool)isfinite(values[i]);
    return finite;
}

/* The update of an epoch's last step can overflow where no later cost of the epoch shows it; about
 * 5 ms a look. */
static ae_status check_state(const ae_trainer *t)
{
    const ae_network *n = t->network;
    if (all_finite(n->parameters, n->parameter_floats) &&
        all_finite(n->running, n->running_floats) &&
        all_finite(t->optimizer->first, t->share.floats) &&
        all_finite(t->optimizer->second, t->share.floats))
        return AE_OK;
    return aei_fail(AE_ERROR_DIVERGED, "parameters or moments are not finite after the update");
}

aei_penalty aei_trainer_penalty(const ae_trainer *t)
{
    return (aei_penalty){.l1 = t->options.code_l1,
                         .l2 = t->options.code_l2,
                         .kl = t->options.code_kl,
                         .target = t->options.code_kl_target};
}

/* A point of the log. In front of the first one, and of the first after steps were lost, stands
 * from where on the run goes on: from `next`. */
static ae_status log_point(ae_trainer *t, const char *tag, double value, uint64_t next)
{
    ae_event_writer *events = t->options.events;
    if (events == NULL)
        return AE_OK;
    AE_TRY(t->log_behind ? ae_event_writer_resume(events, next)
                         : aei_event_writer_begin(events, next));
    t->log_behind = false;
    return ae_event_writer_add_scalar(events, tag, t->progress.steps, value);
}

/* What a step has in the event file. */
static ae_status log_step(ae_trainer *t, double cost, double rate)
{
    const aei_penalty penalty = aei_trainer_penalty(t);
    AE_TRY(log_point(t, t->train_tag, cost, t->progress.steps));
    if (t->rate_tag != NULL)
        AE_TRY(log_point(t, t->rate_tag, rate, t->progress.steps));
    if (!aei_penalty_is_on(&penalty))
        return AE_OK;
    return log_point(t, t->penalty_tag, aei_step_penalty(t->step), t->progress.steps);
}

static ae_status report_step(ae_trainer *t, size_t rows, double cost, double rate, double norm)
{
    AE_TRY(log_step(t, cost, rate));
    if (t->options.on_step == NULL)
        return AE_OK;
    const ae_step_info info = {
        .size = sizeof info,
        .step = t->progress.steps,
        .epoch = t->progress.epochs + 1,
        .epoch_step = (size_t)t->progress.epoch_step,
        .steps_per_epoch = t->steps_per_epoch,
        .rows = rows,
        .cost = cost,
        .learning_rate = rate,
        .gradient_norm = norm,
        .penalty = aei_step_penalty(t->step),
    };
    if (t->options.on_step(t->options.user, &info) != 0)
        return aei_fail(AE_ERROR_CANCELLED, "stopped by on_step at step %llu",
                        (unsigned long long)info.step);
    return AE_OK;
}

/* The weights of a batch's rows. They follow the order of the epoch: the rows of a batch from a
 * file are numbered anew. NULL: all are 1. */
static const float *weigh_rows(const ae_trainer *t, size_t count)
{
    const size_t first = (size_t)t->progress.epoch_step * t->options.batch;
    const bool whole = t->survey.rows - first >= t->options.batch;
    const uint32_t *rows = t->order + first + (whole ? t->rows.first : t->rows.last_first);
    if (t->row_weights == NULL)
        return NULL;
    for (size_t r = 0; r < count; r++)
        t->batch_weights[r] = t->row_weights[rows[r]];
    return t->batch_weights;
}

/* Of the batch that comes next, on all ranks. */
static size_t batch_rows(const ae_trainer *t)
{
    const size_t left = t->survey.rows - (size_t)t->progress.epoch_step * t->options.batch;
    return left < t->options.batch ? left : t->options.batch;
}

/* The step that comes next, at this rate. */
static aei_step_job next_job(const ae_trainer *t, const aei_batch *batch, float rate)
{
    const ae_trainer_options *o = &t->options;
    return (aei_step_job){
        .gather = t->survey.sharded ? aei_shards_gather : aei_dataset_gather,
        .source = t->survey.sharded ? (const void *)&t->shards : batch->dataset,
        .rows = batch->rows,
        .row_count = batch->count,
        .batch_rows = batch_rows(t),
        .number = t->progress.steps + 1,
        .cost = o->cost,
        .weights = aei_optimizer_update(t->optimizer, rate, true),
        .no_decay = aei_optimizer_update(t->optimizer, rate, false),
        .first = t->optimizer->first,
        .second = t->optimizer->second,
        .clip_norm = o->clip_norm,
        .noise = {.sd = o->input_noise,
                  .mask = o->input_mask,
                  .dropout = o->input_dropout,
                  .seed = o->seed,
                  .step = t->progress.steps},
        .dropouts = o->dropouts,
        .penalty = aei_trainer_penalty(t),
        .feature_weights = o->feature_weights,
        .row_weights = weigh_rows(t, batch->count),
        .keep_parameters = t->no_optimizer != NULL,
    };
}

/* Rows of all ranks; the step has its own part of them. */
static ae_status take_from_shards(ae_trainer *t, aei_batch *batch)
{
    const size_t count = batch_rows(t), first = (size_t)t->progress.epoch_step * t->options.batch,
                 left = t->progress.epoch_step + 1 < t->steps_per_epoch
                            ? t->survey.rows - first - count
                            : 0;
    const aei_range mine = aei_step_own_rows(t->step, count);
    *batch = (aei_batch){.rows = t->shards.places, .count = mine.last - mine.first};
    return aei_shards_take(&t->shards, t->order + first, count,
                           left < t->options.batch ? left : t->options.batch);
}

/* The rows of the step that comes next. A file's values are looked at now, the first time that they
 * are read: nothing has changed yet. */
static ae_status take_batch(ae_trainer *t, aei_batch *batch)
{
    const ae_status status = t->survey.sharded
                                 ? take_from_shards(t, batch)
                                 : aei_reader_take(t->reader, (size_t)t->progress.epoch_step,
                                                   batch);
    return status == AE_OK || status == AE_ERROR_COMMUNICATION
               ? status
               : aei_fail_within(status, "training set");
}

/* What this rank needs for the step that comes next, and whether it wants one. */
static ae_status prepare_step(ae_trainer *t, float *rate, aei_batch *batch)
{
    const bool cancelled = atomic_exchange(&t->cancelled, 0) != 0;
    t->order = aei_ahead_turn(&t->ahead, t->progress.epochs);
    /* Ranks that exchange rows do so before one of them declines: none waits in vain. */
    const ae_status exchanged = t->survey.sharded ? take_batch(t, batch) : AE_OK;
    if (exchanged == AE_ERROR_COMMUNICATION)
        return exchanged;
    AE_TRY(aei_ranks_take_stop(t->ranks));
    if (cancelled)
        return aei_fail(AE_ERROR_CANCELLED, "cancelled at step %llu",
                        (unsigned long long)t->progress.steps);
    AE_TRY(aei_trainer_check(t));
    *rate = ae_optimizer_learning_rate(t->optimizer);
    if (!(*rate >= 0 && *rate < INFINITY)) {
        aei_step_forget_gradient(t->step);
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "step %llu: the schedule's callback gave a learning rate of %g",
                        (unsigned long long)t->progress.steps + 1, (double)*rate);
    }
    aei_trainer_use_latest(t);
    return t->survey.sharded ? exchanged : take_batch(t, batch);
}

/* A step that was not taken, here or on another rank, for the reason that the error text gives. */
static ae_status not_taken(ae_trainer *t, ae_status status)
{
    if (status == AE_ERROR_DIVERGED)
        return diverged(t, t->progress.steps + 1);
    if (t->ranks == NULL || status == AE_ERROR_COMMUNICATION)
        return status;
    return aei_ranks_stopped(t->ranks, aei_step_stopped_by(t->step), status);
}

/* This rank takes no further step: the others, which are about to, are told. */
static ae_status decline(ae_trainer *t, ae_status status)
{
    if (t->ranks == NULL || status == AE_ERROR_COMMUNICATION)
        return status;
    char text[AEI_ERROR_TEXT];
    memcpy(text, ae_last_error(), strlen(ae_last_error()) + 1);
    const aei_word word = status == AE_ERROR_CANCELLED ? AEI_WORD_CANCELLED : AEI_WORD_FAILED;
    const ae_status agreed = aei_step_decline(t->step, t->progress.steps + 1, word, status);
    if (agreed != AE_ERROR_COMMUNICATION)
        (void)aei_fail(agreed, "%s", text);
    return not_taken(t, agreed);
}

/* True between two calls only when closing the epoch failed: the step counts, and closing is tried
 * again. */
static bool epoch_is_full(const ae_trainer *t)
{
    return t->progress.epoch_step == t->steps_per_epoch;
}

static void count_step(ae_trainer *t, size_t rows, double cost)
{
    aei_progress *p = &t->progress;
    t->checkpoint_behind = true;
    t->optimizer->steps++;
    p->steps++;
    p->epoch_step++;
    p->rows += rows;
    p->cost_min = p->epoch_step == 1 || cost < p->cost_min ? cost : p->cost_min;
    p->cost_max = p->epoch_step == 1 || cost > p->cost_max ? cost : p->cost_max;
    p->cost_sum += cost;
    p->penalty_sum += aei_step_penalty(t->step);
    if (t->ranks != NULL)
        t->ranks->behind = true;
}

/* One step of the epoch under way, without looking whether it was the last. What stops this rank
 * after it stops all with the next, unless the epoch ends here and all meet anyway. */
static ae_status advance(ae_trainer *t, double *cost)
{
    const double start = seconds_now();
    float rate = 0;
    aei_batch batch;
    ae_status status = prepare_step(t, &rate, &batch);
    if (status != AE_OK)
        return decline(t, status);
    if (t->progress.epoch_step == 0 || !t->snapshot.taken)
        aei_trainer_take_snapshot(t);
    t->job = next_job(t, &batch, rate);
    double norm;
    status = aei_step_run(t->step, &t->job, cost, &norm);
    if (status != AE_OK)
        return not_taken(t, status);
    count_step(t, t->job.batch_rows, *cost);
    t->progress.seconds += seconds_now() - start;
    if (t->options.on_step != NULL)
        AE_TRY(aei_step_settle(t->step));
    status = report_step(t, t->job.batch_rows, *cost, (double)rate, norm);
    if (status == AE_OK || t->ranks == NULL || epoch_is_full(t))
        return status;
    aei_ranks_keep_stop(t->ranks, status);
    return AE_OK;
}

/* Compare the epoch with the best one, by validation cost or else training cost, and keep the
 * better one's weights. */
static void update_best(ae_trainer *t, ae_epoch_info *info)
{
    aei_progress *p = &t->progress;
    const double cost = t->options.validation != NULL ? info->validation_cost : info->train_cost;
    if (p->best_epoch != 0 ? !(cost < p->best_cost - t->options.min_delta) : isnan(cost)) {
        p->stale_epochs++;
        return;
    }
    info->best = 1;
    p->best_epoch = info->epoch;
    p->best_cost = cost;
    p->stale_epochs = 0;
    aei_trainer_keep_best(t);
}

ae_status aei_trainer_settle(const ae_trainer *t)
{
    if (t->ranks == NULL)
        return AE_OK;
    AE_TRY(aei_ranks_note(t->ranks, aei_step_settle(t->step)));
    if (!t->ranks->behind)
        return AE_OK;
    AE_TRY(aei_ranks_note(t->ranks, aei_step_gather_running(t->step)));
    t->ranks->behind = false;
    return AE_OK;
}

/* What may fail on this rank alone: nothing is added to the history before all are through. */
static ae_status prepare_close(ae_trainer *t)
{
    AE_TRY(check_state(t));
    AE_TRY(aei_trainer_reserve_history(
        t, t->history_count < t->history_capacity ? 0 : t->history_capacity * 2 + 64));
    return aei_validate_rows(t);
}

/* The entry of the history. */
static ae_epoch_info describe_epoch(const ae_trainer *t, double validation_cost)
{
    const aei_progress *p = &t->progress;
    return (ae_epoch_info){
        .size = sizeof(ae_epoch_info),
        .epoch = p->epochs + 1,
        .step = p->steps,
        .train_cost = p->cost_sum / (double)p->epoch_step,
        .train_cost_min = p->cost_min,
        .train_cost_max = p->cost_max,
        .validation_cost = validation_cost,
        .learning_rate = (double)aei_optimizer_rate(t->optimizer, t->optimizer->steps - 1),
        .rows = p->rows,
        .penalty = p->penalty_sum / (double)p->epoch_step,
    };
}

/* What the log and the callback make of an epoch. */
static ae_status report_epoch(ae_trainer *t, const ae_epoch_info *info)
{
    if (t->options.validation != NULL) /* a step later, as this step's training cost stands */
        AE_TRY(log_point(t, t->validation_tag, info->validation_cost, info->step + 1));
    if (t->options.on_epoch != NULL && t->options.on_epoch(t->options.user, info) != 0)
        return aei_fail(AE_ERROR_CANCELLED, "stopped by on_epoch after epoch %llu",
                        (unsigned long long)info->epoch);
    return AE_OK;
}

/* After the last step of an epoch, which ended with `reported`: validation, history, best weights,
 * the callback. A step's callback that stops the run, or a log that cannot be written, does not
 * stop that. */
static ae_status close_epoch(ae_trainer *t, ae_status reported)
{
    aei_progress *p = &t->progress;
    const double start = seconds_now();
    char text[AEI_ERROR_TEXT];
    memcpy(text, ae_last_error(), strlen(ae_last_error()) + 1);
    aei_trainer_use_latest(t);
    AE_TRY(aei_trainer_settle(t));
    const ae_status status = aei_ranks_agree(t->ranks, prepare_close(t));
    if (status == AE_ERROR_DIVERGED)
        return diverged(t, p->steps);
    AE_TRY(status);
    double validation_cost;
    AE_TRY(aei_validation_cost(t, &validation_cost));
    ae_epoch_info info = describe_epoch(t, validation_cost);
    update_best(t, &info);
    info.seconds = p->seconds + (seconds_now() - start);
    t->history[t->history_count++] = info;
    t->checkpoint_behind = true;
    p->epochs++;
    p->epoch_step = p->rows = 0;
    p->cost_sum = p->cost_min = p->cost_max = p->penalty_sum = p->seconds = 0;
    ae_status closed = report_epoch(t, &info);
    if (closed == AE_OK && reported != AE_OK)
        closed = aei_fail(reported, "%s", text);
    return aei_ranks_agree(t->ranks, closed);
}

/* A step, unless the run is to stop, and what follows the last one of an epoch. */
static ae_status step_and_close(ae_trainer *t, double *cost)
{
    const ae_status status = advance(t, cost);
    return epoch_is_full(t) && status != AE_ERROR_COMMUNICATION ? close_epoch(t, status) : status;
}

/* Every call that trains ends here. A step that was lost on the way between the ranks is half
 * done, so its epoch begins anew, once and for all: these ranks take no further step. */
static ae_status leave(ae_trainer *t, ae_status status)
{
    aei_ranks *ranks = t->ranks;
    if (ranks == NULL)
        return status;
    if (status != AE_ERROR_COMMUNICATION) {
        const ae_status settled = aei_trainer_settle(t);
        status = settled != AE_OK ? settled : status;
    }
    if (status != AE_ERROR_COMMUNICATION)
        return status;
    (void)aei_ranks_note(ranks, status);
    if (t->snapshot.taken && t->snapshot.progress.epochs == t->progress.epochs)
        aei_trainer_restore_snapshot(t);
    return aei_ranks_check(ranks);
}

static ae_status run_step(ae_trainer *t, double *cost)
{
    if (epoch_is_full(t)) /* closing it failed the last time */
        AE_TRY(close_epoch(t, AE_OK));
    return step_and_close(t, cost);
}

ae_status ae_trainer_run_step(ae_trainer *trainer, double *cost)
{
    AE_REQUIRE(trainer);
    AE_TRY(aei_ranks_check(trainer->ranks));
    double batch_cost = 0;
    const ae_status status = leave(trainer, run_step(trainer, &batch_cost));
    if (cost != NULL && status == AE_OK)
        *cost = batch_cost;
    return status;
}

static ae_status run_epoch(ae_trainer *t)
{
    const size_t entries = t->history_count;
    if (epoch_is_full(t))
        AE_TRY(close_epoch(t, AE_OK));
    while (t->history_count == entries) {
        double cost;
        AE_TRY(step_and_close(t, &cost));
    }
    return AE_OK;
}

ae_status ae_trainer_run_epoch(ae_trainer *trainer, ae_epoch_info *info)
{
    AE_REQUIRE(trainer);
    AE_TRY(aei_ranks_check(trainer->ranks));
    const ae_status wrong = info != NULL ? aei_result_check(info, "ae_epoch_info") : AE_OK;
    const size_t entries = trainer->history_count;
    const ae_status fine = aei_ranks_agree(trainer->ranks, wrong);
    AE_TRY(leave(trainer, fine == AE_OK ? run_epoch(trainer) : fine));
    return info == NULL ? AE_OK : ae_trainer_get_epoch(trainer, entries, info);
}
