/* SPDX-License-Identifier: BSD-3-Clause */
/* How is a threshold kept in a model file? As JSON in the metadata, by names, so that readers of
 * tensors do not see it. */
#include "store/stored_threshold.h"

#include "base/error.h"
#include "model/cost.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* In the order of ae_threshold_rule; files hold these names. */
static const char *const rules[] = {"", "quantile", "mean_sd", "median_mad", "given"};

enum { RULES = sizeof rules / sizeof rules[0], NUMBERS = 5 };

/* The real members, in the order they are written. */
static void list_numbers(double *numbers[NUMBERS], ae_threshold *t)
{
    double *const all[NUMBERS] = {&t->value, &t->quantile, &t->k, &t->centre, &t->spread};
    memcpy(numbers, all, sizeof all);
}

static const char *const number_names[NUMBERS] = {"value", "quantile", "k", "centre", "spread"};

/* A threshold that is void is not saved: in the file nothing would tell that it is. */
void aei_threshold_put(aei_archive *archive, const ae_network *network)
{
    const ae_threshold *threshold = aei_network_threshold(network);
    if (threshold == NULL)
        return;
    ae_threshold t = *threshold;
    double *numbers[NUMBERS];
    list_numbers(numbers, &t);
    aei_text json = {0};
    aei_text_add(&json, "{\"rule\":\"%s\",\"cost\":\"%s\",\"rows\":\"%" PRIu64 "\"", rules[t.rule],
                 aei_cost_name(t.cost), t.rows);
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

static ae_status read_json(ae_threshold *t, const aei_json *json, const ae_network *network)
{
    double *numbers[NUMBERS];
    list_numbers(numbers, t);
    for (size_t i = 0; i < NUMBERS; i++)
        if (!aei_json_double(aei_json_member(json, number_names[i]), numbers[i]) ||
            !isfinite(*numbers[i]))
            return damaged(number_names[i]);
    const int rule = find_rule(aei_json_string(aei_json_member(json, "rule")));
    if (rule == RULES)
        return damaged("rule");
    if (!aei_cost_parse(&t->cost, aei_json_string(aei_json_member(json, "cost"))) ||
        aei_network_check_cost(network, t->cost) != AE_OK)
        return damaged("cost");
    if (!aei_json_u64(aei_json_member(json, "rows"), &t->rows))
        return damaged("rows");
    t->size = sizeof *t;
    t->rule = (ae_threshold_rule)rule;
    return AE_OK;
}

/* Last in loading, after everything that raises the generation, or it would be void at once. */
ae_status aei_threshold_get(ae_network *network, const aei_safetensors *file)
{
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
