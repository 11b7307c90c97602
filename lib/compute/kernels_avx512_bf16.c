/* SPDX-License-Identifier: BSD-3-Clause */
/* For processors with vdpbf16ps, in tiles of the same size as the AVX-512 table's. */
#define AEI_PAIRS aei_bf16_kernels_avx512
#define AEI_PAIRS_NAME "avx512_bf16"
#define AEI_LANES 16
#define AEI_MR 12
#define AEI_DOT(c, a, b) __asm__("vdpbf16ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b))
#include "compute/kernel_pairs.h"
