/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_FAR_ROWS_H
#define TESTS_FAR_ROWS_H

/* The same rows in memory and where a reader has to fetch them: mapped files, a source. */

#include "fixtures.h"

#include <stdatomic.h>
#include <stdio.h>

/* A source over an array, which keeps book. */
typedef struct far_source {
    const float *values;
    size_t rows, features;
    atomic_size_t asked;    /* rows so far */
    atomic_int inside;      /* calls under way */
    atomic_int twice;       /* there were two at once */
    atomic_int released;    /* times */
    atomic_size_t stop_row; /* the row at which it stops; SIZE_MAX: never */
    atomic_size_t lazy_row; /* the row that it leaves as it is; SIZE_MAX: none */
} far_source;

static inline int far_read(void *user, const uint64_t *rows, size_t count, float *values)
{
    far_source *s = user;
    if (atomic_fetch_add(&s->inside, 1) != 0)
        atomic_store(&s->twice, 1);
    ck_assert(count >= 1 && count <= 256);
    int answer = 0;
    for (size_t r = 0; r < count; r++) {
        ck_assert_uint_lt(rows[r], s->rows);
        if (rows[r] == s->stop_row)
            answer = 7;
        else if (rows[r] != s->lazy_row)
            memcpy(values + r * s->features, s->values + rows[r] * s->features,
                   s->features * sizeof *values);
    }
    atomic_fetch_add(&s->asked, count);
    atomic_fetch_sub(&s->inside, 1);
    return answer;
}

static inline void far_release(void *user)
{
    far_source *s = user;
    atomic_fetch_add(&s->released, 1);
}

static inline far_source *far_source_of(const float *values, size_t rows, size_t features)
{
    far_source *s = fixture_allocate(1, sizeof *s);
    s->values = values;
    s->rows = rows;
    s->features = features;
    atomic_init(&s->stop_row, SIZE_MAX);
    atomic_init(&s->lazy_row, SIZE_MAX);
    return s;
}

static inline ae_row_source far_described(far_source *s)
{
    return (ae_row_source){.size = sizeof(ae_row_source),
                           .rows = s->rows,
                           .features = s->features,
                           .read = far_read,
                           .release = far_release,
                           .user = s};
}

static inline ae_dataset *far_dataset(far_source *s)
{
    const ae_row_source described = far_described(s);
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_from_source(&dataset, &described, NULL));
    return dataset;
}

/* The same, with NaN as missing values. */
static inline ae_dataset *far_dataset_with_holes(far_source *s)
{
    const ae_row_source described = far_described(s);
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_from_source(&dataset, &described,
                                               AE_DATASET_OPTIONS(.missing = AE_MISSING_KEEP)));
    return dataset;
}

/* Written below support_dir() and mapped. */
static inline ae_dataset *far_mapped(const char *name, const float *values, size_t rows,
                                     size_t features)
{
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_npy_write(support_path(name), values, rows, features));
    ck_assert_ok(
        ae_dataset_open_npy(&dataset, support_path(name), AE_DATASET_OPTIONS(.map = AE_TOGGLE_ON)));
    return dataset;
}

enum { FAR_MEMORY, FAR_MAPPED, FAR_SOURCE, FAR_PARTS, FAR_KINDS };

/* A mapped file, rows in memory, the same source twice and another file, of unlike length. */
static inline ae_dataset *far_parts(const float *values, size_t rows, size_t features,
                                    far_source *source)
{
    const size_t cuts[] = {0, rows / 4, rows / 4 + 1, rows / 2, rows - 3, rows};
    ae_dataset *all = NULL, *whole = far_dataset(source), *parts[5] = {NULL};
    for (size_t i = 0; i < COUNT(parts); i++) {
        const float *from = values + cuts[i] * features;
        const size_t count = cuts[i + 1] - cuts[i];
        if (i == 1)
            parts[i] = fixture_dataset_of(from, count, features);
        else if (i == 0 || i == 4)
            parts[i] = far_mapped(i == 0 ? "first.npy" : "last.npy", from, count, features);
        else
            ck_assert_ok(ae_dataset_view(&parts[i], whole, cuts[i], count));
    }
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const *)parts, COUNT(parts)));
    for (size_t i = 0; i < COUNT(parts); i++)
        ae_dataset_free(parts[i]);
    ae_dataset_free(whole);
    return all;
}

/* Rows of one of those kinds; source is there where the kind needs one. */
static inline ae_dataset *far_rows(int kind, const float *values, size_t rows, size_t features,
                                   far_source *source)
{
    static int files;
    char name[32];
    (void)snprintf(name, sizeof name, "rows%d.npy", files++);
    if (kind == FAR_MEMORY)
        return fixture_dataset_of(values, rows, features);
    if (kind == FAR_PARTS)
        return far_parts(values, rows, features, source);
    return kind == FAR_MAPPED ? far_mapped(name, values, rows, features) : far_dataset(source);
}

#endif
