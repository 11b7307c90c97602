/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_REPORT_H
#define EXAMPLES_REPORT_H

#include "experiment.h"

/* What mnist tells of its run: notes on standard error, the verdict and the closing table on
 * standard output. */

/* The data, the network and where the run begins. */
void report_begin(const experiment *e);

/*
 * The run ended early: save its state as a checkpoint and print how to go on. Returns the program's
 * exit status: 130 after an interrupt, 1 after anything else and when the checkpoint cannot be
 * saved.
 */
int report_stopped(const experiment *e, ae_status why, int argc, char **argv);

/*
 * The run is over: draw both figures, measure the costs, print verdict and table. Returns the
 * program's exit status, 1 when a picture failed; exits with an error when libae does.
 */
int report_finished(const experiment *e);

#endif
