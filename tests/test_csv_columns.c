/* SPDX-License-Identifier: BSD-3-Clause */
/* Which columns of a CSV file become features: by name, without text, without what stands behind
 * the last delimiter. */
#include "csv_text.h"
#include "suites.h"

#include <stdio.h>

static void check_names(ae_dataset *dataset, const char *const *names, size_t count)
{
    ck_assert_uint_eq(ae_dataset_feature_count(dataset), count);
    for (size_t i = 0; i < count; i++)
        ck_assert_str_eq(ae_dataset_column_name(dataset, i), names[i]);
}

START_TEST(names_are_found_and_kept_without_the_blanks_around_them)
{
    static const char text[] = "x, y , class\n1,2,0\n";
    ae_dataset *dataset = csv_open(text, AE_CSV_OPTIONS(.label_name = "class "));
    ck_assert_int_eq(ae_dataset_label(dataset, 0), 0);
    check_names(dataset, (const char *const[]){"x", "y"}, 2);
    csv_check(dataset, 1, 2, 1, 2);
    csv_check(csv_open(text, AE_CSV_OPTIONS(.column_names = (const char *const[]){"y"},
                                            .column_count = 1)),
              1, 1, 2);
    csv_refuse("a, a\n1,2\n", AE_CSV_OPTIONS(.label_name = "a"), AE_ERROR_FORMAT,
               "columns 1 and 2 are both called \"a\"");
    csv_refuse(text, AE_CSV_OPTIONS(.label_name = "k"), AE_ERROR_NOT_FOUND,
               "no column is called \"k\" in line 1, which has \"x\", \" y \", \" class\"");
}
END_TEST

/* Latin-1, a line break, an escape sequence: what the caller gets can be printed and kept, and
 * finds the column as the file's own bytes do. */
START_TEST(names_are_clean_and_found_as_the_file_has_them)
{
    static const char text[] = "Gr\xf6\xdf"
                               "e,\"temp\n[K]\",\"\na\x1b[31m\",class\n1,2,3,x\xff\n4,5,6,y\n";
    static const char *const given[] = {"temp\n[K]", "a\x1b[31m",
                                        ("Gr\xf6\xdf"
                                         "e")};
    static const char *const clean[] = {"temp [K]", "a?[31m", "Gr??e"};
    for (int turn = 0; turn < 2; turn++) {
        ae_dataset *dataset = csv_open(text,
                                       AE_CSV_OPTIONS(.column_names = turn == 0 ? given : clean,
                                                      .column_count = 3, .label_name = "class"));
        for (size_t i = 0; i < 3; i++)
            ck_assert_str_eq(ae_dataset_column_name(dataset, i), clean[i]);
        ck_assert_str_eq(ae_dataset_class_name(dataset, 0), "x?");
        csv_check(dataset, 2, 3, 2, 3, 1, 5, 6, 4);
    }
}
END_TEST

START_TEST(an_empty_last_column_without_a_name_is_no_column)
{
    const ae_csv_options bar = {.size = sizeof bar, .delimiter = '|'};
    ae_dataset *dataset = csv_open("A|B|C|\n1|2|3|\n4|5|6|\n", &bar);
    check_names(dataset, (const char *const[]){"A", "B", "C"}, 3);
    csv_check(dataset, 2, 3, 1, 2, 3, 4, 5, 6);
    csv_check(csv_open("1,2,\n3,4, \n", NULL), 2, 2, 1, 2, 3, 4);
    /* The names need not end in one. */
    csv_check(csv_open("a,b\n1,2,\n3,4,\n", NULL), 2, 2, 1, 2, 3, 4);
    csv_refuse("a,b\n1,2\n3,4,\n", NULL, AE_ERROR_FORMAT, "line 3: more than 2 columns");
    csv_refuse("a,b\n1,2,\n3,4,5\n", NULL, AE_ERROR_FORMAT, "line 3: more than 2 columns");
    /* A value there is not lost. */
    csv_refuse("a,b,\n1,2,\n3,4,5\n", NULL, AE_ERROR_DATA,
               "line 3, column 3 (): \"5\" stands behind the last delimiter");
    /* A column that has a name, or is asked for, is one. */
    csv_check(csv_open("a,b,\n1,2,3\n", NULL), 1, 3, 1, 2, 3);
    csv_refuse("a,b,c\n1,2,\n", NULL, AE_ERROR_DATA, "column 3 (c): \"\" is empty");
    csv_check(csv_open("a,b,c\n1,2,\n", AE_CSV_OPTIONS(.missing = AE_MISSING_KEEP)), 1, 3, 1, 2,
              NAN);
    csv_refuse("a,\n1,\n", AE_CSV_OPTIONS(.columns = (const size_t[]){2}, .column_count = 1),
               AE_ERROR_DATA, "column 2 (): \"\" is empty");
}
END_TEST

START_TEST(columns_are_left_out_by_name)
{
    static const char text[] = "time,a,b,note,k\n2024-01-01 00:00,1,2,x,7\n2024-01-02,3,4,,8\n";
    static const char *const drop[] = {"time", " note"};
    ae_dataset *dataset = csv_open(
        text, AE_CSV_OPTIONS(.drop_names = drop, .drop_count = 2, .label_name = "k"));
    ck_assert_int_eq(ae_dataset_label(dataset, 1), 8);
    check_names(dataset, (const char *const[]){"a", "b"}, 2);
    csv_check(dataset, 2, 2, 1, 2, 3, 4);
    csv_refuse(text, AE_CSV_OPTIONS(.drop_names = (const char *const[]){"t"}, .drop_count = 1),
               AE_ERROR_NOT_FOUND, "no column is called \"t\"");
    csv_refuse(text, AE_CSV_OPTIONS(.drop_names = drop), AE_ERROR_INVALID_ARGUMENT, "drop_count");
    csv_refuse(text, AE_CSV_OPTIONS(.drop_names = drop, .drop_count = 2, .label_name = "time"),
               AE_ERROR_INVALID_ARGUMENT, "column 1 has the labels");
    csv_refuse(text,
               AE_CSV_OPTIONS(.drop_names = drop, .drop_count = 2, .columns = (const size_t[]){1},
                              .column_count = 1),
               AE_ERROR_INVALID_ARGUMENT, "drop_names leaves columns out");
    csv_refuse(text, AE_CSV_OPTIONS(.drop_names = drop, .drop_count = 2, .header = AE_TOGGLE_OFF),
               AE_ERROR_INVALID_ARGUMENT, "header is off");
    csv_refuse(text, AE_CSV_OPTIONS(.drop_names = (const char *const[]){NULL}, .drop_count = 1),
               AE_ERROR_INVALID_ARGUMENT, "drop_names[0] is NULL");
    csv_refuse(text, NULL, AE_ERROR_DATA, "drop_names and numeric_only leave columns out");
}
END_TEST

START_TEST(columns_of_text_are_left_out)
{
    const ae_csv_options numeric = {.size = sizeof numeric, .numeric_only = AE_TOGGLE_ON};
    const ae_csv_options keep = {
        .size = sizeof keep, .numeric_only = AE_TOGGLE_ON, .missing = AE_MISSING_KEEP};
    ae_dataset *dataset = csv_open("t,a,s,b,e\n2024-01-01,1,x,2,\nNA,3,4,5,\n", &numeric);
    check_names(dataset, (const char *const[]){"a", "b"}, 2);
    ck_assert_int_eq(ae_dataset_has_missing(dataset), 0);
    csv_check(dataset, 2, 2, 1, 2, 3, 5);
    dataset = csv_open("t,a,s\nx,1,\ny,,2\n", &keep);
    ck_assert_int_eq(ae_dataset_has_missing(dataset), 1);
    csv_check(dataset, 2, 2, 1, NAN, NAN, 2);
    csv_refuse("t,a\nx,1\ny,?\n", &numeric, AE_ERROR_DATA, "line 3, column 2 (a): no value");
    csv_refuse("t,a\nx,1\ny,1e400\n", &numeric, AE_ERROR_DATA, "line 3, column 2 (a): not finite");
    csv_check(csv_open("t,a\ninf,1\nx,2\n", &numeric), 2, 1, 1, 2);
    csv_refuse("t,a\nx,y\n", &numeric, AE_ERROR_FORMAT, "no column has numbers alone");
    csv_refuse("a\n1\n",
               AE_CSV_OPTIONS(.numeric_only = AE_TOGGLE_ON, .columns = (const size_t[]){1},
                              .column_count = 1),
               AE_ERROR_INVALID_ARGUMENT, "numeric_only leaves columns out");
    csv_refuse("a\n1\n", AE_CSV_OPTIONS(.numeric_only = (ae_toggle)7), AE_ERROR_INVALID_ARGUMENT,
               "numeric_only is 7");
}
END_TEST

/* 1000 rows decide; what does not fit them later is an error. */
START_TEST(a_decision_that_fails_later_names_row_and_column)
{
    enum { ROWS = 2500, ROOM = ROWS * 32 };
    const ae_csv_options numeric = {.size = sizeof numeric, .numeric_only = AE_TOGGLE_ON};
    char *text = fixture_allocate(ROOM, 1);
    size_t size = (size_t)snprintf(text, ROOM, "t,a,e,b\n");
    for (int r = 0; r < ROWS; r++)
        size += (size_t)snprintf(text + size, ROOM - size, "x%d,%d,,%d\n", r, r, -r);
    ae_dataset *dataset = csv_open(text, &numeric);
    float row[2];
    ck_assert_uint_eq(ae_dataset_row_count(dataset), ROWS);
    ck_assert_uint_eq(ae_dataset_feature_count(dataset), 2);
    for (size_t r = 0; r < ROWS; r += 499) {
        ck_assert_ok(ae_dataset_read(dataset, r, 1, row));
        ck_assert((size_t)row[0] == r && row[0] + row[1] == 0);
    }
    ae_dataset_free(dataset);
    (void)snprintf(text + size, ROOM - size, "x,7,,oops\n");
    csv_refuse(text, &numeric, AE_ERROR_DATA,
               "line 2502, column 4 (b): \"oops\" is not a number with a decimal point: its column "
               "has numbers in the rows above");
    (void)snprintf(text + size, ROOM - size, "x,7,8,9\n");
    csv_refuse(text, &numeric, AE_ERROR_DATA,
               "line 2502, column 3 (e): \"8\" is the first value of a column");
    free(text);
}
END_TEST

/* Rows become narrower on the way, labels stay as they are. */
START_TEST(labels_stay_with_their_rows_when_columns_go)
{
    enum { ROWS = 9000, ROOM = ROWS * 40 };
    char *text = fixture_allocate(ROOM, 1);
    size_t size = (size_t)snprintf(text, ROOM, "s,t,u,a,k,v\n");
    for (int r = 0; r < ROWS; r++)
        size += (size_t)snprintf(text + size, ROOM - size, "x,y,,%d,%d,z\n", r, r % 7);
    ae_dataset *dataset = csv_open(text,
                                   AE_CSV_OPTIONS(.numeric_only = AE_TOGGLE_ON, .label_name = "k"));
    ck_assert_uint_eq(ae_dataset_row_count(dataset), ROWS);
    for (size_t r = 0; r < ROWS; r++) {
        float value;
        ck_assert_ok(ae_dataset_read(dataset, r, 1, &value));
        ck_assert_uint_eq((size_t)value, r);
        ck_assert_int_eq(ae_dataset_label(dataset, r), (int32_t)(r % 7));
    }
    ae_dataset_free(dataset);
    free(text);
}
END_TEST

START_TEST(names_that_count_the_columns_have_to_be_declared)
{
    static const char *const texts[] = {"0,1,2\n.5,.6,.7\n", ",0,1\n5,.6,.7\n", "0,1\n5,6\n"};
    for (size_t i = 0; i < COUNT(texts); i++)
        csv_refuse(texts[i], NULL, AE_ERROR_FORMAT,
                   "line 1 counts its columns, as pandas names them: say by the option header");
    csv_check(csv_open("0,1\n5,6\n", AE_CSV_OPTIONS(.header = AE_TOGGLE_ON)), 1, 2, 5, 6);
    csv_check(csv_open("0,1\n5,6\n", AE_CSV_OPTIONS(.header = AE_TOGGLE_OFF)), 2, 2, 0, 1, 5, 6);
    csv_check(csv_open("0.0,1\n5,6\n", NULL), 2, 2, 0, 1, 5, 6);
    csv_check(csv_open("0\n1\n", NULL), 2, 1, 0, 1);
}
END_TEST

Suite *csv_columns_suite(void)
{
    Suite *suite = suite_create("csv_columns");
    TCase *tcase = tcase_create("columns");
    tcase_add_test(tcase, names_are_found_and_kept_without_the_blanks_around_them);
    tcase_add_test(tcase, names_are_clean_and_found_as_the_file_has_them);
    tcase_add_test(tcase, an_empty_last_column_without_a_name_is_no_column);
    tcase_add_test(tcase, columns_are_left_out_by_name);
    tcase_add_test(tcase, columns_of_text_are_left_out);
    tcase_add_test(tcase, a_decision_that_fails_later_names_row_and_column);
    tcase_add_test(tcase, labels_stay_with_their_rows_when_columns_go);
    tcase_add_test(tcase, names_that_count_the_columns_have_to_be_declared);
    suite_add_tcase(suite, tcase);
    return suite;
}
