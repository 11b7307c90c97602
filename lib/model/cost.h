/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_COST_H
#define AEI_COST_H

#include <libae/types.h>
#include <stddef.h>

#include "model/network_internal.h"

/*
 * A batch's cost from its rows' sums of squares (or, for BCE, of entropies), [panels][rows], and
 * the factor by which each row's y - t becomes its part of the gradient.
 */
double aei_cost_of_batch(ae_cost kind, size_t row_count, size_t features, size_t panels,
                         const float *sums, float *factor);

/* Refuse a cost that is none, or that the network's output cannot have.
 * AE_ERROR_INVALID_ARGUMENT. */
ae_status aei_network_check_cost(const ae_network *network, ae_cost cost);

#endif
