/* SPDX-License-Identifier: BSD-3-Clause */
/* What a network says of itself, and the names of its columns: kept, copied, saved, taken over. */
#include "fixtures.h"
#include "suites.h"

START_TEST(info_is_what_the_options_said)
{
    const ae_activation each[] = {AE_ACTIVATION_TANH, AE_ACTIVATION_RELU, AE_ACTIVATION_LINEAR};
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){6, 5, 3, 6}, .width_count = 4,
                           .encoder_layers = 1, .batch_norm = AE_TOGGLE_OFF, .activations = each,
                           .activation_count = 3, .leaky_slope = 0.25f, .bn_epsilon = 0.5f,
                           .bn_decay = 0.75f, .seed = UINT64_MAX, .kernels = "reference"));
    ae_network_info info = fixture_info(network);
    ck_assert_uint_eq(info.layer_count, 3);
    ck_assert_uint_eq(info.encoder_layers, 1);
    ck_assert_uint_eq(info.input_width, 6);
    ck_assert_uint_eq(info.code_width, 5);
    ck_assert_uint_eq(info.parameter_count, 7 * 5 + 6 * 3 + 4 * 6);
    ck_assert_uint_eq(info.column_count, 0);
    ck_assert_uint_eq(info.seed, UINT64_MAX);
    ck_assert_str_eq(info.kernels, "reference");
    ck_assert_float_eq(info.leaky_slope, 0.25f);
    ck_assert_float_eq(info.bn_epsilon, 0.5f);
    ck_assert_float_eq(info.bn_decay, 0.75f);
    ck_assert_int_eq(info.batch_norm + info.has_scaling + info.has_threshold, 0);
    const ae_layer_info layer = fixture_layer(network, 2);
    ck_assert_uint_eq(layer.input_width, 3);
    ck_assert_uint_eq(layer.output_width, 6);
    ck_assert_int_eq(layer.activation, AE_ACTIVATION_LINEAR);
    ck_assert_int_eq(layer.batch_norm, 0);
    ae_network_free(network);
}
END_TEST

START_TEST(the_code_may_have_an_activation_of_its_own)
{
    const size_t widths[] = {6, 5, 3, 5, 6};
    const ae_activation each[] = {AE_ACTIVATION_RELU, AE_ACTIVATION_TANH, AE_ACTIVATION_RELU,
                                  AE_ACTIVATION_DEFAULT};
    ae_network_options o = {.size = sizeof o,
                            .widths = widths,
                            .width_count = COUNT(widths),
                            .hidden_activation = AE_ACTIVATION_RELU,
                            .code_activation = AE_ACTIVATION_LINEAR};
    const ae_activation wanted[] = {AE_ACTIVATION_RELU, AE_ACTIVATION_LINEAR, AE_ACTIVATION_RELU,
                                    AE_ACTIVATION_SIGMOID};
    ae_network *network = fixture_network_with(&o);
    for (size_t l = 0; l < COUNT(wanted); l++)
        ck_assert_int_eq(fixture_layer(network, l).activation, wanted[l]);
    ae_network_free(network);
    o.activations = each, o.activation_count = COUNT(each);
    network = fixture_network_with(&o);
    ck_assert_int_eq(fixture_layer(network, 1).activation, AE_ACTIVATION_TANH);
    ae_network_free(network);
}
END_TEST

/* Names, counts and copies of a network whose layers differ. */
START_TEST(batch_normalisation_may_differ_from_layer_to_layer)
{
    const ae_toggle norms[] = {AE_TOGGLE_ON, AE_TOGGLE_OFF, AE_TOGGLE_DEFAULT, AE_TOGGLE_OFF};
    const char *const names[] = {"encoder.0.weight",
                                 "encoder.0.bn.weight",
                                 "encoder.0.bn.bias",
                                 "encoder.0.bn.running_mean",
                                 "encoder.0.bn.running_var",
                                 "encoder.1.weight",
                                 "encoder.1.bias",
                                 "decoder.0.weight",
                                 "decoder.0.bn.weight",
                                 "decoder.0.bn.bias",
                                 "decoder.0.bn.running_mean",
                                 "decoder.0.bn.running_var",
                                 "decoder.1.weight",
                                 "decoder.1.bias"};
    ae_network *network = fixture_network_with(
                   AE_NETWORK_OPTIONS(.widths = (const size_t[]){6, 5, 3, 5, 6}, .width_count = 5,
                                      .batch_norms = norms, .batch_norm_count = COUNT(norms))),
               *copy = NULL;
    ck_assert_uint_eq(ae_network_tensor_count(network), COUNT(names));
    for (size_t i = 0; i < COUNT(names); i++)
        ck_assert_str_eq(fixture_tensor(network, i).name, names[i]);
    ck_assert_uint_eq(ae_network_parameter_count(network),
                      (6 + 2) * 5 + (5 + 1) * 3 + (3 + 2) * 5 + (5 + 1) * 6);
    ck_assert_int_eq(fixture_info(network).batch_norm, 0);
    ck_assert_ok(ae_network_clone(&copy, network));
    for (size_t l = 0; l < COUNT(norms); l++) {
        ck_assert_int_eq(fixture_layer(network, l).batch_norm, l % 2 == 0);
        ck_assert_int_eq(fixture_layer(copy, l).batch_norm, l % 2 == 0);
    }
    ck_assert(fixture_same_state(network, copy));
    ae_network_free(copy);
    ae_network_free(network);
}
END_TEST

START_TEST(info_follows_scaling_and_threshold)
{
    ae_network *network = FIXTURE_NETWORK(3, 2, 3);
    ae_dataset *dataset = fixture_dataset(20, 3, 1);
    ck_assert_int_eq(fixture_info(network).batch_norm, 1);
    ck_assert_ok(ae_network_fit_scaling(network, dataset, NULL));
    ck_assert_int_eq(fixture_info(network).has_scaling, 1);
    ck_assert_ok(ae_network_fit_threshold(network, dataset, NULL));
    ck_assert_int_eq(fixture_info(network).has_threshold, 1);
    ae_network_clear_scaling(network);
    const ae_network_info info = fixture_info(network);
    ck_assert_int_eq(info.has_scaling + info.has_threshold, 0);
    ae_dataset_free(dataset);
    ae_network_free(network);
}
END_TEST

START_TEST(wrong_arguments_are_refused_and_nothing_is_written)
{
    ae_network *network = FIXTURE_NETWORK(3, 2, 3);
    ae_layer_info layer = {.size = sizeof layer, .input_width = 42};
    ae_network_info info = {.size = sizeof info, .seed = 42};
    ck_assert_status(ae_network_get_layer(NULL, 0, &layer), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_get_layer(network, 0, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "info is NULL");
    ck_assert_status(ae_network_get_layer(network, 2, &layer), AE_ERROR_INVALID_ARGUMENT,
                     "layer 2: the network has 2, counted from 0");
    ck_assert_status(ae_network_get_layer(network, 0, &(ae_layer_info){0}),
                     AE_ERROR_INVALID_ARGUMENT, "ae_layer_info.size");
    ck_assert_status(ae_network_get_info(NULL, &info), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_get_info(network, NULL), AE_ERROR_INVALID_ARGUMENT, "info is NULL");
    ck_assert_status(ae_network_get_info(network, &(ae_network_info){0}), AE_ERROR_INVALID_ARGUMENT,
                     "ae_network_info.size");
    ck_assert_uint_eq(layer.input_width, 42);
    ck_assert_uint_eq(info.seed, 42);
    /* A program of an older release knows the first fields only. */
    info.size = offsetof(ae_network_info, seed);
    ck_assert_ok(ae_network_get_info(network, &info));
    ck_assert_uint_eq(info.input_width, 3);
    ck_assert_uint_eq(info.seed, 42);
    ae_network_free(network);
}
END_TEST

START_TEST(cpu_info_is_filled_in_or_refused)
{
    ae_cpu_info cpu = {.size = sizeof cpu};
    ck_assert_ok(ae_cpu_get_info(&cpu));
    ck_assert_str_eq(cpu.kernels, ae_kernels_name(ae_kernels_count() - 1));
    ck_assert_uint_ge(cpu.cores, 1);
    ck_assert_status(ae_cpu_get_info(NULL), AE_ERROR_INVALID_ARGUMENT, "info is NULL");
    ck_assert_status(ae_cpu_get_info(&(ae_cpu_info){0}), AE_ERROR_INVALID_ARGUMENT,
                     "ae_cpu_info.size");
}
END_TEST

/* What JSON must escape, and characters of more than one byte. */
static const char *const odd_names[] = {"plain", "\"q\" \\ ,", "\xC3\xA9t\xC3\xA9 \xE6\xB8\xA9"};

/* names NULL: none. */
static void check_names(const ae_network *network, const char *const *names)
{
    ck_assert_uint_eq(fixture_info(network).column_count, names == NULL ? 0 : 3);
    for (size_t j = 0; j < 3; j++) {
        const char *name = ae_network_column_name(network, j);
        if (names == NULL)
            ck_assert_ptr_null(name);
        else
            ck_assert_str_eq(name, names[j]);
    }
    ck_assert_ptr_null(ae_network_column_name(network, 3));
}

START_TEST(column_names_are_copied_or_refused_whole)
{
    ae_network *network = FIXTURE_NETWORK(3, 2, 3), *copy = NULL;
    const char *const others[] = {"a", NULL, "c"};
    check_names(network, NULL);
    ck_assert_ok(ae_network_set_column_names(network, odd_names, 3));
    check_names(network, odd_names);
    ck_assert_status(ae_network_set_column_names(NULL, odd_names, 3), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_set_column_names(network, NULL, 3), AE_ERROR_INVALID_ARGUMENT,
                     "names is NULL but count is 3");
    ck_assert_status(ae_network_set_column_names(network, others, 2), AE_ERROR_SHAPE,
                     "2 names, but the network takes 3 features");
    ck_assert_status(ae_network_set_column_names(network, others, 3), AE_ERROR_INVALID_ARGUMENT,
                     "names[1] is NULL");
    support_fail_allocation(1);
    const ae_status status = ae_network_set_column_names(network, odd_names, 3);
    support_fail_allocation(0);
    ck_assert_int_eq(status, AE_ERROR_OUT_OF_MEMORY);
    check_names(network, odd_names);
    ck_assert_ptr_null(ae_network_column_name(NULL, 0));

    ck_assert_ok(ae_network_clone(&copy, network));
    ck_assert_ok(ae_network_set_column_names(network, NULL, 0));
    check_names(network, NULL);
    check_names(copy, odd_names);
    ae_network_free(copy);
    ae_network_free(network);
}
END_TEST

START_TEST(model_files_keep_column_names)
{
    ae_network *network = FIXTURE_NETWORK(3, 2, 3), *loaded = NULL;
    const char *path = support_path("named.safetensors");
    ck_assert_ok(ae_network_set_column_names(network, odd_names, 3));
    ck_assert_ok(ae_network_save(network, path));
    ck_assert_ok(ae_network_load(&loaded, path, NULL));
    check_names(loaded, odd_names);
    ae_network_free(loaded);
    /* A Latin-1 name and one cut short: still a file that loads. */
    const char *const ill[] = {"caf\xE9", "\xE6\xB8", ""}, *const mended[] = {"caf?", "??", ""};
    ck_assert_ok(ae_network_set_column_names(network, ill, 3));
    ck_assert_ok(ae_network_save(network, path));
    ck_assert_ok(ae_network_load(&loaded, path, NULL));
    check_names(loaded, mended);
    ae_network_free(loaded);
    ae_network_free(network);
}
END_TEST

/* The whole list, as the file's header has it, and others of the same length. */
/* What no reader would take is not written. */
START_TEST(names_longer_than_the_format_allows_are_not_saved)
{
    enum { LONG = 60 * 1000 * 1000 };
    ae_network *network = FIXTURE_NETWORK(2, 1, 2);
    char *name = fixture_allocate(LONG + 1, 1);
    memset(name, 'x', LONG);
    ck_assert_ok(ae_network_set_column_names(network, (const char *[]){name, name}, 2));
    size_t size = 7;
    ck_assert_status(ae_network_save_memory(network, NULL, 0, &size), AE_ERROR_UNSUPPORTED,
                     "shorten the names of the columns");
    ck_assert_uint_eq(size, 7);
    free(name);
    ae_network_free(network);
}
END_TEST

START_TEST(the_greatest_epsilon_comes_back)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){2, 1, 2}, .width_count = 3,
                           .bn_epsilon = FLT_MAX));
    ae_network *loaded = NULL;
    ck_assert_ok(ae_network_save(network, support_path("epsilon")));
    ck_assert_ok(ae_network_load(&loaded, support_path("epsilon"), NULL));
    ae_network_info info = {.size = sizeof info};
    ck_assert_ok(ae_network_get_info(loaded, &info));
    ck_assert_float_eq(info.bn_epsilon, FLT_MAX);
    ae_network_free(loaded);
    ae_network_free(network);
}
END_TEST

START_TEST(damaged_column_names_are_refused)
{
    static const char list[] = "[\\\"ab\\\",\\\"c\\\",\\\"d\\\"]";
    static const struct {
        const char *other, *text;
    } edits[] = {
        {"[\\\"ab\\\",\\\"c\\\",\\\"d\\\" ", "libae.columns: JSON"},
        {"[\\\"ab\\\",\\\"c\\\"      ]", "libae.columns: not a list of 3 strings"},
        {"[\\\"\\\",\\\"\\\",\\\"\\\",1]", "libae.columns: not a list of 3 strings"},
        {"[\\\"ab\\\",\\\"c\\\",   34]", "libae.columns: not a list of 3 strings"},
        {"{\\\"ab\\\":\\\"c\\\"      }", "libae.columns: not a list of 3 strings"},
        {"            \\\"abc\\\"", "libae.columns: not a list of 3 strings"},
    };
    ae_network *network = FIXTURE_NETWORK(3, 2, 3), *loaded = NULL;
    ck_assert_ok(ae_network_set_column_names(network, (const char *const[]){"ab", "c", "d"}, 3));
    const char *path = support_path("named.safetensors");
    for (size_t i = 0; i < COUNT(edits); i++) {
        size_t size;
        ck_assert_ok(ae_network_save(network, path));
        unsigned char *bytes = support_read(path, &size);
        support_replace(bytes, size, list, edits[i].other);
        ck_assert_status(ae_network_load_memory(&loaded, bytes, size, NULL), AE_ERROR_FORMAT,
                         edits[i].text);
        free(bytes);
    }
    ck_assert_ptr_null(loaded);
    ae_network_free(network);
}
END_TEST

START_TEST(a_network_without_names_takes_those_of_its_training_set)
{
    static const char table[] = "x,y,z\n0.1,0.2,0.3\n0.4,0.5,0.6\n";
    const char *path = support_path("table.csv");
    support_write(path, table, sizeof table - 1);
    ae_dataset *named = NULL, *nameless = fixture_dataset(4, 3, 1);
    ck_assert_ok(ae_dataset_open_csv(&named, path, NULL));
    ae_network *network = FIXTURE_NETWORK(3, 2, 3);
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(network, adam, nameless, NULL);
    check_names(network, NULL);
    ae_trainer_free(trainer);
    /* The optimizer has to be attached anew, which may fail after the names were taken. */
    ae_network *other = FIXTURE_NETWORK(3, 1, 3);
    trainer = fixture_trainer(other, adam, nameless, NULL);
    ae_trainer_free(trainer), ae_network_free(other);
    trainer = NULL;
    for (size_t n = 1; trainer == NULL; n++) {
        check_names(network, NULL);
        support_fail_allocation(n);
        const ae_status status = ae_trainer_create(&trainer, network, adam, named, NULL);
        support_fail_allocation(0);
        ck_assert_int_eq(status, trainer == NULL ? AE_ERROR_OUT_OF_MEMORY : AE_OK);
    }
    check_names(network, (const char *const[]){"x", "y", "z"});
    ae_trainer_free(trainer);
    ck_assert_ok(ae_network_set_column_names(network, odd_names, 3));
    ck_assert_status(ae_trainer_create(&trainer, network, adam, named, NULL), AE_ERROR_SHAPE,
                     "training set: column 0 of 3 is \"x\", but \"plain\" of 3 for the network");
    trainer = fixture_trainer(network, adam, nameless, NULL);
    check_names(network, odd_names);
    ae_trainer_free(trainer), ae_optimizer_free(adam), ae_network_free(network);
    ae_dataset_free(nameless), ae_dataset_free(named);
}
END_TEST

/* Names are part of clones and of loaded networks: each allocation of either failing in turn. */
START_TEST(every_failed_allocation_is_reported)
{
    ae_network *network = FIXTURE_NETWORK(3, 2, 3);
    unsigned char bytes[8192];
    size_t size = 0;
    ck_assert_ok(ae_network_set_column_names(network, odd_names, 3));
    ck_assert_ok(ae_network_save_memory(network, bytes, sizeof bytes, &size));
    for (int loads = 0; loads < 2; loads++) {
        ae_network *made = NULL;
        for (size_t n = 1; made == NULL; n++) {
            support_fail_allocation(n);
            const ae_status status = loads ? ae_network_load_memory(&made, bytes, size, NULL)
                                           : ae_network_clone(&made, network);
            support_fail_allocation(0);
            ck_assert_int_eq(status, made == NULL ? AE_ERROR_OUT_OF_MEMORY : AE_OK);
        }
        check_names(made, odd_names);
        ae_network_free(made);
    }
    ae_network_free(network);
}
END_TEST

Suite *network_info_suite(void)
{
    Suite *suite = suite_create("network_info");
    TCase *tcase = tcase_create("network_info");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_test(tcase, info_is_what_the_options_said);
    tcase_add_test(tcase, the_code_may_have_an_activation_of_its_own);
    tcase_add_test(tcase, batch_normalisation_may_differ_from_layer_to_layer);
    tcase_add_test(tcase, info_follows_scaling_and_threshold);
    tcase_add_test(tcase, wrong_arguments_are_refused_and_nothing_is_written);
    tcase_add_test(tcase, cpu_info_is_filled_in_or_refused);
    tcase_add_test(tcase, column_names_are_copied_or_refused_whole);
    tcase_add_test(tcase, a_network_without_names_takes_those_of_its_training_set);
    suite_add_tcase(suite, tcase);
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, NULL, support_dir_remove);
    tcase_add_test(files, model_files_keep_column_names);
    if (!support_slow())
        tcase_add_test(files, names_longer_than_the_format_allows_are_not_saved);
    tcase_add_test(files, the_greatest_epsilon_comes_back);
    tcase_add_test(files, damaged_column_names_are_refused);
    tcase_add_test(files, every_failed_allocation_is_reported);
    suite_add_tcase(suite, files);
    return suite;
}
