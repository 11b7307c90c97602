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

/* FNV-1a over 32-bit words. */
uint64_t aei_run_mark(const float *values, size_t count)
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
                       aei_run_mark(o->validation_row_weights, o->validation_row_weight_count));
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
                     aei_run_mark(values, count));
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
    write_count(json, "rows", trainer->survey.rows);
    write_count(json, "batch", o->batch);
    if (o->batch_block != 0)
        write_count(json, "batch_block", o->batch_block);
    if (o->bf16_parts != 0)
        write_count(json, "bf16_parts", o->bf16_parts);
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

/* What is gathered for a file. */
typedef struct contents {
    double *history;
    const float *first, *second; /* moments of all parameters, where the file is made; or NULL */
    float *gathered[2];          /* memory for them, where they come from several ranks */
} contents;

/* The network may hold the best weights now: training goes on from the latest, wherever they
 * are. */
static void put_all(aei_archive *archive, const ae_trainer *trainer, const contents *c)
{
    const size_t shape[2] = {trainer->history_count, AEI_HISTORY_FIELDS};
    const aei_weights latest = aei_trainer_latest(trainer);
    aei_model_put(archive, latest.parameters, latest.running);
    if (latest.parameters == trainer->network->parameters) /* else its threshold is of the best */
        aei_threshold_put(archive, trainer->network);
    put_moments(archive, "optimizer.first.", c->first);
    put_moments(archive, "optimizer.second.", c->second);
    put_best(archive, aei_trainer_best(trainer));
    aei_archive_add(archive, "", "history", AEI_F64, 2, shape, c->history);
    put_state(archive, trainer);
}

static void release(contents *c)
{
    free(c->history);
    free(c->gathered[0]);
    free(c->gathered[1]);
}

static bool makes_file(const ae_trainer *t)
{
    return t->ranks == NULL || t->ranks->rank == 0;
}

/* What can fail on one rank alone. */
static ae_status take_memory(contents *c, const ae_trainer *t)
{
    /* Where another trainer has taken the optimizer, its moments are those of another network,
     * and the file would mix two runs. */
    AE_TRY(aei_trainer_check(t));
    /* One row too many: before the first epoch has ended there is none, and malloc of 0 bytes
     * may give NULL. */
    const size_t bytes = (t->history_count + 1) * AEI_HISTORY_FIELDS * sizeof(double);
    c->history = malloc(bytes);
    if (c->history == NULL)
        return aei_fail_memory(bytes);
    fill_history(c->history, t);
    if (t->ranks == NULL || !makes_file(t))
        return AE_OK;
    const size_t floats = t->network->parameter_floats,
                 moments = aei_optimizer_moments(t->optimizer),
                 room = sizeof c->gathered / sizeof c->gathered[0];
    for (size_t i = 0; i < moments && i < room; i++) {
        /* Zeros: nobody owns the padding between the panels. */
        c->gathered[i] = calloc(floats, sizeof(float));
        if (c->gathered[i] == NULL)
            return aei_fail_memory(floats * sizeof(float));
    }
    return AE_OK;
}

/* Collective: what the file is made of, on the rank that makes it. */
static ae_status collect(contents *c, const ae_trainer *t, ae_status wrong)
{
    const ae_optimizer *o = t->optimizer;
    AE_TRY(aei_ranks_check(t->ranks));
    AE_TRY(aei_ranks_agree(t->ranks, wrong == AE_OK ? take_memory(c, t) : wrong));
    AE_TRY(aei_trainer_settle(t));
    c->first = t->ranks == NULL ? o->first : c->gathered[0];
    c->second = t->ranks == NULL ? o->second : c->gathered[1];
    if (t->ranks == NULL)
        return AE_OK;
    if (o->first != NULL)
        AE_TRY(
            aei_ranks_note(t->ranks, aei_step_gather_moments(t->step, o->first, c->gathered[0])));
    if (o->second != NULL)
        AE_TRY(
            aei_ranks_note(t->ranks, aei_step_gather_moments(t->step, o->second, c->gathered[1])));
    return AE_OK;
}

static ae_status make(aei_archive *archive, const ae_trainer *t, const contents *c)
{
    *archive = (aei_archive){.network = t->network};
    put_all(archive, t, c);
    return aei_archive_finish(archive);
}

/* Rank 0 has the file; all learn how it went. */
ae_status ae_trainer_save_checkpoint(const ae_trainer *trainer, const char *path)
{
    AE_REQUIRE(trainer);
    const bool mine = makes_file(trainer);
    ae_status status = mine && path == NULL ? aei_fail(AE_ERROR_INVALID_ARGUMENT,
                                                       "ae_trainer_save_checkpoint: path is NULL")
                                            : AE_OK;
    contents c = {0};
    aei_archive archive = {0};
    AE_CHECK(collect(&c, trainer, status));
    if (mine)
        status = make(&archive, trainer, &c);
    if (mine && status == AE_OK)
        status = aei_archive_save(&archive, path);
    AE_CHECK(aei_ranks_agree(trainer->ranks, status));
cleanup:
    aei_archive_free(&archive);
    release(&c);
    return status;
}

/* The finished archive's bytes. */
static ae_status write_out(void **data, size_t *size, const aei_archive *archive)
{
    *size = aei_archive_size(archive);
    *data = malloc(*size);
    return *data == NULL ? aei_fail_memory(*size)
                         : aei_archive_save_memory(archive, *data, *size, NULL);
}

/* Into a rank's own buffer, whose size concerns nobody else. */
static ae_status hand_over(const void *data, size_t needed, void *buffer, size_t capacity,
                           size_t *size)
{
    if (buffer == NULL && size == NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "buffer and size are both NULL");
    if (size != NULL)
        *size = needed;
    if (buffer != NULL && capacity < needed)
        return aei_fail(AE_ERROR_BUFFER_SIZE, "capacity is %zu: %zu bytes are needed", capacity,
                        needed);
    if (buffer != NULL)
        memcpy(buffer, data, needed);
    return AE_OK;
}

ae_status ae_trainer_save_checkpoint_memory(const ae_trainer *trainer, void *buffer,
                                            size_t capacity, size_t *size)
{
    AE_REQUIRE(trainer);
    contents c = {0};
    aei_archive archive = {0};
    void *data = NULL;
    size_t needed = 0;
    ae_status status = AE_OK;
    AE_CHECK(collect(&c, trainer, AE_OK));
    if (makes_file(trainer))
        status = make(&archive, trainer, &c);
    if (trainer->ranks == NULL) {
        AE_CHECK(status);
        AE_CHECK(aei_archive_save_memory(&archive, buffer, capacity, size));
        goto cleanup;
    }
    if (makes_file(trainer) && status == AE_OK)
        status = write_out(&data, &needed, &archive);
    AE_CHECK(aei_ranks_agree(trainer->ranks, status));
    AE_CHECK(aei_ranks_spread(trainer->ranks, &data, &needed));
    status = hand_over(data, needed, buffer, capacity, size);
cleanup:
    free(data);
    aei_archive_free(&archive);
    release(&c);
    return status;
}
