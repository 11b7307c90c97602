/* SPDX-License-Identifier: BSD-3-Clause */
/* How programs write CSV: Excel's first line, comments, blanks, other decimal points, UTF-16, and
 * data that come through a pipe. */
#define _POSIX_C_SOURCE 200809L
#include "csv_text.h"
#include "format/utf16.h"
#include "packed.h"
#include "suites.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(excels_line_says_what_the_delimiter_is)
{
    const ae_csv_options semicolon = {.size = sizeof semicolon, .delimiter = ';'};
    static const char *const texts[] = {"sep=;\r\na;b\r\n1;2\r\n", "SEP=;\na;b\n1;2\n",
                                        "\"sep=;\"\na;b\n1;2\n", "\xEF\xBB\xBFsep=;\na;b\n1;2\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        csv_check(csv_open(texts[i], NULL), 1, 2, 1, 2);
        csv_check(csv_open(texts[i], &semicolon), 1, 2, 1, 2);
        csv_check(csv_open(texts[i], AE_CSV_OPTIONS(.skip_lines = 1)), 1, 2, 1, 2);
    }
    csv_check(csv_open("sep=\t\n1\t2\n", NULL), 1, 2, 1, 2);
    csv_check(csv_open("sep=,\n1;2\n", &semicolon), 1, 2, 1, 2);
    /* Names that only look like it. */
    ae_dataset *dataset = csv_open("sep=ab\n1\n", NULL);
    ck_assert_str_eq(ae_dataset_column_name(dataset, 0), "sep=ab");
    ae_dataset_free(dataset);
}
END_TEST

START_TEST(lines_are_left_out_by_number_or_by_their_first_character)
{
    const ae_csv_options hash = {.size = sizeof hash, .comment = '#'};
    const ae_csv_options blank = {.size = sizeof blank, .comment = '#', .delimiter = ' '};
    csv_check(csv_open("# made by \"x\na,b\n1,2\n#\n3,4\n# end", &hash), 2, 2, 1, 2, 3, 4);
    csv_check(csv_open("# x y\n1.0e+00 2.0e+00\n3.0e+00 4.0e+00\n", &blank), 2, 2, 1, 2, 3, 4);
    csv_check(csv_open("Logger 7\n\nv1,\"\na,b\n1,2\n", AE_CSV_OPTIONS(.skip_lines = 3)), 1, 2, 1,
              2);
    csv_refuse("a,b\n1,2\n", AE_CSV_OPTIONS(.skip_lines = SIZE_MAX), AE_ERROR_FORMAT, "empty");
    csv_refuse("# only\n", &hash, AE_ERROR_FORMAT, "the file is empty");
    /* The lines left out are counted in what an error says. */
    csv_refuse("x\n# c\na,b\n1,2\n#\n3,z\n", AE_CSV_OPTIONS(.skip_lines = 1, .comment = '#'),
               AE_ERROR_DATA, "line 6, column 2 (b): \"z\"");
    csv_refuse("# c\na,b\n1\n", &hash, AE_ERROR_FORMAT, "line 3: 1 columns, but line 2 has 2");
    csv_refuse("1\n", AE_CSV_OPTIONS(.comment = '5'), AE_ERROR_INVALID_ARGUMENT, "comment");
    csv_refuse("1\n", AE_CSV_OPTIONS(.comment = ';', .delimiter = ';'), AE_ERROR_INVALID_ARGUMENT,
               "comment");
}
END_TEST

START_TEST(blanks_around_cells_quotes_and_runs_of_blanks_do_not_matter)
{
    ae_dataset *dataset = csv_open("a, \"b, c\" ,\td \n1, \"2\" ,3\n", NULL);
    ck_assert_str_eq(ae_dataset_column_name(dataset, 1), "b, c");
    ck_assert_str_eq(ae_dataset_column_name(dataset, 2), "d");
    csv_check(dataset, 1, 3, 1, 2, 3);
    csv_check(csv_open("  1   2\n3 4  \n\n   \n", AE_CSV_OPTIONS(.delimiter = ' ')), 2, 2, 1, 2, 3,
              4);
    csv_check(csv_open("\"a b\" c\n1 \"2\"\n", AE_CSV_OPTIONS(.delimiter = ' ')), 1, 2, 1, 2);
    csv_refuse("1, \"2\" x\n", NULL, AE_ERROR_FORMAT, "text behind a closing quote");
    csv_refuse("1,2\n3, \"4\n", NULL, AE_ERROR_FORMAT, "line 2, column 2: a quote that is never");
}
END_TEST

START_TEST(another_decimal_point_is_read_where_it_is_said)
{
    const ae_csv_options comma = {.size = sizeof comma, .delimiter = ';', .decimal = ','};
    csv_check(csv_open("t;p\n20,5;-1013,2e1\n,5; 7 \n", &comma), 2, 2, 20.5f, -10132, 0.5f, 7);
    csv_check(csv_open("sep=;\n20,5;1\n", AE_CSV_OPTIONS(.decimal = ',')), 1, 2, 20.5f, 1);
    csv_refuse("t;p\n20.5;1\n", &comma, AE_ERROR_DATA,
               "\"20.5\" is not a number with a decimal comma");
    csv_refuse("1,5\n", AE_CSV_OPTIONS(.decimal = ','), AE_ERROR_INVALID_ARGUMENT,
               "decimal and delimiter are both ','");
    csv_refuse("1;5\n", AE_CSV_OPTIONS(.decimal = 'x'), AE_ERROR_INVALID_ARGUMENT, "decimal");
    ae_dataset *dataset = csv_open(
        "a;k\n1,5;3,0\n", AE_CSV_OPTIONS(.delimiter = ';', .decimal = ',', .label_name = "k"));
    ck_assert_int_eq(ae_dataset_label(dataset, 0), 3);
    ae_dataset_free(dataset);
}
END_TEST

/* Characters of one to four bytes, in both byte orders. */
static size_t to_utf16(unsigned char *out, const uint16_t *units, size_t count, bool big)
{
    for (size_t i = 0; i < count; i++) {
        out[2 * i] = (unsigned char)(big ? units[i] >> 8 : units[i] & 255);
        out[2 * i + 1] = (unsigned char)(big ? units[i] & 255 : units[i] >> 8);
    }
    return 2 * count;
}

START_TEST(utf16_with_a_mark_is_read)
{
    static const uint16_t units[] = {0xFEFF, 'G',  0xF6, 0x20AC, 0xD83D, 0xDE00, ',', 'b',
                                     '\r',   '\n', '1',  ',',    '2',    '\r',   '\n'};
    unsigned char file[64];
    for (int big = 0; big < 2; big++) {
        const size_t size = to_utf16(file, units, COUNT(units), big == 1);
        ae_dataset *dataset = NULL;
        ck_assert_ok(ae_dataset_open_csv_memory(&dataset, file, size, NULL));
        ck_assert_str_eq(ae_dataset_column_name(dataset, 0),
                         "G\xC3\xB6\xE2\x82\xAC\xF0\x9F\x98\x80");
        csv_check(dataset, 1, 2, 1, 2);
        /* Without the mark it is not guessed. */
        ck_assert_status(ae_dataset_open_csv_memory(&dataset, file + 2, size - 2, NULL),
                         AE_ERROR_FORMAT, "UTF-");
    }
}
END_TEST

START_TEST(utf16_is_the_same_in_any_pieces_and_halves_are_replaced)
{
    static const uint16_t units[] = {'a', 0xD83D, 0xDE00, 0xDE00, 'b', 0xD83D, 'c', 0xD83D};
    static const char wanted[] = "a\xF0\x9F\x98\x80\xEF\xBF\xBD"
                                 "b\xEF\xBF\xBD"
                                 "c";
    unsigned char bytes[2 * COUNT(units)];
    const size_t size = to_utf16(bytes, units, COUNT(units), true);
    for (size_t piece = 1; piece <= size; piece++) {
        aei_utf16 state = {.big = true};
        unsigned char out[64];
        size_t written = 0;
        for (size_t at = 0; at < size; at += piece)
            written += aei_utf16_convert(&state, bytes + at, size - at < piece ? size - at : piece,
                                         out + written);
        ck_assert_uint_eq(written, sizeof wanted - 1);
        ck_assert_mem_eq(out, wanted, written);
    }
    bool big;
    ck_assert(!aei_is_utf16((const unsigned char *)"\xFF\xFE\0\0", 4, &big));
    ck_assert(!aei_is_utf16((const unsigned char *)"\xFF", 1, &big));
}
END_TEST

/* A long text over many blocks, in UTF-16: as in UTF-8. */
START_TEST(a_long_file_in_utf16_is_read_whole)
{
    enum { ROWS = 20000, ROOM = ROWS * 24 };
    char *text = fixture_allocate(ROOM, 1);
    size_t size = (size_t)snprintf(text, ROOM, "a,b\n");
    for (int r = 0; r < ROWS; r++)
        size += (size_t)snprintf(text + size, ROOM - size, "%d,\"%d\"\r\n", r, -r);
    unsigned char *wide = fixture_allocate(2 * size + 2, 1);
    memcpy(wide, "\xFF\xFE", 2);
    for (size_t i = 0; i < size; i++)
        wide[2 + 2 * i] = (unsigned char)text[i];
    ae_dataset *dataset = NULL;
    float row[2];
    ck_assert_ok(ae_dataset_open_csv_memory(&dataset, wide, 2 * size + 2, NULL));
    ck_assert_uint_eq(ae_dataset_row_count(dataset), ROWS);
    for (size_t r = 0; r < ROWS; r += 997) {
        ck_assert_ok(ae_dataset_read(dataset, r, 1, row));
        ck_assert(row[0] + row[1] == 0 && (size_t)row[0] == r);
    }
    ae_dataset_free(dataset);
    free(wide);
    free(text);
}
END_TEST

/* Another process writes bytes into a named pipe, in small pieces. */
static pid_t write_pipe(const char *path, const void *bytes, size_t size)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    const pid_t child = fork();
    if (child != 0)
        return child;
    const int to = open(path, O_WRONLY);
    for (size_t at = 0; at < size; at += 7)
        if (write(to, (const char *)bytes + at, size - at < 7 ? size - at : 7) < 0)
            _exit(1);
    close(to);
    _exit(0);
}

START_TEST(a_pipe_is_read_through_plain_and_packed)
{
    static const char csv[] = "a,b\n1,2\n3,4\n";
    static const char idx[] = "\0\0\x08\2\0\0\0\2\0\0\0\2\1\2\3\4";
    const ae_dataset_options as_is = {.size = sizeof as_is, .scale = 1};
    for (int i = 0; i < 5; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "pipe%d", i);
        const char *path = support_path(name);
        const bool packed = i % 2 == 1;
        const void *bytes = i < 2 ? (const void *)csv : idx;
        size_t size = i < 2 ? sizeof csv - 1 : sizeof idx - 1;
        if (i == 4) /* cut off: seen although a pipe has no length */
            size--;
#ifdef AEI_HAVE_ZLIB
        uint8_t *gzip = packed ? pack(bytes, size, &size) : NULL;
        bytes = packed ? gzip : bytes;
#else
        uint8_t *gzip = NULL;
        if (packed)
            continue;
#endif
        ae_dataset *dataset = NULL;
        const pid_t child = write_pipe(path, bytes, size);
        if (i == 4)
            ck_assert_status(ae_dataset_open_idx(&dataset, path, &as_is), AE_ERROR_FORMAT,
                             "4 bytes of values expected, 3 found");
        else
            ck_assert_ok(i < 2 ? ae_dataset_open_csv(&dataset, path, NULL)
                               : ae_dataset_open_idx(&dataset, path, &as_is));
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        free(gzip);
        if (dataset != NULL)
            csv_check(dataset, 2, 2, 1, 2, 3, 4);
    }
}
END_TEST

static int read_stdin(void *text)
{
    int ends[2];
    ae_dataset *dataset = NULL;
    const size_t size = strlen(text);
    if (pipe(ends) != 0 || write(ends[1], text, size) != (ssize_t)size || dup2(ends[0], 0) < 0)
        return 1;
    close(ends[1]);
    if (ae_dataset_open_csv(&dataset, "/dev/stdin", NULL) != AE_OK)
        return 2;
    const bool right = ae_dataset_row_count(dataset) == 1 && ae_dataset_feature_count(dataset) == 2;
    ae_dataset_free(dataset);
    return right ? 0 : 3;
}

START_TEST(standard_input_is_read_and_empty_devices_are_empty)
{
    ae_dataset *dataset = NULL;
    if (access("/dev/stdin", R_OK) == 0)
        ck_assert_int_eq(support_in_child(read_stdin, "a,b\n1,2\n"), 0);
    ck_assert_status(ae_dataset_open_csv(&dataset, "/dev/null", NULL), AE_ERROR_FORMAT,
                     "/dev/null: the file is empty");
    ck_assert_status(ae_dataset_open_npy(&dataset, "/dev/null", NULL), AE_ERROR_FORMAT, "NPY");
}
END_TEST

/* Little packed text promises many columns: memory is that of the text, not of many rows. */
START_TEST(columns_cost_what_their_text_costs)
{
    enum { MANY = (1 << 22) + 1 };
    char *text = fixture_allocate(MANY + 2, 1);
    memset(text, ',', MANY);
    csv_refuse(text, NULL, AE_ERROR_FORMAT, "line 1: more than 4194304 columns");
    free(text);
}
END_TEST

Suite *csv_reader_suite(void)
{
    Suite *suite = suite_create("csv_reader");
    TCase *tcase = tcase_create("dialects");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, excels_line_says_what_the_delimiter_is);
    tcase_add_test(tcase, lines_are_left_out_by_number_or_by_their_first_character);
    tcase_add_test(tcase, blanks_around_cells_quotes_and_runs_of_blanks_do_not_matter);
    tcase_add_test(tcase, another_decimal_point_is_read_where_it_is_said);
    tcase_add_test(tcase, utf16_with_a_mark_is_read);
    tcase_add_test(tcase, utf16_is_the_same_in_any_pieces_and_halves_are_replaced);
    tcase_add_test(tcase, a_long_file_in_utf16_is_read_whole);
    tcase_add_test(tcase, a_pipe_is_read_through_plain_and_packed);
    tcase_add_test(tcase, standard_input_is_read_and_empty_devices_are_empty);
    tcase_add_test(tcase, columns_cost_what_their_text_costs);
    suite_add_tcase(suite, tcase);
    return suite;
}
