/* SPDX-License-Identifier: BSD-3-Clause */
#define AEI_TABLE aei_kernels_avx512
#define AEI_NAME "avx512"
#define AEI_LANES 16
#define AEI_MR 12
#include "compute/kernel_template.h"
