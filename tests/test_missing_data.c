/* SPDX-License-Identifier: BSD-3-Clause */
/* Missing values in datasets: kept where asked for, known to every view, refused by those who
 * cannot do without a value. */
#include "fixtures.h"
#include "suites.h"

#include <stdio.h>

/* Two features; row 1 lacks the second value, row 3 both. */
static const float holes[] = {1, 2, 3, NAN, 5, 6, NAN, NAN, 9, 4};

static ae_dataset *with_holes(void)
{
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_f32(&dataset, holes, 5, 2,
                                       AE_DATASET_OPTIONS(.missing = AE_MISSING_KEEP)));
    return dataset;
}

/* The same values, NaN for NaN. */
static void check_rows(const ae_dataset *dataset, const float *wanted, size_t rows)
{
    float values[32];
    const size_t features = ae_dataset_feature_count(dataset);
    ck_assert_uint_eq(ae_dataset_row_count(dataset), rows);
    ck_assert_ok(ae_dataset_read(dataset, 0, rows, values));
    for (size_t i = 0; i < rows * features; i++) {
        ck_assert_int_eq(isnan(values[i]), isnan(wanted[i]));
        ck_assert(isnan(wanted[i]) || !(values[i] < wanted[i] || values[i] > wanted[i]));
    }
}

static int copy_row(void *user, size_t row, float *values)
{
    memcpy(values, (const float *)user + 2 * row, 2 * sizeof *values);
    return 0;
}

START_TEST(memory_keeps_them_where_asked_and_refuses_them_otherwise)
{
    static const ae_missing refusing[] = {AE_MISSING_DEFAULT, AE_MISSING_REFUSE};
    const float infinite[] = {1, NAN, INFINITY, 4};
    float copy[COUNT(holes)];
    memcpy(copy, holes, sizeof holes);
    const ae_dataset_options keep = {.size = sizeof keep, .missing = AE_MISSING_KEEP};
    ae_dataset *dataset = NULL;
    for (size_t i = 0; i < COUNT(refusing); i++)
        ck_assert_status(ae_dataset_create_f32(&dataset, holes, 5, 2,
                                               AE_DATASET_OPTIONS(.missing = refusing[i])),
                         AE_ERROR_DATA, "row 1, column 1: nan is not finite");
    ck_assert_status(ae_dataset_create_f32(&dataset, infinite, 2, 2, &keep), AE_ERROR_DATA,
                     "row 1, column 0: inf is not finite");
    ck_assert_ptr_null(dataset);
    dataset = with_holes();
    ck_assert_int_eq(ae_dataset_has_missing(dataset), 1);
    check_rows(dataset, holes, 5);
    ae_dataset_free(dataset);
    ck_assert_ok(ae_dataset_create_from_callback(&dataset, 5, 2, copy_row, copy, &keep));
    ck_assert_int_eq(ae_dataset_has_missing(dataset), 1);
    check_rows(dataset, holes, 5);
    ae_dataset_free(dataset);
    /* Allowed is not the same as there. */
    ck_assert_ok(ae_dataset_create_f32(&dataset, holes, 1, 2, &keep));
    ck_assert_int_eq(ae_dataset_has_missing(dataset), 0);
    ae_dataset_free(dataset);
    ck_assert_ok(ae_dataset_create_u8(&dataset, (const uint8_t[]){1, 2}, 1, 2, &keep));
    ck_assert_int_eq(ae_dataset_has_missing(dataset), 0);
    ae_dataset_free(dataset);
    ck_assert_int_eq(ae_dataset_has_missing(NULL), 0);
}
END_TEST

/* As numpy.save writes [[1, nan], [3, 4]], in float64 and float32. */
static size_t make_npy(unsigned char *file, const char *descr, const void *values, size_t bytes)
{
    char header[128];
    (void)snprintf(header, sizeof header,
                   "{'descr': '%s', 'fortran_order': False, 'shape': (2, 2), }", descr);
    const size_t length = strlen(header);
    memset(file, ' ', 128);
    memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
    memcpy(file + 10, header, length);
    file[127] = '\n';
    memcpy(file + 128, values, bytes);
    return 128 + bytes;
}

START_TEST(npy_and_idx_keep_them_too_mapped_or_not)
{
    const double doubles[] = {1, (double)NAN, 3, 4};
    const float floats[] = {1, NAN, 3, 4};
    unsigned char file[256];
    const uint16_t one = 1;
    const bool little = *(const unsigned char *)&one == 1;
    ae_dataset *dataset = NULL;
    const ae_dataset_options keep = {.size = sizeof keep, .missing = AE_MISSING_KEEP};
    size_t size = make_npy(file, little ? "<f8" : ">f8", doubles, sizeof doubles);
    ck_assert_status(ae_dataset_open_npy_memory(&dataset, file, size, NULL), AE_ERROR_DATA,
                     "row 0, column 1: nan");
    ck_assert_ok(ae_dataset_open_npy_memory(&dataset, file, size, &keep));
    ck_assert_int_eq(ae_dataset_has_missing(dataset), 1);
    check_rows(dataset, floats, 2);
    ae_dataset_free(dataset);
    size = make_npy(file, little ? "<f4" : ">f4", floats, sizeof floats);
    support_write(support_path("made.npy"), file, size);
    ck_assert_ok(
        ae_dataset_open_npy(&dataset, support_path("made.npy"),
                            AE_DATASET_OPTIONS(.map = AE_TOGGLE_ON, .missing = AE_MISSING_KEEP)));
    ck_assert_int_eq(ae_dataset_has_missing(dataset), 1);
    check_rows(dataset, floats, 2);
    ae_dataset_free(dataset);
    static const unsigned char idx[] = {0, 0, 0x0D, 2,    0, 0, 0,    1,    0, 0,
                                        0, 2, 0x3F, 0x80, 0, 0, 0x7F, 0xC0, 0, 0};
    ck_assert_status(ae_dataset_open_idx_memory(&dataset, idx, sizeof idx, NULL), AE_ERROR_DATA,
                     "row 0, column 1: nan");
    ck_assert_ok(ae_dataset_open_idx_memory(&dataset, idx, sizeof idx, &keep));
    ck_assert_int_eq(ae_dataset_has_missing(dataset), 1);
    check_rows(dataset, floats, 1);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(csv_knows_the_words_for_no_value)
{
    static const char *const words[] = {"",     "  ",   "\t",   "NA",   " NA ", "N/A", "n/a",
                                        "#N/A", "#NA",  "NaN",  "nan",  "-nan", "NAN", "+NaN",
                                        "null", "NULL", "None", "none", "<NA>", "?",   "-"};
    static const char *const others[] = {"inf", "--",    "??",      "N", "NAA",
                                         "nul", "nulls", "#DIV/0!", "no"};
    char text[64];
    ae_dataset *dataset = NULL;
    const ae_csv_options keep = {.size = sizeof keep, .missing = AE_MISSING_KEEP};
    for (size_t i = 0; i < COUNT(words); i++) {
        (void)snprintf(text, sizeof text, "a,b\n1,%s\n3,4\n", words[i]);
        ck_assert_status(ae_dataset_open_csv_memory(&dataset, text, strlen(text), NULL),
                         AE_ERROR_DATA, "line 2, column 2 (b): \"");
        ck_assert_ok(ae_dataset_open_csv_memory(&dataset, text, strlen(text), &keep));
        ck_assert_int_eq(ae_dataset_has_missing(dataset), 1);
        check_rows(dataset, (const float[]){1, NAN, 3, 4}, 2);
        ae_dataset_free(dataset);
    }
    dataset = NULL;
    for (size_t i = 0; i < COUNT(others); i++) {
        (void)snprintf(text, sizeof text, "a,b\n1,%s\n3,4\n", others[i]);
        ck_assert_status(ae_dataset_open_csv_memory(&dataset, text, strlen(text), &keep),
                         AE_ERROR_DATA, "line 2, column 2 (b): \"");
    }
    /* A label cannot be missing; a first row without a header can. */
    static const char label[] = "a,k\n1,\n";
    ck_assert_status(
        ae_dataset_open_csv_memory(&dataset, label, strlen(label),
                                   AE_CSV_OPTIONS(.label_name = "k", .missing = AE_MISSING_KEEP)),
        AE_ERROR_DATA, "line 2, column 2 (k): \"\" is no label");
    static const char first[] = "1,NA\n3,4\n";
    ck_assert_ok(ae_dataset_open_csv_memory(&dataset, first, strlen(first), &keep));
    check_rows(dataset, (const float[]){1, NAN, 3, 4}, 2);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(a_view_answers_for_its_own_rows)
{
    ae_dataset *dataset = with_holes(), *view = NULL, *rest = NULL, *all = NULL;
    ck_assert_ok(ae_dataset_view(&view, dataset, 2, 1));
    ck_assert_int_eq(ae_dataset_has_missing(view), 0);
    ck_assert_ok(ae_dataset_view(&rest, dataset, 2, 2));
    ck_assert_int_eq(ae_dataset_has_missing(rest), 1);
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const[]){view, view}, 2));
    ck_assert_int_eq(ae_dataset_has_missing(all), 0);
    ae_dataset_free(all);
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const[]){view, rest}, 2));
    ck_assert_int_eq(ae_dataset_has_missing(all), 1);
    check_rows(all, (const float[]){5, 6, 5, 6, NAN, NAN}, 3);
    ae_dataset_free(all);
    ae_dataset_free(rest);
    ae_dataset_free(view);
    ck_assert_ok(ae_dataset_select(&view, dataset, (const size_t[]){4, 0, 2}, 3));
    ck_assert_int_eq(ae_dataset_has_missing(view), 0);
    ck_assert_ok(ae_dataset_shuffle(&rest, view, 1));
    ck_assert_int_eq(ae_dataset_has_missing(rest), 0);
    ae_dataset_free(rest);
    ck_assert_ok(ae_dataset_create_labelled(&rest, view, (const int32_t[]){1, 2, 3}, 3));
    ck_assert_int_eq(ae_dataset_has_missing(rest), 0);
    ae_dataset_free(rest);
    ae_dataset_free(view);
    ck_assert_ok(ae_dataset_select(&view, dataset, (const size_t[]){0, 3}, 2));
    ck_assert_int_eq(ae_dataset_has_missing(view), 1);
    ae_dataset_free(view);
    ck_assert_ok(ae_dataset_shuffle(&view, dataset, 1));
    ck_assert_int_eq(ae_dataset_has_missing(view), 1);
    ae_dataset_free(view);
    ck_assert_ok(ae_dataset_split(&view, &rest, dataset, 1));
    ck_assert_int_eq(ae_dataset_has_missing(view), 0);
    ck_assert_int_eq(ae_dataset_has_missing(rest), 1);
    ae_dataset_free(view);
    ae_dataset_free(rest);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(means_and_scalings_are_of_the_values_that_are_there)
{
    ae_dataset *dataset = with_holes(), *view = NULL;
    ae_network *network = FIXTURE_NETWORK(2, 1, 2);
    float mean[2], offset[2], scale[2];
    ck_assert_ok(ae_dataset_mean(dataset, mean));
    ck_assert_float_eq_tol(mean[0], 4.5f, 1e-6f); /* of 1, 3, 5, 9 */
    ck_assert_float_eq_tol(mean[1], 4, 1e-6f);    /* of 2, 6, 4 */
    ck_assert_ok(ae_network_fit_scaling(network, dataset, NULL));
    ck_assert_ok(ae_network_get_scaling(network, offset, scale));
    ck_assert_float_eq(offset[0], 1);
    ck_assert_float_eq(offset[1], 2);
    ck_assert_float_eq(scale[0], 8);
    ck_assert_float_eq(scale[1], 4);
    ck_assert_ok(
        ae_network_fit_scaling(network, dataset, AE_SCALING_OPTIONS(.kind = AE_SCALING_Z_SCORE)));
    ck_assert_ok(ae_network_get_scaling(network, offset, scale));
    ck_assert_float_eq_tol(offset[0], 4.5f, 1e-6f);
    ck_assert_float_eq_tol(scale[0], sqrtf(8.75f), 1e-6f); /* 12.25 2.25 0.25 20.25, by 4 */
    ck_assert_float_eq_tol(scale[1], sqrtf(8.0f / 3), 1e-6f);
    ck_assert_ok(ae_dataset_view(&view, dataset, 1, 1));
    ck_assert_status(ae_network_fit_scaling(network, view, NULL), AE_ERROR_DATA,
                     "column 1: every value is missing");
    ck_assert_ok(ae_dataset_mean(view, mean));
    ck_assert(isnan(mean[1]));
    ae_dataset_free(view);
    ae_network_free(network);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(without_fill_values_a_missing_value_is_refused_by_row_and_column)
{
    static const char text[] = "row 1, column 1: a missing value";
    ae_dataset *dataset = with_holes(), *whole = NULL;
    ae_network *network = FIXTURE_NETWORK(2, 1, 2);
    ae_session *session = NULL;
    ae_evaluation evaluation = {.size = sizeof evaluation};
    ae_diagnosis diagnosis = {.size = sizeof diagnosis};
    float scores[5];
    size_t counts[2];
    ck_assert_ok(ae_dataset_view(&whole, dataset, 0, 1));
    ck_assert_status(ae_network_evaluate(network, dataset, &evaluation, NULL), AE_ERROR_DATA, text);
    ck_assert_status(ae_network_fit_threshold(network, dataset, NULL), AE_ERROR_DATA, text);
    ck_assert_status(ae_network_diagnose(network, dataset, whole, &diagnosis, NULL), AE_ERROR_DATA,
                     text);
    ck_assert_status(ae_network_dead_units(network, dataset, counts, 2), AE_ERROR_DATA, text);
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_status(ae_session_score_dataset(session, dataset, scores, NULL, NULL), AE_ERROR_DATA,
                     text);
    ae_session_free(session);
    ae_network_free(network);
    ae_dataset_free(whole);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(a_held_out_row_without_any_value_is_named)
{
    const float values[] = {1, 2, NAN, NAN, 3, 4};
    ae_dataset *dataset = NULL;
    ae_network *network = FIXTURE_NETWORK(2, 1, 2);
    ck_assert_ok(ae_dataset_create_f32(&dataset, values, 3, 2,
                                       AE_DATASET_OPTIONS(.missing = AE_MISSING_KEEP)));
    ck_assert_ok(ae_network_set_fill(network, (const float[]){2, 3}));
    ck_assert_status(ae_network_fit_threshold(network, dataset, NULL), AE_ERROR_DATA,
                     "held-out row 1: its score nan is not finite: all of its values may be");
    ck_assert(!ae_network_has_threshold(network));
    ae_network_free(network);
    ae_dataset_free(dataset);
}
END_TEST

Suite *missing_data_suite(void)
{
    Suite *suite = suite_create("missing_data");
    TCase *data = tcase_create("data");
    tcase_add_checked_fixture(data, NULL, support_dir_remove);
    tcase_add_test(data, memory_keeps_them_where_asked_and_refuses_them_otherwise);
    tcase_add_test(data, npy_and_idx_keep_them_too_mapped_or_not);
    tcase_add_test(data, csv_knows_the_words_for_no_value);
    tcase_add_test(data, a_view_answers_for_its_own_rows);
    tcase_add_test(data, means_and_scalings_are_of_the_values_that_are_there);
    tcase_add_test(data, without_fill_values_a_missing_value_is_refused_by_row_and_column);
    tcase_add_test(data, a_held_out_row_without_any_value_is_named);
    suite_add_tcase(suite, data);
    return suite;
}
