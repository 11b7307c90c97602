/* SPDX-License-Identifier: BSD-3-Clause */
/* Datasets from Arrow streams: https://arrow.apache.org/docs/format/CStreamInterface.html. Whatever
 * a producer gives is given back by its release, once, on every way out. */
#include "base/arena.h"
#include "base/error.h"
#include "base/options.h"
#include "base/quote.h"
#include "data/arrow_internal.h"
#include "data/storage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What has come in so far. */
typedef struct arrow_stream {
    struct ArrowArrayStream *stream;
    const ae_arrow_options *options;
    aei_arrow_table table;
    struct ArrowArray array;  /* the latest that has rows; release is NULL at the end */
    struct ArrowArray behind; /* the one after it, where that had to be known */
    float *values;
    int32_t *labels; /* NULL without */
    size_t rows, room;
} arrow_stream;

AEI_OPTIONS_INIT(ae_arrow_options)

static ae_status read_options(ae_arrow_options *o, const ae_arrow_options *options)
{
    AE_TRY(aei_options_read(o, sizeof *o, options, "ae_arrow_options"));
    AE_TRY(aei_check_reserved(o->reserved, "ae_arrow_options"));
    AE_TRY(aei_check_enum((int)o->missing, AE_MISSING_KEEP, "missing", "ae_missing"));
    if ((o->column_names == NULL) != (o->column_count == 0))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "column_count is %zu, %s column_names",
                        o->column_count, o->column_names == NULL ? "without" : "with");
    return AE_OK;
}

/* The text is the stream's and does not outlive it. */
static ae_status fail_stream(struct ArrowArrayStream *stream, const char *call, int error)
{
    char reason[300];
    const char *text = stream->get_last_error == NULL ? NULL : stream->get_last_error(stream);
    text = text == NULL ? "it gives no reason" : text;
    return aei_fail(error == ENOMEM ? AE_ERROR_OUT_OF_MEMORY : AE_ERROR_IO,
                    "the Arrow stream's %s failed with error %d: %s", call, error,
                    aei_quote_into(reason, sizeof reason, text, strlen(text)));
}

static void drop(struct ArrowArray *array)
{
    if (array->release != NULL)
        array->release(array);
    array->release = NULL;
}

/* The next array that has rows, checked; its release is NULL at the end. */
static ae_status next(arrow_stream *r, struct ArrowArray *array)
{
    do {
        drop(array);
        *array = (struct ArrowArray){0};
        const int error = r->stream->get_next(r->stream, array);
        if (error != 0) {
            array->release = NULL; /* what a failed call leaves behind is nobody's */
            return fail_stream(r->stream, "get_next", error);
        }
        if (array->release != NULL)
            AE_TRY(aei_arrow_check(&r->table, array));
    } while (array->release != NULL && array->length == 0);
    return AE_OK;
}

static ae_status open_schema(arrow_stream *r)
{
    struct ArrowArrayStream *stream = r->stream;
    if (stream->get_schema == NULL || stream->get_next == NULL)
        return aei_fail(AE_ERROR_FORMAT, "the Arrow stream has no get_schema or get_next");
    const int error = stream->get_schema(stream, &r->table.schema);
    if (error != 0) {
        r->table.schema.release = NULL;
        return fail_stream(stream, "get_schema", error);
    }
    if (r->table.schema.release == NULL)
        return aei_fail(AE_ERROR_FORMAT, "the Arrow stream gave no schema");
    return aei_arrow_choose(&r->table, r->options);
}

/* Room for the rows of the latest array. Half as much again: memory that is not written to costs
 * nothing, and large blocks grow without a copy. */
static ae_status reserve(arrow_stream *r, bool borrowed)
{
    const size_t more = (size_t)r->array.length, features = r->table.features;
    if (more > UINT32_MAX - r->rows)
        return aei_fail(AE_ERROR_UNSUPPORTED, "more than %u rows", (unsigned)UINT32_MAX);
    if (r->rows + more <= r->room)
        return AE_OK;
    size_t room = r->room + r->room / 2;
    room = room < r->rows + more ? r->rows + more : room;
    if (room > PTRDIFF_MAX / sizeof(float) / features)
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "%zu rows overflow the address space", room);
    const size_t size = room * features * sizeof(float), label_size = room * sizeof *r->labels;
    float *values = borrowed ? NULL : realloc(r->values, size);
    if (values == NULL && !borrowed)
        return aei_fail_memory(size);
    r->values = values;
    if (!borrowed)
        aei_hint_huge_pages(values, size);
    int32_t *labels = r->table.labelled ? realloc(r->labels, label_size) : NULL;
    if (labels == NULL && r->table.labelled)
        return aei_fail_memory(label_size);
    r->labels = labels;
    r->room = room;
    return AE_OK;
}

static ae_status take(arrow_stream *r, bool borrowed)
{
    const bool keep = r->options->missing == AE_MISSING_KEEP;
    AE_TRY(reserve(r, borrowed));
    if (!borrowed)
        AE_TRY(aei_arrow_copy(&r->table, &r->array, r->rows, keep, r->values));
    if (r->table.labelled)
        AE_TRY(aei_arrow_copy_labels(&r->table, &r->array, r->rows, r->labels));
    r->rows += (size_t)r->array.length;
    return AE_OK;
}

static void let_go(void *owner)
{
    struct ArrowArray *array = owner;
    array->release(array);
    free(array);
}

/* All rows. A single array that is as a dataset wants it is kept: moved, as the interface has it,
 * by leaving no release behind. */
static ae_status read_arrays(arrow_stream *r, aei_storage *draft)
{
    AE_TRY(next(r, &r->array));
    if (r->array.release == NULL)
        return aei_fail(AE_ERROR_FORMAT, "the Arrow stream has no rows");
    const float *plain = aei_arrow_plain(&r->table, &r->array);
    AE_TRY(next(r, &r->behind));
    if (plain != NULL && r->behind.release == NULL) {
        AE_TRY(take(r, true));
        struct ArrowArray *kept = malloc(sizeof *kept);
        if (kept == NULL)
            return aei_fail_memory(sizeof *kept);
        *kept = r->array;
        r->array.release = NULL;
        draft->owner = kept;
        draft->let_go = let_go;
        draft->values = plain;
        return AE_OK;
    }
    while (r->array.release != NULL) {
        AE_TRY(take(r, false));
        drop(&r->array);
        r->array = r->behind;
        r->behind.release = NULL;
        if (r->array.release != NULL)
            AE_TRY(next(r, &r->behind));
    }
    /* Give back what was too much; when that fails, nothing is lost. */
    float *fitted = realloc(r->values, r->rows * r->table.features * sizeof *fitted);
    draft->values = draft->block = fitted != NULL ? fitted : r->values;
    r->values = NULL;
    return AE_OK;
}

/* The columns' names in one block: pointers, then what they point to. Elements of lists have
 * none. */
static ae_status make_names(char ***names, const aei_arrow_table *table)
{
    size_t size = table->column_count * sizeof(char *);
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].list)
            return AE_OK;
        size += strlen(table->columns[i].name) + 1;
    }
    char **made = malloc(size);
    if (made == NULL)
        return aei_fail_memory(size);
    char *text = (char *)(made + table->column_count);
    for (size_t i = 0; i < table->column_count; i++) {
        const size_t length = strlen(table->columns[i].name) + 1;
        made[i] = memcpy(text, table->columns[i].name, length);
        aei_clean(made[i], length - 1);
        text += length;
    }
    *names = made;
    return AE_OK;
}

static ae_status read_stream(ae_dataset **dataset, arrow_stream *r)
{
    ae_dataset_options o;
    aei_storage got = {0}, draft;
    ae_status status;
    AE_CHECK(open_schema(r));
    AE_CHECK(read_arrays(r, &got));
    AE_CHECK(aei_dataset_read_options(&o,
                                      AE_DATASET_OPTIONS(.image_height = r->options->image_height,
                                                         .image_width = r->options->image_width),
                                      0));
    AE_CHECK(aei_storage_draft(&draft, &o, r->rows, r->table.features, AEI_STORAGE_F32));
    draft.block = got.block;
    draft.values = got.values;
    draft.owner = got.owner;
    draft.let_go = got.let_go;
    got = draft; /* whatever happens now, this is given back or taken over */
    AE_CHECK(make_names(&got.names, &r->table));
    AE_CHECK(aei_storage_check_values(&got, r->rows, r->options->missing));
    return aei_dataset_adopt_labelled(dataset, &got, r->rows, r->labels);
cleanup:
    aei_storage_release(&got);
    return status;
}

static ae_status create(ae_dataset **dataset, struct ArrowArrayStream *stream,
                        const ae_arrow_options *options)
{
    ae_arrow_options o;
    arrow_stream r = {.stream = stream, .options = &o};
    AE_REQUIRE(dataset);
    AE_TRY(read_options(&o, options));
    const ae_status status = read_stream(dataset, &r);
    drop(&r.array);
    drop(&r.behind);
    aei_arrow_table_free(&r.table);
    free(r.values);
    free(r.labels);
    return status;
}

ae_status ae_dataset_create_from_arrow(ae_dataset **dataset, struct ArrowArrayStream *stream,
                                       const ae_arrow_options *options)
{
    AE_REQUIRE(stream);
    if (stream->release == NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "the Arrow stream has been released already: each can be read once");
    const ae_status status = create(dataset, stream, options);
    stream->release(stream);
    return status;
}
