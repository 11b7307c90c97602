/* SPDX-License-Identifier: BSD-3-Clause */
/* What datasets and networks know of their columns, wherever the two meet. */
#include "fixtures.h"
#include "suites.h"

#include <stdio.h>

/* Rows under such a header line, between 0 and 1. */
static ae_dataset *table(const char *header, size_t columns)
{
    static char text[4096];
    size_t used = (size_t)snprintf(text, sizeof text, "%s\n", header);
    uint64_t state = 5;
    for (size_t r = 0; r < 20; r++)
        for (size_t j = 0; j < columns; j++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%.4f%s",
                                     (double)fixture_uniform(&state), j + 1 < columns ? "," : "\n");
    ae_dataset *dataset = NULL;
    ck_assert_ok(
        ae_dataset_open_csv_memory(&dataset, text, used, AE_CSV_OPTIONS(.header = AE_TOGGLE_ON)));
    return dataset;
}

/* One whose output can reach any value. */
static ae_network *linear_network(size_t features)
{
    return fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){features, 1, features}, .width_count = 3,
                           .output_activation = AE_ACTIVATION_LINEAR));
}

/* A network that knows the names temp and pressure. */
static ae_network *named_network(void)
{
    ae_network *network = linear_network(2);
    ae_dataset *dataset = table("temp,pressure", 2);
    ck_assert_ok(ae_network_fit_scaling(network, dataset, NULL));
    ae_dataset_free(dataset);
    return network;
}

/* Every call that takes a network and a dataset refuses them with this text. */
static void all_refuse(ae_network *network, const ae_dataset *dataset, const char *text)
{
    const size_t features = ae_dataset_feature_count(dataset);
    float *out = fixture_allocate(ae_dataset_row_count(dataset) * features, sizeof *out);
    unsigned char flags[4096];
    ae_evaluation evaluation = {.size = sizeof evaluation};
    ae_diagnosis diagnosis = {.size = sizeof diagnosis};
    ae_session *session = NULL;
    ae_trainer *trainer = NULL;
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_dataset *good = fixture_dataset(20, ae_network_input_width(network), 1);
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_network_set_threshold(network, 1, NULL));
    ck_assert_status(ae_network_check_dataset(network, dataset), AE_ERROR_SHAPE, text);
    ck_assert_status(ae_network_fit_scaling(network, dataset, NULL), AE_ERROR_SHAPE, text);
    ck_assert_status(ae_network_fit_threshold(network, dataset, NULL), AE_ERROR_SHAPE, text);
    ck_assert_status(ae_network_evaluate(network, dataset, &evaluation, NULL), AE_ERROR_SHAPE,
                     text);
    ck_assert_status(ae_network_diagnose(network, dataset, good, &diagnosis, NULL), AE_ERROR_SHAPE,
                     text);
    ck_assert_status(ae_network_diagnose(network, good, dataset, &diagnosis, NULL), AE_ERROR_SHAPE,
                     text);
    ck_assert_status(ae_trainer_create(&trainer, network, adam, dataset, NULL), AE_ERROR_SHAPE,
                     text);
    ck_assert_status(
        ae_trainer_create(&trainer, network, adam, good, AE_TRAINER_OPTIONS(.validation = dataset)),
        AE_ERROR_SHAPE, text);
    ck_assert_status(ae_session_encode_dataset(session, dataset, out), AE_ERROR_SHAPE, text);
    ck_assert_status(ae_session_reconstruct_dataset(session, dataset, out), AE_ERROR_SHAPE, text);
    ck_assert_status(ae_session_score_dataset(session, dataset, out, NULL, NULL), AE_ERROR_SHAPE,
                     text);
    ck_assert_status(ae_session_detect_dataset(session, dataset, flags, NULL), AE_ERROR_SHAPE,
                     text);
    ck_assert_status(ae_session_save_csv(session, dataset, support_path("r"), NULL), AE_ERROR_SHAPE,
                     text);
    ck_assert_status(ae_session_save_npy(session, dataset, support_path("r"), NULL), AE_ERROR_SHAPE,
                     text);
    ck_assert_uint_eq(support_entries(support_dir()), 0);
    ae_dataset_free(good), ae_session_free(session), ae_optimizer_free(adam);
    free(out);
}

/* A header in Latin-1: names stay the same from the file to the network and back. */
START_TEST(a_saved_model_takes_the_table_that_it_was_made_from)
{
    ae_dataset *dataset = table("Gr\xf6\xdf"
                                "e,\"b\nc\"",
                                2);
    ae_network *network = linear_network(2), *loaded = NULL;
    char *file = fixture_allocate(1 << 16, 1);
    size_t size;
    ck_assert_ok(ae_network_fit_scaling(network, dataset, NULL));
    ck_assert_ok(ae_network_save_memory(network, file, 1 << 16, &size));
    ck_assert_ok(ae_network_load_memory(&loaded, file, size, NULL));
    ck_assert_str_eq(ae_network_column_name(loaded, 0), "Gr??e");
    ck_assert_str_eq(ae_network_column_name(loaded, 1), "b c");
    ck_assert_ok(ae_network_check_dataset(loaded, dataset));
    ck_assert_ok(ae_network_set_column_names(loaded,
                                             (const char *const[]){"Gr\xf6\xdf"
                                                                   "e",
                                                                   "b\nc"},
                                             2));
    ck_assert_ok(ae_network_check_dataset(loaded, dataset));
    free(file);
    ae_network_free(network);
    ae_network_free(loaded);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(columns_in_another_order_are_refused_everywhere)
{
    static const struct {
        const char *header;
        size_t columns;
        const char *text;
    } others[] = {
        {"pressure,temp", 2,
         "column 0 of 2 is \"pressure\", but \"temp\" of 2 for the network: "
         "take them in that order by ae_dataset_select_columns"},
        {"temp,level", 2,
         "column 1 of 2 is \"level\", but \"pressure\" of 2 for the network: no "
         "column has that name"},
        {"Temp,pressure", 2, "column 0 of 2 is \"Temp\""},
        {",temp,pressure", 3, "column 0 of 3 is \"\", but \"temp\" of 2 for the network: take"},
        {"temp,pressure,level", 3, "column 2 of 3 is \"level\", but none of 2"},
        {"temp", 1, "column 1 of 1 is none, but \"pressure\" of 2"},
        {"te\x1b[31mmp,pressure", 2, "column 0 of 2 is \"te?[31mmp\""},
    };
    ae_network *network = named_network();
    for (size_t i = 0; i < COUNT(others); i++) {
        ae_dataset *dataset = table(others[i].header, others[i].columns);
        all_refuse(network, dataset, others[i].text);
        ae_dataset_free(dataset);
    }
    ae_dataset *same = table("temp,pressure", 2), *nameless = fixture_dataset(20, 2, 1);
    ck_assert_ok(ae_network_check_dataset(network, same));
    ck_assert_ok(ae_network_check_dataset(network, nameless));
    ck_assert_status(ae_network_check_dataset(NULL, same), AE_ERROR_INVALID_ARGUMENT, "network");
    ck_assert_status(ae_network_check_dataset(network, NULL), AE_ERROR_INVALID_ARGUMENT, "dataset");
    ck_assert_ok(ae_network_set_column_names(network, NULL, 0));
    ae_dataset *swapped = table("pressure,temp", 2);
    ck_assert_ok(ae_network_check_dataset(network, swapped));
    ae_dataset_free(swapped), ae_dataset_free(same), ae_dataset_free(nameless);
    ae_network_free(network);
}
END_TEST

START_TEST(pictures_of_another_size_are_refused)
{
    const uint8_t pixels[2 * 12] = {3, 1, 4, 1, 5, 9, 2, 6};
    ae_dataset *tall = NULL, *wide = NULL, *other = NULL, *raw = NULL;
    ck_assert_ok(ae_dataset_create_u8(&tall, pixels, 2, 12,
                                      AE_DATASET_OPTIONS(.image_height = 4, .image_width = 3)));
    ck_assert_ok(ae_dataset_create_u8(&wide, pixels, 2, 12,
                                      AE_DATASET_OPTIONS(.image_height = 3, .image_width = 4)));
    ck_assert_ok(ae_dataset_create_u8(&other, pixels, 2, 12, AE_DATASET_OPTIONS(.scale = 1)));
    const float values[24] = {0, 255, 7};
    raw = fixture_dataset_of(values, 2, 12);
    ae_network *network = linear_network(12);
    ck_assert_ok(ae_network_fit_scaling(network, tall, NULL));
    all_refuse(network, wide,
               "images of 3 x 4 pixels (height x width), but of 4 x 3 for the network");
    all_refuse(network, other,
               "its uint8 values are multiplied by 1, but by 0.00392157 for the network");
    all_refuse(network, raw,
               "whole numbers up to 255, but uint8 multiplied by 0.00392157 for the network");
    ck_assert_ok(ae_network_set_image_size(network, 0, 0));
    ck_assert_ok(ae_network_check_dataset(network, wide));
    ck_assert_ok(ae_network_set_uint8_scale(network, 0));
    ck_assert_ok(ae_network_check_dataset(network, other));
    ck_assert_ok(ae_network_check_dataset(network, raw));
    ck_assert_status(ae_network_set_image_size(network, 3, 5), AE_ERROR_SHAPE, "height 3 x");
    ck_assert_status(ae_network_set_image_size(network, 0, 12), AE_ERROR_SHAPE, "height 0 x");
    ck_assert_status(ae_network_set_image_size(network, 5, 2), AE_ERROR_SHAPE, "height 5 x");
    ck_assert_status(ae_network_set_uint8_scale(network, -1), AE_ERROR_INVALID_ARGUMENT, "-1");
    ck_assert_status(ae_network_set_uint8_scale(network, NAN), AE_ERROR_INVALID_ARGUMENT, "nan");
    ck_assert_status(ae_network_set_uint8_scale(network, 1e37f), AE_ERROR_INVALID_ARGUMENT, "1e");
    ae_network_free(network);
    ae_dataset_free(tall), ae_dataset_free(wide), ae_dataset_free(other), ae_dataset_free(raw);
}
END_TEST

/* Whole numbers that scaled bytes can be, and numbers that bytes cannot be, are no mistake. */
START_TEST(float_rows_are_taken_for_bytes_only_when_they_can_be_nothing_else)
{
    const float sets[][4] = {
        {0, 1, 1, 0}, {0, 255.5f, 3, 1}, {0.5f, 255, 1, 1}, {-1, 255, 3, 0}, {0, 256, 3, 1}};
    ae_network *network = FIXTURE_NETWORK(2, 1, 2);
    ck_assert_ok(ae_network_set_uint8_scale(network, 0.0039215f)); /* typed with fewer digits */
    for (size_t i = 0; i < COUNT(sets); i++) {
        ae_dataset *dataset = fixture_dataset_of(sets[i], 2, 2);
        ck_assert_ok(ae_network_check_dataset(network, dataset));
        ck_assert_float_eq(ae_dataset_uint8_scale(dataset), 0);
        ae_dataset_free(dataset);
    }
    ae_dataset *bytes = NULL;
    ck_assert_ok(ae_dataset_create_u8(&bytes, (const uint8_t[]){1, 2}, 1, 2, NULL));
    ck_assert_ok(ae_network_check_dataset(network, bytes));
    ck_assert_float_eq(ae_dataset_uint8_scale(bytes), 1.0f / 255.0f);
    ck_assert_float_eq(ae_dataset_uint8_scale(NULL), 0);
    ae_dataset_free(bytes);
    ae_network_free(network);
}
END_TEST

START_TEST(a_trainer_lets_the_network_know_and_files_and_clones_keep_it)
{
    ae_dataset *digits = NULL;
    ae_network *network = FIXTURE_NETWORK(784, 3, 784), *loaded = NULL, *copy = NULL;
    ae_optimizer *adam = fixture_adam(0.01f);
    ck_assert_ok(ae_dataset_create_digits(&digits, 20, 1));
    ck_assert_uint_eq(fixture_info(network).image_height, 0);
    ae_trainer *trainer = fixture_trainer(network, adam, digits, NULL);
    ck_assert_ok(ae_network_save(network, support_path("m")));
    ck_assert_ok(ae_network_load(&loaded, support_path("m"), NULL));
    ck_assert_ok(ae_network_clone(&copy, loaded));
    const ae_network *all[] = {network, loaded, copy};
    for (size_t i = 0; i < COUNT(all); i++) {
        const ae_network_info info = fixture_info(all[i]);
        ck_assert_uint_eq(info.image_height, 28);
        ck_assert_uint_eq(info.image_width, 28);
        ck_assert_float_eq(info.uint8_scale, ae_dataset_uint8_scale(digits));
    }
    ae_trainer_free(trainer), ae_optimizer_free(adam), ae_dataset_free(digits);
    ae_network_free(copy), ae_network_free(loaded), ae_network_free(network);
}
END_TEST

START_TEST(a_damaged_note_of_the_input_is_refused)
{
    static const char note[] = "{\\\"image_height\\\":2,\\\"image_width\\\":3,"
                               "\\\"uint8_scale\\\":0.5}";
    static const struct {
        const char *other, *text;
    } edits[] = {
        {"{\\\"image_height\\\":2,\\\"image_width\\\":4}", "libae.input: image_height or"},
        {"{\\\"image_height\\\":2}", "libae.input: image_height or"},
        {"{\\\"image_height\\\":-2,\\\"image_width\\\":-3}", "libae.input: image_height or"},
        {"{\\\"uint8_scale\\\":-0.5}", "libae.input: uint8_scale is damaged"},
        {"{\\\"uint8_scale\\\":1e300}", "libae.input: uint8_scale is damaged"},
        {"{\\\"uint8_scale\\\":1e38}", "libae.input: uint8_scale is damaged"},
        {"{\\\"uint8_scale\\\":\\\"1\\\"}", "libae.input: uint8_scale is damaged"},
        {"[2,3]", "libae.input is not an object"},
        {"{\\\"image_height", "libae.input: JSON"},
    };
    ae_network *network = FIXTURE_NETWORK(6, 2, 6), *loaded = NULL;
    ck_assert_ok(ae_network_set_image_size(network, 2, 3));
    ck_assert_ok(ae_network_set_uint8_scale(network, 0.5f));
    for (size_t i = 0; i < COUNT(edits); i++) {
        size_t size;
        ck_assert_ok(ae_network_save(network, support_path("m")));
        unsigned char *bytes = support_read(support_path("m"), &size);
        support_replace(bytes, size, note, edits[i].other);
        ck_assert_status(ae_network_load_memory(&loaded, bytes, size, NULL), AE_ERROR_FORMAT,
                         edits[i].text);
        free(bytes);
    }
    ck_assert_ptr_null(loaded);
    ae_network_free(network);
}
END_TEST

START_TEST(columns_are_selected_by_name)
{
    ae_dataset *dataset = table("a,b,c", 3), *selected = NULL, *nameless = fixture_dataset(3, 2, 1);
    float all[60], some[40];
    ck_assert_ok(ae_dataset_read(dataset, 0, 20, all));
    for (size_t n = 1; selected == NULL; n++) {
        support_fail_allocation(n);
        const ae_status status = ae_dataset_select_columns(&selected, dataset,
                                                           (const char *const[]){"c", "a"}, 2);
        support_fail_allocation(0);
        ck_assert_int_eq(status, selected == NULL ? AE_ERROR_OUT_OF_MEMORY : AE_OK);
    }
    ck_assert_ok(ae_dataset_read(selected, 0, 20, some));
    for (size_t r = 0; r < 20; r++) {
        ck_assert_float_eq(some[2 * r], all[3 * r + 2]);
        ck_assert_float_eq(some[2 * r + 1], all[3 * r]);
    }
    ck_assert_str_eq(ae_dataset_column_name(selected, 0), "c");
    ae_dataset_free(selected);
    selected = NULL;
    const char *const wrong[] = {"a", "d"}, *const null[] = {"a", NULL};
    ck_assert_status(ae_dataset_select_columns(&selected, dataset, wrong, 2), AE_ERROR_NOT_FOUND,
                     "names[1]: the dataset has no column \"d\"");
    ck_assert_status(ae_dataset_select_columns(&selected, dataset, null, 2),
                     AE_ERROR_INVALID_ARGUMENT, "names[1] is NULL");
    ck_assert_status(ae_dataset_select_columns(&selected, dataset, wrong, 0),
                     AE_ERROR_INVALID_ARGUMENT, "0 columns");
    ck_assert_status(ae_dataset_select_columns(&selected, nameless, wrong, 2), AE_ERROR_NOT_SET,
                     "no column names");
    ck_assert_ptr_null(selected);
    ae_dataset_free(nameless), ae_dataset_free(dataset);
}
END_TEST

START_TEST(two_datasets_are_not_mixed_up_either)
{
    ae_dataset *one = table("a,b", 2), *swapped = table("b,a", 2), *other = table("a,c", 2);
    ae_dataset *all = NULL;
    ae_evaluation mean = {.size = sizeof mean};
    ck_assert_status(ae_dataset_evaluate_mean(one, swapped, &mean), AE_ERROR_SHAPE,
                     "column 0 of 2 is \"b\", but \"a\" of 2 for the reference");
    ck_assert_status(ae_dataset_concat(&all, (const ae_dataset *const[]){one, swapped}, 2),
                     AE_ERROR_SHAPE, "parts[1]: columns: column 0 of 2 is \"b\"");
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const[]){one, other}, 2));
    ck_assert_ptr_null(ae_dataset_column_name(all, 0));
    ae_dataset_free(all), ae_dataset_free(one), ae_dataset_free(swapped), ae_dataset_free(other);
}
END_TEST

Suite *columns_suite(void)
{
    Suite *suite = suite_create("columns");
    TCase *tcase = tcase_create("columns");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_test(tcase, a_saved_model_takes_the_table_that_it_was_made_from);
    tcase_add_test(tcase, columns_in_another_order_are_refused_everywhere);
    tcase_add_test(tcase, pictures_of_another_size_are_refused);
    tcase_add_test(tcase, float_rows_are_taken_for_bytes_only_when_they_can_be_nothing_else);
    tcase_add_test(tcase, a_trainer_lets_the_network_know_and_files_and_clones_keep_it);
    tcase_add_test(tcase, a_damaged_note_of_the_input_is_refused);
    tcase_add_test(tcase, columns_are_selected_by_name);
    tcase_add_test(tcase, two_datasets_are_not_mixed_up_either);
    suite_add_tcase(suite, tcase);
    return suite;
}
