/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_TENSORBOARD_H
#define EXAMPLES_TENSORBOARD_H

#include <libae/libae.h>
#include <stdbool.h>
#include <stdint.h>

#include "pairs.h"

/*
 * Begin a log for TensorBoard in a folder, which is made when missing; with fresh, event files of
 * earlier runs are removed from it, since TensorBoard would take them for the same run. NULL after
 * saying so when this libae cannot write event files.
 */
ae_event_writer *tensorboard_begin(const char *folder, bool fresh);

/*
 * Log the inputs and the outputs as one strip of grey pictures each. Nothing when events is NULL or
 * the pictures' shape is not known; false after saying what failed.
 */
bool tensorboard_pictures(ae_event_writer *events, uint64_t step, const pairs *p);

#endif
