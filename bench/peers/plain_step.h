/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A training step but for its matrix products, as someone would write it around a library of
 * products: loops that the compiler vectorises, cut by columns or elements among OpenMP's threads.
 * Valid as C and as C++.
 */
#ifndef PEERS_STEP_H
#define PEERS_STEP_H

#include <math.h>

#include "worker.h"

enum { COLUMNS = 16 };

typedef struct peer_layer {
    size_t in, out;
    size_t weights;                             /* elements as stored, padding included */
    float *w, *g, *m, *v;                       /* weights, their gradient, their moments */
    float *scale, *scale_g, *scale_m, *scale_v; /* gamma and after it beta */
    float *z, *y, *dy, *dz, *inverse;           /* batch x out each; z becomes the normalised z */
} peer_layer;

static inline float *peer_floats(size_t count)
{
    float *values = (float *)aligned_alloc(64, (count * sizeof *values + 127) / 64 * 64);
    if (values == NULL)
        peer_stop("out of memory");
    memset(values, 0, count * sizeof *values);
    return values;
}

/* Everything but the weights: w, g, m, v follow in peer_layer_weights. */
static inline peer_layer peer_layer_create(size_t in, size_t out, size_t batch)
{
    peer_layer layer;
    memset(&layer, 0, sizeof layer);
    layer.in = in;
    layer.out = out;
    layer.scale = peer_floats(2 * out);
    layer.scale_g = peer_floats(2 * out);
    layer.scale_m = peer_floats(2 * out);
    layer.scale_v = peer_floats(2 * out);
    layer.inverse = peer_floats(out);
    layer.z = peer_floats(batch * out);
    layer.y = peer_floats(batch * out);
    layer.dy = peer_floats(batch * out);
    layer.dz = peer_floats(batch * out);
    for (size_t i = 0; i < out; i++)
        layer.scale[i] = 1;
    return layer;
}

static inline void peer_layer_weights(peer_layer *layer, size_t elements)
{
    layer->weights = elements;
    layer->w = peer_floats(elements);
    layer->g = peer_floats(elements);
    layer->m = peer_floats(elements);
    layer->v = peer_floats(elements);
}

/* Columns c to c + n - 1 of batch normalisation and sigmoid: z -> normalised z, y. */
static inline void peer_normalise(peer_layer *layer, size_t batch, size_t c, size_t n)
{
    float mean[COLUMNS] = {0}, variance[COLUMNS] = {0};
    const size_t out = layer->out;
    for (size_t r = 0; r < batch; r++)
        for (size_t i = 0; i < n; i++)
            mean[i] += layer->z[r * out + c + i];
    for (size_t i = 0; i < n; i++)
        mean[i] /= (float)batch;
    for (size_t r = 0; r < batch; r++)
        for (size_t i = 0; i < n; i++) {
            const float d = layer->z[r * out + c + i] - mean[i];
            variance[i] += d * d;
        }
    for (size_t i = 0; i < n; i++)
        layer->inverse[c + i] = 1 / sqrtf(variance[i] / (float)batch + 1e-3f);
    for (size_t r = 0; r < batch; r++)
        for (size_t i = 0; i < n; i++) {
            const size_t at = r * out + c + i;
            layer->z[at] = (layer->z[at] - mean[i]) * layer->inverse[c + i];
            layer->y[at] = 1 / (1 + expf(-(layer->z[at] * layer->scale[c + i] +
                                           layer->scale[out + c + i])));
        }
}

/* The same columns backward: dy -> dz and the gradients of gamma and beta. */
static inline void peer_normalise_back(peer_layer *layer, size_t batch, size_t c, size_t n)
{
    float gamma[COLUMNS] = {0}, beta[COLUMNS] = {0};
    const size_t out = layer->out;
    for (size_t r = 0; r < batch; r++)
        for (size_t i = 0; i < n; i++) {
            const size_t at = r * out + c + i;
            const float d = layer->dy[at] * layer->y[at] * (1 - layer->y[at]);
            layer->dz[at] = d;
            gamma[i] += d * layer->z[at];
            beta[i] += d;
        }
    for (size_t r = 0; r < batch; r++)
        for (size_t i = 0; i < n; i++) {
            const size_t at = r * out + c + i;
            layer->dz[at] = layer->scale[c + i] * layer->inverse[c + i] *
                            (layer->dz[at] - (beta[i] + layer->z[at] * gamma[i]) / (float)batch);
        }
    for (size_t i = 0; i < n; i++) {
        layer->scale_g[c + i] = gamma[i];
        layer->scale_g[out + c + i] = beta[i];
    }
}

static inline void peer_layer_forward(peer_layer *layer, size_t batch)
{
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < layer->out; c += COLUMNS)
        if (layer->out - c >= COLUMNS)
            peer_normalise(layer, batch, c, COLUMNS);
        else
            peer_normalise(layer, batch, c, layer->out - c);
}

static inline void peer_layer_backward(peer_layer *layer, size_t batch)
{
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < layer->out; c += COLUMNS)
        if (layer->out - c >= COLUMNS)
            peer_normalise_back(layer, batch, c, COLUMNS);
        else
            peer_normalise_back(layer, batch, c, layer->out - c);
}

/* Mean of the rows' L2 norms of y - x, and its gradient in dy. */
static inline double peer_cost(peer_layer *last, const float *x, size_t batch)
{
    double sum = 0;
#pragma omp parallel for schedule(static) reduction(+ : sum)
    for (size_t r = 0; r < batch; r++) {
        float square = 0;
        for (size_t i = 0; i < last->out; i++) {
            const float d = last->y[r * last->out + i] - x[r * last->out + i];
            last->dy[r * last->out + i] = d;
            square += d * d;
        }
        const float norm = sqrtf(square), factor = norm > 0 ? 1 / (norm * (float)batch) : 0;
        for (size_t i = 0; i < last->out; i++)
            last->dy[r * last->out + i] *= factor;
        sum += norm;
    }
    return sum / (double)batch;
}

static inline void peer_adam(float *w, const float *g, float *m, float *v, size_t count,
                             size_t step)
{
    const float rate = (float)(1e-3 * sqrt(1 - pow(0.999, (double)step)) /
                               (1 - pow(0.9, (double)step)));
#pragma omp parallel for simd schedule(static) if (count > 10000)
    for (size_t i = 0; i < count; i++) {
        m[i] = 0.9f * m[i] + 0.1f * g[i];
        v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
        w[i] -= rate * m[i] / (sqrtf(v[i]) + 1e-8f);
    }
}

static inline void peer_layer_update(peer_layer *layer, size_t step)
{
    peer_adam(layer->w, layer->g, layer->m, layer->v, layer->weights, step);
    peer_adam(layer->scale, layer->scale_g, layer->scale_m, layer->scale_v, 2 * layer->out, step);
}

#endif
