/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static _Atomic(ae_trainer *) running; /* a signal handler has no other way to know it */

static void cancel(int number)
{
    (void)number;
    ae_trainer_cancel(running);
}

static void on_interrupt(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void interrupt_cancels(ae_trainer *trainer)
{
    running = trainer;
    on_interrupt(cancel);
}

void interrupt_ends(void)
{
    on_interrupt(SIG_DFL);
}
