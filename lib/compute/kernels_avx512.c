/* SPDX-License-Identifier: BSD-3-Clause */
/* For AVX-512: a tile of 12 rows and 32 columns keeps 24 of the 32 registers for its sums. */
#define AEI_TABLE aei_kernels_avx512
#define AEI_NAME "avx512"
#define AEI_LANES 16
#define AEI_MR 12
#include "compute/kernel_template.h"
