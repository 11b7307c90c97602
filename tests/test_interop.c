/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Model files between libae and PyTorch by way of the reference safetensors package: interop.py
 * does their part, run by $AE_PYTHON or python3. Where the packages are not installed the tests
 * are left out.
 */
#define _POSIX_C_SOURCE 200809L
#include "fixtures.h"
#include "python.h"
#include "suites.h"

#include <stdio.h>

enum { ROWS = 50, MOST_ARGUMENTS = 24, DOCUMENT = -2 };

static const size_t report[] = {784, 1000, 500, 250, 4, 250, 500, 1000, 784},
                    small[] = {33, 20, 3, 17, 40, 33};

static const struct {
    const size_t *widths;
    size_t count;
    ae_toggle batch_norm;
    bool scaled;
} networks[] = {
    {report, COUNT(report), AE_TOGGLE_ON, false},
    {small, COUNT(small), AE_TOGGLE_ON, false},
    {small, COUNT(small), AE_TOGGLE_OFF, false},
    {small, COUNT(small), AE_TOGGLE_ON, true},
};

/* Run interop.py on a network's files, or on docs/pytorch.md, and return its exit status. */
static int python(const char *command, int network)
{
    char texts[MOST_ARGUMENTS][24];
    const char *arguments[MOST_ARGUMENTS + 1] = {command, support_dir()};
    size_t count = 2;
    if (network == DOCUMENT) {
        arguments[count++] = support_source("../docs/pytorch.md");
    } else {
        arguments[count++] = networks[network].batch_norm == AE_TOGGLE_ON ? "1" : "0";
        for (size_t i = 0; i < networks[network].count; i++, count++) {
            snprintf(texts[count], sizeof texts[count], "%zu", networks[network].widths[i]);
            arguments[count] = texts[count];
        }
    }
    return python_run("interop.py", arguments);
}

static ae_network *trained(int i, const ae_dataset *dataset)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = networks[i].widths, .width_count = networks[i].count,
                           .batch_norm = networks[i].batch_norm));
    if (networks[i].scaled)
        ck_assert_ok(ae_network_fit_scaling(network, dataset, NULL));
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(network, adam, dataset,
                                          AE_TRAINER_OPTIONS(.batch = ROWS / 2));
    for (int step = 0; step < 20; step++)
        ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    ae_trainer_free(trainer);
    ae_optimizer_free(adam);
    return network;
}

static void reconstruct(const ae_network *network, const float *rows, float *reconstructions)
{
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, reconstructions));
    ae_session_free(session);
}

/* Rows in [0, 1), in memory and in rows.f32 for interop.py. */
static float *make_rows(size_t width)
{
    float *rows = fixture_values(ROWS * width, 0, 1, 3);
    support_write(support_path("rows.f32"), rows, ROWS * width * sizeof *rows);
    return rows;
}

/* Outputs lie in (0, 1) and sums of up to 1000 products are rounded in another order: 1e-5 is 80
 * units of float32. */
START_TEST(pytorch_reconstructs_the_same_from_a_saved_network)
{
    const size_t width = networks[_i].widths[0];
    float *rows = make_rows(width), *reconstructions = fixture_allocate(ROWS * width, sizeof *rows);
    if (networks[_i].scaled) {
        for (size_t i = 0; i < ROWS * width; i++)
            rows[i] = i % width == 3 ? 7 : ldexpf(rows[i], (int)(i % width) % 12) - 40;
        support_write(support_path("rows.f32"), rows, ROWS * width * sizeof *rows);
    }
    ae_dataset *dataset = fixture_dataset_of(rows, ROWS, width);
    ae_network *network = trained(_i, dataset);
    reconstruct(network, rows, reconstructions);
    support_write(support_path("reconstruction.f32"), reconstructions, ROWS * width * sizeof *rows);
    ck_assert_ok(ae_network_save(network, support_path("model.safetensors")));
    ck_assert_int_eq(python("read", _i), 0);
    ae_network_free(network);
    ae_dataset_free(dataset);
    free(reconstructions);
    free(rows);
}
END_TEST

/* Their layers have a bias in front of batch normalisation too, which libae folds away. */
START_TEST(a_file_saved_from_pytorch_gives_the_same_output)
{
    const size_t width = networks[_i].widths[0], count = ROWS * width;
    float *rows = make_rows(width), *reconstructions = fixture_allocate(count, sizeof *rows);
    ck_assert_int_eq(python("write", _i), 0);
    ae_network *network = NULL;
    ck_assert_ok(ae_network_load(&network, support_path("foreign.safetensors"), NULL));
    ck_assert_uint_eq(ae_network_layer_count(network), networks[_i].count - 1);
    for (size_t i = 0; i < networks[_i].count; i++)
        ck_assert_uint_eq(network->widths[i], networks[_i].widths[i]);
    ck_assert_int_eq(fixture_info(network).batch_norm, networks[_i].batch_norm == AE_TOGGLE_ON);
    reconstruct(network, rows, reconstructions);
    size_t size;
    unsigned char *theirs = support_read(support_path("foreign.f32"), &size);
    ck_assert_uint_eq(size, count * sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        float wanted;
        memcpy(&wanted, theirs + i * sizeof wanted, sizeof wanted);
        ck_assert_msg(fabsf(reconstructions[i] - wanted) < 1e-5f,
                      "row %zu, feature %zu: %.8g, PyTorch %.8g", i / width, i % width,
                      (double)reconstructions[i], (double)wanted);
    }
    free(theirs);
    ae_network_free(network);
    free(reconstructions);
    free(rows);
}
END_TEST

/* A file's network gives what PyTorch wrote beside it, on rows.f32. */
static void compare_with_pytorch(const ae_network *network, const char *wanted_name,
                                 const char *output_name)
{
    size_t size, wanted_size;
    ae_session *session = NULL;
    float *rows = (float *)(void *)support_read(support_path("rows.f32"), &size);
    float *wanted = (float *)(void *)support_read(support_path(wanted_name), &wanted_size);
    float *output = fixture_allocate(1, size);
    ck_assert_uint_eq(size, wanted_size);
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_session_reconstruct(
        session, rows, size / sizeof *rows / ae_network_input_width(network), output));
    for (size_t i = 0; i < size / sizeof *rows; i++)
        ck_assert_msg(fabsf(output[i] - wanted[i]) < 1e-5f, "%s: element %zu: %.8g, PyTorch %.8g",
                      wanted_name, i, (double)output[i], (double)wanted[i]);
    if (output_name != NULL)
        support_write(support_path(output_name), output, size);
    ae_session_free(session);
    free(output);
    free(wanted);
    free(rows);
}

/* As docs/pytorch.md loads them. */
static void load_and_compare(const char *path, const char *wanted)
{
    ae_network *network = NULL;
    const ae_status status = ae_network_load(
        &network, support_path(path),
        AE_LOAD_OPTIONS(.hidden_activation = AE_ACTIVATION_RELU,
                        .code_activation = AE_ACTIVATION_LINEAR,
                        .output_activation = AE_ACTIVATION_SIGMOID));
    ck_assert_msg(status == AE_OK, "%s: %s", path, ae_last_error());
    ck_assert_uint_eq(ae_network_code_width(network), 3);
    compare_with_pytorch(network, wanted, NULL);
    ae_network_free(network);
}

START_TEST(models_as_others_name_them_give_the_same_output)
{
    static const char *const files[][2] = {
        {"wild0.safetensors", "wild0.f32"}, {"wild1.safetensors", "wild1.f32"},
        {"wild2.safetensors", "wild2.f32"}, {"wild3.safetensors", "wild3.f32"},
        {"wild4.safetensors", "wild4.f32"}, {"wild5.safetensors", "wild5.f32"}};
    const char *arguments[] = {"wild", support_dir(), NULL};
    ck_assert_int_eq(python_run("interop.py", arguments), 0);
    for (size_t i = 0; i < COUNT(files); i++)
        load_and_compare(files[i][0], files[i][1]);
}
END_TEST

/* docs/pytorch.md as a reader follows it: plain.py; save.py, loading and saving with libae,
 * load.py; other types. */
START_TEST(the_documented_programs_work)
{
    static const char *const models[][2] = {{"model.safetensors", "model.f32"},
                                            {"float64.safetensors", "float64.f32"},
                                            {"float16.safetensors", "float16.f32"},
                                            {"bfloat16.safetensors", "bfloat16.f32"}};
    static const ae_activation activations[] = {AE_ACTIVATION_RELU, AE_ACTIVATION_TANH,
                                                AE_ACTIVATION_LEAKY_RELU, AE_ACTIVATION_SIGMOID};
    ck_assert_int_eq(python("docs_save", DOCUMENT), 0);
    for (size_t i = 0; i < COUNT(models); i++) {
        ae_network *network = NULL;
        ck_assert_ok(ae_network_load(&network, support_path(models[i][0]), NULL));
        compare_with_pytorch(network, models[i][1], NULL);
        ae_network_free(network);
    }
    load_and_compare("plain.safetensors", "plain.f32");
    ae_network *network = NULL;
    ck_assert_ok(ae_network_load(
        &network, support_path("bare.safetensors"),
        AE_LOAD_OPTIONS(.activations = activations, .activation_count = COUNT(activations))));
    compare_with_pytorch(network, "model.f32", "trained.f32");
    ck_assert_ok(ae_network_save(network, support_path("trained.safetensors")));
    ck_assert_int_eq(python("docs_load", DOCUMENT), 0);
    ae_network_free(network);
}
END_TEST

Suite *interop_suite(void)
{
    Suite *suite = suite_create("interop");
    TCase *tcase = tcase_create("PyTorch");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_set_timeout(tcase, 240); /* importing torch takes seconds */
    const char *missing = python_lacks("interop.py",
                                       "$AE_PYTHON or python3 has no torch or safetensors");
    support_add_loop_test(tcase, pytorch_reconstructs_the_same_from_a_saved_network, 0,
                          COUNT(networks), missing);
    support_add_loop_test(tcase, a_file_saved_from_pytorch_gives_the_same_output, 0,
                          COUNT(networks), missing);
    support_add_test(tcase, models_as_others_name_them_give_the_same_output, missing);
    support_add_test(tcase, the_documented_programs_work, missing);
    suite_add_tcase(suite, tcase);
    return suite;
}
