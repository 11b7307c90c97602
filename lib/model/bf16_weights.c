/* SPDX-License-Identifier: BSD-3-Clause */
/* In what form does a bfloat16 session keep weights? Half the bytes of float32 are read for each
 * row. The copy is made again when the network's generation has changed. */
#include "model/bf16_weights.h"

#include "model/panels.h"

/* A panel of a layer with an odd input has one row more: its last pair is half empty. */
static size_t panel_pairs(const ae_network *network, const aei_layer *layer)
{
    return (layer->in + 1) / 2 * network->kernels->panel;
}

void aei_bf16_weights_lay_out(aei_bf16_weights *copy, aei_arena *arena, const ae_network *n,
                              size_t threads)
{
    if (copy->pairs == NULL) {
        copy->plain = aei_arena_take(arena, n->parameter_floats, sizeof *copy->plain);
        copy->widened = aei_arena_take(arena, threads, sizeof *copy->widened);
        for (size_t t = 0; t < threads; t++) {
            float *panel = aei_arena_take(arena, n->widest, n->kernels->panel * sizeof *panel);
            if (copy->widened != NULL)
                copy->widened[t] = panel;
        }
        return;
    }
    size_t size = 0;
    copy->offsets = aei_arena_take(arena, n->depth, sizeof *copy->offsets);
    for (size_t l = 0; l < n->depth; l++) {
        if (copy->offsets != NULL)
            copy->offsets[l] = size;
        size += n->layers[l].panels * panel_pairs(n, &n->layers[l]);
    }
    copy->paired = aei_arena_take(arena, size, sizeof *copy->paired);
}

/* Panel by panel for pairs, since a pair must not reach into the next panel. */
void aei_bf16_weights_copy(aei_bf16_weights *copy, const ae_network *n)
{
    const size_t panel = n->kernels->panel;
    for (size_t l = 0; l < n->depth; l++) {
        const aei_layer *layer = &n->layers[l];
        const float *weights = n->parameters + layer->weight;
        if (copy->pairs == NULL) {
            n->kernels->to_bf16(layer->panels * layer->in * panel, weights,
                                copy->plain + layer->weight);
            continue;
        }
        for (size_t p = 0; p < layer->panels; p++)
            copy->pairs->pack_pairs(layer->in, weights + p * layer->in * panel,
                                    copy->paired + copy->offsets[l] + p * panel_pairs(n, layer));
    }
}

void aei_bf16_weights_multiply_pairs(const aei_bf16_weights *copy, const ae_network *network,
                                     size_t l, size_t p, size_t rows, const uint16_t *x, float *c)
{
    const aei_layer *layer = &network->layers[l];
    const uint32_t *weights = copy->paired + copy->offsets[l] + p * panel_pairs(network, layer);
    copy->pairs->gemm_nn(rows, layer->in, aei_columns(network->kernels->panel, layer->out, p), x,
                         weights, c);
}

/* For many rows a panel is converted once and serves all of them. One row uses each weight once, so
 * its kernel converts as it reads. */
void aei_bf16_weights_multiply(const aei_bf16_weights *copy, const ae_network *network, size_t l,
                               size_t p, size_t panels, size_t rows, const float *x, float *c,
                               size_t thread)
{
    const aei_kernels *kernels = network->kernels;
    const aei_layer *layer = &network->layers[l];
    const size_t size = layer->in * kernels->panel;
    const uint16_t *weights = copy->plain + layer->weight + p * size;
    if (panels == 2) {
        kernels->gemm_row_bf16(layer->in, x, weights, c);
        return;
    }
    kernels->from_bf16(size, weights, copy->widened[thread]);
    kernels->gemm_nn(rows, layer->in, aei_columns(kernels->panel, layer->out, p), x,
                     copy->widened[thread], c, NULL);
}
