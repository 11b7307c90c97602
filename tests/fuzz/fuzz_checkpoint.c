/* SPDX-License-Identifier: BSD-3-Clause */
/* A checkpoint, taken up by a trainer of one fixed kind: what it refuses changes nothing. */
#include "fuzz.h"

enum { FEATURES = 3, ROWS = 4 };

static ae_trainer *trainer;
static uint8_t *before, *after;
static size_t room;

static void start(void)
{
    static const size_t widths[] = {FEATURES, 2, FEATURES};
    static const float rows[ROWS * FEATURES] = {0.1f, 0.9f, 0.2f, 0.8f, 0.3f, 0.7f,
                                                0.4f, 0.6f, 0.5f, 0.2f, 0.1f, 0.9f};
    static ae_dataset *dataset;
    static ae_network *network;
    static ae_optimizer *optimizer;
    FUZZ_REQUIRE(ae_dataset_create_f32(&dataset, rows, ROWS, FEATURES, NULL) == AE_OK);
    FUZZ_REQUIRE(ae_network_create(&network, AE_NETWORK_OPTIONS(.widths = widths, .width_count = 3,
                                                                .seed = 1)) == AE_OK);
    FUZZ_REQUIRE(ae_optimizer_create_adam(&optimizer, NULL) == AE_OK);
    FUZZ_REQUIRE(ae_trainer_create(&trainer, network, optimizer, dataset,
                                   AE_TRAINER_OPTIONS(.batch = 2, .epochs = 3, .threads = 1)) ==
                 AE_OK);
    for (int i = 0; i < 3; i++)
        FUZZ_REQUIRE(ae_trainer_run_step(trainer, NULL) == AE_OK);
}

/* The trainer's state as bytes. */
static size_t save(uint8_t **to)
{
    size_t size = 0;
    FUZZ_REQUIRE(ae_trainer_save_checkpoint_memory(trainer, NULL, 0, &size) == AE_OK);
    if (size > room) {
        room = 2 * size;
        before = realloc(before, room);
        after = realloc(after, room);
        FUZZ_REQUIRE(before != NULL && after != NULL);
    }
    FUZZ_REQUIRE(ae_trainer_save_checkpoint_memory(trainer, *to, room, &size) == AE_OK);
    return size;
}

/* Saving takes longer than refusing: one size of eight is looked at for what is left behind. */
static void check_unchanged(size_t was, size_t size)
{
    if (size % 8 == 0)
        FUZZ_REQUIRE(save(&after) == was && memcmp(before, after, was) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static size_t was;
    if (trainer == NULL) {
        start();
        was = save(&before);
    }
    const fuzz_bytes bytes = {data, size};
    uint8_t *file = fuzz_rest(&bytes);
    const ae_status status = ae_trainer_resume_memory(trainer, file, size);
    free(file);
    fuzz_answer(status, status == AE_OK ? trainer : NULL);
    if (status != AE_OK) {
        check_unchanged(was, size);
        return 0;
    }
    /* What was taken up can be saved and taken up again; then back to the beginning. */
    const size_t is = save(&after);
    FUZZ_REQUIRE(ae_trainer_resume_memory(trainer, after, is) == AE_OK);
    FUZZ_REQUIRE(ae_trainer_resume_memory(trainer, before, was) == AE_OK);
    return 0;
}
