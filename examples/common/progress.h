/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_PROGRESS_H
#define EXAMPLES_PROGRESS_H

#include <libae/trainer.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Progress on standard error: one bar that redraws itself on a terminal, a line for each epoch
 * anywhere else. Zero but for epochs to begin with; hand progress_step and progress_epoch to the
 * trainer with a pointer to this as user.
 */
typedef struct progress {
    uint64_t epochs; /* wanted in all */
    bool started;
    bool terminal;
    double begun;      /* when this process began to train */
    double drawn;      /* when the bar was last drawn */
    uint64_t rows;     /* trained on since begun */
    double cost;       /* running mean of the batch costs */
    double validation; /* of the last epoch; 0 before the first */
    int length;        /* of the bar on the screen */
} progress;

/* Call when training begins: the clock starts here. */
void progress_begin(progress *state);

/* Leave the bar as it stands and go to the next line. */
void progress_end(progress *state);

/* ae_step_callback and ae_epoch_callback; never stop the run. */
int progress_step(void *user, const ae_step_info *info);
int progress_epoch(void *user, const ae_epoch_info *info);

/* From now on Ctrl-C and SIGTERM cancel this trainer's run instead of ending the program. */
void interrupt_cancels(ae_trainer *trainer);

/* The run is over: the first one says that results are being written, the second ends the
 * program. */
void interrupt_waits(void);

/* They end the program again. */
void interrupt_ends(void);

#endif
