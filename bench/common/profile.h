/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a step's time goes: a table of kernels that measures each call of another one. */
#ifndef BENCH_PROFILE_H
#define BENCH_PROFILE_H

#include "compute/kernels.h"

enum { PROFILE_THREADS = 64 };

typedef enum profile_part {
    PROFILE_PRODUCT,   /* forward, and gradient of the inputs */
    PROFILE_GRADIENT,  /* gradient of the weights */
    PROFILE_TRANSPOSE, /* of the weights, for the gradient of the inputs */
    PROFILE_NORMALISE, /* forward normalisation and non-linearity */
    PROFILE_BACK,      /* backward normalisation and non-linearity */
    PROFILE_COST,      /* costs of the rows and their gradient */
    PROFILE_UPDATE,    /* the optimizer */
    PROFILE_PARTS
} profile_part;

extern const char *const profile_names[PROFILE_PARTS];

/* A table that calls `kernels` and measures; one at a time in a program. */
const aei_kernels *profile_wrap(const aei_kernels *kernels);

/* Seconds spent in each part since the last call, added up over the threads that called. */
void profile_take(double seconds[PROFILE_PARTS]);

#endif
