/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_CALLS_ON_DATA_H
#define TESTS_CALLS_ON_DATA_H

/* The public calls on data, each once. */
#include "arrow_producer.h"
#include "world.h"

static inline int read_row(void *user, size_t row, float *values)
{
    const world *w = user;
    memcpy(values, w->rows + row * FEATURES, FEATURES * sizeof *values);
    return 0;
}

static inline int read_some(void *user, const uint64_t *rows, size_t count, float *values)
{
    for (size_t i = 0; i < count; i++)
        (void)read_row(user, rows[i], values + i * FEATURES);
    return 0;
}

CREATES(create_digits, ae_dataset, ae_dataset_create_digits(&made, 3, 1))
CREATES(create_f32, ae_dataset, ae_dataset_create_f32(&made, w->rows, TABLE_ROWS, FEATURES, NULL))
CREATES(create_u8, ae_dataset,
        ae_dataset_create_u8(&made, w->idx.data, 8, FEATURES,
                             AE_DATASET_OPTIONS(.labels = row_labels, .label_count = 8)))
CREATES(create_labelled, ae_dataset,
        ae_dataset_create_labelled(&made, w->training, row_labels, TABLE_ROWS))
CREATES(create_from_callback, ae_dataset,
        ae_dataset_create_from_callback(&made, TABLE_ROWS, FEATURES, read_row, w, NULL))
CREATES(create_from_source, ae_dataset,
        ae_dataset_create_from_source(&made,
                                      &(ae_row_source){.size = sizeof(ae_row_source),
                                                       .rows = TABLE_ROWS,
                                                       .features = FEATURES,
                                                       .read = read_some,
                                                       .user = w},
                                      NULL))

/* The stream is released whatever happens. */
static ae_status create_from_arrow(world *w)
{
    struct ArrowArrayStream stream;
    producer *p = make(&stream);
    (void)w;
    ae_dataset *made = NULL;
    const ae_status status = ae_dataset_create_from_arrow(&made, &stream, NULL);
    ae_dataset_free(made);
    finish(p, &stream);
    return status;
}

CREATES(concat, ae_dataset,
        ae_dataset_concat(&made, (const ae_dataset *const[]){w->training, w->validation}, 2))
CREATES(select_rows, ae_dataset, ae_dataset_select(&made, w->training, (const size_t[]){4, 2}, 2))
CREATES(select_labels, ae_dataset,
        ae_dataset_select_labels(&made, w->labelled, (const int32_t[]){1}, 1))
CREATES(shuffle, ae_dataset, ae_dataset_shuffle(&made, w->training, 3))
CREATES(view, ae_dataset, ae_dataset_view(&made, w->training, 2, 5))
CREATES(open_csv, ae_dataset, ae_dataset_open_csv(&made, support_path("rows.csv"), NULL))
CREATES(open_csv_memory, ae_dataset,
        ae_dataset_open_csv_memory(&made, w->csv.data, w->csv.size, NULL))
CREATES(open_idx, ae_dataset, ae_dataset_open_idx(&made, support_path("rows.idx"), NULL))
CREATES(open_idx_memory, ae_dataset,
        ae_dataset_open_idx_memory(&made, w->idx.data, w->idx.size, NULL))
CREATES(open_npy, ae_dataset, ae_dataset_open_npy(&made, support_path("rows.npy"), NULL))
CREATES(open_npy_mapped, ae_dataset,
        ae_dataset_open_npy(&made, support_path("rows.npy"),
                            AE_DATASET_OPTIONS(.map = AE_TOGGLE_ON)))
CREATES(open_npy_memory, ae_dataset,
        ae_dataset_open_npy_memory(&made, w->npy.data, w->npy.size, NULL))
CREATES(open_idx_labels, ae_dataset,
        ae_dataset_open_idx_labels(&made, w->training, support_path("labels.idx")))

#ifdef AEI_HAVE_ZLIB
/* zlib's allocations are among them. */
CREATES(open_packed, ae_dataset, ae_dataset_open_npy(&made, support_path("rows.npy.gz"), NULL))
#endif

/* Columns by name, of a table. */
static ae_status select_columns(world *w)
{
    static const char *const names[] = {"c", "a"};
    ae_dataset *table = NULL, *selected = NULL;
    ae_status status = ae_dataset_open_csv_memory(&table, w->csv.data, w->csv.size, NULL);
    if (status == AE_OK)
        status = ae_dataset_select_columns(&selected, table, names, 2);
    ae_dataset_free(selected), ae_dataset_free(table);
    return status;
}

static ae_status split(world *w)
{
    ae_dataset *first = NULL, *rest = NULL;
    const ae_status status = ae_dataset_split(&first, &rest, w->training, 3);
    ck_assert_int_eq(first != NULL && rest != NULL, status == AE_OK);
    ae_dataset_free(first), ae_dataset_free(rest);
    return status;
}

static ae_status mean(world *w)
{
    float values[FEATURES];
    return ae_dataset_mean(w->holes, values);
}

static ae_status read_rows(world *w)
{
    float values[FEATURES];
    return ae_dataset_read(w->training, 3, 1, values);
}

static ae_status evaluate_mean(world *w)
{
    ae_evaluation result = {.size = sizeof result};
    return ae_dataset_evaluate_mean(w->training, w->validation, &result);
}

CALLS(check_dataset, ae_dataset_check(w->training))
CALLS(csv_write,
      ae_csv_write(support_path("rows.csv"), w->rows, TABLE_ROWS, FEATURES, column_names))
CALLS(npy_write, ae_npy_write(support_path("rows.npy"), w->rows, TABLE_ROWS, FEATURES))

#endif
