/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_DEAD_UNITS_H
#define AEI_DEAD_UNITS_H

#include <libae/dataset.h>
#include <libae/experimental.h>

/*
 * Fill in a diagnosis's counts of units, dead units and collapsed codes, and their warnings, from
 * the outputs of every layer over a dataset of the right width. counts: NULL, or one for each
 * layer. AE_ERROR_OUT_OF_MEMORY, AE_ERROR_THREAD.
 */
ae_status aei_dead_units_count(ae_diagnosis *diagnosis, size_t *counts, const ae_network *network,
                               const ae_dataset *dataset, size_t threads);

#endif
