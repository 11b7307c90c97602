/* SPDX-License-Identifier: BSD-3-Clause */
/* For AArch64, whose 32 registers hold four floats each. */
#define AEI_TABLE aei_kernels_neon
#define AEI_NAME "neon"
#define AEI_LANES 4
#define AEI_MR 12
#include "compute/kernel_template.h"
