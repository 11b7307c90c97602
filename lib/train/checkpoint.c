/* SPDX-License-Identifier: BSD-3-Clause */
/* Saving a run. Nothing derived is saved: an epoch's order of rows follows from seed and epoch. */
#include "train/checkpoint_internal.h"

#include "base/error.h"
#include "model/cost.h"
#include "store/architecture.h"
#include "store/archive.h"
#include "store/model_file.h"
#include "store/stored_threshold.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The names are part of the format. A field that a later version adds stands at the end, and
 * resume.c says what a file without it means. */
#define FIELD(name, kind) AEI_FIELD(aei_progress, name, kind)

const aei_field aei_progress_fields[AEI_PROGRESS_FIELDS] = {
    FIELD(steps, AEI_FIELD_COUNT),        FIELD(epochs, AEI_FIELD_COUNT),
    FIELD(epoch_step, AEI_FIELD_COUNT),   FIELD(cost_sum, AEI_FIELD_REAL),
    FIELD(cost_min, AEI_FIELD_REAL),      FIELD(cost_max, AEI_FIELD_REAL),
    FIELD(seconds, AEI_FIELD_REAL),       FIELD(rows, AEI_FIELD_COUNT),
    FIELD(best_epoch, AEI_FIELD_COUNT),   FIELD(best_cost, AEI_FIELD_REAL),
    FIELD(stale_epochs, AEI_FIELD_COUNT), FIELD(penalty_sum, AEI_FIELD_REAL),
};

/* A hash of the bits of a long list (FNV-1a over 32-bit words). */
static uint64_t mark_of(const float *values, size_t count)
{
    uint64_t mark = 14695981039346656037u;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        mark = (mark ^ bits) * 1099511628211u;
    }
    return mark;
}

/* Kept in the file, since costs of two sets do not compare: a best epoch that was chosen by the one
 * says nothing about the other. */
void aei_run_criterion(const ae_trainer *trainer, char text[AEI_CRITERION_TEXT])
{
    const ae_trainer_options *o = &trainer->options;
    if (o->validation_row_weights == NULL)
        (void)snprintf(text, AEI_CRITERION_TEXT, "%s",
                       o->validation != NULL ? "validation" : "training");
    else
        (void)snprintf(text, AEI_CRITERION_TEXT, "validation, row weights of mark %016" PRIx64,
                       mark_of(o->validation_row_weights, o->validation_row_weight_count));
}

/* One member of a flat object, with the brace or comma in front of it. Values need no escapes. */
static void write_text(aei_text *json, const char *name, const char *value)
{
    aei_text_add(json, "%s\"%s\":\"%s\"", json->length == 0 ? "{" : ",", name, value);
}

static void write_count(aei_text *json, const char *name, uint64_t value)
{
    aei_text_add(json, "%s\"%s\":\"%" PRIu64 "\"", json->length == 0 ? "{" : ",", name, value);
}

/* Numbers are written so that they read back to the bit: two texts are then the same exactly
 * where two numbers are. */
static void write_real(aei_text *json, const char *name, float value)
{
    aei_text_add(json, "%s\"%s\":\"", json->length == 0 ? "{" : ",", name);
    aei_text_number(json, (double)value);
    aei_text_add(json, "\"");
}

/* One word where all layers are alike, else one for each. */
static void write_norms(aei_text *json, const ae_network *network)
{
    const size_t norms = aei_network_norms(network);
    const bool alike = norms == 0 || norms == network->depth;
    aei_text_add(json, ",\"batch_norm\":\"");
    for (size_t l = 0; l < (alike ? 1 : network->depth); l++)
        aei_text_add(json, "%s%s", l == 0 ? "" : " ", network->layers[l].batch_norm ? "on" : "off");
    aei_text_add(json, "\"");
}

/* Lists are words between blanks rather than arrays of JSON: resuming compares each member as
 * one text and shows it in an error as it stands. */
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
    write_count(json, "code_layer", network->encoder_layers);
    write_norms(json, network);
    if (network->tied)
        write_text(json, "tied_weights", "on");
    write_real(json, "leaky_slope", network->leaky_slope);
    write_real(json, "bn_epsilon", network->bn_epsilon);
    write_real(json, "bn_decay", network->bn_decay);
}

/* The rate and its schedule are left out on purpose: a resumed run may have others. */
static void describe_optimizer(aei_text *json, const ae_optimizer *optimizer)
{
    write_text(json, "optimizer", aei_optimizer_name(optimizer->kind));
    write_real(json, "weight_decay", optimizer->weight_decay);
    if (optimizer->kind == AEI_SGD) {
        write_real(json, "momentum", optimizer->momentum);
        write_text(json, "nesterov", optimizer->nesterov ? "on" : "off");
        return;
    }
    write_real(json, "beta1", optimizer->beta1);
    write_real(json, "beta2", optimizer->beta2);
    write_real(json, "epsilon", optimizer->epsilon);
}

/* What came after the first files is named only where it is on, so that their runs go on. */
static void write_nonzero(aei_text *json, const char *name, float value)
{
    if (value > 0)
        write_real(json, name, value);
}

/* Long lists stand there as a mark. */
static void write_mark(aei_text *json, const char *name, const float *values, size_t count)
{
    if (values != NULL)
        aei_text_add(json, ",\"%s\":\"%zu of mark %016" PRIx64 "\"", name, count,
                     mark_of(values, count));
}

/* Named only where they are on, as all that came after the first files. */
static void describe_regularisation(aei_text *json, const ae_trainer_options *o)
{
    for (size_t l = 0; o->dropouts != NULL && l < o->dropout_count; l++) {
        aei_text_add(json, l == 0 ? ",\"dropouts\":\"" : " ");
        aei_text_number(json, (double)o->dropouts[l]);
        aei_text_add(json, l + 1 == o->dropout_count ? "\"" : "");
    }
    write_mark(json, "feature_weights", o->feature_weights, o->feature_weight_count);
    write_mark(json, "row_weights", o->row_weights, o->row_weight_count);
    write_nonzero(json, "code_l1", o->code_l1);
    write_nonzero(json, "code_l2", o->code_l2);
    write_nonzero(json, "code_kl", o->code_kl);
    write_nonzero(json, "code_kl_target", o->code_kl_target);
}

/* What decides the bits of a run, and nothing else: resuming compares this text, and refuses a run
 * that would go on in another way. Threads are left out, since they do not change a bit. */
void aei_run_describe(aei_text *json, const ae_trainer *trainer)
{
    static const char *const shuffles[] = {"", "epoch", "after_first", "none", "blocks"};
    const ae_trainer_options *o = &trainer->options;
    describe_network(json, trainer->network);
    describe_optimizer(json, trainer->optimizer);
    write_count(json, "rows", ae_dataset_row_count(trainer->train_set));
    write_count(json, "batch", o->batch);
    if (o->batch_block != 0)
        write_count(json, "batch_block", o->batch_block);
    write_count(json, "seed", o->seed);
    write_text(json, "shuffle", shuffles[o->shuffle]);
    write_text(json, "drop_last", o->drop_last == AE_TOGGLE_ON ? "on" : "off");
    write_text(json, "cost", aei_cost_name(o->cost));
    write_real(json, "clip_norm", o->clip_norm);
    write_real(json, "input_noise", o->input_noise);
    write_real(json, "input_mask", o->input_mask);
    write_real(json, "input_dropout", o->input_dropout);
    write_text(json, "precision", o->precision == AE_PRECISION_BF16 ? "bf16" : "f32");
    describe_regularisation(json, o);
    if (o->shuffle == AE_SHUFFLE_BLOCKS) {
        write_count(json, "shuffle_block", o->shuffle_block);
        write_count(json, "shuffle_window", o->shuffle_window);
    }
    aei_text_add(json, "}");
}

/* Counts are strings, because JSON's numbers are doubles for most readers, and those are exact up
 * to 2^53 only. */
static void describe_progress(aei_text *json, const aei_progress *progress)
{
    for (size_t i = 0; i < AEI_PROGRESS_FIELDS; i++) {
        const aei_field *field = &aei_progress_fields[i];
        const void *at = (const char *)progress + field->offset;
        aei_text_add(json, "%s\"%s\":", i == 0 ? "{" : ",", field->name);
        if (field->kind == AEI_FIELD_REAL)
            aei_text_number(json, *(const double *)at);
        else
            aei_text_add(json, "\"%" PRIu64 "\"", *(const uint64_t *)at);
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
        char criterion[AEI_CRITERION_TEXT];
        aei_run_criterion(trainer, criterion);
        aei_text_add(&json, "{\"run\":");
        aei_text_bytes(&json, run.data, run.length);
        aei_text_add(&json, ",\"progress\":");
        aei_text_bytes(&json, progress.data, progress.length);
        aei_text_add(&json,
                     ",\"criterion\":\"%s\",\"optimizer_steps\":\"%" PRIu64 "\",\"learning_rate\":",
                     criterion, trainer->optimizer->steps);
        aei_text_number(&json, (double)trainer->optimizer->learning_rate);
        aei_text_add(&json, "}");
    }
    /* A text that ran out of memory is cut off. The file must fail with it, or it could not be
     * resumed. */
    archive->failed = archive->failed || run.failed || progress.failed || json.failed;
    if (!archive->failed)
        aei_archive_note(archive, "libae.checkpoint", json.data);
    /* By name, so that a later version can add columns and an older one still find its own. */
    char columns[AEI_HISTORY_TEXT];
    aei_archive_note(archive, "libae.history_fields", aei_history_columns(columns));
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
        if (network->tensors[i].trained)
            aei_archive_add_part(archive, prefix, &network->tensors[i], block);
}

/* Running statistics belong to it: the best weights with the statistics of a later epoch would
 * not have the best cost. */
static void put_best(aei_archive *archive, aei_weights best)
{
    const ae_network *network = archive->network;
    for (size_t i = 0; best.parameters != NULL && i < network->tensor_count; i++) {
        const aei_tensor *tensor = &network->tensors[i];
        aei_archive_add_part(archive, "best.", tensor,
                             aei_tensor_is_parameter(tensor) ? best.parameters : best.running);
    }
}

/* A cost that is not a number stays one, which JSON could not say. */
static void fill_history(double *values, const ae_trainer *trainer)
{
    for (size_t i = 0; i < trainer->history_count; i++)
        for (size_t f = 0; f < AEI_HISTORY_FIELDS; f++)
            *values++ = aei_history_get(&trainer->history[i], f);
}

/* The network may hold the best weights now: training goes on from the latest, wherever they
 * are. */
static void put_all(aei_archive *archive, const ae_trainer *trainer, const double *history)
{
    const size_t shape[2] = {trainer->history_count, AEI_HISTORY_FIELDS};
    const aei_weights latest = aei_trainer_latest(trainer);
    aei_model_put(archive, latest.parameters, latest.running);
    if (latest.parameters == trainer->network->parameters) /* else its threshold is of the best */
        aei_threshold_put(archive, trainer->network);
    put_moments(archive, "optimizer.first.", trainer->optimizer->first);
    put_moments(archive, "optimizer.second.", trainer->optimizer->second);
    put_best(archive, aei_trainer_best(trainer));
    aei_archive_add(archive, "", "history", AEI_F64, 2, shape, history);
    put_state(archive, trainer);
}

/* To a file, or to memory where path is NULL. */
static ae_status save(const ae_trainer *trainer, const char *path, void *buffer, size_t capacity,
                      size_t *size)
{
    /* Where another trainer has taken the optimizer, its moments are those of another network,
     * and the file would mix two runs. */
    AE_TRY(aei_trainer_check(trainer));
    /* One row too many: before the first epoch has ended there is none, and malloc of 0 bytes
     * may give NULL. */
    const size_t bytes = (trainer->history_count + 1) * AEI_HISTORY_FIELDS * sizeof(double);
    double *history = malloc(bytes);
    if (history == NULL)
        return aei_fail_memory(bytes);
    fill_history(history, trainer);
    aei_archive archive = {.network = trainer->network};
    put_all(&archive, trainer, history);
    ae_status status = AE_OK;
    AE_CHECK(aei_archive_finish(&archive));
    AE_CHECK(path != NULL ? aei_archive_save(&archive, path)
                          : aei_archive_save_memory(&archive, buffer, capacity, size));
cleanup:
    aei_archive_free(&archive);
    free(history);
    return status;
}

ae_status ae_trainer_save_checkpoint(const ae_trainer *trainer, const char *path)
{
    AE_REQUIRE(trainer);
    AE_REQUIRE(path);
    return save(trainer, path, NULL, 0, NULL);
}

ae_status ae_trainer_save_checkpoint_memory(const ae_trainer *trainer, void *buffer,
                                            size_t capacity, size_t *size)
{
    AE_REQUIRE(trainer);
    return save(trainer, NULL, buffer, capacity, size);
}
