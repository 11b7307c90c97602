/* SPDX-License-Identifier: BSD-3-Clause */
#define _DEFAULT_SOURCE /* winsize */
#include "progress.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 24, LINE_SIZE = 256, PART_SIZE = 48 };

static const double redraw_seconds = 0.1;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void format_duration(char *text, size_t size, double seconds)
{
    unsigned left = seconds > 0 && seconds < 1e8 ? (unsigned)(seconds + 0.5) : 0;
    if (left >= 3600)
        snprintf(text, size, "%u:%02u:%02u", left / 3600, left / 60 % 60, left % 60);
    else
        snprintf(text, size, "%u:%02u", left / 60, left % 60);
}

static int terminal_columns(void)
{
    struct winsize window;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : 80;
}

/* A line that fills the last column would wrap, and the next one could not be drawn over it. */
static void draw_line(progress *state, const char *line)
{
    int columns = terminal_columns() - 1;
    int length = (int)strlen(line);
    int shown = length < columns ? length : columns;
    int blanks = state->length > shown ? state->length - shown : 0;
    if (shown + blanks > columns)
        blanks = columns - shown;
    fprintf(stderr, "\r%.*s%*s", shown, line, blanks, "");
    fflush(stderr);
    state->length = shown;
}

/* What matters most stands first; what does not fit any more is left out whole, since a number
 * that is cut is another number. */
static void join(char line[LINE_SIZE], char parts[][PART_SIZE], size_t count)
{
    const size_t columns = (size_t)terminal_columns() - 1;
    size_t used = 0;
    line[0] = '\0';
    for (size_t i = 0; i < count; ++i) {
        const size_t length = strlen(parts[i]), gap = used > 0 ? 2 : 0;
        if (length == 0)
            continue;
        if (used + gap + length > columns || used + gap + length >= LINE_SIZE)
            return;
        snprintf(line + used, LINE_SIZE - used, "%s%s", used > 0 ? "  " : "", parts[i]);
        used += gap + length;
    }
}

static void draw_bar(progress *state, const ae_step_info *info, double time)
{
    double total = (double)state->epochs * (double)info->steps_per_epoch;
    double done = total > 0 && (double)info->step < total ? (double)info->step / total : 1;
    double rate = (double)state->rows / (time - state->begun + 1e-9);
    double rows_left = (total - (double)info->step) * (double)info->rows;
    char parts[7][PART_SIZE] = {{0}}, bar[BAR_WIDTH + 1], left[32], line[LINE_SIZE];
    for (int i = 0; i < BAR_WIDTH; ++i)
        bar[i] = i < (int)(done * BAR_WIDTH + 0.5) ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    format_duration(left, sizeof left, rows_left / rate);
    snprintf(parts[0], PART_SIZE, "epoch %ju/%ju", (uintmax_t)info->epoch,
             (uintmax_t)state->epochs);
    snprintf(parts[1], PART_SIZE, "cost %.3f", state->cost);
    snprintf(parts[2], PART_SIZE, "%s left", left);
    if (state->validation > 0)
        snprintf(parts[3], PART_SIZE, "validation %.3f", state->validation);
    snprintf(parts[4], PART_SIZE, "step %zu/%zu", info->epoch_step, info->steps_per_epoch);
    snprintf(parts[5], PART_SIZE, "%.0f images/s", rate);
    snprintf(parts[6], PART_SIZE, "[%s]", bar);
    join(line, parts, sizeof parts / sizeof *parts);
    draw_line(state, line);
    state->drawn = time;
}

void progress_begin(progress *state)
{
    state->terminal = isatty(STDERR_FILENO) == 1;
    state->begun = now();
}

void progress_end(progress *state)
{
    if (state->length > 0)
        fputc('\n', stderr);
    state->length = 0;
}

int progress_step(void *user, const ae_step_info *info)
{
    progress *state = user;
    state->rows += info->rows;
    state->cost = state->started ? 0.99 * state->cost + 0.01 * info->cost : info->cost;
    state->started = true;
    if (!state->terminal)
        return 0;
    double time = now();
    bool last = info->epoch >= state->epochs && info->epoch_step == info->steps_per_epoch;
    if (time - state->drawn >= redraw_seconds || last)
        draw_bar(state, info, time);
    return 0;
}

int progress_epoch(void *user, const ae_epoch_info *info)
{
    progress *state = user;
    state->validation = info->validation_cost;
    if (state->terminal)
        return 0;
    double rate = (double)state->rows / (now() - state->begun + 1e-9);
    double rows_left = (double)(state->epochs - info->epoch) * (double)info->rows;
    char left[32];
    format_duration(left, sizeof left, rows_left / rate);
    fprintf(stderr, "epoch %ju/%ju  train %.4f  validation %.4f  %.2f s  %.0f images/s  %s left\n",
            (uintmax_t)info->epoch, (uintmax_t)state->epochs, info->train_cost,
            info->validation_cost, info->seconds, rate, left);
    return 0;
}

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

/* Only what a signal handler may call. */
static void finish_first(int number)
{
    static const char text[] =
        "\nthe results are being written; Ctrl-C once more ends the program\n";
    const ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    signal(number, SIG_DFL);
}

void interrupt_waits(void)
{
    on_interrupt(finish_first);
}

void interrupt_ends(void)
{
    on_interrupt(SIG_DFL);
}
