/* SPDX-License-Identifier: BSD-3-Clause */
/* What an error text names as the cause, where a file is read by the wrong options. */
#include "csv_text.h"
#include "suites.h"

static const struct {
    const char *text;
    ae_csv_options options;
    ae_status status;
    const char *part;
} hints[] = {
    {"t;p\n20.5;1013.2\n",
     {0},
     AE_ERROR_DATA,
     "(t;p): \"20.5;1013.2\" is not a number with a "
     "decimal point: is the delimiter ';'?"},
    {"t\tp\n1\t2\n", {0}, AE_ERROR_DATA, "is the delimiter a tab, '\\t'?"},
    {"t|p\n1|2\n", {0}, AE_ERROR_DATA, "is the delimiter '|'?"},
    {"t,p\n1,2\n", {.delimiter = ';'}, AE_ERROR_DATA, "is the delimiter ','?"},
    {"t;p\n20,5;1013,2\n",
     {0},
     AE_ERROR_FORMAT,
     "line 2: more than 1 columns, but line 1 has 1: "
     "is the delimiter ';'?"},
    {"t;p\n", {0}, AE_ERROR_FORMAT, "no rows follow the line of names: is the delimiter ';'?"},
    {"1;2\n", {0}, AE_ERROR_FORMAT, "no rows follow the line of names: is the delimiter ';'?"},
    {"t;p\n1;2\n", {.label_name = "p"}, AE_ERROR_NOT_FOUND, "is the delimiter ';'?"},
    {"t;p\n1;2\n", {.label_column = 2}, AE_ERROR_NOT_FOUND, "is the delimiter ';'?"},
    {"1;a\n1;2\n", {.label_column = 1}, AE_ERROR_FORMAT, "is the delimiter ';'?"},
    {"a,b,c\n1;2;3\n", {0}, AE_ERROR_FORMAT, "is the delimiter ';'?"},
    {"1.0 2.0\n3.0 4.0\n", {0}, AE_ERROR_DATA, "is the delimiter a blank?"},
    {"t;p\n20,5;1\n",
     {.delimiter = ';'},
     AE_ERROR_DATA,
     "a decimal comma: set the option "
     "decimal to ','"},
    {"a\n\"1,234\"\n", {0}, AE_ERROR_DATA, "a decimal comma needs the option decimal"},
    {"t;p\n1.5;1\n", {.delimiter = ';', .decimal = ','}, AE_ERROR_DATA, "the option decimal says"},
    {"# x y\n1 2\n", {.delimiter = ' '}, AE_ERROR_FORMAT, "left out by the option comment"},
    {"a,b\n1,2\n# end\n", {0}, AE_ERROR_FORMAT, "left out by the option comment"},
    {"a,b\n1,2,3\n", {0}, AE_ERROR_FORMAT, "text that has a delimiter in it must stand in quotes"},
    {"a,b\n1,2\n3,4,\n",
     {0},
     AE_ERROR_FORMAT,
     "line 3: more than 2 columns, but line 1 has 2: it "
     "ends in a delimiter"},
    {"a,b\n2024-01-01 00:00,2\n",
     {0},
     AE_ERROR_DATA,
     "decimal point; drop_names and numeric_only "
     "leave columns out"},
    {"a,b\n1,#DIV/0!\n", {0}, AE_ERROR_DATA, "a spreadsheet's formula failed: mend it there"},
    {"a,b\n#NAME?,1\n", {0}, AE_ERROR_DATA, "a spreadsheet's formula failed"},
    {"a,b,,\n1,2,,\n", {0}, AE_ERROR_DATA, "numeric_only leaves columns without any value out"},
    {"a,b\n1,#5\n", {0}, AE_ERROR_DATA, "decimal point; drop_names and numeric_only"},
    {"a;b\n1.234,5;2\n",
     {.delimiter = ';', .decimal = ','},
     AE_ERROR_DATA,
     "decimal comma: separators of thousands are not read"},
    {"a;b\n1,234.5;2\n", {.delimiter = ';'}, AE_ERROR_DATA, "separators of thousands"},
    {"a;b\n-1.234.567;2\n", {.delimiter = ';'}, AE_ERROR_DATA, "separators of thousands"},
    {"a;b\n1'234;2\n", {.delimiter = ';'}, AE_ERROR_DATA, "separators of thousands"},
    {"a;b\n12 345,25;2\n", {.delimiter = ';'}, AE_ERROR_DATA, "separators of thousands"},
    {"a b\n12 345\n", {0}, AE_ERROR_DATA, "is the delimiter a blank?"},
    {"a;b\n10.05.2024;2\n", {.delimiter = ';'}, AE_ERROR_DATA, "point; drop_names"},
    {"a,b\n1,0x1F\n", {0}, AE_ERROR_DATA, "\"0x1F\" is not a number"},
    {"Gr\xC3\xB6\xC3\x9F"
     "e,b\nx,2\n",
     {0},
     AE_ERROR_DATA,
     "(Gr\xC3\xB6\xC3\x9F"
     "e): \"x\""},
};

START_TEST(an_error_names_the_cause)
{
    ae_csv_options options = hints[_i].options;
    options.size = sizeof options;
    csv_refuse(hints[_i].text, &options, hints[_i].status, hints[_i].part);
}
END_TEST

Suite *csv_hint_suite(void)
{
    Suite *suite = suite_create("csv_hint");
    TCase *tcase = tcase_create("hints");
    tcase_add_loop_test(tcase, an_error_names_the_cause, 0, (int)COUNT(hints));
    suite_add_tcase(suite, tcase);
    return suite;
}
