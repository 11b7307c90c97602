/* SPDX-License-Identifier: BSD-3-Clause */
#include "suites.h"
#include "support.h"

#include <libae/libae.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef AEI_HAVE_ZLIB
#include <zlib.h>
#endif

/* An IDX file of 4 pictures of 3 rows and 2 columns, values 0 to 23. */
enum {
    PICTURES = 4,
    HEIGHT = 3,
    WIDTH = 2,
    FEATURES = HEIGHT * WIDTH,
    HEADER = 16,
    SIZE = HEADER + PICTURES * FEATURES
};

static void make_pictures(uint8_t file[SIZE])
{
    const uint8_t header[HEADER] = {0, 0, 8, 3, 0, 0, 0, PICTURES, 0, 0, 0, HEIGHT, 0, 0, 0, WIDTH};
    memcpy(file, header, sizeof header);
    for (size_t i = 0; i < PICTURES * FEATURES; i++)
        file[HEADER + i] = (uint8_t)i;
}

/* Write bytes to a file and open that. */
static ae_status open_bytes(ae_dataset **dataset, const void *bytes, size_t size)
{
    const char *path = support_path("file");
    support_write(path, bytes, size);
    return ae_dataset_open_idx(dataset, path, NULL);
}

/* The file is refused with a text that names it and says this. */
static void assert_refused(const void *bytes, size_t size, const char *part)
{
    ae_dataset *dataset = NULL;
    ck_assert_status(open_bytes(&dataset, bytes, size), AE_ERROR_FORMAT, part);
    ck_assert_msg(support_contains(ae_last_error(), support_path("file")), "no path in \"%s\"",
                  ae_last_error());
    ck_assert_ptr_null(dataset);
}

static void assert_pictures(const ae_dataset *dataset)
{
    float values[PICTURES * FEATURES];
    ck_assert_uint_eq(ae_dataset_row_count(dataset), PICTURES);
    ck_assert_uint_eq(ae_dataset_feature_count(dataset), FEATURES);
    ck_assert_uint_eq(ae_dataset_image_height(dataset), HEIGHT);
    ck_assert_uint_eq(ae_dataset_image_width(dataset), WIDTH);
    ck_assert_ok(ae_dataset_read(dataset, 0, PICTURES, values));
    for (size_t i = 0; i < PICTURES * FEATURES; i++)
        ck_assert_float_eq(values[i], (float)i * (1.0f / 255.0f));
}

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

START_TEST(other_types_are_refused_by_name)
{
    static const struct {
        uint8_t type;
        const char *text;
    } types[] = {{0x09, "0x09 (int8)"},
                 {0x0B, "0x0B (int16)"},
                 {0x0C, "0x0C (int32)"},
                 {0x0E, "0x0E (float64)"}};
    ae_dataset *dataset = NULL;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const uint8_t file[] = {0, 0, types[i].type, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
        ck_assert_status(open_bytes(&dataset, file, sizeof file), AE_ERROR_UNSUPPORTED,
                         types[i].text);
    }
    assert_refused("\0\0\x0a\1\0\0\0\1\0", 9, "0x0A: the format has no such type");
    assert_refused("\0\0\xff\1\0\0\0\1\0", 9, "0xFF: the format has no such type");
    ck_assert_ptr_null(dataset);
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

static ae_dataset *open_pictures(void)
{
    uint8_t file[SIZE];
    make_pictures(file);
    ae_dataset *pictures = NULL;
    ck_assert_ok(open_bytes(&pictures, file, sizeof file));
    return pictures;
}

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
                     AE_ERROR_FORMAT, "with 3 dimensions: labels have one");
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

/* One gzip member; the caller frees it. */
static uint8_t *pack(const void *bytes, size_t size, size_t *packed)
{
    z_stream z = {0};
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    uLong bound = deflateBound(&z, (uLong)size) + 32;
    uint8_t *out = malloc(bound), *in = malloc(size + 1);
    ck_assert_ptr_nonnull(out);
    ck_assert_ptr_nonnull(in);
    memcpy(in, bytes, size);
    z.next_in = in;
    z.avail_in = (uInt)size;
    z.next_out = out;
    z.avail_out = (uInt)bound;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    *packed = bound - z.avail_out;
    deflateEnd(&z);
    free(in);
    return out;
}

/* As assert_refused, the bytes packed first. */
static void assert_refused_packed(const void *bytes, size_t size, const char *part)
{
    size_t packed;
    uint8_t *gzip = pack(bytes, size, &packed);
    assert_refused(gzip, packed, part);
    free(gzip);
}

START_TEST(a_gzip_file_reads_as_the_plain_one_whatever_its_name)
{
    uint8_t file[SIZE];
    size_t packed;
    make_pictures(file);
    uint8_t *gzip = pack(file, SIZE, &packed);
    ae_dataset *dataset = NULL;
    ck_assert_ok(open_bytes(&dataset, gzip, packed));
    assert_pictures(dataset);
    ae_dataset_free(dataset);
    free(gzip);
}
END_TEST

START_TEST(gzip_members_that_follow_one_another_are_one_file)
{
    uint8_t file[SIZE], both[1024];
    make_pictures(file);
    for (size_t cut = 0; cut <= SIZE; cut++) {
        size_t first, second;
        uint8_t *a = pack(file, cut, &first), *b = pack(file + cut, SIZE - cut, &second);
        memcpy(both, a, first);
        memcpy(both + first, b, second);
        ae_dataset *dataset = NULL;
        ck_assert_ok(open_bytes(&dataset, both, first + second));
        assert_pictures(dataset);
        ae_dataset_free(dataset);
        free(a);
        free(b);
    }
}
END_TEST

START_TEST(a_cut_gzip_file_is_refused_wherever_it_is_cut)
{
    uint8_t file[SIZE];
    size_t packed;
    make_pictures(file);
    uint8_t *gzip = pack(file, SIZE, &packed);
    for (size_t size = 0; size < packed; size++)
        assert_refused(gzip, size, size > 2 ? "cut off" : "");
    free(gzip);
}
END_TEST

/* Some bits mean nothing: the packer's time stamp, and what fills up deflate's last byte. */
START_TEST(a_damaged_gzip_file_is_refused_or_gives_the_right_values)
{
    uint8_t file[SIZE];
    size_t packed, refused = 0;
    make_pictures(file);
    uint8_t *gzip = pack(file, SIZE, &packed);
    for (size_t i = 0; i < packed; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            gzip[i] ^= (uint8_t)(1U << bit);
            ae_dataset *dataset = NULL;
            ae_status status = open_bytes(&dataset, gzip, packed);
            if (status == AE_OK)
                assert_pictures(dataset);
            else
                ck_assert_msg(status == AE_ERROR_FORMAT || status == AE_ERROR_UNSUPPORTED, "%s",
                              ae_last_error());
            refused += status != AE_OK;
            ae_dataset_free(dataset);
            gzip[i] ^= (uint8_t)(1U << bit);
        }
    }
    /* All but the time's 4 bytes, the packer's and the system's, a flag that says text, and 7 bits
     * of filling. */
    ck_assert_uint_ge(refused, packed * 8 - 6 * 8 - 1 - 7);
    free(gzip);
}
END_TEST

START_TEST(what_follows_gzip_data_is_refused)
{
    uint8_t file[SIZE];
    size_t packed;
    make_pictures(file);
    uint8_t *gzip = pack(file, SIZE, &packed);
    uint8_t *longer = realloc(gzip, packed + 5);
    ck_assert_ptr_nonnull(longer);
    memcpy(longer + packed, "trash", 5);
    assert_refused(longer, packed + 5, "followed by something else");
    longer[packed] = 0x1F; /* looks like another member for one byte, and then for two */
    assert_refused(longer, packed + 1, "cut off");
    assert_refused(longer, packed + 5, "damaged");
    longer[packed + 1] = 0x8B;
    assert_refused(longer, packed + 5, "damaged");
    free(longer);
}
END_TEST

START_TEST(headers_inside_gzip_are_not_believed)
{
    uint8_t file[SIZE + 1] = {0};
    make_pictures(file);
    assert_refused_packed("", 0, "the file is empty");
    assert_refused_packed("trash", 5, "not an IDX file");
    assert_refused_packed(file, 10, "header is cut off");
    assert_refused_packed(file, SIZE - 1, "24 bytes of values expected, 23 found");
    assert_refused_packed(file, SIZE + 1, "24 bytes of values expected, more than 24 found");
    assert_refused_packed("\0\0\x08\2\xff\xff\xff\xff\xff\xff\xff\xff", 12, "overflow");
    /* Refused before such an amount is asked of the system. */
    size_t before = support_allocations();
    assert_refused_packed("\0\0\x08\2\xff\xff\xff\xff\0\1\0\0", 12,
                          "281474976645120 bytes of values expected, more than");
    ck_assert_uint_eq(support_allocations() - before, 2); /* the stream and zlib's */
}
END_TEST

START_TEST(a_gzip_bomb_stops_where_its_header_ends)
{
    enum { BOMB = 64 << 20 };
    uint8_t *zeros = calloc(1, BOMB);
    ck_assert_ptr_nonnull(zeros);
    zeros[2] = 8, zeros[3] = 1, zeros[7] = 5;
    assert_refused_packed(zeros, BOMB, "5 bytes of values expected, more than 5 found");
    free(zeros);
}
END_TEST

START_TEST(a_large_gzip_file_is_the_same_as_the_plain_one)
{
    enum { ROWS = 500, WIDE = 1000, BYTES = 12 + ROWS * WIDE };
    uint8_t *file = malloc(BYTES);
    ck_assert_ptr_nonnull(file);
    memcpy(file, "\0\0\x08\2\0\0\1\xf4\0\0\3\xe8", 12);
    for (uint32_t i = 0, x = 1; i < ROWS * WIDE; i++, x = x * 1664525 + 1013904223)
        file[12 + i] = (uint8_t)(x >> 24);
    size_t packed;
    uint8_t *gzip = pack(file, BYTES, &packed);
    ae_dataset *a = NULL, *b = NULL;
    ck_assert_ok(open_bytes(&a, file, BYTES));
    ck_assert_ok(open_bytes(&b, gzip, packed));
    float *x = malloc(ROWS * WIDE * sizeof *x), *y = malloc(ROWS * WIDE * sizeof *y);
    ck_assert_ptr_nonnull(x);
    ck_assert_ptr_nonnull(y);
    ck_assert_ok(ae_dataset_read(a, 0, ROWS, x));
    ck_assert_ok(ae_dataset_read(b, 0, ROWS, y));
    ck_assert_mem_eq(x, y, ROWS * WIDE * sizeof *x);
    free(x), free(y), free(file), free(gzip);
    ae_dataset_free(a), ae_dataset_free(b);
}
END_TEST

START_TEST(real_mnist_reads_as_it_is_known)
{
    const char *folder = ae_test_data_dir();
    if (folder == NULL)
        return;
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

#else

START_TEST(gzip_without_zlib_says_so)
{
    ae_dataset *dataset = NULL;
    ck_assert_status(open_bytes(&dataset, "\x1f\x8b\x08\0", 4), AE_ERROR_UNSUPPORTED,
                     "without zlib");
    ck_assert_ptr_null(dataset);
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
    tcase_add_test(plain, other_types_are_refused_by_name);
    tcase_add_test(plain, dimensions_that_make_no_sense_are_refused);
    tcase_add_test(plain, every_cut_and_every_excess_is_refused);
    tcase_add_test(plain, labels_are_read_beside_rows_of_every_kind);
    tcase_add_test(plain, labels_of_every_integer_type_are_read);
    tcase_add_test(plain, labels_that_do_not_fit_are_refused);
    tcase_add_test(plain, any_allocation_may_fail_and_nothing_is_lost);
    suite_add_tcase(suite, plain);
    TCase *gzip = tcase_create("gzip");
    tcase_add_checked_fixture(gzip, NULL, support_dir_remove);
#ifdef AEI_HAVE_ZLIB
    tcase_add_test(gzip, a_gzip_file_reads_as_the_plain_one_whatever_its_name);
    tcase_add_test(gzip, gzip_members_that_follow_one_another_are_one_file);
    tcase_add_test(gzip, a_cut_gzip_file_is_refused_wherever_it_is_cut);
    tcase_add_test(gzip, a_damaged_gzip_file_is_refused_or_gives_the_right_values);
    tcase_add_test(gzip, what_follows_gzip_data_is_refused);
    tcase_add_test(gzip, headers_inside_gzip_are_not_believed);
    tcase_add_test(gzip, a_gzip_bomb_stops_where_its_header_ends);
    tcase_add_test(gzip, a_large_gzip_file_is_the_same_as_the_plain_one);
    tcase_add_test(gzip, real_mnist_reads_as_it_is_known);
#else
    tcase_add_test(gzip, gzip_without_zlib_says_so);
#endif
    suite_add_tcase(suite, gzip);
    return suite;
}
