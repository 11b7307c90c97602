/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrow streams of a producer of our own, and tables of pyarrow, Polars and DuckDB. */
#define _POSIX_C_SOURCE 200809L /* readlink */
#include "data/storage.h"

#include "arrow_producer.h"
#include "python.h"
#include "suites.h"

#include <stdio.h>

START_TEST(columns_of_several_batches_become_rows)
{
    struct ArrowArrayStream stream;
    producer *p = make(&stream);
    float values[BATCHES * ROWS * 3];
    ae_dataset *dataset = NULL;
    p->top[1].offset = 1; /* a slice: rows 1 and 2 of the second batch */
    p->top[1].length = 2;
    ck_assert_ok(ae_dataset_create_from_arrow(
        &dataset, &stream,
        AE_ARROW_OPTIONS(.column_names = (const char *const[]){"v", "x"}, .column_count = 2,
                         .label_name = "n", .image_height = 1, .image_width = 3)));
    ck_assert_uint_eq(ae_dataset_row_count(dataset), ROWS + 2);
    ck_assert_uint_eq(ae_dataset_feature_count(dataset), 3);
    ck_assert_uint_eq(ae_dataset_image_width(dataset), 3);
    ck_assert_ptr_null(ae_dataset_column_name(dataset, 2));
    ck_assert_ok(ae_dataset_read(dataset, 0, ROWS + 2, values));
    for (size_t r = 0; r < ROWS + 2; r++) {
        const size_t b = r / ROWS, at = r < ROWS ? r : r - ROWS + 1;
        ck_assert(values[3 * r] == p->v[b][2 * at] && values[3 * r + 1] == p->v[b][2 * at + 1]);
        ck_assert(values[3 * r + 2] == (float)p->x[b][at]);
        ck_assert_int_eq(ae_dataset_label(dataset, r), p->n[b][at]);
    }
    ck_assert_int_eq(p->given, p->released);
    ae_dataset_free(dataset);
    finish(p, &stream);
}
END_TEST

START_TEST(a_single_array_of_lists_is_kept_until_the_last_view_goes)
{
    struct ArrowArrayStream stream;
    producer *p = make(&stream);
    ae_dataset *dataset = NULL, *view = NULL;
    p->batches = 1;
    p->arrays[0][2].offset = 1;
    p->arrays[0][2].length = p->top[0].length = ROWS - 1;
    ck_assert_ok(ae_dataset_create_from_arrow(
        &dataset, &stream,
        AE_ARROW_OPTIONS(.column_names = (const char *const[]){"v"}, .column_count = 1,
                         .label_name = _i == 0 ? NULL : "n")));
    ck_assert_ptr_eq(dataset->storage->values, &p->v[0][2]);
    ck_assert_int_eq(ae_dataset_label(dataset, 2), _i == 0 ? AE_LABEL_NONE : p->n[0][2]);
    ck_assert_ok(ae_dataset_view(&view, dataset, 1, 2));
    ae_dataset_free(dataset);
    ck_assert_int_eq(p->given, p->released + 1);
    ae_dataset_free(view);
    finish(p, &stream);
}
END_TEST

START_TEST(options_are_checked_and_the_stream_is_given_back)
{
    static const struct {
        const char *names[2];
        size_t count;
        const char *label;
        ae_status status;
        const char *part;
    } bad[] = {{{"z"}, 1, NULL, AE_ERROR_NOT_FOUND, "\"z\""},
               {{"x", "x"}, 2, NULL, AE_ERROR_INVALID_ARGUMENT, "named twice"},
               {{"x", NULL}, 2, NULL, AE_ERROR_INVALID_ARGUMENT, "column_names[1] is NULL"},
               {{"n"}, 1, "n", AE_ERROR_INVALID_ARGUMENT, "a feature and the label"},
               {{"x"}, 1, "q", AE_ERROR_NOT_FOUND, "\"q\""},
               {{"n"}, 1, "x", AE_ERROR_UNSUPPORTED, "labels are integers"},
               {{"x"}, 1, "v", AE_ERROR_UNSUPPORTED, "labels are integers"},
               {{"x"}, 0, NULL, AE_ERROR_INVALID_ARGUMENT, "column_count is 0"}};
    ae_dataset *dataset = NULL;
    struct ArrowArrayStream stream;
    for (size_t i = 0; i < COUNT(bad); i++) {
        producer *p = make(&stream);
        ck_assert_status(ae_dataset_create_from_arrow(&dataset, &stream,
                                                      AE_ARROW_OPTIONS(.column_names = bad[i].names,
                                                                       .column_count = bad[i].count,
                                                                       .label_name = bad[i].label)),
                         bad[i].status, bad[i].part);
        finish(p, &stream);
    }
    producer *p = make(&stream);
    ck_assert_status(ae_dataset_create_from_arrow(NULL, &stream, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "dataset");
    ck_assert_status(ae_dataset_create_from_arrow(&dataset, &stream, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "released already");
    ck_assert_status(ae_dataset_create_from_arrow(&dataset, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "stream");
    finish(p, &stream);
    p = make(&stream);
    ck_assert_status(ae_dataset_create_from_arrow(
                         &dataset, &stream, AE_ARROW_OPTIONS(.image_height = 3, .image_width = 5)),
                     AE_ERROR_INVALID_ARGUMENT, "image_height 3");
    finish(p, &stream);
}
END_TEST

START_TEST(reserved_bits_and_damaged_names_are_refused)
{
    ae_dataset *dataset = NULL;
    struct ArrowArrayStream stream;
    producer *p = make(&stream);
    p->fields[1].name = "x";
    ck_assert_status(
        ae_dataset_create_from_arrow(&dataset, &stream, AE_ARROW_OPTIONS(.label_name = "x")),
        AE_ERROR_FORMAT, "columns 0 and 1 are both called");
    finish(p, &stream);
    p = make(&stream);
    ck_assert_status(
        ae_dataset_create_from_arrow(&dataset, &stream, AE_ARROW_OPTIONS(.reserved = 1)),
        AE_ERROR_UNSUPPORTED, "reserved");
    finish(p, &stream);
    p = make(&stream);
    p->schema.n_children = 2; /* names that are not there are empty */
    p->fields[0].name = NULL;
    p->top[0].n_children = p->top[1].n_children = 2;
    ck_assert_ok(ae_dataset_create_from_arrow(&dataset, &stream, NULL));
    ck_assert_str_eq(ae_dataset_column_name(dataset, 0), "");
    ck_assert_str_eq(ae_dataset_column_name(dataset, 1), "n");
    ae_dataset_free(dataset);
    finish(p, &stream);
}
END_TEST

/* Copied and kept, each allocation in turn. */
START_TEST(every_allocation_may_fail)
{
    static const char *const names[] = {"v"};
    size_t failed = 0;
    for (size_t n = 1;; n++) {
        struct ArrowArrayStream stream;
        producer *p = make(&stream);
        ae_dataset *dataset = NULL;
        p->batches = _i == 0 ? 2 : 1;
        support_fail_allocation(n);
        const ae_status status = ae_dataset_create_from_arrow(
            &dataset, &stream,
            AE_ARROW_OPTIONS(.column_names = _i == 0 ? NULL : names, .column_count = (size_t)_i,
                             .label_name = "n"));
        const int hit = support_allocation_failed();
        support_fail_allocation(0);
        /* Shrinking a block at the end may fail without harm. */
        ck_assert(status == AE_OK || (hit && status == AE_ERROR_OUT_OF_MEMORY));
        ck_assert((status == AE_OK) == (dataset != NULL));
        failed += status != AE_OK;
        ae_dataset_free(dataset);
        finish(p, &stream);
        if (!hit)
            break;
    }
    ck_assert_uint_ge(failed, 4);
}
END_TEST

/* build/libae.so lies one folder above this program. */
static const char *library(void)
{
    static char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 16);
    path[length > 0 ? length : 0] = '\0';
    for (int up = 0; up < 2 && strrchr(path, '/') != NULL; up++)
        *strrchr(path, '/') = '\0';
    strcat(path, "/libae.so");
    return path;
}

static const char *const packages[] = {"pyarrow", "polars", "duckdb"};

START_TEST(tables_of_other_projects_are_read)
{
    const char *const arguments[] = {"check", packages[_i], library(), NULL};
    ck_assert_int_eq(python_run("arrow_reads.py", arguments), 0);
}
END_TEST

static const char *package_is_missing(size_t i)
{
    static char texts[COUNT(packages)][100];
    const char *const arguments[] = {"probe", packages[i], library(), NULL};
    snprintf(texts[i], sizeof texts[i], "$AE_PYTHON or python3 has no %s or NumPy, or no libae.so",
             packages[i]);
    return python_run("arrow_reads.py", arguments) == PYTHON_ABSENT ? texts[i] : NULL;
}

Suite *arrow_suite(void)
{
    Suite *suite = suite_create("arrow");
    TCase *tcase = tcase_create("arrow");
    tcase_set_timeout(tcase, 240); /* importing polars and others takes seconds */
    tcase_add_test(tcase, columns_of_several_batches_become_rows);
    tcase_add_loop_test(tcase, a_single_array_of_lists_is_kept_until_the_last_view_goes, 0, 2);
    tcase_add_test(tcase, options_are_checked_and_the_stream_is_given_back);
    tcase_add_test(tcase, reserved_bits_and_damaged_names_are_refused);
    tcase_add_loop_test(tcase, every_allocation_may_fail, 0, 2);
    for (size_t i = 0; i < COUNT(packages); i++)
        support_add_loop_test(tcase, tables_of_other_projects_are_read, (int)i, (int)i + 1,
                              package_is_missing(i));
    suite_add_tcase(suite, tcase);
    return suite;
}
