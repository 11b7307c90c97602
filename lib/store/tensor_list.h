/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_TENSOR_LIST_H
#define AEI_TENSOR_LIST_H

#include "format/safetensors.h"

/* Put behind the present error text where to read on, and what the file has: its first tensors
 * with shape and type, and how many more. Returns status. */
ae_status aei_fail_listing(ae_status status, const aei_safetensors *file);

/* "[500, 784]" */
enum { AEI_SHAPE_SIZE = 64 };
const char *aei_shape_text(char text[AEI_SHAPE_SIZE], size_t rank, const size_t shape[2]);

#endif
