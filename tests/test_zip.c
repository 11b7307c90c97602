/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrays of .npz archives that NumPy and Python's zipfile wrote, whole and damaged. */
#include "format/zip.h"

#include "fixtures.h"
#include "python.h"
#include "suites.h"

#ifdef AEI_HAVE_ZLIB

enum { ROWS = 5, FEATURES = 3, VALUES = ROWS * FEATURES };

static void write_archives(void)
{
    ck_assert_int_eq(
        python_run("tables.py", (const char *const[]){"write-npz", support_dir(), NULL}), 0);
}

static void check_values(const ae_dataset *dataset)
{
    float values[VALUES];
    ck_assert_uint_eq(ae_dataset_row_count(dataset), ROWS);
    ck_assert_uint_eq(ae_dataset_feature_count(dataset), FEATURES);
    ck_assert_ok(ae_dataset_read(dataset, 0, ROWS, values));
    for (size_t i = 0; i < VALUES; i++)
        ck_assert(values[i] == (float)i - 7);
}

START_TEST(arrays_of_archives_are_read_from_disk_and_memory)
{
    static const struct {
        const char *file, *member;
    } archives[] = {{"stored.npz", NULL},   {"stored.npz", "arr_0"},   {"stored.npz", "arr_0.npy"},
                    {"deflated.npz", NULL}, {"deflated.npz", "x"},     {"several.npz", "x"},
                    {"zip64.npz", NULL},    {"zip64.npz", "folder/x"}, {"suffix.npz", "x.npy"}};
    write_archives();
    for (size_t i = 0; i < COUNT(archives); i++) {
        const char *path = support_path(archives[i].file);
        ae_dataset *dataset = NULL;
        size_t size;
        ck_assert_ok(ae_dataset_open_npy(
            &dataset, path, AE_DATASET_OPTIONS(.member = archives[i].member, .map = AE_TOGGLE_ON)));
        check_values(dataset);
        ae_dataset_free(dataset);
        unsigned char *bytes = support_read(path, &size);
        ck_assert_ok(ae_dataset_open_npy_memory(&dataset, bytes, size,
                                                AE_DATASET_OPTIONS(.member = archives[i].member)));
        free(bytes);
        check_values(dataset);
        ae_dataset_free(dataset);
    }
}
END_TEST

/* More than a block of the stream. */
START_TEST(a_large_member_is_unpacked_piece_by_piece)
{
    ae_dataset *dataset = NULL;
    float row[3];
    write_archives();
    ck_assert_ok(ae_dataset_open_npy(&dataset, support_path("large.npz"), NULL));
    ck_assert_uint_eq(ae_dataset_row_count(dataset), 100000);
    ck_assert_ok(ae_dataset_read(dataset, 99999, 1, row));
    ck_assert(row[0] == 299997 && row[2] == 299999);
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(what_cannot_be_read_is_named)
{
    static const struct {
        const char *file, *member;
        ae_status status;
        const char *part;
    } bad[] = {
        {"several.npz", NULL, AE_ERROR_INVALID_ARGUMENT, "option member: a, x, b"},
        {"several.npz", "c", AE_ERROR_NOT_FOUND,
         "no member \"c\" in the archive, which has: a, x, b"},
        {"several.npz", "", AE_ERROR_NOT_FOUND, "no member"},
        {"bzip2.npz", NULL, AE_ERROR_UNSUPPORTED, "x.npy is packed by method 12"},
        {"none.npz", NULL, AE_ERROR_FORMAT, "a zip archive, not an NPY file"},
        {"twice.npz", "x", AE_ERROR_FORMAT, "stands twice"},
        {"x.npy", "x", AE_ERROR_INVALID_ARGUMENT, "member is for .npz"},
    };
    ae_dataset *dataset = NULL;
    write_archives();
    for (size_t i = 0; i < COUNT(bad); i++) {
        ck_assert_status(ae_dataset_open_npy(&dataset, support_path(bad[i].file),
                                             AE_DATASET_OPTIONS(.member = bad[i].member)),
                         bad[i].status, bad[i].part);
        ck_assert(support_contains(ae_last_error(), bad[i].file));
    }
    ck_assert_status(
        ae_dataset_open_idx(&dataset, support_path("x.npy"), AE_DATASET_OPTIONS(.member = "x")),
        AE_ERROR_INVALID_ARGUMENT, "member is for");
    ck_assert_ptr_null(dataset);
}
END_TEST

/* Test number: stored, deflated, zip64. */
static unsigned char *read_archive(int i, size_t *size)
{
    static const char *const files[] = {"stored.npz", "deflated.npz", "zip64.npz"};
    write_archives();
    return support_read(support_path(files[i]), size);
}

START_TEST(every_cut_is_refused)
{
    size_t size;
    unsigned char *bytes = read_archive(_i, &size);
    for (size_t cut = 0; cut < size; cut++) {
        ae_dataset *dataset = NULL;
        unsigned char *tight = fixture_allocate(cut + 1, 1);
        memcpy(tight, bytes, cut);
        ck_assert_int_eq(ae_dataset_open_npy_memory(&dataset, tight, cut, NULL), AE_ERROR_FORMAT);
        ck_assert_ptr_null(dataset);
        free(tight);
    }
    free(bytes);
}
END_TEST

/* A date may be anything; what is read must be right. */
START_TEST(no_damaged_byte_goes_unnoticed)
{
    size_t size, read = 0;
    unsigned char *bytes = read_archive(_i, &size);
    for (size_t at = 0; at < size; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            ae_dataset *dataset = NULL;
            bytes[at] ^= (unsigned char)(1U << bit);
            if (ae_dataset_open_npy_memory(&dataset, bytes, size, NULL) == AE_OK) {
                check_values(dataset);
                read++;
            }
            ae_dataset_free(dataset);
            bytes[at] ^= (unsigned char)(1U << bit);
        }
    ck_assert_uint_lt(read, size * 8 / 2);
    free(bytes);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    write_archives();
    for (size_t n = 1;; n++) {
        ae_dataset *dataset = NULL;
        support_fail_allocation(n);
        const ae_status status = ae_dataset_open_npy(&dataset, support_path("deflated.npz"), NULL);
        support_fail_allocation(0);
        if (status == AE_OK) {
            ae_dataset_free(dataset);
            ck_assert_uint_gt(n, 3);
            break;
        }
        ck_assert_int_eq(status, AE_ERROR_OUT_OF_MEMORY);
    }
}
END_TEST

#else

/* An archive with one empty member, a.npy, that is found and cannot be checked. */
START_TEST(archives_without_zlib_say_so)
{
    static const char archive[] =
        "PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0a.npy"
        "PK\1\2\x14\0\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        "\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a.npy"
        "PK\5\6\0\0\0\0\1\0\1\0\x33\0\0\0\x23\0\0\0\0";
    ae_dataset *dataset = NULL;
    ck_assert_status(ae_dataset_open_npy_memory(&dataset, archive, sizeof archive, NULL),
                     AE_ERROR_UNSUPPORTED, "without zlib");
    ck_assert_ptr_null(dataset);
}
END_TEST

#endif

Suite *zip_suite(void)
{
    Suite *suite = suite_create("zip");
    TCase *tcase = tcase_create("zip");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
#ifdef AEI_HAVE_ZLIB
    const char *missing = python_lacks("tables.py", "$AE_PYTHON or python3 has no NumPy");
    support_add_test(tcase, arrays_of_archives_are_read_from_disk_and_memory, missing);
    support_add_test(tcase, a_large_member_is_unpacked_piece_by_piece, missing);
    support_add_test(tcase, what_cannot_be_read_is_named, missing);
    support_add_loop_test(tcase, every_cut_is_refused, 0, 3, missing);
    support_add_loop_test(tcase, no_damaged_byte_goes_unnoticed, 0, 3, missing);
    support_add_test(tcase, every_allocation_may_fail, missing);
#else
    tcase_add_test(tcase, archives_without_zlib_say_so);
#endif
    suite_add_tcase(suite, tcase);
    return suite;
}
