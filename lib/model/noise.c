/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Noise on the input of a denoising autoencoder: normal or masking (Vincent et al. 2008, section
 * 2.3; Vincent et al. 2010, section 3.3), and dropout of inputs with its scale in training
 * (Srivastava et al. 2014, section 10). Random numbers are counted, not drawn in turn: every
 * feature of a row has a word of its own in each stream, and each kind of noise its stream.
 */
#include "model/noise.h"

#include "base/philox.h"

#include <math.h>
#include <string.h>

/* Features at a time, a word each. */
enum { QUAD = 4, GROUP = QUAD * AEI_BLOCKS };

/* Factors of a polynomial, from the highest power down. */
static inline float polynomial(const float *factors, size_t count, float x)
{
    float sum = factors[0];
    for (size_t i = 1; i < count; i++)
        sum = sum * x + factors[i];
    return sum;
}

/*
 * Words to standard normal numbers by the inverse of the distribution, sqrt(2) erfinv(u) for u
 * uniform in (-1, 1): the single-precision approximation of Giles 2011 ("Approximating the erfinv
 * function", table 5), polynomials in w = -log(1 - u^2), one for the middle and one for the tails
 * beyond 2.9.
 */
static void normals(const aei_kernels *kernels, const uint32_t words[GROUP], float z[GROUP])
{
    static const float middle[] = {2.81022636e-08f,  3.43273939e-07f, -3.5233877e-06f,
                                   -4.39150654e-06f, 0.00021858087f,  -0.00125372503f,
                                   -0.00417768164f,  0.246640727f,    1.50140941f};
    static const float tail[] = {-0.000200214257f, 0.000100950558f, 0.00134934322f,
                                 -0.00367342844f,  0.00573950773f,  -0.0076224613f,
                                 0.00943887047f,   1.00167406f,     2.83297682f};
    enum { COUNT = sizeof middle / sizeof middle[0] };
    float u[GROUP], w[GROUP];
    for (size_t j = 0; j < GROUP; j++) {
        u[j] = ((float)(int32_t)(words[j] >> 9) + 0.5f) * 0x1p-22f -
               1; /* 23 bits: exact, and so are 1 - u and 1 + u */
        w[j] = (1 - u[j]) * (1 + u[j]);
    }
    kernels->map_elementwise(AEI_MAP_LOG, GROUP, w, w);
    for (size_t j = 0; j < GROUP; j++)
        z[j] = 1.41421356f * u[j] * polynomial(middle, COUNT, -w[j] - 2.5f);
    for (size_t j = 0; j < GROUP; j++)
        if (w[j] <= -5)
            z[j] = 1.41421356f * u[j] * polynomial(tail, COUNT, sqrtf(-w[j]) - 3);
}

static void add_normal(const aei_noise *noise, const aei_kernels *kernels, uint64_t place,
                       float x[GROUP])
{
    uint32_t words[GROUP];
    float z[GROUP];
    aei_random_blocks(words, noise->seed, AEI_STREAM_NOISE, (uint32_t)noise->step, place);
    normals(kernels, words, z);
    for (size_t j = 0; j < GROUP; j++)
        x[j] += noise->sd * z[j];
}

/* Set each value to 0 with this chance, else scale it. */
static void drop(const aei_noise *noise, uint32_t stream, uint64_t place, float chance, float scale,
                 float x[GROUP])
{
    uint32_t words[GROUP];
    const int32_t bound = (int32_t)(chance * 0x1p31f); /* chance < 1 */
    aei_random_blocks(words, noise->seed, stream, (uint32_t)noise->step, place);
    for (size_t j = 0; j < GROUP; j++)
        x[j] = (int32_t)(words[j] >> 1) < bound ? 0 : x[j] * scale;
}

static void corrupt(const aei_noise *noise, const aei_kernels *kernels, uint64_t place,
                    float x[GROUP])
{
    if (noise->sd > 0)
        add_normal(noise, kernels, place, x);
    if (noise->mask > 0)
        drop(noise, AEI_STREAM_MASK, place, noise->mask, 1, x);
    if (noise->dropout > 0)
        drop(noise, AEI_STREAM_DROPOUT, place, noise->dropout, 1 / (1 - noise->dropout), x);
}

void aei_noise_apply(const aei_noise *noise, const aei_kernels *kernels, size_t features,
                     size_t first, size_t count, size_t first_row, size_t rows, const float *clean,
                     float *corrupted, size_t stride)
{
    const uint64_t quads = ((uint64_t)features + QUAD - 1) / QUAD;
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < count; j += GROUP) {
            const size_t here = count - j < GROUP ? count - j : GROUP, at = r * stride + j;
            float x[GROUP] = {0};
            memcpy(x, clean + at, here * sizeof x[0]);
            corrupt(noise, kernels, (first_row + r) * quads + (first + j) / QUAD, x);
            memcpy(corrupted + at, x, here * sizeof x[0]);
        }
    }
}
