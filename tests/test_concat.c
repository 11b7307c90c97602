/* SPDX-License-Identifier: BSD-3-Clause */
#include "rows.h"
#include "suites.h"

#include <string.h>

START_TEST(parts_follow_one_another_as_they_are_seen)
{
    ae_dataset *bytes = make_u8(), *floats = make_f32(), *view = NULL, *selected = NULL;
    ck_assert_ok(ae_dataset_view(&view, bytes, 5, 2));
    ck_assert_ok(ae_dataset_select(&selected, floats, (const size_t[]){3, 3, 0}, 3));
    const ae_dataset *const parts[] = {view, bytes, selected, view};
    /* uint8 with uint8, float32 with float32, and both. */
    ae_dataset *all[3] = {NULL};
    ck_assert_ok(ae_dataset_concat(&all[0], parts, 2));
    ck_assert_ok(ae_dataset_concat(&all[1], parts + 2, 1));
    ck_assert_ok(ae_dataset_concat(&all[2], parts, 4));
    ae_dataset_free(bytes), ae_dataset_free(floats), ae_dataset_free(view);
    ae_dataset_free(selected);
    assert_rows(all[0], (const size_t[]){5, 6, 0, 1, 2, 3, 4, 5, 6}, 9);
    assert_rows(all[1], (const size_t[]){3, 3, 0}, 3);
    assert_rows(all[2], (const size_t[]){5, 6, 0, 1, 2, 3, 4, 5, 6, 3, 3, 0, 5, 6}, 14);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(ae_dataset_has_labels(all[i]), 0);
        ae_dataset_free(all[i]);
    }
}
END_TEST

/* Of one scale they stay bytes: a quarter of the memory, and the same values. */
START_TEST(bytes_of_two_scales_read_as_they_did)
{
    const uint8_t bytes[] = {1, 255};
    ae_dataset *parts[2], *all = NULL;
    float values[4];
    ck_assert_ok(ae_dataset_create_u8(&parts[0], bytes, 1, 2, NULL));
    ck_assert_ok(ae_dataset_create_u8(&parts[1], bytes, 1, 2, AE_DATASET_OPTIONS(.scale = 2)));
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const *)parts, 2));
    ck_assert_ok(ae_dataset_read(all, 0, 2, values));
    ck_assert_float_eq(values[0], 1.0f / 255.0f);
    ck_assert_float_eq(values[2], 2);
    ck_assert_float_eq(values[3], 510);
    ae_dataset_free(parts[0]), ae_dataset_free(parts[1]), ae_dataset_free(all);
}
END_TEST

/* Rows of memory with gaps between them, not copied. */
START_TEST(strides_are_left_behind)
{
    const uint8_t bytes[] = {1, 2, 99, 3, 4};
    ae_dataset *part = NULL, *all = NULL;
    float values[4];
    ck_assert_ok(ae_dataset_create_u8(
        &part, bytes, 2, 2, AE_DATASET_OPTIONS(.scale = 1, .stride = 3, .no_copy = AE_TOGGLE_ON)));
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const[]){part}, 1));
    ck_assert_ok(ae_dataset_read(all, 0, 2, values));
    for (size_t i = 0; i < 4; i++)
        ck_assert_float_eq(values[i], (float)(i + 1));
    ae_dataset_free(part), ae_dataset_free(all);
}
END_TEST

static ae_dataset *table(const char *text)
{
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_open_csv_memory(
        &dataset, text, strlen(text),
        AE_CSV_OPTIONS(.label_name = "k", .image_height = 2, .image_width = 1)));
    return dataset;
}

START_TEST(labels_names_and_sides_are_kept_where_all_parts_agree)
{
    ae_dataset *a = table("a,b,k\n1,2,-7\n"), *b = table("a,b,k\n3,4,8\n5,6,9\n"),
               *c = table("a,x,k\n7,8,10\n"), *plain = NULL, *all = NULL;
    ck_assert_ok(ae_dataset_create_f32(&plain, (const float[]){1, 2}, 1, 2, NULL));
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const[]){a, b}, 2));
    ae_dataset_free(a);
    ck_assert_str_eq(ae_dataset_column_name(all, 0), "a");
    ck_assert_str_eq(ae_dataset_column_name(all, 1), "b");
    ck_assert_uint_eq(ae_dataset_image_height(all), 2);
    ck_assert_int_eq(ae_dataset_label(all, 0), -7);
    ck_assert_int_eq(ae_dataset_label(all, 2), 9);
    ae_dataset_free(all);
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const[]){b, c}, 2));
    ck_assert_ptr_null(ae_dataset_column_name(all, 0)); /* one other name, so none */
    ck_assert_int_eq(ae_dataset_label(all, 2), 10);
    ck_assert_uint_eq(ae_dataset_image_width(all), 1);
    ae_dataset_free(all);
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const[]){b, plain}, 2));
    ck_assert_ptr_null(ae_dataset_column_name(all, 0));
    ck_assert_int_eq(ae_dataset_has_labels(all), 0);
    ck_assert_uint_eq(ae_dataset_image_width(all), 0);
    ae_dataset_free(all), ae_dataset_free(b), ae_dataset_free(c), ae_dataset_free(plain);
}
END_TEST

START_TEST(parts_that_do_not_fit_are_refused)
{
    const uint8_t byte = 0;
    ae_dataset *dataset = make_f32(), *narrow = NULL, *huge = NULL, *all = NULL;
    const ae_status invalid = AE_ERROR_INVALID_ARGUMENT;
    ck_assert_ok(ae_dataset_create_u8(&narrow, &byte, 1, 1, NULL));
    ck_assert_status(ae_dataset_concat(NULL, (const ae_dataset *const[]){dataset}, 1), invalid,
                     "all is NULL");
    ck_assert_status(ae_dataset_concat(&all, NULL, 1), invalid, "parts is NULL");
    ck_assert_status(ae_dataset_concat(&all, (const ae_dataset *const[]){dataset}, 0), invalid,
                     "count is 0");
    ck_assert_status(ae_dataset_concat(&all, (const ae_dataset *const[]){dataset, NULL}, 2),
                     invalid, "parts[1] is NULL");
    ck_assert_status(ae_dataset_concat(&all, (const ae_dataset *const[]){dataset, narrow}, 2),
                     AE_ERROR_SHAPE, "parts[1] has rows of 1 features, parts[0] of 5");
    /* Rows that are not there, and are not looked at. */
    ck_assert_ok(ae_dataset_create_u8(&huge, &byte, UINT32_MAX, 1,
                                      AE_DATASET_OPTIONS(.no_copy = AE_TOGGLE_ON)));
    ck_assert_status(ae_dataset_concat(&all, (const ae_dataset *const[]){huge, narrow}, 2), invalid,
                     "more than 4294967295 rows up to parts[1]");
    ck_assert_ptr_null(all);
    ae_dataset_free(dataset), ae_dataset_free(narrow), ae_dataset_free(huge);
}
END_TEST

START_TEST(any_allocation_may_fail_and_nothing_is_lost)
{
    ae_dataset *part = table("a,b,k\n1,2,3\n");
    size_t n = 1;
    for (;; n++) {
        ae_dataset *all = NULL;
        support_fail_allocation(n);
        const ae_status status = ae_dataset_concat(&all, (const ae_dataset *const[]){part, part},
                                                   2);
        const int failed = support_allocation_failed();
        support_fail_allocation(0);
        ck_assert_int_eq(status == AE_OK, all != NULL);
        ae_dataset_free(all);
        if (!failed)
            break;
        ck_assert_status(status, AE_ERROR_OUT_OF_MEMORY, "out of memory");
    }
    ck_assert_uint_eq(n, 5); /* values, names, storage, dataset */
    ae_dataset_free(part);
}
END_TEST

Suite *concat_suite(void)
{
    Suite *suite = suite_create("concat");
    TCase *tcase = tcase_create("concat");
    tcase_add_test(tcase, parts_follow_one_another_as_they_are_seen);
    tcase_add_test(tcase, bytes_of_two_scales_read_as_they_did);
    tcase_add_test(tcase, strides_are_left_behind);
    tcase_add_test(tcase, labels_names_and_sides_are_kept_where_all_parts_agree);
    tcase_add_test(tcase, parts_that_do_not_fit_are_refused);
    tcase_add_test(tcase, any_allocation_may_fail_and_nothing_is_lost);
    suite_add_tcase(suite, tcase);
    return suite;
}
