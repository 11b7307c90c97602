/* SPDX-License-Identifier: BSD-3-Clause */
/* A file without the weights of its decoder, since they are the encoder's. */
#include "store/tied_modules.h"

#include "base/error.h"

#include <stdlib.h>

/* Tied layers that are looked for; each is compared with all modules of each other. */
enum { MOST = 64 };

static bool is_linear(const aei_module *m, aei_side side)
{
    return m->kind == AEI_MODULE_LINEAR && m->side == side;
}

/* A decoder with a bias and nothing else. */
static bool lacks_weight(const aei_module *m)
{
    return m->side == AEI_SIDE_DECODER && m->kind == AEI_MODULE_OTHER && m->other == NULL &&
           m->stray == NULL && m->weight == NULL && m->bias != NULL && m->bias->rank == 1;
}

/* The one encoder layer of the same scope that takes as many features as the bias adds to; NULL:
 * none or several. */
static const aei_module *find_partner(const aei_module *modules, size_t count,
                                      const aei_module *decoder)
{
    const aei_module *found = NULL;
    for (size_t i = 0; i < count; i++) {
        const aei_module *m = &modules[i];
        if (!is_linear(m, AEI_SIDE_ENCODER) || !aei_module_same_scope(m, decoder) ||
            m->weight->shape[1] != decoder->bias->elements)
            continue;
        if (found != NULL)
            return NULL;
        found = m;
    }
    return found;
}

/* Whether each encoder layer of the scope has one such decoder, and no decoder has a weight. */
static bool all_tied(const aei_module *modules, size_t count, const aei_module *decoder)
{
    size_t encoders = 0, decoders = 0;
    for (size_t i = 0; i < count; i++) {
        const aei_module *m = &modules[i];
        if (!aei_module_same_scope(m, decoder))
            continue;
        if (is_linear(m, AEI_SIDE_DECODER))
            return false;
        encoders += is_linear(m, AEI_SIDE_ENCODER);
        decoders += lacks_weight(m);
        if (lacks_weight(m) && find_partner(modules, count, m) == NULL)
            return false;
    }
    return encoders == decoders;
}

ae_status aei_modules_tie(aei_stored **weights, aei_module *modules, size_t count)
{
    size_t lacking = 0;
    *weights = NULL;
    for (size_t i = 0; i < count; i++)
        lacking += lacks_weight(&modules[i]);
    if (lacking == 0 || lacking > MOST)
        return AE_OK;
    aei_stored *made = calloc(count, sizeof *made);
    if (made == NULL)
        return aei_fail_memory(count * sizeof *made);
    for (size_t i = 0; i < count; i++) {
        if (!lacks_weight(&modules[i]) || !all_tied(modules, count, &modules[i]))
            continue;
        made[i] = *find_partner(modules, count, &modules[i])->weight;
        made[i].shape[0] = modules[i].bias->elements;
        made[i].shape[1] = made[i].elements / made[i].shape[0];
        made[i].data = NULL;
    }
    /* Only now: until here the modules of a scope must look as they do in the file. */
    for (size_t i = 0; i < count; i++)
        if (made[i].name != NULL) {
            modules[i].weight = &made[i];
            modules[i].kind = AEI_MODULE_LINEAR;
        }
    *weights = made;
    return AE_OK;
}
