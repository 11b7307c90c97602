/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole run: epochs until it is done, and the checkpoints in between. */
#include "base/error.h"
#include "train/trainer_internal.h"

#include <libae/checkpoint.h>
#include <string.h>

/* Asked before the first epoch too: a run that was resumed after its end trains no further. */
static bool finished(const ae_trainer *t)
{
    const uint64_t patience = t->options.patience;
    return t->progress.epochs >= t->options.epochs ||
           (patience > 0 && t->progress.stale_epochs >= patience);
}

/* NULL stops too, or a loop that asks this would never end. */
int ae_trainer_should_stop(const ae_trainer *trainer)
{
    return trainer == NULL || finished(trainer);
}

ae_status ae_trainer_restore_best(ae_trainer *trainer)
{
    AE_REQUIRE(trainer);
    if (trainer->best_parameters == NULL)
        return aei_fail(AE_ERROR_NOT_SET, "no best weights: the trainer's restore_best is off");
    aei_trainer_restore_best(trainer);
    return trainer->restored ? AE_OK
                             : aei_fail(AE_ERROR_NOT_SET, "no best weights: no epoch is done yet");
}

/* checkpoint_behind stays set when saving fails, so that the next run writes what this one could
 * not. */
static ae_status save(ae_trainer *t)
{
    AE_TRY(ae_trainer_save_checkpoint(t, t->checkpoint_path));
    t->checkpoint_behind = false;
    return AE_OK;
}

ae_status ae_trainer_write_checkpoint(ae_trainer *trainer)
{
    AE_REQUIRE(trainer);
    if (trainer->checkpoint_path == NULL)
        return aei_fail(AE_ERROR_NOT_SET, "the trainer has no checkpoint_path");
    return save(trainer);
}

/* Leave a failed run's state on disk too; its own error is the one to report. */
static ae_status save_at_exit(ae_trainer *t, ae_status status)
{
    if (status == AE_OK)
        return save(t);
    /* Saving may fail too and put its own text in place of the first one. */
    char text[512];
    memcpy(text, ae_last_error(), strlen(ae_last_error()) + 1);
    if (save(t) == AE_OK)
        return status; /* its text is still there: a call that succeeds leaves it alone */
    return aei_fail_within(status, "%s; and no checkpoint", text);
}

/* The latest weights come back before training goes on, and the best ones take their place last: a
 * checkpoint written in between has both. */
ae_status ae_trainer_run(ae_trainer *trainer)
{
    AE_REQUIRE(trainer);
    AE_TRY(aei_ranks_check(trainer->ranks));
    const bool wanted = trainer->checkpoint_path != NULL;
    ae_status status = AE_OK;
    bool tried = false;
    aei_trainer_use_latest(trainer);
    while (status == AE_OK && !finished(trainer)) {
        status = ae_trainer_run_epoch(trainer, NULL);
        tried = wanted && status == AE_OK &&
                trainer->progress.epochs % trainer->options.checkpoint_every == 0;
        if (tried)
            status = save(trainer);
    }
    /* A save that has just failed is not tried a second time: the disk is as full as before. Nor
     * without the other ranks, which have moments that this one has not. */
    if (wanted && trainer->checkpoint_behind && !tried && status != AE_ERROR_COMMUNICATION)
        status = save_at_exit(trainer, status);
    if (status == AE_OK)
        atomic_store(&trainer->cancelled, 0); /* a request that came too late to stop anything */
    aei_trainer_restore_best(trainer);
    return status;
}
