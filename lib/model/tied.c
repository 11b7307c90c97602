/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A weight is [out / P][in][P], so its tile of P inputs and P outputs is, transposed, a tile of the
 * tied weight: panel p and input block q of the one, panel q and input block p of the other. A
 * thread that has a panel to itself writes tiles of the tied weight that no other thread writes.
 */
#include "model/tied.h"

#include "base/error.h"
#include "model/panels.h"

#include <stdio.h>

/* A tile of a layer's weight: inputs [rows][P], of which `columns` outputs hold data. */
typedef struct tile {
    size_t offset, rows, columns;
} tile;

static tile tile_at(const ae_network *n, size_t layer, size_t p, size_t q)
{
    const aei_layer *l = &n->layers[layer];
    const size_t panel = n->kernels->panel;
    return (tile){.offset = l->weight + (p * l->in + q * panel) * panel,
                  .rows = aei_columns(panel, l->in, q),
                  .columns = aei_columns(panel, l->out, p)};
}

static size_t partner(const ae_network *n, size_t layer)
{
    return n->depth - 1 - layer;
}

void aei_tied_copy_panel(const ae_network *n, size_t layer, size_t p, float *block)
{
    const size_t blocks = aei_panels(n->kernels->panel, n->layers[layer].in);
    for (size_t q = 0; q < blocks; q++) {
        const tile from = tile_at(n, layer, p, q), to = tile_at(n, partner(n, layer), q, p);
        n->kernels->transpose(from.rows, from.columns, block + from.offset, block + to.offset);
    }
}

void aei_tied_copy(const ae_network *n, size_t layer, float *block)
{
    for (size_t p = 0; p < n->layers[layer].panels; p++)
        aei_tied_copy_panel(n, layer, p, block);
}

void aei_tied_add_gradient(const ae_network *n, size_t layer, size_t p, float *block,
                           float *scratch)
{
    const size_t panel = n->kernels->panel, blocks = aei_panels(panel, n->layers[layer].in);
    for (size_t q = 0; q < blocks; q++) {
        const tile to = tile_at(n, layer, p, q), from = tile_at(n, partner(n, layer), q, p);
        n->kernels->transpose(from.rows, from.columns, block + from.offset, scratch);
        for (size_t i = 0; i < to.rows * panel; i++)
            block[to.offset + i] += scratch[i];
        /* The norm of the whole block is then that of each parameter once. */
        for (size_t i = 0; i < from.rows * panel; i++)
            block[from.offset + i] = 0;
    }
}

static bool same(const ae_network *n, size_t layer, const float *block)
{
    const size_t panel = n->kernels->panel;
    const aei_layer *mine = &n->layers[layer], *other = &n->layers[partner(n, layer)];
    for (size_t i = 0; i < mine->in; i++)
        for (size_t j = 0; j < mine->out; j++) {
            const float a = block[mine->weight + (j / panel * mine->in + i) * panel + j % panel];
            const float b = block[other->weight + (i / panel * other->in + j) * panel + i % panel];
            if (a < b || a > b)
                return false;
        }
    return true;
}

ae_status aei_tied_check(const ae_network *n, const float *block)
{
    for (size_t l = 0; n->tied && l < n->encoder_layers; l++)
        if (!same(n, l, block)) {
            char name[64], other[64];
            aei_tensor_name(name, sizeof name, l, n->encoder_layers, "weight");
            aei_tensor_name(other, sizeof other, partner(n, l), n->encoder_layers, "weight");
            return aei_fail(AE_ERROR_FORMAT,
                            "tensor %s is not the transpose of %s, but libae.architecture has "
                            "tied_weights: another program may have trained them apart",
                            other, name);
        }
    return AE_OK;
}
