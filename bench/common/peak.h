/* SPDX-License-Identifier: BSD-3-Clause */
/* What the machine can do, measured on the threads of a team: multiply-adds in registers, bytes
 * read from memory. */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

#include <stddef.h>

#include "base/team.h"

/* Multiply-adds on float32 with the widest vectors that `isa` (flags of base/cpu.h) has, for about
 * `seconds`: GFLOP/s of all threads. */
double peak_fma(aei_team *team, unsigned isa, double seconds);

/* The same of bfloat16 numbers, summed up in float32; 0 where there is no instruction for them. */
double peak_bf16(aei_team *team, unsigned isa, double seconds);

/* Every thread reads its part of a buffer far larger than the caches: GB/s of all threads. NULL
 * buffer: 0. */
double peak_read(aei_team *team, const float *buffer, size_t floats);

#endif
