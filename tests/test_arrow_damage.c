/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrow streams that do not hold together, and nulls. */
#include "arrow_producer.h"
#include "suites.h"

/* Ways to be wrong, each done to a producer of its own. */
typedef void (*damage)(producer *p);
static const unsigned char valid[] = {0xFF, 0xFD}; /* bit 9 is null */

static void no_format(producer *p)
{
    p->fields[1].format = NULL;
}
static void no_columns(producer *p)
{
    p->schema.n_children = 0;
}
static void negative_columns(producer *p)
{
    p->schema.n_children = -1;
}
static void no_children(producer *p)
{
    p->schema.children = NULL;
}
static void no_child(producer *p)
{
    p->children[1] = NULL;
}
static void no_schema(producer *p)
{
    p->schema.release = NULL;
}
static void no_top_format(producer *p)
{
    p->schema.format = NULL;
}
static void bad_width(producer *p)
{
    p->fields[2].format = "+w:x";
}
static void zero_width(producer *p)
{
    p->fields[2].format = "+w:0";
}
static void vast_width(producer *p)
{
    p->fields[2].format = "+w:99999999999999999999";
}
static void large_width(producer *p)
{
    p->fields[2].format = "+w:900000000";
}
static void list_without_field(producer *p)
{
    p->fields[2].n_children = 0;
}
static void text(producer *p)
{
    p->fields[0].format = "u";
}
static void control(producer *p)
{
    p->fields[0].format = "\033[2J";
}
static void fewer_columns(producer *p)
{
    p->top[1].n_children = 2;
}
static void no_arrays(producer *p)
{
    p->top[1].children = NULL;
}
static void no_array(producer *p)
{
    p->columns[1][1] = NULL;
}
static void negative_length(producer *p)
{
    p->top[0].length = -1;
}
static void long_batch(producer *p)
{
    p->top[0].length = ROWS + 1;
}
static void endless_batch(producer *p)
{
    p->top[0].length = INT64_MAX;
}
static void negative_offset(producer *p)
{
    p->arrays[0][0].offset = -1;
}
static void vast_offset(producer *p)
{
    p->arrays[0][0].offset = INT64_MAX;
}
static void short_column(producer *p)
{
    p->arrays[1][1].length = ROWS - 1;
}
static void short_elements(producer *p)
{
    p->arrays[1][3].length = 2 * ROWS - 1;
}
static void no_elements(producer *p)
{
    p->arrays[1][2].n_children = 0;
}
static void no_values(producer *p)
{
    p->buffers[1][0][1] = NULL;
}
static void no_buffers(producer *p)
{
    p->arrays[0][1].buffers = NULL;
}
static void one_buffer(producer *p)
{
    p->arrays[0][1].n_buffers = 1;
}
static void no_rows(producer *p)
{
    p->batches = 0;
}
static void empty_batches(producer *p)
{
    p->top[0].length = p->top[1].length = 0;
}
static void not_finite(producer *p)
{
    p->x[1][2] = HUGE_VAL;
}
static void too_large(producer *p)
{
    p->x[0][3] = 1e300;
}
static void stream_breaks(producer *p)
{
    p->fail_at = 1;
}
static void stream_is_broken(producer *p)
{
    p->fail_at = 0;
}
static void schema_fails(producer *p)
{
    p->fail_schema = EINVAL;
}
static void schema_has_no_memory(producer *p)
{
    p->fail_schema = ENOMEM;
}

static void null_value(producer *p)
{
    p->arrays[1][0].offset = 7;
    p->arrays[1][0].length = ROWS;
    p->top[1].length = 3;
    p->arrays[1][0].null_count = -1;
    static double twelve[12];
    p->buffers[1][0][0] = valid;
    p->buffers[1][0][1] = twelve;
}

static void null_row(producer *p)
{
    static const unsigned char but_third[] = {0xFB};
    p->top[0].null_count = 1;
    p->none[0] = but_third;
}

static const struct {
    damage damage;
    ae_status status;
    const char *part;
} damages[] = {
    {no_format, AE_ERROR_FORMAT, "column 1 of the Arrow schema"},
    {no_columns, AE_ERROR_FORMAT, "no columns"},
    {negative_columns, AE_ERROR_FORMAT, "-1 columns"},
    {no_children, AE_ERROR_FORMAT, "3 columns, but no list"},
    {no_child, AE_ERROR_FORMAT, "column 1"},
    {no_schema, AE_ERROR_FORMAT, "no schema"},
    {no_top_format, AE_ERROR_FORMAT, "no format"},
    {bad_width, AE_ERROR_UNSUPPORTED, "column 2 (v)"},
    {zero_width, AE_ERROR_UNSUPPORTED, "column 2 (v)"},
    {vast_width, AE_ERROR_UNSUPPORTED, "column 2 (v)"},
    {large_width, AE_ERROR_FORMAT, "\"v\" is too short"},
    {list_without_field, AE_ERROR_UNSUPPORTED, "column 2 (v)"},
    {text, AE_ERROR_UNSUPPORTED, "column 0 (x) is of type text"},
    {control, AE_ERROR_UNSUPPORTED, "type ?[2J"},
    {fewer_columns, AE_ERROR_FORMAT, "2 columns, but the schema has 3"},
    {no_arrays, AE_ERROR_FORMAT, "3 columns"},
    {no_array, AE_ERROR_FORMAT, "\"n\" is not there"},
    {negative_length, AE_ERROR_FORMAT, "outside its range"},
    {long_batch, AE_ERROR_FORMAT, "\"x\" is too short"},
    {endless_batch, AE_ERROR_FORMAT, "outside its range"},
    {negative_offset, AE_ERROR_FORMAT, "\"x\" has a length or an offset"},
    {vast_offset, AE_ERROR_FORMAT, "\"x\" has a length or an offset"},
    {short_column, AE_ERROR_FORMAT, "\"n\" is too short"},
    {short_elements, AE_ERROR_FORMAT, "\"v\" is too short"},
    {no_elements, AE_ERROR_FORMAT, "\"v\" has no elements"},
    {no_values, AE_ERROR_FORMAT, "\"x\" has no values"},
    {no_buffers, AE_ERROR_FORMAT, "\"n\" has another number of buffers"},
    {one_buffer, AE_ERROR_FORMAT, "\"n\" has another number of buffers"},
    {no_rows, AE_ERROR_FORMAT, "no rows"},
    {empty_batches, AE_ERROR_FORMAT, "no rows"},
    {not_finite, AE_ERROR_DATA, "row 6, column 0"},
    {too_large, AE_ERROR_DATA, "row 3, column 0"},
    {null_value, AE_ERROR_DATA, "row 6, column \"x\": null"},
    {null_row, AE_ERROR_DATA, "row 2, column \"x\": null"},
    {stream_breaks, AE_ERROR_IO, "get_next failed with error 5: the tape is torn"},
    {stream_is_broken, AE_ERROR_IO, "the tape is torn"},
    {schema_fails, AE_ERROR_IO, "get_schema"},
    {schema_has_no_memory, AE_ERROR_OUT_OF_MEMORY, "get_schema"},
};

START_TEST(what_does_not_hold_together_is_refused_and_given_back)
{
    struct ArrowArrayStream stream;
    producer *p = make(&stream);
    ae_dataset *dataset = NULL;
    damages[_i].damage(p);
    ck_assert_status(ae_dataset_create_from_arrow(&dataset, &stream, NULL), damages[_i].status,
                     damages[_i].part);
    ck_assert_ptr_null(dataset);
    finish(p, &stream);
}
END_TEST

START_TEST(nulls_are_nan_where_missing_values_are_kept)
{
    struct ArrowArrayStream stream;
    producer *p = make(&stream);
    float row[4];
    ae_dataset *dataset = NULL;
    null_row(p);
    null_value(p);
    p->none[0] = NULL;
    ck_assert_ok(ae_dataset_create_from_arrow(&dataset, &stream,
                                              AE_ARROW_OPTIONS(.missing = AE_MISSING_KEEP)));
    ck_assert_int_eq(ae_dataset_has_missing(dataset), 1);
    ck_assert_ok(ae_dataset_read(dataset, 6, 1, row));
    ck_assert(isnan(row[0]) && row[1] == p->n[1][2] && row[3] == -2);
    ae_dataset_free(dataset);
    finish(p, &stream);
}
END_TEST

Suite *arrow_damage_suite(void)
{
    Suite *suite = suite_create("arrow_damage");
    TCase *tcase = tcase_create("arrow_damage");
    tcase_add_loop_test(tcase, what_does_not_hold_together_is_refused_and_given_back, 0,
                        COUNT(damages));
    tcase_add_test(tcase, nulls_are_nan_where_missing_values_are_kept);
    suite_add_tcase(suite, tcase);
    return suite;
}
