/* SPDX-License-Identifier: BSD-3-Clause */
#include "model/low_weights.h"

#include "model/panels.h"

static size_t panel_pairs(const ae_network *network, const aei_layer *layer)
{
    return (layer->in + 1) / 2 * network->kernels->panel;
}

void aei_low_weights_lay_out(aei_low_weights *low, aei_arena *arena, const ae_network *n, size_t threads)
{
    if (low->pairs == NULL) {
        low->narrow = aei_arena_take(arena, n->parameter_floats, sizeof *low->narrow);
        low->widened = aei_arena_take(arena, threads, sizeof *low->widened);
        for (size_t t = 0; t < threads; t++) {
            float *panel = aei_arena_take(arena, n->widest, n->kernels->panel * sizeof *panel);
            if (low->widened != NULL)
                low->widened[t] = panel;
        }
        return;
    }
    size_t size = 0;
    low->offsets = aei_arena_take(arena, n->depth, sizeof *low->offsets);
    for (size_t l = 0; l < n->depth; l++) {
        if (low->offsets != NULL)
            low->offsets[l] = size;
        size += n->layers[l].panels * panel_pairs(n, &n->layers[l]);
    }
    low->paired = aei_arena_take(arena, size, sizeof *low->paired);
}

void aei_low_weights_copy(aei_low_weights *low, const ae_network *n)
{
    const size_t panel = n->kernels->panel;
    for (size_t l = 0; l < n->depth; l++) {
        const aei_layer *layer = &n->layers[l];
        const float *weights = n->parameters + layer->weight;
        if (low->pairs == NULL) {
            n->kernels->narrow(layer->panels * layer->in * panel, weights, low->narrow + layer->weight);
            continue;
        }
        for (size_t p = 0; p < layer->panels; p++)
            low->pairs->pair(layer->in, weights + p * layer->in * panel,
                             low->paired + low->offsets[l] + p * panel_pairs(n, layer));
    }
}

void aei_low_weights_multiply_pairs(const aei_low_weights *low, const ae_network *network, size_t l, size_t p,
                                    size_t rows, const uint16_t *x, float *c)
{
    const aei_layer *layer = &network->layers[l];
    const uint32_t *weights = low->paired + low->offsets[l] + p * panel_pairs(network, layer);
    low->pairs->gemm_nn(rows, layer->in, aei_columns(network->kernels->panel, layer->out, p), x, weights, c);
}

void aei_low_weights_multiply(const aei_low_weights *low, const ae_network *network, size_t l, size_t p, size_t panels,
                              size_t rows, const float *x, float *c, size_t thread)
{
    const aei_kernels *kernels = network->kernels;
    const aei_layer *layer = &network->layers[l];
    const size_t size = layer->in * kernels->panel;
    const uint16_t *weights = low->narrow + layer->weight + p * size;
    if (panels == 2) {
        kernels->gemm_row_low(layer->in, x, weights, c);
        return;
    }
    kernels->widen(size, weights, low->widened[thread]);
    kernels->gemm_nn(rows, layer->in, aei_columns(kernels->panel, layer->out, p), x, low->widened[thread], c, NULL);
}
