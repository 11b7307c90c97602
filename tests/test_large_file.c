/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of more than 4 GiB: sparse ones, whose zeros take no room on the disk. */
#define _POSIX_C_SOURCE 200809L /* ftruncate, pwrite */
#include "npy_file.h"
#include "suites.h"

#include <fcntl.h>
#include <unistd.h>

enum { HEADER = 128, TAIL = 64 };

static const uint64_t four_gib = UINT64_C(1) << 32;

/* What the file's values are of; rows of whole bytes, whose last lie behind 4 GiB. */
typedef struct kind {
    const char *type;
    size_t width, features;
} kind;

static const kind kinds[] = {{"|u1", 1, 1001}, {FLOAT, 4, 257}};

static size_t rows_of(const kind *k)
{
    return (size_t)(four_gib / (k->width * k->features)) + 1000;
}

/* Each row is one of its own. */
static float planted(const kind *k, size_t row, size_t c)
{
    const size_t value = (row + c) % 251;
    return k->width == 1 ? (float)value * (1.0f / 255) : (float)value / 251;
}

static void plant(int file, const kind *k, size_t row)
{
    unsigned char bytes[257 * sizeof(float)];
    float values[257];
    for (size_t c = 0; c < k->features; c++) {
        if (k->width == 1)
            bytes[c] = (unsigned char)((row + c) % 251);
        else
            values[c] = planted(k, row, c);
    }
    if (k->width == 4) {
        memcpy(bytes, values, sizeof values);
    }
    const size_t size = k->width * k->features;
    ck_assert_int_eq(pwrite(file, bytes, size, (off_t)(HEADER + (uint64_t)row * size)),
                     (ssize_t)size);
}

/* The last rows are planted, and those around byte 4 GiB of the values. */
static const char *make_large(const kind *k, size_t missing_bytes)
{
    const size_t rows = rows_of(k);
    char text[HEADER + 1];
    memcpy(text, "\x93NUMPY\1\0\x76\0", 10);
    const int used = snprintf(text + 10, sizeof text - 10,
                              "{'descr': '%s', 'fortran_order': False, 'shape': (%zu, %zu), }",
                              k->type, rows, k->features);
    memset(text + 10 + used, ' ', (size_t)(HEADER - 10 - used));
    text[HEADER - 1] = '\n';
    const char *path = support_path("large.npy");
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(pwrite(file, text, HEADER, 0), HEADER);
    for (size_t row = rows - 1000 - 2; row < rows - 1000 + 2; row++)
        plant(file, k, row);
    for (size_t row = rows - TAIL; row < rows; row++)
        plant(file, k, row);
    const uint64_t size = HEADER + (uint64_t)rows * k->width * k->features - missing_bytes;
    ck_assert_uint_gt(size, four_gib);
    ck_assert_int_eq(ftruncate(file, (off_t)size), 0);
    ck_assert_int_eq(close(file), 0);
    return path;
}

static void assert_planted(const kind *k, const ae_dataset *dataset, size_t first, size_t count)
{
    float values[1001];
    for (size_t row = first; row < first + count; row++) {
        ck_assert_ok(ae_dataset_read(dataset, row, 1, values));
        for (size_t c = 0; c < k->features; c++)
            ck_assert_msg(values[c] == planted(k, row, c), "%s: row %zu, column %zu: %g", k->type,
                          row, c, (double)values[c]);
    }
}

START_TEST(rows_behind_four_gib_are_those_of_the_file)
{
    const kind *k = &kinds[_i / 2];
    const ae_toggle in_place = _i % 2 == 1 ? AE_TOGGLE_ON : AE_TOGGLE_OFF;
    const char *path = make_large(k, 0);
    const size_t rows = rows_of(k);
    ae_dataset *dataset = NULL, *view = NULL;
    ck_assert_ok(ae_dataset_open_npy(
        &dataset, path, AE_DATASET_OPTIONS(.map = AE_TOGGLE_ON, .map_in_place = in_place)));
    ck_assert_uint_eq(ae_dataset_row_count(dataset), rows);
    assert_planted(k, dataset, rows - 1000 - 2, 4);
    assert_planted(k, dataset, rows - TAIL, TAIL);
    float zeros[1001];
    ck_assert_ok(ae_dataset_read(dataset, rows - TAIL - 1, 1, zeros));
    for (size_t c = 0; c < k->features; c++)
        ck_assert(zeros[c] == 0);
    ck_assert_ok(ae_dataset_view(&view, dataset, rows - TAIL, TAIL));
    ae_dataset_free(dataset);
    ck_assert_ok(ae_dataset_read(view, TAIL - 1, 1, zeros));
    ck_assert(zeros[0] == planted(k, rows - 1, 0));
    ae_dataset_free(view);
    ck_assert_int_eq(remove(path), 0);
}
END_TEST

/* The same weights as from memory. */
START_TEST(training_on_rows_behind_four_gib)
{
    const kind *k = &kinds[1];
    const char *path = make_large(k, 0);
    const size_t rows = rows_of(k);
    ae_dataset *dataset = NULL, *sets[2] = {NULL, NULL};
    ck_assert_ok(ae_dataset_open_npy(&dataset, path, AE_DATASET_OPTIONS(.map = AE_TOGGLE_ON)));
    ck_assert_ok(ae_dataset_view(&sets[0], dataset, rows - TAIL, TAIL));
    float *values = fixture_allocate(TAIL * k->features, sizeof *values);
    for (size_t i = 0; i < TAIL * k->features; i++)
        values[i] = planted(k, rows - TAIL + i / k->features, i % k->features);
    ck_assert_ok(ae_dataset_create_f32(&sets[1], values, TAIL, k->features, NULL));
    ae_network *networks[2];
    for (int i = 0; i < 2; i++) {
        networks[i] = FIXTURE_NETWORK(257, 9, 3, 9, 257);
        ae_optimizer *adam = fixture_adam(0.01f);
        ae_trainer *trainer = fixture_trainer(networks[i], adam, sets[i],
                                              AE_TRAINER_OPTIONS(.batch = 16, .epochs = 2));
        ck_assert_ok(ae_trainer_run(trainer));
        ae_trainer_free(trainer);
        ae_optimizer_free(adam);
    }
    ck_assert(fixture_same_state(networks[0], networks[1]));
    for (int i = 0; i < 2; i++) {
        ae_network_free(networks[i]);
        ae_dataset_free(sets[i]);
    }
    ae_dataset_free(dataset);
    free(values);
    ck_assert_int_eq(remove(path), 0);
}
END_TEST

START_TEST(a_file_that_lacks_its_last_byte_is_refused)
{
    const char *path = make_large(&kinds[_i], 1);
    ae_dataset *dataset = NULL;
    ck_assert_status(ae_dataset_open_npy(&dataset, path, AE_DATASET_OPTIONS(.map = AE_TOGGLE_ON)),
                     AE_ERROR_FORMAT, "large.npy");
    ck_assert_ptr_null(dataset);
    ck_assert_int_eq(remove(path), 0);
}
END_TEST

Suite *large_file_suite(void)
{
    Suite *suite = suite_create("large_file");
    TCase *tcase = tcase_create("sparse");
    tcase_add_loop_test(tcase, rows_behind_four_gib_are_those_of_the_file, 0, 4);
    tcase_add_test(tcase, training_on_rows_behind_four_gib);
    tcase_add_loop_test(tcase, a_file_that_lacks_its_last_byte_is_refused, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
