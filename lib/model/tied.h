/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_TIED_H
#define AEI_TIED_H

#include "model/network_internal.h"

/*
 * Tied weights: decoder layer depth - 1 - l has the transpose of encoder layer l's weight. Both are
 * in the parameter block, so that whoever only reads weights need not know; only the encoder's is
 * trained. `block` is laid out like network->parameters.
 */

/* Copy panel p of a layer's weight, transposed, to where the layer tied to it has it. */
void aei_tied_copy_panel(const ae_network *network, size_t layer, size_t p, float *block);

/* The same for the whole weight. */
void aei_tied_copy(const ae_network *network, size_t layer, float *block);

/* Move the gradient of the tied decoder layer to panel p of encoder layer `layer`: added there,
 * then 0. scratch has [P][P]. */
void aei_tied_add_gradient(const ae_network *network, size_t layer, size_t p, float *block,
                           float *scratch);

/* AE_ERROR_FORMAT, naming the tensors, when a decoder's weight is not the encoder's; AE_OK where
 * nothing is tied. */
ae_status aei_tied_check(const ae_network *network, const float *block);

#endif
