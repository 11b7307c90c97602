/* SPDX-License-Identifier: BSD-3-Clause */
/* NPY files: NumPy's read by us and ours by NumPy (tables.py), and files that are none. */
#define _POSIX_C_SOURCE 200809L
#include "data/storage.h"

#include "npy_file.h"
#include "python.h"
#include "suites.h"

#include <float.h>
#include <stdio.h>

static ae_toggle toggle(int on)
{
    return on ? AE_TOGGLE_ON : AE_TOGGLE_OFF;
}

static const float six[] = {1, -2, 3.5f, 4, 5, 1e-40f};
#define HEADER(descr, order, shape) \
    "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }\n"

/* Shapes of rows x features and, where the shape says so, a picture's sides. */
static const struct {
    const char *kind, *shape, *order;
    size_t rows, features, height, width;
} arrays[] = {
    {"|b1", "9x7", "C", 9, 7, 0, 0},         {"|i1", "40x7", "C", 40, 7, 0, 0},
    {"|u1", "40x7", "C", 40, 7, 0, 0},       {"|u1", "40x7", "F", 40, 7, 0, 0},
    {"<i2", "90x7", "C", 90, 7, 0, 0},       {">i2", "90x7", "C", 90, 7, 0, 0},
    {"<u2", "90x7", "C", 90, 7, 0, 0},       {">u2", "90x7", "F", 90, 7, 0, 0},
    {"<i4", "90x7", "C", 90, 7, 0, 0},       {">i4", "90x7", "C", 90, 7, 0, 0},
    {"<u4", "90x7", "C", 90, 7, 0, 0},       {">u4", "90x7", "C", 90, 7, 0, 0},
    {"<i8", "90x7", "C", 90, 7, 0, 0},       {">i8", "90x7", "F", 90, 7, 0, 0},
    {"<u8", "90x7", "C", 90, 7, 0, 0},       {">u8", "90x7", "C", 90, 7, 0, 0},
    {"<f2", "8000x8", "C", 8000, 8, 0, 0},   {">f2", "8000x8", "F", 8000, 8, 0, 0},
    {"<f4", "300x100", "C", 300, 100, 0, 0}, {">f4", "300x100", "C", 300, 100, 0, 0},
    {"<f4", "300x100", "F", 300, 100, 0, 0}, {">f4", "300x100", "F", 300, 100, 0, 0},
    {"<f8", "300x100", "C", 300, 100, 0, 0}, {">f8", "300x100", "F", 300, 100, 0, 0},
    {"<f4", "50", "C", 50, 1, 0, 0},         {">f8", "50", "C", 50, 1, 0, 0},
    {"<f4", "12x5x3", "C", 12, 15, 5, 3},    {"|u1", "12x28x28", "C", 12, 784, 28, 28},
    {"<i8", "4x1x3", "C", 4, 3, 1, 3},       {"<f4", "6x5x3x1", "C", 6, 15, 5, 3},
    {"<f4", "6x1x5x3", "C", 6, 15, 5, 3},    {"<f4", "6x2x5x3", "C", 6, 30, 0, 0},
    {"<f4", "1x4", "F", 1, 4, 0, 0},
};

START_TEST(what_numpy_saves_is_read_to_the_bit)
{
    char names[COUNT(arrays) * 40] = "";
    for (size_t i = 0; i < COUNT(arrays); i++)
        snprintf(names + strlen(names), 40, "%s %s %s\n", arrays[i].kind, arrays[i].shape,
                 arrays[i].order);
    support_write(support_path("names.txt"), names, strlen(names));
    ck_assert_int_eq(
        python_run("tables.py", (const char *const[]){"write-npy", support_dir(), NULL}), 0);
    for (size_t i = 0; i < COUNT(arrays); i++) {
        const bool map = _i == 1, u8 = strcmp(arrays[i].kind, "|u1") == 0;
        char name[32];
        ae_dataset *dataset = NULL;
        snprintf(name, sizeof name, "%zu.npy", i);
        ck_assert_ok(ae_dataset_open_npy(&dataset, support_path(name),
                                         AE_DATASET_OPTIONS(.scale = 1, .map = toggle(map))));
        ck_assert_uint_eq(ae_dataset_row_count(dataset), arrays[i].rows);
        ck_assert_uint_eq(ae_dataset_feature_count(dataset), arrays[i].features);
        ck_assert_uint_eq(ae_dataset_image_height(dataset), arrays[i].height);
        ck_assert_uint_eq(ae_dataset_image_width(dataset), arrays[i].width);
        ck_assert_int_eq(ae_dataset_label(dataset, 0), AE_LABEL_NONE);
        ck_assert_int_eq(dataset->storage->type == AEI_STORAGE_U8, u8);
        const bool native = (u8 || strcmp(arrays[i].kind, "<f4") == 0) && arrays[i].order[0] == 'C';
        if (native || !map)
            ck_assert_int_eq(dataset->storage->path != NULL, native && map);
        snprintf(name, sizeof name, "%zu.f32", i);
        size_t size;
        unsigned char *wanted = support_read(support_path(name), &size);
        ck_assert_uint_eq(size, arrays[i].rows * arrays[i].features * sizeof(float));
        float *values = fixture_allocate(size, 1);
        ck_assert_ok(ae_dataset_read(dataset, 0, arrays[i].rows, values));
        ck_assert_msg(memcmp(values, wanted, size) == 0, "%s %s %s", arrays[i].kind,
                      arrays[i].shape, arrays[i].order);
        free(values);
        free(wanted);
        ae_dataset_free(dataset);
    }
}
END_TEST

/* 0.npy and so on, the values in 0.f32, the shapes in names.txt. */
static void save_arrays(void)
{
    static const size_t shapes[][2] = {{60, 784}, {1, 1}, {7, 0}, {0, 5}, {0, 0}, {3, 100000}};
    char names[400] = "";
    for (size_t i = 0; i < COUNT(shapes); i++) {
        const size_t rows = shapes[i][0], columns = shapes[i][1],
                     count = rows * (columns == 0 ? 1 : columns);
        float *values = fixture_values(count, -1, 1, i + 1);
        if (count > 3)
            values[1] = NAN, values[2] = -INFINITY, values[3] = 1e-42f;
        char name[32];
        snprintf(name, sizeof name, "%zu.npy", i);
        ck_assert_ok(ae_npy_write(support_path(name), values, rows, columns));
        size_t size;
        unsigned char *bytes = support_read(support_path(name), &size);
        ck_assert_uint_eq(size, 128 + count * sizeof(float));
        ck_assert_mem_eq(bytes,
                         "\x93NUMPY\x01\x00\x76\x00{'descr': '" FLOAT
                         "', 'fortran_order': False, 'shape': (",
                         58);
        ck_assert_uint_eq(bytes[127], '\n');
        ck_assert_mem_eq(bytes + 128, values, count * sizeof(float));
        free(bytes);
        snprintf(name, sizeof name, "%zu.f32", i);
        support_write(support_path(name), values, count * sizeof(float));
        snprintf(names + strlen(names), 40, columns == 0 ? "%zux\n" : "%zux%zu\n", rows, columns);
        free(values);
    }
    support_write(support_path("names.txt"), names, strlen(names));
}

START_TEST(what_we_save_has_the_bytes_of_the_format)
{
    save_arrays();
}
END_TEST

START_TEST(what_we_save_numpy_loads_and_maps)
{
    save_arrays();
    ck_assert_int_eq(
        python_run("tables.py", (const char *const[]){"read-npy", support_dir(), NULL}), 0);
}
END_TEST

/* NumPy's own example of the format, byte for byte. */
START_TEST(the_header_is_numpys)
{
    static const float values[6 * 7];
    ck_assert_ok(ae_npy_write(support_path("x.npy"), values, 6, 7));
    unsigned char *bytes = support_read(support_path("x.npy"), &(size_t){0});
    char wanted[129];
    memcpy(wanted, "\x93NUMPY\x01\x00\x76\x00", 10);
    const char *header = "{'descr': '" FLOAT "', 'fortran_order': False, 'shape': (6, 7), }";
    snprintf(wanted + 10, 119, "%-117s\n", header);
    ck_assert_mem_eq(bytes, wanted, 128);
    free(bytes);
}
END_TEST

START_TEST(headers_as_others_write_them_are_read)
{
    static const char *const headers[] = {
        HEADER("'<f4'", "False", "(2, 3)"),
        "{'shape':(2,3),\"descr\":\"<f4\",'fortran_order':False}",
        "{'shape': (2L, 3L), 'fortran_order': False, 'descr': '<f4'}       \n",
        "  { 'descr' : '<f4' , 'fortran_order' : False , 'shape' : ( 2 , 3 , ) , }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 3, 1), }\n",
    };
    for (int version = 1; version <= 3; version++)
        for (size_t i = 0; i < COUNT(headers); i++)
            for (int map = 0; map < 2; map++) {
                ae_dataset *dataset = NULL;
                float values[6];
                ck_assert_ok(ae_dataset_open_npy(&dataset,
                                                 make_file(version, headers[i], six, sizeof six),
                                                 AE_DATASET_OPTIONS(.map = toggle(map))));
                ck_assert_uint_eq(ae_dataset_feature_count(dataset), 3);
                const size_t offset = (version == 1 ? 10 : 12) + strlen(headers[i]);
                ck_assert_int_eq(dataset->storage->path != NULL,
                                 map && offset % 4 == 0 && FLOAT[0] == '<');
                ck_assert_ok(ae_dataset_read(dataset, 0, 2, values));
                ck_assert_mem_eq(values, six, sizeof six);
                ae_dataset_free(dataset);
            }
}
END_TEST

/* The fourth byte of an archive's mark lies behind the file. */
START_TEST(three_bytes_are_no_archive)
{
    ae_dataset *dataset = NULL;
    ck_assert_status(ae_dataset_open_npy_memory(&dataset, "PK\3\4", 3, NULL), AE_ERROR_FORMAT,
                     "not an NPY file");
    ck_assert_ptr_null(dataset);
}
END_TEST

static const struct {
    int version;
    const char *header;
    size_t size; /* bytes of data, of six */
    ae_status status;
    const char *part;
} refused[] = {
    {1, HEADER("'|O'", "False", "(2, 3)"), 24, AE_ERROR_UNSUPPORTED, "Python objects"},
    {1, HEADER("'O'", "False", "(2, 3)"), 24, AE_ERROR_UNSUPPORTED, "Python objects"},
    {1, HEADER("''", "False", "(2, 3)"), 24, AE_ERROR_UNSUPPORTED, "type ''"},
    {1, HEADER("'<float32'", "False", "(2, 3)"), 24, AE_ERROR_UNSUPPORTED, "'<float32'"},
    {1, HEADER("[('a', '<f4'), ('b', '<i4')]", "False", "(3,)"), 24, AE_ERROR_UNSUPPORTED,
     "structured"},
    {1, HEADER("('<f4', (3,))", "False", "(2,)"), 24, AE_ERROR_UNSUPPORTED, "structured"},
    {1, HEADER("'<c8'", "False", "(3,)"), 24, AE_ERROR_UNSUPPORTED, "'<c8'"},
    {1, HEADER("'<U6'", "False", "(1,)"), 24, AE_ERROR_UNSUPPORTED, "'<U6'"},
    {1, HEADER("'|S24'", "False", "(1,)"), 24, AE_ERROR_UNSUPPORTED, "'|S24'"},
    {1, HEADER("'<M8[ns]'", "False", "(3,)"), 24, AE_ERROR_UNSUPPORTED, "'<M8[ns]'"},
    {1, HEADER("'<f1'", "False", "(24,)"), 24, AE_ERROR_UNSUPPORTED, "'<f1'"},
    {1, HEADER("'<f16'", "False", "(1,)"), 24, AE_ERROR_UNSUPPORTED, "'<f16'"},
    {1, HEADER("'<i3'", "False", "(8,)"), 24, AE_ERROR_UNSUPPORTED, "'<i3'"},
    {1, HEADER("'<f4'", "False", "(2, 4)"), 24, AE_ERROR_FORMAT,
     "32 bytes of values expected, 24 found"},
    {1, HEADER("'<f4'", "False", "(2, 2)"), 24, AE_ERROR_FORMAT,
     "16 bytes of values expected, 24 found"},
    {1, HEADER("'<f4'", "False", "()"), 4, AE_ERROR_FORMAT, "single number"},
    {1, HEADER("'<f4'", "False", "(0, 3)"), 0, AE_ERROR_FORMAT, "dimension 1 of the array is 0"},
    {1, HEADER("'<f4'", "False", "(2, 0)"), 0, AE_ERROR_FORMAT, "dimension 2 of the array is 0"},
    {1, HEADER("'<f4'", "False", "(5000000000,)"), 24, AE_ERROR_UNSUPPORTED, "5000000000 rows"},
    {1, HEADER("'<f4'", "False", "(99999999999999999999, 3)"), 24, AE_ERROR_FORMAT, "overflow"},
    {1, HEADER("'<f4'", "False", "(4294967295, 4294967296)"), 24, AE_ERROR_FORMAT, "overflow"},
    {1, HEADER("'<f4'", "False", "(4, 4611686018427387904)"), 24, AE_ERROR_FORMAT, "overflow"},
    {1, HEADER("'<f4'", "False", "(4000000000, 3)"), 24, AE_ERROR_FORMAT, "24 found"},
    {1, HEADER("'<f4'", "False", "(-2, 3)"), 24, AE_ERROR_FORMAT, "a dimension expected at \"-2"},
    {1, HEADER("'<f4'", "False", "(6)"), 24, AE_ERROR_FORMAT, "a comma in the shape"},
    {1, HEADER("'<f4'", "False", "(2 3)"), 24, AE_ERROR_FORMAT, "a comma or the end of the shape"},
    {1, HEADER("'<f4'", "False", "[2, 3]"), 24, AE_ERROR_FORMAT, "a tuple expected at \"[2"},
    {1, HEADER("'<f4'", "Maybe", "(2, 3)"), 24, AE_ERROR_FORMAT,
     "True or False expected at \"Maybe"},
    {1, HEADER("'<f4'", "True", "(1, 2, 3)"), 24, AE_ERROR_UNSUPPORTED,
     "3 dimensions in Fortran order"},
    {1, "{'descr': '<f4', 'fortran_order': False, }", 24, AE_ERROR_FORMAT, "'shape' is missing"},
    {1, "{'descr': '<f4', 'descr': '<f4', 'shape': (6,)}", 24, AE_ERROR_FORMAT,
     "'descr' stands there twice"},
    {1, "{'descr': '<f4', 'shape': (6,), 'fortran_order': False, 'x': 1}", 24, AE_ERROR_FORMAT,
     "the key 'x'"},
    {1, HEADER("'<f4'", "False", "(2, 3)") "x", 24, AE_ERROR_FORMAT, "the header's end"},
    {1, "['descr', '<f4']", 24, AE_ERROR_FORMAT, "a dictionary expected"},
    {1, "{'descr': '<f4", 24, AE_ERROR_FORMAT, "a whole string"},
    {1, "{'descr'", 24, AE_ERROR_FORMAT, "a colon"},
    {1, "{'descr': '<f4' 'shape': (6,)}", 24, AE_ERROR_FORMAT,
     "a comma or the end of the dictionary"},
    {1, "{'\x1b[2J': 1}", 24, AE_ERROR_FORMAT, "the key '?[2J'"},
    {1, "{", 24, AE_ERROR_FORMAT, "a string expected at \"\""},
    {1, "", 24, AE_ERROR_FORMAT, "a dictionary expected"},
    {0, HEADER("'<f4'", "False", "(2, 3)"), 24, AE_ERROR_UNSUPPORTED, "NPY version 0.0"},
    {4, HEADER("'<f4'", "False", "(2, 3)"), 24, AE_ERROR_UNSUPPORTED, "NPY version 4.0"},
    {1,
     HEADER("'<f4'", "False",
            "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
            "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,6)"),
     24, AE_ERROR_FORMAT, "64 dimensions"},
};

START_TEST(what_is_no_array_of_numbers_is_refused_by_name_and_reason)
{
    ae_dataset *dataset = NULL;
    const char *path = make_file(refused[_i].version, refused[_i].header, six, refused[_i].size);
    for (int map = 0; map < 2; map++) {
        ck_assert_status(
            ae_dataset_open_npy(&dataset, path, AE_DATASET_OPTIONS(.map = toggle(map))),
            refused[_i].status, refused[_i].part);
        ck_assert(support_contains(ae_last_error(), "made.npy: "));
        ck_assert_ptr_null(dataset);
    }
}
END_TEST

/* A string's end is not one of its characters. */
START_TEST(zero_bytes_in_a_type_are_refused)
{
    static const struct {
        size_t at; /* in "'<i8'", from the quote */
        ae_status status;
        const char *part;
    } zeros[] = {{1, AE_ERROR_UNSUPPORTED, "numbers of type '?i8'"},
                 {2, AE_ERROR_UNSUPPORTED, "numbers of type '<?8'"},
                 {3, AE_ERROR_UNSUPPORTED, "numbers of type '<i?'"}};
    ae_dataset *dataset = NULL;
    for (size_t i = 0; i < COUNT(zeros); i++) {
        /* Of size '\0' - '0' as a size_t these are 16 bytes. */
        const char *path = make_file(1, HEADER("'<i8'", "False", "(5, 76861433640456465)"), six,
                                     16);
        size_t size;
        unsigned char *bytes = support_read(path, &size);
        bytes[10 + strlen("{'descr': ") + zeros[i].at] = 0;
        support_write(path, bytes, size);
        free(bytes);
        ck_assert_status(ae_dataset_open_npy(&dataset, path, NULL), zeros[i].status, zeros[i].part);
    }
}
END_TEST

START_TEST(files_of_other_kinds_are_refused)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *part;
    } files[] = {{"", 0, "the file is empty"},
                 {"\x93NUMP", 5, "not an NPY file"},
                 {"\x93NUMPY\x01\x00\x76", 9, "ends within the NPY header"},
                 {"\x93NUMPY\x02\x00\x76\x00\x00", 11, "ends within the NPY header"},
                 {"\x93NUMPY\x01\x00\x76\x00{'descr", 17, "ends within the NPY header"},
                 {"\x93NUMPY\x01\x00\x11\x27{'descr", 17, "10001 characters"},
                 {"\x93NUMPY\x02\x00\x00\x00\x00\xff{'descr", 19, "4278190080 characters"},
                 {"PK\x03\x04xxxxxxxxxxx", 15, "a zip archive, not an NPY file"}};
    ae_dataset *dataset = NULL;
    const char *path = support_path("other.npy");
    for (size_t i = 0; i < COUNT(files); i++) {
        support_write(path, files[i].bytes, files[i].size);
        ck_assert_status(ae_dataset_open_npy(&dataset, path, NULL), AE_ERROR_FORMAT, files[i].part);
    }
    ck_assert_status(ae_dataset_open_npy(&dataset, support_path("absent.npy"), NULL),
                     AE_ERROR_NOT_FOUND, "absent.npy");
    ck_assert_status(ae_dataset_open_npy(&dataset, support_dir(), NULL), AE_ERROR_IO, "a folder");
    ck_assert_status(ae_dataset_open_npy(NULL, path, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "dataset is NULL");
    ck_assert_status(ae_dataset_open_npy(&dataset, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "path is NULL");
    path = make_file(1, HEADER("'<f4'", "False", "(2, 3)"), six, sizeof six);
    ck_assert_status(ae_dataset_open_npy(&dataset, path, AE_DATASET_OPTIONS(.stride = 3)),
                     AE_ERROR_INVALID_ARGUMENT, "stride");
    ck_assert_status(ae_dataset_open_npy(&dataset, path,
                                         AE_DATASET_OPTIONS(.image_height = 2, .image_width = 2)),
                     AE_ERROR_INVALID_ARGUMENT, "image_height 2");
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(values_that_are_not_finite_are_named)
{
    ae_dataset *dataset = NULL;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT(bad); i++) {
        float values[6];
        memcpy(values, six, sizeof values);
        values[5] = bad[i];
        for (int map = 0; map < 2; map++)
            ck_assert_status(
                ae_dataset_open_npy(&dataset,
                                    make_file(1, HEADER("'<f4'", "False", "(2, 3)"), values, 24),
                                    AE_DATASET_OPTIONS(.map = toggle(map))),
                AE_ERROR_DATA, "made.npy: row 1, column 2: ");
        ck_assert_status(
            ae_dataset_open_npy(&dataset,
                                make_file(1, HEADER("'<f4'", "True", "(2, 3)"), values, 24), NULL),
            AE_ERROR_DATA, "row 1, column 2: ");
    }
    const double large[] = {1, 2, (double)FLT_MAX, 1e39};
    ck_assert_status(
        ae_dataset_open_npy(&dataset, make_file(1, HEADER("'<f8'", "False", "(2, 2)"), large, 32),
                            NULL),
        AE_ERROR_DATA, "as float32: row 1, column 1");
    const uint16_t halves[] = {0x3c00, 0x7c00};
    ck_assert_status(
        ae_dataset_open_npy(&dataset, make_file(1, HEADER("'<f2'", "False", "(1, 2)"), halves, 4),
                            NULL),
        AE_ERROR_DATA, "row 0, column 1");
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(uint8_keeps_its_scale_and_sides_can_be_given)
{
    const uint8_t bytes[] = {0, 255, 51, 1, 2, 3};
    const char *path = make_file(1, HEADER("'|u1'", "False", "(1, 6)"), bytes, sizeof bytes);
    for (int map = 0; map < 2; map++) {
        ae_dataset *dataset = NULL, *view = NULL;
        float values[6];
        ck_assert_ok(ae_dataset_open_npy(
            &dataset, path,
            AE_DATASET_OPTIONS(.image_height = 2, .image_width = 3, .map = toggle(map))));
        ck_assert_uint_eq(ae_dataset_image_height(dataset), 2);
        /* A view outlives the dataset, and a mapped file its name. */
        ck_assert_ok(ae_dataset_view(&view, dataset, 0, 1));
        ae_dataset_free(dataset);
        if (map)
            ck_assert_int_eq(remove(path), 0);
        ck_assert_ok(ae_dataset_read(view, 0, 1, values));
        ck_assert_float_eq(values[1], 255 * (1.0f / 255.0f));
        ck_assert_float_eq(values[2], 51 * (1.0f / 255.0f));
        ae_dataset_free(view);
    }
}
END_TEST

/* Mapped or not, training sees the same. */
START_TEST(training_from_a_mapped_file_is_training_from_memory)
{
    enum { N = 64, F = 33 };
    float *values = fixture_values(N * F, 0, 1, 9);
    ck_assert_ok(ae_npy_write(support_path("rows.npy"), values, N, F));
    ae_network *networks[2];
    for (int map = 0; map < 2; map++) {
        ae_dataset *dataset = NULL;
        ck_assert_ok(ae_dataset_open_npy(&dataset, support_path("rows.npy"),
                                         AE_DATASET_OPTIONS(.map = toggle(map))));
        networks[map] = FIXTURE_NETWORK(F, 9, 3, 9, F);
        ae_optimizer *adam = fixture_adam(0.01f);
        ae_trainer *trainer = fixture_trainer(networks[map], adam, dataset,
                                              AE_TRAINER_OPTIONS(.batch = 16, .epochs = 2));
        ck_assert_ok(ae_trainer_run(trainer));
        ae_trainer_free(trainer);
        ae_optimizer_free(adam);
        ae_dataset_free(dataset);
    }
    ck_assert(fixture_same_state(networks[0], networks[1]));
    ae_network_free(networks[0]);
    ae_network_free(networks[1]);
    free(values);
}
END_TEST

/* Any damage gives a dataset or an error, and never more: the sanitizers and valgrind look on. */
START_TEST(damaged_headers_do_no_harm)
{
    static const char header[] = HEADER("'<f4'", "False", "(2, 3)");
    static const char letters[] = "{}()[],:'\"<>|=fiubOL0123456789TrueFals -\n\0\x93\xff";
    const size_t length = sizeof header - 1 + 10;
    uint64_t state = 77;
    size_t opened = 0, failed = 0;
    for (int i = 0; i < (support_slow() ? 300 : 6000); i++) {
        const char *path = make_file(1 + i % 2, header, six, sizeof six);
        size_t size;
        unsigned char *bytes = support_read(path, &size);
        for (int hits = 1 + i % 3; hits > 0; hits--) {
            const size_t at = 6 + (size_t)(fixture_uniform(&state) * (float)(length - 6));
            const size_t letter = (size_t)(fixture_uniform(&state) * (float)(sizeof letters - 1));
            if (fixture_uniform(&state) < 0.2f)
                size = at + 1;
            bytes[at] = (unsigned char)letters[letter];
        }
        path = support_path("damaged.npy");
        support_write(path, bytes, size);
        free(bytes);
        ae_dataset *dataset = NULL;
        const ae_status status = ae_dataset_open_npy(&dataset, path,
                                                     AE_DATASET_OPTIONS(.map = toggle(i % 5 == 0)));
        ck_assert(status == AE_OK || status == AE_ERROR_FORMAT || status == AE_ERROR_UNSUPPORTED ||
                  status == AE_ERROR_DATA);
        ck_assert_int_eq(status == AE_OK, dataset != NULL);
        *(status == AE_OK ? &opened : &failed) += 1;
        if (status != AE_OK)
            ck_assert(support_contains(ae_last_error(), "damaged.npy: "));
        ae_dataset_free(dataset);
    }
    /* Both ways must have been gone, however few files there were. */
    ck_assert_uint_gt(opened, support_slow() ? 0 : 5);
    ck_assert_uint_gt(failed, support_slow() ? 10 : 100);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    const char *path = make_file(1, HEADER("'>f4'", "False", "(2, 3)"), six, sizeof six);
    for (int kind = 0; kind < 3; kind++) {
        size_t n = 1;
        for (; n < 20; n++) {
            ae_dataset *dataset = NULL;
            support_fail_allocation(n);
            const ae_status status = kind == 2 ? ae_npy_write(support_path("out.npy"), six, 2, 3)
                                               : ae_dataset_open_npy(
                                                     &dataset, path,
                                                     AE_DATASET_OPTIONS(.map = toggle(kind)));
            support_fail_allocation(0);
            ae_dataset_free(dataset);
            if (status == AE_OK)
                break;
            ck_assert_int_eq(status, AE_ERROR_OUT_OF_MEMORY);
            ck_assert_ptr_null(dataset);
        }
        ck_assert(n > 2 && n < 20);
    }
}
END_TEST

Suite *npy_suite(void)
{
    Suite *suite = suite_create("npy");
    TCase *tcase = tcase_create("npy");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_set_timeout(tcase, 120);
    const char *missing = python_lacks("tables.py", "$AE_PYTHON or python3 has no NumPy");
    support_add_loop_test(tcase, what_numpy_saves_is_read_to_the_bit, 0, 2, missing);
    support_add_test(tcase, what_we_save_numpy_loads_and_maps, missing);
    tcase_add_test(tcase, three_bytes_are_no_archive);
    tcase_add_test(tcase, what_we_save_has_the_bytes_of_the_format);
    tcase_add_test(tcase, the_header_is_numpys);
    tcase_add_test(tcase, headers_as_others_write_them_are_read);
    tcase_add_loop_test(tcase, what_is_no_array_of_numbers_is_refused_by_name_and_reason, 0,
                        (int)COUNT(refused));
    tcase_add_test(tcase, zero_bytes_in_a_type_are_refused);
    tcase_add_test(tcase, files_of_other_kinds_are_refused);
    tcase_add_test(tcase, values_that_are_not_finite_are_named);
    tcase_add_test(tcase, uint8_keeps_its_scale_and_sides_can_be_given);
    tcase_add_test(tcase, training_from_a_mapped_file_is_training_from_memory);
    tcase_add_test(tcase, damaged_headers_do_no_harm);
    tcase_add_test(tcase, every_allocation_may_fail);
    suite_add_tcase(suite, tcase);
    return suite;
}
