/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_FILES_H
#define EXAMPLES_FILES_H

#include <libae/dataset.h>
#include <stdbool.h>

/* A file name, passed by value so that path_join(out, "x").text can stand in a call. */
typedef struct file_name {
    char text[4096];
} file_name;

/* folder/name; exits with an error when that is too long. */
file_name path_join(const char *folder, const char *name);

bool file_exists(const char *name);

/*
 * Make a folder and its parents unless they exist, and see that a file can be created in it; exits
 * with an error if not.
 */
void folder_prepare(const char *folder);

/* Whether the training images are MNIST itself and not a data set of the same shape. */
bool images_are_mnist(const ae_dataset *images);

/*
 * Training images and test images, these with their labels where a file has them. MNIST's files,
 * plain or .gz, are looked for in folder (NULL: not asked for), in $AE_DATA_DIR and in data/mnist,
 * and there once more after running scripts/fetch-mnist. Without them these are built-in digits, as
 * many as said to train on. Returns what the images are called. The caller frees both.
 */
const char *images_load(ae_dataset **train, ae_dataset **test, const char *folder, size_t digits);

#endif
