/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_GROW_H
#define AEI_GROW_H

#include <libae/status.h>
#include <stddef.h>

/*
 * Make an array hold count elements of size bytes at least: *block may move, *room counts elements.
 * Room is doubled, so that adding one by one copies each but a few times. AE_ERROR_OUT_OF_MEMORY
 * leaves both alone.
 */
ae_status aei_grow(void **block, size_t *room, size_t count, size_t size);

#endif
