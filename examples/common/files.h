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

/* Make a folder and its parents unless they exist, and see that a file can be created in it; exits
 * with an error if not. */
void folder_prepare(const char *folder);

/* Where the images were found. */
typedef struct image_files {
    file_name folder;
    file_name train;
    file_name test;
} image_files;

/*
 * Look for MNIST's two image files, plain or .gz: in wanted (NULL: not asked for), in $AE_DATA_DIR,
 * in data/mnist, and there once more after running scripts/fetch-mnist. False after saying that
 * there are none.
 */
bool images_find(image_files *files, const char *wanted);

/* Whether the training images are MNIST itself and not a data set of the same shape. */
bool images_are_mnist(const ae_dataset *images);

#endif
