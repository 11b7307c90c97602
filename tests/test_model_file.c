/* SPDX-License-Identifier: BSD-3-Clause */
/* Model files: what is saved comes back bit for bit, damaged files, and nothing is lost by a failed
 * save. */
#define _DEFAULT_SOURCE /* seteuid, nftw's companions */
#include "fixtures.h"
#include "suites.h"

#include "format/safetensors.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct bytes {
    unsigned char *data;
    size_t size;
} bytes;

static bytes saved_bytes(const ae_network *network)
{
    bytes b;
    ck_assert_ok(ae_network_save_memory(network, NULL, 0, &b.size));
    b.data = fixture_allocate(b.size, 1);
    ck_assert_ok(ae_network_save_memory(network, b.data, b.size, NULL));
    return b;
}

/* A network whose running statistics and counts are not the initial ones. */
static ae_network *trained(const ae_network_options *options)
{
    ae_network *network = fixture_network_with(options);
    ae_dataset *dataset = fixture_dataset(32, ae_network_input_width(network), 5);
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(network, adam, dataset,
                                          AE_TRAINER_OPTIONS(.batch = 8, .threads = 1));
    for (int i = 0; i < 6; i++)
        ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    ae_trainer_free(trainer);
    ae_optimizer_free(adam);
    ae_dataset_free(dataset);
    return network;
}

static const size_t odd_widths[] = {33, 17, 5, 21, 33};
static const ae_toggle some[] = {AE_TOGGLE_OFF, AE_TOGGLE_ON, AE_TOGGLE_DEFAULT, AE_TOGGLE_OFF};
static const ae_activation mixed[] = {AE_ACTIVATION_TANH, AE_ACTIVATION_LEAKY_RELU,
                                      AE_ACTIVATION_RELU, AE_ACTIVATION_SIGMOID};

static const ae_network_options options_tried[] = {
    {.size = sizeof(ae_network_options), .widths = odd_widths, .width_count = 5, .seed = 1},
    {.size = sizeof(ae_network_options),
     .widths = odd_widths,
     .width_count = 5,
     .batch_norm = AE_TOGGLE_OFF},
    {.size = sizeof(ae_network_options),
     .widths = odd_widths,
     .width_count = 5,
     .encoder_layers = 1,
     .code_width = 3,
     .activations = mixed,
     .activation_count = 4,
     .leaky_slope = 0.3f,
     .bn_epsilon = 1e-5f,
     .bn_decay = 0.99f,
     .seed = UINT64_MAX},
    {.size = sizeof(ae_network_options),
     .widths = odd_widths,
     .width_count = 5,
     .batch_norms = some,
     .batch_norm_count = 4,
     .code_activation = AE_ACTIVATION_LINEAR},
    {.size = sizeof(ae_network_options), .seed = 3}, /* the report's network */
};

static void same_networks(const ae_network *a, const ae_network *b)
{
    ck_assert(fixture_same_state(a, b));
    ck_assert_uint_eq(a->depth, b->depth);
    ck_assert_uint_eq(a->encoder_layers, b->encoder_layers);
    ck_assert_uint_eq(a->batches_tracked, b->batches_tracked);
    ck_assert_uint_eq(a->seed, b->seed);
    const float left[] = {a->leaky_slope, a->bn_epsilon, a->bn_decay};
    const float right[] = {b->leaky_slope, b->bn_epsilon, b->bn_decay};
    ck_assert_mem_eq(left, right, sizeof left);
    for (size_t l = 0; l < a->depth; l++)
        ck_assert_int_eq(a->layers[l].f.kind, b->layers[l].f.kind);
}

START_TEST(a_saved_network_comes_back_bit_for_bit)
{
    ae_network *network = trained(&options_tried[_i]), *loaded = NULL, *again = NULL;
    const bytes first = saved_bytes(network);
    ck_assert_ok(ae_network_load_memory(&loaded, first.data, first.size, NULL));
    same_networks(network, loaded);
    const bytes second = saved_bytes(loaded);
    ck_assert_uint_eq(first.size, second.size);
    ck_assert_int_eq(memcmp(first.data, second.data, first.size), 0);

    const char *path = support_path("model.safetensors");
    ck_assert_ok(ae_network_save(network, path));
    size_t size;
    unsigned char *file = support_read(path, &size);
    ck_assert_uint_eq(size, first.size);
    ck_assert_int_eq(memcmp(file, first.data, size), 0);
    ck_assert_ok(ae_network_load(&again, path, AE_LOAD_OPTIONS(.kernels = "auto")));
    same_networks(network, again);

    free(file);
    free(first.data);
    free(second.data);
    ae_network_free(network);
    ae_network_free(loaded);
    ae_network_free(again);
}
END_TEST

START_TEST(kernels_of_every_kind_load_the_same_file)
{
    ae_network *network = trained(&options_tried[0]);
    const bytes b = saved_bytes(network);
    for (size_t i = 0; i < ae_kernels_count(); i++) {
        ae_network *loaded = NULL;
        ck_assert_ok(ae_network_load_memory(&loaded, b.data, b.size,
                                            AE_LOAD_OPTIONS(.kernels = ae_kernels_name(i))));
        ck_assert_str_eq(ae_network_kernels(loaded), ae_kernels_name(i));
        same_networks(network, loaded);
        ae_network_free(loaded);
    }
    ae_network *none = NULL;
    ck_assert_status(
        ae_network_load_memory(&none, b.data, b.size, AE_LOAD_OPTIONS(.kernels = "abacus")),
        AE_ERROR_UNSUPPORTED, "abacus");
    free(b.data);
    ae_network_free(network);
}
END_TEST

/* The whole of a tiny file written out by hand. */
START_TEST(the_layout_is_the_format_s)
{
    static const float encoder_weight[] = {1, 2}, encoder_bias[] = {3}, decoder_weight[] = {4, 5},
                       decoder_bias[] = {6, 7};
    const char *wanted =
        "{\"__metadata__\":{\"format\":\"pt\",\"libae.format_version\":\"1\",\"libae.version\":"
        "\"" AE_VERSION_STRING "\",\"libae.architecture\":\"{\\\"widths\\\":[2,1,2],\\\"code_"
        "layer\\\":1,\\\"batch_norm\\\":false,"
        "\\\"activations\\\":[\\\"sigmoid\\\",\\\"sigmoid\\\"],\\\"leaky_slope\\\":0.25,\\\"bn_"
        "epsilon\\\":0.5,"
        "\\\"bn_decay\\\":0.75,\\\"seed\\\":\\\"9\\\"}\"},"
        "\"decoder.0.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
        "\"decoder.0.weight\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[8,16]},"
        "\"encoder.0.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]},"
        "\"encoder.0.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[20,28]}}";
    static const unsigned char data[28] = {
        0,    0,    0xc0, 0x40, 0,    0,    0xe0, 0x40, 0,    0,    0x80, 0x40, 0, 0,
        0xa0, 0x40, 0,    0,    0x40, 0x40, 0,    0,    0x80, 0x3f, 0,    0,    0, 0x40,
    };
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){2, 1, 2}, .width_count = 3,
                           .batch_norm = AE_TOGGLE_OFF, .leaky_slope = 0.25f, .bn_epsilon = 0.5f,
                           .bn_decay = 0.75f, .seed = 9));
    ck_assert_ok(ae_network_set_tensor(network, "encoder.0.weight", encoder_weight, 2));
    ck_assert_ok(ae_network_set_tensor(network, "encoder.0.bias", encoder_bias, 1));
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.weight", decoder_weight, 2));
    ck_assert_ok(ae_network_set_tensor(network, "decoder.0.bias", decoder_bias, 2));
    const bytes b = saved_bytes(network);
    const size_t header = (size_t)b.data[0] + ((size_t)b.data[1] << 8), used = strlen(wanted);
    for (size_t i = 2; i < 8; i++)
        ck_assert_uint_eq(b.data[i], 0);
    ck_assert_uint_eq((8 + header) % 64, 0);
    ck_assert_uint_eq(b.size, 8 + header + sizeof data);
    ck_assert_int_eq(memcmp(b.data + 8, wanted, used), 0);
    ck_assert_uint_lt(header - used, 64);
    for (size_t i = used; i < header; i++)
        ck_assert_uint_eq(b.data[8 + i], ' ');
    ck_assert_int_eq(memcmp(b.data + 8 + header, data, sizeof data), 0);
    free(b.data);
    ae_network_free(network);
}
END_TEST

START_TEST(batch_counts_come_first_as_scalars)
{
    ae_network *network = trained(&options_tried[0]);
    const bytes b = saved_bytes(network);
    aei_safetensors file;
    ck_assert_ok(aei_safetensors_open(&file, b.data, b.size));
    ck_assert_uint_eq(file.count, 4 * 6);
    for (size_t i = 0; i < 4; i++) {
        char name[48];
        snprintf(name, sizeof name, "%s.%zu.bn.num_batches_tracked", i < 2 ? "encoder" : "decoder",
                 i % 2);
        const aei_stored *tensor = aei_safetensors_find(&file, name);
        ck_assert_ptr_nonnull(tensor);
        ck_assert_uint_eq(tensor->rank, 0);
        ck_assert_uint_lt(tensor->begin, 4 * 8);
        uint64_t count;
        ck_assert(aei_stored_count(&count, tensor));
        ck_assert_uint_eq(count, 6);
    }
    aei_safetensors_close(&file);
    free(b.data);
    ae_network_free(network);
}
END_TEST

START_TEST(save_memory_says_how_much_it_needs)
{
    ae_network *network = FIXTURE_NETWORK(3, 2, 3);
    unsigned char buffer[4096];
    size_t size = 0, needed = 0;
    ck_assert_ok(ae_network_save_memory(network, NULL, 0, &size));
    memset(buffer, 0x5a, sizeof buffer);
    ck_assert_status(ae_network_save_memory(network, buffer, size - 1, &needed),
                     AE_ERROR_BUFFER_SIZE, "capacity is");
    ck_assert_uint_eq(needed, size);
    for (size_t i = 0; i < sizeof buffer; i++)
        ck_assert_uint_eq(buffer[i], 0x5a);
    ck_assert_ok(ae_network_save_memory(network, buffer, size, &needed));
    ck_assert_uint_eq(buffer[size], 0x5a);
    ck_assert_status(ae_network_save_memory(network, NULL, 0, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "both NULL");
    ae_network_free(network);
}
END_TEST

START_TEST(missing_arguments_are_named)
{
    ae_network *network = FIXTURE_NETWORK(3, 2, 3), *loaded = NULL;
    size_t size;
    ck_assert_status(ae_network_save(NULL, "x"), AE_ERROR_INVALID_ARGUMENT, "network is NULL");
    ck_assert_status(ae_network_save(network, NULL), AE_ERROR_INVALID_ARGUMENT, "path is NULL");
    ck_assert_status(ae_network_save_memory(NULL, NULL, 0, &size), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_load(NULL, "x", NULL), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_load(&loaded, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "path is NULL");
    ck_assert_status(ae_network_load_memory(NULL, "x", 1, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_network_load_memory(&loaded, NULL, 1, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "data is NULL");
    ck_assert_ptr_null(loaded);
    ae_network_free(network);
}
END_TEST

static void poke(bytes b, const char *name, size_t element, float value)
{
    aei_safetensors file;
    ck_assert_ok(aei_safetensors_open(&file, b.data, b.size));
    const aei_stored *tensor = aei_safetensors_find(&file, name);
    ck_assert_ptr_nonnull(tensor);
    fixture_little_endian(&value, 1, sizeof value);
    memcpy(b.data + (tensor->data - b.data) + element * sizeof value, &value, sizeof value);
    aei_safetensors_close(&file);
}

static const struct {
    const char *old, *new;
    ae_status status;
    const char *message;
} edits[] = {
    {"encoder.0.weight", "encoder.0.weighs", AE_ERROR_FORMAT, "tensor encoder.0.weight is missing"},
    {"decoder.1.weight", "dekoder.1.weight", AE_ERROR_FORMAT, "tensor decoder.1.weight is missing"},
    {"encoder.1.weight", "encoder.9.weight", AE_ERROR_FORMAT, "tensor encoder.1.weight is missing"},
    {"encoder.1.weight", "encoder.x.weight", AE_ERROR_FORMAT,
     "shape [4, 3], but the layer before gives 4"},
    {"decoder.0.bn.bias", "decoder.0.bn.bia_", AE_ERROR_FORMAT,
     "tensor decoder.0.bn.bias is missing"},
    {"encoder.1.bn.running_mean", "encoder.1.bn.running_meen", AE_ERROR_FORMAT,
     "encoder.1.bn.running_mean is missing"},
    {"\"F32\",\"shape\":[4]", "\"I32\",\"shape\":[4]", AE_ERROR_FORMAT, "dtype is I32; F32, F64"},
    {"\"I64\"", "\"F64\"", AE_OK, ""},
    {"encoder.0.bn.num_batches_tracked\":{\"dtype\":\"I64\"",
     "encoder.0.bn.num_batches_tracked\":{\"dtype\":\"F64\"", AE_OK, ""},
    {"[4,6]", "[6,4]", AE_ERROR_FORMAT, "features"},
    {"[4,6]", "[024]", AE_ERROR_FORMAT, "JSON: "},
    {"[6,4]", "[ 24]", AE_ERROR_FORMAT, "two dimensions expected"},
    {"\"libae.format_version\":\"1\"", "\"libae.format_version\":\"2\"", AE_ERROR_UNSUPPORTED,
     "format version 2"},
    {"\"libae.format_version\":\"1\"", "\"libae.format_version\":\"0\"", AE_ERROR_FORMAT,
     "libae.format_version is damaged"},
    {"\"libae.format_version\":\"1\"", "\"libae.format_version\":\"x\"", AE_ERROR_FORMAT,
     "libae.format_version is damaged"},
    {"[6,4,3,4,6]", "[6,4,2,4,6]", AE_ERROR_FORMAT,
     "tensor encoder.1.weight: 3 features by its shape, 2 by"},
    {"[6,4,3,4,6]", "[7,4,3,4,6]", AE_ERROR_FORMAT,
     "tensor encoder.0.weight: 6 features by its shape, 7 by"},
    {"[6,4,3,4,6]", "[6,4,3,4  ]", AE_ERROR_FORMAT, "tensors of 4 layers, but 4 widths"},
    {"[6,4,3,4,6]", "[6,4,3,4,x]", AE_ERROR_FORMAT, "libae.architecture: JSON: a value expected"},
    {"[6,4,3,4,6]", "[6,4,3,4.6]", AE_ERROR_FORMAT, "libae.architecture: widths is damaged"},
    {"[6,4,3,4,6]", "[6,4,3,4,-]", AE_ERROR_FORMAT, "libae.architecture: JSON"},
    {"\\\"widths\\\":[6,4,3,4,6]", "\\\"widths\\\":\\\"6,4,3,4\\\"", AE_ERROR_FORMAT,
     "widths is damaged"},
    {"\\\"code_layer\\\":2", "\\\"code_layer\\\":1", AE_ERROR_FORMAT,
     "2 layers encode, but libae.architecture has 1"},
    {"\\\"batch_norm\\\":true,", "\\\"batch_norm\\\":false", AE_ERROR_FORMAT, "JSON"},
    {"\\\"batch_norm\\\":true", "\\\"batch_norm\\\":null", AE_ERROR_FORMAT,
     "batch_norm is damaged"},
    {"norm\\\":true", "norm\\\":[  ]", AE_ERROR_FORMAT, "batch_norm is damaged"},
    {"[\\\"sigmoid\\\",", "[\\\"sigmoit\\\",", AE_ERROR_FORMAT,
     "activations: sigmoit of layer 0 is not one of sigmoid, tanh"},
    {",\\\"sigmoid\\\"]", "            ]", AE_ERROR_FORMAT, "3 entries, but there are 4 layers"},
    {"\\\"leaky_slope\\\":0", "\\\"leaky_slope\\\":2", AE_ERROR_FORMAT, "leaky_slope is damaged"},
    {"\\\"bn_epsilon\\\":0.0", "\\\"bn_epsilon\\\":-.0", AE_ERROR_FORMAT, "JSON"},
    {"\\\"bn_epsilon\\\":0.", "\\\"bn_epsilon\\\":-0", AE_ERROR_FORMAT, "JSON"},
    {"\\\"bn_decay\\\":0", "\\\"bn_decay\\\":1", AE_ERROR_FORMAT, "bn_decay is damaged"},
    {"\\\"seed\\\":\\\"7\\\"", "\\\"seed\\\":\\\"x\\\"", AE_ERROR_FORMAT, "seed is damaged"},
    {"\\\"seed\\\":\\\"7\\\"", "\\\"tree\\\":\\\"7\\\"", AE_OK, ""},
    {"\"libae.version\"", "\"other.version\"", AE_OK, ""},
};

START_TEST(a_changed_header_is_refused_with_its_reason)
{
    ae_network *network = FIXTURE_NETWORK(6, 4, 3, 4, 6), *loaded = NULL;
    const bytes b = saved_bytes(network);
    support_replace(b.data, b.size, edits[_i].old, edits[_i].new);
    const ae_status status = ae_network_load_memory(&loaded, b.data, b.size, NULL);
    ck_assert_msg(status == edits[_i].status &&
                      (status == AE_OK || support_contains(ae_last_error(), edits[_i].message)),
                  "%s -> %s: %s (%s)", edits[_i].old, edits[_i].new, ae_status_name(status),
                  ae_last_error());
    ck_assert_int_eq(loaded == NULL, status != AE_OK);
    ae_network_free(loaded);
    free(b.data);
    ae_network_free(network);
}
END_TEST

START_TEST(values_that_cannot_be_used_are_refused)
{
    ae_network *network = FIXTURE_NETWORK(6, 4, 3, 4, 6), *loaded = NULL;
    bytes b = saved_bytes(network);
    poke(b, "decoder.1.weight", 5, NAN);
    ck_assert_status(ae_network_load_memory(&loaded, b.data, b.size, NULL), AE_ERROR_FORMAT,
                     "tensor decoder.1.weight: element 5 is not finite");
    poke(b, "decoder.1.weight", 5, 0);
    poke(b, "encoder.1.bn.running_var", 2, -0.5f);
    ck_assert_status(
        ae_network_load_memory(&loaded, b.data, b.size, NULL), AE_ERROR_FORMAT,
        "tensor encoder.1.bn.running_var: element 2 is -0.5, which cannot be negative");
    poke(b, "encoder.1.bn.running_var", 2, 0);
    ck_assert_ok(ae_network_load_memory(&loaded, b.data, b.size, NULL));
    ae_network_free(loaded);
    free(b.data);
    ae_network_free(network);
}
END_TEST

static size_t files_in(const char *path)
{
    size_t count = 0;
    DIR *folder = opendir(path);
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return count;
}

/* The old file is there, whole, and nothing else is in its folder. */
static void still_there(const char *path, const ae_network *old)
{
    ae_network *loaded = NULL;
    ck_assert_ok(ae_network_load(&loaded, path, NULL));
    same_networks(old, loaded);
    ae_network_free(loaded);
    ck_assert_uint_eq(files_in(support_dir()), 1);
}

/* A limit on the size of files stands in for a full disk: both cut a write short. */
START_TEST(a_full_disk_leaves_the_old_file)
{
    ae_network *old = FIXTURE_NETWORK(6, 4, 3, 4, 6), *new = FIXTURE_NETWORK(200, 100, 200);
    const char *path = support_path("model.safetensors");
    ck_assert_ok(ae_network_save(old, path));
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {20000, 20000};
        (void)signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(2);
        const ae_status status = ae_network_save(new, path);
        ae_network_free(old), ae_network_free(new); /* leak checkers look at the child too */
        _exit(status == AE_ERROR_NO_SPACE && support_contains(ae_last_error(), "model.safetensors")
                  ? 0
                  : 1);
    }
    int result;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert_msg(WIFEXITED(result) && WEXITSTATUS(result) == 0, "the child ended with %d", result);
    still_there(path, old);
    ae_network_free(old);
    ae_network_free(new);
}
END_TEST

START_TEST(paths_that_cannot_be_written_are_named)
{
    ae_network *network = FIXTURE_NETWORK(3, 2, 3);
    const char *path = support_path("model.safetensors");
    ck_assert_status(ae_network_save(network, support_path("no/such/folder")), AE_ERROR_NOT_FOUND,
                     "no/such/folder");
    ck_assert_status(ae_network_save(network, support_dir()), AE_ERROR_IO, "folder");
    ck_assert_ok(ae_network_save(network, path));
    ck_assert_int_eq(chmod(support_dir(), 0555), 0);
    const uid_t user = geteuid();
    ck_assert_int_eq(user == 0 ? seteuid(65534) : 0, 0); /* the superuser may write everywhere */
    const ae_status status = ae_network_save(network, path);
    ck_assert_int_eq(user == 0 ? seteuid(0) : 0, 0);
    ck_assert_int_eq(chmod(support_dir(), 0700), 0);
    ck_assert_int_eq(status, AE_ERROR_IO);
    ck_assert(support_contains(ae_last_error(), "model.safetensors"));
    still_there(path, network);
    ae_network_free(network);
}
END_TEST

/* Saving and loading with the first, second, ... allocation failing, until none does. */
START_TEST(every_failed_allocation_is_reported)
{
    ae_network *network = FIXTURE_NETWORK(6, 4, 3, 4, 6), *loaded = NULL;
    const bytes b = saved_bytes(network);
    const char *path = support_path("model.safetensors");
    ck_assert_ok(ae_network_save(network, path));
    size_t tries = 0;
    for (int failed = 1; failed;) {
        support_fail_allocation(++tries);
        const ae_status status = ae_network_load_memory(&loaded, b.data, b.size, NULL);
        failed = support_allocation_failed();
        support_fail_allocation(0);
        ck_assert_int_eq(status, failed ? AE_ERROR_OUT_OF_MEMORY : AE_OK);
        ck_assert_int_eq(loaded == NULL, failed);
    }
    ck_assert_uint_gt(tries, 5);
    tries = 0;
    for (int failed = 1; failed;) {
        support_fail_allocation(++tries);
        const ae_status status = ae_network_save(network, path);
        failed = support_allocation_failed();
        support_fail_allocation(0);
        ck_assert_int_eq(status, failed ? AE_ERROR_OUT_OF_MEMORY : AE_OK);
        still_there(path, network);
    }
    ck_assert_uint_gt(tries, 4);
    ae_network_free(loaded);
    free(b.data);
    ae_network_free(network);
}
END_TEST

Suite *model_file_suite(void)
{
    Suite *suite = suite_create("model_file");
    TCase *round = tcase_create("round trip");
    tcase_add_checked_fixture(round, NULL, support_dir_remove);
    tcase_add_loop_test(round, a_saved_network_comes_back_bit_for_bit, 0,
                        (int)COUNT(options_tried));
    tcase_add_test(round, kernels_of_every_kind_load_the_same_file);
    tcase_add_test(round, the_layout_is_the_format_s);
    tcase_add_test(round, batch_counts_come_first_as_scalars);
    tcase_add_test(round, save_memory_says_how_much_it_needs);
    tcase_add_test(round, missing_arguments_are_named);
    suite_add_tcase(suite, round);
    TCase *damaged = tcase_create("damaged files");
    tcase_add_checked_fixture(damaged, NULL, support_dir_remove);
    tcase_add_loop_test(damaged, a_changed_header_is_refused_with_its_reason, 0, (int)COUNT(edits));
    tcase_add_test(damaged, values_that_cannot_be_used_are_refused);
    suite_add_tcase(suite, damaged);
    TCase *failing = tcase_create("failing saves");
    tcase_add_checked_fixture(failing, NULL, support_dir_remove);
    tcase_add_test(failing, a_full_disk_leaves_the_old_file);
    tcase_add_test(failing, paths_that_cannot_be_written_are_named);
    tcase_add_test(failing, every_failed_allocation_is_reported);
    suite_add_tcase(suite, failing);
    return suite;
}
