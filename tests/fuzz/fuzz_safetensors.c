/* SPDX-License-Identifier: BSD-3-Clause */
/* A model file as it is. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const fuzz_bytes bytes = {data, size};
    uint8_t *file = fuzz_rest(&bytes);
    ae_network *network = NULL;
    const ae_status status = ae_network_load_memory(&network, file, size, NULL);
    fuzz_network(status, network);
    free(file);
    return 0;
}
