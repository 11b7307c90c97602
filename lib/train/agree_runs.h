/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_AGREE_RUNS_H
#define AEI_AGREE_RUNS_H

#include "train/trainer_internal.h"

/*
 * Collective: whether all ranks are about to run the same. The first difference between rank 0 and
 * the least rank that differs is the error of all of them: AE_ERROR_UNSUPPORTED (release or
 * kernels), AE_ERROR_INVALID_ARGUMENT (an option), AE_ERROR_SHAPE (network or data). Datasets are
 * compared by their size and by some of their rows, so this may also fail as reading rows does.
 */
ae_status aei_ranks_agree_runs(const ae_trainer *trainer);

#endif
