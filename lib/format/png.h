/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_PNG_H
#define AEI_PNG_H

#include <libae/status.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Encode height x width x channels bytes (1 grey, 3 RGB, 4 RGBA) as PNG; the caller frees png.
 * AE_ERROR_UNSUPPORTED (built without libpng), AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_png_encode(unsigned char **png, size_t *size, size_t width, size_t height,
                         size_t channels, const uint8_t *pixels);

#endif
