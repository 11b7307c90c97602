/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CRC32C_H
#define AEI_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli): reflected polynomial 0x82F63B78, initial value and final xor 0xFFFFFFFF. */
uint32_t aei_crc32c(const void *data, size_t size);

#endif
