/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_EXPERIMENT_H
#define EXAMPLES_EXPERIMENT_H

#include "common/progress.h"
#include <libae/libae.h>
#include <stdbool.h>

/* What the command line of mnist asks for. Strings point into argv. */
typedef struct arguments {
    const char *data; /* NULL: look for the data */
    const char *out;
    const char *tensorboard; /* NULL: tensorboard in out */
    const char *kernels;     /* NULL: the fastest here */
    size_t epochs;
    size_t seed;
    size_t code;
    size_t batch;
    size_t threads; /* 0: every processor this process may use */
    float rate;
    bool bf16, resume;
} arguments;

/* One run of mnist: what was asked for, the data, and what is trained on them. */
typedef struct experiment {
    arguments args;
    const char *checkpoint; /* the file's name */
    const char *data;       /* what the images are called */
    const char *word;       /* the same in the result line: mnist, other or drawn */
    bool mnist;             /* the report's own data */
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

/* Read the command line. --help prints itself and exits with 0; a mistake is refused. */
arguments arguments_parse(int argc, char **argv);

/* Print the command line again on standard error, quoted for a shell, with --resume in it. */
void arguments_print_resume(int argc, char **argv);

/*
 * Begin the log for TensorBoard, or say that this libae writes none. In the folder of the results a
 * new run takes an old one's place. A folder that was asked for may hold anything: nothing is
 * removed from it.
 */
void log_begin(experiment *e);

/*
 * Log validation images and their reconstructions, a strip of pictures each; the first failure is
 * said and ends this.
 */
void log_pictures(experiment *e, uint64_t step);

/* Note the data, the network and where the run begins. */
void report_begin(const experiment *e);

/*
 * The run ended early: save its state as a checkpoint and print how to go on. Returns the program's
 * exit status: 130 after an interrupt, 1 after anything else and when the checkpoint cannot be
 * saved.
 */
int report_stopped(const experiment *e, ae_status why, int argc, char **argv);

/*
 * The run is over: draw both figures, measure the costs, print diagnosis and table on standard
 * output. Returns the program's exit status, 1 when a picture failed; exits with an error when
 * libae does.
 */
int report_finished(const experiment *e);

#endif
