/* SPDX-License-Identifier: BSD-3-Clause */
/* An IDX file, plain or gzip. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const fuzz_bytes bytes = {data, size};
    uint8_t *file = fuzz_rest(&bytes);
    ae_dataset *dataset = NULL;
    const ae_status status = ae_dataset_open_idx_memory(&dataset, file, size, NULL);
    fuzz_dataset(status, dataset);
    free(file);
    return 0;
}
