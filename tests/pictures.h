/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_PICTURES_H
#define TESTS_PICTURES_H

/* A small IDX file, for the suites of IDX and of streams. */

#include "support.h"

#include <libae/libae.h>
#include <string.h>

/* An IDX file of 4 pictures of 3 rows and 2 columns, values 0 to 23. */
enum {
    PICTURES = 4,
    HEIGHT = 3,
    WIDTH = 2,
    FEATURES = HEIGHT * WIDTH,
    HEADER = 16,
    SIZE = HEADER + PICTURES * FEATURES
};

static inline void make_pictures(uint8_t file[SIZE])
{
    const uint8_t header[HEADER] = {0, 0, 8, 3, 0, 0, 0, PICTURES, 0, 0, 0, HEIGHT, 0, 0, 0, WIDTH};
    memcpy(file, header, sizeof header);
    for (size_t i = 0; i < PICTURES * FEATURES; i++)
        file[HEADER + i] = (uint8_t)i;
}

/* Write bytes to a file and open that. */
static inline ae_status open_bytes(ae_dataset **dataset, const void *bytes, size_t size)
{
    const char *path = support_path("file");
    support_write(path, bytes, size);
    return ae_dataset_open_idx(dataset, path, NULL);
}

/* The file is refused with a text that names it and says this. */
static inline void assert_refused(const void *bytes, size_t size, const char *part)
{
    ae_dataset *dataset = NULL;
    ck_assert_status(open_bytes(&dataset, bytes, size), AE_ERROR_FORMAT, part);
    ck_assert_msg(support_contains(ae_last_error(), support_path("file")), "no path in \"%s\"",
                  ae_last_error());
    ck_assert_ptr_null(dataset);
}

static inline void assert_pictures(const ae_dataset *dataset)
{
    float values[PICTURES * FEATURES];
    ck_assert_uint_eq(ae_dataset_row_count(dataset), PICTURES);
    ck_assert_uint_eq(ae_dataset_feature_count(dataset), FEATURES);
    ck_assert_uint_eq(ae_dataset_image_height(dataset), HEIGHT);
    ck_assert_uint_eq(ae_dataset_image_width(dataset), WIDTH);
    ck_assert_ok(ae_dataset_read(dataset, 0, PICTURES, values));
    for (size_t i = 0; i < PICTURES * FEATURES; i++)
        ck_assert_float_eq(values[i], (float)i * (1.0f / 255.0f));
}

#endif
