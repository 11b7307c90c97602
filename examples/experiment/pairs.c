/* SPDX-License-Identifier: BSD-3-Clause */
#include "pairs.h"

#include "common/check.h"

#include <stdlib.h>

pairs pairs_make(const ae_network *network, const ae_dataset *dataset, size_t count)
{
    size_t features = ae_dataset_feature_count(dataset), rows = ae_dataset_row_count(dataset);
    count = count < rows ? count : rows;
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
    check(ae_session_create(&session, network, NULL));
    check(ae_session_reconstruct(session, p.inputs, count, p.outputs));
    check(ae_session_score(session, AE_COST_L2, p.inputs, count, p.costs, NULL));
    ae_session_free(session);
    return p;
}

void pairs_free(pairs *p)
{
    free(p->inputs);
    *p = (pairs){0};
}
