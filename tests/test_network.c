/* SPDX-License-Identifier: BSD-3-Clause */
/* Architecture, options that are refused, tensors by name, initial weights, copies. */
#include "fixtures.h"
#include "suites.h"

#include <stdio.h>

START_TEST(the_default_is_the_reports_network)
{
    const size_t widths[] = {784, 1000, 500, 250, 4, 250, 500, 1000, 784};
    ae_network *network = fixture_network_with(NULL);
    ck_assert_uint_eq(ae_network_layer_count(network), COUNT(widths) - 1);
    ck_assert_uint_eq(ae_network_input_width(network), 784);
    ck_assert_uint_eq(ae_network_code_width(network), 4);
    ck_assert_uint_eq(ae_network_encoder_layer_count(network), 4);
    for (size_t l = 0; l < COUNT(widths) - 1; l++) {
        const ae_layer_info layer = fixture_layer(network, l);
        ck_assert_uint_eq(layer.input_width, widths[l]);
        ck_assert_uint_eq(layer.output_width, widths[l + 1]);
        ck_assert_int_eq(layer.activation, AE_ACTIVATION_SIGMOID);
        ck_assert_int_eq(layer.batch_norm, 1);
    }
    /* Weights 2 (784 * 1000 + 1000 * 500 + 500 * 250 + 250 * 4); gamma and beta 2 (1000 + 500 + 250
     * + 4 + ... + 784).
     */
    ck_assert_uint_eq(ae_network_parameter_count(network), 2820000 + 8576);
    ck_assert_uint_eq(ae_network_tensor_count(network), 8 * 5);
    ck_assert_str_eq(ae_network_kernels(network), ae_kernels_name(ae_kernels_count() - 1));
    ae_network_free(network);
}
END_TEST

START_TEST(code_layer_is_the_narrowest_inner_width_or_the_one_named)
{
    ae_network *network = FIXTURE_NETWORK(2, 9, 5, 4, 4, 8, 2);
    ck_assert_uint_eq(ae_network_encoder_layer_count(network), 3);
    ae_network_free(network);
    network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){6, 5, 3, 5, 6}, .width_count = 5,
                           .encoder_layers = 1, .code_width = 2, .batch_norm = AE_TOGGLE_OFF));
    ck_assert_uint_eq(ae_network_encoder_layer_count(network), 1);
    ck_assert_uint_eq(ae_network_code_width(network), 2);
    ck_assert_uint_eq(fixture_layer(network, 1).output_width, 3);
    ck_assert_int_eq(fixture_info(network).batch_norm, 0);
    ck_assert_uint_eq(ae_network_parameter_count(network),
                      (6 + 1) * 2 + (2 + 1) * 3 + (3 + 1) * 5 + (5 + 1) * 6);
    ae_network_free(network);
    network = fixture_network_with(AE_NETWORK_OPTIONS(.code_width = 32));
    ck_assert_uint_eq(ae_network_code_width(network), 32);
    ck_assert_uint_eq(ae_network_encoder_layer_count(network), 4);
    ae_network_free(network);
}
END_TEST

START_TEST(activations_are_per_layer_or_for_hidden_and_output)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){6, 5, 5, 6}, .width_count = 4,
                           .hidden_activation = AE_ACTIVATION_RELU,
                           .output_activation = AE_ACTIVATION_LINEAR));
    ck_assert_int_eq(fixture_layer(network, 0).activation, AE_ACTIVATION_RELU);
    ck_assert_int_eq(fixture_layer(network, 1).activation, AE_ACTIVATION_RELU);
    ck_assert_int_eq(fixture_layer(network, 2).activation, AE_ACTIVATION_LINEAR);
    ae_network_free(network);
    const ae_activation each[] = {AE_ACTIVATION_TANH, AE_ACTIVATION_DEFAULT,
                                  AE_ACTIVATION_LEAKY_RELU};
    network = fixture_network_with(AE_NETWORK_OPTIONS(.widths = (const size_t[]){6, 5, 5, 6},
                                                      .width_count = 4,
                                                      .hidden_activation = AE_ACTIVATION_RELU,
                                                      .activations = each, .activation_count = 3));
    ck_assert_int_eq(fixture_layer(network, 0).activation, AE_ACTIVATION_TANH);
    ck_assert_int_eq(fixture_layer(network, 1).activation, AE_ACTIVATION_SIGMOID);
    ck_assert_int_eq(fixture_layer(network, 2).activation, AE_ACTIVATION_LEAKY_RELU);
    ae_network_free(network);
}
END_TEST

/* Options that are refused, and a part of the reason. */
typedef struct refusal {
    ae_network_options options;
    ae_status status;
    const char *part;
} refusal;

static void check_refused(const refusal *wrong, size_t count)
{
    ae_network *untouched = (ae_network *)&wrong, *network = untouched;
    for (size_t i = 0; i < count; i++) {
        ae_network_options options = wrong[i].options;
        options.size = sizeof options;
        ck_assert_status(ae_network_create(&network, &options), wrong[i].status, wrong[i].part);
    }
    ck_assert_ptr_eq(network, untouched);
}

static const size_t fine[] = {5, 3, 5};

START_TEST(widths_that_cannot_be_are_refused)
{
    static const size_t two[] = {5, 5}, zero[] = {5, 0, 5}, huge[] = {5, ((size_t)1 << 20) + 1, 5},
                        unlike[] = {5, 3, 6};
    const refusal wrong[] = {
        {{.widths = two, .width_count = 2}, AE_ERROR_INVALID_ARGUMENT, "width_count is 2"},
        {{.widths = fine, .width_count = 0}, AE_ERROR_INVALID_ARGUMENT, "width_count is 0"},
        {{.widths = fine, .width_count = SIZE_MAX}, AE_ERROR_INVALID_ARGUMENT, "width_count"},
        {{.widths = zero, .width_count = 3},
         AE_ERROR_INVALID_ARGUMENT,
         "widths[1] is 0, not in 1 to"},
        {{.widths = huge, .width_count = 3}, AE_ERROR_INVALID_ARGUMENT, "widths[1] is 1048577"},
        {{.widths = unlike, .width_count = 3},
         AE_ERROR_SHAPE,
         "output width 6 differs from input width 5"},
        {{.widths = fine, .width_count = 3, .encoder_layers = 2},
         AE_ERROR_INVALID_ARGUMENT,
         "encoder_layers is 2: of 2 layers 1 to 1 can encode"},
        {{.widths = fine, .width_count = 3, .encoder_layers = SIZE_MAX},
         AE_ERROR_INVALID_ARGUMENT,
         "encoder_layers"},
        {{.code_width = ((size_t)1 << 20) + 1}, AE_ERROR_INVALID_ARGUMENT, "widths[4] is 1048577"},
    };
    check_refused(wrong, COUNT(wrong));
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
    static const ae_activation bad[] = {AE_ACTIVATION_SIGMOID, (ae_activation)6};
    static const ae_toggle norms[] = {AE_TOGGLE_ON, (ae_toggle)3};
    const refusal wrong[] = {
        {{.batch_norm = (ae_toggle)3}, AE_ERROR_INVALID_ARGUMENT, "batch_norm is 3"},
        {{.batch_norm_count = 8}, AE_ERROR_INVALID_ARGUMENT, "batch_norms is NULL"},
        {{.batch_norms = norms, .batch_norm_count = 2}, AE_ERROR_SHAPE, "there are 8 layers"},
        {{.widths = fine, .width_count = 3, .batch_norms = norms, .batch_norm_count = 2},
         AE_ERROR_INVALID_ARGUMENT,
         "batch_norms is 3"},
        {{.code_activation = (ae_activation)6}, AE_ERROR_INVALID_ARGUMENT, "layer 3: activation 6"},
        {{.hidden_activation = (ae_activation)6},
         AE_ERROR_INVALID_ARGUMENT,
         "layer 0: activation 6"},
        {{.output_activation = (ae_activation)-1},
         AE_ERROR_INVALID_ARGUMENT,
         "layer 7: activation -1"},
        {{.widths = fine, .width_count = 3, .activations = bad, .activation_count = 2},
         AE_ERROR_INVALID_ARGUMENT,
         "layer 1: activation 6"},
        {{.widths = fine, .width_count = 3, .activations = bad},
         AE_ERROR_SHAPE,
         "activation_count is 0, but there are 2 layers"},
        {{.activations = bad, .activation_count = 9}, AE_ERROR_SHAPE, "there are 8 layers"},
        {{.activation_count = 8}, AE_ERROR_INVALID_ARGUMENT, "activations is NULL"},
        {{.leaky_slope = 1}, AE_ERROR_INVALID_ARGUMENT, "leaky_slope 1"},
        {{.leaky_slope = -0.5f}, AE_ERROR_INVALID_ARGUMENT, "leaky_slope -0.5"},
        {{.leaky_slope = NAN}, AE_ERROR_INVALID_ARGUMENT, "leaky_slope nan"},
        {{.bn_epsilon = -1}, AE_ERROR_INVALID_ARGUMENT, "bn_epsilon -1"},
        {{.bn_epsilon = INFINITY}, AE_ERROR_INVALID_ARGUMENT, "bn_epsilon inf"},
        {{.bn_epsilon = NAN}, AE_ERROR_INVALID_ARGUMENT, "bn_epsilon nan"},
        {{.bn_decay = 1}, AE_ERROR_INVALID_ARGUMENT, "bn_decay 1"},
        {{.bn_decay = -0.5f}, AE_ERROR_INVALID_ARGUMENT, "bn_decay -0.5"},
        {{.bn_decay = NAN}, AE_ERROR_INVALID_ARGUMENT, "bn_decay nan"},
        {{.kernels = "quantum"}, AE_ERROR_UNSUPPORTED, "\"quantum\""},
    };
    check_refused(wrong, COUNT(wrong));
    ae_network *network = NULL;
    ck_assert_status(ae_network_create(&network, &(ae_network_options){0}),
                     AE_ERROR_INVALID_ARGUMENT, "ae_network_options.size is 0");
    ck_assert_ptr_null(network);
    ck_assert_status(ae_network_create(NULL, NULL), AE_ERROR_INVALID_ARGUMENT, "network is NULL");
}
END_TEST

START_TEST(options_of_other_versions_are_read_as_far_as_they_go)
{
    /* A program built against a shorter struct, and one against a longer. */
    struct {
        ae_network_options known;
        uint64_t unknown;
    } longer = {
        .known = {.size = sizeof longer, .widths = (const size_t[]){5, 3, 5}, .width_count = 3}};
    ae_network *network = fixture_network_with(&longer.known);
    ck_assert_uint_eq(ae_network_code_width(network), 3);
    ae_network_free(network);
    longer.unknown = 1;
    ck_assert_status(ae_network_create(&network, &longer.known), AE_ERROR_UNSUPPORTED, "newer");
    ae_network_options shorter = longer.known;
    shorter.size = offsetof(ae_network_options, encoder_layers);
    shorter.encoder_layers = 77;
    shorter.bn_decay = NAN;
    network = fixture_network_with(&shorter);
    ck_assert_uint_eq(ae_network_encoder_layer_count(network), 1);
    ae_network_free(network);
}
END_TEST

START_TEST(null_is_allowed_or_named)
{
    ae_network *network = FIXTURE_NETWORK(6, 3, 6);
    ae_network_options_init(NULL);
    ae_network_free(NULL);
    ck_assert_uint_eq(ae_network_layer_count(NULL), 0);
    ck_assert_uint_eq(ae_network_input_width(NULL), 0);
    ck_assert_uint_eq(ae_network_code_width(NULL), 0);
    ck_assert_uint_eq(ae_network_encoder_layer_count(NULL), 0);
    ck_assert_uint_eq(ae_network_parameter_count(NULL), 0);
    ck_assert_str_eq(ae_network_kernels(NULL), "");
    ck_assert_uint_eq(ae_network_tensor_count(NULL), 0);
    ae_network_options options;
    ae_network_options_init(&options);
    ck_assert_uint_eq(options.size, sizeof options);
    ck_assert_ptr_null(options.widths);

    ae_network *copy = NULL;
    ae_tensor_info info = {.size = sizeof info};
    float values[18] = {0};
    ck_assert_status(ae_network_clone(NULL, network), AE_ERROR_INVALID_ARGUMENT, "copy is NULL");
    ck_assert_status(ae_network_clone(&copy, NULL), AE_ERROR_INVALID_ARGUMENT, "network is NULL");
    ck_assert_ptr_null(copy);
    ck_assert_status(ae_network_get_tensor_info(NULL, 0, &info), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_get_tensor_info(network, 0, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "info is NULL");
    ck_assert_status(ae_network_get_tensor_info(network, 0, &(ae_tensor_info){0}),
                     AE_ERROR_INVALID_ARGUMENT, "size is 0");
    ck_assert_status(ae_network_get_tensor_info(network, 10, &info), AE_ERROR_INVALID_ARGUMENT,
                     "tensor 10: the network has 10, counted from 0");
    const char *name = "encoder.0.weight";
    ck_assert_status(ae_network_get_tensor(NULL, name, values, 18), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_get_tensor(network, NULL, values, 18), AE_ERROR_INVALID_ARGUMENT,
                     "name is NULL");
    ck_assert_status(ae_network_get_tensor(network, name, NULL, 18), AE_ERROR_INVALID_ARGUMENT,
                     "values is NULL");
    ck_assert_status(ae_network_set_tensor(NULL, name, values, 18), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_set_tensor(network, NULL, values, 18), AE_ERROR_INVALID_ARGUMENT,
                     "name is NULL");
    ck_assert_status(ae_network_set_tensor(network, name, NULL, 18), AE_ERROR_INVALID_ARGUMENT,
                     "values is NULL");
    ae_network_free(network);
}
END_TEST

static void check_tensor(const ae_network *network, size_t index, const char *name, size_t rows,
                         size_t columns, int trainable)
{
    const ae_tensor_info info = fixture_tensor(network, index);
    ck_assert_uint_eq(info.size, sizeof info);
    ck_assert_str_eq(info.name, name);
    ck_assert_uint_eq(info.rank, columns == 0 ? 1 : 2);
    ck_assert_uint_eq(info.shape[0], rows);
    if (columns != 0)
        ck_assert_uint_eq(info.shape[1], columns);
    ck_assert_uint_eq(info.count, rows * (columns == 0 ? 1 : columns));
    ck_assert_int_eq(info.trainable, trainable);
}

START_TEST(tensors_have_pytorchs_names_and_shapes)
{
    ae_network *network = FIXTURE_NETWORK(6, 5, 3, 6);
    ck_assert_uint_eq(ae_network_tensor_count(network), 15);
    check_tensor(network, 0, "encoder.0.weight", 5, 6, 1);
    check_tensor(network, 1, "encoder.0.bn.weight", 5, 0, 1);
    check_tensor(network, 2, "encoder.0.bn.bias", 5, 0, 1);
    check_tensor(network, 3, "encoder.0.bn.running_mean", 5, 0, 0);
    check_tensor(network, 4, "encoder.0.bn.running_var", 5, 0, 0);
    check_tensor(network, 5, "encoder.1.weight", 3, 5, 1);
    check_tensor(network, 10, "decoder.0.weight", 6, 3, 1);
    check_tensor(network, 14, "decoder.0.bn.running_var", 6, 0, 0);
    ae_network_free(network);
    network = fixture_network_with(AE_NETWORK_OPTIONS(.widths = (const size_t[]){6, 3, 6},
                                                      .width_count = 3,
                                                      .batch_norm = AE_TOGGLE_OFF));
    ck_assert_uint_eq(ae_network_tensor_count(network), 4);
    check_tensor(network, 0, "encoder.0.weight", 3, 6, 1);
    check_tensor(network, 1, "encoder.0.bias", 3, 0, 1);
    check_tensor(network, 2, "decoder.0.weight", 6, 3, 1);
    check_tensor(network, 3, "decoder.0.bias", 6, 0, 1);
    ae_network_free(network);
}
END_TEST

/* Every element of every tensor gets a number of its own, so that one in another's place shows. */
START_TEST(tensors_come_out_as_they_went_in)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){33, 65, 31, 1, 70, 33}, .width_count = 6,
                           .kernels = ae_kernels_name((size_t)_i)));
    float next = 1;
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        float *values = fixture_allocate(info.count, sizeof *values);
        for (size_t j = 0; j < info.count; j++)
            values[j] = next++;
        ck_assert_ok(ae_network_set_tensor(network, info.name, values, info.count));
        free(values);
    }
    size_t count;
    float *state = fixture_state(network, &count);
    ck_assert_float_eq(next, (float)(count + 1));
    for (size_t i = 0; i < count; i++)
        ck_assert_float_eq(state[i], (float)(i + 1));
    free(state);
    ae_network_free(network);
}
END_TEST

START_TEST(unknown_names_and_wrong_counts_are_refused)
{
    ae_network *network = FIXTURE_NETWORK(6, 3, 6);
    float values[19] = {0};
    ck_assert_status(ae_network_get_tensor(network, "encoder.1.weight", values, 18),
                     AE_ERROR_NOT_FOUND, "\"encoder.1.weight\"");
    ck_assert_status(ae_network_set_tensor(network, "", values, 18), AE_ERROR_NOT_FOUND, "\"\"");
    ck_assert_status(ae_network_get_tensor(network, "encoder.0.weight", values, 19), AE_ERROR_SHAPE,
                     "18 values expected, 19 given");
    ck_assert_status(ae_network_set_tensor(network, "encoder.0.weight", values, 17), AE_ERROR_SHAPE,
                     "17 given");
    ae_network_free(network);
}
END_TEST

START_TEST(values_that_cannot_be_used_are_refused_and_change_nothing)
{
    ae_network *network = FIXTURE_NETWORK(6, 3, 6), *before = NULL;
    ck_assert_ok(ae_network_clone(&before, network));
    float values[18] = {0};
    values[17] = NAN;
    ck_assert_status(ae_network_set_tensor(network, "encoder.0.weight", values, 18), AE_ERROR_DATA,
                     "element 17");
    values[17] = INFINITY;
    ck_assert_status(ae_network_set_tensor(network, "encoder.0.weight", values, 18), AE_ERROR_DATA,
                     "element 17");
    const float variances[] = {1, 0, -0.5f};
    ck_assert_status(ae_network_set_tensor(network, "encoder.0.bn.running_var", variances, 3),
                     AE_ERROR_DATA, "element 2 is -0.5");
    ck_assert_ok(ae_network_set_tensor(before, "encoder.0.bn.running_mean", variances, 3));
    ck_assert(!fixture_same_state(network, before));
    const float zeros[] = {0, 0, 0};
    ck_assert_ok(ae_network_set_tensor(before, "encoder.0.bn.running_mean", zeros, 3));
    ck_assert(fixture_same_state(network, before));
    ae_network_free(before);
    ae_network_free(network);
}
END_TEST

START_TEST(initial_weights_are_normal_with_deviation_one_over_root_fan_in)
{
    ae_network *network = fixture_network_with(AE_NETWORK_OPTIONS(.seed = 11));
    for (size_t l = 0; l < ae_network_layer_count(network); l++) {
        const ae_tensor_info info = fixture_tensor(network, l * 5);
        float *values = fixture_allocate(info.count, sizeof *values);
        ck_assert_ok(ae_network_get_tensor(network, info.name, values, info.count));
        const double deviation = 1 / sqrt((double)info.shape[1]), n = (double)info.count;
        double sum = 0, squares = 0, fourth = 0;
        size_t beyond_two = 0;
        for (size_t i = 0; i < info.count; i++) {
            const double z = (double)values[i] / deviation;
            sum += z;
            squares += z * z;
            fourth += z * z * z * z;
            beyond_two += fabs(z) > 2;
        }
        /* Five standard errors of each: of the mean, variance, fourth moment and the share of 4.55
         * % beyond 2. */
        ck_assert_double_le(fabs(sum / n), 5 / sqrt(n));
        ck_assert_double_le(fabs(squares / n - 1), 5 * sqrt(2 / n));
        ck_assert_double_le(fabs(fourth / n - 3), 5 * sqrt(96 / n));
        ck_assert_double_le(fabs((double)beyond_two / n - 0.0455), 5 * sqrt(0.0455 * 0.9545 / n));
        free(values);
    }
    ae_network_free(network);
}
END_TEST

START_TEST(gamma_is_one_beta_and_mean_zero_variance_one_bias_zero_at_first)
{
    ae_network *networks[] = {
        FIXTURE_NETWORK(40, 33, 40),
        fixture_network_with(AE_NETWORK_OPTIONS(.widths = (const size_t[]){40, 33, 40},
                                                .width_count = 3, .batch_norm = AE_TOGGLE_OFF))};
    for (size_t n = 0; n < COUNT(networks); n++) {
        for (size_t i = 0; i < ae_network_tensor_count(networks[n]); i++) {
            const ae_tensor_info info = fixture_tensor(networks[n], i);
            if (info.rank == 2)
                continue;
            float values[40];
            ck_assert_ok(ae_network_get_tensor(networks[n], info.name, values, info.count));
            const bool one = support_contains(info.name, "bn.weight") ||
                             support_contains(info.name, "running_var");
            for (size_t j = 0; j < info.count; j++)
                ck_assert_float_eq(values[j], one ? 1 : 0);
        }
        ae_network_free(networks[n]);
    }
}
END_TEST

START_TEST(initial_weights_do_not_depend_on_the_kernels)
{
    const size_t widths[] = {33, 65, 7, 33};
    ae_network *first = fixture_network_with(AE_NETWORK_OPTIONS(.widths = widths,
                                                                .width_count = COUNT(widths),
                                                                .seed = 3, .kernels = "reference"));
    for (size_t k = 1; k < ae_kernels_count(); k++) {
        ae_network *network = fixture_network_with(
            AE_NETWORK_OPTIONS(.widths = widths, .width_count = COUNT(widths), .seed = 3,
                               .kernels = ae_kernels_name(k)));
        ck_assert_str_eq(ae_network_kernels(network), ae_kernels_name(k));
        ck_assert(fixture_same_state(first, network));
        ae_network_free(network);
    }
    ae_network_free(first);
}
END_TEST

START_TEST(a_clone_is_equal_and_independent)
{
    const ae_activation each[] = {AE_ACTIVATION_TANH, AE_ACTIVATION_LEAKY_RELU,
                                  AE_ACTIVATION_LINEAR};
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){6, 5, 3, 6}, .width_count = 4,
                           .encoder_layers = 1, .activations = each, .activation_count = 3,
                           .leaky_slope = 0.3f, .bn_epsilon = 0.01f, .bn_decay = 0.5f, .seed = 5,
                           .kernels = "reference"));
    ae_dataset *dataset = fixture_dataset(8, 6, 1);
    ae_network *copy = NULL;
    ck_assert_ok(ae_network_clone(&copy, network));
    ck_assert(fixture_same_state(network, copy));
    ck_assert_uint_eq(ae_network_layer_count(copy), 3);
    ck_assert_uint_eq(ae_network_encoder_layer_count(copy), 1);
    ck_assert_str_eq(ae_network_kernels(copy), "reference");
    for (size_t l = 0; l < 3; l++)
        ck_assert_int_eq(fixture_layer(copy, l).activation, each[l]);
    ck_assert_str_eq(fixture_tensor(copy, 5).name, fixture_tensor(network, 5).name);

    /* Trained alike they stay alike, which needs the same slope, epsilon and decay; trained alone
     * they part. */
    ae_network *both[] = {network, copy};
    for (size_t i = 0; i < COUNT(both); i++) {
        ae_optimizer *optimizer = fixture_adam(0.01f);
        ae_trainer *trainer = fixture_trainer(both[i], optimizer, dataset,
                                              AE_TRAINER_OPTIONS(.batch = 4));
        ck_assert_ok(ae_trainer_run_epoch(trainer, NULL));
        ck_assert(fixture_same_state(network, copy) == (i == 1));
        ae_trainer_free(trainer);
        ae_optimizer_free(optimizer);
    }
    ae_network_free(network);
    ck_assert_uint_eq(ae_network_input_width(copy), 6);
    ae_network_free(copy);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(a_clone_remembers_the_code_layer_of_one_that_is_not_narrowest)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){6, 3, 3, 4, 6}, .width_count = 5,
                           .encoder_layers = 3));
    ae_network *copy = NULL;
    ck_assert_ok(ae_network_clone(&copy, network));
    ck_assert_uint_eq(ae_network_encoder_layer_count(copy), 3);
    ck_assert_uint_eq(ae_network_code_width(copy), 4);
    ae_network_free(copy);
    ae_network_free(network);
}
END_TEST

Suite *network_suite(void)
{
    Suite *suite = suite_create("network");
    TCase *tcase = tcase_create("network");
    tcase_add_test(tcase, the_default_is_the_reports_network);
    tcase_add_test(tcase, code_layer_is_the_narrowest_inner_width_or_the_one_named);
    tcase_add_test(tcase, activations_are_per_layer_or_for_hidden_and_output);
    tcase_add_test(tcase, widths_that_cannot_be_are_refused);
    tcase_add_test(tcase, options_out_of_range_are_refused);
    tcase_add_test(tcase, options_of_other_versions_are_read_as_far_as_they_go);
    tcase_add_test(tcase, null_is_allowed_or_named);
    tcase_add_test(tcase, tensors_have_pytorchs_names_and_shapes);
    tcase_add_loop_test(tcase, tensors_come_out_as_they_went_in, 0, (int)ae_kernels_count());
    tcase_add_test(tcase, unknown_names_and_wrong_counts_are_refused);
    tcase_add_test(tcase, values_that_cannot_be_used_are_refused_and_change_nothing);
    tcase_add_test(tcase, initial_weights_are_normal_with_deviation_one_over_root_fan_in);
    tcase_add_test(tcase, gamma_is_one_beta_and_mean_zero_variance_one_bias_zero_at_first);
    tcase_add_test(tcase, initial_weights_do_not_depend_on_the_kernels);
    tcase_add_test(tcase, a_clone_is_equal_and_independent);
    tcase_add_test(tcase, a_clone_remembers_the_code_layer_of_one_that_is_not_narrowest);
    suite_add_tcase(suite, tcase);
    return suite;
}
