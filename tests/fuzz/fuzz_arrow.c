/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arrow streams that are put together from bytes. Each array's buffers are as large as its own
 * length and offset say, since no reader can see that they are not; that arrays fit one another and
 * their schema is the reader's to find out. All that was given is given back once.
 */
#include "fuzz.h"

enum { COLUMNS = 3, BATCHES = 2, NAME = 8, BUFFERS = BATCHES * (2 * COLUMNS + 1) * 2 };

/* An array, or a schema, of a column and of the elements of its lists. */
typedef struct column {
    struct ArrowSchema schema, element_schema, *element_schemas[1];
    char name[NAME], format[NAME];
    struct ArrowArray arrays[BATCHES], elements[BATCHES], *element_arrays[BATCHES][1];
    const void *buffers[BATCHES][2], *element_buffers[BATCHES][2];
} column;

typedef struct stream {
    fuzz_bytes *bytes;
    column columns[COLUMNS];
    struct ArrowSchema schema, *schemas[COLUMNS];
    struct ArrowArray batches[BATCHES], *arrays[BATCHES][COLUMNS];
    const void *none[BATCHES][1];
    void *memory[BUFFERS];
    size_t used;
    int next, count, given, released;
} stream;

static void release_schema(struct ArrowSchema *schema)
{
    ((stream *)schema->private_data)->released++;
    schema->release = NULL;
}

static void release_array(struct ArrowArray *array)
{
    ((stream *)array->private_data)->released++;
    array->release = NULL;
}

static void release_stream(struct ArrowArrayStream *s)
{
    s->release = NULL;
}

static int get_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    stream *from = s->private_data;
    *out = from->schema;
    from->given++;
    return 0;
}

static int get_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    stream *from = s->private_data;
    *out = (struct ArrowArray){0};
    if (from->next == from->count)
        return 0;
    *out = from->batches[from->next++];
    from->given++;
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *s)
{
    (void)s;
    return "\033[2J\xff";
}

/* Mostly small, at times what cannot be. */
static int64_t number(fuzz_bytes *bytes)
{
    static const int64_t odd[] = {-1, INT64_MAX, INT64_MIN, (int64_t)1 << 40, INT64_MAX / 16, -8};
    const uint8_t byte = fuzz_byte(bytes);
    return byte < 224 ? byte % 16 : odd[byte % (sizeof odd / sizeof odd[0])];
}

static struct ArrowSchema make_schema(stream *s, const char *format, const char *name)
{
    return (struct ArrowSchema){
        .format = format, .name = name, .release = release_schema, .private_data = s};
}

static void *fill(stream *s, size_t size)
{
    uint8_t *memory = malloc(size == 0 ? 1 : size);
    FUZZ_REQUIRE(memory != NULL && s->used < BUFFERS);
    for (size_t i = 0; i < size; i++)
        memory[i] = fuzz_byte(s->bytes);
    return s->memory[s->used++] = memory;
}

static size_t element_size(char format)
{
    return strchr("cC", format) != NULL    ? 1
           : strchr("sSe", format) != NULL ? 2
           : strchr("iIf", format) != NULL ? 4
                                           : 8;
}

/* Buffers for the array's own claim, and none where nobody could have so many. */
static struct ArrowArray make_array(stream *s, const char *format, const void *buffers[2])
{
    const uint8_t kind = fuzz_byte(s->bytes);
    struct ArrowArray array = {.length = number(s->bytes),
                               .offset = kind & 1 ? number(s->bytes) : 0,
                               .null_count = kind & 2 ? -1 : 0,
                               .n_buffers = kind & 4 ? (int64_t)kind / 64 : 2,
                               .buffers = buffers,
                               .release = kind == 255 ? NULL : release_array,
                               .private_data = s};
    const int64_t most = 1 << 10;
    buffers[0] = buffers[1] = NULL;
    if (array.length < 0 || array.length > most || array.offset < 0 || array.offset > most)
        return array;
    const size_t count = (size_t)(array.length + array.offset);
    if (kind & 2)
        buffers[0] = fill(s, (count + 7) / 8);
    buffers[1] = fill(s, format[0] == 'b' ? (count + 7) / 8 : count * element_size(format[0]));
    return array;
}

static void make_column(stream *s, column *c)
{
    static const char *const formats[] = {"b", "c", "C", "s", "S", "i", "I",    "l",
                                          "L", "e", "f", "g", "f", "g", "+w:2", "+w:3"};
    const uint8_t kind = fuzz_byte(s->bytes);
    char element[2] = {"bcCsSiIlLefg"[kind % 12], '\0'};
    fuzz_text(s->bytes, c->name, NAME);
    if (kind < 240)
        (void)snprintf(c->format, NAME, "%s", formats[kind % 16]);
    else
        fuzz_text(s->bytes, c->format, NAME);
    c->schema = make_schema(s, c->format, kind % 32 == 31 ? NULL : c->name);
    const int list = c->format[0] == '+';
    c->element_schema = make_schema(s, list ? formats[kind % 12] : "f", "item");
    c->element_schemas[0] = &c->element_schema;
    c->schema.n_children = list;
    c->schema.children = list ? c->element_schemas : NULL;
    for (int b = 0; b < s->count; b++) {
        c->arrays[b] = make_array(s, c->format, c->buffers[b]);
        if (!list)
            continue;
        c->elements[b] = make_array(s, element, c->element_buffers[b]);
        c->element_arrays[b][0] = &c->elements[b];
        c->arrays[b].n_buffers = 1;
        c->arrays[b].n_children = 1;
        c->arrays[b].children = c->element_arrays[b];
    }
}

static void make_batches(stream *s, int columns)
{
    s->schema = make_schema(s, "+s", "");
    s->schema.n_children = columns;
    s->schema.children = s->schemas;
    for (int i = 0; i < columns; i++) {
        make_column(s, &s->columns[i]);
        s->schemas[i] = &s->columns[i].schema;
        for (int b = 0; b < s->count; b++)
            s->arrays[b][i] = &s->columns[i].arrays[b];
    }
    for (int b = 0; b < s->count; b++) {
        const uint8_t kind = fuzz_byte(s->bytes);
        s->batches[b] = (struct ArrowArray){.length = number(s->bytes),
                                            .offset = kind & 1 ? number(s->bytes) : 0,
                                            .n_buffers = 1,
                                            .buffers = s->none[b],
                                            .n_children = kind & 2 ? kind / 64 : columns,
                                            .children = s->arrays[b],
                                            .release = release_array,
                                            .private_data = s};
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes bytes = {data, size};
    stream s = {.bytes = &bytes};
    char label[NAME];
    const uint8_t kind = fuzz_byte(&bytes);
    ae_arrow_options options = {.size = sizeof options};
    options.missing = kind & 1 ? AE_MISSING_KEEP : AE_MISSING_REFUSE;
    s.count = 1 + (kind >> 1) % BATCHES;
    if (kind & 8)
        options.label_name = fuzz_text(&bytes, label, sizeof label);
    if (kind & 4) { /* arrays of one column without a batch around them */
        make_column(&s, &s.columns[0]);
        s.schema = s.columns[0].schema;
        memcpy(s.batches, s.columns[0].arrays, sizeof s.batches);
        for (int b = 0; b < s.count; b++)
            s.batches[b].release = release_array;
    } else {
        make_batches(&s, kind / 64);
    }
    struct ArrowArrayStream outside = {get_schema, get_next, get_last_error, release_stream, &s};
    ae_dataset *dataset = NULL;
    const ae_status status = ae_dataset_create_from_arrow(&dataset, &outside, &options);
    fuzz_dataset(status, dataset);
    FUZZ_REQUIRE(outside.release == NULL && s.released == s.given);
    for (size_t i = 0; i < s.used; i++)
        free(s.memory[i]);
    return 0;
}
