/* SPDX-License-Identifier: BSD-3-Clause */
#include "rows.h"
#include "suites.h"

#include <libae/experimental.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    ck_assert_int_eq(ae_dataset_has_labels(NULL), 0);
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

/* Every way to make a dataset, in a row; the first status that is not AE_OK. */
static ae_status make_all(void)
{
    const float values[6] = {0};
    size_t calls = 0;
    ae_dataset *a = NULL, *b = NULL, *c = NULL, *d = NULL, *e = NULL, *f = NULL, *g = NULL,
               *h = NULL;
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
    if (s == AE_OK)
        s = ae_dataset_create_labelled(&h, d, (const int32_t[]){1, 2}, 2);
    ck_assert_int_eq(s == AE_OK, h != NULL);
    ae_dataset_free(a), ae_dataset_free(b), ae_dataset_free(c), ae_dataset_free(d);
    ae_dataset_free(e), ae_dataset_free(f), ae_dataset_free(g), ae_dataset_free(h);
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

/* The option works for every way to make a dataset of memory. */
START_TEST(labels_are_taken_with_the_values_and_copied)
{
    const float values[6] = {0};
    const uint8_t bytes[6] = {0};
    int32_t labels[] = {INT32_MAX, -5, 0};
    size_t calls = 0;
    ae_dataset *made[3];
    const ae_dataset_options options = {.size = sizeof options, .labels = labels, .label_count = 3};
    ck_assert_ok(ae_dataset_create_f32(&made[0], values, 3, 2, &options));
    ck_assert_ok(ae_dataset_create_u8(&made[1], bytes, 3, 2, &options));
    ck_assert_ok(ae_dataset_create_from_callback(&made[2], 3, FEATURES, fill, &calls, &options));
    labels[0] = 1;
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(ae_dataset_has_labels(made[i]), 1);
        ck_assert_int_eq(ae_dataset_label(made[i], 0), INT32_MAX);
        ck_assert_int_eq(ae_dataset_label(made[i], 1), -5);
        ck_assert_int_eq(ae_dataset_label(made[i], 2), 0);
        ck_assert_int_eq(ae_dataset_label(made[i], 3), AE_LABEL_NONE);
        ae_dataset_free(made[i]);
    }
}
END_TEST

START_TEST(options_that_contradict_one_another_or_the_call_are_refused)
{
    const float values[6] = {0};
    static const int32_t labels[] = {1, 2, INT32_MIN};
    const ae_status invalid = AE_ERROR_INVALID_ARGUMENT;
    const struct {
        ae_dataset_options options;
        ae_status status;
        const char *part;
    } refused[] = {
        {{.labels = labels, .label_count = 2}, AE_ERROR_SHAPE, "2 labels for 3 rows"},
        {{.labels = labels, .label_count = 3}, invalid, "labels[2] is AE_LABEL_NONE"},
        {{.labels = labels}, invalid, "label_count is 0, with labels"},
        {{.label_count = 3}, invalid, "label_count is 3, without labels"},
        {{.map = AE_TOGGLE_ON}, invalid, "map is for ae_dataset_open_npy"},
        {{.map = (ae_toggle)3}, invalid, "map is 3"},
        {{.missing = (ae_missing)3}, AE_ERROR_INVALID_ARGUMENT, "missing is 3, not an ae_missing"},
    };
    ae_dataset *dataset = NULL;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        ae_dataset_options options = refused[i].options;
        options.size = sizeof options;
        ck_assert_status(ae_dataset_create_f32(&dataset, values, 3, 2, &options), refused[i].status,
                         refused[i].part);
    }
    ck_assert_ptr_null(dataset);
    /* A field added behind the last one must change the size. */
    ck_assert_uint_eq(sizeof(ae_dataset_options),
                      offsetof(ae_dataset_options, reserved) + sizeof(uint32_t));
    ck_assert_uint_eq(sizeof(ae_csv_options),
                      offsetof(ae_csv_options, drop_count) + sizeof(size_t));
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
    tcase_add_test(memory, labels_are_taken_with_the_values_and_copied);
    tcase_add_test(memory, options_that_contradict_one_another_or_the_call_are_refused);
    tcase_add_test(memory, reads_past_the_end_are_refused);
    tcase_add_test(memory, any_allocation_may_fail_and_nothing_is_lost);
}

Suite *dataset_suite(void)
{
    Suite *suite = suite_create("dataset");
    TCase *memory = tcase_create("memory");
    add_memory_tests(memory);
    suite_add_tcase(suite, memory);
    return suite;
}
