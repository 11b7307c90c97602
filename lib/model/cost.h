/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_COST_H
#define AEI_COST_H

#include <libae/session.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/fill.h"

/*
 * What some rows of a batch add to batch_rows times its cost, from their sums of squares (or, for
 * BCE, of entropies), [panels][rows], and the factor by which each row's y - t becomes its part of
 * the gradient. there says which share of each row is there; NULL: all. weights has one for each
 * row; NULL: all are 1.
 */
double aei_cost_of_rows(ae_cost kind, size_t row_count, size_t batch_rows, size_t features,
                        size_t panels, const float *sums, const aei_there *there,
                        const float *weights, float *factor);

/* Refuse a cost that is none, or that the network's output cannot have.
 * AE_ERROR_INVALID_ARGUMENT. */
ae_status aei_network_check_cost(const ae_network *network, ae_cost cost);

/* What a score is, the defaults resolved. */
typedef struct aei_score_form {
    ae_cost cost;
    ae_score_units units;
} aei_score_form;

/*
 * The score that options ask of a network. AE_ERROR_INVALID_ARGUMENT: no cost or units, or one that
 * the network's output or the cost cannot have. AE_ERROR_NOT_SET: scaled without a scaling. Whether
 * there is a spread is left to who needs it.
 */
ae_status aei_score_form_resolve(aei_score_form *form, const ae_network *network, ae_cost cost,
                                 ae_score_units units);

/* The same from score options, and the spread for its units: NULL for the others.
 * AE_ERROR_NOT_SET: no spread. */
ae_status aei_score_form_read(aei_score_form *form, const float **spread, const ae_network *network,
                              const ae_score_options *options);

/* A cost's name in files, "l2", and back; aei_cost_parse is false for NULL and for no name. */
const char *aei_cost_name(ae_cost cost);
bool aei_cost_parse(ae_cost *cost, const char *name);

/* And those of units, "scaled". */
const char *aei_score_units_name(ae_score_units units);
bool aei_score_units_parse(ae_score_units *units, const char *name);

#endif
