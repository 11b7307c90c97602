/* SPDX-License-Identifier: BSD-3-Clause */
/* A session's results over a dataset as files: the same numbers as its calls give, whole or not at
 * all. */
#define _POSIX_C_SOURCE 200809L
#include "fixtures.h"
#include "suites.h"

#include <dirent.h>

/* Rows do not divide by the pieces, 100 or the session's 128. */
enum { ROWS = 2500, WIDTH = 6, CODE = 2 };

typedef struct setting {
    ae_dataset *dataset;
    ae_network *network;
    ae_session *session;
    float *rows;
} setting;

static setting make(size_t max_batch)
{
    setting s = {.rows = fixture_values(ROWS * WIDTH, -5, 5, 3)};
    s.dataset = fixture_dataset_of(s.rows, ROWS, WIDTH);
    s.network = FIXTURE_NETWORK(WIDTH, 5, CODE, 5, WIDTH);
    ck_assert_ok(ae_network_fit_scaling(s.network, s.dataset, NULL));
    ck_assert_ok(
        ae_session_create(&s.session, s.network, AE_SESSION_OPTIONS(.max_batch = max_batch)));
    return s;
}

static void drop(setting *s)
{
    ae_session_free(s->session);
    ae_network_free(s->network);
    ae_dataset_free(s->dataset);
    free(s->rows);
}

static size_t columns_of(ae_output output)
{
    return output <= AE_OUTPUT_CODES ? CODE : output == AE_OUTPUT_SCORES ? 1 : WIDTH;
}

/* What the session's own calls say. */
static float *expected(const setting *s, ae_output output, ae_cost cost)
{
    float *values = fixture_allocate(ROWS * columns_of(output), sizeof *values);
    float *scores = fixture_allocate(ROWS, sizeof *scores);
    if (output <= AE_OUTPUT_CODES)
        ck_assert_ok(ae_session_encode(s->session, s->rows, ROWS, values));
    else if (output == AE_OUTPUT_RECONSTRUCTIONS)
        ck_assert_ok(ae_session_reconstruct(s->session, s->rows, ROWS, values));
    else
        ck_assert_ok(ae_session_score(
            s->session, s->rows, ROWS, output == AE_OUTPUT_SCORES ? values : scores,
            output == AE_OUTPUT_SCORES ? NULL : values, AE_SCORE_OPTIONS(.cost = cost)));
    free(scores);
    return values;
}

static void check_dataset(ae_dataset *saved, const float *values, size_t columns)
{
    float *back = fixture_allocate(ROWS * columns, sizeof *back);
    ck_assert_uint_eq(ae_dataset_row_count(saved), ROWS);
    ck_assert_uint_eq(ae_dataset_feature_count(saved), columns);
    ck_assert_ok(ae_dataset_read(saved, 0, ROWS, back));
    ck_assert_mem_eq(back, values, ROWS * columns * sizeof *back);
    free(back);
    ae_dataset_free(saved);
}

START_TEST(files_hold_what_the_calls_give)
{
    setting s = make(_i == 0 ? 100 : 0);
    for (int output = AE_OUTPUT_DEFAULT; output <= AE_OUTPUT_CONTRIBUTIONS; output++) {
        const ae_cost cost = output == AE_OUTPUT_CONTRIBUTIONS ? AE_COST_SSE : AE_COST_DEFAULT;
        const ae_output_options *o = AE_OUTPUT_OPTIONS(.output = (ae_output)output, .cost = cost);
        const size_t columns = columns_of((ae_output)output);
        float *values = expected(&s, (ae_output)output, cost);
        const char *npy = support_path("out.npy"), *csv = support_path("out.csv");
        ck_assert_ok(ae_session_save_npy(s.session, s.dataset, npy, output == 0 ? NULL : o));
        ck_assert_ok(ae_session_save_csv(s.session, s.dataset, csv, output == 0 ? NULL : o));
        ae_dataset *saved = NULL;
        ck_assert_ok(ae_dataset_open_npy(&saved, npy, NULL));
        check_dataset(saved, values, columns);
        char *bytes = (char *)support_read(npy, NULL);
        ck_assert_int_eq(support_contains(bytes + 10, "(2500,)"), output == AE_OUTPUT_SCORES);
        free(bytes);
        ck_assert_ok(ae_dataset_open_csv(&saved, csv, NULL));
        static const char *const first[] = {"code_0", "code_0", "feature_0", "score", "feature_0"};
        static const char *const last[] = {"code_1", "code_1", "feature_5", "score", "feature_5"};
        ck_assert_str_eq(ae_dataset_column_name(saved, 0), first[output]);
        ck_assert_str_eq(ae_dataset_column_name(saved, columns - 1), last[output]);
        check_dataset(saved, values, columns);
        free(values);
    }
    drop(&s);
}
END_TEST

START_TEST(whole_datasets_go_into_memory)
{
    setting s = make(_i == 0 ? 100 : 0);
    float *values = fixture_allocate(ROWS * WIDTH, sizeof *values), *wanted;
    float *scores = fixture_allocate(ROWS, sizeof *scores);
    unsigned char flags[ROWS], wanted_flags[ROWS];
    wanted = expected(&s, AE_OUTPUT_CODES, AE_COST_DEFAULT);
    ck_assert_ok(ae_session_encode_dataset(s.session, s.dataset, values));
    ck_assert_mem_eq(values, wanted, ROWS * CODE * sizeof *values);
    free(wanted);
    wanted = expected(&s, AE_OUTPUT_RECONSTRUCTIONS, AE_COST_DEFAULT);
    ck_assert_ok(ae_session_reconstruct_dataset(s.session, s.dataset, values));
    ck_assert_mem_eq(values, wanted, ROWS * WIDTH * sizeof *values);
    free(wanted);
    wanted = expected(&s, AE_OUTPUT_CONTRIBUTIONS, AE_COST_SSE);
    ck_assert_ok(ae_session_score_dataset(s.session, s.dataset, scores, values,
                                          AE_SCORE_OPTIONS(.cost = AE_COST_SSE)));
    ck_assert_mem_eq(values, wanted, ROWS * WIDTH * sizeof *values);
    free(wanted);
    wanted = expected(&s, AE_OUTPUT_SCORES, AE_COST_SSE);
    ck_assert_mem_eq(scores, wanted, ROWS * sizeof *scores);
    free(wanted);
    wanted = expected(&s, AE_OUTPUT_SCORES, AE_COST_L2);
    ck_assert_ok(ae_session_score_dataset(s.session, s.dataset, scores, NULL, NULL));
    ck_assert_mem_eq(scores, wanted, ROWS * sizeof *scores);
    ck_assert_ok(ae_network_set_threshold(s.network, (double)scores[ROWS / 2], NULL));
    ck_assert_ok(ae_session_detect(s.session, s.rows, ROWS, wanted_flags, NULL));
    memset(scores, 0, ROWS * sizeof *scores);
    ck_assert_ok(ae_session_detect_dataset(s.session, s.dataset, flags, scores));
    ck_assert_mem_eq(scores, wanted, ROWS * sizeof *scores);
    ck_assert_mem_eq(flags, wanted_flags, ROWS);
    memset(flags, 9, ROWS);
    ck_assert_ok(ae_session_detect_dataset(s.session, s.dataset, flags, NULL));
    ck_assert_mem_eq(flags, wanted_flags, ROWS);
    free(wanted), free(scores), free(values);
    drop(&s);
}
END_TEST

START_TEST(whole_datasets_of_another_width_and_nulls_are_refused)
{
    setting s = make(16);
    ae_dataset *narrow = fixture_dataset(3, WIDTH - 1, 1);
    float values[3 * WIDTH] = {42};
    unsigned char flags[3] = {7};
    const ae_status invalid = AE_ERROR_INVALID_ARGUMENT;
    ck_assert_ok(ae_network_set_threshold(s.network, 1, NULL));
#define REFUSED(call, ...)                                                            \
    ck_assert_status(call(NULL, s.dataset, __VA_ARGS__), invalid, "session is NULL"); \
    ck_assert_status(call(s.session, NULL, __VA_ARGS__), invalid, "dataset is NULL"); \
    ck_assert_status(call(s.session, narrow, __VA_ARGS__), AE_ERROR_SHAPE,            \
                     "dataset: rows of 5 features, but the network takes 6")
    REFUSED(ae_session_encode_dataset, values);
    REFUSED(ae_session_reconstruct_dataset, values);
    REFUSED(ae_session_score_dataset, values, NULL, NULL);
    REFUSED(ae_session_detect_dataset, flags, NULL);
#undef REFUSED
    ck_assert_status(ae_session_encode_dataset(s.session, s.dataset, NULL), invalid,
                     "codes is NULL");
    ck_assert_status(ae_session_reconstruct_dataset(s.session, s.dataset, NULL), invalid,
                     "reconstructions is NULL");
    ck_assert_status(ae_session_score_dataset(s.session, s.dataset, NULL, values, NULL), invalid,
                     "scores is NULL");
    ck_assert_status(ae_session_detect_dataset(s.session, s.dataset, NULL, values), invalid,
                     "flags is NULL");
    ck_assert_status(ae_session_score_dataset(s.session, s.dataset, values, NULL,
                                              AE_SCORE_OPTIONS(.cost = (ae_cost)9)),
                     invalid, "cost is 9");
    ae_network_clear_threshold(s.network);
    ck_assert_status(ae_session_detect_dataset(s.session, s.dataset, flags, values),
                     AE_ERROR_NOT_SET, "has no threshold");
    support_fail_allocation(1);
    ck_assert_status(ae_session_encode_dataset(s.session, s.dataset, values),
                     AE_ERROR_OUT_OF_MEMORY, "memory");
    support_fail_allocation(0);
    ck_assert_float_eq(values[0], 42);
    ck_assert_int_eq(flags[0], 7);
    ae_dataset_free(narrow);
    drop(&s);
}
END_TEST

START_TEST(reconstructions_keep_the_columns_names)
{
    setting s = make(16);
    static const char *const names[WIDTH] = {"a", "b,b", "c\"", "d", "", "f"};
    ae_dataset *named = NULL, *saved = NULL, *view = NULL;
    ck_assert_ok(ae_csv_write(support_path("in.csv"), s.rows, 5, WIDTH, names));
    ck_assert_ok(ae_dataset_open_csv(&named, support_path("in.csv"), NULL));
    ck_assert_ok(ae_dataset_view(&view, named, 1, 3));
    ck_assert_ok(ae_session_save_csv(s.session, view, support_path("out.csv"),
                                     AE_OUTPUT_OPTIONS(.output = AE_OUTPUT_RECONSTRUCTIONS)));
    ck_assert_ok(ae_dataset_open_csv(&saved, support_path("out.csv"), NULL));
    ck_assert_uint_eq(ae_dataset_row_count(saved), 3);
    for (size_t i = 0; i < WIDTH; i++)
        ck_assert_str_eq(ae_dataset_column_name(saved, i), names[i]);
    float wanted[WIDTH], found[WIDTH];
    ck_assert_ok(ae_session_reconstruct(s.session, s.rows + WIDTH, 1, wanted));
    ck_assert_ok(ae_dataset_read(saved, 0, 1, found));
    ck_assert_mem_eq(found, wanted, sizeof found);
    ae_dataset_free(saved);
    ae_dataset_free(view);
    ae_dataset_free(named);
    drop(&s);
}
END_TEST

/* Files in the test's folder. */
static size_t count_files(void)
{
    DIR *folder = opendir(support_dir());
    size_t count = 0;
    ck_assert_ptr_nonnull(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count - 2; /* . and .. */
}

START_TEST(what_cannot_be_saved_is_refused_and_leaves_no_file)
{
    setting s = make(16);
    const char *path = support_path("out.npy");
    ae_status (*const calls[])(ae_session *, const ae_dataset *, const char *,
                               const ae_output_options *) = {ae_session_save_npy,
                                                             ae_session_save_csv};
    ae_dataset *narrow = fixture_dataset(3, WIDTH - 1, 1);
    ae_network *linear = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){WIDTH, 2, WIDTH}, .width_count = 3,
                           .output_activation = AE_ACTIVATION_LINEAR));
    ae_session *plain = NULL;
    ck_assert_ok(ae_session_create(&plain, linear, NULL));
    for (size_t i = 0; i < COUNT(calls); i++) {
        ck_assert_status(calls[i](NULL, s.dataset, path, NULL), AE_ERROR_INVALID_ARGUMENT,
                         "session is NULL");
        ck_assert_status(calls[i](s.session, NULL, path, NULL), AE_ERROR_INVALID_ARGUMENT,
                         "dataset is NULL");
        ck_assert_status(calls[i](s.session, s.dataset, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                         "path is NULL");
        ck_assert_status(calls[i](s.session, s.dataset, path, &(ae_output_options){0}),
                         AE_ERROR_INVALID_ARGUMENT, "size");
        ck_assert_status(
            calls[i](s.session, s.dataset, path, AE_OUTPUT_OPTIONS(.output = (ae_output)5)),
            AE_ERROR_INVALID_ARGUMENT, "output is 5");
        ck_assert_status(
            calls[i](s.session, s.dataset, path,
                     AE_OUTPUT_OPTIONS(.output = AE_OUTPUT_CONTRIBUTIONS, .cost = (ae_cost)9)),
            AE_ERROR_INVALID_ARGUMENT, "cost is 9");
        ck_assert_status(
            calls[i](plain, s.dataset, path,
                     AE_OUTPUT_OPTIONS(.output = AE_OUTPUT_SCORES, .cost = AE_COST_BCE)),
            AE_ERROR_INVALID_ARGUMENT, "sigmoid");
        ck_assert_status(calls[i](s.session, narrow, path, NULL), AE_ERROR_SHAPE, "5 features");
        ck_assert_status(calls[i](s.session, s.dataset, support_path("no/out"), NULL),
                         AE_ERROR_NOT_FOUND, "no/out");
    }
    ck_assert_uint_eq(count_files(), 0);
    ae_output_options options = {.output = AE_OUTPUT_CONTRIBUTIONS};
    ae_output_options_init(&options);
    ck_assert(options.size == sizeof options && options.output == 0);
    ae_output_options_init(NULL);
    ae_session_free(plain);
    ae_network_free(linear);
    ae_dataset_free(narrow);
    drop(&s);
}
END_TEST

START_TEST(arrays_that_cannot_be_saved_leave_the_old_file)
{
    const float six[6] = {1, 2, 3, 4, 5, 6};
    const char *path = support_path("kept.npy");
    support_write(path, "old", 3);
    ck_assert_status(ae_npy_write(NULL, six, 2, 3), AE_ERROR_INVALID_ARGUMENT, "path is NULL");
    ck_assert_status(ae_npy_write(path, NULL, 2, 3), AE_ERROR_INVALID_ARGUMENT, "values is NULL");
    ck_assert_status(ae_npy_write(path, six, SIZE_MAX / 8, 3), AE_ERROR_INVALID_ARGUMENT,
                     "overflow");
    ck_assert_status(ae_npy_write(path, six, 3, SIZE_MAX / 8), AE_ERROR_INVALID_ARGUMENT,
                     "overflow");
    ck_assert_status(ae_npy_write(support_path("no/such.npy"), six, 2, 3), AE_ERROR_NOT_FOUND,
                     "no/such.npy");
    size_t size;
    unsigned char *bytes = support_read(path, &size);
    ck_assert_uint_eq(size, 3);
    free(bytes);
    ck_assert_ok(ae_npy_write(path, NULL, 0, 3));
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    setting s = make(16);
    for (int csv = 0; csv < 2; csv++) {
        size_t n = 1;
        for (; n < 20; n++) {
            support_fail_allocation(n);
            const ae_status status = csv ? ae_session_save_csv(s.session, s.dataset,
                                                               support_path("out"), NULL)
                                         : ae_session_save_npy(s.session, s.dataset,
                                                               support_path("out"), NULL);
            support_fail_allocation(0);
            if (status == AE_OK)
                break;
            ck_assert_int_eq(status, AE_ERROR_OUT_OF_MEMORY);
            ck_assert_uint_eq(count_files(), (size_t)csv);
        }
        ck_assert_uint_eq(n, 5); /* results, table, file, rows */
    }
    drop(&s);
}
END_TEST

Suite *results_suite(void)
{
    Suite *suite = suite_create("results");
    TCase *tcase = tcase_create("output");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_loop_test(tcase, files_hold_what_the_calls_give, 0, 2);
    tcase_add_loop_test(tcase, whole_datasets_go_into_memory, 0, 2);
    tcase_add_test(tcase, whole_datasets_of_another_width_and_nulls_are_refused);
    tcase_add_test(tcase, reconstructions_keep_the_columns_names);
    tcase_add_test(tcase, what_cannot_be_saved_is_refused_and_leaves_no_file);
    tcase_add_test(tcase, arrays_that_cannot_be_saved_leave_the_old_file);
    tcase_add_test(tcase, every_allocation_may_fail);
    suite_add_tcase(suite, tcase);
    return suite;
}
