/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_PIECES_H
#define AEI_PIECES_H

#include "model/network_internal.h"
#include "model/panels.h"

/*
 * How the parameters are shared out among ranks. Each layer is cut into even shares, so that all
 * ranks send and receive at any time, and a share into pieces small enough for a cache. Columns
 * that only fill up a layer's last panel do not travel.
 */
typedef struct aei_piece {
    size_t layer, owner;
    size_t first, last;                        /* rows of the layer's weights, [panels][in][P] */
    size_t first_panel, last_panel;            /* whose gamma, beta and statistics come with it */
    size_t weights, norms, statistics;         /* floats of each, as they travel */
    size_t moment;                             /* where its moments begin among its owner's */
    size_t squares, first_square, norm_square; /* sums of squares (squares.h): how many in all, and
                                                * the numbers of the first of weights and norms */
} aei_piece;

/* The pieces of all layers, layer by layer, a layer's in the order of its rows: into `pieces`,
 * unless NULL. Returns their number. */
size_t aei_pieces_cut(const ae_network *network, size_t ranks, aei_piece *pieces);

/* Floats of one moment of a rank's pieces: [rows][P] of each, then gamma and beta, [2][P], of each
 * panel. */
size_t aei_pieces_moment_floats(const aei_piece *pieces, size_t count, size_t panel, size_t owner);

/* Floats before a row of a layer's weights, as they travel. */
size_t aei_pieces_before_row(const aei_layer *layer, size_t panel, size_t row);

/* Floats of a part of the gradient in a message: weights, gamma and beta, mean and variance. */
static inline size_t aei_piece_part(const aei_piece *piece)
{
    return piece->weights + piece->norms + piece->statistics;
}

#endif
