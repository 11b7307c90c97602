/* SPDX-License-Identifier: BSD-3-Clause */
/* How do several datasets become one? */
#include "base/error.h"
#include "data/classes.h"
#include "data/dataset_internal.h"
#include "data/storage.h"

#include <libae/view.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Rows in memory are copied: a view over several storages would make every gather, the hottest read
 * of training, look up a row's storage first. Where a part is a file or a source the parts are kept
 * as they are; such rows go through a reader's buffer anyway (reader.h).
 */

/* How many names of b are among those of a. */
static size_t count_shared(const aei_storage *a, const aei_storage *b)
{
    size_t count = 0;
    for (size_t i = 0; i < b->features; i++)
        count += aei_names_find((const char *const *)a->names, a->features, b->names[i]) <
                 a->features;
    return count;
}

/* Without names nothing says that two columns mean the same, so there are no names to keep. */
static bool same_names(const aei_storage *a, const aei_storage *b)
{
    if (a->names == NULL || b->names == NULL)
        return false;
    size_t same = 0;
    while (same < a->features && strcmp(a->names[same], b->names[same]) == 0)
        same++;
    return same == a->features;
}

/* Columns that only stand in another order are no others: put together they would be mixed up. */
static ae_status check_order(const ae_dataset *const *parts, size_t i)
{
    const aei_storage *first = parts[0]->storage, *part = parts[i]->storage;
    if (first->names == NULL || part->names == NULL || same_names(first, part) ||
        count_shared(first, part) < first->features)
        return AE_OK;
    const aei_columns_info wanted = aei_dataset_columns(parts[0]),
                           rows = aei_dataset_columns(parts[i]);
    const ae_status status = aei_columns_check(&rows, "columns", &wanted, "parts[0]");
    return status == AE_OK ? AE_OK : aei_fail_within(status, "parts[%zu]", i);
}

/* Parts that are within bounds may together be beyond them. */
static ae_status count_rows(size_t *rows, const ae_dataset *const *parts, size_t count)
{
    *rows = 0;
    if (count == 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "count is 0: at least one part is needed");
    for (size_t i = 0; i < count; i++) {
        if (parts[i] == NULL)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "parts[%zu] is NULL", i);
        const size_t wanted = parts[0]->storage->features, features = parts[i]->storage->features;
        if (features != wanted)
            return aei_fail(AE_ERROR_SHAPE, "parts[%zu] has rows of %zu features, parts[0] of %zu",
                            i, features, wanted);
        AE_TRY(check_order(parts, i));
        if (parts[i]->rows > UINT32_MAX - *rows)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                            "more than %u rows up to parts[%zu]: a dataset holds no more",
                            (unsigned)UINT32_MAX, i);
        *rows += parts[i]->rows;
    }
    return AE_OK;
}

/* The classes of all parts, each once. A label of part i becomes ranks[numbers[label]], where the
 * numbers of part i follow those of the parts before it. */
static ae_status join_classes(aei_storage *draft, int32_t **renamed, const ae_dataset *const *parts,
                              size_t count)
{
    aei_class_table *table = NULL;
    size_t all = 0, at = 0;
    int32_t *ranks = NULL;
    for (size_t i = 0; i < count; i++)
        all += parts[i]->storage->class_count;
    int32_t *numbers = malloc(all * sizeof *numbers);
    if (numbers == NULL)
        return aei_fail_memory(all * sizeof *numbers);
    ae_status status = aei_class_table_create(&table);
    for (size_t i = 0; i < count && status == AE_OK; i++) {
        const aei_storage *part = parts[i]->storage;
        for (size_t c = 0; c < part->class_count && status == AE_OK; c++)
            status = aei_class_table_add(table, part->classes[c], strlen(part->classes[c]),
                                         &numbers[at++]);
    }
    if (status == AE_OK)
        status = aei_class_table_sort(table, &draft->classes, &draft->class_count, &ranks);
    aei_class_table_free(table);
    if (status != AE_OK) {
        free(numbers);
        return status;
    }
    for (size_t i = 0; i < all; i++)
        numbers[i] = ranks[numbers[i]];
    free(ranks);
    *renamed = numbers;
    return AE_OK;
}

/* What all parts have in common, the first standing for them; its values and names are not it. */
typedef struct common {
    aei_storage storage;
    bool names, labels, classes;
    bool far; /* a part is not in memory */
} common;

/* What differs is given up rather than guessed: bytes of two scales become float32, and names,
 * labels or the shape of pictures that not all parts share are left out. */
static common find_common(const ae_dataset *const *parts, size_t count)
{
    const aei_storage *first = parts[0]->storage;
    common c = {.storage = {.type = first->type,
                            .scale = first->scale,
                            .features = first->features,
                            .image_height = first->image_height,
                            .image_width = first->image_width},
                .names = true,
                .labels = true,
                .classes = parts[0]->classed};
    for (size_t i = 0; i < count; i++) {
        const aei_storage *part = parts[i]->storage;
        const bool scaled = part->type == AEI_STORAGE_U8 &&
                            (part->scale < first->scale || part->scale > first->scale);
        if (part->type != first->type || scaled)
            c.storage.type = AEI_STORAGE_F32;
        c.far = c.far || !aei_dataset_is_resident(parts[i]);
        if (part->image_height != first->image_height || part->image_width != first->image_width)
            c.storage.image_height = c.storage.image_width = 0;
        c.names = c.names && same_names(part, first);
        /* Numbers of classes and other labels do not mix. */
        c.labels = c.labels && parts[i]->labels != NULL && parts[i]->classed == c.classes;
        c.storage.missing = c.storage.missing || parts[i]->missing;
    }
    return c;
}

/* Elements as they are kept: bytes of one scale stay bytes, halves stay halves. */
static void copy_elements(unsigned char *out, const ae_dataset *part)
{
    const aei_storage *storage = part->storage;
    const unsigned char *values = storage->values;
    const size_t size = aei_storage_size(storage->type), row = storage->features * size;
    for (size_t r = 0; r < part->rows; r++)
        memcpy(out + r * row, values + aei_storage_row(part, r) * storage->stride * size, row);
}

static ae_status copy_rows(aei_storage *draft, const ae_dataset *const *parts, size_t count,
                           size_t rows)
{
    size_t bytes, done = 0;
    AE_TRY(aei_storage_allocate(draft, rows, &bytes));
    for (size_t i = 0; i < count; i++) {
        unsigned char *to = (unsigned char *)draft->block + done * (bytes / rows);
        /* Of one type the bytes are copied as they are. Else the block is one of float32: by
         * find_common where types differ, and because only rows with missing values, which are
         * float32 always (npy.c), are copied from where they are not in memory. */
        if (draft->type == parts[i]->storage->type && aei_dataset_is_resident(parts[i]))
            copy_elements(to, parts[i]);
        else
            AE_TRY(ae_dataset_read(parts[i], 0, parts[i]->rows, (float *)(void *)to));
        done += parts[i]->rows;
    }
    return AE_OK;
}

/* In one block: the struct, the datasets, where each begins. Views rather than the caller's
 * handles, which the caller may free at once. Their count grows as they are made, so that a
 * failure halfway frees those that are there. */
static ae_status keep_parts(aei_storage *draft, const ae_dataset *const *parts, size_t count)
{
    const size_t size = sizeof *draft->parts + count * sizeof(ae_dataset *) +
                        (count + 1) * sizeof(size_t);
    aei_parts *kept = malloc(size);
    if (kept == NULL)
        return aei_fail_memory(size);
    *kept = (aei_parts){.datasets = (ae_dataset **)(void *)(kept + 1)};
    kept->first = (size_t *)(void *)(kept->datasets + count);
    draft->parts = kept;
    draft->type = AEI_STORAGE_F32;
    draft->stride = draft->features;
    kept->first[0] = 0;
    for (; kept->count < count; kept->count++) {
        const ae_dataset *part = parts[kept->count];
        AE_TRY(ae_dataset_view(&kept->datasets[kept->count], part, 0, part->rows));
        kept->first[kept->count + 1] = kept->first[kept->count] + part->rows;
    }
    return AE_OK;
}

static void copy_labels(ae_dataset *made, const int32_t *renamed, const ae_dataset *const *parts,
                        size_t count)
{
    int32_t *to = made->labels;
    for (size_t i = 0; i < count; i++) {
        for (size_t r = 0; r < parts[i]->rows; r++)
            *to++ = renamed == NULL ? parts[i]->labels[r] : renamed[parts[i]->labels[r]];
        if (renamed != NULL)
            renamed += parts[i]->storage->class_count;
    }
}

ae_status ae_dataset_concat(ae_dataset **all, const ae_dataset *const *parts, size_t count)
{
    AE_REQUIRE(all);
    AE_REQUIRE(parts);
    size_t rows;
    AE_TRY(count_rows(&rows, parts, count));
    common c = find_common(parts, count);
    if (c.storage.features > PTRDIFF_MAX / sizeof(float) / rows)
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "%zu rows overflow the address space", rows);
    ae_status status = c.far ? keep_parts(&c.storage, parts, count)
                             : copy_rows(&c.storage, parts, count, rows);
    if (status == AE_OK && c.names)
        status = aei_names_copy(&c.storage.names, (const char *const *)parts[0]->storage->names,
                                c.storage.features);
    int32_t *renamed = NULL;
    if (status == AE_OK && c.labels && c.classes)
        status = join_classes(&c.storage, &renamed, parts, count);
    if (status != AE_OK) {
        free(renamed);
        aei_storage_release(&c.storage);
        return status;
    }
    ae_dataset *made = NULL;
    status = aei_dataset_adopt(&made, &c.storage, rows, c.labels ? AEI_WITH_LABELS : 0);
    if (status == AE_OK && c.labels)
        copy_labels(made, renamed, parts, count);
    free(renamed);
    if (status == AE_OK)
        *all = made;
    return status;
}
