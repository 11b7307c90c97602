/* SPDX-License-Identifier: BSD-3-Clause */
#include "rows.h"
#include "suites.h"

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

/* A dataset with labels 7 6 5 4 3 2 1. */
static ae_dataset *make_labelled(void)
{
    ae_dataset *plain = make_f32(), *labelled = NULL;
    ck_assert_ok(
        ae_dataset_create_labelled(&labelled, plain, (const int32_t[]){7, 6, 5, 4, 3, 2, 1}, ROWS));
    ae_dataset_free(plain);
    return labelled;
}

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

START_TEST(views_can_be_labelled_anew)
{
    static const int32_t labels[] = {INT32_MAX, -INT32_MAX, 0};
    ae_dataset *labelled = make_labelled(), *view = NULL, *selected = NULL, *a = NULL, *b = NULL;
    ck_assert_ok(ae_dataset_view(&view, labelled, 4, 3));
    ck_assert_ok(ae_dataset_select(&selected, labelled, (const size_t[]){6, 0, 6}, 3));
    ck_assert_ok(ae_dataset_create_labelled(&a, view, labels, 3));
    ck_assert_ok(ae_dataset_create_labelled(&b, selected, labels, 3));
    ae_dataset_free(labelled);
    ae_dataset_free(selected);
    assert_rows(a, (const size_t[]){4, 5, 6}, 3);
    assert_rows(b, (const size_t[]){6, 0, 6}, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(ae_dataset_label(a, i), labels[i]);
        ck_assert_int_eq(ae_dataset_label(b, i), labels[i]);
    }
    ck_assert_int_eq(ae_dataset_label(view, 0), 3); /* what was labelled before stays so */
    ae_dataset_free(view), ae_dataset_free(a), ae_dataset_free(b);
}
END_TEST

START_TEST(labels_that_do_not_fit_are_refused)
{
    static const int32_t labels[ROWS + 1] = {1, 2, 3, INT32_MIN, 5, 6, 7, 8};
    ae_dataset *dataset = make_f32(), *labelled = NULL;
    const ae_status invalid = AE_ERROR_INVALID_ARGUMENT;
    ck_assert_status(ae_dataset_create_labelled(&labelled, dataset, labels, ROWS + 1),
                     AE_ERROR_SHAPE, "8 labels for 7 rows");
    ck_assert_status(ae_dataset_create_labelled(&labelled, dataset, labels, 0), AE_ERROR_SHAPE,
                     "0 labels for 7 rows");
    ck_assert_status(ae_dataset_create_labelled(&labelled, dataset, labels, ROWS), invalid,
                     "labels[3] is AE_LABEL_NONE");
    ck_assert_status(ae_dataset_create_labelled(NULL, dataset, labels, ROWS), invalid,
                     "labelled is NULL");
    ck_assert_status(ae_dataset_create_labelled(&labelled, NULL, labels, ROWS), invalid,
                     "dataset is NULL");
    ck_assert_status(ae_dataset_create_labelled(&labelled, dataset, NULL, ROWS), invalid,
                     "labels is NULL");
    ck_assert_ptr_null(labelled);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(rows_are_chosen_by_their_labels)
{
    ae_dataset *labelled = make_labelled(), *view = NULL, *bare = make_u8();
    const size_t count = ae_dataset_row_count(labelled);
    const int32_t wanted[] = {ae_dataset_label(labelled, 5), ae_dataset_label(labelled, 1)};
    ck_assert_ok(ae_dataset_select_labels(&view, labelled, wanted, 2));
    size_t rows[16], found = 0;
    for (size_t r = 0; r < count; r++) {
        const int32_t label = ae_dataset_label(labelled, r);
        if (label == wanted[0] || label == wanted[1])
            rows[found++] = r;
    }
    assert_rows(view, rows, found);
    ck_assert_int_eq(ae_dataset_label(view, 0), ae_dataset_label(labelled, rows[0]));
    ae_dataset_free(view);
    view = NULL;
    ck_assert_status(ae_dataset_select_labels(&view, labelled, (const int32_t[]){77}, 1),
                     AE_ERROR_NOT_FOUND, "no row has the label 77");
    ck_assert_status(ae_dataset_select_labels(&view, labelled, (const int32_t[]){77, 78}, 2),
                     AE_ERROR_NOT_FOUND, "77 or another one of these");
    ck_assert_status(ae_dataset_select_labels(&view, bare, wanted, 2), AE_ERROR_NOT_SET,
                     "no labels");
    ck_assert_status(ae_dataset_select_labels(&view, labelled, wanted, 0),
                     AE_ERROR_INVALID_ARGUMENT, "count is 0");
    ck_assert_status(ae_dataset_select_labels(&view, labelled, NULL, 1), AE_ERROR_INVALID_ARGUMENT,
                     "labels is NULL");
    for (size_t n = 1; view == NULL; n++) {
        support_fail_allocation(n);
        const ae_status status = ae_dataset_select_labels(&view, labelled, wanted, 2);
        support_fail_allocation(0);
        ck_assert_int_eq(status, view == NULL ? AE_ERROR_OUT_OF_MEMORY : AE_OK);
    }
    ae_dataset_free(view), ae_dataset_free(bare), ae_dataset_free(labelled);
}
END_TEST

Suite *view_suite(void)
{
    Suite *suite = suite_create("view");
    TCase *views = tcase_create("views");
    tcase_add_test(views, a_view_has_the_rows_asked_for);
    tcase_add_test(views, a_selection_has_its_rows_in_their_order_with_repeats);
    tcase_add_test(views, a_split_has_every_row_once);
    tcase_add_test(views, views_of_views_compose_and_outlive_their_parents);
    tcase_add_test(views, labels_follow_every_kind_of_view);
    tcase_add_test(views, a_shuffle_is_a_permutation_that_the_seed_alone_decides);
    tcase_add_test(views, shuffling_a_selection_permutes_its_rows);
    tcase_add_test(views, views_can_be_labelled_anew);
    tcase_add_test(views, labels_that_do_not_fit_are_refused);
    tcase_add_test(views, rows_are_chosen_by_their_labels);
    suite_add_tcase(suite, views);
    return suite;
}
