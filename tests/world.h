/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

/* What the public calls work with: objects, files, and rows on disk and in memory.
 */
#include "fixtures.h"
#include "packed.h"

#include <libae/experimental.h>
#include <libae/libae.h>

enum { TABLE_ROWS = 12, FEATURES = 6, CODE = 3 };

/* Bytes of a file, also in memory. */
typedef struct bytes {
    unsigned char *data;
    size_t size;
} bytes;

typedef struct world {
    ae_dataset *training, *validation, *holes, *labelled;
    ae_network *network;
    ae_optimizer *optimizer;
    ae_trainer *trainer;
    ae_session *session;
    ae_event_writer *events; /* NULL: this build has none */
    bytes model, checkpoint, csv, npy, idx;
    float rows[TABLE_ROWS * FEATURES];
} world;

static const char *const column_names[FEATURES] = {"a", "b", "c", "d", "e", "f"};
static const int32_t row_labels[TABLE_ROWS] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};

static inline bytes bytes_of(const char *name)
{
    bytes b = {0};
    b.data = support_read(support_path(name), &b.size);
    return b;
}

static inline void write_files(world *w)
{
    unsigned char idx[16 + TABLE_ROWS * FEATURES] = {0, 0, 8, 3, 0, 0, 0, TABLE_ROWS,
                                                     0, 0, 0, 2, 0, 0, 0, 3};
    unsigned char labels[8 + TABLE_ROWS] = {0, 0, 8, 1, 0, 0, 0, TABLE_ROWS};
    for (size_t i = 0; i < TABLE_ROWS * FEATURES; i++)
        idx[16 + i] = (unsigned char)(i * 7);
    support_write(support_path("rows.idx"), idx, sizeof idx);
    support_write(support_path("labels.idx"), labels, sizeof labels);
    ck_assert_ok(
        ae_csv_write(support_path("rows.csv"), w->rows, TABLE_ROWS, FEATURES, column_names));
    ck_assert_ok(ae_npy_write(support_path("rows.npy"), w->rows, TABLE_ROWS, FEATURES));
    ck_assert_ok(ae_network_save(w->network, support_path("model.safetensors")));
    ck_assert_ok(ae_trainer_save_checkpoint(w->trainer, support_path("checkpoint.safetensors")));
    ck_assert_ok(ae_trainer_save_history(w->trainer, support_path("history.csv"), AE_HISTORY_CSV));
    w->idx = bytes_of("rows.idx"), w->csv = bytes_of("rows.csv"), w->npy = bytes_of("rows.npy");
#ifdef AEI_HAVE_ZLIB
    size_t size = 0;
    unsigned char *packed = pack(w->npy.data, w->npy.size, &size);
    support_write(support_path("rows.npy.gz"), packed, size);
    free(packed);
#endif
    w->model = bytes_of("model.safetensors");
    w->checkpoint = bytes_of("checkpoint.safetensors");
}

/* A network that has all that a network may have, trained for an epoch. */
static inline void begin(world *w)
{
    (void)ae_kernels_count(); /* looks for memory for BLIS, and does without */
    *w = (world){.training = fixture_dataset(TABLE_ROWS, FEATURES, 1),
                 .validation = fixture_dataset(5, FEATURES, 2),
                 .network = FIXTURE_NETWORK(FEATURES, 8, CODE, 8, FEATURES),
                 .optimizer = fixture_adam(0.01f)};
    ck_assert_ok(ae_dataset_read(w->training, 0, TABLE_ROWS, w->rows));
    ck_assert_ok(ae_dataset_create_labelled(&w->labelled, w->training, row_labels, TABLE_ROWS));
    float holes[TABLE_ROWS * FEATURES];
    for (size_t i = 0; i < COUNT(holes); i++)
        holes[i] = i % 11 == 3 ? NAN : w->rows[i];
    ck_assert_ok(ae_dataset_create_f32(&w->holes, holes, TABLE_ROWS, FEATURES,
                                       AE_DATASET_OPTIONS(.missing = AE_MISSING_KEEP)));
    ck_assert_ok(ae_network_set_column_names(w->network, column_names, FEATURES));
    w->trainer = fixture_trainer(
        w->network, w->optimizer, w->training,
        AE_TRAINER_OPTIONS(.batch = 4, .threads = 2, .epochs = 3, .validation = w->validation,
                           .keep_gradients = AE_TOGGLE_ON, .restore_best = AE_TOGGLE_ON,
                           .checkpoint_path = support_path("run")));
    ck_assert_ok(ae_trainer_run_epoch(w->trainer, NULL));
    ck_assert_ok(ae_network_fit_error_spread(w->network, w->training, NULL));
    ck_assert_ok(ae_network_fit_threshold(w->network, w->training, NULL));
    ck_assert_ok(ae_session_create(&w->session, w->network, AE_SESSION_OPTIONS(.threads = 2)));
    const ae_status events = ae_event_writer_create(&w->events, support_dir(), NULL);
    ck_assert(events == AE_OK || events == AE_ERROR_UNSUPPORTED);
    write_files(w);
}

static inline void end(world *w)
{
    ae_event_writer_free(w->events);
    ae_session_free(w->session);
    ae_trainer_free(w->trainer), ae_optimizer_free(w->optimizer), ae_network_free(w->network);
    ae_dataset_free(w->training), ae_dataset_free(w->validation);
    ae_dataset_free(w->holes), ae_dataset_free(w->labelled);
    free(w->model.data), free(w->checkpoint.data);
    free(w->csv.data), free(w->npy.data), free(w->idx.data);
}

/* Without protobuf-c there are neither event files nor ONNX, nor anything to allocate for them. */
static inline ae_status or_none(const world *w, ae_status status)
{
    return w->events == NULL && status != AE_ERROR_OUT_OF_MEMORY ? AE_OK : status;
}

/* A call on the world; what it creates it frees. */
typedef ae_status (*attempt)(world *w);

/* Define `name`, an attempt that creates an object `made`: the caller's pointer is untouched when
 * that fails. */
#define CREATES(name, type, ...)                \
    static ae_status name(world *w)             \
    {                                           \
        type *const untouched = (type *)w;      \
        type *made = untouched;                 \
        const ae_status status = (__VA_ARGS__); \
        if (status == AE_OK)                    \
            type##_free(made);                  \
        else                                    \
            ck_assert_ptr_eq(made, untouched);  \
        return status;                          \
    }

/* An attempt that creates nothing. */
#define CALLS(name, ...)            \
    static ae_status name(world *w) \
    {                               \
        (void)w;                    \
        return __VA_ARGS__;         \
    }

#endif
