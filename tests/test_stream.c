/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of every kind from disk and from memory, plain and packed: the same, and as suspicious. */
#include "format/stream.h"

#include "fixtures.h"
#include "packed.h"
#include "pictures.h"
#include "suites.h"

/* One table of 2 x 3 in each format. */
static const char idx_file[] = "\0\0\x0d\2\0\0\0\2\0\0\0\3"
                               "\x3f\x80\0\0\x40\0\0\0\x40\x40\0\0"
                               "\x40\x80\0\0\x40\xa0\0\0\x40\xc0\0\0";
static const char npy_file[] = "\x93NUMPY\1\0\x40\0"
                               "{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }    \n"
                               "\x3f\x80\0\0\x40\0\0\0\x40\x40\0\0"
                               "\x40\x80\0\0\x40\xa0\0\0\x40\xc0\0\0";
static const char csv_file[] = "a,\"b\"\"\nb\",c\n1,2,3\n4,5,6\n";

static ae_status open_idx(ae_dataset **dataset, const char *path)
{
    return ae_dataset_open_idx(dataset, path, NULL);
}

static ae_status open_npy(ae_dataset **dataset, const char *path)
{
    return ae_dataset_open_npy(dataset, path, NULL);
}

static ae_status open_csv(ae_dataset **dataset, const char *path)
{
    return ae_dataset_open_csv(dataset, path, NULL);
}

static ae_status idx_memory(ae_dataset **dataset, const void *data, size_t size)
{
    return ae_dataset_open_idx_memory(dataset, data, size, NULL);
}

static ae_status npy_memory(ae_dataset **dataset, const void *data, size_t size)
{
    return ae_dataset_open_npy_memory(dataset, data, size, NULL);
}

static ae_status csv_memory(ae_dataset **dataset, const void *data, size_t size)
{
    return ae_dataset_open_csv_memory(dataset, data, size, NULL);
}

static const struct {
    const char *bytes;
    size_t size;
    ae_status (*open)(ae_dataset **dataset, const char *path);
    ae_status (*memory)(ae_dataset **dataset, const void *data, size_t size);
} formats[] = {{idx_file, sizeof idx_file - 1, open_idx, idx_memory},
               {npy_file, sizeof npy_file - 1, open_npy, npy_memory},
               {csv_file, sizeof csv_file - 1, open_csv, csv_memory}};

/* On the heap at its exact size, so that a sanitizer sees a read beyond; packed for odd kinds. */
static uint8_t *copy_format(int kind, size_t *size)
{
    const char *bytes = formats[kind / 2].bytes;
    *size = formats[kind / 2].size;
#ifdef AEI_HAVE_ZLIB
    if (kind % 2 != 0) {
        uint8_t *packed = pack(bytes, *size, size), *fitted = realloc(packed, *size);
        return fitted != NULL ? fitted : packed;
    }
#endif
    uint8_t *copy = fixture_allocate(*size, 1);
    memcpy(copy, bytes, *size);
    return copy;
}

static void assert_table(ae_dataset *dataset)
{
    float values[6];
    ck_assert_uint_eq(ae_dataset_row_count(dataset), 2);
    ck_assert_uint_eq(ae_dataset_feature_count(dataset), 3);
    ck_assert_ok(ae_dataset_read(dataset, 0, 2, values));
    for (size_t i = 0; i < 6; i++)
        ck_assert_float_eq(values[i], (float)(i + 1));
    ae_dataset_free(dataset);
}

START_TEST(every_format_is_the_same_from_disk_and_memory_plain_and_packed)
{
    size_t size;
    uint8_t *bytes = copy_format(_i, &size);
    ae_dataset *dataset = NULL;
    support_write(support_path("file"), bytes, size);
    ck_assert_ok(formats[_i / 2].open(&dataset, support_path("file")));
    assert_table(dataset);
    ck_assert_ok(formats[_i / 2].memory(&dataset, bytes, size));
    free(bytes); /* needed during the call only */
    assert_table(dataset);
}
END_TEST

/* Values in memory lie at any address. */
START_TEST(memory_need_not_be_aligned)
{
    size_t size;
    for (int kind = 0; kind < 6; kind++) {
        uint8_t *bytes = copy_format(kind, &size), *moved = fixture_allocate(size + 1, 1);
        ae_dataset *dataset = NULL;
        memcpy(moved + 1, bytes, size);
        ck_assert_ok(formats[kind / 2].memory(&dataset, moved + 1, size));
        assert_table(dataset);
        free(bytes);
        free(moved);
    }
}
END_TEST

START_TEST(every_cut_in_memory_is_refused_or_a_shorter_table)
{
    size_t size;
    uint8_t *bytes = copy_format(_i, &size);
    const bool text = bytes[0] == 'a'; /* CSV as it stands, also where nothing can be packed */
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = fixture_allocate(cut, 1);
        ae_dataset *dataset = NULL;
        memcpy(exact, bytes, cut);
        const ae_status status = formats[_i / 2].memory(&dataset, exact, cut);
        /* CSV may lack its last line end, the last digits or whole lines. */
        if (text && status == AE_OK)
            ck_assert_uint_le(ae_dataset_row_count(dataset), 2);
        else
            ck_assert_msg(status == AE_ERROR_FORMAT || (text && status == AE_ERROR_DATA),
                          "cut at %zu: %s", cut, ae_last_error());
        ae_dataset_free(dataset);
        free(exact);
    }
    free(bytes);
}
END_TEST

/* Any damage gives a dataset or an error, and never more: the sanitizers and valgrind look on. */
START_TEST(damaged_memory_does_no_harm)
{
    uint64_t state = 5;
    size_t size, failed = 0;
    uint8_t *bytes = copy_format(_i, &size);
    for (int i = 0; i < (support_slow() ? 200 : 3000); i++) {
        uint8_t *copy = fixture_allocate(size, 1);
        memcpy(copy, bytes, size);
        for (int hits = 1 + i % 3; hits > 0; hits--)
            copy[(size_t)(fixture_uniform(&state) * (float)size)] =
                (uint8_t)(fixture_uniform(&state) * 256);
        ae_dataset *dataset = NULL;
        const ae_status status = formats[_i / 2].memory(&dataset, copy, size);
        ck_assert_int_eq(status == AE_OK, dataset != NULL);
        ck_assert(status == AE_OK || status == AE_ERROR_FORMAT || status == AE_ERROR_UNSUPPORTED ||
                  status == AE_ERROR_DATA);
        failed += status != AE_OK;
        ae_dataset_free(dataset);
        free(copy);
    }
    ck_assert_uint_gt(failed, 20);
    free(bytes);
}
END_TEST

START_TEST(calls_with_memory_check_their_arguments)
{
    const ae_status invalid = AE_ERROR_INVALID_ARGUMENT;
    ae_dataset *d = NULL;
    for (size_t i = 0; i < COUNT(formats); i++) {
        ck_assert_status(formats[i].memory(NULL, "", 1), invalid, "dataset is NULL");
        ck_assert_status(formats[i].memory(&d, NULL, 1), invalid, "data is NULL");
        ck_assert_status(formats[i].memory(&d, "", 0), AE_ERROR_FORMAT, i == 1 ? "NPY" : "empty");
    }
    const ae_dataset_options *const refused[] = {AE_DATASET_OPTIONS(.no_copy = AE_TOGGLE_ON),
                                                 AE_DATASET_OPTIONS(.map = AE_TOGGLE_ON),
                                                 AE_DATASET_OPTIONS(.stride = 3)};
    for (size_t i = 0; i < COUNT(refused); i++) {
        const char *part = i == 1 ? "map is for" : "no_copy and stride are for";
        ck_assert_status(ae_dataset_open_idx_memory(&d, idx_file, sizeof idx_file - 1, refused[i]),
                         invalid, part);
        ck_assert_status(ae_dataset_open_npy_memory(&d, npy_file, sizeof npy_file - 1, refused[i]),
                         invalid, part);
    }
    ck_assert_ptr_null(d);
    /* Labels come with any file; there are two rows. */
    const int32_t labels[] = {-1, 5, 7};
    ck_assert_ok(ae_dataset_open_idx_memory(
        &d, idx_file, sizeof idx_file - 1, AE_DATASET_OPTIONS(.labels = labels, .label_count = 2)));
    ck_assert_int_eq(ae_dataset_label(d, 1), 5);
    ae_dataset_free(d);
    ck_assert_ok(ae_dataset_open_npy_memory(
        &d, npy_file, sizeof npy_file - 1, AE_DATASET_OPTIONS(.labels = labels, .label_count = 2)));
    ck_assert_int_eq(ae_dataset_label(d, 0), -1);
    ae_dataset_free(d);
    ck_assert_status(
        ae_dataset_open_npy_memory(&d, npy_file, sizeof npy_file - 1,
                                   AE_DATASET_OPTIONS(.labels = labels, .label_count = 3)),
        AE_ERROR_SHAPE, "3 labels for 2 rows");
}
END_TEST

START_TEST(every_allocation_of_a_call_with_memory_may_fail)
{
    size_t size, n = 1;
    uint8_t *bytes = copy_format(_i, &size);
    for (;; n++) {
        ae_dataset *dataset = NULL;
        support_fail_allocation(n);
        const ae_status status = formats[_i / 2].memory(&dataset, bytes, size);
        const int failed = support_allocation_failed();
        support_fail_allocation(0);
        ck_assert_int_eq(status == AE_OK, dataset != NULL);
        ae_dataset_free(dataset);
        if (!failed)
            break;
        /* The last one of CSV only gives memory back. */
        if (status != AE_OK)
            ck_assert_status(status, AE_ERROR_OUT_OF_MEMORY, "out of memory");
    }
    ck_assert_uint_ge(n, 5);
    free(bytes);
}
END_TEST

/* Pieces of any size, across the blocks of a file. */
START_TEST(a_stream_gives_the_same_bytes_in_any_pieces)
{
    enum { BYTES = 300001 };
    static const size_t pieces[] = {1, 7, 65535, 65536, 65537, 131072, BYTES, BYTES + 1};
    uint8_t *bytes = fixture_allocate(BYTES, 1), *back = fixture_allocate(BYTES + 1, 1);
    for (uint32_t i = 0, x = 1; i < BYTES; i++, x = x * 1664525 + 1013904223)
        bytes[i] = (uint8_t)(x >> 24);
    support_write(support_path("bytes"), bytes, BYTES);
    for (size_t i = 0; i < 2 * COUNT(pieces); i++) {
        const size_t piece = pieces[i / 2];
        aei_stream *stream = NULL;
        size_t done = 0, got;
        ck_assert_ok(i % 2 == 0 ? aei_stream_open(&stream, support_path("bytes"))
                                : aei_stream_open_memory(&stream, bytes, BYTES));
        do {
            const size_t room = BYTES + 1 - done;
            ck_assert_ok(aei_stream_read(stream, back + done, piece < room ? piece : room, &got));
            done += got;
        } while (got == piece);
        ck_assert_uint_eq(done, BYTES);
        ck_assert_mem_eq(back, bytes, BYTES);
        ck_assert_ok(aei_stream_close(stream, AEI_READER_NONE, AE_OK));
    }
    free(bytes);
    free(back);
}
END_TEST

#ifdef AEI_HAVE_ZLIB

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

/* Blocks of a tape: gzip -t passes over the zero bytes, and Python also reads a member behind. */
START_TEST(zero_bytes_behind_gzip_data_are_passed_over)
{
    enum { ZEROS = 70000, HALF = SIZE / 2 }; /* more than a block of the stream */
    uint8_t file[SIZE];
    size_t first, second;
    ae_dataset *dataset = NULL;
    make_pictures(file);
    uint8_t *one = pack(file, HALF, &first), *two = pack(file + HALF, SIZE - HALF, &second);
    uint8_t *padded = calloc(first + ZEROS + second + ZEROS, 1);
    ck_assert_ptr_nonnull(padded);
    memcpy(padded, one, first);
    memcpy(padded + first + ZEROS, two, second);
    ck_assert_ok(open_bytes(&dataset, padded, first + ZEROS + second + ZEROS));
    assert_pictures(dataset);
    ae_dataset_free(dataset);
    padded[first + ZEROS + second + ZEROS - 1] = 1;
    assert_refused(padded, first + ZEROS + second + ZEROS, "followed by something else");
    free(padded);
    free(one);
    free(two);
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
    support_watch_memory();
    assert_refused_packed("\0\0\x08\2\xff\xff\xff\xff\0\1\0\0", 12,
                          "281474976645120 bytes of values expected, more than");
    ck_assert_uint_lt(support_most_memory(), 1 << 18); /* the stream's block and zlib's window */
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

Suite *stream_suite(void)
{
    enum { KINDS = 2 * COUNT(formats) };
    Suite *suite = suite_create("stream");
    TCase *memory = tcase_create("memory");
    tcase_add_checked_fixture(memory, NULL, support_dir_remove);
    tcase_add_loop_test(memory, every_format_is_the_same_from_disk_and_memory_plain_and_packed, 0,
                        KINDS);
    tcase_add_test(memory, memory_need_not_be_aligned);
    tcase_add_loop_test(memory, every_cut_in_memory_is_refused_or_a_shorter_table, 0, KINDS);
    tcase_add_loop_test(memory, damaged_memory_does_no_harm, 0, KINDS);
    tcase_add_test(memory, calls_with_memory_check_their_arguments);
    tcase_add_loop_test(memory, every_allocation_of_a_call_with_memory_may_fail, 0, KINDS);
    tcase_add_test(memory, a_stream_gives_the_same_bytes_in_any_pieces);
    suite_add_tcase(suite, memory);
    TCase *gzip = tcase_create("gzip");
    tcase_add_checked_fixture(gzip, NULL, support_dir_remove);
#ifdef AEI_HAVE_ZLIB
    tcase_add_test(gzip, a_gzip_file_reads_as_the_plain_one_whatever_its_name);
    tcase_add_test(gzip, gzip_members_that_follow_one_another_are_one_file);
    tcase_add_test(gzip, a_cut_gzip_file_is_refused_wherever_it_is_cut);
    tcase_add_test(gzip, a_damaged_gzip_file_is_refused_or_gives_the_right_values);
    tcase_add_test(gzip, what_follows_gzip_data_is_refused);
    tcase_add_test(gzip, zero_bytes_behind_gzip_data_are_passed_over);
    tcase_add_test(gzip, headers_inside_gzip_are_not_believed);
    tcase_add_test(gzip, a_gzip_bomb_stops_where_its_header_ends);
    tcase_add_test(gzip, a_large_gzip_file_is_the_same_as_the_plain_one);
#else
    tcase_add_test(gzip, gzip_without_zlib_says_so);
#endif
    suite_add_tcase(suite, gzip);
    return suite;
}
