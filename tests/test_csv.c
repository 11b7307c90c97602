/* SPDX-License-Identifier: BSD-3-Clause */
/* CSV files: Python's csv module against both directions (tables.py), dialects, and files that are
 * none. */
#define _POSIX_C_SOURCE 200809L
#include "csv_text.h"
#include "python.h"
#include "suites.h"

#include <float.h>
#include <stdio.h>

static const char *make_file(const char *text)
{
    const char *path = support_path("made.csv");
    support_write(path, text, strlen(text));
    return path;
}

static ae_dataset *open_text(const char *text, const ae_csv_options *options)
{
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_open_csv(&dataset, make_file(text), options));
    return dataset;
}

/* One table in many hands. */
START_TEST(line_ends_quotes_marks_and_blank_ends_do_not_matter)
{
    static const char *const texts[] = {
        "1,2\n3,4\n",
        "1,2\n3,4",
        "1,2\r\n3,4\r\n",
        "1,2\r3,4\r",
        "1,2\r\n3,4\r\n\r\n\n",
        "\xEF\xBB\xBF\61,2\n3,4\n",
        "\"1\",\"2\"\n\"3\",4\n",
        " 1 ,\t2\n+3,4.0e0\n",
        "\xEF\xBB\xBF\"1\",2\r\n3,\"4\"",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        ae_dataset *dataset = open_text(texts[i], NULL);
        ck_assert_ptr_null(ae_dataset_column_name(dataset, 0));
        ck_assert_int_eq(ae_dataset_label(dataset, 0), AE_LABEL_NONE);
        csv_check(dataset, 2, 2, 1, 2, 3, 4);
    }
    csv_check(open_text("7\n", NULL), 1, 1, 7);
    csv_check(open_text("1;2\n3;4\n", AE_CSV_OPTIONS(.delimiter = ';')), 2, 2, 1, 2, 3, 4);
    csv_check(open_text("1\t2\n3\t4\n", AE_CSV_OPTIONS(.delimiter = '\t')), 2, 2, 1, 2, 3, 4);
    csv_check(open_text("1 2\n3 4\n", AE_CSV_OPTIONS(.delimiter = ' ')), 2, 2, 1, 2, 3, 4);
}
END_TEST

START_TEST(a_header_is_recognised_and_its_names_are_kept)
{
    ae_dataset *dataset = open_text("age,\"shoe \"\"size\"\", EU\",\"two\r\nlines\",\n1,2,3,4\n",
                                    NULL),
               *view = NULL;
    static const char *const names[] = {"age", "shoe \"size\", EU", "two  lines", ""};
    ck_assert_ok(ae_dataset_shuffle(&view, dataset, 1));
    for (size_t i = 0; i < COUNT(names); i++) {
        ck_assert_str_eq(ae_dataset_column_name(dataset, i), names[i]);
        ck_assert_str_eq(ae_dataset_column_name(view, i), names[i]);
    }
    ck_assert_ptr_null(ae_dataset_column_name(dataset, 4));
    ck_assert_ptr_null(ae_dataset_column_name(NULL, 0));
    ae_dataset_free(dataset);
    csv_check(view, 1, 4, 1, 2, 3, 4);
    /* Names that are numbers have to be declared, and so has anything mixed. */
    csv_check(open_text("2001,2002\n1,2\n", AE_CSV_OPTIONS(.header = AE_TOGGLE_ON)), 1, 2, 1, 2);
    csv_check(open_text("2001,2002\n1,2\n", NULL), 2, 2, 2001, 2002, 1, 2);
    csv_check(open_text("name,2002\n1,2\n", AE_CSV_OPTIONS(.header = AE_TOGGLE_ON)), 1, 2, 1, 2);
    /* Columns that nobody wants have no say. */
    csv_check(open_text("1,setosa\n2,virginica\n",
                        AE_CSV_OPTIONS(.columns = (const size_t[]){1}, .column_count = 1)),
              2, 1, 1, 2);
}
END_TEST

/* float32 would make 16777216 of both. */
static void dataset_labels_beyond_float32(void)
{
    static const int32_t wanted[] = {16777217, -16777217, INT32_MAX, -INT32_MAX, 0, 7};
    ae_dataset *dataset = open_text("1,16777217\n1,-16777217\n1,2147483647\n1,-2147483647.00\n"
                                    "1,-0\n1, +07. \n",
                                    AE_CSV_OPTIONS(.label_column = 2));
    ck_assert_int_eq(ae_dataset_has_labels(dataset), 1);
    for (size_t i = 0; i < COUNT(wanted); i++)
        ck_assert_int_eq(ae_dataset_label(dataset, i), wanted[i]);
    ae_dataset_free(dataset);
}

START_TEST(columns_and_labels_are_chosen_by_number_or_name)
{
    static const char text[] = "id,a,b,class\nx7,1,2,0\ny8,3,4,255\n,5,6,1.0\n";
    const ae_csv_options *const options[] = {
        AE_CSV_OPTIONS(.columns = (const size_t[]){3, 2}, .column_count = 2, .label_column = 4),
        AE_CSV_OPTIONS(.column_names = (const char *const[]){"b", "a"}, .column_count = 2,
                       .label_name = "class"),
        AE_CSV_OPTIONS(.columns = (const size_t[]){3, 2}, .column_count = 2, .label_name = "class",
                       .image_height = 1, .image_width = 2),
        AE_CSV_OPTIONS(.column_names = (const char *const[]){"b", "a"}, .column_count = 2,
                       .label_column = 4),
    };
    for (size_t i = 0; i < COUNT(options); i++) {
        ae_dataset *dataset = open_text(text, options[i]), *view = NULL;
        ck_assert_str_eq(ae_dataset_column_name(dataset, 0), "b");
        ck_assert_str_eq(ae_dataset_column_name(dataset, 1), "a");
        ck_assert_uint_eq(ae_dataset_image_width(dataset), i == 2 ? 2 : 0);
        ck_assert_ok(ae_dataset_view(&view, dataset, 1, 2));
        ck_assert_int_eq(ae_dataset_label(dataset, 0), 0);
        ck_assert_int_eq(ae_dataset_label(view, 0), 255);
        ck_assert_int_eq(ae_dataset_label(view, 1), 1);
        ae_dataset_free(view);
        csv_check(dataset, 3, 2, 2, 1, 4, 3, 6, 5);
    }
    dataset_labels_beyond_float32();
    /* All but the label by default. */
    ae_dataset *dataset = open_text("k,a,b\n3,1,2\n", AE_CSV_OPTIONS(.label_name = "k"));
    ck_assert_int_eq(ae_dataset_label(dataset, 0), 3);
    csv_check(dataset, 1, 2, 1, 2);
}
END_TEST

static const struct {
    const char *text;
    ae_csv_options options;
    ae_status status;
    const char *part;
} refused[] = {
    {"", {0}, AE_ERROR_FORMAT, "made.csv: the file is empty"},
    {"\xEF\xBB\xBF", {0}, AE_ERROR_FORMAT, "empty"},
    {"\n1,2\n", {0}, AE_ERROR_FORMAT, "line 1 is empty"},
    {"a,b\n", {0}, AE_ERROR_FORMAT, "no rows"},
    {"a,b\n\n\n", {0}, AE_ERROR_FORMAT, "no rows"},
    {"1,2\n\n3,4\n", {0}, AE_ERROR_FORMAT, "line 2 is empty, but rows follow"},
    {"1,2\n3\n", {0}, AE_ERROR_FORMAT, "line 2: 1 columns, but line 1 has 2"},
    {"a,b\n1,2\n3,4,5\n", {0}, AE_ERROR_FORMAT, "line 3: more than 2 columns"},
    {"a,b\n1,2\n3,4,", {0}, AE_ERROR_FORMAT, "line 3: more than 2 columns"},
    {"a,b\n1,\n", {0}, AE_ERROR_DATA, "line 2, column 2 (b): \"\" is empty"},
    {"a,b\n1,2\n,3\n", {0}, AE_ERROR_DATA, "line 3, column 1 (a): \"\" is empty"},
    {"1,2\n3,", {0}, AE_ERROR_DATA, "line 2, column 2: \"\" is empty"},
    {"a,b\n1,\"\"\n", {0}, AE_ERROR_DATA, "line 2, column 2 (b): \"\" is empty"},
    {"a,b\n1,nan\n", {0}, AE_ERROR_DATA, "\"nan\" is no value"},
    {"a,b\n1,-Inf\n", {0}, AE_ERROR_DATA, "\"-Inf\" is not finite"},
    {"a,b\n1,1e39\n", {0}, AE_ERROR_DATA, "\"1e39\" is too large"},
    {"a,b\n1,2x\n", {0}, AE_ERROR_DATA, "line 2, column 2 (b): \"2x\" is not a number"},
    {"a;b\n1,5;2\n",
     {.delimiter = ';'},
     AE_ERROR_DATA,
     "\"1,5\" is not a number with a decimal point"},
    {"\"a\nb\",c\n1,2\n\"3\",x\n", {0}, AE_ERROR_DATA, "line 4, column 2 (c): \"x\""},
    {"\x1b[2J,b\n1,2\nx,2\n", {0}, AE_ERROR_DATA, "(?[2J): \"x\""},
    {"1,b\n1,2\n", {0}, AE_ERROR_FORMAT, "1 numbers and 1 texts"},
    {"x,b\n1,2\n", {.header = AE_TOGGLE_OFF}, AE_ERROR_DATA, "line 1, column 1: \"x\""},
    {"a,b\n1,\"2\n", {0}, AE_ERROR_FORMAT, "line 2, column 2: a quote that is never closed"},
    {"a,b\n1,\"2\"3\n", {0}, AE_ERROR_FORMAT, "line 2, column 2: text behind a closing quote"},
    {"a,b\n1,2\"3\n", {0}, AE_ERROR_DATA, "\"2\"3\" is not a number"},
    {"a,b,k\n1,2,2147483648\n", {.label_column = 3}, AE_ERROR_DATA, "is not a label"},
    {"a,b,k\n1,2,-2147483648\n", {.label_column = 3}, AE_ERROR_DATA, "is not a label"},
    {"a,b,k\n1,2,99999999999999999999\n", {.label_column = 3}, AE_ERROR_DATA, "is not a label"},
    {"a,b,k\n1,2,16777217.25\n", {.label_column = 3}, AE_ERROR_DATA, "is not a label"},
    {"a,b,k\n1,2,-16777217.25\n", {.label_column = 3}, AE_ERROR_DATA, "is not a label"},
    {"a,b,k\n1,2,.5\n", {.label_column = 3}, AE_ERROR_DATA, "\".5\" is not a label"},
    {"a,\"b\rc\",d\n1,2,3\n1,2,z\n", {0}, AE_ERROR_DATA, "line 4, column 3 (d): \"z\""},
    {"a,\"b\r\nc\",d\n1,2,3\n1,2,z\n", {0}, AE_ERROR_DATA, "line 4, column 3 (d): \"z\""},
    {"a,b,k\n1,2,1.5\n", {.label_column = 3}, AE_ERROR_DATA, "\"1.5\" is not a label"},
    {"a,b,k\n1,2,\n", {.label_column = 3}, AE_ERROR_DATA, "line 2, column 3 (k): \"\""},
    {"a,b\n1,2\n",
     {.label_column = 3},
     AE_ERROR_NOT_FOUND,
     "no column 3: columns are counted from 1 to 2"},
    {"a,b\n1,2\n", {.label_name = "c"}, AE_ERROR_NOT_FOUND, "no column is called \"c\""},
    {"a,a\n1,2\n", {.label_name = "a"}, AE_ERROR_FORMAT, "columns 1 and 2 are both called \"a\""},
    {"k\n1\n", {.label_name = "k"}, AE_ERROR_FORMAT, "no column is left"},
    {"a,b\n1,2\n",
     {.columns = (const size_t[]){0}, .column_count = 1},
     AE_ERROR_NOT_FOUND,
     "no column 0"},
    {"a,b\n1,2\n",
     {.columns = (const size_t[]){1, 1}, .column_count = 2},
     AE_ERROR_INVALID_ARGUMENT,
     "twice"},
    {"a,b\n1,2\n",
     {.columns = (const size_t[]){1}, .column_count = 1, .label_column = 1},
     AE_ERROR_INVALID_ARGUMENT,
     "column 1 is asked for twice"},
    {"a,b\n1,2\n",
     {.columns = (const size_t[]){1}},
     AE_ERROR_INVALID_ARGUMENT,
     "column_count is 0, with"},
    {"a,b\n1,2\n", {.column_count = 1}, AE_ERROR_INVALID_ARGUMENT, "column_count is 1, without"},
    {"a,b\n1,2\n",
     {.columns = (const size_t[]){1},
      .column_names = (const char *const[]){"a"},
      .column_count = 1},
     AE_ERROR_INVALID_ARGUMENT,
     "columns and column_names"},
    {"a,b\n1,2\n",
     {.column_names = (const char *const[]){NULL}, .column_count = 1},
     AE_ERROR_INVALID_ARGUMENT,
     "column_names[0] is NULL"},
    {"a,b\n1,2\n",
     {.label_column = 1, .label_name = "b"},
     AE_ERROR_INVALID_ARGUMENT,
     "label_column and label_name"},
    {"a,b\n1,2\n",
     {.label_name = "b", .header = AE_TOGGLE_OFF},
     AE_ERROR_INVALID_ARGUMENT,
     "header is off"},
    {"a,b\n1,2\n", {.header = (ae_toggle)3}, AE_ERROR_INVALID_ARGUMENT, "header is 3"},
    {"a,b\n1,2\n", {.delimiter = '"'}, AE_ERROR_INVALID_ARGUMENT, "delimiter"},
    {"a,b\n1,2\n", {.delimiter = '.'}, AE_ERROR_INVALID_ARGUMENT, "delimiter"},
    {"a,b\n1,2\n",
     {.image_height = 3, .image_width = 1},
     AE_ERROR_INVALID_ARGUMENT,
     "image_height 3"},
};

START_TEST(what_is_no_table_of_numbers_is_refused_by_line_and_column)
{
    ae_dataset *dataset = NULL;
    ae_csv_options options = refused[_i].options;
    options.size = sizeof options;
    ck_assert_status(ae_dataset_open_csv(&dataset, make_file(refused[_i].text), &options),
                     refused[_i].status, refused[_i].part);
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(hostile_and_huge_files_are_refused)
{
    enum { HUGE_CELL = (1 << 20) + 2 };
    ae_dataset *dataset = NULL;
    char *text = fixture_allocate(HUGE_CELL + 3, 1);
    memset(text, '1', HUGE_CELL);
    ck_assert_status(ae_dataset_open_csv(&dataset, make_file(text), NULL), AE_ERROR_FORMAT,
                     "line 1, column 1: more than 1048576 bytes");
    memset(text, '\n', HUGE_CELL);
    text[0] = '"';
    ck_assert_status(ae_dataset_open_csv(&dataset, make_file(text), NULL), AE_ERROR_FORMAT,
                     "1048576 bytes");
    memset(text, ',', HUGE_CELL);
    ck_assert_status(ae_dataset_open_csv(&dataset, make_file(text), NULL), AE_ERROR_FORMAT,
                     "no rows");
    free(text);
    const char *path = support_path("zero.csv");
    support_write(path, "1,\"\0\"", 5);
    ck_assert_status(ae_dataset_open_csv(&dataset, path, NULL), AE_ERROR_FORMAT,
                     "line 1, column 2: a zero byte");
    ck_assert_status(ae_dataset_open_csv(&dataset, support_path("absent"), NULL),
                     AE_ERROR_NOT_FOUND, "absent: ");
    ck_assert_status(ae_dataset_open_csv(&dataset, support_dir(), NULL), AE_ERROR_IO, "a folder");
    ck_assert_status(ae_dataset_open_csv(NULL, path, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "dataset is NULL");
    ck_assert_status(ae_dataset_open_csv(&dataset, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "path is NULL");
    ck_assert_status(ae_dataset_open_csv(&dataset, path, &(ae_csv_options){0}),
                     AE_ERROR_INVALID_ARGUMENT, "size");
    ck_assert_ptr_null(dataset);
    ae_csv_options options = {.delimiter = 'x'};
    ae_csv_options_init(&options);
    ck_assert(options.size == sizeof options && options.delimiter == 0);
    ae_csv_options_init(NULL);
}
END_TEST

/* Cells across the reader's blocks, and arrays that grow many times. */
START_TEST(a_long_file_is_read_whole)
{
    enum { ROWS = 5000, COLUMNS = 7 };
    float *values = fixture_values(ROWS * COLUMNS, -1e5f, 1e5f, 21);
    const char *names[COLUMNS] = {"a", "b", "c,c", "d", "e\"", "f", ""};
    ck_assert_ok(ae_csv_write(support_path("long.csv"), values, ROWS, COLUMNS, names));
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_open_csv(&dataset, support_path("long.csv"), NULL));
    float *back = fixture_allocate(ROWS * COLUMNS, sizeof *back);
    ck_assert_uint_eq(ae_dataset_row_count(dataset), ROWS);
    ck_assert_ok(ae_dataset_read(dataset, 0, ROWS, back));
    ck_assert_mem_eq(back, values, ROWS * COLUMNS * sizeof *back);
    for (size_t i = 0; i < COLUMNS; i++)
        ck_assert_str_eq(ae_dataset_column_name(dataset, i), names[i]);
    ae_dataset_free(dataset);
    free(back);
    free(values);
}
END_TEST

static void check_file(const char *csv, const char *f32, const ae_csv_options *options)
{
    ae_dataset *dataset = NULL;
    size_t size;
    unsigned char *wanted = support_read(support_path(f32), &size);
    ck_assert_ok(ae_dataset_open_csv(&dataset, support_path(csv), options));
    float *values = fixture_allocate(size, 1);
    ck_assert_uint_eq(size, ae_dataset_row_count(dataset) * ae_dataset_feature_count(dataset) *
                                sizeof *values);
    ck_assert_ok(ae_dataset_read(dataset, 0, ae_dataset_row_count(dataset), values));
    ck_assert_mem_eq(values, wanted, size);
    ck_assert_str_eq(ae_dataset_column_name(dataset, 1), "with \"quotes\", and a comma");
    ck_assert_str_eq(ae_dataset_column_name(dataset, 2), "two lines");
    ae_dataset_free(dataset);
    free(values);
    free(wanted);
}

START_TEST(what_pythons_csv_module_writes_is_read_to_the_bit)
{
    ck_assert_int_eq(
        python_run("tables.py", (const char *const[]){"write-csv", support_dir(), NULL}), 0);
    check_file("0.csv", "0.f32", NULL);
    check_file("1.csv", "1.f32", NULL);
    check_file("2.csv", "2.f32", AE_CSV_OPTIONS(.delimiter = '\t'));
#ifdef AEI_HAVE_ZLIB
    check_file("3.csv", "3.f32", NULL);
    /* Cut off in the middle, a gzip file is damaged, not short. */
    size_t size;
    unsigned char *bytes = support_read(support_path("3.csv"), &size);
    support_write(support_path("3.csv"), bytes, size / 2);
    free(bytes);
    ae_dataset *dataset = NULL;
    ck_assert_status(ae_dataset_open_csv(&dataset, support_path("3.csv"), NULL), AE_ERROR_FORMAT,
                     "cut off");
#else
    ae_dataset *dataset = NULL;
    ck_assert_status(ae_dataset_open_csv(&dataset, support_path("3.csv"), NULL),
                     AE_ERROR_UNSUPPORTED, "without zlib");
#endif
}
END_TEST

START_TEST(what_we_write_pythons_csv_module_reads)
{
    enum { ROWS = 400, COLUMNS = 5 };
    static const char names[] = "a\0b \"c\"\0d,e\0\0\xC3\xA9\nf";
    const char *list[COLUMNS];
    float *values = fixture_values(ROWS * COLUMNS, -1, 1, 31);
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        values[i] = ldexpf(values[i], (int)(i * 7 % 270) - 145);
    values[0] = NAN, values[1] = INFINITY, values[2] = -INFINITY, values[3] = FLT_MAX,
    values[4] = -0.0f;
    for (size_t i = 0, at = 0; i < COLUMNS; i++, at += strlen(names + at) + 1)
        list[i] = names + at;
    ck_assert_ok(ae_csv_write(support_path("out.csv"), values, ROWS, COLUMNS, list));
    support_write(support_path("out.f32"), values, ROWS * COLUMNS * sizeof *values);
    support_write(support_path("out.names"), names, sizeof names);
    free(values);
    ck_assert_int_eq(
        python_run("tables.py", (const char *const[]){"read-csv", support_dir(), NULL}), 0);
}
END_TEST

START_TEST(the_bytes_written_are_plain)
{
    const float values[] = {0.1f, -2, 1e10f, NAN};
    const struct {
        size_t rows, columns;
        const char *const *names;
        const char *text;
    } files[] = {
        {2, 2, (const char *const[]){"a", "b"}, "a,b\n0.1,-2\n1e+10,nan\n"},
        {2, 2, NULL, "0.1,-2\n1e+10,nan\n"},
        {3, 0, (const char *const[]){"score"}, "score\n0.1\n-2\n1e+10\n"},
        {0, 2, (const char *const[]){"a", ""}, "a,\"\"\n"},
        {0, 0, NULL, ""},
    };
    const char *path = support_path("plain.csv");
    for (size_t i = 0; i < COUNT(files); i++) {
        ck_assert_ok(ae_csv_write(path, values, files[i].rows, files[i].columns, files[i].names));
        char *text = (char *)support_read(path, NULL);
        ck_assert_str_eq(text, files[i].text);
        free(text);
    }
    ck_assert_status(ae_csv_write(NULL, values, 1, 1, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "path is NULL");
    ck_assert_status(ae_csv_write(path, NULL, 1, 1, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "values is NULL");
    ck_assert_status(ae_csv_write(path, values, 1, 2, (const char *const[]){"a", NULL}),
                     AE_ERROR_INVALID_ARGUMENT, "names[1]");
}
END_TEST

/* Any damage gives a dataset or an error, and never more: the sanitizers and valgrind look on. */
START_TEST(damaged_files_do_no_harm)
{
    static const char whole[] = "id,\"a\"\"x\",b,class\n7,1.5,-2e3,0\n8,3,\"4\",1\r\n9,5,6,2\n";
    static const char letters[] = ",,\"\"\n\r;.-+eE0123456789xnai \t\xEF\xBB\xBF\x1f\x8b\0";
    uint64_t state = 78;
    size_t opened = 0, failed = 0;
    for (int i = 0; i < (support_slow() ? 300 : 6000); i++) {
        char text[sizeof whole];
        size_t size = sizeof whole - 1;
        memcpy(text, whole, sizeof whole);
        for (int hits = 1 + i % 4; hits > 0; hits--) {
            const size_t at = (size_t)(fixture_uniform(&state) * (float)(sizeof whole - 1));
            text[at] = letters[(size_t)(fixture_uniform(&state) * (float)(sizeof letters - 1))];
            if (fixture_uniform(&state) < 0.1f)
                size = at;
        }
        const char *path = support_path("damaged.csv");
        support_write(path, text, size);
        ae_dataset *dataset = NULL;
        const ae_status status = i % 3 == 0
                                     ? ae_dataset_open_csv(&dataset, path, NULL)
                                     : ae_dataset_open_csv(&dataset, path,
                                                           AE_CSV_OPTIONS(.label_column = 4));
        ck_assert_int_eq(status == AE_OK, dataset != NULL);
        if (status != AE_OK)
            ck_assert(support_contains(ae_last_error(), "damaged.csv: "));
        *(status == AE_OK ? &opened : &failed) += 1;
        ae_dataset_free(dataset);
    }
    ck_assert_uint_gt(opened, 20);
    ck_assert_uint_gt(failed, 100);
}
END_TEST

/* All but the last one, which only gives memory back. */
START_TEST(every_allocation_may_fail)
{
    char text[4000] =
        "a,b,\"a long name so that its room has to grow: ..................................\",k\n";
    for (int i = 0; i < 200; i++)
        snprintf(text + strlen(text), 32, "%d,2,3,%d\n", i, i);
    const char *path = make_file(text);
    size_t refusals = 0, n = 1;
    for (; n < 100; n++) {
        ae_dataset *dataset = NULL;
        support_fail_allocation(n);
        const ae_status status = ae_dataset_open_csv(&dataset, path,
                                                     AE_CSV_OPTIONS(.label_name = "k"));
        const int hit = support_allocation_failed();
        support_fail_allocation(0);
        if (status == AE_OK)
            ck_assert_uint_eq(ae_dataset_row_count(dataset), 200);
        else
            ck_assert_msg(status == AE_ERROR_OUT_OF_MEMORY && dataset == NULL, "%s",
                          ae_status_name(status));
        refusals += status != AE_OK;
        ae_dataset_free(dataset);
        if (!hit)
            break;
    }
    ck_assert_uint_ge(refusals, 10);
    ck_assert_uint_eq(refusals, n - 2);
}
END_TEST

Suite *csv_suite(void)
{
    Suite *suite = suite_create("csv");
    TCase *tcase = tcase_create("csv");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, line_ends_quotes_marks_and_blank_ends_do_not_matter);
    tcase_add_test(tcase, a_header_is_recognised_and_its_names_are_kept);
    tcase_add_test(tcase, columns_and_labels_are_chosen_by_number_or_name);
    tcase_add_loop_test(tcase, what_is_no_table_of_numbers_is_refused_by_line_and_column, 0,
                        (int)COUNT(refused));
    tcase_add_test(tcase, hostile_and_huge_files_are_refused);
    tcase_add_test(tcase, a_long_file_is_read_whole);
    const char *missing = python_lacks("tables.py", "$AE_PYTHON or python3 has no NumPy");
    support_add_test(tcase, what_pythons_csv_module_writes_is_read_to_the_bit, missing);
    support_add_test(tcase, what_we_write_pythons_csv_module_reads, missing);
    tcase_add_test(tcase, the_bytes_written_are_plain);
    tcase_add_test(tcase, damaged_files_do_no_harm);
    tcase_add_test(tcase, every_allocation_may_fail);
    suite_add_tcase(suite, tcase);
    return suite;
}
