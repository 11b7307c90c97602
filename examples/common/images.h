/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_IMAGES_H
#define EXAMPLES_IMAGES_H

#include <libae/dataset.h>

/*
 * Training images, and labelled test images: from folder (NULL: not asked for) or where images_find
 * looks, else built-in digits. Returns what they are called. The caller frees both.
 */
const char *images_load(ae_dataset **train, ae_dataset **test, const char *folder);

#endif
