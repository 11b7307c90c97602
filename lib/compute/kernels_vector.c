/* SPDX-License-Identifier: BSD-3-Clause */
#define AEI_TABLE aei_kernels_vector
#define AEI_NAME "vector"
#define AEI_LANES 4
#define AEI_MR 6
#include "compute/kernel_template.h"
