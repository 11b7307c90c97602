/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_CHAIN_H
#define AEI_CHAIN_H

#include "store/module.h"

/*
 * The order of layers that a file does not state: each takes the features that the one before
 * gives, the last gives what the first takes, numbers in names ascend, and encoders come before
 * decoders.
 */
typedef enum aei_chain_result {
    AEI_CHAIN_NONE,   /* no such order */
    AEI_CHAIN_ONE,    /* this one alone */
    AEI_CHAIN_SEVERAL /* more, or too many possibilities to look at */
} aei_chain_result;

/* Put count linear modules in order. AE_ERROR_OUT_OF_MEMORY; the result tells the rest. */
ae_status aei_chain_sort(aei_chain_result *result, const aei_module **linears, size_t count);

#endif
