/* SPDX-License-Identifier: BSD-3-Clause */
#define AEI_TABLE aei_kernels_neon
#define AEI_NAME "neon"
#define AEI_LANES 4
#define AEI_MR 12
#include "compute/kernel_template.h"
