/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "base/options.h"
#include "train/trainer_internal.h"

#include <stdlib.h>

ae_status aei_trainer_reserve_history(ae_trainer *t, size_t count)
{
    if (count <= t->history_room)
        return AE_OK;
    if (count > SIZE_MAX / 2 / sizeof *t->history)
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "a history of %zu epochs", count);
    ae_epoch_info *grown = realloc(t->history, count * sizeof *grown);
    if (grown == NULL)
        return aei_fail_memory(count * sizeof *grown);
    t->history = grown;
    t->history_room = count;
    return AE_OK;
}

size_t ae_trainer_history_count(const ae_trainer *trainer)
{
    return trainer == NULL ? 0 : trainer->history_count;
}

ae_status ae_trainer_get_epoch(const ae_trainer *trainer, size_t index, ae_epoch_info *info)
{
    AE_REQUIRE(trainer);
    AE_REQUIRE(info);
    if (index >= trainer->history_count)
        return aei_fail(AE_ERROR_NOT_FOUND, "history entry %zu: there are %zu", index,
                        trainer->history_count);
    return aei_result_write(info, &trainer->history[index], sizeof trainer->history[index],
                            "ae_epoch_info");
}

/* The columns, in this order in both formats. */
static const char *const columns[] = {
    "epoch",           "step",          "train_cost", "train_cost_min", "train_cost_max",
    "validation_cost", "learning_rate", "seconds",    "rows",           "best"};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

static void print_entry(aei_file *file, const ae_epoch_info *e, ae_history_format format)
{
    const double values[COLUMNS] = {
        (double)e->epoch,   (double)e->step,  e->train_cost, e->train_cost_min, e->train_cost_max,
        e->validation_cost, e->learning_rate, e->seconds,    (double)e->rows,   (double)e->best};
    /* A failed write is remembered by the file and reported by its commit. */
    for (size_t i = 0; i < COLUMNS; i++) {
        char text[40];
        const char *number = aei_format_double(text, sizeof text, values[i]);
        if (format == AE_HISTORY_JSONL)
            (void)aei_file_print(file, "%s\"%s\": %s", i == 0 ? "{" : ", ", columns[i], number);
        else /* no value, as CSV has it: an empty field */
            (void)aei_file_print(file, "%s%s", i == 0 ? "" : ",", number[0] == 'n' ? "" : number);
    }
    (void)aei_file_print(file, format == AE_HISTORY_JSONL ? "}\n" : "\n");
}

ae_status ae_trainer_save_history(const ae_trainer *trainer, const char *path,
                                  ae_history_format format)
{
    AE_REQUIRE(trainer);
    AE_REQUIRE(path);
    if (format != AE_HISTORY_CSV && format != AE_HISTORY_JSONL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "format %d is not an ae_history_format",
                        (int)format);
    aei_file *file;
    AE_TRY(aei_file_create(&file, path));
    for (size_t i = 0; i < COLUMNS && format == AE_HISTORY_CSV; i++)
        (void)aei_file_print(file, "%s%s", columns[i], i + 1 < COLUMNS ? "," : "\n");
    for (size_t i = 0; i < trainer->history_count; i++)
        print_entry(file, &trainer->history[i], format);
    return aei_file_commit(file);
}
