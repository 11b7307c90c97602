/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A search with backtracking for all orders, since an order is only to be believed when there is no
 * second. Numbered names leave one candidate a step, so that files as they are take no time; the
 * steps are counted for those that are made to take it.
 */
#include "store/chain.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_STEPS = 100000 };

typedef struct search {
    const aei_module **linears;
    size_t count, steps;
    bool mirrored;    /* numbers of decoders descend: dec2 before dec1 */
    bool *before;     /* [i][j]: i must come before j */
    size_t *blockers; /* of each: how many that must come before it are still to come */
    bool *used;
    size_t *order, *found;
    size_t orders;
} search;

static size_t takes(const aei_module *m)
{
    return m->weight->shape[1];
}

static size_t gives(const aei_module *m)
{
    return m->weight->shape[0];
}

/* enc1, enc2, dec2, dec1: some count the decoder's layers by the encoder's that they mirror. */
static bool comes_before(const search *s, const aei_module *a, const aei_module *b)
{
    if (a->side != b->side && a->side != AEI_SIDE_NONE && b->side != AEI_SIDE_NONE)
        return a->side == AEI_SIDE_ENCODER;
    const int order = aei_module_order(a, b);
    return s->mirrored && a->side == AEI_SIDE_DECODER ? order > 0 : order < 0;
}

/* Worked out once for all pairs, since the search asks again at every step. */
static void find_constraints(search *s)
{
    memset(s->blockers, 0, s->count * sizeof *s->blockers);
    for (size_t i = 0; i < s->count; i++)
        for (size_t j = 0; j < s->count; j++) {
            s->before[i * s->count + j] = i != j && comes_before(s, s->linears[i], s->linears[j]);
            s->blockers[j] += s->before[i * s->count + j];
        }
}

/* Take module i into the order, or out again. */
static void mark(search *s, size_t i, bool used)
{
    s->used[i] = used;
    for (size_t j = 0; j < s->count; j++)
        if (s->before[i * s->count + j])
            s->blockers[j] += used ? (size_t)-1 : 1;
}

static void extend(search *s, size_t at)
{
    /* Two orders are as bad as a hundred, so the search ends with the second. */
    if (s->orders > 1 || ++s->steps > MOST_STEPS)
        return;
    if (at == s->count) {
        /* An autoencoder ends where it began. This leaves out chains of another kind of network. */
        if (gives(s->linears[s->order[at - 1]]) == takes(s->linears[s->order[0]]) &&
            s->orders++ == 0)
            memcpy(s->found, s->order, s->count * sizeof *s->found);
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        const aei_module *m = s->linears[i];
        if (s->used[i] || s->blockers[i] > 0 ||
            (at > 0 && takes(m) != gives(s->linears[s->order[at - 1]])))
            continue;
        s->order[at] = i;
        mark(s, i, true);
        extend(s, at + 1);
        mark(s, i, false);
    }
}

static bool allocate(search *s)
{
    s->before = calloc(s->count * s->count, sizeof *s->before);
    s->used = calloc(s->count, sizeof *s->used);
    s->blockers = calloc(s->count, sizeof *s->blockers);
    s->order = calloc(s->count, sizeof *s->order);
    s->found = calloc(s->count, sizeof *s->found);
    return s->before != NULL && s->used != NULL && s->blockers != NULL && s->order != NULL &&
           s->found != NULL;
}

static void release(search *s)
{
    free(s->before);
    free(s->used);
    free(s->blockers);
    free(s->order);
    free(s->found);
}

ae_status aei_chain_sort(aei_chain_result *result, const aei_module **linears, size_t count)
{
    search s = {.linears = linears, .count = count};
    const aei_module **sorted = malloc((count + 1) * sizeof *sorted);
    *result = AEI_CHAIN_NONE;
    ae_status status = AE_OK;
    if (sorted == NULL || !allocate(&s))
        AE_CHECK(aei_fail_memory(count * (count + sizeof *sorted)));
    /* Mirrored numbers only where plain ones fit nothing: a file that fits both is read as its
     * numbers stand. */
    for (int turn = 0; turn < 2 && count > 0 && s.orders == 0; turn++) {
        s.mirrored = turn == 1;
        find_constraints(&s);
        extend(&s, 0);
    }
    if (s.orders == 0 && s.steps <= MOST_STEPS)
        goto cleanup;
    /* A search that was given up may have missed a second order, so the first is not believed. */
    *result = s.orders == 1 && s.steps <= MOST_STEPS ? AEI_CHAIN_ONE : AEI_CHAIN_SEVERAL;
    for (size_t i = 0; i < count; i++)
        sorted[i] = linears[s.found[i]];
    memcpy(linears, sorted, count * sizeof *sorted);
cleanup:
    release(&s);
    free(sorted);
    return status;
}
