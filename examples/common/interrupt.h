/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef EXAMPLES_INTERRUPT_H
#define EXAMPLES_INTERRUPT_H

#include <libae/trainer.h>

/* From now on Ctrl-C and SIGTERM cancel this trainer's run instead of ending the program. */
void interrupt_cancels(ae_trainer *trainer);

/* They end the program again. */
void interrupt_ends(void);

#endif
