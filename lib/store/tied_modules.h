/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_TIED_MODULES_H
#define AEI_TIED_MODULES_H

#include "store/module.h"

/*
 * Decoders whose weights are the encoder's, transposed, and not in the file: PyTorch saves a tensor
 * that two modules share once. A decoder that has nothing but a bias, as wide as one encoder
 * layer's input and no other's, gets the description of a weight that fits, without values, and
 * becomes a linear module. `weights` receives the block that the descriptions are in, which the
 * caller frees, or NULL: nothing is tied. All of a scope's decoders are or none.
 * AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_modules_tie(aei_stored **weights, aei_module *modules, size_t count);

#endif
