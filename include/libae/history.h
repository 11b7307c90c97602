/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_HISTORY_H
#define LIBAE_HISTORY_H

#include <libae/attributes.h>
#include <libae/status.h>
#include <libae/trainer.h>
#include <stddef.h>

AE_BEGIN_DECLS

/**
 * Entries of the history: one for each completed epoch. 0 for NULL.
 *
 * Thread safety: reads trainer.
 * @since 0.1
 */
AE_API size_t ae_trainer_history_count(const ae_trainer *trainer);

/**
 * One entry of the history.
 *
 * @param index 0 to ae_trainer_history_count() - 1
 * @param info filled in; info->size must be set
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, size 0, an index past the end)
 * Thread safety: reads trainer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_get_epoch(const ae_trainer *trainer, size_t index,
                                                 ae_epoch_info *info);

/**
 * The history's entry of the best epoch so far: its number and its costs.
 *
 * @param info filled in; info->size must be set
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, size 0); AE_ERROR_NOT_SET (no epoch is done, or
 *         none since a checkpoint was resumed whose best epoch was chosen by another cost)
 * Thread safety: reads trainer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_get_best(const ae_trainer *trainer, ae_epoch_info *info);

/**
 * How a history is written.
 * @since 0.1
 */
typedef enum ae_history_format {
    /** AE_HISTORY_CSV */
    AE_HISTORY_DEFAULT = 0,
    /** a header line, then a line for each epoch */
    AE_HISTORY_CSV = 1,
    /** a line with a JSON object for each epoch; a cost that is not a number is null */
    AE_HISTORY_JSONL = 2
} ae_history_format;

/**
 * Write the history, whole or not at all. Numbers have a decimal point in every locale.
 *
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT; AE_ERROR_NOT_FOUND, AE_ERROR_NO_SPACE, AE_ERROR_IO;
 *         AE_ERROR_OUT_OF_MEMORY
 * Thread safety: reads trainer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_save_history(const ae_trainer *trainer, const char *path,
                                                    ae_history_format format);

AE_END_DECLS

#endif
