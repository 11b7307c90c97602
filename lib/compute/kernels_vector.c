/* SPDX-License-Identifier: BSD-3-Clause */
/* For every processor: vectors of four floats, which a compiler can split where there are none. */
#define AEI_TABLE aei_kernels_vector
#define AEI_NAME "vector"
#define AEI_LANES 4
#define AEI_MR 6
#include "compute/kernel_template.h"
