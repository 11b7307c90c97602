/* SPDX-License-Identifier: BSD-3-Clause */
/* How do values come from a file that has them as they are? */
#include "base/error.h"
#include "data/dataset_internal.h"
#include "data/storage.h"

/* By pieces where they are of another type. */
ae_status aei_storage_read(const aei_storage *storage, size_t element, size_t count, float *values)
{
    enum { PIECE = 1024 };
    const size_t size = aei_storage_size(storage->type), at = storage->begin + element * size;
    if (storage->type == AEI_STORAGE_F32)
        return aei_read_at(storage->file, storage->path, values, count * size, at);
    for (size_t done = 0, some; done < count; done += some) {
        uint16_t piece[PIECE];
        some = count - done < PIECE ? count - done : PIECE;
        AE_TRY(aei_read_at(storage->file, storage->path, piece, some * size, at + done * size));
        aei_storage read = {.values = piece, .type = storage->type, .scale = storage->scale};
        const ae_dataset one = {.storage = &read, .rows = 1};
        aei_dataset_gather(&one, &(uint32_t){0}, 1, 0, some, values + done, some);
    }
    return AE_OK;
}
