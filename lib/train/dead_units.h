/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_DEAD_UNITS_H
#define AEI_DEAD_UNITS_H

#include <libae/dataset.h>
#include <libae/experimental.h>

#include "model/session_internal.h"

/* Codes of more features are not searched for duplicates. */
enum { AEI_UNITS_CODES = 512 };

/*
 * Fill in a verdict's counts of units, dead units and collapsed codes, from the outputs of every
 * layer over a dataset of the right width. dead_by_layer may be NULL. AE_ERROR_OUT_OF_MEMORY,
 * AE_ERROR_THREAD.
 */
ae_status aei_dead_units_count(ae_diagnosis *verdict, size_t *dead_by_layer, ae_session *session,
                               const ae_dataset *dataset);

#endif
