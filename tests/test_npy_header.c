/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers of NPY files as NumPy understands them; test_npy.c has those that it refuses. */
#include "format/npy_header.h"

#include "fixtures.h"
#include "python.h"
#include "suites.h"

#include <stdio.h>

/* What numpy.dtype makes of each of them; tables.py asks it. */
static const char *const spellings[] = {
    "f4",    "=f4",    "|f4",     "f",      "=f",     "float32", "single",   ">f",
    "<f4",   "f8",     "d",       "double", ">d",     "float",   "float64",  "f2",
    "e",     "half",   "float16", "i4",     "i",      "intc",    "int32",    ">i",
    "|i4",   "l",      "long",    "q",      "int",    "int64",   "intp",     "p",
    "h",     "short",  "int16",   "b",      "<b",     "byte",    "int8",     "i1",
    "L",     "ulong",  "Q",       "P",      "uint",   "uint64",  "uintp",    "I",
    "uintc", "uint32", "H",       "ushort", ">H",     "uint16",  "?",        "=?",
    "bool",  "bool_",  "b1",      ">b1",    "float_", "int_",    "longlong", "ulonglong",
};

START_TEST(types_are_read_as_numpy_spells_and_understands_them)
{
    char names[COUNT(spellings) * 16] = "";
    for (size_t i = 0; i < COUNT(spellings); i++)
        snprintf(names + strlen(names), 16, "%s\n", spellings[i]);
    support_write(support_path("names.txt"), names, strlen(names));
    ck_assert_int_eq(
        python_run("tables.py", (const char *const[]){"spell-npy", support_dir(), NULL}), 0);
    for (size_t i = 0; i < COUNT(spellings); i++) {
        char name[32];
        float values[24];
        size_t size;
        ae_dataset *dataset = NULL;
        snprintf(name, sizeof name, "%zu.npy", i);
        ck_assert_ok(ae_dataset_open_npy(&dataset, support_path(name), NULL));
        snprintf(name, sizeof name, "%zu.f32", i);
        unsigned char *wanted = support_read(support_path(name), &size);
        ck_assert_uint_eq(size, ae_dataset_row_count(dataset) * sizeof(float));
        ck_assert_ok(ae_dataset_read(dataset, 0, size / sizeof(float), values));
        ck_assert_mem_eq(values, wanted, size);
        free(wanted);
        ae_dataset_free(dataset);
    }
}
END_TEST

Suite *npy_header_suite(void)
{
    Suite *suite = suite_create("npy_header");
    TCase *tcase = tcase_create("npy_header");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    const char *missing = python_lacks("tables.py", "$AE_PYTHON or python3 has no NumPy");
    support_add_test(tcase, types_are_read_as_numpy_spells_and_understands_them, missing);
    suite_add_tcase(suite, tcase);
    return suite;
}
