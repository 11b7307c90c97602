/* SPDX-License-Identifier: BSD-3-Clause */
/* An NPY file or NPZ archive. The first byte says whether missing values are kept; the member's
 * name follows. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes bytes = {data, size};
    char member[16];
    ae_dataset_options options = {.size = sizeof options};
    options.missing = fuzz_byte(&bytes) % 2 != 0 ? AE_MISSING_KEEP : AE_MISSING_REFUSE;
    fuzz_text(&bytes, member, sizeof member);
    options.member = member[0] == '\0' ? NULL : member;
    uint8_t *file = fuzz_rest(&bytes);
    ae_dataset *dataset = NULL;
    const ae_status status = ae_dataset_open_npy_memory(&dataset, file, bytes.size, &options);
    fuzz_dataset(status, dataset);
    free(file);
    return 0;
}
