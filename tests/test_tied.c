/* SPDX-License-Identifier: BSD-3-Clause */
/* Tied weights: against float64, one tensor for optimizer and caller, two in a file, which must
 * agree. */
#include "model/tied.h"

#include "reference_steps.h"
#include "suites.h"
#include "trained.h"

enum { FEATURES = 21, ROWS = 61 };

static const size_t widths[] = {37, 33, 5, 33, 37};

/* A test number is whether there is batch normalisation; all kernels, all activations. */
START_TEST(steps_are_those_of_the_reference)
{
    for (ae_activation hidden = AE_ACTIVATION_SIGMOID; hidden <= AE_ACTIVATION_LINEAR;
         hidden = (ae_activation)(hidden + (support_slow() ? 3 : 1))) {
        reference n = {.widths = widths,
                       .depth = COUNT(widths) - 1,
                       .batch_norm = _i == 1,
                       .hidden = hidden,
                       .output = AE_ACTIVATION_SIGMOID,
                       .slope = (double)0.2f,
                       .epsilon = (double)1e-3f,
                       .encoder_layers = 2,
                       .tied = true,
                       .l2 = (double)0.1f};
        const ae_trainer_options o = {.size = sizeof o, .code_l2 = 0.1f};
        reference_agrees(&n, &o, 6, NULL);
    }
}
END_TEST

static ae_network *make(void)
{
    return fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 35, 3, 35, FEATURES},
                           .width_count = 5, .seed = 7, .tied_weights = AE_TOGGLE_ON));
}

/* Each decoder's weight is, bit for bit, an encoder's transposed. */
static void check_tied(const ae_network *network)
{
    static const struct {
        const char *encoder, *decoder;
        size_t out, in;
    } pairs[] = {{"encoder.0.weight", "decoder.1.weight", 35, FEATURES},
                 {"encoder.1.weight", "decoder.0.weight", 3, 35}};
    for (size_t k = 0; k < COUNT(pairs); k++) {
        const size_t count = pairs[k].out * pairs[k].in;
        float *a = fixture_allocate(2 * count, sizeof *a), *b = a + count;
        ck_assert_ok(ae_network_get_tensor(network, pairs[k].encoder, a, count));
        ck_assert_ok(ae_network_get_tensor(network, pairs[k].decoder, b, count));
        for (size_t j = 0; j < pairs[k].out; j++)
            for (size_t i = 0; i < pairs[k].in; i++)
                ck_assert(memcmp(&a[j * pairs[k].in + i], &b[i * pairs[k].out + j], sizeof *a) ==
                          0);
        free(a);
    }
}

static const trained_recipe usual_run = {.network = make};

/* float32, bfloat16, clipped, with the best weights put back. */
START_TEST(any_number_of_threads_and_resuming_give_the_same_bits)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_trainer_options options = {.size = sizeof options,
                                  .batch = 16,
                                  .epochs = 3,
                                  .seed = 3,
                                  .threads = 1,
                                  .precision = _i == 1 ? AE_PRECISION_BF16 : AE_PRECISION_F32,
                                  .clip_norm = _i == 2 ? 0.1f : 0,
                                  .restore_best = _i == 3 ? AE_TOGGLE_ON : AE_TOGGLE_DEFAULT};
    /* Stopped within the first epoch of four steps, at its end, and within the second. */
    ae_network *whole = trained_alike(&usual_run, dataset, options, 6);
    check_tied(whole);
    ae_network_free(whole);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(a_tied_weight_is_one_tensor_under_two_names)
{
    ae_network *network = make();
    ae_network_info info = fixture_info(network);
    ck_assert_int_eq(info.tied_weights, 1);
    check_tied(network);
    /* 35 x 21 and 3 x 35 once, gamma and beta in four layers. */
    ck_assert_uint_eq(info.parameter_count, 35 * FEATURES + 3 * 35 + 2 * (35 + 3 + 35 + FEATURES));
    size_t trainable = 0;
    for (size_t i = 0; i < ae_network_tensor_count(network); i++)
        trainable += fixture_tensor(network, i).trainable ? fixture_tensor(network, i).count : 0;
    ck_assert_uint_eq(trainable, info.parameter_count);
    float *values = fixture_values(35 * FEATURES, -1, 1, 3);
    ck_assert_ok(ae_network_set_tensor(network, "encoder.0.weight", values, 35 * FEATURES));
    check_tied(network);
    ck_assert_ok(ae_network_set_tensor(network, "decoder.1.weight", values, 35 * FEATURES));
    check_tied(network);
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.weight", values, 3 * 35));
    check_tied(network);
    ae_network *copy = NULL;
    ck_assert_ok(ae_network_clone(&copy, network));
    ck_assert_int_eq(fixture_info(copy).tied_weights, 1);
    ck_assert(fixture_same_state(copy, network));
    ae_network *plain = FIXTURE_NETWORK(FEATURES, 35, 3, 35, FEATURES);
    ck_assert_int_eq(fixture_info(plain).tied_weights, 0);
    ck_assert(!aei_network_same_layout(plain, network));
    free(values);
    ae_network_free(plain), ae_network_free(copy), ae_network_free(network);
}
END_TEST

/* The caller's own descent is the trainer's; the decoder's weight has no gradient of its own. */
START_TEST(an_optimizer_of_the_callers_sees_one_tensor)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_network *network = make(), *twin = make();
    ae_optimizer *sgd = fixture_sgd(0.1f);
    const ae_trainer_options options = {.size = sizeof options, .batch = 16, .seed = 3};
    ae_trainer *own = fixture_trainer(network, NULL, dataset, &options);
    ae_trainer *usual = fixture_trainer(twin, sgd, dataset, &options);
    for (int s = 0; s < 3; s++) {
        ck_assert_ok(ae_trainer_run_step(own, NULL));
        ck_assert_ok(ae_trainer_run_step(usual, NULL));
        for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
            const ae_tensor_info info = fixture_tensor(network, i);
            if (!info.trainable)
                continue;
            float *values = fixture_allocate(2 * info.count, sizeof *values),
                  *gradient = values + info.count;
            ck_assert_ok(ae_network_get_tensor(network, info.name, values, info.count));
            ck_assert_ok(ae_trainer_get_gradient(own, info.name, gradient, info.count));
            for (size_t j = 0; j < info.count; j++)
                values[j] -= 0.1f * gradient[j];
            ck_assert_ok(ae_network_set_tensor(network, info.name, values, info.count));
            free(values);
        }
        check_tied(network);
        check_tied(twin);
    }
    size_t count;
    float *a = fixture_state(network, &count), *b = fixture_state(twin, &count);
    ck_assert(fixture_distance(a, b, count) < 1e-6);
    ck_assert_status(ae_trainer_get_gradient(own, "decoder.1.weight", a, 35 * FEATURES),
                     AE_ERROR_INVALID_ARGUMENT, "decoder.1.weight is tied");
    free(a), free(b);
    ae_trainer_free(own), ae_trainer_free(usual), ae_optimizer_free(sgd);
    ae_network_free(network), ae_network_free(twin), ae_dataset_free(dataset);
}
END_TEST

/* In the file are both, as readers of state dicts want; the last bytes are of encoder.1.weight. */
START_TEST(a_file_holds_both_weights_and_they_must_agree)
{
    ae_network *network = make(), *read = NULL;
    size_t size = 0;
    ck_assert_ok(ae_network_save_memory(network, NULL, 0, &size));
    unsigned char *data = fixture_allocate(size, 1);
    ck_assert_ok(ae_network_save_memory(network, data, size, NULL));
    ck_assert_ok(ae_network_load_memory(&read, data, size, NULL));
    ck_assert_int_eq(fixture_info(read).tied_weights, 1);
    ck_assert(fixture_same_state(read, network));
    ae_network_free(read);
    read = NULL;
    data[size - 2] ^= 0x40;
    ck_assert_status(ae_network_load_memory(&read, data, size, NULL), AE_ERROR_FORMAT,
                     "decoder.0.weight is not the transpose of encoder.1.weight");
    support_replace(data, size, "tied_weights", "tied_weightx");
    ck_assert_ok(ae_network_load_memory(&read, data, size, NULL));
    ck_assert_int_eq(fixture_info(read).tied_weights, 0);
    ae_network_free(read);
    read = NULL;
    support_replace(data, size, "tied_weightx", "tied_weights");
    support_replace(data, size, "tied_weights\\\":true", "tied_weights\\\":1234");
    ck_assert_status(ae_network_load_memory(&read, data, size, NULL), AE_ERROR_FORMAT,
                     "tied_weights is damaged");
    ck_assert_ptr_null(read);
    free(data);
    ae_network_free(network);
}
END_TEST

/* A network with the same values in which nothing is tied. */
static ae_network *untied(const ae_network *network)
{
    ae_network *plain = FIXTURE_NETWORK(FEATURES, 35, 3, 35, FEATURES);
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        float *values = fixture_allocate(info.count, sizeof *values);
        ck_assert_ok(ae_network_get_tensor(network, info.name, values, info.count));
        ck_assert_ok(ae_network_set_tensor(plain, info.name, values, info.count));
        free(values);
    }
    return plain;
}

static ae_status export_c(const ae_network *network, const char *path)
{
    return ae_network_export_c(network, path, NULL, NULL);
}

static ae_status export_onnx(const ae_network *network, const char *path)
{
    return ae_network_export_onnx(network, path, NULL);
}

/* How many bytes of a network's file are not as those of another's from either end on. Both have
 * one name, which C source has inside. */
static size_t differing(ae_status (*export)(const ae_network *network, const char *path),
                        const char *path, const ae_network *a, const ae_network *b)
{
    size_t size, other, first = 0, last = 0;
    const ae_status status = export(a, path);
    if (status == AE_ERROR_UNSUPPORTED) /* a build without protobuf-c */
        return 0;
    ck_assert_ok(status);
    unsigned char *of_a = support_read(path, &size);
    ck_assert_ok(export(b, path));
    unsigned char *of_b = support_read(path, &other);
    while (first < size && first < other && of_a[first] == of_b[first])
        first++;
    while (last < size - first && last < other - first &&
           of_a[size - 1 - last] == of_b[other - 1 - last])
        last++;
    free(of_a), free(of_b);
    return size - first - last;
}

/* Whoever computes with the values need not know that they are tied. */
START_TEST(exports_are_those_of_a_network_without_ties)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_network *network = make();
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(network, adam, dataset, NULL);
    for (int s = 0; s < 3; s++)
        ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    ae_network *plain = untied(network);
    ck_assert_int_eq(fixture_info(network).tied_weights, 1);
    ck_assert_int_eq(fixture_info(plain).tied_weights, 0);
    ck_assert_uint_eq(differing(export_c, support_path("network.c"), network, plain), 0);
    /* ONNX's metadata has the architecture, which says `tied_weights`; it is some 250 bytes. */
    ck_assert_uint_le(differing(export_onnx, support_path("network.onnx"), network, plain), 300);
    ae_trainer_free(trainer), ae_optimizer_free(adam);
    ae_network_free(network), ae_network_free(plain), ae_dataset_free(dataset);
}
END_TEST

/* A plain run is not a tied one, and an optimizer starts anew between them. */
START_TEST(a_tied_run_is_another_run)
{
    const ae_trainer_options options = {.size = sizeof options, .batch = 16};
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_network *tied = make(), *plain = FIXTURE_NETWORK(FEATURES, 35, 3, 35, FEATURES);
    ae_optimizer *adam = fixture_adam(0.01f), *other = fixture_adam(0.01f);
    ae_trainer *one = fixture_trainer(tied, adam, dataset, &options),
               *two = fixture_trainer(plain, other, dataset, &options);
    ck_assert_ok(ae_trainer_run_step(one, NULL));
    ck_assert_ok(ae_trainer_save_checkpoint(one, support_path("tied")));
    ck_assert_ok(ae_trainer_save_checkpoint(two, support_path("plain")));
    ck_assert_status(ae_trainer_resume(two, support_path("tied")), AE_ERROR_SHAPE,
                     "tied_weights is in the checkpoint, absent in this trainer");
    ck_assert_status(ae_trainer_resume(one, support_path("plain")), AE_ERROR_SHAPE,
                     "tied_weights is absent in the checkpoint");
    ae_trainer_free(one), ae_trainer_free(two);
    two = fixture_trainer(plain, adam, dataset, &options);
    ck_assert_uint_eq(ae_optimizer_step_count(adam), 0);
    ae_trainer_free(two);
    ae_optimizer_free(adam), ae_optimizer_free(other);
    ae_network_free(tied), ae_network_free(plain), ae_dataset_free(dataset);
}
END_TEST

START_TEST(widths_that_do_not_mirror_are_refused)
{
    ae_network *network = NULL;
#define REFUSED(status, part, layers, ...)                                                         \
    ck_assert_status(                                                                              \
        ae_network_create(                                                                         \
            &network, AE_NETWORK_OPTIONS(.widths = (const size_t[]){__VA_ARGS__},                  \
                                         .width_count = COUNT(((const size_t[]){__VA_ARGS__})),    \
                                         .encoder_layers = layers, .tied_weights = AE_TOGGLE_ON)), \
        status, part)
    REFUSED(AE_ERROR_SHAPE, "2 layers encode and 1 decode", 2, 8, 5, 2, 8);
    REFUSED(AE_ERROR_SHAPE,
            "layer 1 takes 5 features, but layer 2, which has its weight "
            "transposed, gives 6",
            2, 8, 5, 2, 6, 8);
#undef REFUSED
    ck_assert_status(ae_network_create(&network, AE_NETWORK_OPTIONS(.tied_weights = (ae_toggle)3)),
                     AE_ERROR_INVALID_ARGUMENT, "tied_weights is 3");
    ck_assert_ptr_null(network);
    /* code_width moves no mirror, and the usual network is one. */
    ck_assert_ok(ae_network_create(
        &network, AE_NETWORK_OPTIONS(.code_width = 7, .tied_weights = AE_TOGGLE_ON)));
    ae_network_free(network);
}
END_TEST

Suite *tied_suite(void)
{
    Suite *suite = suite_create("tied");
    TCase *tied = tcase_create("tied");
    tcase_set_timeout(tied, 60);
    tcase_add_loop_test(tied, steps_are_those_of_the_reference, 0, 2);
    tcase_add_test(tied, a_tied_weight_is_one_tensor_under_two_names);
    tcase_add_test(tied, an_optimizer_of_the_callers_sees_one_tensor);
    tcase_add_test(tied, a_file_holds_both_weights_and_they_must_agree);
    tcase_add_test(tied, widths_that_do_not_mirror_are_refused);
    suite_add_tcase(suite, tied);
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, NULL, support_dir_remove);
    tcase_add_loop_test(files, any_number_of_threads_and_resuming_give_the_same_bits, 0, 4);
    tcase_add_test(files, a_tied_run_is_another_run);
    tcase_add_test(files, exports_are_those_of_a_network_without_ties);
    suite_add_tcase(suite, files);
    return suite;
}
