/* SPDX-License-Identifier: BSD-3-Clause */
/* Which layer does a batch normalisation follow? A wrong answer would load and compute nonsense, so
 * a second one that is as good makes it unclear. */
#include "store/norms.h"

enum { CHILD = 3, BY_NUMBER = 2, BY_WIDTH = 1, NOT = 0 };

/* How much speaks for a norm's following a linear module of the right width. */
static int strength(const aei_kinship *k, const aei_module *linear, const aei_module *norm)
{
    if (k->child)
        return CHILD;
    if (linear->side != norm->side && linear->side != AEI_SIDE_NONE && norm->side != AEI_SIDE_NONE)
        return NOT;
    if (k->numbered) /* of one nn.Sequential: it comes later */
        return k->gap > 0 ? BY_NUMBER : NOT;
    if (k->same_digits)
        return BY_NUMBER;
    /* fc1 and bn2 are not meant for each other; fc1 and bn may be. */
    return aei_module_order(linear, norm) == 0 && !k->both_digits ? BY_WIDTH : NOT;
}

/* The first layer takes as many features as the last gives. A norm as wide as that may normalise
 * the input, unless a number or its path says which layer it follows. */
static bool may_be_first(const aei_module *norm, const aei_module *linear, size_t input,
                         const aei_kinship *k, int reason)
{
    const aei_stored *tensor = norm->mean != NULL ? norm->mean : norm->variance;
    if (tensor->elements != input || norm->side == AEI_SIDE_DECODER || reason == CHILD)
        return false;
    return reason == BY_WIDTH || !(k->numbered || k->both_digits) ||
           (norm->side == AEI_SIDE_NONE && linear->side != AEI_SIDE_NONE);
}

/*
 * The closest relation wins, then the stronger reason; in an nn.Sequential the nearest linear
 * module in front, which is the last in order.
 */
aei_norm_result aei_norm_find(size_t *layer, const aei_module *norm,
                              const aei_module *const *linears, size_t count)
{
    const aei_stored *tensor = norm->mean != NULL ? norm->mean : norm->variance;
    int best = NOT;
    bool tie = false, in_front = false;
    aei_kinship chosen = {0};
    for (size_t l = 0; l < count; l++) {
        const aei_kinship k = aei_module_kinship(linears[l], norm);
        const int reason = strength(&k, linears[l], norm);
        in_front = in_front || (k.numbered && k.gap == 0);
        if (reason == NOT || linears[l]->weight->shape[0] != tensor->elements)
            continue;
        const bool closer = best == NOT || reason == CHILD || k.depth > chosen.depth,
                   equal = best != NOT && best != CHILD && k.depth == chosen.depth;
        if (closer || (equal && reason > best) || (equal && reason == best && k.numbered)) {
            *layer = l;
            best = reason;
            chosen = k;
            tie = false;
        } else if (equal && reason == best) {
            tie = true;
        }
    }
    if (best == NOT)
        return in_front ? AEI_NORM_IN_FRONT : AEI_NORM_UNCLEAR;
    if (tie)
        return AEI_NORM_UNCLEAR;
    if (may_be_first(norm, linears[*layer], linears[0]->weight->shape[1], &chosen, best))
        return AEI_NORM_ENDS;
    return chosen.numbered && !chosen.child && chosen.gap > 1 ? AEI_NORM_LATER : AEI_NORM_FOUND;
}
