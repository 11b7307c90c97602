/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dropout between layers (Srivastava et al. 2014), "inverted": the units that stay are scaled in
 * training, so that inference needs nothing. Random numbers are counted, not drawn in turn; each
 * layer has a stream of its own.
 */
#include "model/dropout.h"

#include "base/philox.h"

enum { QUAD = 4 };

/*
 * The counter has the row in its lower half and four units share a block: the blocks of
 * neighbouring rows are then neighbours, and all that are computed side by side are used, however
 * narrow a panel is. Drawing is most of what dropout costs.
 */
void aei_dropout_draw(const aei_dropout *dropout, size_t first, size_t count, size_t first_row,
                      size_t rows, size_t panel, float *factors)
{
    const int32_t bound = (int32_t)(dropout->chance * 0x1p31f);
    const float scale = 1 / (1 - dropout->chance);
    for (size_t j = 0; j < count; j += QUAD)
        for (size_t r = 0; r < rows; r += AEI_BLOCKS) {
            const size_t here = rows - r < AEI_BLOCKS ? rows - r : AEI_BLOCKS;
            uint32_t words[QUAD * AEI_BLOCKS];
            aei_random_blocks(words, dropout->seed, AEI_STREAM_LAYERS + dropout->layer,
                              (uint32_t)dropout->step,
                              (uint64_t)((first + j) / QUAD) << 32 | (first_row + r));
            for (size_t i = 0; i < here; i++)
                for (size_t k = 0; k < QUAD; k++)
                    factors[(r + i) * panel + j + k] = (int32_t)(words[i * QUAD + k] >> 1) < bound
                                                           ? 0
                                                           : scale;
        }
}

void aei_dropout_apply(size_t count, const float *factors, const float *from, float *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = from[i] * factors[i];
}
