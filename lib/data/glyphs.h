/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_GLYPHS_H
#define AEI_GLYPHS_H

#include <stddef.h>
#include <stdint.h>

/* How hands write the ten digits: control points of smooth strokes, in hundredths, x right, y
 * down. */
typedef struct aei_point {
    int8_t x;
    int8_t y;
} aei_point;

/* A curve through its points; a point given twice is a corner. */
typedef struct aei_stroke {
    const aei_point *points;
    size_t count;
} aei_stroke;

enum { AEI_GLYPH_STROKES = 3, AEI_GLYPH_POINTS = 20 };

/* One way to write a digit. */
typedef struct aei_glyph {
    aei_stroke strokes[AEI_GLYPH_STROKES]; /* unused ones have no points */
    uint32_t weight;                       /* how often, beside the digit's other ways */
} aei_glyph;

/* The ways to write a digit, 0 to 9. */
const aei_glyph *aei_glyphs(size_t digit, size_t *count);

#endif
