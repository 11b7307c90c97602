/* SPDX-License-Identifier: BSD-3-Clause */
#include "data/reader.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/background.h"
#include "data/dataset_internal.h"
#include "data/storage.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * The batch at hand and two behind it. A page that is on a disk takes longer than a step, so pages
 * are asked for AEI_READER_HINTS batches before their turn; that costs no memory of ours.
 */
enum { AHEAD = 2, SLOTS = AHEAD + 1 };

typedef struct slot {
    aei_storage storage; /* of the values read */
    ae_dataset dataset;  /* all of them */
    float *values;
    uint32_t *rows; /* their numbers, where no order has them */
    size_t number;  /* of the batch */
    bool first;     /* no batch before it was read in this order */
    ae_status status;
    char text[512]; /* of an error, which belongs to the thread that met it */
} slot;

struct aei_reader {
    const ae_dataset *dataset;
    size_t batch;
    aei_reader_share share;
    const uint32_t *order;
    aei_reader_check check;
    const void *context;
    uint32_t *numbers; /* 0, 1, ...; in memory without an order: the batch's rows */
    aei_batch held;    /* the batch that single rows come from, empty before the first */
    size_t held_number;
    aei_arena arena;
    /* Where rows are not in memory; job j fills slot j % SLOTS. */
    aei_background *worker;
    slot *slots;
    bool running;  /* batches up to `asked` are posted in order, the last as `job` */
    size_t next;   /* the batch that comes next */
    size_t asked;  /* the first batch that is not posted */
    uint64_t job;  /* the number that the next post will have */
    bool fresh;    /* the next post will be the first */
    size_t hinted; /* the thread's: the first batch whose pages were not asked for; those of the
                      promised order come after the last */
    const uint32_t *promised; /* the thread's: the order to come, or NULL */
    bool kept;                /* it came, and nothing was read yet */
    aei_reader_watcher watcher;
    void *watching;
};

/* Places of the order. */
typedef struct places {
    size_t first, count;
} places;

static places places_of(const aei_reader *r, size_t number)
{
    const aei_reader_share *share = &r->share;
    const size_t first = number * r->batch;
    if (r->dataset->rows - first < r->batch)
        return (places){first + share->last_first, share->last_count};
    return (places){first + share->first, share->count};
}

size_t aei_reader_count(const aei_reader *reader)
{
    return reader->share.batches;
}

static void count_up(uint32_t *rows, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rows[i] = (uint32_t)(first + i);
}

static void hint(aei_reader *r, slot *s, size_t last)
{
    const size_t all = aei_reader_count(r), most = r->promised != NULL ? 2 * all : all;
    for (; r->hinted <= last && r->hinted < most; r->hinted++) {
        const bool next = r->hinted >= all;
        const places at = places_of(r, next ? r->hinted - all : r->hinted);
        const uint32_t *order = next ? r->promised : r->order;
        if (order == NULL)
            count_up(s->rows, at.first, at.count);
        aei_dataset_will_need(r->dataset, order == NULL ? s->rows : order + at.first, at.count);
    }
}

static void read_batch(void *context, uint64_t job)
{
    aei_reader *r = context;
    slot *s = &r->slots[job % SLOTS];
    const places at = places_of(r, s->number);
    if (r->watcher != NULL)
        r->watcher(r->watching, s->number, s->first);
    if (r->hinted < s->number)
        r->hinted = s->number;
    hint(r, s, s->number + AEI_READER_HINTS);
    count_up(s->rows, at.first, at.count);
    const uint32_t *rows = r->order == NULL ? s->rows : r->order + at.first;
    /* Of no rows nobody is asked: a source might take that for the end. */
    s->status = at.count == 0 ? AE_OK : aei_dataset_fetch(r->dataset, rows, at.count, s->values);
    if (s->status == AE_OK && r->check != NULL)
        s->status = r->check(r->context, rows, at.count, s->values);
    if (s->status != AE_OK) {
        strncpy(s->text, ae_last_error(), sizeof s->text - 1);
        s->text[sizeof s->text - 1] = '\0';
    }
}

static size_t scan_batch(size_t features)
{
    enum { FLOATS = 1 << 16 }; /* a quarter of a mebibyte, which a second-level cache holds */
    return features < FLOATS ? FLOATS / features : 1;
}

/* The most rows that are read of a batch. */
static size_t most_rows(const aei_reader *r)
{
    return r->share.count > r->share.last_count ? r->share.count : r->share.last_count;
}

static void lay_out(aei_reader *r, bool resident)
{
    const size_t most = most_rows(r);
    aei_arena *arena = &r->arena;
    r->numbers = aei_arena_take(arena, most, sizeof *r->numbers);
    if (resident)
        return;
    r->slots = aei_arena_take(arena, SLOTS, sizeof *r->slots);
    for (size_t i = 0; i < SLOTS; i++) {
        slot counted = {0}, *s = r->slots == NULL ? &counted : &r->slots[i];
        s->rows = aei_arena_take(arena, most, sizeof *s->rows);
        s->values = aei_arena_take(arena, most, r->dataset->storage->features * sizeof *s->values);
    }
}

static void describe(slot *s, const aei_reader *r)
{
    const size_t features = r->dataset->storage->features;
    s->storage = (aei_storage){
        .values = s->values, .type = AEI_STORAGE_F32, .features = features, .stride = features};
    s->dataset = (ae_dataset){
        .storage = &s->storage, .rows = most_rows(r), .missing = r->dataset->missing};
}

static aei_reader_share all_rows(const ae_dataset *dataset, size_t batch)
{
    return (aei_reader_share){.batches = (dataset->rows + batch - 1) / batch,
                              .count = batch,
                              .last_count = dataset->rows % batch};
}

ae_status aei_reader_create(aei_reader **reader, const ae_dataset *dataset, size_t batch,
                            aei_reader_check check, const void *context)
{
    return aei_reader_create_share(reader, dataset, batch, NULL, check, context);
}

ae_status aei_reader_create_share(aei_reader **reader, const ae_dataset *dataset, size_t batch,
                                  const aei_reader_share *share, aei_reader_check check,
                                  const void *context)
{
    const bool resident = aei_dataset_is_resident(dataset);
    aei_reader *made = calloc(1, sizeof *made);
    if (made == NULL)
        return aei_fail_memory(sizeof *made);
    made->dataset = dataset;
    made->batch = batch != 0 ? batch : scan_batch(dataset->storage->features);
    made->batch = made->batch < dataset->rows ? made->batch : dataset->rows;
    made->share = share != NULL ? *share : all_rows(dataset, made->batch);
    made->check = check;
    made->context = context;
    ae_status status = AE_OK;
    lay_out(made, resident);
    AE_CHECK(aei_arena_allocate(&made->arena));
    lay_out(made, resident);
    count_up(made->numbers, 0, most_rows(made));
    for (size_t i = 0; i < SLOTS && !resident; i++)
        describe(&made->slots[i], made);
    if (!resident)
        AE_CHECK(aei_background_create(&made->worker, read_batch, made));
    *reader = made;
    return AE_OK;
cleanup:
    aei_reader_free(made);
    return status;
}

void aei_reader_free(aei_reader *reader)
{
    if (reader == NULL)
        return;
    aei_background_free(reader->worker);
    aei_arena_free(&reader->arena);
    free(reader);
}

size_t aei_reader_memory(const aei_reader *reader)
{
    return sizeof *reader + reader->arena.size;
}

void aei_reader_watch(aei_reader *reader, aei_reader_watcher watcher, void *context)
{
    reader->watcher = watcher;
    reader->watching = context;
}

void aei_reader_promise(aei_reader *reader, const uint32_t *order)
{
    reader->promised = order;
}

void aei_reader_rest(aei_reader *reader)
{
    bool lost = false;
    /* A child of fork has nothing to wait for; that it gets no thread now, the next batch will
     * tell. */
    if (reader->worker != NULL && aei_background_mend(reader->worker, &lost) == AE_OK && !lost)
        aei_background_finish(reader->worker);
    if (lost)
        reader->running = false, reader->promised = NULL;
}

void aei_reader_begin(aei_reader *reader, const uint32_t *order)
{
    const size_t all = aei_reader_count(reader);
    aei_reader_rest(reader);
    reader->kept = order != NULL && order == reader->promised;
    if (reader->kept)
        reader->hinted = reader->hinted > all ? reader->hinted - all : 0;
    reader->promised = NULL;
    reader->running = false;
    reader->held.count = 0;
    reader->order = order;
}

static void ask(aei_reader *r, size_t number)
{
    slot *s = &r->slots[r->job % SLOTS];
    s->number = number;
    s->first = r->fresh;
    r->fresh = false;
    r->job = aei_background_post(r->worker) + 1;
}

static ae_status take_read(aei_reader *r, size_t number, aei_batch *batch)
{
    const size_t all = aei_reader_count(r);
    bool lost;
    AE_TRY(aei_background_mend(r->worker, &lost));
    if (!r->running || lost || number != r->next) {
        aei_background_finish(r->worker);
        const bool goes_on = r->kept && number == 0 && !lost;
        r->running = true;
        r->asked = number;
        r->fresh = !goes_on;
        r->kept = false;
        if (lost)
            r->promised = NULL;
        if (!goes_on)
            r->hinted = number;
    }
    /* The slot of the batch before is free from here on. */
    for (; r->asked <= number + AHEAD && r->asked < all; r->asked++)
        ask(r, r->asked);
    const uint64_t job = r->job - (r->asked - number);
    aei_background_wait(r->worker, job);
    slot *s = &r->slots[job % SLOTS];
    r->next = number + 1;
    if (s->status != AE_OK) {
        r->running = false;
        return aei_fail(s->status, "%s", s->text);
    }
    *batch = (aei_batch){&s->dataset, r->numbers, places_of(r, number).count};
    return AE_OK;
}

ae_status aei_reader_take(aei_reader *reader, size_t number, aei_batch *batch)
{
    if (reader->worker != NULL)
        return take_read(reader, number, batch);
    const places at = places_of(reader, number);
    if (reader->order == NULL)
        count_up(reader->numbers, at.first, at.count);
    const uint32_t *rows = reader->order == NULL ? reader->numbers : reader->order + at.first;
    *batch = (aei_batch){reader->dataset, rows, at.count};
    return AE_OK;
}

ae_status aei_reader_row(aei_reader *reader, size_t place, float *values)
{
    const size_t number = place / reader->batch, features = reader->dataset->storage->features;
    if (reader->held.count == 0 || reader->held_number != number) {
        reader->held.count = 0;
        AE_TRY(aei_reader_take(reader, number, &reader->held));
        reader->held_number = number;
    }
    aei_dataset_gather(reader->held.dataset, reader->held.rows + place % reader->batch, 1, 0,
                       features, values, features);
    return AE_OK;
}
