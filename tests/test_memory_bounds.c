/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory for a file follows what the file holds, not what its header says it holds. */
#include "fixtures.h"
#include "packed.h"
#include "suites.h"

#include <libae/csv.h>
#include <stdio.h>

/* What a reader may take for nothing; and for each byte of a file, plain or packed. JSON is the
 * most: two bytes become a value of 32 and a pointer. gzip grows 1032 times at most, and CSV then
 * has 4 bytes for two, in an array that may have doubled while it moved. */
enum { FREE_BYTES = 512 << 10, PLAIN_RATIO = 64, PACKED_RATIO = 1100, CSV_FREE = 6 << 20 };

typedef enum reader { READ_NPY, READ_IDX, READ_CSV, READ_NETWORK } reader;

static ae_status read_as(reader as, const void *bytes, size_t size)
{
    ae_dataset *dataset = NULL;
    ae_network *network = NULL;
    const ae_status status = as == READ_NPY
                                 ? ae_dataset_open_npy_memory(&dataset, bytes, size, NULL)
                             : as == READ_IDX
                                 ? ae_dataset_open_idx_memory(&dataset, bytes, size, NULL)
                             : as == READ_CSV
                                 ? ae_dataset_open_csv_memory(&dataset, bytes, size, NULL)
                                 : ae_network_load_memory(&network, bytes, size, NULL);
    ae_dataset_free(dataset);
    ae_network_free(network);
    return status;
}

/* Refused, with no more memory than that. */
static void refuse_within(size_t limit, reader as, const void *bytes, size_t size, ae_status wanted,
                          const char *message)
{
    support_watch_memory();
    ck_assert_status(read_as(as, bytes, size), wanted, message);
    ck_assert_msg(support_most_memory() <= limit, "%zu bytes were taken for %zu: %zu at most",
                  support_most_memory(), size, limit);
}

static size_t npy_file(unsigned char *bytes, size_t room, const char *shape)
{
    const int length = snprintf((char *)bytes + 10, room - 10,
                                "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }%8s\n",
                                shape, "");
    memcpy(bytes, "\x93NUMPY\x01", 8);
    bytes[8] = (unsigned char)length, bytes[9] = (unsigned char)(length >> 8);
    return 10 + (size_t)length;
}

static size_t model_file(unsigned char *bytes, size_t room, const char *header, size_t claimed)
{
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)(claimed == 0 ? strlen(header) : claimed) >> 8 * i);
    return 8 + (size_t)snprintf((char *)bytes + 8, room - 8, "%s", header);
}

static const char *const shapes[] = {"(1000000, 1000)", "(4294967295, 100000)", "(1, 9000000000)",
                                     "(3, 1000000, 1000)"};

START_TEST(what_an_npy_header_promises_is_not_taken_before_it_is_there)
{
    unsigned char bytes[256];
    const size_t size = npy_file(bytes, sizeof bytes, shapes[_i]);
    refuse_within(FREE_BYTES, READ_NPY, bytes, size, AE_ERROR_FORMAT, "bytes of values expected");
}
END_TEST

START_TEST(what_an_idx_header_promises_is_not_taken_before_it_is_there)
{
    const unsigned char bytes[] = {
        0, 0, _i == 0 ? 8 : 14, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF, 0xFF, 1};
    refuse_within(FREE_BYTES, READ_IDX, bytes, sizeof bytes, AE_ERROR_FORMAT,
                  "bytes of values expected");
}
END_TEST

static const struct {
    const char *header;
    size_t claimed;
    const char *message;
} models[] = {
    {"{}", 99000000, "truncated"},
    {"{}", (size_t)1 << 40, "a header of"},
    {"{\"encoder.0.weight\":{\"dtype\":\"F32\",\"shape\":[1000000,1000000],\"data_offsets\":[0,"
     "4000000000000]}}",
     0, "reach past the end of the file"},
    {"{\"__metadata__\":{\"libae.format_version\":\"1\",\"libae.architecture\":\"{\\\"widths\\\":["
     "1048576,1048576,1048576],\\\"code_layer\\\":1,\\\"batch_norm\\\":false,\\\"activations\\\":["
     "\\\"sigmoid\\\",\\\"sigmoid\\\"],\\\"leaky_slope\\\":0.01,\\\"bn_epsilon\\\":0.001,"
     "\\\"bn_decay\\\":0.9,\\\"seed\\\":\\\"0\\\"}\"}}",
     0, "tensor"},
    {"{\"__metadata__\":{\"libae.format_version\":\"1\",\"libae.architecture\":\"{\\\"widths\\\":["
     "4096,4096,4096],\\\"code_layer\\\":1,\\\"batch_norm\\\":false,\\\"activations\\\":["
     "\\\"sigmoid\\\",\\\"sigmoid\\\"],\\\"leaky_slope\\\":0.01,\\\"bn_epsilon\\\":0.001,"
     "\\\"bn_decay\\\":0.9,\\\"seed\\\":\\\"0\\\"}\"}}",
     0, "tensor"},
};

START_TEST(what_a_model_says_of_itself_is_not_taken_before_it_is_there)
{
    unsigned char bytes[1024];
    const size_t size = model_file(bytes, sizeof bytes, models[_i].header, models[_i].claimed);
    refuse_within(FREE_BYTES, READ_NETWORK, bytes, size, AE_ERROR_FORMAT, models[_i].message);
}
END_TEST

/* As many values as JSON can have in so many bytes, at most as many as are read. */
START_TEST(json_costs_a_bounded_multiple_of_its_text)
{
    enum { VALUES = 1 << 18 };
    unsigned char *bytes = fixture_allocate(2 * VALUES + 64, 1);
    const size_t size = model_file(bytes, 64, "{\"a\":[0", (size_t)2 * VALUES + 10);
    for (size_t i = 0; i < VALUES; i++)
        memcpy(bytes + size + 2 * i, ",0", 2);
    memcpy(bytes + size + 2 * (size_t)VALUES, "]} ", 3);
    refuse_within(FREE_BYTES + PLAIN_RATIO * (2 * (size_t)VALUES), READ_NETWORK, bytes,
                  size + 2 * (size_t)VALUES + 3, AE_ERROR_FORMAT, "");
    free(bytes);
}
END_TEST

/* The tables' own claims, packed: what gzip could hold of them, or nothing. */
#ifdef AEI_HAVE_ZLIB

START_TEST(what_packed_headers_promise_is_bounded_by_the_packed_size)
{
    unsigned char bytes[256];
    size_t packed;
    const size_t size = npy_file(bytes, sizeof bytes, shapes[_i]);
    uint8_t *file = pack(bytes, size, &packed);
    refuse_within(FREE_BYTES + PACKED_RATIO * packed, READ_NPY, file, packed, AE_ERROR_FORMAT,
                  "than");
    free(file);
}
END_TEST

/* A thousand columns a byte: nobody's names, so they are refused while they are few. */
START_TEST(packed_columns_are_bounded_by_the_packed_bytes)
{
    enum { MANY = 4000000 };
    static const char cells[] = {',', 'x', '"'};
    char *text = fixture_allocate(MANY, 1);
    size_t packed;
    memset(text, cells[_i], MANY);
    if (_i > 0)
        for (size_t i = 1000000; i < MANY; i += 1000000)
            text[i] = ',';
    uint8_t *file = pack(text, MANY, &packed);
    ck_assert_uint_lt(packed, 8000);
    refuse_within(CSV_FREE + PACKED_RATIO * packed, READ_CSV, file, packed, AE_ERROR_FORMAT,
                  _i == 2 ? "line 1" : "bytes of gzip: if they are meant, unpack the file");
    free(file);
    free(text);
}
END_TEST

/* Real names, of which each differs from the one before it. */
START_TEST(many_columns_with_names_are_read_packed)
{
    enum { MANY = 200000, ROOM = 16 };
    char *text = fixture_allocate((size_t)MANY * ROOM, 1);
    size_t used = 0, packed;
    for (int row = 0; row < 2; row++)
        for (int i = 0; i < MANY; i++)
            used += (size_t)sprintf(text + used, row == 0 ? "gene%d%s" : "0%.0d%s",
                                    row == 0 ? i : 0, i == MANY - 1 ? "\n" : ",");
    uint8_t *file = pack(text, used, &packed);
    ck_assert_ok(read_as(READ_CSV, file, packed));
    free(file);
    free(text);
}
END_TEST

#endif

Suite *memory_bounds_suite(void)
{
    Suite *suite = suite_create("memory_bounds");
    TCase *tcase = tcase_create("claims");
    tcase_add_loop_test(tcase, what_an_npy_header_promises_is_not_taken_before_it_is_there, 0,
                        COUNT(shapes));
    tcase_add_loop_test(tcase, what_an_idx_header_promises_is_not_taken_before_it_is_there, 0, 2);
    tcase_add_loop_test(tcase, what_a_model_says_of_itself_is_not_taken_before_it_is_there, 0,
                        COUNT(models));
    tcase_add_test(tcase, json_costs_a_bounded_multiple_of_its_text);
#ifdef AEI_HAVE_ZLIB
    tcase_add_loop_test(tcase, what_packed_headers_promise_is_bounded_by_the_packed_size, 0,
                        COUNT(shapes));
    tcase_add_loop_test(tcase, packed_columns_are_bounded_by_the_packed_bytes, 0, 3);
    tcase_add_test(tcase, many_columns_with_names_are_read_packed);
#endif
    suite_add_tcase(suite, tcase);
    return suite;
}
