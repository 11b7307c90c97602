/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_ELEMENTARY_H
#define AEI_ELEMENTARY_H

#include <stdint.h>

/*
 * Elementary functions with the same bits on every machine. Those of a C library differ in the last
 * bits from one library to another, and choose code by the processor. What weights depend on calls
 * these. No C library's results are closer than a few units in the last place to them.
 */

/* base^(dividend / divisor) for a base in [0, 1] and a divisor above 0. Its relative error is below
 * the integer part of the exponent times 2^-53, and 64 times 2^-53 more. */
double aei_power(double base, uint64_t dividend, uint64_t divisor);

/* The natural logarithm of a positive, finite x. */
double aei_log(double x);

/* cos(2 pi turns) for turns in [0, 1]. */
double aei_cos_turns(double turns);

#endif
