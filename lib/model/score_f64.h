/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_SCORE_F64_H
#define AEI_SCORE_F64_H

#include "model/cost.h"

/* Doubles of scratch that aei_score_f64 needs. */
size_t aei_score_f64_room(const ae_network *network);

/*
 * The score of a row in float64 throughout, one sum after another: what any float32 computation of
 * it comes near to, however it orders its sums. Slow. A form in spreads needs the network's.
 */
double aei_score_f64(const ae_network *network, aei_score_form form, const float *row,
                     double *room);

#endif
