/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_NORMS_H
#define AEI_NORMS_H

#include "store/module.h"

/*
 * Which linear module a batch normalisation follows. A file says it by names alone:
 * "encoder.0.bn" is a part of "encoder.0"; in an nn.Sequential it has the next number; "bn2"
 * belongs to "fc2".
 */
typedef enum aei_norm_result {
    AEI_NORM_FOUND,
    AEI_NORM_UNCLEAR,  /* none has its width, or several could be meant */
    AEI_NORM_IN_FRONT, /* it comes before the first layer */
    AEI_NORM_LATER,    /* something stands between: it follows the activation */
    AEI_NORM_ENDS      /* it may as well stand in front of the first layer */
} aei_norm_result;

/* `layer` receives the index of the linear module, of those in their order. */
aei_norm_result aei_norm_find(size_t *layer, const aei_module *norm,
                              const aei_module *const *linears, size_t count);

#endif
