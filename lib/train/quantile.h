/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_QUANTILE_H
#define AEI_QUANTILE_H

#include <stddef.h>

/* 1 over the normal distribution's third quartile: makes the median absolute deviation of normal
 * values their standard deviation. */
#define AEI_MAD_SCALE 1.482602218505602

/* Sort values that are not NaN. */
void aei_sort(float *values, size_t count);

/* Of sorted values, by Hyndman and Fan 1996, type 7. */
double aei_quantile(const float *sorted, size_t count, double q);

#endif
