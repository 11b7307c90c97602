/* SPDX-License-Identifier: BSD-3-Clause */
/* For AVX2, whose 16 registers hold eight floats each: 12 of them for the sums of a tile. */
#define AEI_TABLE aei_kernels_avx2
#define AEI_NAME "avx2"
#define AEI_LANES 8
#define AEI_MR 6
/* A panel as wide as a tile, so that a tile's weights lie one after another:
 * docs/performance.md. */
#define AEI_PANEL 16
#include "compute/kernel_template.h"
