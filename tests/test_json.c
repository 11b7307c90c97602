/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON that is damaged or hostile, and what its values are. */
#include "base/unconst.h"
#include "json_text.h"
#include "suites.h"

#include <inttypes.h>
#include <locale.h>
#include <stdio.h>

enum { DEPTH = 32, VALUES = 1 << 21 };

/* Something of everything. */
static const char document[] =
    "{\"widths\":[784,4,784],\"slope\":-0.25e+1,\"n\\u0061me\\ud83d\\ude00\":\"\xc3\xa9\\n\","
    "\"on\":true,\"off\":false,\"none\":null,\"deep\":[[{\"a\":{}}],[]],\"a\":{\"a\":0}} ";

START_TEST(every_truncation_is_refused)
{
    aei_json *root;
    const size_t size = strlen(document) - 1; /* the last blank may go */
    for (size_t length = 0; length < size; length++)
        ck_assert_int_eq(json_parse(&root, document, length), AE_ERROR_FORMAT);
    ck_assert_ok(json_parse(&root, document, size));
    aei_json_free(root);
}
END_TEST

/* A changed text is refused, or means something that can be written and read again. */
static bool try_changed(const char *text, size_t size)
{
    aei_json *root, *again;
    if (json_parse(&root, text, size) != AE_OK)
        return false;
    char *first = json_written(root);
    ck_assert_ok(json_parse(&again, first, strlen(first)));
    char *second = json_written(again);
    ck_assert_str_eq(first, second);
    free(first), free(second);
    aei_json_free(root);
    aei_json_free(again);
    return true;
}

START_TEST(survives_changed_bytes)
{
    char text[sizeof document];
    const size_t size = strlen(document);
    size_t read = 0, total = 0;
    for (size_t at = 0; at < size; at += support_slow() ? 13 : 1) {
        memcpy(text, document, sizeof text);
        for (int byte = 0; byte < 256; byte++, total++) {
            text[at] = (char)byte;
            read += try_changed(text, size);
        }
        memcpy(text + at, document + at + 1, size - at); /* one byte less */
        read += try_changed(text, size - 1);
    }
    ck_assert_uint_gt(read, total / 16); /* inside strings, most bytes will do */
    ck_assert_uint_lt(read, total / 2);
}
END_TEST

static char *repeated(const char *piece, size_t times, const char *middle, const char *close,
                      size_t *size)
{
    const size_t a = strlen(piece), b = strlen(middle), c = strlen(close);
    *size = times * (a + c) + b;
    char *text = fixture_allocate(*size + 1, 1);
    for (size_t i = 0; i < times; i++) {
        memcpy(text + i * a, piece, a);
        memcpy(text + times * a + b + i * c, close, c);
    }
    memcpy(text + times * a, middle, b);
    return text;
}

START_TEST(nests_32_deep_and_no_deeper)
{
    static const char *const open[] = {"[", "{\"a\":", "[1,"}, *const close[] = {"]", "}", ",2]"};
    static const char *const last[] = {"[]", "{}"};
    aei_json *root;
    for (size_t i = 0; i < COUNT(open) * COUNT(last); i++) {
        const char *piece = open[i % 3];
        size_t size;
        char *text = repeated(piece, DEPTH - 1, last[i / 3], close[i % 3], &size), message[64];
        ck_assert_ok(json_parse(&root, text, size));
        aei_json_free(root);
        free(text);
        text = repeated(piece, DEPTH, last[i / 3], close[i % 3], &size);
        snprintf(message, sizeof message, "nested too deeply at byte %zu", DEPTH * strlen(piece));
        ck_assert_status(json_parse(&root, text, size), AE_ERROR_FORMAT, message);
        free(text);
    }
    char *open_ended = repeated("[", 1 << 20, "", "", &(size_t){0});
    ck_assert_status(json_parse(&root, open_ended, DEPTH), AE_ERROR_FORMAT,
                     "a value expected at byte 32");
    ck_assert_status(json_parse(&root, open_ended, 1 << 20), AE_ERROR_FORMAT,
                     "nested too deeply at byte 32");
    free(open_ended);
}
END_TEST

/* No text has more values for its size than lists of digits, empty lists and nested lists. */
START_TEST(the_densest_texts_have_room)
{
    static const char *const pieces[] = {"1,", "[],", "[1],", "[[]],"};
    aei_json *root;
    for (size_t depth = 1; depth < DEPTH - 2; depth++) {
        for (size_t i = 0; i < COUNT(pieces) * 20; i++) {
            size_t size;
            char *inner = repeated(pieces[i % COUNT(pieces)], i / COUNT(pieces), "1", "", &size);
            char *text = repeated("[", depth, inner, "]", &size);
            ck_assert_ok(json_parse(&root, text, size));
            aei_json_free(root);
            /* Cut where all lists are still open, with a comma at the end. */
            ck_assert_status(json_parse(&root, text, size - depth - 1), AE_ERROR_FORMAT,
                             "a value expected");
            free(inner), free(text);
        }
    }
}
END_TEST

START_TEST(values_are_at_most_so_many)
{
    for (size_t values = VALUES; values <= VALUES + 1; values++) {
        size_t size;
        char *list = repeated("1,", values - 2, "[1", "]", &size);
        memmove(list + 1, list, 2 * (values - 2));
        list[0] = '[', list[2 * values - 3] = '1';
        size = 2 * values - 1;
        aei_json *root;
        if (values == VALUES)
            ck_assert_ok(json_parse(&root, list, size));
        else
            ck_assert_status(json_parse(&root, list, size), AE_ERROR_FORMAT,
                             "too many values at byte 4194303");
        aei_json_free(root);
        free(list);
    }
}
END_TEST

/* Comparing each with each would take hours. Keys come sorted, backwards or mixed. */
START_TEST(many_keys_are_told_apart)
{
    enum { LENGTH = 17 };
    const size_t keys = support_slow() ? 50000 : 500000;
    char *text = fixture_allocate(keys * LENGTH + 3, 1);
    for (size_t i = 0; i < keys; i++) {
        const size_t number = _i == 0 ? i : _i == 1 ? keys - i : i * 7919 % keys;
        snprintf(text + 1 + i * LENGTH, LENGTH + 1, "\"aaaaa%07zu\":1,", number);
    }
    const size_t size = 1 + keys * LENGTH;
    text[0] = '{', text[size - 1] = '}';
    aei_json *root;
    ck_assert_ok(json_parse(&root, text, size));
    char second[LENGTH];
    snprintf(second, sizeof second, "aaaaa%07zu", _i == 0 ? 1 : _i == 1 ? keys - 1 : 7919 % keys);
    ck_assert_str_eq(aei_json_key(aei_json_next(aei_json_first(root))), second);
    aei_json_free(root);
    char message[64];
    memcpy(text + 1 + (keys - 1) * LENGTH, text + 1 + keys / 3 * LENGTH, LENGTH - 1);
    snprintf(message, sizeof message, "twice in an object at byte %zu", 1 + (keys - 1) * LENGTH);
    ck_assert_status(json_parse(&root, text, size), AE_ERROR_FORMAT, message);
    free(text);
}
END_TEST

START_TEST(every_pair_of_twins_is_found)
{
    enum { KEYS = 24 };
    for (size_t a = 0; a < KEYS; a++) {
        for (size_t b = a + 1; b < KEYS; b++) {
            char text[KEYS * 7 + 2] = "{", message[64];
            for (size_t i = 0; i < KEYS; i++) {
                const size_t key = (i == b ? a : i) * 11 % KEYS; /* neither sorted nor backwards */
                snprintf(text + 1 + i * 7, 8, "\"k%c\":1%c", (char)('a' + key),
                         i + 1 < KEYS ? ',' : '}');
            }
            aei_json *root;
            snprintf(message, sizeof message, "twice in an object at byte %zu", 1 + b * 7);
            ck_assert_status(json_parse(&root, text, 1 + KEYS * 7), AE_ERROR_FORMAT, message);
        }
    }
}
END_TEST

static const char *const locales[] = {"C", "de_DE", "ps_AF"};

/* In the C locale and where a comma, or two bytes, stand for the point. */
START_TEST(numbers_are_exact_in_every_locale)
{
    uint64_t seed = 3;
    ck_assert(_i == 0 || support_set_locale(locales[_i]));
    for (int i = 0; i < (support_slow() ? 500 : 20000); i++) {
        double value, back;
        uint64_t bits = 0;
        for (int part = 0; part < 4; part++)
            bits = bits << 16 | (uint64_t)(fixture_uniform(&seed) * 65536);
        memcpy(&value, &bits, sizeof value);
        if (i % 2 == 0)
            value = ldexp((double)(bits >> 11),
                          -(int)(bits & 63)); /* of a size that costs and thresholds have */
        if (!isfinite(value))
            continue;
        aei_text text = {0};
        aei_text_number(&text, value);
        aei_json *root;
        ck_assert_ok(json_parse(&root, text.data, text.length));
        ck_assert(aei_json_double(root, &back));
        ck_assert_msg(memcmp(&back, &value, sizeof value) == 0, "%a came back as %a", value, back);
        aei_json_free(root);
        aei_text_free(&text);
    }
    ck_assert_ptr_nonnull(setlocale(LC_ALL, "C"));
}
END_TEST

START_TEST(sizes_are_whole_numbers_up_to_2_to_the_53)
{
    static const char *const good[] = {"0", "-0", "784", "1e3", "2.50e1", "9007199254740992"};
    static const size_t sizes[] = {0, 0, 784, 1000, 25, (size_t)1 << 53};
    static const char *const bad[] = {
        "-1",  "0.5", "4503599627370495.5", "9007199254740994", "1e300", "null", "true", "\"1\"",
        "[1]", "{}"};
    for (size_t i = 0; i < COUNT(good) + COUNT(bad); i++) {
        const bool is_good = i < COUNT(good);
        const char *text = is_good ? good[i] : bad[i - COUNT(good)];
        size_t size = 77;
        aei_json *root;
        ck_assert_ok(json_parse(&root, text, strlen(text)));
        ck_assert_msg(aei_json_size(root, &size) == is_good, "%s", text);
        ck_assert_uint_eq(size, is_good ? sizes[i] : 77);
        aei_json_free(root);
    }
}
END_TEST

START_TEST(counts_are_64_bits_in_a_string)
{
    static const char *const good[] = {"\"0\"", "\"007\"", "\"18446744073709551615\""};
    static const uint64_t counts[] = {0, 7, UINT64_MAX};
    static const char *const bad[] = {"\"\"",
                                      "\"-1\"",
                                      "\" 1\"",
                                      "\"1x\"",
                                      "\"18446744073709551616\"",
                                      "\"99999999999999999999\"",
                                      "1",
                                      "null"};
    for (size_t i = 0; i < COUNT(good) + COUNT(bad); i++) {
        const bool is_good = i < COUNT(good);
        const char *text = is_good ? good[i] : bad[i - COUNT(good)];
        uint64_t count = 77;
        aei_json *root;
        ck_assert_ok(json_parse(&root, text, strlen(text)));
        ck_assert_msg(aei_json_u64(root, &count) == is_good, "%s", text);
        ck_assert_msg(count == (is_good ? counts[i] : 77), "%s: %" PRIu64, text, count);
        aei_json_free(root);
    }
}
END_TEST

/* Ask each kind of value for every other kind. */
START_TEST(a_value_is_of_one_kind)
{
    static const char text[] = "[null,true,1,\"s\",[0],{\"k\":0}]";
    aei_json *root;
    ck_assert_ok(json_parse(&root, text, strlen(text)));
    const aei_json *value = NULL;
    for (int kind = -1; kind < 6; kind++) {
        value = kind == 0 ? aei_json_first(root) : aei_json_next(value);
        double number = 7;
        bool truth = false;
        ck_assert((value == NULL) == (kind < 0));
        ck_assert(aei_json_bool(value, &truth) == (kind == 1) && truth == (kind == 1));
        ck_assert(aei_json_double(value, &number) == (kind == 0 || kind == 2) &&
                  isnan(number) == (kind == 0));
        ck_assert((aei_json_string(value) != NULL) == (kind == 3));
        ck_assert(aei_json_is_array(value) == (kind == 4));
        ck_assert(aei_json_is_object(value) == (kind == 5));
        ck_assert((aei_json_first(value) != NULL) == (kind >= 4));
        ck_assert((aei_json_member(value, "k") != NULL) == (kind == 5));
        ck_assert_ptr_null(aei_json_member(value, "K"));
        ck_assert_ptr_null(aei_json_key(value));
    }
    ck_assert_ptr_null(aei_json_next(value));
    aei_json_free(root);
    aei_json_free(NULL);
}
END_TEST

START_TEST(memory_that_runs_out_is_said)
{
    aei_json *const untouched = aei_unconst(document);
    aei_json *root = untouched;
    support_fail_allocation(1);
    ck_assert_status(aei_json_parse(&root, document, strlen(document)), AE_ERROR_OUT_OF_MEMORY,
                     "bytes");
    ck_assert(support_allocation_failed());
    ck_assert_ptr_eq(root, untouched);
    const size_t before = support_allocations();
    ck_assert_ok(aei_json_parse(&root, document, strlen(document)));
    ck_assert_uint_eq(support_allocations() - before, 1);
    aei_json_free(root);
}
END_TEST

Suite *json_suite(void)
{
    Suite *suite = suite_create("json");
    TCase *damage = tcase_create("damage");
    tcase_add_test(damage, every_truncation_is_refused);
    tcase_add_test(damage, survives_changed_bytes);
    suite_add_tcase(suite, damage);
    TCase *bounds = tcase_create("bounds");
    tcase_add_test(bounds, nests_32_deep_and_no_deeper);
    tcase_add_test(bounds, the_densest_texts_have_room);
    tcase_add_test(bounds, values_are_at_most_so_many);
    tcase_add_loop_test(bounds, many_keys_are_told_apart, 0, 3);
    tcase_add_test(bounds, every_pair_of_twins_is_found);
    tcase_add_test(bounds, memory_that_runs_out_is_said);
    suite_add_tcase(suite, bounds);
    TCase *values = tcase_create("values");
    tcase_add_checked_fixture(values, NULL, support_dir_remove);
    for (int i = 0; i < (int)COUNT(locales); i++)
        support_add_loop_test(values, numbers_are_exact_in_every_locale, i, i + 1,
                              i == 0 ? NULL : support_no_locale(locales[i]));
    tcase_add_test(values, sizes_are_whole_numbers_up_to_2_to_the_53);
    tcase_add_test(values, counts_are_64_bits_in_a_string);
    tcase_add_test(values, a_value_is_of_one_kind);
    suite_add_tcase(suite, values);
    return suite;
}
