/* SPDX-License-Identifier: BSD-3-Clause */
/* Labels that are the names of classes: numbered by the alphabet, and kept apart from integers. */
#include "csv_text.h"
#include "data/classes.h"
#include "suites.h"

#include <stdio.h>

static void check_labels(const ae_dataset *dataset, const char *const *names, size_t count)
{
    for (size_t r = 0; r < count; r++)
        ck_assert_str_eq(ae_dataset_class_name(dataset, ae_dataset_label(dataset, r)), names[r]);
}

static ae_dataset *animals(void)
{
    return csv_open("x,k\n1,dog\n2, cat \n3,\"dog\"\n4,B\n", AE_CSV_OPTIONS(.label_name = "k"));
}

START_TEST(words_become_classes_in_the_order_of_the_alphabet)
{
    ae_dataset *dataset = animals();
    static const int32_t wanted[] = {2, 1, 2, 0};
    ck_assert_uint_eq(ae_dataset_class_count(dataset), 3);
    for (size_t r = 0; r < 4; r++)
        ck_assert_int_eq(ae_dataset_label(dataset, r), wanted[r]);
    check_labels(dataset, (const char *const[]){"dog", "cat", "dog", "B"}, 4);
    ck_assert_ptr_null(ae_dataset_class_name(dataset, 3));
    ck_assert_ptr_null(ae_dataset_class_name(dataset, -1));
    ck_assert_ptr_null(ae_dataset_class_name(NULL, 0));
    ck_assert_uint_eq(ae_dataset_class_count(NULL), 0);
    csv_check(dataset, 4, 1, 1, 2, 3, 4);
}
END_TEST

START_TEST(integers_stay_integers_and_do_not_mix_with_words)
{
    const ae_csv_options labels = {.size = sizeof labels, .label_name = "k"};
    const ae_csv_options texts = {
        .size = sizeof texts, .label_name = "k", .text_labels = AE_TOGGLE_ON};
    const ae_csv_options integers = {
        .size = sizeof integers, .label_name = "k", .text_labels = AE_TOGGLE_OFF};
    ae_dataset *dataset = csv_open("x,k\n1,-1\n2,1\n3,70000\n", &labels);
    ck_assert_uint_eq(ae_dataset_class_count(dataset), 0);
    ck_assert_ptr_null(ae_dataset_class_name(dataset, 1));
    ck_assert_int_eq(ae_dataset_label(dataset, 0), -1);
    ck_assert_int_eq(ae_dataset_label(dataset, 2), 70000);
    ae_dataset_free(dataset);
    csv_refuse("x,k\n1,3\n2,3b\n", &labels, AE_ERROR_DATA,
               "line 3, column 2 (k): \"3b\" is not a label: that of line 2 is an integer; set the "
               "option text_labels");
    dataset = csv_open("x,k\n1,3\n2,3b\n3,03\n", &texts);
    check_labels(dataset, (const char *const[]){"3", "3b", "03"}, 3);
    ae_dataset_free(dataset);
    /* Words first: what follows is a word too. */
    dataset = csv_open("x,k\n1,b\n2,7\n", &labels);
    check_labels(dataset, (const char *const[]){"b", "7"}, 2);
    ae_dataset_free(dataset);
    csv_refuse("x,k\n1,b\n", &integers, AE_ERROR_DATA, "\"b\" is not a label: text_labels is off");
    csv_refuse("x,k\n1,1.5\n", &labels, AE_ERROR_DATA, "is not a label: an integer from -2147");
    csv_refuse("x,k\n1,?\n", &labels, AE_ERROR_DATA, "\"?\" is no label");
    csv_refuse("x,k\n1, \n", &texts, AE_ERROR_DATA, "is no label: fill it in");
    dataset = csv_open("x,k\n1,+\n2,-\n", &texts);
    check_labels(dataset, (const char *const[]){"+", "-"}, 2);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(views_keep_the_names_and_new_labels_leave_them)
{
    ae_dataset *dataset = animals(), *view = NULL, *other = NULL;
    ck_assert_ok(ae_dataset_view(&view, dataset, 1, 2));
    check_labels(view, (const char *const[]){"cat", "dog"}, 2);
    ae_dataset_free(view);
    ck_assert_ok(ae_dataset_select(&view, dataset, (const size_t[]){3, 0}, 2));
    check_labels(view, (const char *const[]){"B", "dog"}, 2);
    ck_assert_ok(ae_dataset_create_labelled(&other, view, (const int32_t[]){0, 1}, 2));
    ck_assert_uint_eq(ae_dataset_class_count(other), 0);
    ae_dataset_free(view);
    ck_assert_ok(ae_dataset_view(&view, other, 0, 1));
    ck_assert_uint_eq(ae_dataset_class_count(view), 0);
    ae_dataset_free(view);
    ae_dataset_free(other);
    ck_assert_ok(ae_dataset_shuffle(&view, dataset, 4));
    ae_dataset_free(dataset);
    ck_assert_uint_eq(ae_dataset_class_count(view), 3);
    for (size_t r = 0; r < 4; r++) {
        float x;
        ck_assert_ok(ae_dataset_read(view, r, 1, &x));
        ck_assert_str_eq(ae_dataset_class_name(view, ae_dataset_label(view, r)),
                         ((const char *const[]){"dog", "cat", "dog", "B"})[(size_t)x - 1]);
    }
    ae_dataset_free(view);
}
END_TEST

START_TEST(joined_sets_have_the_classes_of_all)
{
    const ae_csv_options labels = {.size = sizeof labels, .label_name = "k"};
    ae_dataset *parts[] = {animals(), csv_open("x,k\n5,ant\n6,dog\n", &labels)}, *all = NULL;
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const *)parts, 2));
    ck_assert_uint_eq(ae_dataset_class_count(all), 4);
    check_labels(all, (const char *const[]){"dog", "cat", "dog", "B", "ant", "dog"}, 6);
    ck_assert_str_eq(ae_dataset_class_name(all, 1), "ant");
    csv_check(all, 6, 1, 1, 2, 3, 4, 5, 6);
    ae_dataset_free(parts[1]);
    /* Names and integers have no common meaning. */
    parts[1] = csv_open("x,k\n5,1\n", &labels);
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const *)parts, 2));
    ck_assert_int_eq(ae_dataset_has_labels(all), 0);
    ae_dataset_free(all);
    ae_dataset_free(parts[0]);
    ae_dataset_free(parts[1]);
}
END_TEST

START_TEST(many_classes_are_told_apart)
{
    enum { CLASSES = 5000 };
    aei_class_table *table = NULL;
    char **names = NULL, name[32];
    int32_t *ranks = NULL, number = -1;
    size_t count = 0;
    ck_assert_ok(aei_class_table_create(&table));
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < CLASSES; i++) {
            const int size = snprintf(name, sizeof name, "%d", i * 7919 % 1000003);
            ck_assert_ok(aei_class_table_add(table, name, (size_t)size, &number));
            ck_assert_int_eq(number, i);
        }
    ck_assert_ok(aei_class_table_add(table, "12345", 1, &number)); /* no more than "1" */
    ck_assert_ok(aei_class_table_sort(table, &names, &count, &ranks));
    ck_assert_uint_ge(count, CLASSES);
    for (size_t i = 1; i < count; i++)
        ck_assert_int_lt(strcmp(names[i - 1], names[i]), 0);
    for (int i = 0; i < CLASSES; i++) {
        (void)snprintf(name, sizeof name, "%d", i * 7919 % 1000003);
        ck_assert_str_eq(names[ranks[i]], name);
    }
    aei_class_table_free(table);
    aei_class_table_free(NULL);
    free(names);
    free(ranks);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    const ae_csv_options labels = {.size = sizeof labels, .label_name = "k"};
    char text[2000] = "x,k\n";
    for (int i = 0; i < 60; i++)
        (void)snprintf(text + strlen(text), 32, "%d,class %d\n", i, i);
    ae_dataset *part = csv_open(text, &labels);
    size_t n = 1;
    for (int hit = 1; hit != 0 && n < 200; n++) {
        ae_dataset *dataset = NULL, *both = NULL;
        support_fail_allocation(n);
        ae_status status = ae_dataset_open_csv_memory(&dataset, text, strlen(text), &labels);
        if (status == AE_OK)
            status = ae_dataset_concat(&both, (const ae_dataset *const[]){part, dataset}, 2);
        hit = support_allocation_failed();
        support_fail_allocation(0);
        ck_assert(status == AE_OK || status == AE_ERROR_OUT_OF_MEMORY);
        ck_assert_int_eq(status == AE_OK, both != NULL);
        ae_dataset_free(both);
        ae_dataset_free(dataset);
    }
    ck_assert_uint_gt(n, 20);
    ae_dataset_free(part);
}
END_TEST

Suite *classes_suite(void)
{
    Suite *suite = suite_create("classes");
    TCase *tcase = tcase_create("classes");
    tcase_add_test(tcase, words_become_classes_in_the_order_of_the_alphabet);
    tcase_add_test(tcase, integers_stay_integers_and_do_not_mix_with_words);
    tcase_add_test(tcase, views_keep_the_names_and_new_labels_leave_them);
    tcase_add_test(tcase, joined_sets_have_the_classes_of_all);
    tcase_add_test(tcase, many_classes_are_told_apart);
    tcase_add_test(tcase, every_allocation_may_fail);
    suite_add_tcase(suite, tcase);
    return suite;
}
