/* SPDX-License-Identifier: BSD-3-Clause */
/* The products of pairs for every processor, in panels of 16: what the instruction does, written
 * down. */
#define AEI_PAIRS test_pairs16
#define AEI_PAIRS_NAME "pairs16"
#define AEI_LANES 4
#define AEI_MR 6
#define AEI_PANEL 16
#define AEI_DOT(c, a, b)                                    \
    do {                                                    \
        c += (vec)((a)&0xffff0000) * (vec)((b)&0xffff0000); \
        c += (vec)((a) << 16) * (vec)((b) << 16);           \
    } while (0)
#include "compute/kernel_pairs.h"
