/* SPDX-License-Identifier: BSD-3-Clause */
/* What both ways through a step ask: which panel comes next, and what a product reads. */
#include "model/step_internal.h"

bool aei_step_pop_panel(aei_step *step, size_t phase, size_t thread, size_t *panel)
{
    return aei_work_queue_pop(&step->queues[phase * step->threads], step->threads, thread, panel);
}

void aei_step_operands(aei_step *s, size_t thread, size_t features,
                       const aei_matrix_form *(*whole)(const aei_step_block *block, size_t l),
                       size_t l)
{
    const aei_kernels *kernels = s->network->kernels;
    const aei_step_scratch *mine = &s->scratch[thread];
    float *packed = mine->packed;
    for (size_t b = 0; b < s->block_count; b++) {
        const aei_step_block *block = &s->blocks[b];
        mine->operands[b] = *whole(block, l);
        if (kernels->pack == NULL)
            continue;
        kernels->pack(block->rows, features, mine->operands[b].values, packed);
        mine->operands[b] = (aei_matrix_form){.values = packed};
        packed += kernels->pack_floats(block->rows, features);
    }
}

const aei_matrix_form *aei_step_layer_input(const aei_step_block *block, size_t l)
{
    return l == 0 ? &block->input_form : &block->layers[l - 1].y_form;
}

const aei_matrix_form *aei_step_layer_delta(const aei_step_block *block, size_t l)
{
    return &block->layers[l].delta_form;
}

aei_penalty aei_step_penalty_of_block(const aei_step *s, const aei_step_block *block)
{
    const float share = (float)block->rows / (float)s->batch_rows;
    aei_penalty penalty = s->job->penalty;
    penalty.l1 *= share;
    penalty.l2 *= share;
    penalty.kl *= share;
    return penalty;
}
