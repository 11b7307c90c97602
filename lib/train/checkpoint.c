/* SPDX-License-Identifier: BSD-3-Clause */
/* Saving a run. Nothing derived is saved: an epoch's order of rows follows from seed and epoch. */
#include "train/checkpoint.h"

#include "base/error.h"
#include "model/cost.h"
#include "store/architecture.h"
#include "store/archive.h"
#include "store/model_file.h"
#include "store/stored_threshold.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name, real)                         \
    {                                             \
#name, offsetof(aei_progress, name), real \
    }

const aei_progress_field aei_progress_fields[AEI_PROGRESS_FIELDS] = {
    FIELD(steps, false),    FIELD(epochs, false),       FIELD(epoch_step, false),
    FIELD(cost_sum, true),  FIELD(cost_min, true),      FIELD(cost_max, true),
    FIELD(seconds, true),   FIELD(rows, false),         FIELD(best_epoch, false),
    FIELD(best_cost, true), FIELD(stale_epochs, false),
};

const char aei_history_fields[] = "epoch,step,train_cost,train_cost_min,train_cost_max,validation_"
                                  "cost,learning_rate,seconds,rows,best";

const char *aei_run_criterion(const ae_trainer *trainer)
{
    return trainer->options.validation != NULL ? "validation" : "training";
}

/* One member of a flat object, with the brace or comma in front of it. Values need no escapes. */
static void say(aei_text *json, const char *name, const char *value)
{
    aei_text_add(json, "%s\"%s\":\"%s\"", json->length == 0 ? "{" : ",", name, value);
}

static void say_count(aei_text *json, const char *name, uint64_t value)
{
    aei_text_add(json, "%s\"%s\":\"%" PRIu64 "\"", json->length == 0 ? "{" : ",", name, value);
}

static void say_number(aei_text *json, const char *name, float value)
{
    aei_text_add(json, "%s\"%s\":\"", json->length == 0 ? "{" : ",", name);
    aei_text_number(json, (double)value);
    aei_text_add(json, "\"");
}

static void describe_network(aei_text *json, const ae_network *network)
{
    aei_text_add(json, "{\"widths\":\"");
    for (size_t i = 0; i <= network->depth; i++)
        aei_text_add(json, "%s%zu", i == 0 ? "" : " ", network->widths[i]);
    aei_text_add(json, "\",\"activations\":\"");
    for (size_t l = 0; l < network->depth; l++)
        aei_text_add(json, "%s%s", l == 0 ? "" : " ",
                     aei_activation_name(network->layers[l].f.kind));
    aei_text_add(json, "\"");
    say_count(json, "code_layer", network->encoder_layers);
    say(json, "batch_norm", network->batch_norm ? "on" : "off");
    say_number(json, "leaky_slope", network->leaky_slope);
    say_number(json, "bn_epsilon", network->bn_epsilon);
    say_number(json, "bn_decay", network->bn_decay);
}

/* The rate and its schedule are left out on purpose: a resumed run may have others. */
static void describe_optimizer(aei_text *json, const ae_optimizer *optimizer)
{
    say(json, "optimizer", aei_optimizer_name(optimizer->kind));
    say_number(json, "weight_decay", optimizer->weight_decay);
    if (optimizer->kind == AEI_SGD) {
        say_number(json, "momentum", optimizer->momentum);
        say(json, "nesterov", optimizer->nesterov ? "on" : "off");
        return;
    }
    say_number(json, "beta1", optimizer->beta1);
    say_number(json, "beta2", optimizer->beta2);
    say_number(json, "epsilon", optimizer->epsilon);
}

void aei_run_describe(aei_text *json, const ae_trainer *trainer)
{
    static const char *const shuffles[] = {"", "epoch", "after_first", "none"};
    const ae_trainer_options *o = &trainer->options;
    describe_network(json, trainer->network);
    describe_optimizer(json, trainer->optimizer);
    say_count(json, "rows", ae_dataset_row_count(trainer->train_set));
    say_count(json, "batch", o->batch);
    say_count(json, "seed", o->seed);
    say(json, "shuffle", shuffles[o->shuffle]);
    say(json, "drop_last", o->drop_last == AE_TOGGLE_ON ? "on" : "off");
    say(json, "cost", aei_cost_name(o->cost));
    say_number(json, "clip_norm", o->clip_norm);
    say_number(json, "input_noise", o->input_noise);
    say_number(json, "input_mask", o->input_mask);
    say_number(json, "input_dropout", o->input_dropout);
    say(json, "precision", o->precision == AE_PRECISION_BF16 ? "bf16" : "f32");
    aei_text_add(json, "}");
}

static void describe_progress(aei_text *json, const aei_progress *progress)
{
    for (size_t i = 0; i < AEI_PROGRESS_FIELDS; i++) {
        const aei_progress_field *field = &aei_progress_fields[i];
        const char *at = (const char *)progress + field->offset;
        double real = 0;
        uint64_t count = 0;
        memcpy(field->real ? (void *)&real : (void *)&count, at, 8);
        aei_text_add(json, "%s\"%s\":", i == 0 ? "{" : ",", field->name);
        if (field->real)
            aei_text_number(json, real);
        else
            aei_text_add(json, "\"%" PRIu64 "\"", count);
    }
    aei_text_add(json, "}");
}

/* The learning rate is for those who look into the file; resuming leaves the trainer's own. */
static void put_state(aei_archive *archive, const ae_trainer *trainer)
{
    aei_text run = {0}, progress = {0}, json = {0};
    aei_run_describe(&run, trainer);
    describe_progress(&progress, &trainer->progress);
    if (!run.failed && !progress.failed) {
        aei_text_add(&json, "{\"run\":");
        aei_text_bytes(&json, run.data, run.length);
        aei_text_add(&json, ",\"progress\":");
        aei_text_bytes(&json, progress.data, progress.length);
        aei_text_add(&json,
                     ",\"judge\":\"%s\",\"optimizer_steps\":\"%" PRIu64 "\",\"learning_rate\":",
                     aei_run_criterion(trainer), trainer->optimizer->steps);
        aei_text_number(&json, (double)trainer->optimizer->learning_rate);
        aei_text_add(&json, "}");
    }
    archive->failed = archive->failed || run.failed || progress.failed || json.failed;
    if (!archive->failed)
        aei_archive_note(archive, "libae.checkpoint", json.data);
    aei_archive_note(archive, "libae.history_fields", aei_history_fields);
    aei_text_free(&run);
    aei_text_free(&progress);
    aei_text_free(&json);
}

/* Moments are laid out as parameters are, and saved in plain order too: other kernels can take them
 * up. */
static void put_moments(aei_archive *archive, const char *prefix, const float *block)
{
    const ae_network *network = archive->network;
    for (size_t i = 0; block != NULL && i < network->tensor_count; i++)
        if (network->tensors[i].part <= AEI_BETA)
            aei_archive_add_part(archive, prefix, &network->tensors[i], block);
}

static void put_best(aei_archive *archive, aei_weights best)
{
    const ae_network *network = archive->network;
    for (size_t i = 0; best.parameters != NULL && i < network->tensor_count; i++) {
        const aei_tensor *tensor = &network->tensors[i];
        aei_archive_add_part(archive, "best.", tensor,
                             tensor->part <= AEI_BETA ? best.parameters : best.running);
    }
}

/* Counts stay exact as doubles up to 2^53. A cost that is not a number stays one, which JSON could
 * not say. */
static void fill_history(double *values, const ae_trainer *trainer)
{
    for (size_t i = 0; i < trainer->history_count; i++, values += AEI_HISTORY_COLUMNS) {
        const ae_epoch_info *e = &trainer->history[i];
        const double row[AEI_HISTORY_COLUMNS] = {
            (double)e->epoch,  (double)e->step,    e->train_cost,    e->train_cost_min,
            e->train_cost_max, e->validation_cost, e->learning_rate, e->seconds,
            (double)e->rows,   (double)e->best,
        };
        memcpy(values, row, sizeof row);
    }
}

ae_status ae_trainer_save_checkpoint(const ae_trainer *trainer, const char *path)
{
    AE_REQUIRE(trainer);
    AE_REQUIRE(path);
    AE_TRY(aei_trainer_check(trainer));
    const size_t shape[2] = {trainer->history_count, AEI_HISTORY_COLUMNS};
    double *history = malloc((shape[0] + 1) * AEI_HISTORY_COLUMNS * sizeof *history);
    if (history == NULL)
        return aei_fail_memory((shape[0] + 1) * AEI_HISTORY_COLUMNS * sizeof *history);
    fill_history(history, trainer);
    /* The network may just hold the best weights: training goes on from the latest, wherever they
     * are. */
    const aei_weights latest = aei_trainer_latest(trainer);
    aei_archive archive = {.network = trainer->network};
    aei_model_put(&archive, latest.parameters, latest.running);
    if (latest.parameters ==
        trainer->network->parameters) /* else the threshold is that of the best weights */
        aei_threshold_put(&archive, trainer->network);
    put_moments(&archive, "optimizer.first.", trainer->optimizer->first);
    put_moments(&archive, "optimizer.second.", trainer->optimizer->second);
    put_best(&archive, aei_trainer_best(trainer));
    aei_archive_add(&archive, "", "history", AEI_F64, 2, shape, history);
    put_state(&archive, trainer);
    ae_status status = AE_OK;
    AE_CHECK(aei_archive_finish(&archive));
    AE_CHECK(aei_archive_save(&archive, path));
cleanup:
    aei_archive_free(&archive);
    free(history);
    return status;
}
