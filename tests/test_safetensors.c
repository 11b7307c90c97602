/* SPDX-License-Identifier: BSD-3-Clause */
/* The container: what the format allows is read, and everything else is refused with its reason. */
#include "fixtures.h"
#include "suites.h"

#include "format/safetensors.h"

#include <stdio.h>

/* A container in memory of exactly its size, so that a sanitizer sees every byte read past it. */
static unsigned char *container(const char *header, size_t header_size, const void *data,
                                size_t data_size, size_t *size)
{
    *size = 8 + header_size + data_size;
    unsigned char *bytes = fixture_allocate(*size, 1);
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)header_size >> 8 * i);
    memcpy(bytes + 8, header, header_size);
    if (data != NULL)
        memcpy(bytes + 8 + header_size, data, data_size);
    return bytes;
}

static ae_status open_text(aei_safetensors *file, const char *header, size_t data_size,
                           unsigned char **bytes)
{
    size_t size;
    *bytes = container(header, strlen(header), NULL, data_size, &size);
    return aei_safetensors_open(file, *bytes, size);
}

#define ONE(dtype, shape, offsets) \
    "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define TWO(first, second)                                           \
    "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":" first \
    "},\"b\":{\"dtype\":\"U8\",\"shape\":[2],"                       \
    "\"data_offsets\":" second "}}"

static const struct {
    const char *header;
    size_t data;
    const char *message;
} refused[] = {
    {"", 0, "does not start with {"},
    {" {}", 0, "does not start with {"},
    {"[]", 0, "does not start with {"},
    {"{}x", 0, "header: JSON: something follows its end at byte 2"},
    {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "the key \"k\" twice"},
    {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1,
     "the key \"dtype\" twice"},
    {"{\"__metadata__\":[]}", 0, "__metadata__ is not an object"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "not a string"},
    {"{\"a\":7}", 0, "its entry is not an object"},
    {"{\"a\\u001b[2J\":7}", 0, "tensor a?[2J: its entry"},
    {"{\"a\\u009b2J\":7}", 0, "tensor a?2J: its entry"},
    {"{\"\xc2\xa0\\u007f\":7}", 0, "tensor \xc2\xa0?: its entry"},
    {"{\"a\\u001b[2J\":1,\"a\\u001b[2J\":2}", 0, "the key \"a?[2J\" twice"},
    {"{\"a\":{\"shape\":[],\"data_offsets\":[0,1]}}", 1, "dtype is missing"},
    {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "shape is not a list"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", 1, "data_offsets are not"},
    {ONE("Q7", "[]", "[0,1]"), 1, "dtype is missing or unknown"},
    {ONE("U8", "[-1]", "[0,1]"), 1, "a dimension is not a whole number"},
    {ONE("U8", "[1.5]", "[0,1]"), 1, "a dimension is not a whole number"},
    {ONE("U8", "[1e300]", "[0,1]"), 1, "a dimension is not a whole number"},
    {ONE("U8", "[\"1\"]", "[0,1]"), 1, "a dimension is not a whole number"},
    {ONE("U8", "[null]", "[0,1]"), 1, "a dimension is not a whole number"},
    {ONE("U8", "[4294967296,4294967296]", "[0,0]"), 0, "its shape is too large"},
    {ONE("F64", "[281474976710657]", "[0,8]"), 8, "its shape is too large"},
    {ONE("U8", "[1]", "[0]"), 1, "data_offsets are not"},
    {ONE("U8", "[1]", "[0,1,2]"), 1, "data_offsets are not"},
    {ONE("U8", "[1]", "[0,1e17]"), 1, "data_offsets are not"},
    {ONE("U8", "[1]", "[1,0]"), 1, "run backwards"},
    {ONE("F32", "[2]", "[0,4]"), 4, "do not fit"},
    {ONE("F4", "[3]", "[0,1]"), 1, "do not fit"},
    {ONE("U8", "[1]", "[1,2]"), 2, "a hole"},
    {ONE("U8", "[2]", "[0,2]"), 1, "past the end"},
    {ONE("U8", "[9007199254740992]", "[0,9007199254740992]"), 1, "its shape is too large"},
    {ONE("U8", "[140737488355328]", "[0,140737488355328]"), 1, "past the end"},
    {ONE("U8", "[1]", "[0,1]"), 2, "1 bytes follow"},
    {"{}", 1, "1 bytes follow"},
    {TWO("[0,2]", "[3,5]"), 5, "tensor b: there is a hole"},
    {TWO("[0,2]", "[1,3]"), 3, "tensor b: its data overlap"},
    {TWO("[0,2]", "[0,2]"), 2, "overlap"},
};

START_TEST(refuses_what_the_format_forbids)
{
    unsigned char *bytes;
    aei_safetensors file;
    ck_assert_status(open_text(&file, refused[_i].header, refused[_i].data, &bytes),
                     AE_ERROR_FORMAT, refused[_i].message);
    free(bytes);
}
END_TEST

static const struct {
    const char *header;
    size_t data, count;
} accepted[] = {
    {"{}", 0, 0},
    {"{}   \n\t  ", 0, 0},
    {"{\"__metadata__\":{\"k\":\"v\"}}", 0, 0},
    {"{\"__metadata__\":null}", 0, 0},
    {ONE("F32", "[]", "[0,4]"), 4, 1},
    {ONE("F32", "[0]", "[0,0]"), 0, 1},
    {ONE("F32", "[0,281474976710656]", "[0,0]"), 0, 1},
    {ONE("F32", "[1,1,1,1,1]", "[0,4]"), 4, 1},
    {ONE("F4", "[4]", "[0,2]"), 2, 1},
    {ONE("F6_E2M3", "[4]", "[0,3]"), 3, 1},
    {ONE("C64", "[2]", "[0,16]"), 16, 1},
    {"{\"a\":{\"data_offsets\":[0,1],\"more\":{\"x\":[null,true]},\"shape\":[1],\"dtype\":\"I8\"}}",
     1, 1},
    {TWO("[2,4]", "[0,2]"), 4, 2},
    {"{\"\\ud83d\\ude00\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
     "\"\xf0\x9f\x98\x81\":{\"dtype\":"
     "\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
     1, 2},
};

START_TEST(accepts_what_the_format_allows)
{
    unsigned char *bytes;
    aei_safetensors file;
    ck_assert_ok(open_text(&file, accepted[_i].header, accepted[_i].data, &bytes));
    ck_assert_uint_eq(file.count, accepted[_i].count);
    aei_safetensors_close(&file);
    free(bytes);
}
END_TEST

START_TEST(refuses_lengths_that_the_file_does_not_have)
{
    aei_safetensors file;
    unsigned char bytes[10] = {2, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    for (size_t size = 0; size < 8; size++)
        ck_assert_status(aei_safetensors_open(&file, bytes, size), AE_ERROR_FORMAT, "fewer than 8");
    ck_assert_status(aei_safetensors_open(&file, bytes, 9), AE_ERROR_FORMAT,
                     "truncated: a header of 2 bytes");
    ck_assert_ok(aei_safetensors_open(&file, bytes, 10));
    aei_safetensors_close(&file);
    bytes[0] = 3;
    ck_assert_status(aei_safetensors_open(&file, bytes, 10), AE_ERROR_FORMAT,
                     "truncated: a header of 3 bytes");
    bytes[7] = 0x80;
    ck_assert_status(aei_safetensors_open(&file, bytes, 10), AE_ERROR_FORMAT,
                     "more than 100000000");
    const unsigned char most[10] = {0x01, 0xe1, 0xf5, 0x05}; /* 100,000,001 */
    ck_assert_status(aei_safetensors_open(&file, most, 10), AE_ERROR_FORMAT, "more than 100000000");
}
END_TEST

START_TEST(finds_tensors_and_notes_by_name)
{
    const char *header = "{\"z\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},\"__"
                         "metadata__\":{\"k\":\"v\"},"
                         "\"b\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[8,16]}}";
    const unsigned char data[16] = {5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0};
    size_t size;
    unsigned char *bytes = container(header, strlen(header), data, sizeof data, &size);
    aei_safetensors file;
    ck_assert_ok(aei_safetensors_open(&file, bytes, size));
    ck_assert_str_eq(aei_safetensors_note(&file, "k"), "v");
    ck_assert_ptr_null(aei_safetensors_note(&file, "K"));
    ck_assert_ptr_null(aei_safetensors_find(&file, "a"));
    const aei_stored *b = aei_safetensors_find(&file, "b"), *z = aei_safetensors_find(&file, "z");
    ck_assert(b != NULL && z != NULL && b->rank == 2 && b->shape[0] == 1 && b->shape[1] == 2 &&
              b->elements == 2);
    float values[2];
    ck_assert_ok(aei_stored_floats(values, b));
    ck_assert(!(values[0] < 1) && !(values[0] > 1) && !(values[1] < -2) && !(values[1] > -2));
    uint64_t count;
    ck_assert(aei_stored_count(&count, z));
    ck_assert_uint_eq(count, 5);
    ck_assert(!aei_stored_count(&count, b));
    double wide;
    ck_assert_status(aei_stored_doubles(&wide, z), AE_ERROR_FORMAT,
                     "tensor z: dtype is I64, not F64");
    ck_assert_status(aei_stored_floats(values, z), AE_ERROR_FORMAT, "tensor z: dtype is I64; F32");
    aei_safetensors_close(&file);
    free(bytes);
}
END_TEST

/* Every finite float16 and bfloat16 bit pattern against its definition: sign, fraction and power of
 * two. */
START_TEST(half_precision_converts_exactly)
{
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        const unsigned char data[2] = {(unsigned char)bits, (unsigned char)(bits >> 8)};
        const int exponent = (int)(bits >> 10 & 31);
        const double fraction = (bits & 1023) / 1024.0 + (exponent > 0);
        const double magnitude = ldexp(fraction, exponent > 0 ? exponent - 15 : -14);
        const double wanted = bits >> 15 ? -magnitude : magnitude;
        aei_stored stored = {.name = "h", .dtype = "F16", .elements = 1, .data = data};
        float value;
        if (exponent == 31) {
            ck_assert_status(aei_stored_floats(&value, &stored), AE_ERROR_FORMAT,
                             "element 0 is not finite");
        } else {
            ck_assert_ok(aei_stored_floats(&value, &stored));
            ck_assert(!((double)value < wanted) && !((double)value > wanted));
        }
        if ((bits >> 7 & 255) == 255)
            continue;
        const uint32_t upper = (uint32_t)bits << 16;
        stored.dtype = "BF16";
        ck_assert_ok(aei_stored_floats(&value, &stored));
        uint32_t found;
        memcpy(&found, &value, sizeof found);
        ck_assert_uint_eq(found, upper);
    }
}
END_TEST

static unsigned char *small_model(size_t *size)
{
    ae_network *network = FIXTURE_NETWORK(3, 2, 3);
    ck_assert_ok(ae_network_save_memory(network, NULL, 0, size));
    unsigned char *bytes = fixture_allocate(*size, 1);
    ck_assert_ok(ae_network_save_memory(network, bytes, *size, NULL));
    ae_network_free(network);
    return bytes;
}

/* Damaged bytes either give a network or an error of the file; the copy has exactly its size. */
static ae_status try_damaged(const unsigned char *bytes, size_t size)
{
    unsigned char *copy = malloc(size);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, size);
    ae_network *network = NULL;
    const ae_status status = ae_network_load_memory(&network, copy, size, NULL);
    if (status == AE_OK)
        ck_assert_uint_ge(ae_network_layer_count(network), 2);
    else
        ck_assert_msg((status == AE_ERROR_FORMAT || status == AE_ERROR_UNSUPPORTED) &&
                          network == NULL,
                      "%s: %s", ae_status_name(status), ae_last_error());
    ae_network_free(network);
    free(copy);
    return status;
}

START_TEST(every_truncation_is_refused)
{
    size_t size;
    unsigned char *bytes = small_model(&size);
    for (size_t length = 1; length < size; length += support_slow() ? 37 : 1)
        ck_assert_int_eq(try_damaged(bytes, length), AE_ERROR_FORMAT);
    ck_assert_int_eq(try_damaged(bytes, size), AE_OK);
    free(bytes);
}
END_TEST

START_TEST(survives_damaged_bytes)
{
    static const unsigned char flips[] = {0x01, 0x02, 0x10, 0x80, 0xff};
    size_t size, refusals = 0;
    unsigned char *bytes = small_model(&size);
    for (size_t at = 0; at < size; at += support_slow() ? 29 : 1) {
        for (size_t f = 0; f < COUNT(flips); f++) {
            bytes[at] ^= flips[f];
            refusals += try_damaged(bytes, size) != AE_OK;
            bytes[at] ^= flips[f];
        }
    }
    ck_assert_uint_gt(refusals,
                      size / (support_slow() ? 29 : 1)); /* most flips of the header are noticed */
    free(bytes);
}
END_TEST

/* AE_TEST_FUZZ=1000000 tries more. */
START_TEST(survives_random_changes)
{
    static const char pieces[] = "0123456789[]{}:,\"\\.-eE \x00\xff\x80";
    const char *more = getenv("AE_TEST_FUZZ");
    const size_t rounds = more != NULL ? strtoul(more, NULL, 10) : support_slow() ? 200 : 5000;
    size_t size;
    unsigned char *bytes = small_model(&size), *changed = fixture_allocate(size, 1);
    uint64_t seed = 11;
    for (size_t round = 0; round < rounds; round++) {
        memcpy(changed, bytes, size);
        const size_t changes = 1 + (size_t)(fixture_uniform(&seed) * 4);
        for (size_t c = 0; c < changes; c++) {
            const size_t at = 8 + (size_t)(fixture_uniform(&seed) * (float)(size - 8));
            changed[at] = (unsigned char)
                pieces[(size_t)(fixture_uniform(&seed) * (float)sizeof pieces)];
        }
        (void)try_damaged(changed, size);
    }
    free(changed);
    free(bytes);
}
END_TEST

Suite *safetensors_suite(void)
{
    Suite *suite = suite_create("safetensors");
    TCase *format = tcase_create("format");
    tcase_add_loop_test(format, refuses_what_the_format_forbids, 0, (int)COUNT(refused));
    tcase_add_loop_test(format, accepts_what_the_format_allows, 0, (int)COUNT(accepted));
    tcase_add_test(format, refuses_lengths_that_the_file_does_not_have);
    tcase_add_test(format, finds_tensors_and_notes_by_name);
    tcase_add_test(format, half_precision_converts_exactly);
    suite_add_tcase(suite, format);
    TCase *damage = tcase_create("damage");
    tcase_set_timeout(damage, 600);
    tcase_add_test(damage, every_truncation_is_refused);
    tcase_add_test(damage, survives_damaged_bytes);
    tcase_add_test(damage, survives_random_changes);
    suite_add_tcase(suite, damage);
    return suite;
}
