/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where do a dataset's values live, and who frees them? Values belong to a storage that any number
 * of datasets look at, counted; a dataset itself is a list of rows and labels. A storage is first
 * drafted from options and sizes, then filled, then adopted, so that whatever fails in between
 * frees one thing.
 */
#include "base/error.h"
#include "base/input.h"
#include "base/options.h"
#include "data/storage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

AEI_OPTIONS_INIT(ae_dataset_options)

ae_status aei_dataset_read_options(ae_dataset_options *mine, const ae_dataset_options *options,
                                   unsigned takes)
{
    AE_TRY(aei_options_read(mine, sizeof *mine, options, "ae_dataset_options"));
    AE_TRY(aei_check_enum((int)mine->no_copy, AE_TOGGLE_OFF, "no_copy", "ae_toggle"));
    AE_TRY(aei_check_enum((int)mine->map, AE_TOGGLE_OFF, "map", "ae_toggle"));
    AE_TRY(aei_check_enum((int)mine->map_in_place, AE_TOGGLE_OFF, "map_in_place", "ae_toggle"));
    AE_TRY(aei_check_reserved(mine->reserved, "ae_dataset_options"));
    AE_TRY(aei_check_enum((int)mine->missing, AE_MISSING_KEEP, "missing", "ae_missing"));
    if ((takes & AEI_TAKES_MEMORY) == 0 && (mine->no_copy == AE_TOGGLE_ON || mine->stride != 0))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "no_copy and stride are for ae_dataset_create_f32 and _u8");
    if ((takes & AEI_TAKES_MAP) == 0 && mine->map == AE_TOGGLE_ON)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "map is for ae_dataset_open_npy");
    if (mine->map != AE_TOGGLE_ON && mine->map_in_place == AE_TOGGLE_ON)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "map_in_place says how to map, but map is off");
    if ((takes & AEI_TAKES_MEMBER) == 0 && mine->member != NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "member is for ae_dataset_open_npy");
    if ((mine->labels == NULL) != (mine->label_count == 0))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "label_count is %zu, %s labels",
                        mine->label_count, mine->labels == NULL ? "without" : "with");
    mine->scale = mine->scale == 0 ? 1.0f / 255.0f : mine->scale;
    /* The largest value that the scale makes must be a float too. */
    if (!(mine->scale > 0 && mine->scale * 255.0f < INFINITY))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "scale is %g: it must be finite and above 0",
                        (double)mine->scale);
    return AE_OK;
}

/* AE_LABEL_NONE is what a row without a label answers: as a label it could not be told from
 * none. */
ae_status aei_check_labels(const int32_t *labels, size_t count, size_t rows)
{
    if (count != rows)
        return aei_fail(AE_ERROR_SHAPE, "%zu labels for %zu rows", count, rows);
    for (size_t i = 0; i < count; i++)
        if (labels[i] == AE_LABEL_NONE)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "labels[%zu] is AE_LABEL_NONE", i);
    return AE_OK;
}

static ae_status check_image(const aei_storage *draft)
{
    const size_t height = draft->image_height, width = draft->image_width;
    if (height == 0 && width == 0)
        return AE_OK;
    if (height == 0 || width == 0 || draft->features % height != 0 ||
        draft->features / height != width)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "image_height %zu x image_width %zu is not the %zu features of a row",
                        height, width, draft->features);
    return AE_OK;
}

/* Every size is checked here, once, for all datasets but concatenations; later products of rows,
 * stride and element size need no check. Rows are bounded by the uint32 of indices and
 * permutations, which halves the memory that they move. */
ae_status aei_storage_draft(aei_storage *draft, const ae_dataset_options *mine, size_t rows,
                            size_t features, aei_storage_type type)
{
    if (rows == 0 || features == 0)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "%zu rows of %zu features: a dataset has at least one of each", rows,
                        features);
    if (rows > UINT32_MAX)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%zu rows: a dataset holds at most %u", rows,
                        (unsigned)UINT32_MAX);
    *draft = (aei_storage){.type = type,
                           .scale = mine->scale,
                           .features = features,
                           .stride = mine->stride == 0 ? features : mine->stride,
                           .image_height = mine->image_height,
                           .image_width = mine->image_width};
    if (draft->stride < features)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "stride %zu is less than the %zu features of a row", draft->stride,
                        features);
    /* Pointers into the values are subtracted, so ptrdiff_t is the bound. */
    if (draft->stride > PTRDIFF_MAX / aei_storage_size(type) / rows)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "%zu rows, %zu elements apart, overflow the address space", rows,
                        draft->stride);
    AE_TRY(check_image(draft));
    return mine->labels == NULL ? AE_OK : aei_check_labels(mine->labels, mine->label_count, rows);
}

/* calloc, because a callback that leaves a feature out must not hand out what was in memory
 * before. */
ae_status aei_storage_allocate(aei_storage *draft, size_t rows, size_t *bytes)
{
    *bytes = rows * draft->features * aei_storage_size(draft->type);
    draft->stride = draft->features;
    draft->values = draft->block = calloc(*bytes, 1);
    return draft->block == NULL ? aei_fail_memory(*bytes) : AE_OK;
}

/* One allocation, so that making a view can fail in one place only. The count needs no order when
 * it rises: whoever shares a storage has a dataset of it already, so it cannot be freed
 * meanwhile. */
ae_status aei_dataset_share(ae_dataset **dataset, aei_storage *storage, size_t rows, unsigned with)
{
    size_t index_bytes = (with & AEI_WITH_INDEX) != 0 ? sizeof(uint32_t) : 0;
    size_t label_bytes = (with & AEI_WITH_LABELS) != 0 ? sizeof(int32_t) : 0;
    if (rows > (PTRDIFF_MAX - sizeof **dataset) / (sizeof(uint32_t) + sizeof(int32_t)))
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "%zu rows overflow the address space", rows);
    size_t size = sizeof **dataset + rows * (index_bytes + label_bytes);
    ae_dataset *made = malloc(size);
    if (made == NULL)
        return aei_fail_memory(size);
    uint32_t *behind = (uint32_t *)(void *)(made + 1);
    *made = (ae_dataset){.storage = storage, .rows = rows, .missing = storage->missing};
    if (index_bytes != 0)
        made->index = behind;
    if (label_bytes != 0)
        made->labels = (int32_t *)(behind + (index_bytes != 0 ? rows : 0));
    made->classed = made->labels != NULL && storage->classes != NULL;
    atomic_fetch_add_explicit(&storage->users, 1, memory_order_relaxed);
    *dataset = made;
    return AE_OK;
}

static void parts_free(aei_parts *parts)
{
    for (size_t i = 0; parts != NULL && i < parts->count; i++)
        ae_dataset_free(parts->datasets[i]);
    free(parts);
}

void aei_storage_release(aei_storage *storage)
{
    if (storage->source != NULL && storage->source->release != NULL)
        storage->source->release(storage->source->user);
    free(storage->source);
    parts_free(storage->parts);
    free(storage->block);
    free(storage->names);
    free(storage->path);
    free(storage->classes);
    aei_unmap(storage->mapping, storage->mapped);
    aei_let_go(storage->file);
    if (storage->owner != NULL)
        storage->let_go(storage->owner);
}

static void storage_free(aei_storage *storage)
{
    aei_storage_release(storage);
    free(storage);
}

/* memcpy rather than an assignment: the count is atomic, and is initialised after it. */
ae_status aei_dataset_adopt(ae_dataset **dataset, aei_storage *draft, size_t rows, unsigned with)
{
    aei_storage *storage = malloc(sizeof *storage);
    if (storage == NULL) {
        aei_storage_release(draft);
        return aei_fail_memory(sizeof *storage);
    }
    memcpy(storage, draft, sizeof *storage);
    atomic_init(&storage->users, 0);
    ae_status status = aei_dataset_share(dataset, storage, rows, with);
    if (status != AE_OK)
        storage_free(storage);
    return status;
}

ae_status aei_dataset_adopt_labelled(ae_dataset **dataset, aei_storage *draft, size_t rows,
                                     const int32_t *labels)
{
    ae_dataset *made;
    AE_TRY(aei_dataset_adopt(&made, draft, rows, labels != NULL ? AEI_WITH_LABELS : 0));
    if (labels != NULL)
        memcpy(made->labels, labels, rows * sizeof *labels);
    *dataset = made;
    return AE_OK;
}

void ae_dataset_free(ae_dataset *dataset)
{
    if (dataset == NULL)
        return;
    /* A user's reads come before it lets go (release), the last one's frees after all of those
     * (acquire): no view reads a storage that is being freed. */
    if (atomic_fetch_sub_explicit(&dataset->storage->users, 1, memory_order_acq_rel) == 1)
        storage_free(dataset->storage);
    free(dataset);
}

/* Rows side by side in memory of the library's own. */
static ae_status copy_rows(aei_storage *draft, const unsigned char *values, size_t rows)
{
    const size_t apart = draft->stride * aei_storage_size(draft->type);
    size_t bytes;
    AE_TRY(aei_storage_allocate(draft, rows, &bytes));
    for (size_t r = 0; r < rows; r++)
        memcpy((unsigned char *)draft->block + r * (bytes / rows), values + r * apart,
               bytes / rows);
    return AE_OK;
}

/* Checked before it is copied: data that are refused cost no memory. */
static ae_status create(ae_dataset **dataset, const void *values, size_t rows, size_t features,
                        aei_storage_type type, const ae_dataset_options *options)
{
    ae_dataset_options o;
    aei_storage draft;
    AE_TRY(aei_dataset_read_options(&o, options, AEI_TAKES_MEMORY));
    AE_TRY(aei_storage_draft(&draft, &o, rows, features, type));
    draft.values = values;
    if (type == AEI_STORAGE_F32)
        AE_TRY(aei_storage_check_values(&draft, rows, o.missing));
    if (o.no_copy != AE_TOGGLE_ON)
        AE_TRY(copy_rows(&draft, values, rows));
    return aei_dataset_adopt_labelled(dataset, &draft, rows, o.labels);
}

ae_status ae_dataset_create_f32(ae_dataset **dataset, const float *values, size_t rows,
                                size_t features, const ae_dataset_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(values);
    return create(dataset, values, rows, features, AEI_STORAGE_F32, options);
}

ae_status ae_dataset_create_u8(ae_dataset **dataset, const uint8_t *values, size_t rows,
                               size_t features, const ae_dataset_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(values);
    return create(dataset, values, rows, features, AEI_STORAGE_U8, options);
}

/* Rows are read once, here, and not in each epoch: a callback may be slow, and need not give the
 * same answer twice. */
ae_status ae_dataset_create_from_callback(ae_dataset **dataset, size_t rows, size_t features,
                                          ae_row_callback callback, void *user,
                                          const ae_dataset_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(callback);
    ae_dataset_options o;
    aei_storage draft;
    size_t bytes;
    AE_TRY(aei_dataset_read_options(&o, options, 0));
    AE_TRY(aei_storage_draft(&draft, &o, rows, features, AEI_STORAGE_F32));
    AE_TRY(aei_storage_allocate(&draft, rows, &bytes));
    float *values = draft.block;
    ae_status status = AE_OK;
    for (size_t r = 0; r < rows && status == AE_OK; r++) {
        const int answer = callback(user, r, values + r * features);
        if (answer != 0)
            status = aei_fail(AE_ERROR_CANCELLED, "row %zu: the callback returned %d", r, answer);
    }
    if (status == AE_OK)
        status = aei_storage_check_values(&draft, rows, o.missing);
    if (status != AE_OK) {
        aei_storage_release(&draft);
        return status;
    }
    return aei_dataset_adopt_labelled(dataset, &draft, rows, o.labels);
}

size_t ae_dataset_row_count(const ae_dataset *dataset)
{
    return dataset == NULL ? 0 : dataset->rows;
}

size_t ae_dataset_feature_count(const ae_dataset *dataset)
{
    return dataset == NULL ? 0 : dataset->storage->features;
}

size_t ae_dataset_image_height(const ae_dataset *dataset)
{
    return dataset == NULL ? 0 : dataset->storage->image_height;
}

size_t ae_dataset_image_width(const ae_dataset *dataset)
{
    return dataset == NULL ? 0 : dataset->storage->image_width;
}

const char *ae_dataset_column_name(const ae_dataset *dataset, size_t column)
{
    const bool named = dataset != NULL && dataset->storage->names != NULL &&
                       column < dataset->storage->features;
    return named ? dataset->storage->names[column] : NULL;
}

int ae_dataset_has_labels(const ae_dataset *dataset)
{
    return dataset != NULL && dataset->labels != NULL;
}

int ae_dataset_has_missing(const ae_dataset *dataset)
{
    return dataset != NULL && dataset->missing;
}

int32_t ae_dataset_label(const ae_dataset *dataset, size_t row)
{
    return !ae_dataset_has_labels(dataset) || row >= dataset->rows ? AE_LABEL_NONE
                                                                   : dataset->labels[row];
}

size_t ae_dataset_class_count(const ae_dataset *dataset)
{
    return dataset != NULL && dataset->classed ? dataset->storage->class_count : 0;
}

const char *ae_dataset_class_name(const ae_dataset *dataset, int32_t label)
{
    return label >= 0 && (size_t)label < ae_dataset_class_count(dataset)
               ? dataset->storage->classes[label]
               : NULL;
}
