/* SPDX-License-Identifier: BSD-3-Clause */
#include "images.h"

#include "check.h"
#include "files.h"

enum { TRAIN_DIGITS = 20000, TEST_DIGITS = 10000 };

const char *images_load(ae_dataset **train, ae_dataset **test, const char *folder)
{
    image_files files;
    if (!images_find(&files, folder)) {
        check(ae_dataset_create_digits(train, TRAIN_DIGITS, 1));
        check(ae_dataset_create_digits(test, TEST_DIGITS, 2));
        return "built-in digits";
    }
    ae_dataset *images = NULL;
    file_name labels = path_join(files.folder.text, "t10k-labels-idx1-ubyte.gz");
    if (!file_exists(labels.text))
        labels = path_join(files.folder.text, "t10k-labels-idx1-ubyte");
    check(ae_dataset_open_idx(train, files.train.text, NULL));
    check(ae_dataset_open_idx(&images, files.test.text, NULL));
    check(ae_dataset_open_idx_labels(test, images, labels.text));
    ae_dataset_free(images);
    return images_are_mnist(*train) ? "MNIST" : "other data";
}
