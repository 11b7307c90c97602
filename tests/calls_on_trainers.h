/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_CALLS_ON_TRAINERS_H
#define TESTS_CALLS_ON_TRAINERS_H

/* The public calls on optimizers, trainers, event files and transports, each once.
 */
#include "world.h"

CREATES(create_adam, ae_optimizer, ae_optimizer_create_adam(&made, NULL))
CREATES(create_adamw, ae_optimizer, ae_optimizer_create_adamw(&made, NULL))
CREATES(create_sgd, ae_optimizer, ae_optimizer_create_sgd(&made, NULL))
CALLS(set_learning_rate, ae_optimizer_set_learning_rate(w->optimizer, 0.01f))
CALLS(set_schedule, ae_optimizer_set_schedule(w->optimizer, NULL))

/* The optimizer goes to the trainer, so that each try has its own. */
static ae_status create_trainer(world *w)
{
    ae_optimizer *adam = NULL;
    ae_trainer *trainer = NULL;
    ae_status status = ae_optimizer_create_adam(&adam, NULL);
    if (status == AE_OK)
        status = ae_trainer_create(&trainer, w->network, adam, w->holes,
                                   AE_TRAINER_OPTIONS(.batch = 4, .threads = 3, .clip_norm = 1,
                                                      .validation = w->validation,
                                                      .restore_best = AE_TOGGLE_ON,
                                                      .input_noise = 0.1f, .dropout = 0.1f,
                                                      .checkpoint_path = "never-written"));
    ae_trainer_free(trainer), ae_optimizer_free(adam);
    return status;
}

/* Without an optimizer, and with texts to copy. */
static ae_status create_gradients(world *w)
{
    ae_trainer *trainer = NULL;
    const ae_status status = ae_trainer_create(
        &trainer, w->network, NULL, w->training,
        AE_TRAINER_OPTIONS(.batch = 4, .threads = 2, .train_tag = "a", .validation_tag = "b"));
    ae_trainer_free(trainer);
    return status;
}

/* Every array and text that a trainer copies. */
static ae_status create_regularised(world *w)
{
    static const float features[FEATURES] = {1, 0, 2, 1, 1, 1}, dropouts[] = {0.1f, 0, 0.2f, 0};
    float rows[TABLE_ROWS] = {1, 2}, validation_rows[5] = {3};
    ae_trainer *trainer = NULL;
    const ae_status status = ae_trainer_create(
        &trainer, w->network, NULL, w->training,
        AE_TRAINER_OPTIONS(.batch = 4, .threads = 2, .dropouts = dropouts, .dropout_count = 4,
                           .feature_weights = features, .feature_weight_count = FEATURES,
                           .row_weights = rows, .row_weight_count = TABLE_ROWS,
                           .validation = w->validation, .validation_row_weights = validation_rows,
                           .validation_row_weight_count = 5, .code_l1 = 0.1f, .penalty_tag = "p",
                           .rate_tag = "r"));
    ae_trainer_free(trainer);
    return status;
}

/* A network of its own, which gets fill values only with the trainer. */
static ae_status create_with_holes(world *w)
{
    (void)w;
    static const float values[] = {0.5f, NAN, 0.25f, 1, 0, NAN, 1, 0.5f};
    ae_network *network = NULL;
    ae_dataset *dataset = NULL;
    ae_trainer *trainer = NULL;
    ae_status status = ae_network_create(
        &network, AE_NETWORK_OPTIONS(.widths = (const size_t[]){2, 1, 2}, .width_count = 3,
                                     .tied_weights = AE_TOGGLE_ON));
    if (status == AE_OK)
        status = ae_dataset_create_f32(&dataset, values, 4, 2,
                                       AE_DATASET_OPTIONS(.missing = AE_MISSING_KEEP));
    if (status == AE_OK)
        status = ae_trainer_create(&trainer, network, NULL, dataset, NULL);
    ck_assert_int_eq(ae_network_has_fill(network), status == AE_OK);
    ae_trainer_free(trainer);
    ae_dataset_free(dataset);
    ae_network_free(network);
    return status;
}

CALLS(run_step, ae_trainer_run_step(w->trainer, NULL))
CALLS(run_epoch, ae_trainer_run_epoch(w->trainer, NULL))
CALLS(run, ae_trainer_run(w->trainer))
CALLS(resume, ae_trainer_resume(w->trainer, support_path("checkpoint.safetensors")))
CALLS(resume_memory, ae_trainer_resume_memory(w->trainer, w->checkpoint.data, w->checkpoint.size))
CALLS(save_checkpoint,
      ae_trainer_save_checkpoint(w->trainer, support_path("checkpoint.safetensors")))
CALLS(write_checkpoint, ae_trainer_write_checkpoint(w->trainer))
CALLS(save_history,
      ae_trainer_save_history(w->trainer, support_path("history.csv"), AE_HISTORY_CSV))
CALLS(restore_best, ae_trainer_restore_best(w->trainer))
CALLS(get_best, ae_trainer_get_best(w->trainer, &(ae_epoch_info){.size = sizeof(ae_epoch_info)}))
CALLS(get_epoch,
      ae_trainer_get_epoch(w->trainer, 0, &(ae_epoch_info){.size = sizeof(ae_epoch_info)}))
CALLS(get_gradient,
      ae_trainer_get_gradient(w->trainer, "decoder.1.bn.bias", (float[FEATURES]){0}, FEATURES))

static ae_status save_checkpoint_memory(world *w)
{
    static unsigned char buffer[1 << 16];
    size_t size = 0;
    return ae_trainer_save_checkpoint_memory(w->trainer, buffer, sizeof buffer, &size);
}

/* --- event files ------------------------------------------------------------------------------ */

static ae_status create_events(world *w)
{
    ae_event_writer *writer = NULL;
    const ae_status status = ae_event_writer_create(&writer, support_dir(), NULL);
    ae_event_writer_free(writer);
    return or_none(w, status);
}

CALLS(add_scalar, or_none(w, ae_event_writer_add_scalar(w->events, "cost", 1, 0.5)))
CALLS(add_image, or_none(w, ae_event_writer_add_image(w->events, "rows", 1, 2, 1, 1,
                                                      (const uint8_t[]){0, 255})))
CALLS(flush, or_none(w, ae_event_writer_flush(w->events)))
CALLS(resume_events, or_none(w, ae_event_writer_resume(w->events, 3)))

/* --- several ranks ---------------------------------------------------------------------------- */

static ae_status create_transports(world *w)
{
    ae_transport *ranks[2] = {NULL, NULL};
    (void)w;
    const ae_status status = ae_transport_create_threads(ranks, 2);
    if (status == AE_OK)
        ae_transport_free_threads(ranks, 2);
    return status;
}

static ae_status agree_kernels(world *w)
{
    ae_transport *alone[1] = {NULL};
    char name[32];
    (void)w;
    ae_status status = ae_transport_create_threads(alone, 1);
    if (status != AE_OK)
        return status;
    status = ae_transport_agree_kernels(alone[0], 0, name, sizeof name);
    ae_transport_free_threads(alone, 1);
    return status;
}

#endif
