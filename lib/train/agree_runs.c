/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Are all ranks about to run the same? Each describes its run as JSON, an object of strings for
 * each kind of difference. Everyone compares rank 0's text with its own, and the least rank that
 * finds a difference tells all. Long lists of numbers stand there as a hash.
 */
#include "train/agree_runs.h"

#include "base/error.h"
#include "base/number.h"
#include "format/json.h"
#include "train/checkpoint_internal.h"
#include "train/ranks.h"

#include <inttypes.h>
#include <libae/version.h>
#include <stdlib.h>
#include <string.h>

/* The kinds, in the order in which they are looked at, and the status of a difference. */
static const struct {
    const char *name;
    ae_status status;
} kinds[] = {{"build", AE_ERROR_UNSUPPORTED},
             {"run", AE_ERROR_INVALID_ARGUMENT},
             {"options", AE_ERROR_INVALID_ARGUMENT},
             {"state", AE_ERROR_SHAPE}};

/* What aei_run_describe knows of the network and its rows, among the options. */
static bool is_shape(const char *name)
{
    static const char *const names[] = {"widths",     "activations",  "code_layer",
                                        "batch_norm", "tied_weights", "leaky_slope",
                                        "bn_epsilon", "bn_decay",     "rows"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* --- describing ------------------------------------------------------------------------------- */

static void add_text(aei_text *json, const char *name, const char *value)
{
    const bool first = json->length > 0 && json->data[json->length - 1] == '{';
    aei_text_add(json, "%s\"%s\":\"%.200s\"", first ? "" : ",", name, value);
}

static void add_count(aei_text *json, const char *name, uint64_t value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    add_text(json, name, text);
}

/* So that two texts are alike where two numbers are. */
static void add_real(aei_text *json, const char *name, double value)
{
    char text[40];
    add_text(json, name, aei_format_double(text, sizeof text, value));
}

static void add_mark(aei_text *json, const char *name, const float *values, size_t count)
{
    char text[64] = "none";
    if (values != NULL)
        (void)snprintf(text, sizeof text, "%zu values of mark %016" PRIx64, count,
                       aei_run_mark(values, count));
    add_text(json, name, text);
}

/* Another schedule's rates would be another run's; what a callback will give, nobody can know. */
static void describe_schedule(aei_text *json, const ae_optimizer *optimizer)
{
    const ae_schedule_options *s = &optimizer->schedule;
    add_real(json, "learning_rate", (double)optimizer->learning_rate);
    add_count(json, "schedule", (uint64_t)s->kind);
    add_count(json, "schedule.period", s->period);
    add_count(json, "schedule.warmup_steps", s->warmup_steps);
    add_real(json, "schedule.factor", (double)s->factor);
    add_real(json, "schedule.floor", (double)s->floor);
}

/* What decides when all ranks meet. */
static void describe_options(aei_text *json, const ae_trainer *t)
{
    const ae_trainer_options *o = &t->options;
    char criterion[AEI_CRITERION_TEXT];
    aei_run_criterion(t, criterion);
    add_count(json, "epochs", o->epochs);
    add_count(json, "patience", o->patience);
    add_real(json, "min_delta", o->min_delta);
    add_text(json, "restore_best", o->restore_best == AE_TOGGLE_ON ? "on" : "off");
    add_text(json, "checkpoint_path", o->checkpoint_path != NULL ? "given" : "none");
    add_count(json, "checkpoint_every", o->checkpoint_every);
    add_text(json, "best epoch by", criterion);
}

/* Some rows, spread over the whole. */
static ae_status add_rows(aei_text *json, const char *name, const ae_dataset *dataset)
{
    enum { LOOKED_AT = 16 };
    if (dataset == NULL) {
        add_text(json, name, "none");
        return AE_OK;
    }
    const size_t rows = ae_dataset_row_count(dataset), features = ae_dataset_feature_count(dataset);
    const size_t count = rows < LOOKED_AT ? rows : LOOKED_AT;
    uint32_t numbers[LOOKED_AT] = {0};
    for (size_t i = 0; i < count && rows > 1; i++)
        numbers[i] = (uint32_t)(i * (rows - 1) / (count - 1));
    float *values = malloc(count * features * sizeof *values);
    if (values == NULL)
        return aei_fail_memory(count * features * sizeof *values);
    const ae_status status = aei_dataset_fetch(dataset, numbers, count, values);
    if (status == AE_OK) {
        char text[96];
        (void)snprintf(text, sizeof text, "%zu x %zu of mark %016" PRIx64, rows, features,
                       aei_run_mark(values, count * features));
        add_text(json, name, text);
    }
    free(values);
    return status == AE_OK ? AE_OK : aei_fail_within(status, "%s", name);
}

/* Moments that begin at zero are alike. Those of a share cannot be compared, and need not: they
 * are of the run that all ranks were in. */
static void describe_moments(aei_text *json, const ae_trainer *t)
{
    const ae_optimizer *o = t->optimizer;
    const bool there = aei_optimizer_matches(o, t->network);
    add_count(json, "optimizer_steps", there ? o->steps : 0);
    if (there && o->share.ranks > 1) {
        add_text(json, "first_moments", "shared out");
        return;
    }
    add_mark(json, "first_moments", there && o->steps > 0 ? o->first : NULL, o->state_floats);
    add_mark(json, "second_moments", there && o->steps > 0 ? o->second : NULL, o->state_floats);
}

static ae_status describe_state(aei_text *json, const ae_trainer *t)
{
    const ae_network *n = t->network;
    if (!t->survey.sharded) { /* each rank has other rows */
        AE_TRY(add_rows(json, "training_set", t->train_set));
        AE_TRY(add_rows(json, "validation_set", t->validation));
    }
    add_mark(json, "parameters", n->parameters, n->parameter_floats);
    add_mark(json, "running_statistics", n->running, n->running_floats);
    add_count(json, "batches_tracked", n->batches_tracked);
    add_mark(json, "scaling.offset", n->scaling == NULL ? NULL : n->scaling->offset, n->widths[0]);
    add_mark(json, "scaling.scale", n->scaling == NULL ? NULL : n->scaling->scale, n->widths[0]);
    add_mark(json, "fill_values", n->fill, n->widths[0]);
    describe_moments(json, t);
    return AE_OK;
}

static ae_status describe(aei_text *json, const ae_trainer *t)
{
    aei_text run = {0};
    aei_text_add(json, "{\"build\":{");
    add_text(json, "libae", ae_version_string());
    add_text(json, "kernels", t->network->kernels->name);
    aei_text_add(json, "},\"run\":");
    aei_run_describe(&run, t);
    ae_status status = aei_text_check(&run);
    if (status == AE_OK)
        aei_text_bytes(json, run.data, run.length);
    aei_text_free(&run);
    AE_TRY(status);
    aei_text_add(json, ",\"options\":{");
    describe_options(json, t);
    describe_schedule(json, t->optimizer);
    aei_text_add(json, "},\"state\":{");
    AE_TRY(describe_state(json, t));
    aei_text_add(json, "}}");
    return aei_text_check(json);
}

/* --- comparing -------------------------------------------------------------------------------- */

static const char *advice(const char *name)
{
    if (strcmp(name, "libae") == 0)
        return ": all ranks need one release of libae";
    if (strcmp(name, "kernels") == 0)
        return ": ae_transport_agree_kernels names kernels that all have";
    return "";
}

static ae_status differ(ae_status status, size_t rank, const char *name, const char *theirs,
                        const char *mine)
{
    return aei_fail(
        is_shape(name) ? AE_ERROR_SHAPE : status, "rank 0 has %s %.96s, rank %zu has %.96s%s", name,
        theirs == NULL ? "none" : theirs, rank, mine == NULL ? "none" : mine, advice(name));
}

/* One kind's members; the second walk finds what rank 0 has not. */
static ae_status compare_kind(const aei_json *theirs, const aei_json *mine, ae_status status,
                              size_t rank)
{
    for (const aei_json *item = aei_json_first(theirs); item != NULL; item = aei_json_next(item)) {
        const char *name = aei_json_key(item), *a = aei_json_string(item),
                   *b = aei_json_string(aei_json_member(mine, name));
        if (a == NULL || b == NULL || strcmp(a, b) != 0)
            return differ(status, rank, name, a, b);
    }
    for (const aei_json *item = aei_json_first(mine); item != NULL; item = aei_json_next(item))
        if (aei_json_member(theirs, aei_json_key(item)) == NULL)
            return differ(status, rank, aei_json_key(item), NULL, aei_json_string(item));
    return AE_OK;
}

static ae_status compare(const char *theirs, size_t size, const aei_text *own, size_t rank)
{
    aei_json *a = NULL, *b = NULL;
    ae_status status = AE_OK;
    AE_CHECK(aei_json_parse(&a, theirs, size));
    AE_CHECK(aei_json_parse(&b, own->data, own->length));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        AE_CHECK(compare_kind(aei_json_member(a, kinds[i].name), aei_json_member(b, kinds[i].name),
                              kinds[i].status, rank));
cleanup:
    aei_json_free(a);
    aei_json_free(b);
    return status;
}

ae_status aei_ranks_agree_runs(const ae_trainer *t)
{
    if (t->ranks == NULL)
        return AE_OK;
    aei_text own = {0};
    ae_status status = aei_ranks_agree(t->ranks, describe(&own, t));
    void *theirs = own.data;
    size_t size = own.length;
    if (status == AE_OK)
        status = aei_ranks_spread(t->ranks, &theirs, &size);
    if (status == AE_OK)
        status = aei_ranks_agree_named(t->ranks, compare(theirs, size, &own, t->ranks->rank));
    if (theirs != own.data)
        free(theirs);
    aei_text_free(&own);
    return status;
}
