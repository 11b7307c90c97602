/* SPDX-License-Identifier: BSD-3-Clause */
#include "packed.h"
#include "pictures.h"
#include "suites.h"
#include "support.h"

#include <libae/libae.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

START_TEST(a_plain_file_reads_as_it_was_written)
{
    uint8_t file[SIZE];
    make_pictures(file);
    ae_dataset *dataset = NULL;
    ck_assert_ok(open_bytes(&dataset, file, sizeof file));
    assert_pictures(dataset);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(big_endian_floats_read_as_they_are)
{
    const uint8_t file[] = {0, 0, 0x0D, 2,    0, 0, 0,    2, 0, 0, 0, 2, 0x3F, 0x80,
                            0, 0, 0xC0, 0x20, 0, 0, 0x3E, 0, 0, 0, 0, 0, 0,    0};
    ae_dataset *dataset = NULL;
    float values[4];
    ck_assert_ok(open_bytes(&dataset, file, sizeof file));
    ck_assert_uint_eq(ae_dataset_row_count(dataset), 2);
    ck_assert_uint_eq(ae_dataset_feature_count(dataset), 2);
    ck_assert_uint_eq(ae_dataset_image_height(dataset),
                      0); /* two dimensions are rows, not pictures */
    ck_assert_ok(ae_dataset_read(dataset, 0, 2, values));
    ck_assert_float_eq(values[0], 1.0f);
    ck_assert_float_eq(values[1], -2.5f);
    ck_assert_float_eq(values[2], 0.125f);
    ck_assert_float_eq(values[3], 0.0f);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(a_float_that_is_not_finite_is_refused_by_row_and_column)
{
    uint8_t file[] = {0, 0, 0x0D, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0x7F, 0x80, 0, 0};
    ae_dataset *dataset = NULL;
    ck_assert_status(open_bytes(&dataset, file, sizeof file), AE_ERROR_DATA,
                     "file: row 1, column 0: inf");
    file[17] = 0xC0;
    ck_assert_status(open_bytes(&dataset, file, sizeof file), AE_ERROR_DATA, "row 1, column 0");
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(one_dimension_is_rows_of_one_feature_and_more_multiply)
{
    const uint8_t line[] = {0, 0, 8, 1, 0, 0, 0, 3, 5, 6, 7};
    const uint8_t four[] = {0, 0, 8, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4};
    ae_dataset *dataset = NULL;
    ck_assert_ok(open_bytes(&dataset, line, sizeof line));
    ck_assert_uint_eq(ae_dataset_row_count(dataset), 3);
    ck_assert_uint_eq(ae_dataset_feature_count(dataset), 1);
    ae_dataset_free(dataset);
    ck_assert_ok(open_bytes(&dataset, four, sizeof four));
    ck_assert_uint_eq(ae_dataset_row_count(dataset), 1);
    ck_assert_uint_eq(ae_dataset_feature_count(dataset), 4);
    ck_assert_uint_eq(ae_dataset_image_width(dataset), 0);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(options_apply_to_files_but_for_memory_and_stride)
{
    uint8_t file[SIZE];
    make_pictures(file);
    const char *path = support_path("pictures");
    support_write(path, file, sizeof file);
    ae_dataset *dataset = NULL;
    float row[FEATURES];
    ck_assert_ok(ae_dataset_open_idx(
        &dataset, path, AE_DATASET_OPTIONS(.scale = 2, .image_height = 1, .image_width = 6)));
    ck_assert_ok(ae_dataset_read(dataset, 3, 1, row));
    ck_assert_float_eq(row[5], 46);
    ck_assert_uint_eq(ae_dataset_image_height(dataset), 1);
    ck_assert_uint_eq(ae_dataset_image_width(dataset), 6);
    ae_dataset_free(dataset);
    dataset = NULL;
    const ae_status invalid = AE_ERROR_INVALID_ARGUMENT;
    ck_assert_status(
        ae_dataset_open_idx(&dataset, path, AE_DATASET_OPTIONS(.no_copy = AE_TOGGLE_ON)), invalid,
        "no_copy");
    ck_assert_status(ae_dataset_open_idx(&dataset, path, AE_DATASET_OPTIONS(.stride = 6)), invalid,
                     "stride");
    ck_assert_status(ae_dataset_open_idx(&dataset, path, AE_DATASET_OPTIONS(.scale = -1)), invalid,
                     "scale is -1");
    ck_assert_status(ae_dataset_open_idx(&dataset, path,
                                         AE_DATASET_OPTIONS(.image_height = 4, .image_width = 2)),
                     invalid, "image_height 4 x image_width 2");
    ck_assert_status(ae_dataset_open_idx(&dataset, NULL, NULL), invalid, "path is NULL");
    ck_assert_status(ae_dataset_open_idx(NULL, path, NULL), invalid, "dataset is NULL");
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(missing_files_folders_and_unreadable_files_say_so)
{
    ae_dataset *dataset = NULL;
    ck_assert_status(ae_dataset_open_idx(&dataset, support_path("missing"), NULL),
                     AE_ERROR_NOT_FOUND, "missing");
    ck_assert_status(ae_dataset_open_idx(&dataset, support_dir(), NULL), AE_ERROR_IO, "folder");
    ck_assert_status(ae_dataset_open_idx(&dataset, "", NULL), AE_ERROR_NOT_FOUND, "");
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(files_that_are_not_idx_are_refused)
{
    assert_refused("", 0, "the file is empty");
    assert_refused("\0", 1, "not an IDX file");
    assert_refused("\0\0\x08", 3, "not an IDX file");
    assert_refused("\x89PNG\r\n\x1a\n", 8, "not an IDX file");
    assert_refused("\0\1\x08\1\0\0\0\1\5", 9, "not an IDX file");
}
END_TEST

static ae_dataset *open_pictures(void)
{
    uint8_t file[SIZE];
    make_pictures(file);
    ae_dataset *pictures = NULL;
    ck_assert_ok(open_bytes(&pictures, file, sizeof file));
    return pictures;
}

START_TEST(numbers_of_every_type_are_read)
{
    static const struct {
        const char *bytes; /* type, two rows of one feature */
        size_t size;
        float values[2];
    } files[] = {
        {"\0\0\x09\2\0\0\0\2\0\0\0\1\x7f\x80", 14, {127, -128}},
        {"\0\0\x0b\2\0\0\0\2\0\0\0\1\x7f\xff\xff\xfe", 16, {32767, -2}},
        {"\0\0\x0c\2\0\0\0\2\0\0\0\1\0\1\0\0\x80\0\0\0", 20, {65536, -2147483648.0f}},
        {"\0\0\x0d\2\0\0\0\2\0\0\0\1\x3f\x80\0\0\xc0\x20\0\0", 20, {1, -2.5f}},
        {"\0\0\x0e\2\0\0\0\2\0\0\0\1\x3f\xb9\x99\x99\x99\x99\x99\x9a\xbf\xf0\0\0\0\0\0\0",
         28,
         {0.1f, -1}},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        float values[2];
        ae_dataset *dataset = NULL;
        ck_assert_ok(open_bytes(&dataset, files[i].bytes, files[i].size));
        ck_assert_ok(ae_dataset_read(dataset, 0, 2, values));
        ck_assert_mem_eq(values, files[i].values, sizeof values);
        ae_dataset_free(dataset);
        assert_refused(files[i].bytes, files[i].size - 1, "bytes of values expected");
    }
    assert_refused("\0\0\x0a\1\0\0\0\1\0", 9, "0x0A: the format has no such type");
    assert_refused("\0\0\xff\1\0\0\0\1\0", 9, "0xFF: the format has no such type");
}
END_TEST

/* More numbers than a block, and one that float32 does not hold. */
START_TEST(long_files_of_other_types_are_read_whole)
{
    enum { ELEMENTS = 5000, ALL = 8 + 8 * ELEMENTS };
    uint8_t *file = calloc(ALL, 1);
    ck_assert_ptr_nonnull(file);
    memcpy(file, "\0\0\x0e\1\0\0\x13\x88", 8);
    for (size_t i = 0; i < ELEMENTS; i++) /* 2^(i % 100) */
        file[8 + 8 * i] = (uint8_t)((1023 + i % 100) >> 4),
                     file[9 + 8 * i] = (uint8_t)((1023 + i % 100) << 4);
    ae_dataset *dataset = NULL;
    float *values = malloc(ELEMENTS * sizeof *values);
    ck_assert_ptr_nonnull(values);
    ck_assert_ok(open_bytes(&dataset, file, ALL));
    ck_assert_ok(ae_dataset_read(dataset, 0, ELEMENTS, values));
    for (size_t i = 0; i < ELEMENTS; i++)
        ck_assert(values[i] == ldexpf(1, (int)(i % 100)));
    ae_dataset_free(dataset);
    dataset = NULL;
    file[8 + 8 * 4999] = 0x7F;
    ck_assert_status(open_bytes(&dataset, file, ALL), AE_ERROR_DATA, "as float32: row 4999");
    free(values);
    free(file);
}
END_TEST

/* QMNIST: int32 [rows, 8], the class first. */
START_TEST(the_first_of_several_numbers_is_the_label)
{
    uint8_t file[12 + PICTURES * 8 * 4] = {0, 0, 0x0C, 2, 0, 0, 0, PICTURES, 0, 0, 0, 8};
    for (size_t i = 0; i < (size_t)PICTURES * 8; i++)
        file[12 + 4 * i + 3] = (uint8_t)(i % 8 == 0 ? i / 8 + 1 : 99);
    ae_dataset *pictures = open_pictures(), *labelled = NULL;
    support_write(support_path("labels"), file, sizeof file);
    ck_assert_ok(ae_dataset_open_idx_labels(&labelled, pictures, support_path("labels")));
    for (size_t i = 0; i < PICTURES; i++)
        ck_assert_int_eq(ae_dataset_label(labelled, i), (int32_t)i + 1);
    ae_dataset_free(labelled);
    ae_dataset_free(pictures);
}
END_TEST

START_TEST(dimensions_that_make_no_sense_are_refused)
{
    assert_refused("\0\0\x08\0", 4, "without dimensions");
    assert_refused("\0\0\x08\3\0\0\0\1\0\0\0\1\0\0\0", 15, "header is cut off");
    assert_refused("\0\0\x08\xff\0\0\0\1", 8, "255 dimensions are announced");
    assert_refused("\0\0\x08\3\0\0\0\1\0\0\0\0\0\0\0\1", 16, "dimension 2 of the IDX header is 0");
    assert_refused("\0\0\x08\1\0\0\0\0", 8, "dimension 1 of the IDX header is 0");
    assert_refused("\0\0\x08\2\xff\xff\xff\xff\xff\xff\xff\xff", 12, "overflow");
    assert_refused("\0\0\x0d\2\x80\0\0\0\x40\0\0\0", 12, "overflow");
    assert_refused("\0\0\x08\2\xff\xff\xff\xff\0\1\0\0", 12,
                   "281474976645120 bytes of values expected, 0 found");
}
END_TEST

START_TEST(every_cut_and_every_excess_is_refused)
{
    uint8_t file[SIZE + 1] = {0};
    make_pictures(file);
    for (size_t size = 0; size < SIZE; size++)
        assert_refused(file, size, "");
    assert_refused(file, SIZE - 1, "24 bytes of values expected, 23 found");
    assert_refused(file, SIZE + 1, "24 bytes of values expected, 25 found");
}
END_TEST

START_TEST(labels_are_read_beside_rows_of_every_kind)
{
    const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, PICTURES, 9, 0, 255, 3};
    const char *path = support_path("labels");
    support_write(path, labels, sizeof labels);
    ae_dataset *pictures = open_pictures(), *selected = NULL, *a = NULL, *b = NULL;
    ck_assert_ok(ae_dataset_select(&selected, pictures, (const size_t[]){3, 3, 1, 0}, 4));
    ck_assert_ok(ae_dataset_open_idx_labels(&a, pictures, path));
    ck_assert_ok(ae_dataset_open_idx_labels(&b, selected, path));
    ck_assert_int_eq(ae_dataset_label(pictures, 0),
                     AE_LABEL_NONE); /* the unlabelled one stays so */
    ae_dataset_free(pictures);
    ae_dataset_free(selected);
    assert_pictures(a);
    float row[FEATURES];
    ck_assert_ok(ae_dataset_read(b, 1, 1, row)); /* a repeated row may have two labels */
    ck_assert_float_eq(row[0], 18 * (1.0f / 255.0f));
    for (size_t i = 0; i < PICTURES; i++) {
        ck_assert_int_eq(ae_dataset_label(a, i), labels[8 + i]);
        ck_assert_int_eq(ae_dataset_label(b, i), labels[8 + i]);
    }
    ae_dataset_free(a);
    ae_dataset_free(b);
}
END_TEST

START_TEST(labels_of_every_integer_type_are_read)
{
    static const struct {
        const char *bytes; /* type, one dimension, 4 labels */
        size_t size;
        int32_t labels[PICTURES];
    } files[] = {
        {"\0\0\x08\1\0\0\0\4\0\x7f\x80\xff", 12, {0, 127, 128, 255}},
        {"\0\0\x09\1\0\0\0\4\0\x7f\x80\xff", 12, {0, 127, -128, -1}},
        {"\0\0\x0b\1\0\0\0\4\0\1\x7f\xff\x80\0\xff\xfe", 16, {1, 32767, -32768, -2}},
        {"\0\0\x0c\1\0\0\0\4\0\0\1\0\x7f\xff\xff\xff\x80\0\0\1\xff\xff\xff\xff",
         24,
         {256, INT32_MAX, -INT32_MAX, -1}},
    };
    ae_dataset *pictures = open_pictures();
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        ae_dataset *labelled = NULL;
        support_write(support_path("labels"), files[i].bytes, files[i].size);
        ck_assert_ok(ae_dataset_open_idx_labels(&labelled, pictures, support_path("labels")));
        for (size_t r = 0; r < PICTURES; r++)
            ck_assert_int_eq(ae_dataset_label(labelled, r), files[i].labels[r]);
        ae_dataset_free(labelled);
    }
    ae_dataset_free(pictures);
}
END_TEST

START_TEST(labels_that_do_not_fit_are_refused)
{
    const uint8_t three[] = {0, 0, 8, 1, 0, 0, 0, 3, 9, 0, 255};
    const char *path = support_path("labels");
    ae_dataset *pictures = open_pictures(), *labelled = NULL;
    support_write(path, three, sizeof three);
    ck_assert_status(ae_dataset_open_idx_labels(&labelled, pictures, path), AE_ERROR_SHAPE,
                     "labels: 3 labels for 4 rows");
    /* Pictures in place of labels. */
    ck_assert_status(ae_dataset_open_idx_labels(&labelled, pictures, support_path("file")),
                     AE_ERROR_FORMAT, "with 3 dimensions: labels have one or two");
    support_write(path, "\0\0\x0d\1\0\0\0\1\0\0\0\0", 12);
    ck_assert_status(ae_dataset_open_idx_labels(&labelled, pictures, path), AE_ERROR_UNSUPPORTED,
                     "(float32): labels are uint8");
    support_write(path, "\0\0\x0c\1\0\0\0\4\0\0\0\0\x80\0\0\0\0\0\0\0\0\0\0\0", 24);
    ck_assert_status(ae_dataset_open_idx_labels(&labelled, pictures, path), AE_ERROR_DATA,
                     "label 1 is -2147483648");
    support_write(path, "\0\0\x0b\1\0\0\0\4\0\0\0\0\0\0\0", 15);
    ck_assert_status(ae_dataset_open_idx_labels(&labelled, pictures, path), AE_ERROR_FORMAT,
                     "8 bytes of values expected, 7 found");
    ck_assert_status(ae_dataset_open_idx_labels(&labelled, pictures, support_path("none")),
                     AE_ERROR_NOT_FOUND, "none");
    const ae_status invalid = AE_ERROR_INVALID_ARGUMENT;
    ck_assert_status(ae_dataset_open_idx_labels(NULL, pictures, path), invalid, "labelled is NULL");
    ck_assert_status(ae_dataset_open_idx_labels(&labelled, NULL, path), invalid, "dataset is NULL");
    ck_assert_status(ae_dataset_open_idx_labels(&labelled, pictures, NULL), invalid,
                     "path is NULL");
    ck_assert_ptr_null(labelled);
    ae_dataset_free(pictures);
}
END_TEST

#ifdef AEI_HAVE_ZLIB

START_TEST(real_mnist_reads_as_it_is_known)
{
    const char *folder = ae_test_data_dir();
    char path[4096];
    ae_dataset *images = NULL, *labelled = NULL;
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte.gz", folder);
    ck_assert_ok(ae_dataset_open_idx(&images, path, NULL));
    snprintf(path, sizeof path, "%s/train-labels-idx1-ubyte.gz", folder);
    ck_assert_ok(ae_dataset_open_idx_labels(&labelled, images, path));
    ae_dataset_free(images);
    ck_assert_uint_eq(ae_dataset_row_count(labelled), 60000);
    ck_assert_uint_eq(ae_dataset_feature_count(labelled), 784);
    ck_assert_uint_eq(ae_dataset_image_height(labelled), 28);
    ck_assert_uint_eq(ae_dataset_image_width(labelled), 28);
    static const int first[] = {5, 0, 4, 1, 9, 2, 1, 3, 1, 4};
    for (size_t i = 0; i < 10; i++)
        ck_assert_int_eq(ae_dataset_label(labelled, i), first[i]);
    ck_assert_int_eq(ae_dataset_label(labelled, 59999), 8);
    float row[784];
    double sum = 0;
    ck_assert_ok(ae_dataset_read(labelled, 0, 1, row));
    for (size_t j = 0; j < 784; j++)
        sum += (double)row[j];
    ck_assert_double_eq_tol(sum * 255, 27525, 0.1);
    ck_assert_ok(ae_dataset_mean(labelled, row));
    sum = 0;
    for (size_t j = 0; j < 784; j++)
        sum += (double)row[j];
    ck_assert_double_eq_tol(sum / 784, 0.1306604762738429,
                            1e-7); /* the figure everyone normalises with */
    ae_dataset_free(labelled);
}
END_TEST

#endif

/* Pictures and labels, read and let go; the first status that is not AE_OK. */
static ae_status open_both(const char *pictures, const char *labels)
{
    ae_dataset *a = NULL, *b = NULL;
    ae_status status = ae_dataset_open_idx(&a, pictures, NULL);
    if (status == AE_OK)
        status = ae_dataset_open_idx_labels(&b, a, labels);
    ck_assert_int_eq(status == AE_OK, b != NULL);
    ae_dataset_free(a);
    ae_dataset_free(b);
    return status;
}

START_TEST(any_allocation_may_fail_and_nothing_is_lost)
{
    uint8_t file[SIZE];
    const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, PICTURES, 9, 0, 255, 3};
    make_pictures(file);
    support_write(support_path("labels"), labels, sizeof labels);
    support_write(support_path("pictures"), file, sizeof file);
#ifdef AEI_HAVE_ZLIB
    size_t packed;
    uint8_t *gzip = pack(file, SIZE, &packed);
    support_write(support_path("pictures"), gzip, packed);
    free(gzip);
#endif
    size_t n = 1;
    for (;; n++) {
        support_fail_allocation(n);
        ae_status status = open_both(support_path("pictures"), support_path("labels"));
        int failed = support_allocation_failed();
        support_fail_allocation(0);
        if (!failed)
            break;
        ck_assert_status(status, AE_ERROR_OUT_OF_MEMORY, "out of memory");
    }
    ck_assert_uint_gt(n, 5);
}
END_TEST

Suite *idx_suite(void)
{
    Suite *suite = suite_create("idx");
    TCase *plain = tcase_create("plain");
    tcase_add_checked_fixture(plain, NULL, support_dir_remove);
    tcase_add_test(plain, a_plain_file_reads_as_it_was_written);
    tcase_add_test(plain, big_endian_floats_read_as_they_are);
    tcase_add_test(plain, a_float_that_is_not_finite_is_refused_by_row_and_column);
    tcase_add_test(plain, one_dimension_is_rows_of_one_feature_and_more_multiply);
    tcase_add_test(plain, options_apply_to_files_but_for_memory_and_stride);
    tcase_add_test(plain, missing_files_folders_and_unreadable_files_say_so);
    tcase_add_test(plain, files_that_are_not_idx_are_refused);
    tcase_add_test(plain, numbers_of_every_type_are_read);
    tcase_add_test(plain, long_files_of_other_types_are_read_whole);
    tcase_add_test(plain, the_first_of_several_numbers_is_the_label);
    tcase_add_test(plain, dimensions_that_make_no_sense_are_refused);
    tcase_add_test(plain, every_cut_and_every_excess_is_refused);
    tcase_add_test(plain, labels_are_read_beside_rows_of_every_kind);
    tcase_add_test(plain, labels_of_every_integer_type_are_read);
    tcase_add_test(plain, labels_that_do_not_fit_are_refused);
    tcase_add_test(plain, any_allocation_may_fail_and_nothing_is_lost);
#ifdef AEI_HAVE_ZLIB
    support_add_test(plain, real_mnist_reads_as_it_is_known, support_no_mnist());
#endif
    suite_add_tcase(suite, plain);
    return suite;
}
