/* SPDX-License-Identifier: BSD-3-Clause */
/* Another program's model: four bytes and a prefix choose the options, the file follows. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes bytes = {data, size};
    char prefix[16];
    ae_load_options options = {.size = sizeof options};
    options.hidden_activation = (ae_activation)(fuzz_byte(&bytes) % 10);
    options.output_activation = (ae_activation)(fuzz_byte(&bytes) % 10);
    options.code_activation = (ae_activation)(fuzz_byte(&bytes) % 10);
    options.encoder_layers = fuzz_byte(&bytes) % 8;
    fuzz_text(&bytes, prefix, sizeof prefix);
    options.prefix = prefix[0] == '\0' ? NULL : prefix;
    uint8_t *file = fuzz_rest(&bytes);
    ae_network *network = NULL;
    const ae_status status = ae_network_load_memory(&network, file, bytes.size, &options);
    fuzz_network(status, network);
    free(file);
    return 0;
}
