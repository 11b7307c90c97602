/* SPDX-License-Identifier: BSD-3-Clause */
/* What does the file have instead? The end of an error text for files that are not understood. */
#include "store/tensor_list.h"

#include "base/error.h"
#include "format/text.h"

#include <stdio.h>
#include <string.h>

/* An error text has room for as much, beside the file's name and the reason. */
enum { LIST_SIZE = 240, ENTRY_SIZE = AEI_QUOTE_SIZE + AEI_SHAPE_SIZE + 24 };

const char *aei_shape_text(char text[AEI_SHAPE_SIZE], size_t rank, const size_t shape[2])
{
    if (rank == 2)
        (void)snprintf(text, AEI_SHAPE_SIZE, "[%zu, %zu]", shape[0], shape[1]);
    else if (rank < 2)
        (void)snprintf(text, AEI_SHAPE_SIZE, rank == 0 ? "[]" : "[%zu]", shape[0]);
    else
        (void)snprintf(text, AEI_SHAPE_SIZE, "of %zu dimensions", rank);
    return text;
}

ae_status aei_fail_listing(ae_status status, const aei_safetensors *file)
{
    char reason[512], list[LIST_SIZE] = "no tensor";
    size_t used = 0, shown = 0;
    (void)snprintf(reason, sizeof reason, "%s", ae_last_error());
    for (; shown < file->count; shown++) {
        const aei_stored *tensor = &file->tensors[shown];
        char name[AEI_QUOTE_SIZE], shape[AEI_SHAPE_SIZE], entry[ENTRY_SIZE];
        const int length = snprintf(entry, sizeof entry, "%s%s %s %s", shown == 0 ? "" : ", ",
                                    aei_quote(name, tensor->name),
                                    aei_shape_text(shape, tensor->rank, tensor->shape),
                                    tensor->dtype);
        if (length < 0 || used + (size_t)length >= sizeof list)
            break;
        memcpy(list + used, entry, (size_t)length + 1);
        used += (size_t)length;
    }
    if (shown < file->count)
        return aei_fail(status, "%s (see docs/pytorch.md); the file has %s and %zu more", reason,
                        list, file->count - shown);
    return aei_fail(status, "%s (see docs/pytorch.md); the file has %s", reason, list);
}
