/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What does a network cost on the validation set? Ranks take even pieces of its rows, in whole
 * batches of the reader. Then each has the costs of all rows and adds them up in their order: so
 * all come to the same bits, which are those of one machine.
 */
#include "train/validate.h"

#include "base/error.h"
#include "train/evaluate_internal.h"

#include <math.h>

static size_t divide_up(size_t a, size_t b)
{
    return a / b + (a % b != 0 ? 1 : 0);
}

/* As large as a session wants them, but no larger than a rank's even share. */
static size_t rows_of_batch(const ae_trainer *t)
{
    const size_t most = aei_session_max_batch(t->validator);
    if (t->ranks == NULL || t->survey.sharded)
        return most;
    const size_t share = divide_up(ae_dataset_row_count(t->validation), t->ranks->count);
    return divide_up(share, divide_up(share, most));
}

/* The first batch of a rank and its first row; of one behind the last, where all end. */
static size_t first_batch(const ae_trainer *t, size_t rank)
{
    const size_t batches = divide_up(ae_dataset_row_count(t->validation), rows_of_batch(t));
    return batches * rank / t->ranks->count;
}

static size_t first_row(const ae_trainer *t, size_t rank)
{
    if (t->survey.sharded)
        return t->survey.first_validation_row[rank];
    const size_t rows = ae_dataset_row_count(t->validation),
                 first = first_batch(t, rank) * rows_of_batch(t);
    return first < rows ? first : rows;
}

static size_t most_rows(const ae_trainer *t)
{
    size_t most = 0;
    for (size_t r = 0; r < t->ranks->count; r++) {
        const size_t rows = first_row(t, r + 1) - first_row(t, r);
        most = rows > most ? rows : most;
    }
    return most;
}

void aei_validation_lay_out(ae_trainer *t)
{
    if (t->validation == NULL || t->ranks == NULL)
        return;
    const size_t rows = most_rows(t);
    t->row_costs = aei_arena_take(&t->arena, rows, sizeof *t->row_costs);
    t->all_row_costs = aei_arena_take(&t->arena, rows * t->ranks->count, sizeof *t->row_costs);
}

/* The batches of this rank's reader that it takes. A shard is its own from the first row on. */
static aei_range own_batches(const ae_trainer *t)
{
    const size_t all = divide_up(ae_dataset_row_count(t->validation), rows_of_batch(t));
    if (t->ranks == NULL || t->survey.sharded)
        return (aei_range){0, all};
    return (aei_range){first_batch(t, t->ranks->rank), first_batch(t, t->ranks->rank + 1)};
}

/* None is read ahead of those that this rank takes. */
ae_status aei_validation_reader(ae_trainer *t)
{
    if (t->validation == NULL)
        return AE_OK;
    const size_t rows = ae_dataset_row_count(t->validation), batch = rows_of_batch(t);
    const aei_reader_share share = {.batches = own_batches(t).last,
                                    .count = batch < rows ? batch : rows,
                                    .last_count = rows % batch};
    return aei_reader_create_share(&t->validation_reader, t->validation, batch, &share,
                                   aei_bounds_check, &t->validation_bounds);
}

ae_status aei_validate_rows(ae_trainer *t)
{
    if (t->validation == NULL)
        return AE_OK;
    const ae_status status = t->ranks == NULL
                                 ? aei_evaluate_reader(&t->evaluation, t->validator,
                                                       t->validation_reader, AE_SCORE_UNITS_SCALED,
                                                       t->options.validation_row_weights)
                                 : aei_evaluate_rows(t->row_costs, t->validator,
                                                     t->validation_reader, own_batches(t).first,
                                                     own_batches(t).last, AE_SCORE_UNITS_SCALED);
    return status == AE_OK ? AE_OK : aei_fail_within(status, "validation set");
}

static ae_status add_up(ae_trainer *t)
{
    const size_t most = most_rows(t);
    AE_TRY(aei_ranks_note(t->ranks,
                          aei_messages_all_gather(t->ranks->messages, t->row_costs,
                                                  most * sizeof *t->row_costs, t->all_row_costs)));
    aei_cost_sum sum = {0};
    for (size_t r = 0; r < t->ranks->count; r++)
        aei_cost_sum_add(&sum, t->all_row_costs + r * most, first_row(t, r + 1) - first_row(t, r),
                         t->options.validation_row_weights);
    t->evaluation = aei_cost_sum_means(&sum, t->validator, AE_SCORE_UNITS_SCALED);
    return AE_OK;
}

ae_status aei_validation_cost(ae_trainer *t, double *cost)
{
    *cost = NAN;
    if (t->validation == NULL)
        return AE_OK;
    if (t->ranks != NULL)
        AE_TRY(add_up(t));
    *cost = aei_evaluation_cost(&t->evaluation, t->options.cost);
    return AE_OK;
}
