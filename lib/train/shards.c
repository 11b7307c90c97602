/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How does a rank get rows that another one has? All ranks know the order of all rows, so both ends
 * of a message know its rows without asking. Each pair exchanges at most one message a batch.
 */
#include "train/shards.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A tag that no piece of the step's parameters has. */
enum { TAG = AEI_MESSAGES_TAGS - 1, ALIGNMENT = 64 };

/* --- who has what ----------------------------------------------------------------------------- */

/* What travels, so without gaps. */
typedef struct answer {
    uint64_t rows, validation_rows;
    uint32_t sharded, missing;
} answer;

static ae_status check_answers(const answer *all, size_t ranks)
{
    static const char *const said[] = {"off", "on"};
    for (size_t r = 1; r < ranks; r++)
        if (all[r].sharded != all[0].sharded)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "rank 0 has sharded_data %s, rank %zu %s",
                            said[all[0].sharded != 0], r, said[all[r].sharded != 0]);
    for (size_t r = 1; r < ranks && all[0].sharded; r++)
        if ((all[r].validation_rows > 0) != (all[0].validation_rows > 0))
            return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                            "sharded_data: rank %zu has a validation set, rank %zu has none; each "
                            "rank brings a part of it",
                            all[r].validation_rows > 0 ? r : 0, all[r].validation_rows > 0 ? 0 : r);
    return AE_OK;
}

static ae_status sum_up(aei_survey *s, const answer *all, size_t ranks)
{
    s->sharded = all[0].sharded != 0;
    for (size_t r = 0; r < ranks; r++)
        s->missing |= all[r].missing != 0;
    if (!s->sharded)
        return AE_OK;
    s->rows = s->validation_rows = 0;
    for (size_t r = 0; r < ranks; r++) {
        s->first_row[r] = s->rows;
        s->first_validation_row[r] = s->validation_rows;
        s->rows += (size_t)all[r].rows;
        s->validation_rows += (size_t)all[r].validation_rows;
        if (s->rows > UINT32_MAX || s->validation_rows > UINT32_MAX)
            return aei_fail(AE_ERROR_SHAPE,
                            "the ranks up to %zu have more than %" PRIu32 " rows together", r,
                            UINT32_MAX);
    }
    s->first_row[ranks] = s->rows;
    s->first_validation_row[ranks] = s->validation_rows;
    return AE_OK;
}

ae_status aei_survey_take(aei_survey *s, aei_ranks *ranks, const ae_dataset *train_set,
                          const ae_dataset *validation, ae_toggle sharded)
{
    const answer mine = {.rows = ae_dataset_row_count(train_set),
                         .validation_rows = ae_dataset_row_count(validation),
                         .sharded = sharded == AE_TOGGLE_ON,
                         .missing = ae_dataset_has_missing(train_set) ||
                                    ae_dataset_has_missing(validation)};
    *s = (aei_survey){.rows = (size_t)mine.rows,
                      .validation_rows = (size_t)mine.validation_rows,
                      .missing = mine.missing};
    if (ranks == NULL)
        return AE_OK;
    s->ranks = ranks->count;
    s->first_row = calloc(ranks->count + 1, sizeof *s->first_row);
    s->first_validation_row = calloc(ranks->count + 1, sizeof *s->first_validation_row);
    answer *all = calloc(ranks->count, sizeof *all);
    const bool there = s->first_row != NULL && s->first_validation_row != NULL && all != NULL;
    ae_status status = aei_ranks_agree(ranks,
                                       there ? AE_OK : aei_fail_memory(ranks->count * sizeof *all));
    if (status == AE_OK)
        status = aei_ranks_note(ranks,
                                aei_messages_all_gather(ranks->messages, &mine, sizeof mine, all));
    if (status == AE_OK)
        status = check_answers(all, ranks->count);
    if (status == AE_OK)
        status = sum_up(s, all, ranks->count);
    free(all);
    return status;
}

void aei_survey_free(aei_survey *s)
{
    free(s->first_row);
    free(s->first_validation_row);
}

/* --- rows on their way ------------------------------------------------------------------------ */

static size_t owner_of(const aei_survey *s, uint32_t row)
{
    size_t low = 0, high = s->ranks; /* first_row[low] <= row < first_row[high] */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (s->first_row[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static size_t slot_bytes(size_t payload)
{
    return (AEI_MESSAGE_HEADER + payload + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* No row is in more than one message, whoever sends it. */
void aei_shards_lay_out(aei_shards *s, aei_arena *arena)
{
    const size_t features = ae_dataset_feature_count(s->dataset), ranks = s->survey->ranks;
    s->slots = aei_arena_take(arena, 2 * ranks, sizeof *s->slots);
    s->numbers = aei_arena_take(arena, s->batch, sizeof *s->numbers);
    s->places = aei_arena_take(arena, s->batch, sizeof *s->places);
    s->row_at = aei_arena_take(arena, s->batch, sizeof *s->row_at);
    s->next_of_rank = aei_arena_take(arena, ranks, sizeof *s->next_of_rank);
    s->own = aei_arena_take(arena, s->batch * features, sizeof *s->own);
    s->memory = aei_arena_take(
        arena, 2 * ranks * slot_bytes(0) + slot_bytes(s->batch * features * sizeof(float)), 1);
    for (size_t i = 0; s->places != NULL && i < s->batch; i++)
        s->places[i] = (uint32_t)i;
}

/* The rows of one rank that another one computes with, as this rank numbers its own where it has
 * them. */
static size_t list_rows(const aei_shards *s, const uint32_t *order, aei_range places, size_t owner)
{
    const size_t first = s->survey->first_row[owner], last = s->survey->first_row[owner + 1];
    size_t count = 0;
    for (size_t i = places.first; i < places.last; i++)
        if (order[i] >= first && order[i] < last)
            s->numbers[count++] = (uint32_t)(order[i] - first);
    return count;
}

static ae_status read_rows(const aei_shards *s, size_t count, float *values)
{
    AE_TRY(aei_dataset_fetch(s->dataset, s->numbers, count, values));
    return aei_bounds_check(s->bounds, s->numbers, count, values);
}

/* After the first error nothing more is read, but zeros still travel: the others wait for them. */
static void fill(const aei_shards *s, size_t count, float *values, ae_status *reading)
{
    memset(values, 0, count * ae_dataset_feature_count(s->dataset) * sizeof *values);
    if (count > 0 && *reading == AE_OK)
        *reading = read_rows(s, count, values);
}

/* Set up a message of so many rows behind the last one. */
static aei_slot *add_slot(aei_shards *s, aei_slot *slot, size_t *used, size_t rank, size_t rows)
{
    *slot = (aei_slot){.memory = s->memory + *used,
                       .bytes = rows * ae_dataset_feature_count(s->dataset) * sizeof(float),
                       .rank = rank,
                       .tag = TAG};
    *used += slot_bytes(slot->bytes);
    return slot;
}

/* Where each row of this rank's part is to be found: rows of one rank come in their order. */
static void find_rows(aei_shards *s, const uint32_t *order, aei_range mine)
{
    const size_t features = ae_dataset_feature_count(s->dataset);
    for (size_t i = mine.first; i < mine.last; i++) {
        const float **next = &s->next_of_rank[owner_of(s->survey, order[i])];
        s->row_at[i - mine.first] = *next;
        *next += features;
    }
}

static float *payload(const aei_slot *slot)
{
    return (float *)(void *)(slot->memory + AEI_MESSAGE_HEADER);
}

/* Read this rank's rows and start all messages. An error in reading is returned at the end. */
static ae_status start(aei_shards *s, const uint32_t *order, size_t count, size_t *slots)
{
    aei_messages *messages = s->ranks->messages;
    const size_t me = s->ranks->rank;
    const aei_range mine = aei_step_rows_of_rank(s->step, me, count);
    size_t used = 0;
    ae_status reading = AE_OK;
    fill(s, list_rows(s, order, mine, me), s->own, &reading);
    s->next_of_rank[me] = s->own;
    for (size_t r = 0; r < s->survey->ranks; r++) {
        if (r == me)
            continue;
        const size_t in = list_rows(s, order, mine, r);
        if (in > 0) {
            aei_slot *slot = add_slot(s, &s->slots[(*slots)++], &used, r, in);
            s->next_of_rank[r] = payload(slot);
            AE_TRY(aei_messages_receive(messages, slot));
        }
        const size_t out = list_rows(s, order, aei_step_rows_of_rank(s->step, r, count), me);
        if (out > 0) {
            aei_slot *slot = add_slot(s, &s->slots[(*slots)++], &used, r, out);
            fill(s, out, payload(slot), &reading);
            AE_TRY(aei_messages_send(messages, slot));
        }
    }
    return reading;
}

/* The pages of rows that come next are asked for. */
static void ask_ahead(const aei_shards *s, const uint32_t *order, size_t count)
{
    const size_t me = s->ranks->rank;
    const size_t rows = list_rows(s, order, (aei_range){0, count}, me);
    aei_dataset_will_need(s->dataset, s->numbers, rows);
}

ae_status aei_shards_take(aei_shards *s, const uint32_t *order, size_t count, size_t next)
{
    size_t slots = 0;
    const ae_status status = start(s, order, count, &slots);
    if (status == AE_ERROR_COMMUNICATION)
        return status;
    find_rows(s, order, aei_step_rows_of_rank(s->step, s->ranks->rank, count));
    ask_ahead(s, order + count, next);
    const ae_status arrived = aei_messages_wait(s->ranks->messages, s->slots, slots);
    return arrived != AE_OK ? arrived : status;
}

void aei_shards_gather(const void *shards, const uint32_t *rows, size_t row_count, size_t first,
                       size_t count, float *out, size_t stride)
{
    const aei_shards *s = shards;
    for (size_t r = 0; r < row_count; r++)
        memcpy(out + r * stride, s->row_at[rows[r]] + first, count * sizeof *out);
}
