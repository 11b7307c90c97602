/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole run: epochs until it is done, and the checkpoints in between. */
#include "base/error.h"
#include "train/trainer_internal.h"

#include <string.h>

static bool finished(const ae_trainer *t)
{
    const uint64_t patience = t->options.patience;
    return t->progress.epochs >= t->options.epochs ||
           (patience > 0 && t->progress.stale_epochs >= patience);
}

/* Leave a failed run's state on disk too; its own error is the one to report. */
static ae_status save_at_exit(const ae_trainer *t, ae_status status)
{
    if (status == AE_OK)
        return ae_trainer_save_checkpoint(t, t->checkpoint_path);
    char text[512];
    memcpy(text, ae_last_error(), strlen(ae_last_error()) + 1);
    if (ae_trainer_save_checkpoint(t, t->checkpoint_path) == AE_OK)
        return aei_fail(status, "%s", text);
    char why[512];
    memcpy(why, ae_last_error(), strlen(ae_last_error()) + 1);
    return aei_fail(status, "%s; and no checkpoint: %s", text, why);
}

ae_status ae_trainer_run(ae_trainer *trainer)
{
    AE_REQUIRE(trainer);
    const char *path = trainer->checkpoint_path;
    const uint64_t steps = trainer->progress.steps;
    ae_status status = AE_OK;
    bool saved = true;
    aei_trainer_use_latest(trainer);
    while (status == AE_OK && !finished(trainer)) {
        status = ae_trainer_run_epoch(trainer, NULL);
        saved = false;
        if (status == AE_OK && path != NULL &&
            trainer->progress.epochs % trainer->options.checkpoint_every == 0) {
            status = ae_trainer_save_checkpoint(trainer, path);
            saved = true;
        }
    }
    if (path != NULL && !saved && trainer->progress.steps != steps)
        status = save_at_exit(trainer, status);
    if (status == AE_OK)
        atomic_store(&trainer->cancelled, 0); /* a request that came too late to stop anything */
    aei_trainer_restore_best(trainer);
    return status;
}
