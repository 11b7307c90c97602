/* SPDX-License-Identifier: BSD-3-Clause */
/* How are rows of a dataset chosen without copying a value? A view shares the storage and has its
 * own list of rows. It therefore outlives the dataset that it was made from. */
#include "base/error.h"
#include "base/philox.h"
#include "data/storage.h"

#include <libae/view.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * A view takes its own copy of index and labels, 8 bytes a row at most: nothing but the storage is
 * ever shared, and an index always names storage rows, so that views of views cost no more.
 */
static unsigned parts_of(const ae_dataset *dataset)
{
    return (dataset->index != NULL ? AEI_WITH_INDEX : 0U) |
           (dataset->labels != NULL ? AEI_WITH_LABELS : 0U);
}

/* Neighbouring rows without an index need none in the view either: `first` moves on. */
ae_status ae_dataset_view(ae_dataset **view, const ae_dataset *dataset, size_t first, size_t count)
{
    AE_REQUIRE(view);
    AE_REQUIRE(dataset);
    if (count == 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "count is 0: a view has at least one row");
    /* Written so that first + count cannot wrap around. */
    if (first > dataset->rows || count > dataset->rows - first)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%zu rows from row %zu on: the dataset has %zu",
                        count, first, dataset->rows);
    ae_dataset *made;
    AE_TRY(aei_dataset_share(&made, dataset->storage, count, parts_of(dataset)));
    made->first = dataset->first + first;
    if (made->index != NULL)
        memcpy(made->index, dataset->index + first, count * sizeof *made->index);
    if (made->labels != NULL)
        memcpy(made->labels, dataset->labels + first, count * sizeof *made->labels);
    made->missing = dataset->missing && aei_dataset_find_missing(made);
    made->classed = dataset->classed;
    *view = made;
    return AE_OK;
}

ae_status ae_dataset_create_labelled(ae_dataset **labelled, const ae_dataset *dataset,
                                     const int32_t *labels, size_t count)
{
    AE_REQUIRE(labelled);
    AE_REQUIRE(dataset);
    AE_REQUIRE(labels);
    AE_TRY(aei_check_labels(labels, count, dataset->rows));
    ae_dataset *made;
    AE_TRY(aei_dataset_share(&made, dataset->storage, count, parts_of(dataset) | AEI_WITH_LABELS));
    made->first = dataset->first;
    made->missing = dataset->missing;
    /* The caller's numbers are no numbers of the classes that the old labels named. */
    made->classed = false;
    if (made->index != NULL)
        memcpy(made->index, dataset->index, count * sizeof *made->index);
    memcpy(made->labels, labels, count * sizeof *labels);
    *labelled = made;
    return AE_OK;
}

/* Every number is checked before anything is made. A row may be chosen twice: that is how a
 * bootstrap sample is drawn. */
ae_status ae_dataset_select(ae_dataset **view, const ae_dataset *dataset, const size_t *rows,
                            size_t count)
{
    AE_REQUIRE(view);
    AE_REQUIRE(dataset);
    AE_REQUIRE(rows);
    if (count == 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "count is 0: a view has at least one row");
    if (count > UINT32_MAX)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%zu rows: a dataset holds at most %u", count,
                        (unsigned)UINT32_MAX);
    for (size_t i = 0; i < count; i++)
        if (rows[i] >= dataset->rows)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "rows[%zu] is %zu: the dataset has %zu rows",
                            i, rows[i], dataset->rows);
    ae_dataset *made;
    AE_TRY(aei_dataset_share(&made, dataset->storage, count, parts_of(dataset) | AEI_WITH_INDEX));
    for (size_t i = 0; i < count; i++)
        made->index[i] = (uint32_t)aei_storage_row(dataset, rows[i]);
    if (made->labels != NULL)
        for (size_t i = 0; i < count; i++)
            made->labels[i] = dataset->labels[rows[i]];
    made->missing = dataset->missing && aei_dataset_find_missing(made);
    made->classed = dataset->classed;
    *view = made;
    return AE_OK;
}

/* A plain search: callers name a few labels, seldom more than ten. */
static bool is_among(int32_t label, const int32_t *labels, size_t count)
{
    size_t i = 0;
    while (i < count && labels[i] != label)
        i++;
    return i < count;
}

ae_status ae_dataset_select_labels(ae_dataset **view, const ae_dataset *dataset,
                                   const int32_t *labels, size_t count)
{
    AE_REQUIRE(view);
    AE_REQUIRE(dataset);
    AE_REQUIRE(labels);
    if (count == 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "count is 0: at least one label is needed");
    if (dataset->labels == NULL)
        return aei_fail(AE_ERROR_NOT_SET, "the dataset has no labels");
    size_t *rows = malloc(dataset->rows * sizeof *rows), found = 0;
    if (rows == NULL)
        return aei_fail_memory(dataset->rows * sizeof *rows);
    for (size_t r = 0; r < dataset->rows; r++)
        if (is_among(dataset->labels[r], labels, count))
            rows[found++] = r;
    const ae_status status = found > 0
                                 ? ae_dataset_select(view, dataset, rows, found)
                                 : aei_fail(AE_ERROR_NOT_FOUND, "no row has the label %d%s",
                                            labels[0], count > 1 ? " or another one of these" : "");
    free(rows);
    return status;
}

/* Counter-based like all random numbers here: a seed gives the same order on every machine. */
ae_status ae_dataset_shuffle(ae_dataset **view, const ae_dataset *dataset, uint64_t seed)
{
    AE_REQUIRE(view);
    AE_REQUIRE(dataset);
    ae_dataset *made;
    AE_TRY(aei_dataset_share(&made, dataset->storage, dataset->rows,
                             parts_of(dataset) | AEI_WITH_INDEX));
    made->missing = dataset->missing;
    made->classed = dataset->classed;
    aei_random_permutation(made->index, (uint32_t)made->rows, seed, AEI_STREAM_SHUFFLE, 0);
    /* The permutation is of this dataset's rows: turn each into what lies behind it. */
    for (size_t i = 0; i < made->rows; i++) {
        uint32_t row = made->index[i];
        made->index[i] = (uint32_t)aei_storage_row(dataset, row);
        if (made->labels != NULL)
            made->labels[i] = dataset->labels[row];
    }
    *view = made;
    return AE_OK;
}

/* Both or none: a caller has nothing to free when this fails. */
ae_status ae_dataset_split(ae_dataset **first, ae_dataset **rest, const ae_dataset *dataset,
                           size_t count)
{
    AE_REQUIRE(first);
    AE_REQUIRE(rest);
    AE_REQUIRE(dataset);
    if (count == 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "count is 0: both parts of a split have at least one row");
    if (count >= dataset->rows)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "count is %zu: it leaves nothing for the rest of %zu rows", count,
                        dataset->rows);
    /* By way of two local handles: where the second view fails, the caller's are still
     * untouched. */
    ae_dataset *head, *tail;
    AE_TRY(ae_dataset_view(&head, dataset, 0, count));
    ae_status status = ae_dataset_view(&tail, dataset, count, dataset->rows - count);
    if (status != AE_OK) {
        ae_dataset_free(head);
        return status;
    }
    *first = head;
    *rest = tail;
    return AE_OK;
}
