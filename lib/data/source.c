/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows that a program supplies when they are wanted. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include "base/error.h"
#include "base/options.h"
#include "data/storage.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * Whoever reads has its process's number in `reader`. A mutex would stay locked forever in a child
 * of fork when another thread was reading at that moment; here the child sees that the reader is
 * none of its own. Reading takes long beside the wait, and two readers at once are rare.
 */
static void lock(aei_source *source)
{
    const int mine = (int)getpid();
    for (;;) {
        int seen = 0;
        if (atomic_compare_exchange_strong(&source->reader, &seen, mine))
            return;
        if (seen != mine && atomic_compare_exchange_strong(&source->reader, &seen, mine))
            return;
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
}

static void unlock(aei_source *source)
{
    atomic_store(&source->reader, 0);
}

ae_status aei_source_read(aei_source *source, const ae_dataset *dataset, const uint32_t *rows,
                          size_t count, float *values)
{
    enum { BLOCK = 256 };
    const size_t features = dataset->storage->features;
    /* NaN: a value that the program leaves alone is refused or missing, not taken for another
     * row's. */
    memset(values, 0xFF, count * features * sizeof *values);
    for (size_t done = 0; done < count;) {
        uint64_t numbers[BLOCK];
        const size_t block = count - done < BLOCK ? count - done : BLOCK;
        for (size_t i = 0; i < block; i++)
            numbers[i] = aei_storage_row(dataset, rows[done + i]);
        lock(source);
        const int answer = source->read(source->user, numbers, block, values + done * features);
        unlock(source);
        if (answer != 0)
            return aei_fail(AE_ERROR_CANCELLED,
                            "%zu rows from row %u on (row %llu of the source): the source "
                            "returned %d",
                            block, (unsigned)rows[done], (unsigned long long)numbers[0], answer);
        done += block;
    }
    return AE_OK;
}

ae_status ae_dataset_create_from_source(ae_dataset **dataset, const ae_row_source *source,
                                        const ae_dataset_options *options)
{
    AE_REQUIRE(dataset);
    AE_REQUIRE(source);
    ae_row_source s;
    ae_dataset_options o;
    aei_storage draft;
    AE_TRY(aei_options_read(&s, sizeof s, source, "ae_row_source"));
    AE_REQUIRE(s.read);
    AE_TRY(aei_dataset_read_options(&o, options, 0));
    AE_TRY(aei_storage_draft(&draft, &o, s.rows, s.features, AEI_STORAGE_F32));
    aei_source *made = malloc(sizeof *made);
    if (made == NULL)
        return aei_fail_memory(sizeof *made);
    *made = (aei_source){.read = s.read, .user = s.user};
    atomic_init(&made->reader, 0);
    draft.source = made;
    draft.unchecked = true;
    /* Whether there are any would be known after reading all rows, perhaps at a high price: where
     * they are allowed they are expected. */
    draft.missing = o.missing == AE_MISSING_KEEP;
    AE_TRY(aei_dataset_adopt_labelled(dataset, &draft, s.rows, o.labels));
    made->release = s.release; /* only now: after an error the source stays the caller's */
    return AE_OK;
}
