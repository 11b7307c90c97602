/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CHECKSUM_H
#define AEI_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Two sums of a message, at the speed of memory: a plain one, in which any flipped bit is certain
 * to show, and one weighted by position, in which words that changed places show too. For any two
 * flipped bits one of the sums is certain to differ.
 */
typedef struct aei_checksum {
    uint64_t plain, weighted;
} aei_checksum;

/* Go on from the sums of what came before; {0} at the start. data needs no alignment. */
aei_checksum aei_checksum_add(aei_checksum before, const void *data, size_t bytes);

#endif
