/* SPDX-License-Identifier: BSD-3-Clause */
#include "model/pieces.h"

#include "model/squares.h"

/* 256 KB: a piece that has come is added, stepped and sent on while the second-level cache holds
 * it. */
enum { MOST_FLOATS = 1 << 16 };

size_t aei_pieces_before_row(const aei_layer *layer, size_t panel, size_t row)
{
    const size_t full = layer->out / panel * layer->in; /* rows with P columns */
    return row <= full ? row * panel : full * panel + (row - full) * (layer->out % panel);
}

/* The row at which the piece with this share of the layer's floats begins. Borders are where sums
 * of squares have theirs. */
static size_t border(const aei_layer *layer, size_t panel, size_t part, size_t parts)
{
    const size_t rows = layer->panels * layer->in;
    const size_t floats = layer->in * layer->out / parts * part +
                          layer->in * layer->out % parts * part / parts;
    const size_t full = layer->out / panel * layer->in; /* rows with P columns */
    size_t row = floats <= full * panel ? floats / panel
                                        : full + (floats - full * panel) / (layer->out % panel);
    const size_t within = (row % layer->in + AEI_SQUARE_ROWS / 2) / AEI_SQUARE_ROWS *
                          AEI_SQUARE_ROWS;
    row += (within < layer->in ? within : layer->in) - row % layer->in;
    return part == parts || row > rows ? rows : row;
}

/* Sums of squares before a row that begins one. */
static size_t squares_before_row(const aei_layer *layer, size_t row)
{
    return row / layer->in * aei_squares_of_panel(layer) +
           (row % layer->in + AEI_SQUARE_ROWS - 1) / AEI_SQUARE_ROWS;
}

static aei_piece piece_of(const ae_network *n, size_t l, size_t owner, size_t first, size_t last)
{
    const aei_layer *layer = &n->layers[l];
    const size_t panel = n->kernels->panel;
    aei_piece piece = {.layer = l,
                       .owner = owner,
                       .first = first,
                       .last = last,
                       .first_panel = (first + layer->in - 1) / layer->in,
                       .last_panel = (last + layer->in - 1) / layer->in};
    piece.weights = aei_pieces_before_row(layer, panel, last) -
                    aei_pieces_before_row(layer, panel, first);
    for (size_t p = piece.first_panel; p < piece.last_panel; p++) {
        const size_t columns = aei_columns(panel, layer->out, p);
        piece.norms += (layer->batch_norm ? 2 : 1) * columns;
        piece.statistics += layer->batch_norm ? 2 * columns : 0;
    }
    piece.first_square = aei_squares_before(n, l) + squares_before_row(layer, first);
    piece.squares = squares_before_row(layer, last) - squares_before_row(layer, first) +
                    (piece.last_panel - piece.first_panel);
    piece.norm_square = aei_squares_before(n, l) + layer->panels * aei_squares_of_panel(layer) +
                        piece.first_panel;
    return piece;
}

static size_t moment_floats(const aei_piece *piece, size_t panel)
{
    return (piece->last - piece->first) * panel +
           (piece->last_panel - piece->first_panel) * 2 * panel;
}

size_t aei_pieces_moment_floats(const aei_piece *pieces, size_t count, size_t panel, size_t owner)
{
    size_t floats = 0;
    for (size_t i = 0; i < count; i++)
        floats += pieces[i].owner == owner ? moment_floats(&pieces[i], panel) : 0;
    return floats;
}

size_t aei_pieces_cut(const ae_network *n, size_t ranks, aei_piece *pieces)
{
    const size_t panel = n->kernels->panel;
    size_t count = 0;
    for (size_t l = 0; l < n->depth; l++) {
        const aei_layer *layer = &n->layers[l];
        const size_t cuts = layer->in * layer->out / ranks / MOST_FLOATS + 1, parts = ranks * cuts;
        for (size_t part = 0; part < parts; part++) {
            const size_t first = border(layer, panel, part, parts);
            const size_t last = border(layer, panel, part + 1, parts);
            if (first == last) /* a small layer has not enough for every rank */
                continue;
            if (pieces != NULL) {
                pieces[count] = piece_of(n, l, part / cuts, first, last);
                pieces[count].moment = aei_pieces_moment_floats(pieces, count, panel, part / cuts);
            }
            count++;
        }
    }
    return count;
}
