/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_REGULARISATION_H
#define AEI_REGULARISATION_H

#include "train/trainer_internal.h"

/* Check the options that make a network of this architecture generalise, and put defaults in their
 * place. AE_ERROR_INVALID_ARGUMENT, AE_ERROR_SHAPE. */
ae_status aei_regularisation_resolve(ae_trainer_options *options, const ae_network *network);

/* Check the weights of that many rows, and of the validation set's. AE_ERROR_INVALID_ARGUMENT,
 * AE_ERROR_SHAPE. */
ae_status aei_regularisation_check_rows(const ae_trainer_options *options, size_t rows,
                                        size_t validation_rows);

/* The trainer's own copies of arrays among those options. AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_regularisation_keep(ae_trainer *trainer);

/* A chance below 1. AE_ERROR_INVALID_ARGUMENT. */
ae_status aei_check_share(const char *name, float value);

#endif
