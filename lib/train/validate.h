/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_VALIDATE_H
#define AEI_VALIDATE_H

#include "train/trainer_internal.h"

/* The cost of a trainer's validation set, whose rows its ranks share. Without a set everything is
 * AE_OK. */

/* Take the memory for it from the trainer's arena, twice, as it wants it. */
void aei_validation_lay_out(ae_trainer *trainer);

/* The set's reader, once there is a session. */
ae_status aei_validation_reader(ae_trainer *trainer);

/* Evaluate this rank's rows: whatever reading a row returns. Without other ranks: of all. */
ae_status aei_validate_rows(ae_trainer *trainer);

/* Collective, after that: the cost of all rows. NaN without a set. */
ae_status aei_validation_cost(ae_trainer *trainer, double *cost);

#endif
