/* SPDX-License-Identifier: BSD-3-Clause */
/* For BLIS's micro-kernels that are 16 wide (blis.c), which need everything else in panels of 16 as
 * well. */
#define AEI_TABLE aei_kernels_panel16
#define AEI_NAME "panel16"
#define AEI_LANES 4
#define AEI_MR 6
#define AEI_PANEL 16
#include "compute/blis.h"
#include "compute/kernel_template.h"
