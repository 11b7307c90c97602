/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_ARROW_PRODUCER_H
#define TESTS_ARROW_PRODUCER_H

/* A producer of Arrow streams whose every release is counted, and which a test can make wrong in
 * each way that the interface allows. */

#include "fixtures.h"

#include <errno.h>
#include <libae/arrow.h>

enum { COLUMNS = 3, ROWS = 4, BATCHES = 2 };

/* Two batches of x (float64), n (int16) and v (lists of two float32). */
typedef struct producer {
    int given, released;      /* schemas and arrays */
    int streams;              /* releases of streams */
    int batch, batches;       /* the next, and how many there are */
    int fail_schema, fail_at; /* an errno; the batch that fails, -1: none */
    struct ArrowSchema schema, fields[COLUMNS + 1], *children[COLUMNS], *element[1];
    struct ArrowArray arrays[BATCHES][COLUMNS + 1], *columns[BATCHES][COLUMNS];
    struct ArrowArray *elements[BATCHES][1];
    const void *buffers[BATCHES][COLUMNS + 1][2], *none[1];
    struct ArrowArray top[BATCHES];
    double x[BATCHES][ROWS];
    int16_t n[BATCHES][ROWS];
    float v[BATCHES][2 * ROWS];
} producer;

static inline void release_schema(struct ArrowSchema *schema)
{
    ((producer *)schema->private_data)->released++;
    schema->release = NULL;
}

static inline void release_array(struct ArrowArray *array)
{
    ((producer *)array->private_data)->released++;
    array->release = NULL;
}

static inline void release_stream(struct ArrowArrayStream *stream)
{
    ((producer *)stream->private_data)->streams++;
    stream->release = NULL;
}

static inline int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    producer *p = stream->private_data;
    if (p->fail_schema != 0)
        return p->fail_schema;
    *out = p->schema;
    p->given += out->release != NULL;
    return 0;
}

static inline int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    producer *p = stream->private_data;
    if (p->batch == p->fail_at) {
        out->release = release_array; /* rubbish that nobody must release */
        return EIO;
    }
    *out = (struct ArrowArray){0};
    if (p->batch == p->batches)
        return 0;
    *out = p->top[p->batch++];
    p->given++;
    return 0;
}

static inline const char *get_last_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return "the tape is torn";
}

static inline struct ArrowArray make_array(producer *p, int64_t length, int64_t buffers,
                                           const void **first)
{
    return (struct ArrowArray){.length = length,
                               .n_buffers = buffers,
                               .buffers = first,
                               .release = release_array,
                               .private_data = p};
}

static inline struct ArrowSchema make_schema(producer *p, const char *format, const char *name)
{
    return (struct ArrowSchema){
        .format = format, .name = name, .release = release_schema, .private_data = p};
}

static inline void make_batch(producer *p, int b)
{
    for (int r = 0; r < ROWS; r++) {
        p->x[b][r] = 10 * b + r + 0.5;
        p->n[b][r] = (int16_t)(100 * b - r);
        p->v[b][2 * r] = (float)(b + r);
        p->v[b][2 * r + 1] = (float)-r;
    }
    p->buffers[b][0][1] = p->x[b];
    p->buffers[b][1][1] = p->n[b];
    p->buffers[b][3][1] = p->v[b];
    p->arrays[b][0] = make_array(p, ROWS, 2, p->buffers[b][0]);
    p->arrays[b][1] = make_array(p, ROWS, 2, p->buffers[b][1]);
    p->arrays[b][2] = make_array(p, ROWS, 1, p->buffers[b][2]);
    p->arrays[b][3] = make_array(p, (int64_t)2 * ROWS, 2, p->buffers[b][3]);
    p->elements[b][0] = &p->arrays[b][3];
    p->arrays[b][2].n_children = 1;
    p->arrays[b][2].children = p->elements[b];
    for (int c = 0; c < COLUMNS; c++)
        p->columns[b][c] = &p->arrays[b][c];
    p->top[b] = make_array(p, ROWS, 1, p->none);
    p->top[b].n_children = COLUMNS;
    p->top[b].children = p->columns[b];
}

static inline producer *make(struct ArrowArrayStream *stream)
{
    producer *p = fixture_allocate(1, sizeof *p);
    *p = (producer){.batches = BATCHES, .fail_at = -1};
    p->fields[0] = make_schema(p, "g", "x");
    p->fields[1] = make_schema(p, "s", "n");
    p->fields[2] = make_schema(p, "+w:2", "v");
    p->fields[3] = make_schema(p, "f", "item");
    p->element[0] = &p->fields[3];
    p->fields[2].n_children = 1;
    p->fields[2].children = p->element;
    for (int c = 0; c < COLUMNS; c++)
        p->children[c] = &p->fields[c];
    p->schema = make_schema(p, "+s", "");
    p->schema.n_children = COLUMNS;
    p->schema.children = p->children;
    for (int b = 0; b < BATCHES; b++)
        make_batch(p, b);
    *stream = (struct ArrowArrayStream){get_schema, get_next, get_last_error, release_stream, p};
    return p;
}

/* Everything given has been released, once. */
static inline void finish(producer *p, const struct ArrowArrayStream *stream)
{
    ck_assert_int_eq(p->streams, 1);
    ck_assert_ptr_null((void *)(uintptr_t)stream->release);
    ck_assert_int_eq(p->given, p->released);
    free(p);
}

#endif
