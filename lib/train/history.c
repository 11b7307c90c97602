/* SPDX-License-Identifier: BSD-3-Clause */
/* What happened in each epoch? One table of fields serves every format: CSV, JSON lines and the
 * history tensor of checkpoints. A field added at its end appears in all of them. */
#include "train/history_internal.h"

#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "base/options.h"

#include <stdlib.h>
#include <string.h>

#define FIELD(name, kind) AEI_FIELD(ae_epoch_info, name, kind)

const aei_field aei_history_fields[AEI_HISTORY_FIELDS] = {
    FIELD(epoch, AEI_FIELD_COUNT),         FIELD(step, AEI_FIELD_COUNT),
    FIELD(train_cost, AEI_FIELD_REAL),     FIELD(train_cost_min, AEI_FIELD_REAL),
    FIELD(train_cost_max, AEI_FIELD_REAL), FIELD(validation_cost, AEI_FIELD_REAL),
    FIELD(learning_rate, AEI_FIELD_REAL),  FIELD(seconds, AEI_FIELD_REAL),
    FIELD(rows, AEI_FIELD_COUNT),          FIELD(best, AEI_FIELD_FLAG),
    FIELD(penalty, AEI_FIELD_REAL),
};

const char *aei_history_columns(char text[AEI_HISTORY_TEXT])
{
    size_t used = 0;
    for (size_t i = 0; i < AEI_HISTORY_FIELDS; i++) {
        const size_t length = strlen(aei_history_fields[i].name);
        memcpy(text + used, aei_history_fields[i].name, length);
        used += length;
        text[used++] = i + 1 < AEI_HISTORY_FIELDS ? ',' : '\0';
    }
    return text;
}

/* All fields as double, so that a checkpoint can hold the history as one tensor of one type. */
double aei_history_get(const ae_epoch_info *entry, size_t field)
{
    const aei_field *f = &aei_history_fields[field];
    const char *at = (const char *)entry + f->offset;
    if (f->kind == AEI_FIELD_REAL)
        return *(const double *)(const void *)at;
    if (f->kind == AEI_FIELD_COUNT)
        return (double)*(const uint64_t *)(const void *)at;
    return *(const int *)(const void *)at;
}

void aei_history_set(ae_epoch_info *entry, size_t field, double value)
{
    const aei_field *f = &aei_history_fields[field];
    char *at = (char *)entry + f->offset;
    if (f->kind == AEI_FIELD_REAL)
        *(double *)(void *)at = value;
    else if (f->kind == AEI_FIELD_COUNT)
        *(uint64_t *)(void *)at = (uint64_t)value;
    else
        *(int *)(void *)at = value > 0;
}

/* Never shrinks, and is called before an epoch is closed: appending an entry then cannot fail after
 * the weights have moved on. */
ae_status aei_trainer_reserve_history(ae_trainer *t, size_t count)
{
    if (count <= t->history_capacity)
        return AE_OK;
    if (count > SIZE_MAX / 2 / sizeof *t->history)
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "a history of %zu epochs", count);
    ae_epoch_info *grown = realloc(t->history, count * sizeof *grown);
    if (grown == NULL)
        return aei_fail_memory(count * sizeof *grown);
    t->history = grown;
    t->history_capacity = count;
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
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "history entry %zu: there are %zu, counted from 0", index,
                        trainer->history_count);
    return aei_result_write(info, &trainer->history[index], sizeof trainer->history[index],
                            "ae_epoch_info");
}

/* Entry n - 1 is epoch n: a resumed run has its earlier epochs in the history too. */
ae_status ae_trainer_get_best(const ae_trainer *trainer, ae_epoch_info *info)
{
    AE_REQUIRE(trainer);
    if (trainer->progress.best_epoch == 0)
        return aei_fail(AE_ERROR_NOT_SET, "no best epoch: none has ended, or the network was "
                                          "changed after its best weights were put "
                                          "back");
    return ae_trainer_get_epoch(trainer, (size_t)trainer->progress.best_epoch - 1, info);
}

/* aei_format_double writes null for NaN, which JSON does not have. In CSV the field stays empty,
 * which spreadsheets and pandas read as missing. */
static void print_entry(aei_file *file, const ae_epoch_info *entry, ae_history_format format)
{
    /* A failed write is remembered by the file and reported by its commit. */
    for (size_t i = 0; i < AEI_HISTORY_FIELDS; i++) {
        char text[40];
        const char *number = aei_format_double(text, sizeof text, aei_history_get(entry, i));
        if (format == AE_HISTORY_JSONL)
            (void)aei_file_print(file, "%s\"%s\": %s", i == 0 ? "{" : ", ",
                                 aei_history_fields[i].name, number);
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
    AE_TRY(aei_check_enum((int)format, AE_HISTORY_JSONL, "format", "ae_history_format"));
    char columns[AEI_HISTORY_TEXT];
    aei_file *file;
    AE_TRY(aei_file_create(&file, path));
    if (format != AE_HISTORY_JSONL)
        (void)aei_file_print(file, "%s\n", aei_history_columns(columns));
    for (size_t i = 0; i < trainer->history_count; i++)
        print_entry(file, &trainer->history[i], format);
    return aei_file_commit(file);
}
