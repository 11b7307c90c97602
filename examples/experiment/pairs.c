/* SPDX-License-Identifier: BSD-3-Clause */
#include "figures.h"

#include "common/check.h"

#include <stdlib.h>

enum { MOST_PAIRS = 10 };

pairs pairs_make(const experiment *e)
{
    const ae_dataset *dataset = e->validation;
    size_t features = ae_dataset_feature_count(dataset), rows = ae_dataset_row_count(dataset);
    const size_t count = rows < MOST_PAIRS ? rows : MOST_PAIRS;
    float *memory = calloc(count * (2 * features + 1) + 1, sizeof *memory);
    if (memory == NULL)
        fail("no memory for %zu images", count);
    pairs p = {
        .inputs = memory,
        .outputs = memory + count * features,
        .costs = memory + 2 * count * features,
        .count = count,
        .height = ae_dataset_image_height(dataset),
        .width = ae_dataset_image_width(dataset),
    };
    ae_session *session = NULL;
    check(ae_dataset_read(dataset, 0, count, p.inputs));
    check(ae_session_create(&session, e->network, NULL));
    check(ae_session_reconstruct(session, p.inputs, count, p.outputs));
    check(ae_session_score(session, p.inputs, count, p.costs, NULL, NULL));
    ae_session_free(session);
    return p;
}

void pairs_free(pairs *p)
{
    free(p->inputs);
    *p = (pairs){0};
}
