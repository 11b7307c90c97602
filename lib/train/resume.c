/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking up a saved run. All of the file is read into a `saved` and checked there; only then is
 * anything of the trainer, its network and its optimizer changed, by copies that cannot fail.
 */
#include "base/error.h"
#include "base/input.h"
#include "base/folder.h"
#include "model/tied.h"
#include "store/model_file.h"
#include "train/checkpoint_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct saved {
    ae_network *network; /* parameters, running statistics */
    float *first, *second, *best_parameters,
        *best_running; /* laid out like the network's; NULL: none */
    uint64_t optimizer_steps;
    aei_progress progress;
    ae_epoch_info *history; /* progress.epochs entries */
} saved;

/* Whether a resume fails or not, everything read is given up: apply copies. */
static void release(saved *s)
{
    ae_network_free(s->network);
    free(s->first);
    free(s->second);
    free(s->best_parameters);
    free(s->best_running);
    free(s->history);
}

static ae_status damaged(const char *what)
{
    return aei_fail(AE_ERROR_FORMAT, "libae.checkpoint: %s is missing or damaged", what);
}

/* Members of one description that the other has not: an option of one run alone. */
/* The other direction of the comparison. Without it a checkpoint with dropout would go on in a
 * trainer that has never heard of it. */
static ae_status find_absent(const aei_json *theirs, const aei_json *ours)
{
    char shown[AEI_QUOTE_SIZE];
    for (const aei_json *item = aei_json_first(theirs); item != NULL; item = aei_json_next(item))
        if (aei_json_member(ours, aei_json_key(item)) == NULL)
            return aei_fail(AE_ERROR_SHAPE,
                            "another run: %s is in the checkpoint, absent in this trainer",
                            aei_quote(shown, aei_json_key(item)));
    return AE_OK;
}

/* Whether the saved run is the one that the trainer was made for, as far as it affects the
 * result. */
static ae_status compare_runs(const aei_json *theirs, const ae_trainer *trainer)
{
    aei_text text = {0};
    aei_json *ours = NULL;
    char shown[AEI_QUOTE_SIZE];
    ae_status status = AE_OK;
    aei_run_describe(&text, trainer);
    AE_CHECK(aei_text_check(&text));
    AE_CHECK(aei_json_parse(&ours, text.data, text.length));
    for (const aei_json *item = aei_json_first(ours); item != NULL && status == AE_OK;
         item = aei_json_next(item)) {
        const char *name = aei_json_key(item), *mine = aei_json_string(item);
        const char *was = aei_json_string(aei_json_member(theirs, name));
        /* Every description names an optimizer. Without one it is none, and "another run" would
         * send the caller looking for an option that differs. */
        if (was == NULL && aei_json_member(theirs, "optimizer") == NULL)
            status = damaged("run");
        else if (was == NULL || strcmp(was, mine) != 0)
            status = aei_fail(AE_ERROR_SHAPE,
                              "another run: %s is %s in the checkpoint, %.96s in this trainer",
                              name, aei_quote(shown, was == NULL ? "absent" : was), mine);
    }
    if (status == AE_OK)
        status = find_absent(theirs, ours);
cleanup:
    aei_json_free(ours);
    aei_text_free(&text);
    return status;
}

static ae_status read_progress(aei_progress *progress, const aei_json *json)
{
    for (size_t i = 0; i < AEI_PROGRESS_FIELDS; i++) {
        const aei_field *field = &aei_progress_fields[i];
        const aei_json *item = aei_json_member(json, field->name);
        void *at = (char *)progress + field->offset;
        if (item == NULL && field->offset == offsetof(aei_progress, penalty_sum))
            continue; /* a file from before there were penalties: 0 */
        if (field->kind == AEI_FIELD_REAL ? !aei_json_double(item, at) : !aei_json_u64(item, at))
            return damaged(field->name);
    }
    /* JSON has null for NaN and infinity alike, but the best cost is never NaN. */
    if (progress->best_epoch != 0 && isnan(progress->best_cost))
        progress->best_cost = INFINITY;
    return AE_OK;
}

/* A position that this trainer's own steps can lead to; run.c indexes rows by it. */
static ae_status check_progress(const aei_progress *p, const ae_trainer *trainer)
{
    /* The rows and the batch are the same by now, and so is the number of steps in an epoch. */
    const uint64_t steps_per_epoch = trainer->steps_per_epoch;
    if (p->epoch_step > steps_per_epoch)
        return damaged("epoch_step");
    if (p->epochs > (UINT64_MAX - p->epoch_step) / steps_per_epoch ||
        p->steps != p->epochs * steps_per_epoch + p->epoch_step)
        return damaged("steps");
    if (p->best_epoch > p->epochs || p->stale_epochs > p->epochs)
        return damaged("best_epoch");
    if (isnan(p->cost_sum) || isnan(p->cost_min) || isnan(p->cost_max))
        return damaged("cost_sum");
    return p->seconds >= 0 ? AE_OK : damaged("seconds");
}

/* Without the best weights, or chosen by another cost than from now on, the saved best says
 * nothing: begin afresh. */
static void check_best(aei_progress *p, const aei_json *json, const aei_safetensors *file,
                       const ae_trainer *trainer)
{
    const char *criterion = aei_json_string(aei_json_member(json, "criterion"));
    char mine[AEI_CRITERION_TEXT];
    aei_run_criterion(trainer, mine);
    const bool wanted = trainer->best_parameters != NULL;
    const bool there = aei_safetensors_find(file, "best.encoder.0.weight") != NULL;
    if (criterion != NULL && strcmp(criterion, mine) == 0 && (there || !wanted))
        return;
    p->best_epoch = p->stale_epochs = 0;
    p->best_cost = 0;
}

static ae_status read_state(saved *s, const aei_safetensors *file, const ae_trainer *trainer)
{
    aei_json *json;
    AE_TRY(aei_safetensors_json(&json, file, "libae.checkpoint"));
    ae_status status = AE_OK;
    if (json == NULL)
        return aei_fail(AE_ERROR_FORMAT, "a model, not a checkpoint: it has no state of a run");
    AE_CHECK(compare_runs(aei_json_member(json, "run"), trainer));
    AE_CHECK(read_progress(&s->progress, aei_json_member(json, "progress")));
    AE_CHECK(check_progress(&s->progress, trainer));
    if (!aei_json_u64(aei_json_member(json, "optimizer_steps"), &s->optimizer_steps))
        AE_CHECK(damaged("optimizer_steps"));
    check_best(&s->progress, json, file, trainer);
cleanup:
    aei_json_free(json);
    return status;
}

/* A whole number that a double holds exactly. */
static bool is_count(double value)
{
    return value >= 0 && value <= 9007199254740992.0 && !(floor(value) < value);
}

/* How many of our columns a file's history begins with: an older one has fewer. */
static size_t count_columns(const char *fields)
{
    size_t count = 0;
    while (count < AEI_HISTORY_FIELDS) {
        const char *name = aei_history_fields[count].name;
        const size_t length = strlen(name);
        /* The comma counts: train_cost is also how train_cost_min begins. */
        if (strncmp(fields, name, length) != 0 || (fields[length] != ',' && fields[length] != 0))
            break;
        count++;
        if (fields[length] == 0)
            break;
        fields += length + 1;
    }
    return count;
}

static ae_status read_entry(ae_epoch_info *e, const double *row, size_t columns, size_t index)
{
    *e = (ae_epoch_info){.size = sizeof *e};
    bool damaged = false;
    for (size_t f = 0; f < columns && !damaged; f++) {
        damaged = aei_history_fields[f].kind == AEI_FIELD_COUNT && !is_count(row[f]);
        if (!damaged)
            aei_history_set(e, f, row[f]);
    }
    /* Entries are numbered without gaps, so any other number is damage that no type would show. */
    if (damaged || e->epoch != index + 1)
        return aei_fail(AE_ERROR_FORMAT, "tensor history: row %zu is damaged", index);
    return AE_OK;
}

/* Columns that a later version adds behind ours are skipped. */
static ae_status read_history(saved *s, const aei_safetensors *file)
{
    const aei_stored *stored = aei_safetensors_find(file, "history");
    const char *fields = aei_safetensors_note(file, "libae.history_fields");
    const size_t known = fields == NULL ? 0 : count_columns(fields);
    if (stored == NULL || known < AEI_HISTORY_FIRST_FIELDS)
        return aei_fail(AE_ERROR_FORMAT,
                        "tensor history or libae.history_fields is missing or damaged");
    const size_t count = stored->shape[0], columns = stored->shape[1];
    if (stored->rank != 2 || columns < known || count != s->progress.epochs)
        return aei_fail(AE_ERROR_FORMAT, "tensor history: %zu x %zu values, but %llu epochs", count,
                        columns, (unsigned long long)s->progress.epochs);
    /* One more than needed in both: a run that was saved within its first epoch has no entries. */
    double *values = malloc((stored->elements + 1) * sizeof *values);
    s->history = malloc((count + 1) * sizeof *s->history);
    ae_status status = AE_OK;
    if (values == NULL || s->history == NULL)
        AE_CHECK(aei_fail_memory((stored->elements + 1) * sizeof *values));
    AE_CHECK(aei_stored_doubles(values, stored));
    for (size_t i = 0; i < count && status == AE_OK; i++)
        status = read_entry(&s->history[i], values + i * columns, known, i);
cleanup:
    free(values);
    return status;
}

/* Tensors stored under a prefix, into a parameter block (running NULL) or into both blocks. */
static ae_status read_block(float **parameters, float **running, const aei_safetensors *file,
                            const ae_network *network, const char *prefix, bool negative_allowed)
{
    const size_t largest = aei_model_largest(network);
    float *values = malloc(largest * sizeof *values);
    ae_status status = AE_OK;
    /* Zeros, because packing leaves the padding of the panels alone and the kernels count on
     * zeros there. */
    *parameters = calloc(network->parameter_floats, sizeof(float));
    if (running != NULL)
        *running = calloc(network->running_floats, sizeof(float));
    if (values == NULL || *parameters == NULL || (running != NULL && *running == NULL))
        AE_CHECK(aei_fail_memory((largest + network->parameter_floats) * sizeof *values));
    for (size_t i = 0; i < network->tensor_count; i++) {
        const aei_tensor *tensor = &network->tensors[i];
        /* Moments: running statistics have none, nor has the second of two tied weights. */
        if (!tensor->trained && running == NULL)
            continue;
        AE_CHECK(aei_model_values(values, file, network, prefix, tensor,
                                  negative_allowed && tensor->part != AEI_VARIANCE));
        float *block = running == NULL || aei_tensor_is_parameter(tensor) ? *parameters : *running;
        aei_tensor_pack(network, tensor, block, values);
    }
cleanup:
    free(values);
    return status;
}

/* Fill values are what the first layer reads for missing ones, so other ones are other rows. */
static bool same_fill(const ae_network *a, const ae_network *b)
{
    if (a->fill == NULL || b->fill == NULL)
        return a->fill == b->fill;
    return memcmp(a->fill, b->fill, a->widths[0] * sizeof *a->fill) == 0;
}

/* In this order a file of another run is called that, and not damaged for lack of its tensors. */
static ae_status read_saved(saved *s, const aei_safetensors *file, const ae_trainer *trainer)
{
    const ae_optimizer *optimizer = trainer->optimizer;
    AE_TRY(aei_model_check_version(file));
    AE_TRY(read_state(s, file, trainer));
    AE_TRY(aei_model_get(&s->network, file, trainer->network->kernels->name));
    if (!aei_network_same_layout(s->network, trainer->network))
        return aei_fail(AE_ERROR_FORMAT,
                        "the tensors are not those of the run that libae.checkpoint describes");
    if (!aei_scaling_same(s->network->scaling, trainer->network->scaling))
        return aei_fail(AE_ERROR_SHAPE,
                        "another run: the network's scaling is not the checkpoint's");
    if (!same_fill(s->network, trainer->network))
        return aei_fail(AE_ERROR_SHAPE,
                        "another run: the network's fill values for missing values are not the "
                        "checkpoint's");
    AE_TRY(read_history(s, file));
    if (optimizer->first != NULL)
        AE_TRY(read_block(&s->first, NULL, file, s->network, "optimizer.first.", true));
    if (optimizer->second != NULL)
        AE_TRY(read_block(&s->second, NULL, file, s->network, "optimizer.second.", false));
    /* A trainer that will not restore them does not ask for them, and so takes up files without. */
    if (trainer->best_parameters != NULL && s->progress.best_epoch != 0)
        AE_TRY(read_block(&s->best_parameters, &s->best_running, file, s->network, "best.", true));
    return s->best_parameters == NULL ? AE_OK : aei_tied_check(s->network, s->best_parameters);
}

/* Nothing here can fail: blocks have one layout, and the history's memory is there. The threshold
 * comes last: it holds for the generation that aei_trainer_resumed leaves. */
static void apply(ae_trainer *t, const saved *s)
{
    ae_network *network = t->network;
    const size_t parameters = network->parameter_floats, running = network->running_floats;
    aei_copy_floats(network->parameters, s->network->parameters, parameters);
    aei_copy_floats(network->running, s->network->running, running);
    network->batches_tracked = s->network->batches_tracked;
    /* The seed that these weights began with, which files of the network name. */
    network->seed = s->network->seed;
    if (s->first != NULL)
        aei_step_share_moments(t->step, s->first, t->optimizer->first);
    if (s->second != NULL)
        aei_step_share_moments(t->step, s->second, t->optimizer->second);
    t->optimizer->steps = s->optimizer_steps;
    aei_copy_floats(t->best_parameters, s->best_parameters, parameters);
    aei_copy_floats(t->best_running, s->best_running, running);
    t->progress = s->progress;
    t->history_count = (size_t)s->progress.epochs;
    memcpy(t->history, s->history, t->history_count * sizeof *t->history);
    aei_trainer_resumed(t);
    aei_network_move_error_spread(network, s->network);
    aei_network_keep_threshold(network, aei_network_threshold(s->network));
}

/* Memory for the history is taken while everything can still be refused. */
static ae_status read_all(saved *s, aei_safetensors *file, const void *data, size_t size,
                          ae_trainer *trainer)
{
    AE_TRY(aei_safetensors_open(file, data, size));
    AE_TRY(read_saved(s, file, trainer));
    return aei_trainer_reserve_history(trainer, (size_t)s->progress.epochs);
}

/* What one rank refuses nobody takes up. */
static ae_status resume(ae_trainer *trainer, const void *data, size_t size)
{
    aei_safetensors file = {0};
    saved s = {0};
    const ae_status status = aei_ranks_agree(trainer->ranks,
                                             read_all(&s, &file, data, size, trainer));
    if (status == AE_OK)
        apply(trainer, &s);
    release(&s);
    aei_safetensors_close(&file);
    return status;
}

/* Whether this rank has the bytes for all. */
static bool brings_file(const ae_trainer *t)
{
    return t->ranks == NULL || t->ranks->rank == 0;
}

static ae_status check_data(const ae_trainer *t, const void *data)
{
    AE_TRY(aei_trainer_check(t));
    if (brings_file(t) && data == NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "ae_trainer_resume_memory: data is NULL");
    return AE_OK;
}

ae_status ae_trainer_resume_memory(ae_trainer *trainer, const void *data, size_t size)
{
    AE_REQUIRE(trainer);
    AE_TRY(aei_ranks_check(trainer->ranks));
    AE_TRY(aei_ranks_agree(trainer->ranks, check_data(trainer, data)));
    if (trainer->ranks == NULL)
        return resume(trainer, data, size);
    void *all;
    memcpy(&all, &data, sizeof all); /* rank 0's own, which are only read */
    AE_TRY(aei_ranks_spread(trainer->ranks, &all, &size));
    const ae_status status = resume(trainer, all, size);
    if (!brings_file(trainer))
        free(all);
    return status;
}

/* Read whole and then looked at: a file that somebody shortens meanwhile cannot end the program, as
 * it could one that was mapped. */
static ae_status read_file(void **data, size_t *size, const ae_trainer *t, const char *path)
{
    AE_TRY(aei_trainer_check(t));
    if (!brings_file(t))
        return AE_OK;
    if (path == NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "ae_trainer_resume: path is NULL");
    const ae_status status = aei_file_read(data, size, path, AEI_FILE_LIMIT);
    if (status == AE_OK) /* what was killed while it wrote the next one */
        aei_leftovers_remove_of(path);
    return status;
}

ae_status ae_trainer_resume(ae_trainer *trainer, const char *path)
{
    AE_REQUIRE(trainer);
    AE_TRY(aei_ranks_check(trainer->ranks));
    void *data = NULL;
    size_t size = 0;
    ae_status status = aei_ranks_agree(trainer->ranks, read_file(&data, &size, trainer, path));
    if (status == AE_OK)
        status = aei_ranks_spread(trainer->ranks, &data, &size);
    if (status == AE_OK) {
        status = resume(trainer, data, size);
        if (status != AE_OK && path != NULL)
            (void)aei_fail_within(status, "%s", path);
    }
    free(data);
    return status;
}
