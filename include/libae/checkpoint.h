/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_CHECKPOINT_H
#define LIBAE_CHECKPOINT_H

#include <libae/attributes.h>
#include <libae/status.h>
#include <libae/trainer.h>
#include <stddef.h>

AE_BEGIN_DECLS

/**
 * Write a checkpoint to options.checkpoint_path, as ae_trainer_run does.
 *
 * @return as ae_trainer_save_checkpoint; AE_ERROR_NOT_SET (there is no checkpoint_path)
 * Thread safety: uses trainer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_write_checkpoint(ae_trainer *trainer);

/**
 * Save the whole state of the run: network, optimizer, position in the epoch, history, best
 * weights. The file is a model file too: ae_network_load opens it. Atomic, as ae_network_save. The
 * state of a caller's own optimizer is the caller's to save.
 *
 * Several ranks call this together. Rank 0 writes the file, which is the same for any number of
 * ranks; the others' paths are not used and may be NULL. All return how it went.
 *
 * @return as ae_network_save; AE_ERROR_STATE (another trainer has attached the optimizer to another
 *         network); AE_ERROR_COMMUNICATION (the ranks cannot reach each other, now or since an
 *         earlier call: an older file stays as it is)
 * Thread safety: reads trainer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_save_checkpoint(const ae_trainer *trainer, const char *path);

/**
 * ae_trainer_save_checkpoint into memory: the same bytes. Of several ranks each gets all of them,
 * or asks for their size.
 *
 * @param buffer capacity bytes; NULL to ask for the size
 * @param size NULL, or receives the size of the checkpoint, also when the buffer is too small
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (trainer NULL, buffer and size both NULL);
 *         AE_ERROR_BUFFER_SIZE (nothing is written but size); AE_ERROR_STATE and
 *         AE_ERROR_COMMUNICATION (as ae_trainer_save_checkpoint); AE_ERROR_OUT_OF_MEMORY
 * Thread safety: reads trainer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_save_checkpoint_memory(const ae_trainer *trainer,
                                                              void *buffer, size_t capacity,
                                                              size_t *size);

/**
 * Take up a saved run where it stopped, bit for bit. The trainer must have been created as the
 * saved one was: same architecture, optimizer kind (or none), batch, seed, shuffle, cost,
 * corruption, penalties, dropout, weights, rows and scaling. Epochs, threads, rate, schedule and
 * callbacks may differ. Of the rows only the number is checked: other rows, or another order, train
 * on without an error.
 *
 * Several ranks call this together, as many as there are now. Rank 0 reads the file; the others'
 * paths are not used and may be NULL. What one rank cannot take up, none does.
 *
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_NOT_FOUND, AE_ERROR_IO;
 *         AE_ERROR_FORMAT (damaged, or not a checkpoint); AE_ERROR_SHAPE (of another run: the text
 *         names what differs); AE_ERROR_UNSUPPORTED (a newer format version); AE_ERROR_STATE
 *         (another trainer has attached the optimizer to another network);
 *         AE_ERROR_COMMUNICATION (several ranks); AE_ERROR_OUT_OF_MEMORY; on error network,
 *         optimizer and trainer are unchanged
 * Thread safety: uses trainer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_resume(ae_trainer *trainer, const char *path);

/**
 * ae_trainer_resume from memory.
 *
 * @param data a checkpoint of size bytes; not needed after the call; of several ranks rank 0's is
 *        used, and the others' may be NULL
 * @return as ae_trainer_resume
 * Thread safety: uses trainer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_resume_memory(ae_trainer *trainer, const void *data,
                                                     size_t size);

AE_END_DECLS

#endif
