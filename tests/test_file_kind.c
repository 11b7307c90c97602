/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of another kind under a name that a reader was given: the text says what they are. */
#include "format/file_kind.h"

#include "fixtures.h"
#include "suites.h"

#include <stdint.h>

#define T(text) text, sizeof(text) - 1
#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ZIP(name, length) "PK\3\4\x14\0\0\0\0\0" ZEROS length "\0\0\0" name "\x80\2}q"

/* Whether each of the readers of CSV, NPY, IDX and models refuses to call it its own. */
static const struct {
    const char *bytes;
    size_t size;
    const char *name, *rows, *model;
} files[] = {
    {T(ZIP("a.npy", "\5")), "zip archive of NPY", "ae_dataset_open_npy", "ae_network_save"},
    {T(ZIP("m/data.pkl", "\x0A")), "zip archive written by torch.save", "numpy.save",
     "safetensors.torch.save_file(model.state_dict(), path); libae's docs/pytorch.md"},
    {T(ZIP("[Content_Types].xml", "\x13")), "Excel", "CSV", "ae_network_save"},
    {T(ZIP("photo", "\5")), "a zip archive", "unzip", "unzip"},
    {T("PK\3\4"), "a zip archive", "unzip", "unzip"},
    {T("\x80\2\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19."), "old torch.save", "numpy.save",
     "state_dict"},
    {T("\x80\4\x95\0\0\0\0\0\0\0\0}."), "Python pickle", "numpy.save", "state_dict"},
    {T("BZh91AY&SY\0\0"), "bzip2 data", "bunzip2", "bunzip2"},
    {T("\xFD\x37zXZ\0\0\4"), "xz data", "unxz", "unxz"},
    {T("\x28\xB5\x2F\xFD\4\0"), "zstd data", "unzstd", "unzstd"},
    {T("\x89HDF\r\n\x1A\n\0"), "HDF5", "h5py", "safetensors"},
    {T("PAR1\x15\4\x15"), "Parquet", "read_parquet", "ae_network_save"},
    {T("ARROW1\0\0\xFF\xFF"), "Feather", "read_feather", "ae_network_save"},
    {T("\xFF\xFF\xFF\xFF\x78\0\0\0"), "Arrow IPC stream", "pyarrow", "ae_network_save"},
    {T("\x89PNG\r\n\x1A\n\0"), "PNG", "pixels", "ae_network_save"},
    {T("\xFF\xD8\xFF\xE0\0\x10JFIF"), "JPEG", "pixels", "ae_network_save"},
    {T("<!DOCTYPE html><html>404</html>"), "HTML page", "fetch", "fetch"},
    {T("\n  <HTML lang=en>"), "HTML page", "fetch", "fetch"},
    {T("\xEF\xBB\xBF<?xml version='1.0'?>"), "XML", "fetch", "fetch"},
    {T("{\"error\": \"not found\"}"), "JSON", "read_json", "ae_network_save"},
    {T("[{\"a\": 1}, {\"a\": 2}]"), "JSON", "read_json", "ae_network_save"},
    {T("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"), "Git LFS",
     "git lfs pull", "git lfs pull"},
    {T("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n"), "PDF", "no table", "ae_network_save"},
    {T("SQLite format 3\0\x10\0\1\1"), "SQLite", ".mode csv", "ae_network_save"},
    {T("\177ELF\2\1\1\0"), "ELF", "no table", "ae_network_save"},
    {T("\x08\x08\x12\x05libae\x3A\x80\x08"), "ONNX", "no table", "state_dict"},
    {T(ZEROS ZEROS), "nothing but zero bytes", "fetch", "fetch"},
};

typedef ae_status (*open_rows)(ae_dataset **dataset, const char *path);

static ae_status open_csv(ae_dataset **dataset, const char *path)
{
    return ae_dataset_open_csv(dataset, path, NULL);
}

static ae_status open_npy(ae_dataset **dataset, const char *path)
{
    return ae_dataset_open_npy(dataset, path, NULL);
}

static ae_status open_idx(ae_dataset **dataset, const char *path)
{
    return ae_dataset_open_idx(dataset, path, NULL);
}

START_TEST(each_reader_says_what_a_foreign_file_is_and_what_to_do)
{
    static const open_rows readers[] = {open_csv, open_npy, open_idx};
    const char *path = support_path("given");
    support_write(path, files[_i].bytes, files[_i].size);
    for (size_t i = 0; i < COUNT(readers); i++) {
        ae_dataset *dataset = NULL;
        if (readers[i] == open_npy && support_contains(files[_i].name, "NPY"))
            continue;
        ck_assert_status(readers[i](&dataset, path), AE_ERROR_FORMAT, files[_i].name);
        ck_assert(support_contains(ae_last_error(), files[_i].rows));
        ck_assert(support_contains(ae_last_error(), path));
        ck_assert_ptr_null(dataset);
    }
    ae_network *network = NULL;
    ck_assert_status(ae_network_load(&network, path, NULL), AE_ERROR_FORMAT, files[_i].name);
    ck_assert(support_contains(ae_last_error(), files[_i].model));
    ck_assert(support_contains(ae_last_error(), "not a safetensors file"));
    ck_assert_ptr_null(network);
}
END_TEST

/* The readers know one another's files. */
START_TEST(files_of_the_other_readers_are_sent_there)
{
    static const uint8_t idx[] = {0, 0, 8, 1, 0, 0, 0, 2, 5, 6};
    static const struct {
        const void *bytes;
        size_t size;
        open_rows reader;
        const char *text;
    } others[] = {
        {idx, sizeof idx, open_npy, "an IDX file, not an NPY file: ae_dataset_open_idx"},
        {idx, sizeof idx, open_csv, "an IDX file, not a CSV file: ae_dataset_open_idx"},
        {T("\x93NUMPY\1\0"), open_idx, "an NPY file, not an IDX file: ae_dataset_open_npy"},
        {T("a,b\n1,2\n"), open_idx, "a text file, not an IDX file: ae_dataset_open_csv"},
        {T("Gr\xC3\xB6\xC3\x9F"), open_npy, "a text file, not an NPY file"},
        {T("a\0,\0b\0\r\0\n\0001\0,\0002\0"), open_npy, "text in UTF-16"},
        {T("\xFF\xFE\x30\x04"), open_idx, "text in UTF-16"},
        {T("\x10\0\0\0\0\0\0\0{\"__metadata__\":"), open_npy, "a safetensors file, not an NPY"},
    };
    const char *path = support_path("other");
    for (size_t i = 0; i < COUNT(others); i++) {
        ae_dataset *dataset = NULL;
        support_write(path, others[i].bytes, others[i].size);
        ck_assert_status(others[i].reader(&dataset, path), AE_ERROR_FORMAT, others[i].text);
    }
    ae_network *network = NULL;
    support_write(path, "\x93NUMPY\1\0", 8);
    ck_assert_status(ae_network_load(&network, path, NULL), AE_ERROR_FORMAT, "an NPY file, not");
}
END_TEST

/* What a reader understands may begin like another kind. */
START_TEST(valid_files_are_never_taken_for_another_kind)
{
    static const char *const tables[] = {"PAR1,BZh\n1,2\n", "[[,GIF8\n3,4\n",    "<html>,MZ\n5,6\n",
                                         "{\"\nORC\n",      "%PDF-,RIFF\n1,2\n", "GGUF\n1\n"};
    const char *path = support_path("table.csv");
    for (size_t i = 0; i < COUNT(tables); i++) {
        ae_dataset *dataset = NULL;
        support_put(path, tables[i]);
        if (i == 3) /* an open quote: refused, and then it does look like JSON */
            ck_assert_status(ae_dataset_open_csv(&dataset, path, NULL), AE_ERROR_FORMAT, "JSON");
        else
            ck_assert_ok(ae_dataset_open_csv(&dataset, path, NULL));
        ae_dataset_free(dataset);
    }
}
END_TEST

/* Only words of a text: what its rows lack is the answer then, not what its names look like. */
START_TEST(a_damaged_file_of_the_readers_own_kind_keeps_its_text)
{
    ae_dataset *dataset = NULL;
    const char *path = support_path("own");
    support_put(path, "PAR1,MZ\n1,x\n");
    ck_assert_status(open_csv(&dataset, path), AE_ERROR_DATA, "\"x\"");
    support_write(path, T("\x93NUMPY\1\0\5\0{'de"));
    ck_assert_status(open_npy(&dataset, path), AE_ERROR_FORMAT, "ends within");
    support_write(path, T("\0\0\x08\1\0\0\0\5\1"));
    ck_assert_status(open_idx(&dataset, path), AE_ERROR_FORMAT, "5 bytes of values expected");
    ck_assert_ptr_null(dataset);
}
END_TEST

/* No first byte, and no length, leads past the end. */
START_TEST(every_beginning_is_looked_at_within_its_bounds)
{
    for (unsigned seed = 0; seed < 20000; seed++) {
        const size_t size = seed % 40, from = seed % COUNT(files);
        const size_t kept = files[from].size < size ? files[from].size : size;
        unsigned char *bytes = fixture_allocate(size + 1, 1);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)((seed + 1) * 2654435761u >> (i % 24));
        memcpy(bytes, files[from].bytes, kept);
        unsigned char *tight = realloc(bytes, size > 0 ? size : 1);
        ck_assert_ptr_nonnull(tight);
        ae_status status = aei_fail_kind(AE_ERROR_DATA, (aei_reader)(1 + seed % 4), tight, size);
        ck_assert(status == AE_ERROR_DATA || status == AE_ERROR_FORMAT);
        free(tight);
    }
}
END_TEST

Suite *file_kind_suite(void)
{
    Suite *suite = suite_create("file_kind");
    TCase *tcase = tcase_create("file_kind");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_loop_test(tcase, each_reader_says_what_a_foreign_file_is_and_what_to_do, 0,
                        COUNT(files));
    tcase_add_test(tcase, files_of_the_other_readers_are_sent_there);
    tcase_add_test(tcase, valid_files_are_never_taken_for_another_kind);
    tcase_add_test(tcase, a_damaged_file_of_the_readers_own_kind_keeps_its_text);
    tcase_add_test(tcase, every_beginning_is_looked_at_within_its_bounds);
    suite_add_tcase(suite, tcase);
    return suite;
}
