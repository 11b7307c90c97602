/* SPDX-License-Identifier: BSD-3-Clause */
/* How is a threshold kept in a model file? As JSON in the metadata, by names, so that readers of
 * tensors do not see it. */
#include "store/stored_threshold.h"

#include "base/error.h"
#include "model/cost.h"

#include <inttypes.h>
#include <libae/error_spread.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* In the order of ae_threshold_rule; files hold these names. */
static const char *const rules[] = {"", "quantile", "mean_sd", "median_mad", "given"};

enum { RULES = sizeof rules / sizeof rules[0], NUMBERS = 7, REQUIRED = 5 };

/* The real members, in the order they are written. Those behind the first REQUIRED came later: a
 * file without them is an older one, and they are 0. */
static void list_numbers(double *numbers[NUMBERS], ae_threshold *t)
{
    double *const all[NUMBERS] = {&t->value,  &t->quantile, &t->k,          &t->centre,
                                  &t->spread, &t->margin,   &t->margin_bf16};
    memcpy(numbers, all, sizeof all);
}

static const char *const number_names[NUMBERS] = {"value",  "quantile", "k",          "centre",
                                                  "spread", "margin",   "margin_bf16"};

/* Not a name of PyTorch's: only scores need it. */
static const char spread_name[] = "libae.error_spread";

/* A threshold that is void is not saved: in the file nothing would tell that it is. */
void aei_threshold_put(aei_archive *archive, const ae_network *network)
{
    if (aei_network_error_spread(network) != NULL)
        aei_archive_add(archive, "", spread_name, AEI_F32, 1, network->widths,
                        network->error_spread);
    const ae_threshold *threshold = aei_network_threshold(network);
    if (threshold == NULL)
        return;
    ae_threshold t = *threshold;
    double *numbers[NUMBERS];
    list_numbers(numbers, &t);
    aei_text json = {0};
    aei_text_add(&json,
                 "{\"rule\":\"%s\",\"cost\":\"%s\",\"units\":\"%s\",\"rows\":\"%" PRIu64 "\"",
                 rules[t.rule], aei_cost_name(t.cost), aei_score_units_name(t.units), t.rows);
    for (size_t i = 0; i < NUMBERS; i++) {
        aei_text_add(&json, ",\"%s\":", number_names[i]);
        aei_text_number(&json, *numbers[i]);
    }
    aei_text_add(&json, "}");
    aei_archive_note_text(archive, "libae.threshold", &json);
}

static ae_status damaged(const char *member)
{
    return aei_fail(AE_ERROR_FORMAT, "libae.threshold: %s is missing or damaged", member);
}

/* From 1; RULES if none has the name. */
static int find_rule(const char *name)
{
    int i = 1;
    while (i < RULES && (name == NULL || strcmp(name, rules[i]) != 0))
        i++;
    return i;
}

/* Before there were units, scores were in the caller's. */
static ae_status read_units(ae_threshold *t, const aei_json *json, const ae_network *network)
{
    const aei_json *member = aei_json_member(json, "units");
    aei_score_form form;
    t->units = t->cost == AE_COST_BCE ? AE_SCORE_UNITS_DEFAULT : AE_SCORE_UNITS_CALLER;
    if ((member != NULL && !aei_score_units_parse(&t->units, aei_json_string(member))) ||
        aei_score_form_resolve(&form, network, t->cost, t->units) != AE_OK ||
        (form.units == AE_SCORE_UNITS_SPREAD && aei_network_error_spread(network) == NULL))
        return damaged("units");
    t->units = form.units;
    return AE_OK;
}

static ae_status read_json(ae_threshold *t, const aei_json *json, const ae_network *network)
{
    double *numbers[NUMBERS];
    list_numbers(numbers, t);
    for (size_t i = 0; i < NUMBERS; i++)
        if (i >= REQUIRED && aei_json_member(json, number_names[i]) == NULL)
            *numbers[i] = 0;
        else if (!aei_json_double(aei_json_member(json, number_names[i]), numbers[i]) ||
                 !isfinite(*numbers[i]))
            return damaged(number_names[i]);
    /* By name and not by number: the numbers of an enum are the header's business. */
    const int rule = find_rule(aei_json_string(aei_json_member(json, "rule")));
    if (rule == RULES)
        return damaged("rule");
    if (!aei_cost_parse(&t->cost, aei_json_string(aei_json_member(json, "cost"))) ||
        aei_network_check_cost(network, t->cost) != AE_OK)
        return damaged("cost");
    AE_TRY(read_units(t, json, network));
    if (!aei_json_u64(aei_json_member(json, "rows"), &t->rows))
        return damaged("rows");
    t->size = sizeof *t;
    t->rule = (ae_threshold_rule)rule;
    return AE_OK;
}

static ae_status get_spread(ae_network *network, const aei_safetensors *file)
{
    const aei_stored *stored = aei_safetensors_find(file, spread_name);
    const size_t features = network->widths[0];
    if (stored == NULL)
        return AE_OK;
    if (stored->rank != 1 || stored->shape[0] != features)
        return aei_fail(AE_ERROR_FORMAT, "tensor %s: not of shape [%zu]", spread_name, features);
    float *values = malloc(features * sizeof *values);
    if (values == NULL)
        return aei_fail_memory(features * sizeof *values);
    ae_status status = aei_stored_floats(values, stored);
    if (status == AE_OK)
        status = ae_network_set_error_spread(network, values);
    free(values);
    /* The setter says that data are bad, as to a caller who passes them; here the file is. */
    return status == AE_ERROR_DATA ? aei_fail_within(AE_ERROR_FORMAT, "tensor %s", spread_name)
                                   : status;
}

/* Last in loading, after everything that raises the generation, or it would be void at once. */
ae_status aei_threshold_get(ae_network *network, const aei_safetensors *file)
{
    /* The spread before the threshold: one in units of spreads is damaged without it. */
    AE_TRY(get_spread(network, file));
    aei_json *json;
    ae_threshold threshold = {0};
    AE_TRY(aei_safetensors_json(&json, file, "libae.threshold"));
    if (json == NULL)
        return AE_OK;
    const ae_status status = read_json(&threshold, json, network);
    aei_json_free(json);
    if (status == AE_OK)
        aei_network_keep_threshold(network, &threshold);
    return status;
}
