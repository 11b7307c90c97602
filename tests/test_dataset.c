/* SPDX-License-Identifier: BSD-3-Clause */
#include "data/dataset_internal.h"
#include "suites.h"
#include "support.h"

#include <libae/experimental.h>
#include <libae/libae.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 7, FEATURES = 5 };

/* Value 10 r + j in row r, column j: a row is known by any of its values. */
static float value_at(size_t row, size_t column)
{
    return (float)(10 * row + column);
}

static ae_dataset *make_f32(void)
{
    float values[ROWS * FEATURES];
    for (size_t i = 0; i < ROWS * FEATURES; i++)
        values[i] = value_at(i / FEATURES, i % FEATURES);
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_f32(&dataset, values, ROWS, FEATURES, NULL));
    return dataset;
}

static ae_dataset *make_u8(void)
{
    uint8_t values[ROWS * FEATURES];
    for (size_t i = 0; i < ROWS * FEATURES; i++)
        values[i] = (uint8_t)value_at(i / FEATURES, i % FEATURES);
    ae_dataset *dataset = NULL;
    ck_assert_ok(
        ae_dataset_create_u8(&dataset, values, ROWS, FEATURES, AE_DATASET_OPTIONS(.scale = 1)));
    return dataset;
}

/* A dataset with labels 7 6 5 4 3 2 1, by way of a label file. */
static ae_dataset *make_labelled(void)
{
    const uint8_t file[8 + ROWS] = {0, 0, 8, 1, 0, 0, 0, ROWS, 7, 6, 5, 4, 3, 2, 1};
    support_write(support_path("labels"), file, sizeof file);
    ae_dataset *plain = make_f32(), *labelled = NULL;
    ck_assert_ok(ae_dataset_open_idx_labels(&labelled, plain, support_path("labels")));
    ae_dataset_free(plain);
    return labelled;
}

/* The dataset's rows are these rows of the ones that make_f32 and make_u8 make. */
static void assert_rows(const ae_dataset *dataset, const size_t *expected, size_t count)
{
    ck_assert_uint_eq(ae_dataset_row_count(dataset), count);
    ck_assert_uint_eq(ae_dataset_feature_count(dataset), FEATURES);
    float *values = malloc(count * FEATURES * sizeof *values);
    ck_assert_ptr_nonnull(values);
    ck_assert_ok(ae_dataset_read(dataset, 0, count, values));
    for (size_t r = 0; r < count; r++)
        for (size_t j = 0; j < FEATURES; j++)
            ck_assert_float_eq(values[r * FEATURES + j], value_at(expected[r], j));
    free(values);
}

static const size_t in_order[] = {0, 1, 2, 3, 4, 5, 6};

START_TEST(float_memory_reads_back_as_it_was)
{
    ae_dataset *dataset = make_f32();
    assert_rows(dataset, in_order, ROWS);
    ck_assert_uint_eq(ae_dataset_image_height(dataset), 0);
    ck_assert_uint_eq(ae_dataset_image_width(dataset), 0);
    ck_assert_int_eq(ae_dataset_label(dataset, 0), AE_LABEL_NONE);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(bytes_read_as_value_times_scale)
{
    const uint8_t values[] = {0, 1, 51, 128, 254, 255};
    ae_dataset *dataset = NULL;
    float read[6];
    ck_assert_ok(ae_dataset_create_u8(&dataset, values, 2, 3, NULL));
    ck_assert_ok(ae_dataset_read(dataset, 0, 2, read));
    for (size_t i = 0; i < 6; i++)
        ck_assert_float_eq(read[i], (float)values[i] * (1.0f / 255.0f));
    ck_assert_float_eq(read[5], 1.0f); /* white is exactly 1: inside a sigmoid's range */
    ae_dataset_free(dataset);

    ck_assert_ok(ae_dataset_create_u8(&dataset, values, 2, 3, AE_DATASET_OPTIONS(.scale = 0.5f)));
    ck_assert_ok(ae_dataset_read(dataset, 1, 1, read));
    ck_assert_float_eq(read[0], 64.0f);
    ck_assert_float_eq(read[1], 127.0f);
    ck_assert_float_eq(read[2], 127.5f);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(copied_memory_may_change_afterwards_and_memory_not_copied_is_read_in_place)
{
    float values[] = {1, 2, 3, 4};
    ae_dataset *copied = NULL, *in_place = NULL;
    ck_assert_ok(
        ae_dataset_create_f32(&copied, values, 2, 2, AE_DATASET_OPTIONS(.no_copy = AE_TOGGLE_OFF)));
    ck_assert_ok(ae_dataset_create_f32(&in_place, values, 2, 2,
                                       AE_DATASET_OPTIONS(.no_copy = AE_TOGGLE_ON)));
    values[3] = 40;
    float row[2];
    ck_assert_ok(ae_dataset_read(copied, 1, 1, row));
    ck_assert_float_eq(row[1], 4);
    ck_assert_ok(ae_dataset_read(in_place, 1, 1, row));
    ck_assert_float_eq(row[1], 40);
    ae_dataset_free(copied);
    ae_dataset_free(in_place);
}
END_TEST

START_TEST(a_stride_skips_what_lies_between_rows)
{
    /* The last row ends where its features do: the allocation lets a sanitizer see a read
     * beyond. */
    const float source[] = {1, 2, NAN, NAN, 3, 4, NAN, NAN, 5, 6};
    float *values = malloc(sizeof source);
    ck_assert_ptr_nonnull(values);
    memcpy(values, source, sizeof source);
    for (int no_copy = 1; no_copy <= 2; no_copy++) {
        ae_dataset *dataset = NULL;
        float read[6];
        const ae_dataset_options options = {
            .size = sizeof options, .no_copy = (ae_toggle)no_copy, .stride = 4};
        ck_assert_ok(ae_dataset_create_f32(&dataset, values, 3, 2, &options));
        ck_assert_ok(ae_dataset_read(dataset, 0, 3, read));
        for (size_t i = 0; i < 6; i++)
            ck_assert_float_eq(read[i], (float)(i + 1));
        ae_dataset_free(dataset);
    }
    free(values);
}
END_TEST

static int fill(void *user, size_t row, float *values)
{
    size_t *calls = user;
    ck_assert_uint_eq(row, *calls); /* each row once, in order */
    ++*calls;
    for (size_t j = 0; j < FEATURES; j++)
        values[j] = value_at(row, j);
    return 0;
}

static int stop_at_row_3(void *user, size_t row, float *values)
{
    (void)user;
    values[0] = 0;
    return row == 3 ? 42 : 0;
}

static int infinite_at_2_1(void *user, size_t row, float *values)
{
    (void)user;
    values[1] = row == 2 ? INFINITY : 0;
    return 0;
}

START_TEST(a_callback_fills_each_row_once_and_may_stop)
{
    ae_dataset *dataset = NULL;
    size_t calls = 0;
    ck_assert_ok(ae_dataset_create_from_callback(&dataset, ROWS, FEATURES, fill, &calls, NULL));
    ck_assert_uint_eq(calls, ROWS);
    assert_rows(dataset, in_order, ROWS);
    ae_dataset_free(dataset);

    dataset = NULL;
    ck_assert_status(ae_dataset_create_from_callback(&dataset, ROWS, 2, stop_at_row_3, NULL, NULL),
                     AE_ERROR_CANCELLED, "row 3: the callback returned 42");
    ck_assert_status(
        ae_dataset_create_from_callback(&dataset, ROWS, 2, infinite_at_2_1, NULL, NULL),
        AE_ERROR_DATA, "row 2, column 1: inf");
    ck_assert_status(ae_dataset_create_from_callback(&dataset, ROWS, 2, NULL, NULL, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "callback is NULL");
    ck_assert_status(ae_dataset_create_from_callback(&dataset, ROWS, FEATURES, fill, &calls,
                                                     AE_DATASET_OPTIONS(.no_copy = AE_TOGGLE_ON)),
                     AE_ERROR_INVALID_ARGUMENT, "no_copy");
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(values_that_are_not_finite_are_refused_by_row_and_column)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    static const char *const texts[] = {"nan", "row 17, column 301: inf",
                                        "row 17, column 301: -inf"};
    enum { WIDE = 784, MANY = 20 };
    float *values = calloc(MANY * WIDE, sizeof *values);
    ck_assert_ptr_nonnull(values);
    ae_dataset *dataset = NULL;
    for (size_t i = 0; i < 3; i++) {
        values[17 * WIDE + 301] = bad[i];
        ck_assert_status(ae_dataset_create_f32(&dataset, values, MANY, WIDE, NULL), AE_ERROR_DATA,
                         texts[i]);
        ck_assert_status(ae_dataset_create_f32(&dataset, values, MANY, WIDE,
                                               AE_DATASET_OPTIONS(.no_copy = AE_TOGGLE_ON)),
                         AE_ERROR_DATA, texts[i]);
    }
    ck_assert_ptr_null(dataset);
    free(values);
}
END_TEST

START_TEST(bad_arguments_are_refused_and_leave_the_result_alone)
{
    const float values[6] = {0};
    const uint8_t bytes[6] = {0};
    ae_dataset *d = NULL;
    const ae_status invalid = AE_ERROR_INVALID_ARGUMENT;
    ck_assert_status(ae_dataset_create_f32(NULL, values, 2, 3, NULL), invalid, "dataset is NULL");
    ck_assert_status(ae_dataset_create_f32(&d, NULL, 2, 3, NULL), invalid, "values is NULL");
    ck_assert_status(ae_dataset_create_u8(NULL, bytes, 2, 3, NULL), invalid, "dataset is NULL");
    ck_assert_status(ae_dataset_create_u8(&d, NULL, 2, 3, NULL), invalid, "values is NULL");
    ck_assert_status(ae_dataset_create_f32(&d, values, 0, 3, NULL), invalid, "0 rows");
    ck_assert_status(ae_dataset_create_u8(&d, bytes, 2, 0, NULL), invalid, "0 features");
    ck_assert_status(ae_dataset_create_f32(&d, values, 2, SIZE_MAX / 4, NULL), invalid, "overflow");
    ck_assert_status(ae_dataset_create_u8(&d, bytes, 2, 3, AE_DATASET_OPTIONS(.stride = SIZE_MAX)),
                     invalid, "overflow");
#if SIZE_MAX > UINT32_MAX
    ck_assert_status(ae_dataset_create_u8(&d, bytes, (size_t)UINT32_MAX + 1, 1,
                                          AE_DATASET_OPTIONS(.no_copy = AE_TOGGLE_ON)),
                     invalid, "4294967296 rows: a dataset holds at most 4294967295");
#endif
    ck_assert_status(ae_dataset_create_u8(&d, bytes, 2, 3, AE_DATASET_OPTIONS(.stride = 2)),
                     invalid, "stride 2");
    ck_assert_status(ae_dataset_create_u8(&d, bytes, 2, 3, AE_DATASET_OPTIONS(.scale = -1)),
                     invalid, "scale is -1");
    ck_assert_status(ae_dataset_create_u8(&d, bytes, 2, 3, AE_DATASET_OPTIONS(.scale = NAN)),
                     invalid, "scale");
    ck_assert_status(ae_dataset_create_u8(&d, bytes, 2, 3, AE_DATASET_OPTIONS(.scale = 1e38f)),
                     invalid, "scale");
    ck_assert_status(
        ae_dataset_create_u8(&d, bytes, 2, 3, AE_DATASET_OPTIONS(.no_copy = (ae_toggle)3)), invalid,
        "no_copy is 3");
    ck_assert_status(ae_dataset_create_u8(&d, bytes, 2, 3,
                                          AE_DATASET_OPTIONS(.image_height = 2, .image_width = 2)),
                     invalid, "image_height 2 x image_width 2");
    ck_assert_status(ae_dataset_create_u8(&d, bytes, 2, 3, AE_DATASET_OPTIONS(.image_height = 3)),
                     invalid, "image_width 0");
    ck_assert_status(ae_dataset_create_u8(&d, bytes, 2, 3, &(ae_dataset_options){.size = 1}),
                     invalid, "size is 1");
    ck_assert_ptr_null(d);
}
END_TEST

START_TEST(picture_sizes_are_kept_and_follow_views)
{
    const uint8_t bytes[12] = {0};
    ae_dataset *dataset = NULL, *view = NULL;
    ck_assert_ok(ae_dataset_create_u8(&dataset, bytes, 2, 6,
                                      AE_DATASET_OPTIONS(.image_height = 3, .image_width = 2)));
    ck_assert_ok(ae_dataset_view(&view, dataset, 1, 1));
    ck_assert_uint_eq(ae_dataset_image_height(dataset), 3);
    ck_assert_uint_eq(ae_dataset_image_width(view), 2);
    ae_dataset_free(dataset);
    ae_dataset_free(view);
}
END_TEST

START_TEST(null_datasets_have_nothing_and_are_freed_in_peace)
{
    ae_dataset *d = NULL, *e = NULL;
    float values[1];
    const size_t row = 0;
    const ae_status invalid = AE_ERROR_INVALID_ARGUMENT;
    ae_dataset_free(NULL);
    ae_dataset_options_init(NULL);
    ck_assert_uint_eq(ae_dataset_row_count(NULL), 0);
    ck_assert_uint_eq(ae_dataset_feature_count(NULL), 0);
    ck_assert_uint_eq(ae_dataset_image_height(NULL), 0);
    ck_assert_uint_eq(ae_dataset_image_width(NULL), 0);
    ck_assert_int_eq(ae_dataset_label(NULL, 0), AE_LABEL_NONE);
    ck_assert_status(ae_dataset_read(NULL, 0, 1, values), invalid, "dataset is NULL");
    ck_assert_status(ae_dataset_mean(NULL, values), invalid, "dataset is NULL");
    ck_assert_status(ae_dataset_view(&d, NULL, 0, 1), invalid, "dataset is NULL");
    ck_assert_status(ae_dataset_select(&d, NULL, &row, 1), invalid, "dataset is NULL");
    ck_assert_status(ae_dataset_shuffle(&d, NULL, 1), invalid, "dataset is NULL");
    ck_assert_status(ae_dataset_split(&d, &e, NULL, 1), invalid, "dataset is NULL");
    ae_dataset *some = make_f32();
    ck_assert_status(ae_dataset_read(some, 0, 1, NULL), invalid, "values is NULL");
    ck_assert_status(ae_dataset_mean(some, NULL), invalid, "mean is NULL");
    ck_assert_status(ae_dataset_view(NULL, some, 0, 1), invalid, "view is NULL");
    ck_assert_status(ae_dataset_select(NULL, some, &row, 1), invalid, "view is NULL");
    ck_assert_status(ae_dataset_select(&d, some, NULL, 1), invalid, "rows is NULL");
    ck_assert_status(ae_dataset_shuffle(NULL, some, 1), invalid, "view is NULL");
    ck_assert_status(ae_dataset_split(NULL, &e, some, 1), invalid, "first is NULL");
    ck_assert_status(ae_dataset_split(&d, NULL, some, 1), invalid, "rest is NULL");
    ck_assert(d == NULL && e == NULL);
    ae_dataset_free(some);
}
END_TEST

START_TEST(options_init_gives_what_null_gives)
{
    ae_dataset_options options;
    memset(&options, 0xFF, sizeof options);
    ae_dataset_options_init(&options);
    ck_assert_uint_eq(options.size, sizeof options);
    const uint8_t byte = 255;
    float value;
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_u8(&dataset, &byte, 1, 1, &options));
    ck_assert_ok(ae_dataset_read(dataset, 0, 1, &value));
    ck_assert_float_eq(value, 1.0f);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(reads_past_the_end_are_refused)
{
    ae_dataset *dataset = make_f32();
    float values[ROWS * FEATURES];
    ck_assert_status(ae_dataset_read(dataset, 0, ROWS + 1, values), AE_ERROR_INVALID_ARGUMENT,
                     "8 rows from row 0 on");
    ck_assert_status(ae_dataset_read(dataset, ROWS, 1, values), AE_ERROR_INVALID_ARGUMENT,
                     "the dataset has 7");
    ck_assert_status(ae_dataset_read(dataset, 1, SIZE_MAX, values), AE_ERROR_INVALID_ARGUMENT,
                     "from row 1 on");
    ck_assert_status(ae_dataset_read(dataset, SIZE_MAX, 2, values), AE_ERROR_INVALID_ARGUMENT,
                     "2 rows");
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(a_view_has_the_rows_asked_for)
{
    ae_dataset *dataset = make_u8(), *view = NULL;
    ck_assert_ok(ae_dataset_view(&view, dataset, 2, 3));
    assert_rows(view, (const size_t[]){2, 3, 4}, 3);
    ae_dataset_free(view);
    view = NULL;
    ck_assert_status(ae_dataset_view(&view, dataset, 0, 0), AE_ERROR_INVALID_ARGUMENT,
                     "count is 0");
    ck_assert_status(ae_dataset_view(&view, dataset, 6, 2), AE_ERROR_INVALID_ARGUMENT,
                     "2 rows from row 6 on");
    ck_assert_status(ae_dataset_view(&view, dataset, SIZE_MAX, 2), AE_ERROR_INVALID_ARGUMENT,
                     "the dataset has 7");
    ck_assert_status(ae_dataset_view(&view, dataset, 2, SIZE_MAX), AE_ERROR_INVALID_ARGUMENT,
                     "the dataset has 7");
    ck_assert_ptr_null(view);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(a_selection_has_its_rows_in_their_order_with_repeats)
{
    ae_dataset *dataset = make_f32(), *view = NULL;
    const size_t rows[] = {6, 0, 0, 3, 6, 1, 2, 5, 4};
    ck_assert_ok(ae_dataset_select(&view, dataset, rows, 9));
    assert_rows(view, rows, 9);
    ae_dataset_free(view);
    view = NULL;
    ck_assert_status(ae_dataset_select(&view, dataset, (const size_t[]){0, 7}, 2),
                     AE_ERROR_INVALID_ARGUMENT, "rows[1] is 7");
    ck_assert_status(ae_dataset_select(&view, dataset, rows, 0), AE_ERROR_INVALID_ARGUMENT,
                     "count is 0");
    ck_assert_ptr_null(view);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(a_split_has_every_row_once)
{
    ae_dataset *dataset = make_f32();
    for (size_t count = 1; count < ROWS; count++) {
        ae_dataset *first = NULL, *rest = NULL;
        ck_assert_ok(ae_dataset_split(&first, &rest, dataset, count));
        assert_rows(first, in_order, count);
        assert_rows(rest, in_order + count, ROWS - count);
        ae_dataset_free(first);
        ae_dataset_free(rest);
    }
    ae_dataset *first = NULL, *rest = NULL;
    ck_assert_status(ae_dataset_split(&first, &rest, dataset, 0), AE_ERROR_INVALID_ARGUMENT,
                     "count is 0");
    ck_assert_status(ae_dataset_split(&first, &rest, dataset, ROWS), AE_ERROR_INVALID_ARGUMENT,
                     "count is 7");
    ck_assert(first == NULL && rest == NULL);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(views_of_views_compose_and_outlive_their_parents)
{
    ae_dataset *a = make_u8(), *b = NULL, *c = NULL, *d = NULL, *e = NULL;
    ck_assert_ok(ae_dataset_view(&b, a, 1, 6)); /* 1 2 3 4 5 6 */
    ae_dataset_free(a);
    ck_assert_ok(ae_dataset_select(&c, b, (const size_t[]){5, 3, 1, 3}, 4)); /* 6 4 2 4 */
    ae_dataset_free(b);
    ck_assert_ok(ae_dataset_view(&d, c, 1, 3)); /* 4 2 4 */
    ae_dataset_free(c);
    ck_assert_ok(ae_dataset_select(&e, d, (const size_t[]){1, 0}, 2)); /* 2 4 */
    assert_rows(d, (const size_t[]){4, 2, 4}, 3);
    ae_dataset_free(d);
    assert_rows(e, (const size_t[]){2, 4}, 2);
    ae_dataset_free(e);
}
END_TEST

START_TEST(labels_follow_every_kind_of_view)
{
    ae_dataset *labelled = make_labelled(), *view = NULL, *selected = NULL, *shuffled = NULL;
    ck_assert_ok(ae_dataset_view(&view, labelled, 2, 4)); /* labels 5 4 3 2 */
    ck_assert_ok(ae_dataset_select(&selected, view, (const size_t[]){3, 0, 0}, 3));
    ck_assert_ok(ae_dataset_shuffle(&shuffled, view, 1));
    ae_dataset_free(labelled);
    ck_assert_int_eq(ae_dataset_label(view, 0), 5);
    ck_assert_int_eq(ae_dataset_label(view, 3), 2);
    ck_assert_int_eq(ae_dataset_label(view, 4), AE_LABEL_NONE);
    ck_assert_int_eq(ae_dataset_label(selected, 0), 2);
    ck_assert_int_eq(ae_dataset_label(selected, 2), 5);
    for (size_t r = 0; r < 4;
         r++) { /* row r of the original starts with 10 r and has label 7 - r */
        float row[FEATURES];
        ck_assert_ok(ae_dataset_read(shuffled, r, 1, row));
        ck_assert_int_eq(ae_dataset_label(shuffled, r), 7 - (int)row[0] / 10);
    }
    ae_dataset_free(view);
    ae_dataset_free(selected);
    ae_dataset_free(shuffled);
}
END_TEST

/* The rows of a dataset of one feature that counts from 0, as whole numbers. */
static void read_order(size_t *order, const ae_dataset *dataset, size_t count)
{
    float *values = malloc(count * sizeof *values);
    ck_assert_ptr_nonnull(values);
    ck_assert_ok(ae_dataset_read(dataset, 0, count, values));
    for (size_t i = 0; i < count; i++)
        order[i] = (size_t)values[i];
    free(values);
}

START_TEST(a_shuffle_is_a_permutation_that_the_seed_alone_decides)
{
    enum { COUNT = 1000 };
    float values[COUNT];
    size_t first[COUNT], again[COUNT], other[COUNT], fixed = 0, same = 0, seen[COUNT] = {0};
    for (size_t i = 0; i < COUNT; i++)
        values[i] = (float)i;
    ae_dataset *dataset = NULL, *a = NULL, *b = NULL, *c = NULL;
    ck_assert_ok(ae_dataset_create_f32(&dataset, values, COUNT, 1, NULL));
    ck_assert_ok(ae_dataset_shuffle(&a, dataset, 1));
    ck_assert_ok(ae_dataset_shuffle(&b, dataset, 1));
    ck_assert_ok(ae_dataset_shuffle(&c, dataset, 2));
    read_order(first, a, COUNT);
    read_order(again, b, COUNT);
    read_order(other, c, COUNT);
    ck_assert_mem_eq(first, again, sizeof first);
    for (size_t i = 0; i < COUNT; i++) {
        seen[first[i]]++;
        fixed += first[i] == i;
        same += first[i] == other[i];
    }
    for (size_t i = 0; i < COUNT; i++)
        ck_assert_uint_eq(seen[i], 1);
    /* Both counts are Poisson of mean 1: 10 or more has a chance of one in ten million. */
    ck_assert_uint_lt(fixed, 10);
    ck_assert_uint_lt(same, 10);
    ae_dataset_free(dataset);
    ae_dataset_free(a);
    ae_dataset_free(b);
    ae_dataset_free(c);
}
END_TEST

START_TEST(shuffling_a_selection_permutes_its_rows)
{
    ae_dataset *dataset = make_f32(), *selected = NULL, *shuffled = NULL;
    ck_assert_ok(ae_dataset_select(&selected, dataset, (const size_t[]){6, 6, 1}, 3));
    ck_assert_ok(ae_dataset_shuffle(&shuffled, selected, 5));
    ae_dataset_free(dataset);
    ae_dataset_free(selected);
    float values[3 * FEATURES];
    ck_assert_ok(ae_dataset_read(shuffled, 0, 3, values));
    ck_assert_float_eq(values[0] + values[FEATURES] + values[2 * FEATURES], 60 + 60 + 10);
    ae_dataset_free(shuffled);
}
END_TEST

START_TEST(the_mean_is_each_columns)
{
    ae_dataset *dataset = make_u8(), *view = NULL;
    float mean[FEATURES];
    ck_assert_ok(ae_dataset_mean(dataset, mean));
    for (size_t j = 0; j < FEATURES; j++)
        ck_assert_float_eq(mean[j], 30 + (float)j);
    ck_assert_ok(ae_dataset_select(&view, dataset, (const size_t[]){1, 1, 1, 5}, 4));
    ck_assert_ok(ae_dataset_mean(view, mean));
    for (size_t j = 0; j < FEATURES; j++)
        ck_assert_float_eq(mean[j], 20 + (float)j);
    ae_dataset_free(dataset);
    ae_dataset_free(view);
}
END_TEST

START_TEST(the_mean_is_summed_in_double)
{
    /* In float32, 2^24 + 1 + 1 + ... stays 2^24. */
    enum { COUNT = 65, WIDE = 700 };
    float *values = malloc(COUNT * WIDE * sizeof *values), mean[WIDE];
    ck_assert_ptr_nonnull(values);
    for (size_t i = 0; i < COUNT * WIDE; i++)
        values[i] = i < WIDE ? 16777216.0f : 1.0f;
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_f32(&dataset, values, COUNT, WIDE, NULL));
    ck_assert_ok(ae_dataset_mean(dataset, mean));
    for (size_t j = 0; j < WIDE; j++)
        ck_assert_float_eq(mean[j], (float)((16777216.0 + 64) / COUNT));
    ae_dataset_free(dataset);
    free(values);
}
END_TEST

/* Gather against read, for one dataset of any size. */
static void assert_gather(const ae_dataset *dataset, size_t features, size_t first, size_t count)
{
    enum { MARK = -7, BATCH = 9 };
    const uint32_t rows[BATCH] = {3, 0, 12, 5, 5, 11, 1, 7, 12};
    const size_t stride = count + 3;
    float *all = malloc(13 * features * sizeof *all), *out = malloc(BATCH * stride * sizeof *out);
    ck_assert_ptr_nonnull(all);
    ck_assert_ptr_nonnull(out);
    ck_assert_ok(ae_dataset_read(dataset, 0, 13, all));
    for (size_t i = 0; i < BATCH * stride; i++)
        out[i] = MARK;
    aei_dataset_gather(dataset, rows, BATCH, first, count, out, stride);
    for (size_t r = 0; r < BATCH; r++) {
        for (size_t j = 0; j < count; j++)
            ck_assert_float_eq(out[r * stride + j], all[rows[r] * features + first + j]);
        for (size_t j = count; j < stride; j++)
            ck_assert_float_eq(out[r * stride + j], MARK);
    }
    free(all);
    free(out);
}

START_TEST(gather_takes_any_columns_of_any_rows_and_leaves_the_rest_alone)
{
    static const size_t firsts[] = {0, 1, 16, 32, 61};
    static const size_t counts[] = {1, 2, 7, 15, 16, 17, 31, 32, 33, 39};
    enum { MANY = 14, WIDE = 100 };
    /* On the heap at their exact size, so that a sanitizer sees a read beyond. */
    uint8_t *bytes = malloc(MANY * WIDE);
    float *floats = malloc(MANY * WIDE * sizeof *floats);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_ptr_nonnull(floats);
    for (size_t i = 0; i < MANY * WIDE; i++)
        floats[i] = (float)(bytes[i] = (uint8_t)(i * 37 % 251)) * 3;
    const ae_dataset_options options = {.size = sizeof options, .no_copy = AE_TOGGLE_ON};
    for (int kind = 0; kind < 4; kind++) {
        ae_dataset *dataset = NULL, *view = NULL;
        if (kind % 2 == 0)
            ck_assert_ok(ae_dataset_create_u8(&dataset, bytes, MANY, WIDE, &options));
        else
            ck_assert_ok(ae_dataset_create_f32(&dataset, floats, MANY, WIDE, &options));
        if (kind / 2 == 0)
            ck_assert_ok(ae_dataset_view(&view, dataset, 1, MANY - 1));
        else
            ck_assert_ok(ae_dataset_shuffle(&view, dataset, 3));
        for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++)
            for (size_t j = 0; j < sizeof counts / sizeof counts[0]; j++)
                assert_gather(view, WIDE, firsts[i], counts[j]);
        ae_dataset_free(dataset);
        ae_dataset_free(view);
    }
    free(bytes);
    free(floats);
}
END_TEST

START_TEST(values_outside_a_range_are_refused_by_row_column_and_value)
{
    enum { MANY = 20, WIDE = 784 };
    float *values = calloc(MANY * WIDE, sizeof *values);
    ck_assert_ptr_nonnull(values);
    values[0] = 1;
    ae_dataset *dataset = NULL, *view = NULL;
    ck_assert_ok(ae_dataset_create_f32(&dataset, values, MANY, WIDE,
                                       AE_DATASET_OPTIONS(.no_copy = AE_TOGGLE_ON)));
    ck_assert_ok(aei_dataset_check_range(dataset, 0, 1));
    values[17 * WIDE + 301] = 1.5f;
    ck_assert_status(aei_dataset_check_range(dataset, 0, 1), AE_ERROR_DATA,
                     "row 17, column 301: 1.5 is outside [0, 1]: scale the data");
    ck_assert_status(aei_dataset_check_range(dataset, -1, 1), AE_ERROR_DATA, "[-1, 1]");
    ck_assert_ok(aei_dataset_check_range(dataset, 0, 2));
    values[17 * WIDE + 301] = -0.25f;
    ck_assert_status(aei_dataset_check_range(dataset, 0, 1), AE_ERROR_DATA, "-0.25 is outside");
    ck_assert_ok(aei_dataset_check_range(dataset, -1, 1));

    /* Rows are numbered as in the dataset asked, and only its own count. */
    ck_assert_ok(ae_dataset_view(&view, dataset, 10, 10));
    ck_assert_status(aei_dataset_check_range(view, 0, 1), AE_ERROR_DATA, "row 7, column 301");
    ae_dataset_free(view);
    ck_assert_ok(ae_dataset_view(&view, dataset, 0, 17));
    ck_assert_ok(aei_dataset_check_range(view, 0, 1));
    ae_dataset_free(view);

    /* Memory that is not copied and went bad after it was checked. */
    values[17 * WIDE + 301] = NAN;
    ck_assert_status(aei_dataset_check_range(dataset, 0, 1), AE_ERROR_DATA, "nan");
    ae_dataset_free(dataset);
    free(values);
}
END_TEST

START_TEST(bytes_are_checked_against_a_range_through_their_scale)
{
    const uint8_t bytes[] = {0, 2, 9, 1};
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_u8(&dataset, bytes, 2, 2, NULL));
    ck_assert_ok(aei_dataset_check_range(dataset, 0, 1));
    ck_assert_ok(aei_dataset_check_range(dataset, -1, 1));
    ck_assert_status(aei_dataset_check_range(dataset, 0.001f, 1), AE_ERROR_DATA,
                     "row 0, column 0: 0 is outside");
    ae_dataset_free(dataset);
    /* 255 would not fit, but there is no 255. */
    ck_assert_ok(ae_dataset_create_u8(&dataset, bytes, 2, 2, AE_DATASET_OPTIONS(.scale = 0.1f)));
    ck_assert_ok(aei_dataset_check_range(dataset, 0, 1));
    ae_dataset_free(dataset);
    ck_assert_ok(ae_dataset_create_u8(&dataset, bytes, 2, 2, AE_DATASET_OPTIONS(.scale = 0.25f)));
    ck_assert_status(aei_dataset_check_range(dataset, 0, 1), AE_ERROR_DATA,
                     "row 1, column 0: 2.25 is outside [0, 1]");
    ae_dataset_free(dataset);
}
END_TEST

/* Every way to make a dataset, in a row; the first status that is not AE_OK. */
static ae_status make_all(void)
{
    const float values[6] = {0};
    size_t calls = 0;
    ae_dataset *a = NULL, *b = NULL, *c = NULL, *d = NULL, *e = NULL, *f = NULL, *g = NULL;
    ae_status s = ae_dataset_create_f32(&a, values, 3, 2, NULL);
    if (s == AE_OK)
        s = ae_dataset_create_from_callback(&b, ROWS, FEATURES, fill, &calls, NULL);
    if (s == AE_OK)
        s = ae_dataset_select(&c, a, (const size_t[]){2, 0}, 2);
    if (s == AE_OK)
        s = ae_dataset_shuffle(&d, c, 1);
    if (s == AE_OK)
        s = ae_dataset_split(&e, &f, d, 1);
    ck_assert_int_eq(e == NULL, f == NULL);
    if (s == AE_OK)
        s = ae_dataset_create_digits(&g, 3, 1);
    ck_assert_int_eq(s == AE_OK, g != NULL);
    ae_dataset_free(a), ae_dataset_free(b), ae_dataset_free(c), ae_dataset_free(d);
    ae_dataset_free(e), ae_dataset_free(f), ae_dataset_free(g);
    return s;
}

START_TEST(any_allocation_may_fail_and_nothing_is_lost)
{
    ck_assert_ok(make_all());
    size_t n = 1;
    for (;; n++) {
        support_fail_allocation(n);
        ae_status status = make_all();
        int failed = support_allocation_failed();
        support_fail_allocation(0);
        if (!failed)
            break;
        ck_assert_status(status, AE_ERROR_OUT_OF_MEMORY, "out of memory");
    }
    ck_assert_uint_gt(n, 10);
}
END_TEST

static void add_memory_tests(TCase *memory)
{
    tcase_add_test(memory, float_memory_reads_back_as_it_was);
    tcase_add_test(memory, bytes_read_as_value_times_scale);
    tcase_add_test(memory,
                   copied_memory_may_change_afterwards_and_memory_not_copied_is_read_in_place);
    tcase_add_test(memory, a_stride_skips_what_lies_between_rows);
    tcase_add_test(memory, a_callback_fills_each_row_once_and_may_stop);
    tcase_add_test(memory, values_that_are_not_finite_are_refused_by_row_and_column);
    tcase_add_test(memory, bad_arguments_are_refused_and_leave_the_result_alone);
    tcase_add_test(memory, picture_sizes_are_kept_and_follow_views);
    tcase_add_test(memory, null_datasets_have_nothing_and_are_freed_in_peace);
    tcase_add_test(memory, options_init_gives_what_null_gives);
    tcase_add_test(memory, reads_past_the_end_are_refused);
    tcase_add_test(memory, any_allocation_may_fail_and_nothing_is_lost);
}

Suite *dataset_suite(void)
{
    Suite *suite = suite_create("dataset");
    TCase *memory = tcase_create("memory");
    add_memory_tests(memory);
    suite_add_tcase(suite, memory);
    TCase *views = tcase_create("views");
    tcase_add_checked_fixture(views, NULL, support_dir_remove);
    tcase_add_test(views, a_view_has_the_rows_asked_for);
    tcase_add_test(views, a_selection_has_its_rows_in_their_order_with_repeats);
    tcase_add_test(views, a_split_has_every_row_once);
    tcase_add_test(views, views_of_views_compose_and_outlive_their_parents);
    tcase_add_test(views, labels_follow_every_kind_of_view);
    tcase_add_test(views, a_shuffle_is_a_permutation_that_the_seed_alone_decides);
    tcase_add_test(views, shuffling_a_selection_permutes_its_rows);
    suite_add_tcase(suite, views);
    TCase *values = tcase_create("values");
    tcase_add_test(values, the_mean_is_each_columns);
    tcase_add_test(values, the_mean_is_summed_in_double);
    tcase_add_test(values, gather_takes_any_columns_of_any_rows_and_leaves_the_rest_alone);
    tcase_add_test(values, values_outside_a_range_are_refused_by_row_column_and_value);
    tcase_add_test(values, bytes_are_checked_against_a_range_through_their_scale);
    suite_add_tcase(suite, values);
    return suite;
}
