/* SPDX-License-Identifier: BSD-3-Clause */
/* How does a picture become PNG, for event files? By libpng, in one call. */
#include "format/png.h"

#include "base/error.h"

#ifdef AEI_HAVE_PNG

#include <png.h>
#include <stdlib.h>

/* libpng's simplified interface: it keeps its errors to itself and leaves 8-bit samples as they
 * are. */
ae_status aei_png_encode(unsigned char **png, size_t *size, size_t width, size_t height,
                         size_t channels, const uint8_t *pixels)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION,
        .width = (png_uint_32)width,
        .height = (png_uint_32)height,
        .format = channels == 1   ? PNG_FORMAT_GRAY
                  : channels == 3 ? PNG_FORMAT_RGB
                                  : PNG_FORMAT_RGBA,
    };
    png_alloc_size_t used = PNG_IMAGE_PNG_SIZE_MAX(image);
    unsigned char *bytes = malloc(used);
    if (bytes == NULL)
        return aei_fail_memory(used);
    if (!png_image_write_to_memory(&image, bytes, &used, 0, pixels, 0, NULL)) {
        free(bytes);
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "libpng: %s", image.message);
    }
    *png = bytes;
    *size = used;
    return AE_OK;
}

#else

ae_status aei_png_encode(unsigned char **png, size_t *size, size_t width, size_t height,
                         size_t channels, const uint8_t *pixels)
{
    (void)png, (void)size, (void)width, (void)height, (void)channels, (void)pixels;
    return aei_fail(AE_ERROR_UNSUPPORTED,
                    "this libae was built without libpng, and so cannot log pictures");
}

#endif
