/* SPDX-License-Identifier: BSD-3-Clause */
/* float16 and bfloat16 stay 16 bits until a row is read. */
#include "base/number.h"
#include "data/storage.h"
#include "format/bytes.h"

#include "fixtures.h"
#include "suites.h"

#include <stdio.h>

enum { WIDTH = 64, PATTERNS = 65536, HEADER = 128 };

static const char *const types[] = {"<f2", "<V2", "bfloat16", ">f2", ">V2"};

static bool is_f16(int type)
{
    return types[type][1] == 'f' && types[type][0] != 'b';
}

/* A type without an order is in the processor's. */
static bool is_big(int type)
{
    return types[type][0] == '>' || (types[type][0] == 'b' && aei_is_big_endian());
}

static bool is_native(int type)
{
    return is_big(type) == aei_is_big_endian();
}

static float value_of(int type, uint16_t bits)
{
    return is_f16(type) ? aei_float_from_half(bits) : aei_float_from_bits((uint32_t)bits << 16);
}

/* A file whose values stand on 64 bytes, as NumPy writes it. */
static void write_file(const char *name, int type, const uint16_t *bits, size_t rows)
{
    const size_t size = HEADER + rows * WIDTH * sizeof *bits;
    unsigned char *file = fixture_allocate(size, 1);
    memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
    memset(file + 10, ' ', HEADER - 10);
    char text[100];
    const int length = snprintf(text, sizeof text,
                                "{'descr': '%s', 'fortran_order': False, 'shape': (%zu, %d), }",
                                types[type], rows, WIDTH);
    memcpy(file + 10, text, (size_t)length);
    file[HEADER - 1] = '\n';
    for (size_t i = 0; i < rows * WIDTH; i++) {
        const bool big = is_big(type);
        file[HEADER + 2 * i + big] = (unsigned char)bits[i];
        file[HEADER + 2 * i + !big] = (unsigned char)(bits[i] >> 8);
    }
    support_write(support_path(name), file, size);
    free(file);
}

static ae_dataset *open_file(const char *name, bool map)
{
    ae_dataset *dataset = NULL;
    ck_assert_ok(
        ae_dataset_open_npy(&dataset, support_path(name),
                            AE_DATASET_OPTIONS(.map = map ? AE_TOGGLE_ON : AE_TOGGLE_OFF)));
    return dataset;
}

START_TEST(every_finite_pattern_reads_as_its_value)
{
    uint16_t *bits = fixture_allocate(PATTERNS, sizeof *bits);
    size_t count = 0;
    for (uint32_t p = 0; p < PATTERNS; p++)
        if (isfinite(value_of(_i, (uint16_t)p)))
            bits[count++] = (uint16_t)p;
    const size_t rows = count / WIDTH;
    ck_assert_uint_eq(rows * WIDTH, count);
    write_file("all.npy", _i, bits, rows);
    float *values = fixture_allocate(count, sizeof *values);
    for (int map = 0; map < 2; map++) {
        ae_dataset *dataset = open_file("all.npy", map == 1);
        const aei_storage_type kept = !is_native(_i) ? AEI_STORAGE_F32
                                      : is_f16(_i)   ? AEI_STORAGE_F16
                                                     : AEI_STORAGE_BF16;
        ck_assert_int_eq(dataset->storage->type, kept);
        ck_assert_int_eq(dataset->storage->path != NULL, map == 1 && is_native(_i));
        ck_assert_ok(ae_dataset_read(dataset, 0, rows, values));
        for (size_t i = 0; i < count; i++)
            ck_assert_msg(aei_bits_from_float(values[i]) ==
                              aei_bits_from_float(value_of(_i, bits[i])),
                          "%04x reads as %a", bits[i], (double)values[i]);
        ae_dataset_free(dataset);
    }
    free(values);
    free(bits);
}
END_TEST

START_TEST(patterns_that_are_not_finite_are_refused)
{
    static const uint16_t bad[2][4] = {{0x7c00, 0xfc00, 0x7c01, 0xffff},
                                       {0x7f80, 0xff80, 0x7f81, 0xffff}};
    for (size_t i = 0; i < 4; i++) {
        uint16_t bits[3 * WIDTH] = {0};
        float values[3 * WIDTH];
        ae_dataset *dataset = NULL;
        bits[2 * WIDTH + 5] = bad[is_f16(_i) ? 0 : 1][i];
        write_file("bad.npy", _i, bits, 3);
        ck_assert_status(ae_dataset_open_npy(&dataset, support_path("bad.npy"), NULL),
                         AE_ERROR_DATA, "row 2, column 5: ");
        ck_assert_ptr_null(dataset);
        if (!is_native(_i))
            continue;
        dataset = open_file("bad.npy", true);
        ck_assert_ok(ae_dataset_read(dataset, 0, 2, values));
        ck_assert_status(ae_dataset_read(dataset, 0, 3, values), AE_ERROR_DATA,
                         "row 2, column 5: ");
        ae_dataset_free(dataset);
    }
}
END_TEST

START_TEST(missing_values_are_kept_as_float32)
{
    uint16_t bits[2 * WIDTH] = {0};
    ae_dataset *dataset = NULL;
    bits[WIDTH + 3] = 0x7fff;
    write_file("gaps.npy", _i, bits, 2);
    ck_assert_ok(
        ae_dataset_open_npy(&dataset, support_path("gaps.npy"),
                            AE_DATASET_OPTIONS(.map = AE_TOGGLE_ON, .missing = AE_MISSING_KEEP)));
    ck_assert_int_eq(ae_dataset_has_missing(dataset), 1);
    ck_assert_int_eq(dataset->storage->type, AEI_STORAGE_F32);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(parts_of_one_kind_stay_16_bits)
{
    uint16_t bits[3 * WIDTH] = {0};
    for (size_t i = 0; i < COUNT(bits); i++)
        bits[i] = (uint16_t)(i * 7);
    write_file("a.npy", _i, bits, 3);
    float values[6 * WIDTH], once[3 * WIDTH];
    ae_dataset *a = open_file("a.npy", false), *all = NULL;
    ck_assert_ok(ae_dataset_read(a, 0, 3, once));
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const[]){a, a}, 2));
    ck_assert_int_eq(all->storage->type, a->storage->type);
    ck_assert_ok(ae_dataset_read(all, 0, 6, values));
    ck_assert_mem_eq(values, once, sizeof once);
    ck_assert_mem_eq(values + COUNT(once), once, sizeof once);
    ae_dataset_free(all);
    ae_dataset *floats = fixture_dataset_of(once, 3, WIDTH);
    ck_assert_ok(ae_dataset_concat(&all, (const ae_dataset *const[]){a, floats}, 2));
    ck_assert_int_eq(all->storage->type, AEI_STORAGE_F32);
    ck_assert_ok(ae_dataset_read(all, 0, 6, values));
    ck_assert_mem_eq(values, once, sizeof once);
    ck_assert_mem_eq(values + COUNT(once), once, sizeof once);
    ae_dataset_free(all);
    ae_dataset_free(floats);
    ae_dataset_free(a);
}
END_TEST

Suite *halves_suite(void)
{
    Suite *suite = suite_create("halves");
    TCase *tcase = tcase_create("halves");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_loop_test(tcase, every_finite_pattern_reads_as_its_value, 0, COUNT(types));
    tcase_add_loop_test(tcase, patterns_that_are_not_finite_are_refused, 0, COUNT(types));
    tcase_add_loop_test(tcase, missing_values_are_kept_as_float32, 0, COUNT(types));
    tcase_add_loop_test(tcase, parts_of_one_kind_stay_16_bits, 0, COUNT(types));
    suite_add_tcase(suite, tcase);
    return suite;
}
