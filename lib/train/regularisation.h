/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_REGULARISATION_H
#define AEI_REGULARISATION_H

#include "train/trainer_internal.h"

/* Check the options that make a network of this architecture generalise, and put defaults in their
 * place. AE_ERROR_INVALID_ARGUMENT. */
ae_status aei_regularisation_resolve(ae_trainer_options *options, const ae_network *network);

#endif
