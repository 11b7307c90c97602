/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Noise on the input of a denoising autoencoder: normal or masking (Vincent et al. 2008, section
 * 2.3; Vincent et al. 2010, section 3.3), and dropout of inputs with its scale in training
 * (Srivastava et al. 2014, section 10). Random numbers are counted, not drawn in turn: four features
 * of a row share a block of the generator, and each kind of noise has a stream of its own.
 */
#include "model/noise.h"

#include "base/philox.h"

#include <math.h>

enum { QUAD = 4 };

/* Two normal numbers from two words (Box and Muller 1958). */
static void normal_pair(double z[2], uint32_t a, uint32_t b)
{
    const double radius = sqrt(-2 * log(((double)a + 0.5) * 0x1p-32)), angle = 0x1.921fb54442d18p+2 * (double)b * 0x1p-32;
    z[0] = radius * cos(angle);
    z[1] = radius * sin(angle);
}

static void add_normal(const aei_noise *noise, uint64_t place, float x[QUAD])
{
    uint32_t words[QUAD];
    double z[QUAD];
    aei_random_block(words, noise->seed, AEI_STREAM_NOISE, (uint32_t)noise->step, place);
    normal_pair(z, words[0], words[1]);
    normal_pair(z + 2, words[2], words[3]);
    for (size_t j = 0; j < QUAD; j++)
        x[j] += noise->sd * (float)z[j];
}

/* Each of the values with this chance to 0, else scaled. */
static void drop(const aei_noise *noise, uint32_t stream, uint64_t place, float chance, float scale, float x[QUAD])
{
    uint32_t words[QUAD];
    aei_random_block(words, noise->seed, stream, (uint32_t)noise->step, place);
    for (size_t j = 0; j < QUAD; j++)
        x[j] = (double)words[j] < (double)chance * 0x1p32 ? 0 : x[j] * scale;
}

void aei_noise_apply(const aei_noise *noise, size_t features, size_t first, size_t count, size_t rows,
                     const float *clean, float *spoilt, size_t stride)
{
    const uint64_t quads = ((uint64_t)features + QUAD - 1) / QUAD;
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < count; j += QUAD) {
            const size_t here = count - j < QUAD ? count - j : QUAD, at = r * stride + j;
            const uint64_t place = r * quads + (first + j) / QUAD;
            float x[QUAD] = {0};
            for (size_t i = 0; i < here; i++)
                x[i] = clean[at + i];
            if (noise->sd > 0)
                add_normal(noise, place, x);
            if (noise->mask > 0)
                drop(noise, AEI_STREAM_MASK, place, noise->mask, 1, x);
            if (noise->dropout > 0)
                drop(noise, AEI_STREAM_DROPOUT, place, noise->dropout, 1 / (1 - noise->dropout), x);
            for (size_t i = 0; i < here; i++)
                spoilt[at + i] = x[i];
        }
    }
}
