/* SPDX-License-Identifier: BSD-3-Clause */
/* What JSON is, to the letter: every rule of RFC 8259 kept and broken. */
#include "json_text.h"
#include "suites.h"

#include <stdio.h>

#define T(text) text, sizeof text - 1

static const struct {
    const char *text;
    size_t size;
    const char *problem;
} refused[] = {
    {T(""), "a value expected at byte 0"},
    {T("  "), "a value expected at byte 2"},
    {T("\xEF\xBB\xBF{}"), "a value expected at byte 0"}, /* a byte order mark */
    {T("{}x"), "something follows its end at byte 2"},
    {T("1 2"), "something follows its end at byte 2"},
    {T("{}\0"), "something follows its end at byte 2"},
    {T("[]]"), "something follows its end at byte 2"},
    {T("\f1"), "a value expected at byte 0"},
    {T("nul"), "a value expected at byte 0"},
    {T("True"), "a value expected at byte 0"},
    {T("[tru]"), "a value expected at byte 1"},
    {T("[falsE]"), "a value expected at byte 1"},
    {T("nulll"), "something follows its end at byte 4"},
    {T("NaN"), "a value expected at byte 0"},
    {T("Infinity"), "a value expected at byte 0"},
    {T("-Infinity"), "a value expected at byte 1"},
    {T("'a'"), "a value expected at byte 0"},
    {T("/**/1"), "a value expected at byte 0"},
    {T("["), "a value expected at byte 1"},
    {T("[1"), "a comma or the end of the list expected at byte 2"},
    {T("[1 2]"), "a comma or the end of the list expected at byte 3"},
    {T("[1}"), "a comma or the end of the list expected at byte 2"},
    {T("[1,]"), "a value expected at byte 3"},
    {T("[,1]"), "a value expected at byte 1"},
    {T("[\0]"), "a value expected at byte 1"},
    {T("[1\0]"), "a comma or the end of the list expected at byte 2"},
    {T("{"), "a string expected at byte 1"},
    {T("{1:1}"), "a string expected at byte 1"},
    {T("{\"a\":1,}"), "a string expected at byte 7"},
    {T("{\"a\" 1}"), "a colon expected at byte 5"},
    {T("{\"a\"}"), "a colon expected at byte 4"},
    {T("{\"a\":}"), "a value expected at byte 5"},
    {T("{\"a\":1]"), "a comma or the end of the list expected at byte 6"},
    {T("01"), "something follows its end at byte 1"},
    {T("-01"), "something follows its end at byte 2"},
    {T("+1"), "a value expected at byte 0"},
    {T("-"), "a value expected at byte 1"},
    {T(".5"), "a value expected at byte 0"},
    {T("1."), "a damaged number at byte 2"},
    {T("1.e1"), "a damaged number at byte 2"},
    {T("1e"), "a damaged number at byte 2"},
    {T("1E+"), "a damaged number at byte 3"},
    {T("1e+-1"), "a damaged number at byte 3"},
    {T("1.5.5"), "something follows its end at byte 3"},
    {T("1,5"), "something follows its end at byte 1"},
    {T("0x10"), "something follows its end at byte 1"},
    {T("[1,1e309]"), "a number too large at byte 3"},
    {T("-1e99999999999999999999"), "a number too large at byte 0"},
    {T("\"a"), "a string without end at byte 2"},
    {T("\""), "a string without end at byte 1"},
    {T("\"\\\""), "a string without end at byte 3"},
    {T("\"a\x01\""), "a control character at byte 2"},
    {T("\"a\x1f\""), "a control character at byte 2"},
    {T("\"\n\""), "a control character at byte 1"},
    {T("\"a\0b\""), "a control character at byte 2"},
    {T("\"\\x\""), "an unknown escape at byte 1"},
    {T("\"\\N\""), "an unknown escape at byte 1"},
    {T("\"\\\0\""), "an unknown escape at byte 1"},
    {T("\"\\"), "an unknown escape at byte 1"},
    {T("\"\\u\""), "a damaged or zero character at byte 1"},
    {T("\"\\u00g0\""), "a damaged or zero character at byte 1"},
    {T("\"\\u004\""), "a damaged or zero character at byte 1"},
    {T("\"\\u0000\""), "a damaged or zero character at byte 1"},
    {T("\"\\ud800\""), "half a surrogate pair at byte 1"},
    {T("\"\\udc00\""), "half a surrogate pair at byte 1"},
    {T("\"\\udfff\\ud800\""), "half a surrogate pair at byte 1"},
    {T("\"\\udc00\\udc00\""), "half a surrogate pair at byte 1"},
    {T("\"\\ud800\\udbff\""), "half a surrogate pair at byte 1"},
    {T("\"\\ud800\\u0041\""), "half a surrogate pair at byte 1"},
    {T("\"\\ud800\\ue000\""), "half a surrogate pair at byte 1"},
    {T("\"\\ud800\\ud800\""), "half a surrogate pair at byte 1"},
    {T("\"\\ud800\\ndc00\""), "half a surrogate pair at byte 1"},
    {T("\"\\ud800\\udc0"), "half a surrogate pair at byte 1"},
    {T("\"a\x80\""), "not UTF-8 at byte 2"},
    {T("\"\xc0\xaf\""), "not UTF-8 at byte 1"},
    {T("\"\xc1\xbf\""), "not UTF-8 at byte 1"},
    {T("\"\xe0\x9f\xbf\""), "not UTF-8 at byte 1"},
    {T("\"\xed\xa0\x80\""), "not UTF-8 at byte 1"},
    {T("\"\xf0\x8f\xbf\xbf\""), "not UTF-8 at byte 1"},
    {T("\"\xf4\x90\x80\x80\""), "not UTF-8 at byte 1"},
    {T("\"\xff\""), "not UTF-8 at byte 1"},
    {T("\"\xe2\x82\""), "not UTF-8 at byte 1"},
    {T("\"\xe2\x82"), "not UTF-8 at byte 1"},
    {T("{\"a\":1,\"a\":2}"), "the key \"a\" twice in an object at byte 7"},
    {T("{\"a\":1,\"b\":2,\"\\u0061\":3}"), "the key \"a\" twice in an object at byte 13"},
    {T("{\"\":1,\"\":2}"), "the key \"\" twice in an object at byte 6"},
    {T("[{\"x\":{\"k\":1,\"k\":1}}]"), "the key \"k\" twice in an object at byte 13"},
};

START_TEST(refuses_what_is_not_json)
{
    aei_json *root;
    ck_assert_status(json_parse(&root, refused[_i].text, refused[_i].size), AE_ERROR_FORMAT,
                     "JSON: ");
    ck_assert_str_eq(ae_last_error() + strlen("JSON: "), refused[_i].problem);
}
END_TEST

static const struct {
    const char *text, *meaning;
} accepted[] = {
    {"0", "0"},
    {" \t\r\n-0 ", "-0"},
    {"\"\"", "\"\""},
    {"true", "true"},
    {"false", "false"},
    {"null", "null"},
    {"[]", "[]"},
    {"{ }", "{}"},
    {" [ 1 , [ ] , { } ] ", "[1,[],{}]"},
    {"[[[]],[[],[]]]", "[[[]],[[],[]]]"},
    {"{\"b\":{\"a\":{}},\"a\":[{\"a\":1},{\"a\":2}]}",
     "{\"b\":{\"a\":{}},\"a\":[{\"a\":1},{\"a\":2}]}"},
    {"{\"\":0,\"A\":1,\"a\":2,\"aa\":3}", "{\"\":0,\"A\":1,\"a\":2,\"aa\":3}"},
    {"[1E2,1e+2,1.0e-2,-0.5,10]", "[100,100,0.01,-0.5,10]"},
    {"[1e308,1e-400,0e999]", "[1e+308,0,0]"},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\u0008\\u000c\\u000a\\u000d\\u0009\""},
    {"\"\\u0041\\u00e9\\u20AC\\uD83D\\ude00\x7f\"",
     "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\""},
    {"\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
     "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""},
    {"{\"k\\u0065y\":\"\\u0076alue\"}", "{\"key\":\"value\"}"},
};

START_TEST(reads_what_is_json)
{
    aei_json *root;
    ck_assert_ok(json_parse(&root, accepted[_i].text, strlen(accepted[_i].text)));
    char *text = json_written(root);
    ck_assert_str_eq(text, accepted[_i].meaning);
    free(text);
    aei_json_free(root);
}
END_TEST

/* Where the bits of a code point go in UTF-8, by RFC 3629's table. */
static void encode(aei_text *out, unsigned c)
{
    const unsigned char bytes[] = {(unsigned char)(c >> 18), (unsigned char)(c >> 12 & 63),
                                   (unsigned char)(c >> 6 & 63), (unsigned char)(c & 63)};
    if (c < 0x80)
        aei_text_add(out, "%c", (char)c);
    else if (c < 0x800)
        aei_text_add(out, "%c%c", 0xC0 + (int)(c >> 6), 0x80 + bytes[3]);
    else if (c < 0x10000)
        aei_text_add(out, "%c%c%c", 0xE0 + bytes[1], 0x80 + bytes[2], 0x80 + bytes[3]);
    else
        aei_text_add(out, "%c%c%c%c", 0xF0 + bytes[0], 0x80 + bytes[1], 0x80 + bytes[2],
                     0x80 + bytes[3]);
}

START_TEST(every_character_can_be_escaped)
{
    for (unsigned first = 0; first < 0x110000; first += 256) {
        if (first >= 0xD800 && first < 0xE000)
            continue;
        aei_text text = {0}, wanted = {0};
        aei_text_add(&text, "\"");
        for (unsigned c = first == 0 ? 1 : first; c < first + 256; c++) {
            if (c < 0x10000)
                aei_text_add(&text, c % 2 == 0 ? "\\u%04x" : "\\u%04X", c);
            else
                aei_text_add(&text, "\\u%04X\\u%04x", 0xD7C0 + (c >> 10), 0xDC00 + (c & 1023));
            encode(&wanted, c);
        }
        aei_text_add(&text, "\"");
        aei_json *root;
        ck_assert_ok(json_parse(&root, text.data, text.length));
        ck_assert_str_eq(aei_json_string(root), wanted.data);
        aei_json_free(root);
        aei_text_free(&text), aei_text_free(&wanted);
    }
}
END_TEST

Suite *json_grammar_suite(void)
{
    Suite *suite = suite_create("json_grammar");
    TCase *tcase = tcase_create("texts");
    tcase_add_loop_test(tcase, refuses_what_is_not_json, 0, (int)COUNT(refused));
    tcase_add_loop_test(tcase, reads_what_is_json, 0, (int)COUNT(accepted));
    tcase_add_test(tcase, every_character_can_be_escaped);
    suite_add_tcase(suite, tcase);
    return suite;
}
