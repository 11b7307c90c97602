/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_EXPERIMENT_H
#define EXAMPLES_EXPERIMENT_H

#include <libae/libae.h>
#include <stdbool.h>

#include "arguments.h"
#include "common/files.h"
#include "common/progress.h"

enum { FIGURE_PAIRS = 10 }; /* validation images that are shown with their reconstructions */

/* One run of mnist: what was asked for, the data, and what is trained on them. */
typedef struct experiment {
    arguments args;
    file_name checkpoint;
    const char *data; /* what the images are called */
    bool mnist;       /* the report's own data */
    ae_dataset *train;
    ae_dataset *validation;
    ae_dataset *test;
    ae_network *network;
    ae_optimizer *optimizer;
    ae_trainer *trainer;
    ae_event_writer *events; /* NULL: this libae writes none */
    bool log_pictures;
    progress progress;
} experiment;

#endif
