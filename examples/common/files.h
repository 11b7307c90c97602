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

/* Images to train on and to test with, with their labels where a file has them. */
typedef struct image_sets {
    ae_dataset *train, *test; /* the caller frees both */
    const char *name;         /* for a title */
    const char *word;         /* for a result line: mnist, other or drawn */
} image_sets;

/*
 * MNIST's files, plain or .gz, from the folder that was asked for, or else from $AE_DATA_DIR: a
 * folder that was named must have them, or this exits with an error. With neither, data/mnist is
 * looked into, if asked for once more after scripts/fetch-mnist has run. Without files the images
 * are built-in digits, as many as said to train on.
 */
image_sets images_load(const char *folder, size_t digits, bool fetch);

#endif
